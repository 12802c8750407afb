"""The history: who did what to a profile, a page at a time, for so many days."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from storage.maintenance.verify import verify
from tests.scenario.people import ADA, GRACE, history, open_form, run_test, set_up
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


async def test_the_history_says_from_what_to_what_to_the_owner_and_to_admins_and_never_a_password(
    http_demo: Demo, store: Store
) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, port="465", password="first secret 1")
    await open_form(http_demo, GRACE, "edit @ada")
    await workspace.fill(GRACE, "Port", "587")
    await workspace.fill(GRACE, "Password", "second secret 2")
    assert await workspace.submit(GRACE) == {}
    await workspace.command(ADA, "/email-extra", "add FROM_NAME <!channel> `Ada`")
    for reader, text in ((ADA, "history"), (GRACE, "history @ada")):
        await workspace.command(reader, "/email-profile", text)
        shown = searchable(workspace.messages(reader)[-1])
        assert f"<@{GRACE}>  saved: `Password changed` · `Port 465 → 587`" in shown
        assert "`SMTP Server Address empty → mail.demo.example`" in shown
        assert "`TLS not set → Y`" in shown
        assert "`FROM_NAME not set → &lt;!channel&gt; 'Ada'`" in shown
        assert "secret" not in shown
    # What changed is sealed.
    stored = await store.contents()
    rows = [str(row) for name in ("audit_entries", "audit_details", "audit_chains") for row in stored[name]]
    assert not any(word in row for row in rows for word in ("Port 465", "→", "mail.demo.example", "Ada`"))


async def test_entries_that_an_older_version_wrote_are_shown_by_their_fields(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    await store.edit("DELETE FROM audit_details")
    await http_demo.workspace.command(ADA, "/email-profile", "history")
    shown = searchable(http_demo.workspace.messages(ADA)[-1])
    assert "saved: Email Address, User/Login, Password" in shown
    assert "→" not in shown


async def test_what_changed_ends_with_its_entry(http_demo: Demo, store: Store) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    assert len(await store.ask("SELECT * FROM audit_details")) == 2
    await store.edit(f"UPDATE audit_entries SET at = {store.earlier('at', timedelta(days=400))} WHERE id = 1")
    await http_demo.bot.housekeeping.retention.purge()
    assert len(await store.ask("SELECT * FROM audit_details")) == 1
    await workspace.command(ADA, "/email-profile", "delete")
    await workspace.press(ADA, "Delete …", message=workspace.messages(ADA)[-1])
    assert await store.ask("SELECT * FROM audit_details") == []


async def test_the_history_is_kept_for_so_many_days_and_no_longer(tmp_path: Path, store: Store) -> None:
    async with running_demo(tmp_path, history_days=30) as demo:
        await set_up(demo, ADA, extra=None)
        await demo.workspace.command(ADA, "/email-extra", "add FROM_NAME Ada")
        await run_test(demo, ADA)
        for number, age in ((1, timedelta(days=30, minutes=1)), (2, timedelta(days=29, hours=23))):
            await store.edit(f"UPDATE audit_entries SET at = {store.earlier('at', age)} WHERE id = {number}")
        await demo.bot.housekeeping.retention.purge()
        assert await history(demo) == [(ADA, "tested"), (ADA, "extra configurations changed")]


async def test_a_value_that_nobody_can_read_keeps_no_history_from_being_purged(http_demo: Demo, store: Store) -> None:
    if not store.url.startswith("sqlite:"):
        pytest.skip("PostgreSQL takes values of one kind in a column")
    for user in (ADA, GRACE):
        await set_up(http_demo, user)
    await store.edit(
        f"UPDATE audit_entries SET at = {store.earlier('at', timedelta(days=400))}",
        f"UPDATE audit_entries SET actor = x'ff' WHERE subject = '{ADA}'",
    )
    await http_demo.bot.housekeeping.retention.purge()
    assert await store.ask("SELECT 1 FROM audit_entries") == []
    found = await verify(http_demo.bot.database, lambda *_: None)
    assert ADA in [one.subject for one in found.histories.broken]
