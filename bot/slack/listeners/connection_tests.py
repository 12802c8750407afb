"""`/email-test` and the buttons under its reports: one reply that follows the test."""

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.fixes import ProposedFix, filled_in, opens_form
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
from bot.slack.views.form import profile_form
from bot.slack.views.message import Message, alert, button, escape, notice, section

TITLE = "Connection test"
TRANSCRIPT_TITLE = "Transcript"
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
        app.action(ActionId.STOP_TEST)(self.press_stop)
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
        dialogue = await self._services.connections.transcript(caller=caller, owner=owner)
        transcript = reports.transcript(dialogue)
        if not transcript.is_too_long:
            await ack(transcript.payload())
            return
        self._start_long(transcript, body, client, caller, owner)
        await ack()

    async def press_test(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Test from a button; the report takes the message's place."""
        await ack()
        reply, tests = await reply_in_place(body, client, title=TITLE, first=_BEGINNING), self._services.test_replies
        await tests.start_pressed(reply, lambda: tests.start_test(reply, caller, owner))

    async def press_send(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Send one message from a button; the report takes the place of the one that offered it."""
        await ack()
        reply, tests = await reply_in_place(body, client, title=TITLE, first=_BEGINNING), self._services.test_replies
        await tests.start_pressed(reply, lambda: tests.start_send(reply, caller, owner))

    async def press_stop(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Stop a test under way; its own reply then shows how far it came."""
        await ack()
        if not await self._services.running.stop(caller=caller, test_id=pressed_value(action)):
            await reply_below(body, client, title=TITLE, first=notice("This test is over already."))

    async def press_transcript(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Show the transcript: below a message, where a long one comes as a file, or in a modal, which holds it all."""
        await ack()
        dialogue = await self._services.connections.transcript(caller=caller, owner=owner)
        transcript = reports.transcript(dialogue)
        if transcript.is_too_long:
            self._start_long(transcript, body, client, caller, owner)
        else:
            await reply_below(body, client, title=TRANSCRIPT_TITLE, first=transcript)

    def _start_long(
        self, transcript: Message, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Show it as a job: an acknowledgement is sent when its listener ends, and a file takes four calls."""

        async def show() -> None:
            await reply_below(body, client, title=TRANSCRIPT_TITLE, first=transcript)

        self._services.test_replies.start(FollowUpReply(ResponseUrl(client, body)), caller, owner, show)

    async def press_fix(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Make the one change that the report advised and test again, or open the form where something is typed."""
        await ack()
        user, change = reports.decode_fix(pressed_value(action))
        owner = Person(workspace=caller.workspace, user=user)
        view = await self._services.profiles.show(caller=caller, owner=owner)
        if opens_form(change, view.profile, has_password=view.has_password):
            modal = await self._prefilled(caller, owner, change, body)
            again = button("Open the form", ActionId.APPLY_FIX, value=pressed_value(action))
            await open_or_replace(client, body, modal, again=again)
            return
        reply, tests = await reply_in_place(body, client, title=TITLE, first=_BEGINNING), self._services.test_replies
        await tests.start_pressed(reply, lambda: tests.start_fix(reply, caller, owner, change))

    async def press_undo(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Put back what was before a fix, and show the card in the report's place."""
        await ack()
        user, revision = reports.decode_undo(pressed_value(action))
        owner = Person(workspace=caller.workspace, user=user)
        undone = await self._services.profiles.undo(caller=caller, owner=owner, revision=revision)
        card = await self._services.card(undone.view, caller)
        done = section(f"Undone: {escape('; '.join(undone.descriptions))}")
        message = Message(text=card.text, blocks=[done, *card.blocks])
        reply = await reply_in_place(body, client, title=cards.TITLE, first=message)
        await reply.show(message)

    async def _prefilled(self, caller: Person, owner: Person, fix: ProposedFix, body: Payload) -> View:
        """Return the form with a fix in it, where the person has to type the password to go with it."""
        form = await self._services.forms.new(caller, owner, reply=reply_address(body, caller))
        filled = filled_in(form.basis.view.profile, fix)
        return profile_form(form.with_profile(filled).redrawn(), notes=alert(reports.typing_needed(fix), "info"))


async def _acknowledge(ack: AsyncAck, held_ack: HeldAck, reply: CommandReply) -> None:
    first = await reply.first(held_ack.hold())
    await ack((first or _BEGINNING).payload())
