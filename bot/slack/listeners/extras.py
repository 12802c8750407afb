"""`/email-extra`, the list of extra configurations, and the modal that adds one."""

import logging
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.models.blocks import ButtonElement
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.extras import find_extra
from bot.profiles.account.records import ProfileView
from bot.profiles.errors import ExtraConflictError, InvalidExtraError
from bot.profiles.people.access import Person
from bot.slack.command_text import Invocation
from bot.slack.commands import Commands, SlashCommand
from bot.slack.ids import EMAIL_EXTRA, ActionId, ViewId
from bot.slack.listeners.services import Services, caller_of, modal_of, owner_of, pressed
from bot.slack.middleware.request_log import Outcome, note_outcome
from bot.slack.replies.direct_message import say
from bot.slack.replies.modals import push_for, show_in
from bot.slack.replies.reply import answer_to
from bot.slack.views import card as cards
from bot.slack.views import extras as views
from bot.slack.views.form import PrivateMetadata, profile_form
from bot.slack.views.message import Message, button
from bot.slack.web_api.errors import SLACK_FAILS

log = logging.getLogger(__name__)


def register(app: AsyncApp, commands: Commands, services: Services) -> None:
    """Register the command, both modals and their buttons."""
    room = _ExtraListeners(services)
    commands.on(EMAIL_EXTRA, "list", "add", "remove", listener=room.command)
    app.action(ActionId.USE_TLS)(room.press_switch)
    app.action(ActionId.USE_SSL)(room.press_switch)
    app.action(ActionId.OPEN_EXTRAS)(room.open_list)
    app.action(ActionId.FORM_EXTRAS)(room.push_list)
    app.action(ActionId.LIST_ADD)(room.push_add)
    app.action(ActionId.LIST_EDIT)(room.push_edit)
    app.action(ActionId.LIST_REMOVE)(room.press_remove)
    app.action(ActionId.CHOOSE_EXTRA)(room.choose)
    app.action(ActionId.SWITCH_IN_FORM)(room.press_switch_in_form)
    app.action(ActionId.KEEP_IN_FORM)(room.press_keep_in_form)
    app.view(ViewId.ADD_EXTRA)(room.add)


