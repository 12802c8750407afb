"""The life cycle: what is kept, for how long, and what is really gone, for people and workspaces."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import PEOPLE, TEAM
from bot.demo.stand_in.platform import Message, searchable
from bot.profiles.account.private_links import LinkAddress, LinkGoneError
from bot.profiles.account.records import load, save_profile
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.profiles.people.members import sync_page
from bot.profiles.people.retention import Retention
from bot.web.password_page import PasswordPage
from storage.crypto.keyring import generate_key
from storage.maintenance.verify import verify
from storage.tables.profiles import StoredProfile
from storage.tables.running_tests import StoredRunningTest
from tests.databases import KINDS
from tests.scenario.crowd import listed
from tests.scenario.people import ADA, GRACE, PEOPLE_READ, from_save_to_entry, history, profile_of, run_test, set_up
from tests.scenario.started_before import StartedBefore
from tests.store import Store

pytestmark = pytest.mark.databases(*KINDS)

DAY = timedelta(days=1)
A_MOMENT = timedelta(minutes=1)


@pytest.fixture
async def demo(started: StartedBefore, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo, when its people have been read."""
    async with running_demo(tmp_path, encryption_keys=started.key) as opened:
        yield opened


async def purge_after(demo: Demo, passed: timedelta) -> None:
    """Purge as if so much time had passed."""

    async def later() -> datetime:
        return datetime.now(UTC) + passed

    await Retention(database=demo.bot.database, history=3650 * DAY, clock=later, on_change=lambda _: None).purge()


async def passed(store: Store, time: timedelta) -> None:
    """Let so much more time have passed since anybody was deactivated."""
    await store.edit(f"UPDATE people SET deactivated_at = {store.earlier('deactivated_at', time)}")


async def change(demo: Demo, user: str = ADA, **into: Any) -> None:
    await demo.workspace.change_person(replace(demo.workspace.people[user], **into))


async def read_everybody(demo: Demo) -> None:
    await demo.bot.housekeeping.user_sync.read_everybody(TEAM)


async def record(demo: Demo, user: str = ADA, workspace: str = TEAM) -> StoredProfile | None:
    async with demo.bot.database.reading() as tx:
        return await tx.profiles.get(workspace, user)


async def link_of(demo: Demo, card: Message) -> tuple[PasswordPage, str]:
    await demo.workspace.press(ADA, "Set the password privately", message=card)
    told = await demo.workspace.wait_message(ADA, "Open the private page to set your password.")
    url = await demo.workspace.press_url(ADA, "Open the private page", message=told)
    assert demo.bot.page is not None
    return demo.bot.page, url.rpartition("/")[2]


async def traces(store: Store) -> set[bytes]:
    """What stands in Ada's rows alone: ids, hash, and how the sealed bytes of profile, test and link begin."""
    found = await store.ask(f"SELECT record_id, sealed FROM email_profiles WHERE user_id = '{ADA}'")
    found += await store.ask(f"SELECT record_id, sealed FROM connection_tests WHERE user_id = '{ADA}'")
    found += await store.ask(f"SELECT token_hash, sealed FROM password_links WHERE user_id = '{ADA}'")
    traces = {part.encode() if isinstance(part, str) else part[:80] for row in found for part in row}
    assert await kept(store, traces) == traces
    return traces


async def kept(store: Store, traces: set[bytes]) -> set[bytes]:
    """Which of them the database holds."""
    everything = b"".join((await store.everything()).values())
    return {trace for trace in traces if trace in everything}


async def broken_histories(demo: Demo) -> list[str]:
    """Return the histories that `db verify` names."""
    return [str(broken) for broken in (await verify(demo.bot.database, lambda *_: None)).histories.broken]


