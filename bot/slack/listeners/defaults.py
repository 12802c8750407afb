"""`/email-profile defaults`: what new forms begin with, and moving profiles along."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import EditConflictError, InvalidFormError
from bot.profiles.people.access import Person
from bot.profiles.people.defaults import DEFAULTS_SUBJECT
from bot.slack.commands import Commands, SlashCommand
from bot.slack.ids import EMAIL_PROFILE, ActionId, ViewId
from bot.slack.listeners.services import Services, caller_of, pressed
from bot.slack.middleware.request_log import Outcome, note_outcome
from bot.slack.replies.direct_message import say
from bot.slack.replies.modals import open_for
from bot.slack.replies.reply import answer_to
from bot.slack.views import defaults as views
from bot.slack.views.form import PrivateMetadata
from bot.slack.views.message import button, escape, notice, section


def register(app: AsyncApp, commands: Commands, services: Services) -> None:
    """Register the subcommand, the form and the buttons."""
    room = _DefaultsListeners(services)
    commands.on(EMAIL_PROFILE, "defaults", listener=room.command)
    app.action(ActionId.DEFAULTS_EDIT)(room.press_edit)
    app.view(ViewId.DEFAULTS)(room.save)
    app.action(ActionId.DEFAULTS_MOVE)(room.press_move)


class _DefaultsListeners:
    def __init__(self, services: Services) -> None:
        self._defaults = services.defaults
        self._moves = services.moves
        self._owners = services.owners
        self._jobs = services.jobs

    async def command(self, command: SlashCommand) -> None:
        """Open the form of `/email-profile defaults`."""
        await self._open(command.client, command.body, command.caller, channel=command.channel)

    async def press_edit(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Open the form from the Home tab."""
        await ack()
        await self._open(client, body, caller_of(context), channel=context.channel_id or "")

    async def _open(self, client: AsyncWebClient, body: dict[str, Any], caller: Person, *, channel: str) -> None:
        stored = await self._defaults.show(caller=caller)
        known = PrivateMetadata(owner=DEFAULTS_SUBJECT, revision=stored.revision, channel=channel)
        await open_for(
            client,
            body,
            views.defaults_form(stored, metadata=known),
            again=button("Open the form", ActionId.DEFAULTS_EDIT),
        )

    async def save(
        self, ack: AsyncAck, view: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Save the defaults, and say what they mean for the profiles there are."""
        known = PrivateMetadata.decode(view["private_metadata"])
        caller = caller_of(context)
        filled = views.read_form(view["state"]["values"])
        try:
            stored = await self._defaults.save(caller=caller, form=filled, expected_revision=known.revision)
        except InvalidFormError as error:
            note_outcome(Outcome.TOLD)
            await ack(response_action="errors", errors=error.errors)
            return
        except EditConflictError as error:
            note_outcome(Outcome.TOLD)
            now = await self._defaults.show(caller=caller)
            fresh = PrivateMetadata(owner=DEFAULTS_SUBJECT, revision=error.revision, channel=known.channel)
            notes = [section(f":warning: {escape(str(error))}")]
            await ack(response_action="update", view=views.defaults_form(now, metadata=fresh, notes=notes))
            return
        await ack()

        async def tell(sentence: str) -> None:
            await say(client, caller.user, known.channel, notice(sentence))

        async def count() -> None:
            found = await self._moves.count_usage(stored, workspace=caller.workspace)
            await say(client, caller.user, known.channel, views.saved(stored, found))

        self._jobs.start(f"differences for {caller.user}", count, tell=tell)

    async def press_move(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Give those who hold the old defaults the new ones, and tell them."""
        await ack()
        caller = caller_of(context)
        value = pressed(body["actions"][0])
        revision = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0
        beginning = notice("Moving profiles to the new defaults …")
        answer = await answer_to(body, client, title=views.TITLE, first=beginning)

        async def tell(sentence: str) -> None:
            await answer.show(notice(sentence))

        async def move() -> None:
            count = asked = 0
            moves = self._moves.move(caller=caller, revision=revision)
            async for changed in moves:
                count += 1
                asked += int(changed.password_dropped)
                await self._owners.told(client, caller, changed)
            await answer.show(views.moved(count, asked))

        self._jobs.start(f"move for {caller.user}", move, tell=tell)
