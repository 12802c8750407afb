"""The Home tab: one's own card."""

from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.services import Services, caller_of
from bot.slack.views.card import header_card


def register(app: AsyncApp, services: Services) -> None:
    """Register the event that Slack sends on every visit."""
    room = _HomeListeners(services)
    app.event("app_home_opened")(room.opened)


class _HomeListeners:
    def __init__(self, services: Services) -> None:
        self._profiles = services.profiles
        self._directory = services.directory

    async def opened(self, event: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient) -> None:
        """Publish the card; the messages tab needs nothing."""
        if event.get("tab") != "home":
            return
        caller = caller_of(context)
        view = await self._profiles.show(caller=caller, owner=caller, directory=self._directory)
        await client.views_publish(
            user_id=caller.user, view=View(type="home", blocks=header_card(view, reader=caller.user))
        )
