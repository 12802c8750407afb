"""`/email-extra`, the list of extra configurations, and the modal that adds one."""

import logging
from dataclasses import replace

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.observability.log import Outcome, set_outcome
from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.extras import ENCRYPTING, find_extra, with_encryption, with_extra, without_extra
from bot.profiles.account.profile import EmailProfile, parse_port
from bot.profiles.account.records import ProfileView
from bot.profiles.errors import ExtraConflictError, InvalidExtraError
from bot.profiles.people.access import Person
from bot.slack.command_text import Invocation, subcommand
from bot.slack.ids import EMAIL_EXTRA, ActionId, ViewId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.replies.modals import modal_of, open_modal, open_or_offer, update_modal
from bot.slack.replies.reply import reply_in_place
from bot.slack.replies.response_url import post_where_opened
from bot.slack.views import card as cards
from bot.slack.views import extras as views
from bot.slack.views.form import profile_form
from bot.slack.views.form_state import Form
from bot.slack.views.inputs import block_ids
from bot.slack.views.message import button, notice
from bot.slack.views.private_metadata import PrivateMetadata
from bot.slack.web_api.errors import SLACK_ERRORS

log = logging.getLogger(__name__)


class ExtraListeners:
    """The command, both modals and their buttons."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register_commands(self, app: AsyncApp) -> None:
        """Register the subcommands."""
        app.command(EMAIL_EXTRA, matchers=[subcommand("list")])(self.show)
        app.command(EMAIL_EXTRA, matchers=[subcommand("add", "remove")])(self.change)

    def register(self, app: AsyncApp) -> None:
        """Register the modals and the buttons."""
        app.action(ActionId.USE_TLS)(self.press_switch)
        app.action(ActionId.USE_SSL)(self.press_switch)
        app.action(ActionId.OPEN_EXTRAS)(self.open_list)
        app.action(ActionId.FORM_EXTRAS)(self.push_list)
        app.action(ActionId.LIST_ADD)(self.push_add)
        app.action(ActionId.LIST_EDIT)(self.push_edit)
        app.action(ActionId.LIST_REMOVE)(self.press_remove)
        app.action(ActionId.CHOOSE_EXTRA)(self.choose)
        app.action(ActionId.SWITCH_IN_FORM)(self.press_switch_in_form)
        app.action(ActionId.KEEP_IN_FORM)(self.press_keep_in_form)
        app.view(ViewId.ADD_EXTRA)(self.add)
        app.view_closed(ViewId.EXTRAS)(self.closed)

    async def show(self, ack: AsyncAck, caller: Person, owner: Person) -> None:
        """Answer `/email-extra` with the list."""
        view = await self._services.profiles.show(caller=caller, owner=owner)
        await ack(views.extras_message(view, reader=caller.user).payload())

    async def change(self, ack: AsyncAck, invocation: Invocation, caller: Person, owner: Person) -> None:
        """Answer `/email-extra add` and `remove` with the list as it is then."""
        try:
            changed = await self._changed(invocation, caller, owner)
        except ExtraConflictError as error:
            set_outcome(Outcome.TOLD)
            await ack(views.conflict_message(error, owner=owner.user).payload())
            return
        await ack(views.extras_message(changed.view, reader=caller.user).payload())

    async def _changed(self, invocation: Invocation, caller: Person, owner: Person) -> ProfileChange:
        name, *value = invocation.arguments
        if invocation.subcommand == "add":
            return await self._services.profiles.add_extra(caller=caller, owner=owner, name=name, value=value[0])
        return await self._services.profiles.remove_extra(caller=caller, owner=owner, name=name)

    async def press_switch(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Turn TLS or SSL on (and the other off) from a card, and show the card anew."""
        await ack()
        to = "SSL" if action["action_id"] == ActionId.USE_SSL else "TLS"
        changed = await self._services.profiles.switch_encryption(caller=caller, owner=owner, to=to)
        card = await self._services.card(changed.view, caller)
        reply = await reply_in_place(body, client, title=cards.TITLE, first=card)
        await reply.show(card)

    async def open_list(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Open the list from a message."""
        await ack()
        await self._services.forms.open_extras(client, body, caller, owner)

    async def push_list(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Push the list on top of the form; what is changed in it belongs to the form until that is saved."""
        await ack()
        form = await self._services.forms.below_another(modal_of(body), client, caller, owner)
        await _push(client, body, views.list_modal(form.extras, metadata=form.stacked), form.stacked, owner)

    async def push_add(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Push the modal that adds one; it begins with TLS or SSL, whichever fits the port, where neither is set."""
        await ack()
        metadata = _context(body)
        profile = await self._profile(metadata, caller, owner)
        first = "FROM_NAME" if set(ENCRYPTING) & set(profile.extras) else "SSL" if profile.port == 465 else "TLS"
        modal = views.add_modal(find_extra(first), metadata=metadata)
        await _push(client, body, modal, metadata, owner)

    async def push_edit(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Push the modal with one that is set already."""
        await ack()
        metadata = _context(body)
        extras = (await self._profile(metadata, caller, owner)).extras
        entry = find_extra(pressed_value(action))
        modal = views.add_modal(entry, metadata=metadata, value=extras.get(entry.name, ""))
        await _push(client, body, modal, metadata, owner)

    async def _profile(self, metadata: PrivateMetadata, caller: Person, owner: Person) -> EmailProfile:
        """Return port and extra configurations as the form below has them, or else as they are stored."""
        form = await self._services.forms.below(metadata, caller, owner)
        if form is None:
            return (await self._services.profiles.show(caller=caller, owner=owner)).profile
        return EmailProfile(port=parse_port(form.content.port), extras=form.extras)

    async def choose(self, ack: AsyncAck, body: Payload, client: AsyncWebClient) -> None:
        """Let the value's input fit the configuration that was chosen."""
        await ack()
        metadata = _context(body)
        name, _ = views.read_extra(modal_of(body))
        await update_modal(client, body["view"]["id"], views.add_modal(find_extra(name), metadata=metadata))

    async def add(self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person) -> None:
        """Set what was chosen, in the form below or else for good; then list and form show it."""
        metadata, shown = _context(body), modal_of(body)
        name, value = views.read_extra(shown)
        form = await self._services.forms.below(metadata, caller, owner)
        try:
            if form is not None:
                changed = form.with_extras(with_extra(form.extras, name, value))
            else:
                stored = await self._services.profiles.add_extra(caller=caller, owner=owner, name=name, value=value)
        except InvalidExtraError as error:
            set_outcome(Outcome.TOLD)
            inputs = block_ids(shown)
            block_id = views.CHOICE_BLOCK if error.part == "name" else views.value_block(name)
            await ack(response_action="errors", errors={inputs.get(block_id, block_id): str(error)})
            return
        except ExtraConflictError as error:
            set_outcome(Outcome.TOLD)
            modal = views.add_modal(
                find_extra(name), metadata=metadata, value=value, notes=views.conflict_blocks(error)
            )
            await ack(response_action="update", view=modal)
            return
        await ack()
        if form is not None:
            await self._show_in_form(client, shown, caller, changed, list_id=shown.get("previous_view_id"))
        else:
            await self._show_in_list(client, shown.get("previous_view_id"), caller, stored.view, metadata)

    async def press_remove(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Take one away from the list."""
        await ack()
        metadata, shown, name = _context(body), modal_of(body), pressed_value(action)
        form = await self._services.forms.below(metadata, caller, owner)
        if form is not None:
            changed = form.with_extras(without_extra(form.extras, name))
            await self._show_in_form(client, shown, caller, changed, list_id=shown["id"])
            return
        stored = await self._services.profiles.remove_extra(caller=caller, owner=owner, name=name)
        await self._show_in_list(client, shown["id"], caller, stored.view, metadata)

    async def closed(self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person) -> None:
        """Show the card where the list was opened, once it is closed after a change."""
        await ack()
        metadata = _context(body)

        async def notify(sentence: str) -> None:
            await post_where_opened(client, caller, metadata.reply, notice(sentence))

        async def show_card() -> None:
            view = await self._services.profiles.show(caller=caller, owner=owner)
            card = await self._services.card(view, caller)
            await post_where_opened(client, caller, metadata.reply, card)

        if metadata.changed:
            self._services.jobs.start(f"card of {owner.user} for {caller.user}", show_card, notify=notify)

    async def press_switch_in_form(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Settle a conflict inside the modal: switch."""
        await ack()
        metadata, shown, name = _context(body), modal_of(body), pressed_value(action)
        list_id = shown.get("previous_view_id")
        form = await self._services.forms.below(metadata, caller, owner)
        if form is not None:
            changed = form.with_extras(with_encryption(form.extras, name))
            if await self._show_in_form(client, shown, caller, changed, list_id=list_id):
                await update_modal(client, shown["id"], views.switched_modal(name, metadata=metadata))
            return
        stored = await self._services.profiles.switch_encryption(caller=caller, owner=owner, to=name)
        done = views.switched_modal(name, metadata=_now(metadata, stored.view))
        await self._show(client, shown["id"], done, caller, stored.view, metadata)
        await self._show_in_list(client, list_id, caller, stored.view, metadata)

    async def press_keep_in_form(self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient) -> None:
        """Settle a conflict inside the modal: leave everything as it is."""
        await ack()
        modal = views.add_modal(find_extra(pressed_value(action)), metadata=_context(body))
        await update_modal(client, body["view"]["id"], modal)

    async def _show_in_form(
        self, client: AsyncWebClient, shown: Payload, caller: Person, changed: Form, *, list_id: str | None
    ) -> bool:
        """Draw the form at the bottom anew with its changes, then the list; False when Slack did not take the form.

        Nothing is stored, so what the form has not got is not changed.
        """
        changed = changed.redrawn()
        try:
            await update_modal(client, str(shown.get("root_view_id")), profile_form(changed))
        except SLACK_ERRORS as error:
            log.info("A form was not changed (%s).", type(error).__name__)
            lost = notice("Slack did not take the change, so nothing in the form has changed. Please try it again.")
            await post_where_opened(client, caller, changed.metadata.reply, lost)
            return False
        if list_id:
            await update_modal(client, list_id, views.list_modal(changed.extras, metadata=changed.stacked))
        return True

    async def _show_in_list(
        self, client: AsyncWebClient, list_id: str | None, caller: Person, view: ProfileView, metadata: PrivateMetadata
    ) -> None:
        """Show in the list what is stored now."""
        if list_id:
            modal = views.list_modal(view.profile.extras, metadata=_now(metadata, view))
            await self._show(client, list_id, modal, caller, view, metadata)

    async def _show(
        self,
        client: AsyncWebClient,
        view_id: str,
        shown: View,
        caller: Person,
        view: ProfileView,
        metadata: PrivateMetadata,
    ) -> None:
        """Show in a modal what is stored already; where Slack does not take it, the list says it elsewhere."""
        try:
            await update_modal(client, view_id, shown)
        except SLACK_ERRORS as error:
            log.info("A modal was not changed (%s).", type(error).__name__)
            await post_where_opened(client, caller, metadata.reply, views.extras_message(view, reader=caller.user))


async def _push(client: AsyncWebClient, body: Payload, modal: View, metadata: PrivateMetadata, owner: Person) -> None:
    """Push a modal on top of the one that was pressed in.

    Where Slack does not open it, the list is offered on a button, but not above a form: what the offered list changes
    is stored at once, and what is pressed in a form waits for its Save.

    Raises:
        NotOpenedError: Slack did not open it.
    """
    if metadata.form is None:
        again = button("Extra Configurations", ActionId.OPEN_EXTRAS, value=owner.user)
        await open_or_offer(client, body, modal, again=again)
    else:
        await open_modal(client, body, modal)


def _context(body: Payload) -> PrivateMetadata:
    """Read what the modal remembers that something was pressed in."""
    return PrivateMetadata.decode(modal_of(body)["private_metadata"])


def _now(metadata: PrivateMetadata, view: ProfileView) -> PrivateMetadata:
    return replace(metadata.after_own_change(view.revision), changed=True)
