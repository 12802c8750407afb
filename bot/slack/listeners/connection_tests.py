"""`/email-test` and the buttons under its reports: one answer that follows the test."""

from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.conflicts import values_of
from bot.profiles.account.fixes import Change, opens_form
from bot.profiles.account.records import ProfileView
from bot.profiles.people.access import Person
from bot.slack.commands import Commands, SlashCommand
from bot.slack.ids import EMAIL_TEST, ActionId
from bot.slack.listeners.services import Services, caller_of, owner_of, pressed
from bot.slack.replies.modals import open_for
from bot.slack.replies.reply import InMessage, answer_beside, answer_to
from bot.slack.replies.response_url import ResponseUrl
from bot.slack.views import card as cards
from bot.slack.views import report as reports
from bot.slack.views.form import Context, form
from bot.slack.views.message import Message, button, escaped, notice, section
from bot.smtp.advice.table import Fix

TITLE = "Connection test"
_BEGINNING = notice("Testing …")


def register(app: AsyncApp, commands: Commands, services: Services) -> None:
    """Register the command and the buttons under a report."""
    room = _TestListeners(services)
    commands.on(EMAIL_TEST, "test", listener=room.test)
    commands.on(EMAIL_TEST, "send", listener=room.send)
    commands.on(EMAIL_TEST, "transcript", listener=room.transcript)
    app.action(ActionId.TEST)(room.press_test)
    app.action(ActionId.SEND_MESSAGE)(room.press_send)
    app.action(ActionId.TRANSCRIPT)(room.press_transcript)
    app.action(ActionId.APPLY_FIX)(room.press_fix)
    app.action(ActionId.UNDO_FIX)(room.press_undo)


class _TestListeners:
    def __init__(self, services: Services) -> None:
        self._testing = services.testing
        self._profiles = services.profiles
        self._connections = services.connections
        self._owners = services.owners
        self._entry = services.entry

    async def test(self, command: SlashCommand) -> None:
        """Answer `/email-test` at once, and test in the background."""
        answer = InMessage(ResponseUrl(command.client, command.body))
        self._testing.test(answer, command.caller, command.owner)

    async def send(self, command: SlashCommand) -> None:
        """Answer `/email-test send` at once, then test and send in the background."""
        answer = InMessage(ResponseUrl(command.client, command.body))
        self._testing.send(answer, command.caller, command.owner)

    async def transcript(self, command: SlashCommand) -> Message:
        """Answer `/email-test transcript`."""
        return await self._transcript(command.caller, command.owner)

    async def press_test(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Test from a button; the report takes the message's place."""
        await ack()
        caller = caller_of(context)
        answer = await answer_to(body, client, title=TITLE, first=_BEGINNING)
        self._testing.test(answer, caller, owner_of(caller, pressed(body["actions"][0])))

    async def press_send(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Send one message from a button; the report takes the place of the one that offered it."""
        await ack()
        caller = caller_of(context)
        answer = await answer_to(body, client, title=TITLE, first=_BEGINNING)
        self._testing.send(answer, caller, owner_of(caller, pressed(body["actions"][0])))

    async def press_transcript(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Show the transcript beside the report."""
        await ack()
        caller = caller_of(context)
        message = await self._transcript(caller, owner_of(caller, pressed(body["actions"][0])))
        await answer_beside(body, client, title="Transcript", first=message)

    async def _transcript(self, caller: Person, owner: Person) -> Message:
        lines = await self._connections.transcript(caller=caller, owner=owner)
        return reports.transcript(lines)

    async def press_fix(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Make the one change that the report advised and test again, or open the form where something is typed."""
        await ack()
        user, change = reports.read_change(pressed(body["actions"][0]))
        caller = caller_of(context)
        owner = owner_of(caller, user)
        view = await self._profiles.show(caller=caller, owner=owner)
        if opens_form(change, view.profile, has_password=view.has_password):
            known = Context(
                owner=owner.user,
                revision=view.revision,
                channel=context.channel_id or "",
                began=values_of(view.profile),
            )
            modal = self._prefilled(view, change, known=known, reader=caller.user)
            again = button("Open the form", ActionId.APPLY_FIX, value=pressed(body["actions"][0]))
            await open_for(client, body, modal, again=again)
            return
        fixed = await self._profiles.fix(caller=caller, owner=owner, change=change)
        self._owners.tell(client, caller, fixed)
        answer = await answer_to(body, client, title=TITLE, first=_BEGINNING)
        self._testing.test(answer, caller, owner, fixed)

    async def press_undo(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Put back what was before a fix, and show the card in the report's place."""
        await ack()
        user, revision = reports.read_undo(pressed(body["actions"][0]))
        caller = caller_of(context)
        undone = await self._profiles.undo(caller=caller, owner=owner_of(caller, user), revision=revision)
        self._owners.tell(client, caller, undone)
        shown = cards.card(undone.view, reader=caller.user, entry=self._entry)
        told = section(f"Undone: {escaped('; '.join(undone.told))}")
        message = Message(text=shown.text, blocks=[told, *shown.blocks])
        answer = await answer_to(body, client, title=cards.TITLE, first=message)
        await answer.show(message)

    def _prefilled(self, view: ProfileView, change: Change, *, known: Context, reader: str) -> View:
        """Make the form with a fix in it, where the person has to type the password to go with it."""
        if change.fix is Fix.NAME_FROM_CERTIFICATE:
            profile = replace(view.profile, host=change.to)
            told = f"{change.to} is a name from the server's certificate. Type the password again to go with it."
        else:
            profile = replace(view.profile, authenticate=True)
            told = "The server wants you to sign in. Fill login and password, and save."
        filled = replace(view, profile=profile, has_password=False)
        return form(filled, known=known, reader=reader, entry=self._entry, notes=[section(escaped(told))])
