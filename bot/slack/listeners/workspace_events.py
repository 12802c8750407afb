"""What Slack tells of people and of the installation: user_change, app_uninstalled, tokens_revoked."""

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.slack.background.user_sync import UserSync


class WorkspaceEventListeners:
    """The events of a workspace."""

    def __init__(self, user_sync: UserSync) -> None:
        self._user_sync = user_sync

    def register(self, app: AsyncApp) -> None:
        """Register the events."""
        app.event("user_change")(self.user_changed)
        app.event("app_uninstalled")(self.uninstalled)
        app.event("tokens_revoked")(self.uninstalled)

    async def user_changed(self, event: dict[str, Any], workspace: str) -> None:
        """Store what changed of a person: lost rights count at once, and deactivation is noted."""
        user = event.get("user") or {}
        if workspace and isinstance(user.get("id"), str) and user["id"]:
            await self._user_sync.user_changed(workspace, user)

    async def uninstalled(self, event: dict[str, Any], workspace: str) -> None:
        """Note that the bot was removed: without a token it can no longer answer, and records are deleted later."""
        tokens = event.get("tokens") or {}
        # tokens_revoked is sent for people's own tokens too, which this bot does not use.
        if workspace and (event.get("type") == "app_uninstalled" or tokens.get("bot")):
            await self._user_sync.uninstalled(workspace, str(event.get("type")))
