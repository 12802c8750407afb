"""The app's tabs: Home is published on a visit, and Messages begins with a welcome."""

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.people.access import Person
from bot.slack.background.home_tabs import HomeTabs
from bot.slack.listeners.services import Payload
from bot.slack.replies.conversation import Conversation


class HomeListeners:
    """The event that Slack sends on every visit."""

    def __init__(self, tabs: HomeTabs, conversation: Conversation) -> None:
        self._tabs = tabs
        self._conversation = conversation

    def register(self, app: AsyncApp) -> None:
        """Register the event."""
        app.event("app_home_opened")(self.opened)

    async def opened(self, event: Payload, client: AsyncWebClient, caller: Person | None) -> None:
        """Publish the Home tab; welcome whoever opens the Messages tab for the first time."""
        if caller is None:
            return
        if event.get("tab") == "home":
            # Slack sends the view it shows; without one nothing is there, whatever was published before.
            await self._tabs.publish_on_visit(caller, shown=bool(event.get("view")))
        elif event.get("tab") == "messages":
            await self._conversation.welcome(client, caller)
