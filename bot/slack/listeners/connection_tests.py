"""`/email-test` and the buttons under its reports: one reply that follows the test."""

from dataclasses import replace

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.changes import form_values
from bot.profiles.account.fixes import ProposedFix, opens_form
from bot.profiles.account.profile import parse_port
from bot.profiles.account.records import ProfileView
from bot.profiles.people.access import Person
from bot.slack.command_text import subcommand
from bot.slack.ids import EMAIL_TEST, ActionId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.middleware.held_ack import HeldAck
from bot.slack.replies.modals import open_or_replace
from bot.slack.replies.reply import CommandReply, FollowUpReply, reply_below, reply_in_place
from bot.slack.replies.response_url import ResponseUrl, reply_address
from bot.slack.views import card as cards
from bot.slack.views import report as reports
from bot.slack.views.form import PrivateMetadata, profile_form
from bot.slack.views.message import Message, button, escape, notice, section
from bot.smtp.advice.row import Fix

TITLE = "Connection test"
_BEGINNING = notice("Testing …")


class ConnectionTestListeners:
    """The command and the buttons under a report."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register_commands(self, app: AsyncApp) -> None:
        """Register the subcommands."""
        app.command(EMAIL_TEST, matchers=[subcommand("test")])(self.test)
        app.command(EMAIL_TEST, matchers=[subcommand("send")])(self.send)
        app.command(EMAIL_TEST, matchers=[subcommand("transcript")])(self.transcript)

    def register(self, app: AsyncApp) -> None:
        """Register the buttons."""
        app.action(ActionId.TEST)(self.press_test)
        app.action(ActionId.SEND_MESSAGE)(self.press_send)
        app.action(ActionId.TRANSCRIPT)(self.press_transcript)
        app.action(ActionId.APPLY_FIX)(self.press_fix)
        app.action(ActionId.UNDO_FIX)(self.press_undo)

    async def test(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, held_ack: HeldAck, caller: Person, owner: Person
    ) -> None:
        """Answer `/email-test` with the report, or with its beginning where that takes longer."""
        reply = CommandReply(ResponseUrl(client, body))
        self._services.test_replies.start_test(reply, caller, owner)
        await _acknowledge(ack, held_ack, reply)

    async def send(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, held_ack: HeldAck, caller: Person, owner: Person
    ) -> None:
        """Answer `/email-test send` as `test` does."""
        reply = CommandReply(ResponseUrl(client, body))
        self._services.test_replies.start_send(reply, caller, owner)
        await _acknowledge(ack, held_ack, reply)

    async def transcript(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Answer `/email-test transcript`; a long one comes as a file."""
        transcript = reports.transcript(await self._services.connections.transcript(caller=caller, owner=owner))
        if not transcript.is_too_long:
            await ack(transcript.payload())
            return
        reply = FollowUpReply(ResponseUrl(client, body))
        self._services.test_replies.start(reply, caller, owner, lambda: reply.show(transcript))
        await ack()

    async def press_test(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Test from a button; the report takes the message's place."""
        await ack()
        reply = await reply_in_place(body, client, title=TITLE, first=_BEGINNING)
        self._services.test_replies.start_test(reply, caller, owner)

    async def press_send(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Send one message from a button; the report takes the place of the one that offered it."""
        await ack()
        reply = await reply_in_place(body, client, title=TITLE, first=_BEGINNING)
        self._services.test_replies.start_send(reply, caller, owner)

    async def press_transcript(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Show the transcript below the report."""
        await ack()
        lines = await self._services.connections.transcript(caller=caller, owner=owner)
        await reply_below(body, client, title="Transcript", first=reports.transcript(lines))

    async def press_fix(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Make the one change that the report advised and test again, or open the form where something is typed."""
        await ack()
        user, change = reports.decode_fix(pressed_value(action))
        owner = Person(workspace=caller.workspace, user=user)
        view = await self._services.profiles.show(caller=caller, owner=owner)
        if opens_form(change, view.profile, has_password=view.has_password):
            modal = self._prefilled(view, change, body, reader=caller.user)
            again = button("Open the form", ActionId.APPLY_FIX, value=pressed_value(action))
            await open_or_replace(client, body, modal, again=again)
            return
        fixed = await self._services.profiles.fix(caller=caller, owner=owner, fix=change)
        reply = await reply_in_place(body, client, title=TITLE, first=_BEGINNING)
        self._services.test_replies.start_test(reply, caller, owner, fixed)

    async def press_undo(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Put back what was before a fix, and show the card in the report's place."""
        await ack()
        user, revision = reports.decode_undo(pressed_value(action))
        owner = Person(workspace=caller.workspace, user=user)
        undone = await self._services.profiles.undo(caller=caller, owner=owner, revision=revision)
        card = cards.card(undone.view, reader=caller.user, entry=self._services.entry)
        done = section(f"Undone: {escape('; '.join(undone.descriptions))}")
        message = Message(text=card.text, blocks=[done, *card.blocks])
        reply = await reply_in_place(body, client, title=cards.TITLE, first=message)
        await reply.show(message)

    def _prefilled(self, view: ProfileView, change: ProposedFix, body: Payload, *, reader: str) -> View:
        """Return the form with a fix in it, where the person has to type the password to go with it."""
        metadata = PrivateMetadata(
            owner=view.owner.user,
            revision=view.revision,
            reply=reply_address(body),
            initial_values=form_values(view.profile),
        )
        if change.kind is Fix.NAME_FROM_CERTIFICATE:
            profile = replace(view.profile, host=change.target)
            note = f"{change.target} is a name from the server's certificate. Type the password again to go with it."
        elif change.kind is Fix.USE_PROVIDER_SERVER:
            host, _, port = change.target.partition(" ")
            profile = replace(view.profile, host=host, port=parse_port(port) or view.profile.port)
            note = f"{host} is your mail provider's server for outgoing mail. Type the password again to go with it."
        else:
            profile = replace(view.profile, authenticate=True)
            note = "The server wants you to sign in. Fill login and password, and save."
        filled = replace(view, profile=profile, has_password=False)
        return profile_form(
            filled, metadata=metadata, reader=reader, entry=self._services.entry, notes=[section(escape(note))]
        )


async def _acknowledge(ack: AsyncAck, held_ack: HeldAck, reply: CommandReply) -> None:
    first = await reply.first(held_ack.hold())
    await ack((first or _BEGINNING).payload())
