"""A request that is delivered twice is carried out once, whichever instance it comes to.

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
    """Remembers requests that change something, in the database that all instances share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def middleware(
        self,
        body: dict[str, Any],
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[None]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse | None:
        """Acknowledge a request that was delivered before, without a listener; let every other one go on."""
        if not await self.is_first_delivery(body, context):
            return BoltResponse(status=200)
        await next()
        return None

    async def is_first_delivery(self, body: Mapping[str, Any], context: AsyncBoltContext) -> bool:
        """Remember a request, and return whether it is new; one that only shows something always is."""
        invocation = context.get("invocation")
        trigger = body.get("trigger_id")
        if not (isinstance(trigger, str) and trigger) or (invocation is not None and not invocation.acts):
            return True
        kind = str(body.get("command") or body.get("type"))
        name = "\n".join((context.enterprise_id or "", context.team_id or "", context.user_id or "", kind, trigger))
        async with self._database.writing() as tx:
            return await tx.requests.take(name, seconds=REMEMBERED_SECONDS)
