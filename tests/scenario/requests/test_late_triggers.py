"""A form that Slack did not open in time is one press away: a message with a button that opens the same."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import Message, searchable
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.own_address import Confirmation, ConfirmationCode, store_confirmation
from bot.profiles.people.access import Person
from tests.scenario.people import ADA, GRACE, profile_of, set_up

pytestmark = pytest.mark.databases("sqlite")

NOT_OPENED = "Slack did not open this in time."
Do = Callable[[Demo], Awaitable[None]]


def latest(demo: Demo, user: str, holding: str) -> Message:
    return [message for message in demo.workspace.messages(user) if holding in searchable(message)][-1]


async def by_command(demo: Demo) -> None:
    await demo.workspace.command(ADA, "/email-profile", "edit")


async def defaults_by_command(demo: Demo) -> None:
    await demo.workspace.command(GRACE, "/email-profile", "defaults")


async def from_the_card(demo: Demo) -> None:
    await demo.workspace.press(ADA, "Edit", message=latest(demo, ADA, "Your email profile"))


async def extras_from_the_card(demo: Demo) -> None:
    await demo.workspace.press(ADA, "Extra Configurations", message=latest(demo, ADA, "Your email profile"))


async def from_the_home_tab(demo: Demo) -> None:
    await demo.workspace.press_home(ADA, "Edit")


async def defaults_from_the_home_tab(demo: Demo) -> None:
    await demo.workspace.press_home(GRACE, "Defaults")


async def from_a_row_of_the_home_tab(demo: Demo) -> None:
    await demo.workspace.choose_home(GRACE, ADA, "Edit")


async def from_a_row_of_the_list(demo: Demo) -> None:
    await demo.workspace.choose(GRACE, ADA, "Edit", message=latest(demo, GRACE, "1–2 of 2"))


async def extras_from_a_row_of_the_list(demo: Demo) -> None:
    await demo.workspace.choose(GRACE, ADA, "extras:U0ADA", message=latest(demo, GRACE, "1–2 of 2"))


async def an_extra_on_the_list(demo: Demo) -> None:
    await extras_from_the_card(demo)
    await demo.workspace.press(ADA, "Add")


async def a_code_for_an_address(demo: Demo) -> None:
    await demo.workspace.change_person(replace(demo.workspace.people[ADA], address="elsewhere@demo.example"))
    mailed = Confirmation.of(await profile_of(demo), ConfirmationCode.generate())
    async with demo.bot.database.writing() as tx:
        await store_confirmation(tx, Person(TEAM, ADA), mailed)
    await demo.workspace.command(ADA, "/email-profile")
    await demo.workspace.press(ADA, "Confirm address", message=latest(demo, ADA, "Your email profile"))


async def a_program_by_command(demo: Demo) -> None:
    await demo.workspace.command(ADA, "/email-profile", "programs add Label printer")


async def a_program_from_the_list(demo: Demo) -> None:
    await demo.workspace.command(ADA, "/email-profile", "programs")
    await demo.workspace.press(ADA, "Add a program", message=latest(demo, ADA, "Programs that send"))


WAYS: dict[str, tuple[str, str, str, Do]] = {
    "edit": (ADA, "views.open", "Email profile", by_command),
    "defaults": (GRACE, "views.open", "Workspace defaults", defaults_by_command),
    "card": (ADA, "views.open", "Email profile", from_the_card),
    "card's extras": (ADA, "views.open", "Extra configurations", extras_from_the_card),
    "home": (ADA, "views.open", "Email profile", from_the_home_tab),
    "home's defaults": (GRACE, "views.open", "Workspace defaults", defaults_from_the_home_tab),
    "home's row": (GRACE, "views.open", "Email profile", from_a_row_of_the_home_tab),
    "list's row": (GRACE, "views.open", "Email profile", from_a_row_of_the_list),
    "list's row, extras": (GRACE, "views.open", "Extra configurations", extras_from_a_row_of_the_list),
    "a program": (ADA, "views.open", "Add a program", a_program_by_command),
    "list's program": (ADA, "views.open", "Add a program", a_program_from_the_list),
    "a code": (ADA, "views.open", "Confirm address", a_code_for_an_address),
    "an extra on the list": (ADA, "views.push", "Extra configurations", an_extra_on_the_list),
}


async def furnish(demo: Demo) -> None:
    for user in (ADA, GRACE):
        await set_up(demo, user)
        await demo.workspace.open_home(user)
    await demo.bot.housekeeping.read_people()
    await demo.workspace.command(GRACE, "/email-profile", "list")


async def pressed_again(demo: Demo, user: str, title: str) -> None:
    """Press the one button of the message that tells of it, and see the form that was wanted."""
    told = await demo.workspace.wait_message(user, NOT_OPENED)
    demo.workspace.stacks.clear()
    ((block,)) = [block for block in told.blocks if block["type"] == "actions"]
    (button,) = block["elements"]
    await demo.workspace.press(user, button["text"]["text"], message=told)
    await demo.workspace.wait_view(user, title)


async def test_every_form_that_came_too_late_opens_by_the_button_that_is_sent_instead(http_demo: Demo) -> None:
    await furnish(http_demo)
    workspace = http_demo.workspace
    for name, (user, method, title, act) in WAYS.items():
        for error in ("expired_trigger_id", "exchanged_trigger_id"):
            workspace.stacks.clear()
            workspace.all_messages[:] = [m for m in workspace.all_messages if NOT_OPENED not in searchable(m)]
            workspace.faults[method] = [Fault(kind="refused", error=error)]
            await act(http_demo)
            assert not workspace.faults[method], name
            (told,) = [message for message in workspace.messages(user) if NOT_OPENED in searchable(message)]
            # Nobody else reads it: an ephemeral message, or one in the conversation of the two.
            assert told.reader == user or told.channel.startswith("D"), name
            await pressed_again(http_demo, user, title)


async def test_on_top_of_a_form_no_button_is_sent_that_would_lead_past_its_save(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    workspace = http_demo.workspace
    await workspace.command(ADA, "/email-profile", "edit")
    for label, opened in (
        ("Extra Configurations", "Extra configurations"),
        ("Edit", "Add configuration"),
        ("Add", "Add configuration"),
    ):
        workspace.all_messages.clear()
        workspace.faults["views.push"] = [Fault(kind="refused", error="expired_trigger_id")]
        await workspace.press(ADA, label)
        told = await workspace.wait_message(ADA, "Slack did not open this in time. Please try again.")
        assert [block["type"] for block in told.blocks if block["type"] == "actions"] == []
        # What was pressed in is still there, to be pressed again.
        await workspace.press(ADA, label)
        await workspace.wait_view(ADA, opened)
        if opened == "Add configuration":
            await workspace.cancel(ADA)


async def test_a_form_for_a_fix_opens_by_the_button_too(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await workspace.command(ADA, "/email-profile", "edit")
    for label, value in (
        ("Email Address", "ada@demo.example"),
        ("SMTP Server Address", http_demo.mail.host),
        ("Port", "587"),
        ("Authentication Required", False),
    ):
        await workspace.fill(ADA, label, value)
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "Your email profile")
    await workspace.command(ADA, "/email-extra", "add TLS Y")
    workspace.all_messages.clear()
    await workspace.command(ADA, "/email-test")
    report = await workspace.wait_message(ADA, "Connection test failed")
    fixes = [
        element["text"]["text"]
        for block in report.blocks
        if block["type"] == "actions"
        for element in block["elements"]
        if element["action_id"].startswith("apply_fix")
    ]
    assert fixes
    workspace.faults["views.open"] = [Fault(kind="refused", error="expired_trigger_id")]
    await workspace.press(ADA, fixes[0], message=report)
    await pressed_again(http_demo, ADA, "Email profile")


async def test_a_bot_that_was_too_slow_itself_sends_the_button_after_slack_has_given_up(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(http_demo, ADA)
    workspace = http_demo.workspace
    monkeypatch.setattr("bot.demo.stand_in.platform.TRIGGER_SECONDS", 0.1)
    monkeypatch.setattr("bot.demo.stand_in.delivery.ACK_SECONDS", 0.15)
    form_basis = EmailProfiles.form_basis

    async def slow(self: EmailProfiles, **who: Any) -> Any:
        await asyncio.sleep(0.3)
        return await form_basis(self, **who)

    with monkeypatch.context() as slowed:
        slowed.setattr(EmailProfiles, "form_basis", slow)
        await workspace.command(ADA, "/email-profile", "edit")
        assert 'failed with the error "operation_timeout"' in searchable(workspace.messages(ADA)[-1])
        await workspace.wait_message(ADA, NOT_OPENED)
    monkeypatch.undo()
    await pressed_again(http_demo, ADA, "Email profile")
    assert sorted(workspace.refusals) == [("slash_commands", "operation_timeout"), ("views.open", "expired_trigger_id")]
    workspace.refusals.clear()


async def test_an_answer_that_slack_did_not_wait_for_is_given_all_the_same(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(http_demo, ADA)
    workspace = http_demo.workspace
    show = EmailProfiles.show

    async def slow(self: EmailProfiles, **who: Any) -> Any:
        await asyncio.sleep(0.3)
        return await show(self, **who)

    monkeypatch.setattr("bot.demo.stand_in.delivery.ACK_SECONDS", 0.2)
    monkeypatch.setattr("bot.slack.middleware.late_ack.ACK_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(EmailProfiles, "show", slow)
    workspace.all_messages.clear()
    await workspace.command(ADA, "/email-profile")
    await workspace.wait_message(ADA, "`ada@demo.example`")
    assert "operation_timeout" in searchable(workspace.messages(ADA)[0])
    assert len(workspace.messages(ADA)) == 2
    assert workspace.refusals.pop() == ("slash_commands", "operation_timeout")


async def test_an_answer_that_needs_no_form_is_given_without_one(http_demo: Demo) -> None:
    await furnish(http_demo)
    workspace = http_demo.workspace
    for label, said in (("Test connection", "Connection test passed"), ("History", "Your history")):
        workspace.faults["views.open"] = [Fault(kind="refused", error="expired_trigger_id")]
        workspace.all_messages.clear()
        await workspace.press_home(ADA, label)
        told = await workspace.wait_message(ADA, said)
        assert told.channel == "D0ADA"
        assert workspace.view(ADA) is None
