"""The Home tab: published on a visit."""

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.profiles.people.access import Person
from bot.slack.background.home_tabs import HomeTabs


class HomeListeners:
    """The event that Slack sends on every visit."""

    def __init__(self, tabs: HomeTabs) -> None:
        self._tabs = tabs

    def register(self, app: AsyncApp) -> None:
        """Register the event."""
        app.event("app_home_opened")(self.opened)

    async def opened(self, event: dict[str, Any], caller: Person | None) -> None:
        """Publish the tab; the messages tab needs nothing."""
        if caller is not None and event.get("tab") == "home":
            # Slack sends the view it shows; without one nothing is there, whatever was published before.
            await self._tabs.publish_on_visit(caller, shown=bool(event.get("view")))
