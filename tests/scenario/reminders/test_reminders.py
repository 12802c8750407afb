"""Remind: one person, or all whom the list shows, at most once in three days, and who asks is told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import Message, searchable
from bot.profiles.account.records import ProfileState
from bot.profiles.errors import UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.notices import Content
from bot.profiles.people.reminders import LeftOut, ReminderCounts, Reminders
from bot.profiles.people.retention import outbox_lease
from bot.slack.background.outbox import Outbox
from bot.slack.replies import reply
from bot.slack.views import message as views
from bot.slack.views import notices
from bot.slack.views.password_entry import PasswordEntry
from tests.scenario.crowd import CROWD, crowded_demo, listed
from tests.scenario.people import ADA, GRACE, history, notices_sent, run_test, set_up, settled
from tests.scenario.started_before import StartedBefore
from tests.store import Store

BARBARA = CROWD[1].id
"""One of those who are set up, but never tested."""
LATE = CROWD[35].id
"""One of those who are not set up."""


@pytest.fixture
async def demo(crowded: StartedBefore, tmp_path: Path) -> AsyncIterator[Demo]:
    async with crowded_demo(tmp_path, crowded) as opened:
        opened.bot.outbox.pace = 0.0
        yield opened


async def remind(demo: Demo, user: str, search: str) -> str:
    """Choose “Remind” in somebody's row; return what the admin is told."""
    workspace = demo.workspace
    shown = await listed(demo)
    await workspace.enter_in(GRACE, "Search", search, message=shown)
    await workspace.choose(GRACE, user, "Remind", message=shown)
    await settled(demo)
    return searchable(workspace.messages(GRACE)[-1])


async def asked(demo: Demo, search: str = "") -> Message:
    """Press the list's “Remind”, with a search or for everybody, and wait for the question."""
    shown = await listed(demo)
    if search:
        await demo.workspace.enter_in(GRACE, "Search", search, message=shown)
    await demo.workspace.press(GRACE, "Remind", message=shown)
    await settled(demo)
    return demo.workspace.messages(GRACE)[-1]


async def hold(demo: Demo) -> None:
    """Let every message wait, as when Slack has asked for a pause."""
    demo.bot.outbox.sleep = lambda _: asyncio.sleep(0.02)
    async with demo.bot.database.writing() as tx:
        assert await tx.leases.take(outbox_lease(TEAM), seconds=600)


async def release(demo: Demo) -> None:
    """Let what `hold` stopped be sent, and wait for it."""
    async with demo.bot.database.writing() as tx:
        await tx.leases.end_in(outbox_lease(TEAM), seconds=-1)
    demo.bot.outbox.wake(Person(TEAM, GRACE))
    await notices_sent(demo)


def reminders(demo: Demo, user: str) -> list[Message]:
    return [message for message in demo.workspace.messages(user) if " asks you to " in searchable(message)]