class _ExtraListeners:
    def __init__(self, services: Services) -> None:
        self._profiles = services.profiles
        self._owners = services.owners
        self._opening = services.opening
        self._entry = services.entry

    async def command(self, command: SlashCommand) -> Message:
        """Answer `/email-extra …`."""
        try:
            changed = await self._carry_out(command.invocation, command.caller, command.owner)
        except ExtraConflictError as error:
            note_outcome(Outcome.TOLD)
            return views.conflict_message(error, owner=command.owner.user)
        self._owners.tell(command.client, command.caller, changed)
        return views.extras_message(changed.view, reader=command.caller.user)

    async def _carry_out(self, invocation: Invocation, caller: Person, owner: Person) -> ProfileChange:
        who = {"caller": caller, "owner": owner}
        match invocation.subcommand:
            case "add":
                name, value = invocation.arguments
                return await self._profiles.add_extra(**who, name=name, value=value)
            case "remove":
                return await self._profiles.remove_extra(**who, name=invocation.arguments[0])
            case _:
                return ProfileChange(view=await self._profiles.show(**who))

    async def press_switch(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Turn TLS or SSL on (and the other off) from a card, and show the card anew."""
        await ack()
        caller = caller_of(context)
        action = body["actions"][0]
        changed = await self._profiles.switch_encryption(
            caller=caller,
            owner=owner_of(caller, pressed(action)),
            to="SSL" if action["action_id"] == ActionId.USE_SSL else "TLS",
        )
        self._owners.tell(client, caller, changed)
        card = cards.card(changed.view, reader=caller.user, entry=self._entry)
        answer = await answer_to(body, client, title=cards.TITLE, first=card)
        await answer.show(card)

    async def open_list(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        action: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Open the list from a message."""
        await ack()
        caller = caller_of(context)
        owner = owner_of(caller, pressed(action))
        await self._opening.extras(client, body, caller, owner, channel=context.channel_id or "")

    async def push_list(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Push the list on top of the form."""
        await ack()
        caller, owner, known = _modal(body, context)
        view = await self._profiles.show(caller=caller, owner=owner)
        await push_for(client, body, views.list_modal(view, metadata=known), again=_list_button(owner))

    async def push_add(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Push the modal that adds one; it begins with TLS or SSL, whichever fits the port."""
        await ack()
        caller, owner, known = _modal(body, context)
        view = await self._profiles.show(caller=caller, owner=owner)
        first = find_extra("SSL" if view.profile.port == 465 else "TLS")
        await push_for(client, body, views.add_modal(first, metadata=known), again=_list_button(owner))

    async def push_edit(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        action: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Push the modal with one that is there already."""
        await ack()
        caller, owner, known = _modal(body, context)
        view = await self._profiles.show(caller=caller, owner=owner)
        entry = find_extra(pressed(action))
        modal = views.add_modal(entry, metadata=known, value=view.profile.extras.get(entry.name, ""))
        await push_for(client, body, modal, again=_list_button(owner))

    async def choose(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Let the value's input fit the configuration that was chosen."""
        await ack()
        _, _, known = _modal(body, context)
        name, _ = views.read_extra(body["view"]["state"]["values"])
        await show_in(client, body["view"]["id"], views.add_modal(find_extra(name), metadata=known))

    async def add(self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient) -> None:
        """Set what was chosen; then list and form below show it."""
        caller, owner, known = _modal(body, context)
        name, value = views.read_extra(body["view"]["state"]["values"])
        try:
            changed = await self._profiles.add_extra(caller=caller, owner=owner, name=name, value=value)
        except InvalidExtraError as error:
            note_outcome(Outcome.TOLD)
            block_id = views.CHOICE_BLOCK if error.part == "name" else views.value_block(name)
            await ack(response_action="errors", errors={block_id: str(error)})
            return
        except ExtraConflictError as error:
            note_outcome(Outcome.TOLD)
            modal = views.add_modal(find_extra(name), metadata=known, value=value, notes=views.conflict_blocks(error))
            await ack(response_action="update", view=modal)
            return
        await ack()
        self._owners.tell(client, caller, changed)
        await self._refresh_below(client, body["view"], caller, changed.view, known)

    async def press_remove(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        action: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Take one away from the list."""
        await ack()
        caller, owner, known = _modal(body, context)
        changed = await self._profiles.remove_extra(caller=caller, owner=owner, name=pressed(action))
        self._owners.tell(client, caller, changed)
        view = changed.view
        shown = body["view"]
        await self._show(client, shown["id"], views.list_modal(view, metadata=_now(known, view)), caller, view, known)
        if shown.get("root_view_id") != shown["id"]:
            await self._refresh_form(client, shown["root_view_id"], caller, view, known)

    async def press_switch_in_form(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        action: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Settle a conflict inside the modal: switch."""
        await ack()
        caller, owner, known = _modal(body, context)
        name = pressed(action)
        changed = await self._profiles.switch_encryption(caller=caller, owner=owner, to=name)
        self._owners.tell(client, caller, changed)
        view = changed.view
        done = views.switched_modal(name, metadata=_now(known, view))
        await self._show(client, body["view"]["id"], done, caller, view, known)
        await self._refresh_below(client, body["view"], caller, view, known)

    async def press_keep_in_form(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        action: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Settle a conflict inside the modal: leave everything as it is."""
        await ack()
        _, _, known = _modal(body, context)
        await show_in(client, body["view"]["id"], views.add_modal(find_extra(pressed(action)), metadata=known))

    async def _refresh_below(
        self, client: AsyncWebClient, shown: dict[str, Any], caller: Person, view: ProfileView, known: PrivateMetadata
    ) -> None:
        """Show the change in the list below, and in the form at the bottom if there is one."""
        parent, root = shown.get("previous_view_id"), shown.get("root_view_id")
        if parent:
            await self._show(client, parent, views.list_modal(view, metadata=_now(known, view)), caller, view, known)
        if root and root not in (parent, shown["id"]):
            await self._refresh_form(client, root, caller, view, known)

    async def _refresh_form(
        self, client: AsyncWebClient, view_id: str, caller: Person, view: ProfileView, known: PrivateMetadata
    ) -> None:
        """Put the form on the new revision, so that saving it is no conflict; Slack keeps what was typed."""
        shown = profile_form(view, metadata=_now(known, view), reader=caller.user, entry=self._entry)
        await self._show(client, view_id, shown, caller, view, known)

    async def _show(  # noqa: PLR0917 - each is of its own kind
        self,
        client: AsyncWebClient,
        view_id: str,
        shown: View,
        caller: Person,
        view: ProfileView,
        known: PrivateMetadata,
    ) -> None:
        """Show in a modal what is stored already; where Slack does not take it, the list says it elsewhere."""
        try:
            await show_in(client, view_id, shown)
        except SLACK_FAILS as error:
            log.info("A modal was not changed (%s).", type(error).__name__)
            await say(client, caller.user, known.channel, views.extras_message(view, reader=caller.user))


def _list_button(owner: Person) -> ButtonElement:
    return button("Extra Configurations", ActionId.OPEN_EXTRAS, value=owner.user)


def _modal(body: dict[str, Any], context: AsyncBoltContext) -> tuple[Person, Person, PrivateMetadata]:
    """Tell who acts in a modal, on whose profile, and what the modal remembers."""
    known = PrivateMetadata.decode(modal_of(body)["private_metadata"])
    caller = caller_of(context)
    return caller, owner_of(caller, known.owner), known


def _now(known: PrivateMetadata, view: ProfileView) -> PrivateMetadata:
    return known.after_own_change(view.revision)
