"""`/email-profile history`: the last changes and tests."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.people.access import Person
from bot.slack.command_text import subcommand
from bot.slack.ids import EMAIL_PROFILE, ActionId
from bot.slack.listeners.services import Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.replies.reply import reply_in_place
from bot.slack.views import history as views


class HistoryListeners:
    """The subcommand and its button."""

    def __init__(self, services: Services) -> None:
        self._history = services.history

    def register_commands(self, app: AsyncApp) -> None:
        """Register the subcommand."""
        app.command(EMAIL_PROFILE, matchers=[subcommand("history")])(self.show)

    def register(self, app: AsyncApp) -> None:
        """Register the button."""
        app.action(ActionId.HISTORY_OLDER)(self.show_older)

    async def show(self, ack: AsyncAck, caller: Person, owner: Person) -> None:
        """Answer `/email-profile history`."""
        page = await self._history.page(caller=caller, owner=owner)
        await ack(views.history(page, reader=caller.user).payload())

    async def show_older(
        self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient, caller: Person
    ) -> None:
        """Show what was before."""
        await ack()
        user, before = views.decode_older(pressed_value(action))
        owner = Person(workspace=caller.workspace, user=user or caller.user)
        message = views.history(await self._history.page(caller=caller, owner=owner, before=before), reader=caller.user)
        reply = await reply_in_place(body, client, title="History", first=message)
        await reply.show(message)
