"""`/email-extra`, the list of extra configurations, and the modal that adds one."""

import logging

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.observability.log import Outcome, set_outcome
from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.extras import find_extra
from bot.profiles.account.records import ProfileView
from bot.profiles.errors import ExtraConflictError, InvalidExtraError
from bot.profiles.people.access import Person
from bot.slack.command_text import Invocation, subcommand
from bot.slack.ids import EMAIL_EXTRA, ActionId, ViewId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.replies.modals import modal_of, open_or_offer, update_modal
from bot.slack.replies.reply import reply_in_place
from bot.slack.replies.response_url import post_where_opened
from bot.slack.views import card as cards
from bot.slack.views import extras as views
from bot.slack.views.form import PrivateMetadata, profile_form
from bot.slack.views.message import Button, button
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
        card = cards.card(changed.view, reader=caller.user, entry=self._services.entry)
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
        """Push the list on top of the form."""
        await ack()
        view = await self._services.profiles.show(caller=caller, owner=owner)
        await open_or_offer(client, body, views.list_modal(view, metadata=_context(body)), again=_list_button(owner))

    async def push_add(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Push the modal that adds one; it begins with TLS or SSL, whichever fits the port."""
        await ack()
        metadata = _context(body)
        view = await self._services.profiles.show(caller=caller, owner=owner)
        first = find_extra("SSL" if view.profile.port == 465 else "TLS")
        await open_or_offer(client, body, views.add_modal(first, metadata=metadata), again=_list_button(owner))

    async def push_edit(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Push the modal with one that is set already."""
        await ack()
        metadata = _context(body)
        view = await self._services.profiles.show(caller=caller, owner=owner)
        entry = find_extra(pressed_value(action))
        modal = views.add_modal(entry, metadata=metadata, value=view.profile.extras.get(entry.name, ""))
        await open_or_offer(client, body, modal, again=_list_button(owner))

    async def choose(self, ack: AsyncAck, body: Payload, client: AsyncWebClient) -> None:
        """Let the value's input fit the configuration that was chosen."""
        await ack()
        metadata = _context(body)
        name, _ = views.read_extra(body["view"]["state"]["values"])
        await update_modal(client, body["view"]["id"], views.add_modal(find_extra(name), metadata=metadata))

    async def add(self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person) -> None:
        """Set what was chosen; then list and form below show it."""
        metadata = _context(body)
        name, value = views.read_extra(body["view"]["state"]["values"])
        try:
            changed = await self._services.profiles.add_extra(caller=caller, owner=owner, name=name, value=value)
        except InvalidExtraError as error:
            set_outcome(Outcome.TOLD)
            block_id = views.CHOICE_BLOCK if error.part == "name" else views.value_block(name)
            await ack(response_action="errors", errors={block_id: str(error)})
            return
        except ExtraConflictError as error:
            set_outcome(Outcome.TOLD)
            modal = views.add_modal(
                find_extra(name), metadata=metadata, value=value, notes=views.conflict_blocks(error)
            )
            await ack(response_action="update", view=modal)
            return
        await ack()
        await self._refresh_below(client, body["view"], caller, changed.view, metadata)

    async def press_remove(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Take one away from the list."""
        await ack()
        metadata, shown = _context(body), body["view"]
        changed = await self._services.profiles.remove_extra(caller=caller, owner=owner, name=pressed_value(action))
        view = changed.view
        await self._show(
            client, shown["id"], views.list_modal(view, metadata=_now(metadata, view)), caller, view, metadata
        )
        if shown.get("root_view_id") != shown["id"]:
            await self._refresh_form(client, shown["root_view_id"], caller, view, metadata)

    async def press_switch_in_form(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Settle a conflict inside the modal: switch."""
        await ack()
        metadata, name = _context(body), pressed_value(action)
        changed = await self._services.profiles.switch_encryption(caller=caller, owner=owner, to=name)
        view = changed.view
        done = views.switched_modal(name, metadata=_now(metadata, view))
        await self._show(client, body["view"]["id"], done, caller, view, metadata)
        await self._refresh_below(client, body["view"], caller, view, metadata)

    async def press_keep_in_form(self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient) -> None:
        """Settle a conflict inside the modal: leave everything as it is."""
        await ack()
        modal = views.add_modal(find_extra(pressed_value(action)), metadata=_context(body))
        await update_modal(client, body["view"]["id"], modal)

    async def _refresh_below(
        self, client: AsyncWebClient, shown: Payload, caller: Person, view: ProfileView, metadata: PrivateMetadata
    ) -> None:
        """Show the change in the list below, and in the form at the bottom if there is one."""
        parent, root = shown.get("previous_view_id"), shown.get("root_view_id")
        if parent:
            await self._show(
                client, parent, views.list_modal(view, metadata=_now(metadata, view)), caller, view, metadata
            )
        if root and root not in (parent, shown["id"]):
            await self._refresh_form(client, root, caller, view, metadata)

    async def _refresh_form(
        self, client: AsyncWebClient, view_id: str, caller: Person, view: ProfileView, metadata: PrivateMetadata
    ) -> None:
        """Put the form on the new revision, so that saving it is no conflict; Slack keeps what was typed."""
        shown = profile_form(view, metadata=_now(metadata, view), reader=caller.user, entry=self._services.entry)
        await self._show(client, view_id, shown, caller, view, metadata)

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
            await post_where_opened(client, caller.user, metadata.reply, views.extras_message(view, reader=caller.user))


def _list_button(owner: Person) -> Button:
    return button("Extra Configurations", ActionId.OPEN_EXTRAS, value=owner.user)


def _context(body: Payload) -> PrivateMetadata:
    """Read what the modal remembers that something was pressed in."""
    return PrivateMetadata.decode(modal_of(body)["private_metadata"])


def _now(metadata: PrivateMetadata, view: ProfileView) -> PrivateMetadata:
    return metadata.after_own_change(view.revision)
