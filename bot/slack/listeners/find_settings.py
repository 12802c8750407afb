"""`/email-profile find`, and finding settings in the form: its button, Enter in the address, and what was found."""

from collections.abc import Callable
from datetime import UTC, datetime

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.profile import Field
from bot.profiles.people.access import Person
from bot.slack.command_text import Invocation, subcommand
from bot.slack.ids import EMAIL_PROFILE, ActionId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.middleware.held_ack import HeldAck
from bot.slack.replies.modals import modal_of, update_modal
from bot.slack.replies.reply import CommandReply
from bot.slack.replies.response_url import ResponseUrl
from bot.slack.views import discovery as views
from bot.slack.views.form_state import Form
from bot.slack.views.found_form import proposed_form
from bot.slack.views.inputs import name_of
from bot.slack.views.message import notice

_BEGINNING = notice("Looking for the mail settings …")


class FindSettingsListeners:
    """The subcommand, and what is pressed in the form."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register_commands(self, app: AsyncApp) -> None:
        """Register the subcommand."""
        app.command(EMAIL_PROFILE, matchers=[subcommand("find")])(self.find)

    def register(self, app: AsyncApp) -> None:
        """Register the buttons and the inputs that are sent while they are typed in."""
        app.action(ActionId.VALUE)(self.take_typed)
        app.action(ActionId.FORM_FIND)(self.press_find)
        app.action(ActionId.FORM_USE_FOUND)(self.press_use)
        app.action(ActionId.FORM_OTHER_FOUND)(self.press_other)

    async def find(
        self,
        ack: AsyncAck,
        body: Payload,
        client: AsyncWebClient,
        held_ack: HeldAck,
        caller: Person,
        invocation: Invocation,
    ) -> None:
        """Answer `/email-profile find` with what would be found, or that it is looked for where that takes longer."""
        reply = CommandReply(ResponseUrl(client, body))

        async def notify(sentence: str) -> None:
            await reply.fail(notice(sentence))

        async def find() -> None:
            found = await self._services.finder.answer(invocation.arguments[0], caller=caller)
            await reply.show(views.answer(found, today=datetime.now(UTC).date()))

        self._services.jobs.start(f"settings for {caller.user}", find, notify=notify)
        first = await reply.first(held_ack.hold())
        await ack((first or _BEGINNING).payload())

    async def take_typed(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Find settings after Enter in the address; what is typed elsewhere during a search is kept from it."""
        await ack()
        if name_of(str(action.get("block_id"))) == Field.ADDRESS:
            await self._services.forms.search(modal_of(body), client, caller, owner)
        else:
            await self._services.forms.note_typed(modal_of(body), client, caller, owner)

    async def press_find(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Find settings for the address in the form."""
        await ack()
        await self._services.forms.search(modal_of(body), client, caller, owner)

    async def press_use(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Put what was found into the form, whatever stands there."""
        await ack()
        proposal = views.Proposal.from_value(pressed_value(action))
        await self._show(body, client, caller, owner, proposal, views.with_chosen)

    async def press_other(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Show what the next source found."""
        await ack()
        proposal = views.Proposal.from_value(pressed_value(action)).next()
        await self._show(body, client, caller, owner, proposal, views.fill_form)

    async def _show(
        self,
        body: Payload,
        client: AsyncWebClient,
        caller: Person,
        owner: Person,
        proposal: views.Proposal,
        put: Callable[[Form, views.Proposal], Form],
    ) -> None:
        """Put what was found into the form and tell it; search anew where the address was changed since."""
        shown = modal_of(body)
        form = await self._services.forms.shown(shown, caller, owner)
        if await self._services.form_searches.is_for(form, proposal):
            await update_modal(client, shown["id"], proposed_form(put(form, proposal), proposal))
        else:
            await self._services.forms.search(shown, client, caller, owner)