async def test_a_deactivated_person_keeps_all_for_seven_days_and_then_all_but_the_secrets(
    demo: Demo, store: Store
) -> None:
    card = await set_up(demo, ADA)
    await link_of(demo, card)
    assert searchable(await run_test(demo, ADA)).startswith("Connection test passed")
    before, left = await profile_of(demo), await traces(store)
    await change(demo, is_deactivated=True)
    assert "*Deactivated since <!date^" in searchable(await listed(demo))
    await passed(store, 7 * DAY - A_MOMENT)
    await demo.bot.housekeeping.retention.purge()
    assert await profile_of(demo) == before
    async with demo.bot.database.reading() as tx:
        assert await tx.tests.last(TEAM, ADA)
    await passed(store, 2 * A_MOMENT)
    await demo.bot.housekeeping.retention.purge()
    bare = replace(before, password=None, password_host="", password_set_at=None)
    assert await profile_of(demo) == bare
    assert (await history(demo))[0] == ("bot", "password purged")
    for table in ("connection_tests", "password_links"):
        assert await store.ask(f"SELECT * FROM {table}") == []
    # The record's own id stays, with the rest of the profile.
    stored = await record(demo)
    assert stored
    assert await kept(store, left) == {stored.record_id.encode()}
    assert "Deactivated since" in searchable(await listed(demo))
    await change(demo, is_deactivated=False)
    assert "Password missing" in searchable(await listed(demo))