async def test_that_people_are_counted_is_said_only_where_that_takes_long(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def count_long(self: Reminders, **what: Any) -> ReminderCounts:
        await demo.workspace.wait_message(GRACE, "Counting who needs a reminder")
        return await count(self, **what)

    count = Reminders.count
    monkeypatch.setattr(reply, "BEGINNING_AFTER_SECONDS", 60.0)
    assert "Remind 10 people?" in searchable(await asked(demo, "crowd 03"))
    assert not any("Counting" in message.text for message in demo.workspace.messages(GRACE))
    monkeypatch.setattr(reply, "BEGINNING_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(Reminders, "count", count_long)
    assert "Remind 10 people?" in searchable(await asked(demo, "crowd 03"))
    assert sum("Counting" in message.text for message in demo.workspace.messages(GRACE)) == 1


async def test_one_person_is_reminded_by_direct_message_and_told_who_asks(demo: Demo) -> None:
    told = await remind(demo, LATE, "crowd 035")
    assert "gets a message from the bot" in told
    message = await demo.workspace.wait_message(LATE, "asks you to set it up")
    assert message.channel == f"D{LATE[1:]}"
    assert f"<@{GRACE}> asks you" in searchable(message)
    assert message.text.startswith("You have no email profile yet. An admin asks you to set it up")
    await demo.workspace.press(LATE, "Set up", message=message)
    await demo.workspace.wait_view(LATE, "Email profile")
    assert (await history(demo, LATE))[0] == (GRACE, "reminded")


async def test_the_button_is_the_right_one_for_the_state(tmp_path: Path, store: Store) -> None:
    async with running_demo(tmp_path, public_url=None) as demo:
        demo.bot.outbox.pace = 0.0
        await set_up(demo, ADA, password="wrong")
        for state, words, buttons in (
            (ProfileState.NOT_TESTED, "is not tested yet", ["Test connection"]),
            (ProfileState.FAILS, "fails at Sign-in", ["Open the form", "Test again"]),
            (ProfileState.PASSWORD_MISSING, "is missing", ["Type the password"]),
        ):
            if state is ProfileState.FAILS:
                await run_test(demo, ADA)
            if state is ProfileState.PASSWORD_MISSING:
                await demo.workspace.command(GRACE, "/email-profile", "edit @ada")
                await demo.workspace.wait_view(GRACE, "Email profile")
                await demo.workspace.fill(GRACE, "SMTP Server Address", "smtp.demo.example")
                assert await demo.workspace.submit(GRACE) == {}
                await notices_sent(demo)
            await store.edit("DELETE FROM outbox")
            assert "gets a message" in await remind(demo, ADA, "")
            await notices_sent(demo)
            (message,) = [one for one in demo.workspace.messages(ADA) if f"<@{GRACE}> asks you" in searchable(one)]
            assert words in searchable(message)
            elements = [element for block in message.blocks for element in block.get("elements", [])]
            assert [element["text"]["text"] for element in elements] == buttons


async def test_with_a_private_page_the_password_is_set_there(tmp_path: Path, store: Store) -> None:
    async with running_demo(tmp_path, password_entry="private") as demo:
        await demo.workspace.command(ADA, "/email-profile", "edit")
        await demo.workspace.wait_view(ADA, "Email profile")
        for label, value in (("Email Address", "ada@demo.example"), ("Port", "587"), ("User/Login", "ada")):
            await demo.workspace.fill(ADA, label, value)
        await demo.workspace.fill(ADA, "SMTP Server Address", demo.mail.host)
        assert await demo.workspace.submit(ADA) == {}
        await remind(demo, ADA, "")
        message = await demo.workspace.wait_message(ADA, "The password of your email profile is missing.")
        await demo.workspace.press(ADA, "Set the password privately", message=message)
        await demo.workspace.wait_message(ADA, "Open the private page")


async def test_many_are_asked_for_once_with_their_number_and_then_reminded_and_counted(
    demo: Demo, store: Store, shown_in_place: list[str]
) -> None:
    await run_test(demo, GRACE, f"@{CROWD[0].handle}")
    await remind(demo, LATE, "crowd 035")
    question = await asked(demo)
    assert "Remind 40 people?" in searchable(question)
    assert "2 are left out" in searchable(question)
    assert "1 whose profile works" in searchable(question)
    assert "1 who had a message within three days" in searchable(question)
    assert "A message that is sent cannot be taken back." in searchable(question)
    assert len(await store.ask("SELECT 1 FROM outbox")) == 1
    await demo.workspace.press(GRACE, "Remind 40 people", message=question)
    done = searchable(await demo.workspace.wait_message(GRACE, "Reminded 40 people."))
    assert any("Reminding people: 42 of 42 done, 40 reminded so far." in text for text in shown_in_place)
    assert "2 are left out" in done
    await notices_sent(demo)
    report = searchable(await demo.workspace.wait_message(GRACE, "whom you reminded"))
    assert "The people whom you reminded have been told: 40 of 40." in report
    assert [len(reminders(demo, user)) for user in (BARBARA, LATE, CROWD[0].id)] == [1, 1, 0]
    assert (await history(demo, BARBARA))[0] == (GRACE, "reminded")


async def test_all_in_a_state_are_reminded_and_nobody_else(demo: Demo) -> None:
    workspace = demo.workspace
    shown = await listed(demo)
    await workspace.select(GRACE, "people_state", "State: Not set up (30)", message=shown)
    await workspace.press(GRACE, "Remind", message=shown)
    question = await workspace.wait_message(GRACE, "Remind 30 people?")
    await workspace.press(GRACE, "Remind 30 people", message=question)
    await workspace.wait_message(GRACE, "Reminded 30 people.")
    await notices_sent(demo)
    assert [len(reminders(demo, user)) for user in (LATE, BARBARA)] == [1, 0]


async def test_who_had_any_message_within_three_days_is_left_out(demo: Demo, store: Store) -> None:
    # It asks for nothing.
    await demo.workspace.command(GRACE, "/email-extra", f"add FROM_NAME Barbara @{CROWD[1].handle}")
    await demo.workspace.wait_message(BARBARA, "changed your email profile")
    assert "had a message from the bot within three days" in await remind(demo, BARBARA, "liskov")
    await notices_sent(demo)
    await store.edit("UPDATE outbox SET ended_at = ended_at - 3 * 86400 + 60")
    assert "within three days" in await remind(demo, BARBARA, "liskov")
    await store.edit("UPDATE outbox SET ended_at = ended_at - 61")
    assert "gets a message" in await remind(demo, BARBARA, "liskov")
    await notices_sent(demo)
    assert "within three days" in await remind(demo, BARBARA, "liskov")
    assert len([entry for entry in await history(demo, BARBARA) if entry[1] == "reminded"]) == 1
    # What became of one's own reminders is told without being a message about one's own profile.
    await demo.workspace.press(GRACE, "Remind 10 people", message=await asked(demo, "crowd 03"))
    await demo.workspace.wait_message(GRACE, "whom you reminded")
    await notices_sent(demo)
    assert "gets a message" in await remind(demo, GRACE, "grace")


async def test_who_could_not_be_told_may_be_asked_again(demo: Demo) -> None:
    demo.workspace.faults["chat.postMessage"] = [Fault(kind="refused", error="cannot_dm_bot")]
    await remind(demo, LATE, "crowd 035")
    await notices_sent(demo)
    assert "gets a message" in await remind(demo, LATE, "crowd 035")
    await notices_sent(demo)
    assert len(reminders(demo, LATE)) == 1


async def test_what_works_by_now_is_reminded_of_no_more(demo: Demo, store: Store) -> None:
    demo.workspace.faults["chat.postMessage"] = [Fault(kind="error500")]
    await remind(demo, BARBARA, "liskov")
    await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    await run_test(demo, BARBARA)
    await store.edit("UPDATE outbox SET due_at = due_at - 1000", "DELETE FROM leases")
    await notices_sent(demo)
    assert reminders(demo, BARBARA) == []
    assert await store.ask("SELECT outcome FROM outbox") == [("no_longer_true",)]


@pytest.mark.parametrize("lost", ["is_deactivated", "is_guest", "is_bot"])
async def test_guests_bots_and_the_deactivated_are_never_reminded(demo: Demo, lost: str) -> None:
    workspace = demo.workspace
    shown = await listed(demo)
    await workspace.enter_in(GRACE, "Search", "liskov", message=shown)
    flags: dict[str, Any] = {lost: True}
    gone = replace(workspace.people[BARBARA], **flags)
    # Of the first, Slack has not told yet.
    before, workspace.people[BARBARA] = workspace.people[BARBARA], gone
    demo.bot.user_sync.directory._known.clear()
    await workspace.choose(GRACE, BARBARA, "Remind", message=shown)
    await settled(demo)
    assert "gets a message" not in searchable(workspace.messages(GRACE)[-1])
    workspace.people[BARBARA] = before
    question = await asked(demo, "crowd00")
    await hold(demo)
    await workspace.press(GRACE, "Remind 10 people", message=question)
    await settled(demo)
    await workspace.change_person(gone)
    await release(demo)
    assert reminders(demo, BARBARA) == []
    report = searchable(await workspace.wait_message(GRACE, "whom you reminded"))
    assert "9 have been told and 1 not, or not for certain." in report
    assert "• 1 no members any more" in report
    assert f"<@{BARBARA}>" in report


async def test_what_the_bot_itself_did_not_bring_about_is_not_laid_on_slack(
    demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox, faulty = demo.bot.outbox, CROWD[5].id

    async def waits(_: Outbox, workspace: str) -> None:
        del outbox._senders[workspace]

    def made(content: Content, *, reader: str, entry: PasswordEntry) -> views.Message:
        if reader == faulty:
            raise RuntimeError
        return notices.notice_message(content, reader=reader, entry=entry)

    monkeypatch.setattr("bot.slack.background.outbox.notice_message", made)
    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "_send_all", waits)
        await demo.workspace.press(GRACE, "Remind 42 people", message=await asked(demo))
        await demo.workspace.wait_message(GRACE, "Reminded 42 people.")
        for user, change in (
            (CROWD[2].id, "kind = 'of_a_newer_version'"),
            (CROWD[3].id, "unknown = 2"),
            (CROWD[4].id, "created_at = created_at - 3 * 86400"),
        ):
            await store.edit(f"UPDATE outbox SET {change} WHERE user_id = :user", user=user)
        outbox.wake(Person(TEAM, GRACE))
        await store.until("SELECT 1 FROM outbox WHERE outcome = 'too_late'")
    outbox.wake(Person(TEAM, GRACE))
    await notices_sent(demo)
    report = searchable(await demo.workspace.wait_message(GRACE, "whom you reminded"))
    assert "Of the 42 people whom you reminded, 38 have been told and 4 not, or not for certain." in report
    for cause in (
        "• 1 not told, because the message could not be read any more",
        "• 1 perhaps told: Slack did not say whether it took the message, or the bot was stopped meanwhile",
        "• 1 not reached within three days",
        "• 1 not told, because of a fault of the bot",
    ):
        assert cause in report
    assert "not taken by Slack" not in report


async def test_reminders_are_sent_by_what_the_list_says_and_leave_the_looking_up_of_people_to_admins(
    demo: Demo, store: Store
) -> None:
    question = await asked(demo, "crowd 03")
    await hold(demo)
    await demo.workspace.press(GRACE, "Remind 10 people", message=question)
    await settled(demo)
    async with demo.bot.database.writing() as tx:
        await tx.people.set_deactivated(TEAM, LATE, datetime.now(UTC))
    looked_up = demo.workspace.calls("users.info")
    await release(demo)
    assert demo.workspace.calls("users.info") == looked_up
    assert reminders(demo, LATE) == []
    assert len(reminders(demo, CROWD[34].id)) == 1
    assert await store.ask(f"SELECT outcome FROM outbox WHERE user_id = '{LATE}'") == [("no_member",)]


async def test_reminding_that_breaks_off_tells_what_became_of_those_who_were_reminded_and_needs_no_members_place(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    remind_one, counted = Reminders._remind, list[LeftOut | None]()

    async def broken(self: Reminders, caller: Person, owner: Person, *, batch: str) -> LeftOut | None:
        if len(counted) == 2:
            raise RuntimeError
        counted.append(await remind_one(self, caller, owner, batch=batch))
        return counted[-1]

    monkeypatch.setattr(Reminders, "_remind", broken)
    monkeypatch.setattr(demo.bot.jobs, "_most", 0)
    await demo.workspace.press(GRACE, "Remind 10 people", message=await asked(demo, "crowd 03"))
    told = searchable(await demo.workspace.wait_message(GRACE, "Something went wrong"))
    assert "Nothing was changed" not in told
    await demo.workspace.wait_message(GRACE, "The people whom you reminded have been told: 2 of 2.")


async def test_nobody_to_remind_is_said_without_a_button(demo: Demo) -> None:
    workspace = demo.workspace
    shown = await listed(demo)
    await workspace.select(GRACE, "people_state", "State: Fails (0)", message=shown)
    await workspace.press(GRACE, "Remind", message=shown)
    await settled(demo)
    told = searchable(workspace.messages(GRACE)[-1])
    assert told.startswith("Nobody here needs a reminder now.")
    assert "Remind 0" not in told


async def test_of_two_admins_who_remind_at_once_one_does(tmp_path: Path, store: Store) -> None:
    async with running_demo(tmp_path) as demo:
        await set_up(demo, ADA)
        rules = Reminders(
            database=demo.bot.database,
            access=Access(demo.bot.user_sync.directory),
            people_list=None,  # type: ignore[arg-type]
            on_change=lambda _: None,
        )
        grace, ada = Person(TEAM, GRACE), Person(TEAM, ADA)
        results = await asyncio.gather(
            *(rules.remind(caller=grace, owner=ada) for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(result, UserError) for result in results) == 3
        assert len(await store.ask("SELECT 1 FROM outbox")) == 1
