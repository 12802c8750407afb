"""`/email-profile history`: the last changes and tests."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.commands import Commands, SlashCommand
from bot.slack.ids import EMAIL_PROFILE, ActionId
from bot.slack.listeners.services import Services, caller_of, owner_of, pressed
from bot.slack.replies.reply import answer_to
from bot.slack.views import history as views
from bot.slack.views.message import Message


def register(app: AsyncApp, commands: Commands, services: Services) -> None:
    """Register the subcommand and its button."""
    room = _HistoryListeners(services)
    commands.on(EMAIL_PROFILE, "history", listener=room.command)
    app.action(ActionId.HISTORY_OLDER)(room.press_older)


class _HistoryListeners:
    def __init__(self, services: Services) -> None:
        self._history = services.history

    async def command(self, command: SlashCommand) -> Message:
        """Answer `/email-profile history`."""
        page = await self._history.page(caller=command.caller, owner=command.owner)
        return views.history(page, reader=command.caller.user)

    async def press_older(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Show what was before."""
        await ack()
        caller = caller_of(context)
        user, before = views.decode_older(pressed(body["actions"][0]))
        page = await self._history.page(caller=caller, owner=owner_of(caller, user), before=before)
        message = views.history(page, reader=caller.user)
        answer = await answer_to(body, client, title="History", first=message)
        await answer.show(message)
