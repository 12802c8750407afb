"""`/email-profile` and its form: show, edit, save, delete."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.changes import ProfileChange, find_conflicts, form_values
from bot.profiles.account.profile import Field
from bot.profiles.account.records import ProfileView
from bot.profiles.errors import EditConflictError, InvalidFormError, UserError
from bot.profiles.people.access import Person
from bot.slack.commands import Commands, SlashCommand
from bot.slack.ids import EMAIL_PROFILE, ActionId, ViewId
from bot.slack.listeners.services import Services, caller_of, owner_of, pressed
from bot.slack.middleware.request_log import Outcome, note_outcome
from bot.slack.replies.direct_message import say
from bot.slack.replies.reply import answer_to
from bot.slack.turns import side_by_side
from bot.slack.views import card as cards
from bot.slack.views.form import PrivateMetadata, profile_form, read_form
from bot.slack.views.message import Message, escape, notice, section

log = logging.getLogger(__name__)


def register(app: AsyncApp, commands: Commands, services: Services) -> None:
    """Register the command, the form and the card's buttons."""
    room = _ProfileListeners(services)
    commands.on(EMAIL_PROFILE, "show", listener=room.show)
    commands.on(EMAIL_PROFILE, "edit", listener=room.edit)
    commands.on(EMAIL_PROFILE, "delete", listener=room.ask_to_delete)
    app.view(ViewId.PROFILE)(room.save)
    app.action(ActionId.EDIT)(room.press_edit)
    app.action(ActionId.DELETE)(room.press_delete)


class _ProfileListeners:
    def __init__(self, services: Services) -> None:
        self._jobs = services.jobs
        self._profiles = services.profiles
        self._owners = services.owners
        self._opening = services.opening
        self._entry = services.entry

    async def show(self, command: SlashCommand) -> Message:
        """Answer `/email-profile`."""
        view = await self._profiles.show(caller=command.caller, owner=command.owner)
        await side_by_side()
        return self._card(view, command.caller)

    async def edit(self, command: SlashCommand) -> None:
        """Answer `/email-profile edit` with the form."""
        await self._opening.form(command.client, command.body, command.caller, command.owner, channel=command.channel)

    async def ask_to_delete(self, command: SlashCommand) -> Message:
        """Answer `/email-profile delete` with a question."""
        view = await self._profiles.show(caller=command.caller, owner=command.owner)
        if not view.revision:
            return self._card(view, command.caller)
        return cards.delete_question(view, reader=command.caller.user)

    def _card(self, view: ProfileView, caller: Person) -> Message:
        return cards.card(view, reader=caller.user, entry=self._entry)

    async def press_edit(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        action: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Open the form from a card's button."""
        await ack()
        caller = caller_of(context)
        owner = owner_of(caller, pressed(action))
        await self._opening.form(client, body, caller, owner, channel=context.channel_id or "")

    async def save(
        self, ack: AsyncAck, view: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Save the form; whatever is wrong keeps it open with everything typed."""
        known = PrivateMetadata.decode(view["private_metadata"])
        caller = caller_of(context)
        owner = owner_of(caller, known.owner)
        filled = read_form(view["state"]["values"])
        try:
            changed = await self._profiles.save(
                caller=caller,
                owner=owner,
                form=filled,
                expected_revision=known.revision,
            )
        except InvalidFormError as error:
            note_outcome(Outcome.TOLD)
            await ack(response_action="errors", errors=_beside(error.errors, view))
            return
        except EditConflictError as error:
            note_outcome(Outcome.TOLD)
            await ack(response_action="update", view=await self._form_again(caller, owner, view, error))
            return
        await ack(response_action="clear")
        self._show_card(client, caller, known.channel, changed)
        self._owners.tell(client, caller, changed)

    async def _form_again(self, caller: Person, owner: Person, shown: dict[str, Any], error: EditConflictError) -> View:
        """Keep the form as typed, now on the stored revision, and ask what shall stay where the two differ."""
        known = PrivateMetadata.decode(shown["private_metadata"])
        view = await self._profiles.show(caller=caller, owner=owner)
        decisions = find_conflicts(known.initial_values, read_form(shown["state"]["values"]), view.profile)
        fresh = replace(known, revision=error.revision, initial_values=form_values(view.profile))
        notes = [] if decisions else [section(f":warning: {escape(str(error))}")]
        return profile_form(
            view, metadata=fresh, reader=caller.user, entry=self._entry, notes=notes, decisions=decisions
        )

    def _show_card(self, client: AsyncWebClient, caller: Person, channel: str, changed: ProfileChange) -> None:
        async def tell(sentence: str) -> None:
            await say(client, caller.user, channel, notice(sentence))

        async def show_card() -> None:
            await say(client, caller.user, channel, self._card(changed.view, caller))

        try:
            self._jobs.start("card after saving", show_card, tell=tell)
        except UserError:
            # The change is saved, which the closed form says; nobody must hear otherwise.
            log.warning("The card of a saved profile could not be shown: too much is under way.")

    async def press_delete(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Delete for good; Slack has asked for confirmation."""
        await ack()
        caller = caller_of(context)
        owner = owner_of(caller, pressed(body["actions"][0]))
        existed = await self._profiles.delete(caller=caller, owner=owner)
        whose = "Your email profile" if owner == caller else "The email profile"
        done = notice(f"{whose} is deleted." if existed else f"{whose} was deleted before.")
        answer = await answer_to(body, client, title=cards.TITLE, first=done)
        await answer.show(done)
        if existed:
            self._owners.tell_deleted(client, caller, owner)


def _beside(errors: Mapping[str, str], view: Mapping[str, Any]) -> dict[str, str]:
    """Put each sentence beside an input that the form has; without a password field, beside the server."""
    inputs = {block.get("block_id") for block in view.get("blocks") or []}
    return {(name if name in inputs else str(Field.HOST)): sentence for name, sentence in errors.items()}
