"""How much is under way at once: above what one process carries, people are asked to come back, and nobody waits long.

Slack shows an error of its own after three seconds, and does not say why.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.observability.log_pace import LogPace
from bot.profiles.errors import UserError
from bot.slack.middleware.held_ack import HeldAck

log = logging.getLogger(__name__)

MOST_AT_ONCE = 200
"""Requests under way: with the two milliseconds that a save takes on SQLite, the last one waits 0.4 s."""

Dispatch = Callable[[AsyncBoltRequest], Coroutine[Any, Any, BoltResponse]]
"""Answers a request of Slack's, as Bolt's `async_dispatch` does."""


class BusyError(UserError):
    """More is under way than the process carries."""

    def __init__(self) -> None:
        super().__init__("The bot is very busy right now, so nothing was done. Please try again in a minute.")


class Overload:
    """Counts the requests under way in one process, and refuses what is too much."""

    def __init__(self) -> None:
        self._under_way = 0
        self._pace = LogPace()

    def around(self, dispatch: Dispatch) -> Dispatch:
        """Return a dispatch that counts the requests under way, without those whose acknowledgement is held."""

        async def serve(request: AsyncBoltRequest) -> BoltResponse:
            self._under_way += 1
            held = request.context["held_ack"] = HeldAck(self._leave)
            try:
                return await dispatch(request)
            finally:
                if not held.is_held:
                    self._leave()

        return serve

    def _leave(self) -> None:
        self._under_way -= 1

    @property
    def is_full(self) -> bool:
        """Whether one request more would be too much."""
        return self._under_way >= MOST_AT_ONCE

    async def admit(self, body: dict[str, Any], next: Callable[[], Awaitable[None]]) -> None:  # noqa: A002 - Bolt's name
        """Middleware: admit a command, a press or a submission. Events are few, and nobody waits for them.

        Raises:
            BusyError: too many requests are under way.
        """
        # This request is counted already.
        if body.get("type") != "event_callback" and self._under_way > MOST_AT_ONCE:
            self.log_refused()
            raise BusyError
        await next()

    def log_refused(self) -> None:
        """Count somebody who was asked to come back, and log the number now and then."""
        if times := self._pace.count():
            log.warning("Too many requests at once: %d were asked to come back (now %d).", times, self._under_way)
