"""The history: who did what to a profile, a page at a time, for so many days."""

from datetime import timedelta
from pathlib import Path

from bot.demo.platform import searchable
from bot.demo.run import Demo, running_demo
from tests.scenario.people import ADA, GRACE, history, run_test, set_up
from tests.store import Store


async def test_the_history_is_shown_newest_first_and_older_pages_on_demand(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
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
    async with running_demo(tmp_path, history_days=30) as demo:
        await set_up(demo, ADA, extra=None)
        await demo.workspace.command(ADA, "/email-extra", "add FROM_NAME Ada")
        await run_test(demo, ADA)
        for number, age in ((1, timedelta(days=30, minutes=1)), (2, timedelta(days=29, hours=23))):
            await store.edit(f"UPDATE audit_entries SET at = {store.earlier('at', age)} WHERE id = {number}")
        await demo.bot.housekeeping.retention.purge()
        assert await history(demo) == [(ADA, "tested"), (ADA, "extra configurations changed")]
