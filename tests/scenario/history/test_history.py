"""The history: who did what to a profile, a page at a time, for so many days."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.platform import searchable
from bot.demo.run import Office, open_office
from tests.databases import KINDS
from tests.scenario.people import ADA, GRACE, history, run_test, set_up
from tests.store import Store

pytestmark = pytest.mark.databases(*KINDS)


async def test_the_history_is_shown_newest_first_and_older_pages_on_demand(http_office: Office) -> None:
    workspace = http_office.workspace
    await set_up(http_office, ADA)
    for number in range(15):
        await workspace.command(ADA, "/email-extra", f"add FROM_NAME Ada {number}")
    await workspace.command(GRACE, "/email-profile", "history @ada")
    shown = workspace.messages(GRACE)[-1]
    assert searchable(shown).count("extra configurations changed") == 15
    assert "saved" not in searchable(shown)
    await workspace.press(GRACE, "Older", message=shown)
    older = searchable(workspace.messages(GRACE)[-1])
    assert older.index("extra configurations changed") < older.index("saved")
    assert "Older" not in older


async def test_the_history_is_kept_for_so_many_days_and_no_longer(tmp_path: Path, store: Store) -> None:
    async with open_office(tmp_path, history_days=30) as office:
        await set_up(office, ADA, extra=None)
        await office.workspace.command(ADA, "/email-extra", "add TLS Y")
        await run_test(office, ADA)
        for number, age in ((1, timedelta(days=30, minutes=1)), (2, timedelta(days=29, hours=23))):
            await store.edit(f"UPDATE audit_entries SET at = {store.earlier('at', age)} WHERE id = {number}")
        await office.bot.housekeeping.retention.purge()
        assert await history(office) == [(ADA, "tested"), (ADA, "extra configurations changed")]
