"""What happens to people and to the installation."""

import logging
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext

from bot.profiles.people import Person
from bot.slack.services import Services

log = logging.getLogger(__name__)


def register(app: AsyncApp, services: Services) -> None:
    """Register the events of people and of the installation."""
    room = _LifecycleListeners(services)
    app.event("user_change")(room.user_changed)
    app.event("app_uninstalled")(room.uninstalled)
    app.event("tokens_revoked")(room.uninstalled)


class _LifecycleListeners:
    def __init__(self, services: Services) -> None:
        self._directory = services.directory

    async def user_changed(self, event: dict[str, Any], context: AsyncBoltContext) -> None:
        """Forget what was known of a person, so that lost admin rights count at once."""
        user = (event.get("user") or {}).get("id")
        workspace = context.enterprise_id or context.team_id
        if isinstance(user, str) and user and workspace:
            self._directory.forget(Person(workspace=workspace, user=user))

    async def uninstalled(self, event: dict[str, Any]) -> None:
        """Tell the operator: without a token the bot can no longer answer. Records stay until it returns."""
        log.warning("Slack reports %s: the bot token no longer works.", event.get("type"))
