"""A request that comes twice is carried out once, whichever instance it comes to.

Slack delivers commands, presses and submissions once, but a captured request stays validly signed for five minutes
(https://docs.slack.dev/authentication/verifying-requests-from-slack), and a proxy may repeat one. Events are left
out: they may come again after a crash, and each is made so that twice does the same as once.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse

from bot.slack.command import acts
from storage.database import Database

REMEMBERED_SECONDS = 3600


def once(database: Database) -> Callable[..., Awaitable[BoltResponse | None]]:
    """Make the middleware that lets each request through once; `database` is what all instances share."""

    async def let_through_once(
        body: dict[str, Any],
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[None]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse | None:
        name = _name(body, context)
        if name is not None:
            async with database.writing() as tx:
                if not await tx.requests.take(name, seconds=REMEMBERED_SECONDS):
                    return BoltResponse(status=200)
        await next()
        return None

    return let_through_once


def _name(body: Mapping[str, Any], context: AsyncBoltContext) -> str | None:
    """Name a request that does something, by its trigger id, which is its own; None for one that only looks."""
    trigger = body.get("trigger_id")
    command = body.get("command")
    looks = command is not None and not acts(command, body.get("text") or "")
    if looks or not isinstance(trigger, str) or not trigger:
        return None
    kind = str(command or body.get("type"))
    return "\n".join((context.enterprise_id or "", context.team_id or "", context.user_id or "", kind, trigger))