async def test_a_purged_password_that_is_put_back_is_missed_in_the_history(
    demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(demo, ADA)
    before, saved = (await store.contents())["email_profiles"], await from_save_to_entry(demo)
    await change(demo, is_deactivated=True)
    await purge_after(demo, 7 * DAY)
    monkeypatch.setattr("storage.maintenance.history._LONGEST_SAVE", max(saved, await from_save_to_entry(demo)))
    assert await broken_histories(demo) == []
    await store.put_back({"email_profiles": before})
    (broken,) = await broken_histories(demo)
    assert "the profile is older than its history" in broken


async def test_the_profile_is_as_new_as_the_entry_also_where_a_test_alone_was_purged(demo: Demo) -> None:
    await set_up(demo, ADA)
    await run_test(demo, ADA)
    async with demo.bot.database.writing() as tx:
        loaded = await load(tx, Person(TEAM, ADA))
        bare = (await save_profile(tx, loaded, replace(loaded.profile.without_password(), before=None))).revision
    await change(demo, is_deactivated=True)
    for _ in range(2):
        await purge_after(demo, 7 * DAY)
        assert [action for _, action in await history(demo)].count("password purged") == 1
        stored = await record(demo)
        assert stored
        assert stored.revision == bare + 1


async def test_who_is_reactivated_in_time_keeps_everything(demo: Demo, store: Store) -> None:
    await set_up(demo, ADA)
    await run_test(demo, ADA)
    before = await profile_of(demo)
    await change(demo, is_deactivated=True)
    await passed(store, 6 * DAY)
    await change(demo, is_deactivated=False)
    await purge_after(demo, 30 * DAY)
    assert await profile_of(demo) == before
    assert "Works" in searchable(await listed(demo))
    # A second leave begins to count anew.
    await change(demo, is_deactivated=True)
    await purge_after(demo, 7 * DAY - A_MOMENT)
    assert await profile_of(demo) == before


async def test_who_is_deactivated_or_back_without_an_event_is_found_by_the_daily_reading(
    demo: Demo, store: Store
) -> None:
    await set_up(demo, ADA)
    people = demo.workspace.people
    people[ADA] = replace(people[ADA], is_deactivated=True)
    await read_everybody(demo)
    assert "1 deactivated" in searchable(await listed(demo))
    people[ADA] = replace(people[ADA], is_deactivated=False)
    await read_everybody(demo)
    assert " deactivated" not in searchable(await listed(demo)).split("\n")[0]
    await purge_after(demo, 8 * DAY)
    assert (await profile_of(demo)).password
    people[ADA] = replace(people[ADA], is_deactivated=True)
    await read_everybody(demo)
    await passed(store, 6 * DAY)
    # Being read again does not begin the seven days again.
    await read_everybody(demo)
    await purge_after(demo, DAY + A_MOMENT)
    assert (await profile_of(demo)).password is None


async def test_a_password_kept_for_undoing_is_purged_too(demo: Demo) -> None:
    await set_up(demo, ADA)
    before = await profile_of(demo)
    # As an admin leaves it who lets a certificate be trusted: the password is dropped, and kept for undoing.
    fixed = replace(before, password=None, password_host="", password_set_at=None, before=before)
    async with demo.bot.database.writing() as tx:
        stored = await tx.profiles.get(TEAM, ADA)
        assert stored
        await tx.profiles.save(TEAM, ADA, fixed.to_document(), replacing=stored)
    await change(demo, is_deactivated=True)
    await purge_after(demo, 8 * DAY)
    assert (await profile_of(demo)).before is None


async def test_the_last_test_of_a_deactivated_person_without_a_password_is_purged(demo: Demo, store: Store) -> None:
    await demo.workspace.command(ADA, "/email-profile", "edit")
    await demo.workspace.wait_view(ADA, "Email profile")
    for label, value in (("Email Address", "ada@demo.example"), ("Port", "25"), ("Authentication Required", False)):
        await demo.workspace.fill(ADA, label, value)
    await demo.workspace.fill(ADA, "SMTP Server Address", demo.mail.host)
    assert await demo.workspace.submit(ADA) == {}
    await run_test(demo, ADA)
    await change(demo, is_deactivated=True)
    await purge_after(demo, 8 * DAY)
    assert await store.ask("SELECT * FROM connection_tests") == []


BOT_REMOVED: list[dict[str, Any]] = [
    {"type": "app_uninstalled"},
    {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0BOT"]}},
]


async def rows_of(store: Store, workspace: str) -> dict[str, int]:
    """How many rows each table with a workspace in it holds of one."""
    tables = [name for name, columns in (await store.tables()).items() if "workspace" in columns]
    return {name: len(await store.ask(f"SELECT 1 FROM {name} WHERE workspace = '{workspace}'")) for name in tables}


@pytest.mark.parametrize("event", BOT_REMOVED)
async def test_thirty_days_after_the_bot_was_removed_nothing_of_the_workspace_is_left(
    demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch, event: dict[str, Any]
) -> None:
    # A Home tab that is published while the purge runs would be noted once more.
    monkeypatch.setattr("bot.slack.background.home_tabs.SETTLE_SECONDS", 60.0)
    card = await set_up(demo, ADA)
    await run_test(demo, ADA)
    await link_of(demo, card)
    await demo.workspace.open_home(ADA)
    document = (await profile_of(demo)).to_document()
    async with demo.bot.database.writing() as tx:
        run = await tx.runs.add(workspace=TEAM, actor=GRACE, channel="D0GRACE", message_ts="1.0", total=1)
        assert run is not None
        await tx.runs.save_result(TEAM, run.run_id, b"{}")
        running = StoredRunningTest(test_id="a-test", workspace=TEAM, actor=GRACE, subject=ADA)
        await tx.running_tests.add(running, seconds=10**8)
        await tx.form_tests.keep(TEAM, ADA, tester=ADA, document=b"{}", seconds=10**8)
        await tx.confirmations.put(TEAM, ADA, b"{}", seconds=None)
        await tx.program_tokens.add(TEAM, ADA, token_id="aB345678", digest="0", ends_at=None, document=b"{}")
        await tx.idempotent_sends.begin(TEAM, ADA, token_id="aB345678", key="one", body_digest="0")
        await tx.profiles.save("T0OTHER", "U0THERE", document, replacing=None)
        await tx.installations.save(TEAM, b"{}", expected_revision=0)
        await tx.readings.begin(TEAM)
        await tx.outbox.add(TEAM, ADA, kind="changed", document=b"{}")
    await demo.workspace.event(event)
    full = await rows_of(store, TEAM)
    # Nobody can be told anything there any more.
    assert full.pop("outbox") == 0
    assert all(full.values()), full
    full["outbox"] = 0
    traces_of_ada = await traces(store)
    await purge_after(demo, 30 * DAY - A_MOMENT)
    assert await rows_of(store, TEAM) == full
    await purge_after(demo, 30 * DAY + A_MOMENT)
    assert await rows_of(store, TEAM) == dict.fromkeys(full, 0)
    assert await rows_of(store, "T0OTHER") == {**dict.fromkeys(full, 0), "email_profiles": 1}
    told = {text.encode() for text in (ADA, GRACE, "ada@demo.example", "analytical engine", TEAM)}
    assert await kept(store, traces_of_ada | told) == set()
    assert await kept(store, {b"T0OTHER"})


@pytest.mark.parametrize("event", BOT_REMOVED)
async def test_a_bot_that_returns_within_thirty_days_finds_everything(
    tmp_path: Path, store: Store, event: dict[str, Any]
) -> None:
    keys = generate_key()
    async with running_demo(tmp_path, encryption_keys=keys) as demo:
        await set_up(demo, ADA)
        before = await profile_of(demo)
        await demo.workspace.event(event)
        # A slow machine acknowledges before it has stored this.
        await store.until("SELECT 1 FROM workspaces WHERE left_at IS NOT NULL")
    async with running_demo(tmp_path, encryption_keys=keys) as demo:
        await store.until("SELECT 1 FROM workspaces WHERE left_at IS NULL")
        await purge_after(demo, 400 * DAY)
        assert await profile_of(demo) == before
        assert "Not tested yet" in searchable(await listed(demo))


async def test_a_persons_own_token_that_is_revoked_removes_no_bot(
    demo: Demo, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up(demo, ADA)
    before = await profile_of(demo)
    for tokens in ({"oauth": [ADA]}, {"oauth": [ADA], "bot": []}, {}):
        await demo.workspace.event({"type": "tokens_revoked", "tokens": tokens})
    assert await store.ask("SELECT 1 FROM workspaces WHERE left_at IS NOT NULL") == []
    assert "no longer works" not in caplog.text
    await purge_after(demo, 400 * DAY)
    assert await profile_of(demo) == before


async def test_delete_leaves_the_outline_of_the_history_and_no_byte(demo: Demo, store: Store) -> None:
    workspace = demo.workspace
    page, token = await link_of(demo, await set_up(demo, ADA))
    await run_test(demo, ADA)
    await workspace.command(ADA, "/email-extra", "add FROM_NAME Augusta")
    left = await traces(store)
    assert len(left) == 5
    before = await history(demo)
    await workspace.command(ADA, "/email-profile", "delete")
    await workspace.press(ADA, "Delete …", message=workspace.messages(ADA)[-1])
    await workspace.wait_message(ADA, "Your email profile is deleted.")
    told = {text.encode() for text in ("ada@demo.example", "analytical engine 1843", "Augusta", "passed")}
    assert await kept(store, left | told) == set()
    assert await record(demo) is None
    assert await history(demo) == [(ADA, "deleted"), *before]
    with pytest.raises(LinkGoneError):
        await page.links.find_link(LinkAddress(user=ADA, token=token, network="192.0.2.1"))
    workspace.all_messages.clear()
    await workspace.command(ADA, "/email-test", "transcript")
    await workspace.wait_message(ADA, "There is no transcript yet.")
    assert "<@U0ADA>" in searchable(await listed(demo, search="ada"))
    assert "Nobody is found" in searchable(await listed(demo, search="demo"))


async def test_an_owner_is_told_when_an_admin_deletes_their_profile(demo: Demo) -> None:
    workspace = demo.workspace
    await set_up(demo, ADA)
    await workspace.command(GRACE, "/email-profile", "delete @ada")
    await workspace.press(GRACE, "Delete …", message=workspace.messages(GRACE)[-1])
    told = await workspace.wait_message(ADA, "deleted")
    assert (told.channel, told.reader, f"<@{GRACE}>" in searchable(told)) == ("D0ADA", None, True)
    assert (await history(demo))[0] == (GRACE, "deleted")


@pytest.mark.parametrize("people_a_page", [1, 200])
async def test_the_list_knows_the_people_from_the_start_and_nobody_else(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, people_a_page: int
) -> None:
    monkeypatch.setattr("bot.slack.background.user_sync.USERS_PER_PAGE", people_a_page)
    async with running_demo(tmp_path) as demo:
        await store.until(PEOPLE_READ)
        told = searchable(await listed(demo))
        assert "2 people · 2 not set up" in told
        assert {person.id for person in PEOPLE if f"<@{person.id}>" in told} == {ADA, GRACE}
        assert demo.workspace.calls("users.list") == (len(PEOPLE) if people_a_page == 1 else 1)


@pytest.mark.parametrize("by_event", [True, False])
async def test_a_renamed_person_is_found_by_the_new_name_alone(demo: Demo, by_event: bool) -> None:
    await set_up(demo, ADA)
    renamed = replace(demo.workspace.people[ADA], name="Augusta Byron", handle="augusta")
    if by_event:
        await demo.workspace.change_person(renamed)
    else:
        demo.workspace.people[ADA] = renamed
        await read_everybody(demo)
    for search in ("augusta", "byr", "BYRON aug", "ada@demo"):
        assert f"<@{ADA}>" in searchable(await listed(demo, search=search))
    for search in ("lovelace", "ada lov"):
        assert "Nobody is found" in searchable(await listed(demo, search=search))


@pytest.mark.parametrize(
    ("event", "shows"),
    [
        ({"name": "Augusta Byron"}, f"<@{ADA}>"),
        ({"is_guest": True}, "1 person ·"),
        ({"is_deactivated": True}, "1 deactivated"),
    ],
)
async def test_what_slack_tells_of_somebody_while_everybody_is_read_is_not_undone(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, event: dict[str, Any], shows: str
) -> None:
    await set_up(demo, ADA)

    async def told_before(*given: Any, **more: Any) -> None:
        await change(demo, **event)
        await sync_page(*given, **more)

    monkeypatch.setattr("bot.slack.background.user_sync.sync_page", told_before)
    await read_everybody(demo)
    assert shows in searchable(await listed(demo, search="augusta" if "name" in event else None))


@pytest.mark.parametrize("lost", [{"is_guest": True}, {"is_stranger": True}, {"is_bot": True}])
async def test_who_becomes_a_guest_disappears_and_comes_back_as_a_member(demo: Demo, lost: dict[str, Any]) -> None:
    await set_up(demo, ADA)
    await change(demo, **lost)
    assert "1 person ·" in searchable(await listed(demo))
    assert "Nobody is found" in searchable(await listed(demo, search="ada"))
    await read_everybody(demo)
    assert f"<@{ADA}>" not in searchable(await listed(demo))
    back: dict[str, Any] = dict.fromkeys(lost, False)
    await change(demo, **back)
    assert f"<@{ADA}>" in searchable(await listed(demo, search="ada"))


@pytest.mark.parametrize("lost", [{"is_deactivated": True}, {"is_guest": True}])
async def test_a_private_link_of_somebody_who_can_have_no_profile_any_more_is_refused(
    demo: Demo, lost: dict[str, Any]
) -> None:
    page, token = await link_of(demo, await set_up(demo, ADA))
    before = await profile_of(demo)
    await change(demo, **lost)
    with pytest.raises(UserError):
        await page.links.set_password(LinkAddress(user=ADA, token=token, network="192.0.2.1"), SecretStr("late"))
    assert await profile_of(demo) == before


@pytest.mark.parametrize("was_guest", [True, False])
async def test_a_password_is_purged_although_its_owner_was_in_no_list_when_they_left(
    demo: Demo, store: Store, was_guest: bool
) -> None:
    await set_up(demo, ADA)
    if was_guest:
        await change(demo, is_guest=True)
    else:
        # As a database that is older than the list.
        await store.edit(f"DELETE FROM people WHERE user_id = '{ADA}'")
    await change(demo, is_deactivated=True)
    await read_everybody(demo)
    await purge_after(demo, 8 * DAY)
    assert (await profile_of(demo)).password is None
