"""`/email-profile defaults`: what new forms begin with, and moving profiles to new defaults."""

import logging
from dataclasses import replace

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.observability.log import Outcome, set_outcome
from bot.profiles.errors import EditConflictError, UserError
from bot.profiles.people.access import Person
from bot.profiles.people.defaults import DEFAULTS_SUBJECT
from bot.slack.command_text import subcommand
from bot.slack.ids import EMAIL_PROFILE, ActionId, ViewId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.replies.modals import open_or_replace
from bot.slack.replies.reply import Paced, reply_in_place
from bot.slack.replies.response_url import post_where_opened, reply_address
from bot.slack.views import defaults as views
from bot.slack.views.message import button, escape, notice, section
from bot.slack.views.private_metadata import PrivateMetadata

log = logging.getLogger(__name__)


class DefaultsListeners:
    """The subcommand, the form and the buttons."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register_commands(self, app: AsyncApp) -> None:
        """Register the subcommand."""
        app.command(EMAIL_PROFILE, matchers=[subcommand("defaults")])(self.edit)

    def register(self, app: AsyncApp) -> None:
        """Register the form and the buttons."""
        app.action(ActionId.DEFAULTS_EDIT)(self.edit)
        app.view(ViewId.DEFAULTS)(self.save)
        app.action(ActionId.DEFAULTS_MOVE)(self.press_move)

    async def edit(self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person) -> None:
        """Open the form, from the command or from the Home tab."""
        await ack()
        stored = await self._services.defaults.show(caller=caller)
        metadata = PrivateMetadata(owner=DEFAULTS_SUBJECT, revision=stored.revision, reply=reply_address(body, caller))
        again = button("Open the form", ActionId.DEFAULTS_EDIT)
        notes = [section(views.UNREADABLE)] if stored.unreadable else []
        modal = views.defaults_form(views.filled(stored), metadata=metadata, notes=notes)
        await open_or_replace(client, body, modal, again=again)

    async def save(self, ack: AsyncAck, view: Payload, client: AsyncWebClient, caller: Person) -> None:
        """Save the defaults, and say what they mean for the profiles there are."""
        metadata = PrivateMetadata.decode(view["private_metadata"])
        filled = views.read_form(view)
        try:
            stored = await self._services.defaults.save(caller=caller, form=filled, expected_revision=metadata.revision)
        except EditConflictError as error:
            set_outcome(Outcome.TOLD)
            fresh = replace(metadata, revision=error.revision, drawn=metadata.drawn + 1)
            notes = [section(f":warning: {escape(str(error))}")]
            await ack(response_action="update", view=views.defaults_form(filled, metadata=fresh, notes=notes))
            return
        await ack()

        async def notify(sentence: str) -> None:
            await post_where_opened(client, caller, metadata.reply, notice(sentence))

        async def count() -> None:
            found = await self._services.defaults.count_usage(stored, workspace=caller.workspace)
            await post_where_opened(client, caller, metadata.reply, views.saved(stored, found))

        try:
            self._services.jobs.start_run(f"differences for {caller.user}", count, notify=notify)
        except UserError:
            # The defaults are saved, which the closed form says; nobody must hear otherwise.
            log.warning("What saved defaults mean could not be counted: too much is under way.")

    async def press_move(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Move those who hold the old defaults to the new ones; their owners get notices."""
        await ack()
        value = pressed_value(action)
        revision = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0
        beginning = notice("Moving profiles to the new defaults …")
        reply = await reply_in_place(body, client, title=views.TITLE, first=beginning)
        paced = Paced(reply)

        async def notify(sentence: str) -> None:
            await reply.fail(notice(sentence))

        async def move() -> None:
            counts = await self._services.defaults.move(
                caller=caller, revision=revision, show=lambda counts: paced.progress(views.moving(counts))
            )
            await reply.show(views.moved(counts))

        await self._services.jobs.start_shown_run(f"move for {caller.user}", move, notify=notify)
