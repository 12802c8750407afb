"""A request that comes twice is carried out once, whichever instance it comes to.

Slack delivers commands, presses and submissions once, but a captured request stays validly signed for five minutes
(https://docs.slack.dev/authentication/verifying-requests-from-slack), and a proxy may repeat one. Events are left
out: they may come again after a crash, and each is made so that twice does the same as once.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse

from storage.database import Database

REMEMBERED_SECONDS = 3600


class Deduplicator:
    """Remembers requests that do something, in the database that all instances share."""

    def __init__(self, database: Database) -> None:
        """Remember in `database`."""
        self._database = database

    async def takes(self, body: Mapping[str, Any], context: AsyncBoltContext) -> bool:
        """Tell whether a request comes for the first time, and remember it; one without a trigger always does."""
        name = _name(body, context)
        if name is None:
            return True
        async with self._database.writing() as tx:
            return await tx.requests.take(name, seconds=REMEMBERED_SECONDS)

    async def let_through(
        self,
        body: dict[str, Any],
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[None]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse | None:
        """Let a press or a submission through once: a middleware for Bolt."""
        if not await self.takes(body, context):
            return BoltResponse(status=200)
        await next()
        return None


def _name(body: Mapping[str, Any], context: AsyncBoltContext) -> str | None:
    """Name a request by its trigger id, which is its own."""
    trigger = body.get("trigger_id")
    if not isinstance(trigger, str) or not trigger:
        return None
    kind = str(body.get("command") or body.get("type"))
    return "\n".join((context.enterprise_id or "", context.team_id or "", context.user_id or "", kind, trigger))
