"""`/email-profile` and its form: show, edit, save, delete."""

import asyncio
import logging
from dataclasses import replace

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.observability.log import Outcome, set_outcome
from bot.profiles.account.changes import ProfileChange, find_conflicts, form_digests
from bot.profiles.account.drafts import completed
from bot.profiles.account.profile import Field
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.errors import EditConflictError, InvalidFormError, UserError
from bot.profiles.people.access import Person
from bot.slack.command_text import subcommand
from bot.slack.ids import EMAIL_PROFILE, ActionId, ViewId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.held_ack import HeldAck
from bot.slack.replies.reply import reply_in_place
from bot.slack.replies.response_url import post_where_opened
from bot.slack.views import card as cards
from bot.slack.views.address_confirmation import unconfirmed_blocks
from bot.slack.views.discovery import nothing_sentence, nothing_yet, or_type_server
from bot.slack.views.form import SAVE_BUTTON, profile_form
from bot.slack.views.form_state import read_form, undecided, was_filled_for_another, without_undecided
from bot.slack.views.found_form import NONE_FOUND, ask_again, found_form, told_form
from bot.slack.views.message import escape, notice, section
from bot.slack.views.private_metadata import PrivateMetadata, ReplyAddress

log = logging.getLogger(__name__)


class ProfileListeners:
    """The command, the form and the card's buttons."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register_commands(self, app: AsyncApp) -> None:
        """Register the subcommands."""
        app.command(EMAIL_PROFILE, matchers=[subcommand("show")])(self.show)
        app.command(EMAIL_PROFILE, matchers=[subcommand("edit")])(self.edit)
        app.command(EMAIL_PROFILE, matchers=[subcommand("delete")])(self.ask_to_delete)

    def register(self, app: AsyncApp) -> None:
        """Register the form and the buttons."""
        app.view(ViewId.PROFILE)(self.save)
        app.action(ActionId.EDIT)(self.press_edit)
        app.action(ActionId.DELETE)(self.press_delete)

    async def show(self, ack: AsyncAck, caller: Person, owner: Person) -> None:
        """Answer `/email-profile` with the card."""
        view = await self._services.profiles.show(caller=caller, owner=owner)
        unconfirmed = await self._services.confirmations.is_missing(caller=caller, view=view)
        below = unconfirmed_blocks(view.profile.address) if unconfirmed else ()
        await ack((await self._services.card(view, caller, below=below)).payload())

    async def edit(self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person) -> None:
        """Answer `/email-profile edit` with the form."""
        await self._services.forms.open_form(client, body, caller, owner)
        await ack()

    async def ask_to_delete(self, ack: AsyncAck, caller: Person, owner: Person) -> None:
        """Answer `/email-profile delete` with a question; without a profile, with the card."""
        view = await self._services.profiles.show(caller=caller, owner=owner)
        if view.revision:
            message = cards.delete_question(view, reader=caller.user)
        else:
            message = await self._services.card(view, caller)
        await ack(message.payload())

    async def press_edit(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Open the form from a card's button."""
        await ack()
        await self._services.forms.open_form(client, body, caller, owner)

    async def save(
        self, ack: AsyncAck, view: Payload, client: AsyncWebClient, held_ack: HeldAck, caller: Person, owner: Person
    ) -> None:
        """Save the form; whatever is wrong keeps it open with everything typed. Without a server, find one and ask."""
        self._services.form_searches.end(str(view.get("id")))
        if found := await self._found_before_saving(view, held_ack, caller, owner):
            await ack(response_action="update", view=found)
            return
        metadata, typed = PrivateMetadata.decode(view["private_metadata"]), read_form(view)
        if missing := undecided(view):
            errors = await self._services.profiles.form_errors(caller=caller, owner=owner, form=typed)
            raise InvalidFormError({**without_undecided(errors, missing), **missing})
        try:
            changed = await self._services.profiles.save(
                caller=caller, owner=owner, form=typed, expected_revision=metadata.revision
            )
        except EditConflictError as error:
            set_outcome(Outcome.TOLD)
            await ack(response_action="update", view=await self._form_with_conflicts(caller, owner, view, error))
            return
        await ack(response_action="clear")
        self._show_card(client, caller, metadata.reply, changed)

    async def _found_before_saving(
        self, shown: Payload, held_ack: HeldAck, caller: Person, owner: Person
    ) -> View | None:
        """Return the form with settings that were found for it, where it needs them, else None.

        Where none were found, the server of another domain is gone from it.

        Raises:
            InvalidFormError: none were found, and no server stands in it.
        """
        typed = read_form(shown)
        for_another = was_filled_for_another(PrivateMetadata.decode(shown["private_metadata"]), typed.address)
        if (typed.host.strip() and not for_another) or undecided(shown):
            return None
        form = await self._services.forms.shown(shown, caller, owner)
        known = await self._services.form_searches.known(form)
        if not (form.needs_search and (form.holds_other_domains_server or known.domain)):
            return None
        try:
            async with asyncio.timeout(held_ack.hold()):
                findings = await self._services.finder.find(form.content.address, caller=caller)
        except TimeoutError:
            missing = nothing_yet(known)
        except RateLimitedError as error:
            missing = or_type_server(str(error))
        else:
            if findings.best is not None:
                return found_form(form, findings, ask=ask_again(SAVE_BUTTON))
            missing = nothing_sentence(findings)
        if form.holds_other_domains_server:
            set_outcome(Outcome.TOLD)
            return told_form(form, missing, ended=NONE_FOUND)
        errors = await self._services.profiles.form_errors(caller=caller, owner=owner, form=typed)
        raise InvalidFormError({**errors, Field.HOST: missing})

    async def _form_with_conflicts(
        self, caller: Person, owner: Person, shown: Payload, error: EditConflictError
    ) -> View:
        """Return the form as typed, now on the stored revision, with a choice for each value that differs."""
        form = await self._services.forms.shown(shown, caller, owner)
        stored = form.basis.view.profile
        decided = completed(read_form(shown), stored, form.basis.defaults)
        decisions = find_conflicts(form.metadata.initial, decided, stored)
        fresh = replace(form.metadata, revision=error.revision, initial=form_digests(stored))
        notes = [] if decisions else [section(f":warning: {escape(str(error))}")]
        return profile_form(replace(form, metadata=fresh).redrawn(), notes=notes, decisions=decisions)

    def _show_card(
        self, client: AsyncWebClient, caller: Person, reply: ReplyAddress | None, changed: ProfileChange
    ) -> None:
        async def notify(sentence: str) -> None:
            await post_where_opened(client, caller, reply, notice(sentence))

        async def show_card() -> None:
            card = await self._services.card(changed.view, caller, notes=changed.notes)
            await post_where_opened(client, caller, reply, card)

        try:
            self._services.jobs.start("card after saving", show_card, notify=notify)
        except UserError:
            # The change is saved, which the closed form says; nobody must hear otherwise.
            log.warning("The card of a saved profile could not be shown: too much is under way.")

    async def press_delete(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Delete for good; Slack has asked for confirmation."""
        await ack()
        existed = await self._services.profiles.delete(caller=caller, owner=owner)
        whose = "Your email profile" if owner == caller else "The email profile"
        done = notice(f"{whose} is deleted." if existed else f"{whose} was deleted before.")
        reply = await reply_in_place(body, client, title=cards.TITLE, first=done)
        await reply.show(done)
