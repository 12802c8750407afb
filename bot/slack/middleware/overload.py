"""How much is under way at once: above what one process carries, people are asked to come back, and nobody waits long.

Slack shows an error of its own after three seconds, and tells nobody why.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from bot.profiles.errors import UserError

log = logging.getLogger(__name__)

MOST_AT_ONCE = 200
"""Requests under way: with the two milliseconds that a save takes on SQLite, the last one waits 0.4 s."""

LONGEST_TURN = 0.25
"""Seconds that the event loop may serve requests which arrived together; those behind have waited as long already."""

_SILENCE = 10.0
"""Seconds between two lines in the log."""


class BusyError(UserError):
    """More is under way than the process carries."""

    def __init__(self) -> None:
        """Say that nothing was done."""
        super().__init__("The bot is very busy right now, so nothing was done. Please try again in a minute.")


class Load:
    """What one process has under way."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.under_way = 0
        self._turn_began: float | None = None
        self._refused = 0
        self._told_at = float("-inf")

    @property
    def is_full(self) -> bool:
        """Whether one request more would be too much."""
        return self.under_way >= MOST_AT_ONCE

    def require_room(self) -> None:
        """Take one request more, if that is not too much.

        Raises:
            BusyError: it is.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._turn_began is None:
            self._turn_began = now
            # It runs when all those that are ready now have had their turn.
            loop.call_soon(self._end_turn)
        if self.under_way > MOST_AT_ONCE or now - self._turn_began > LONGEST_TURN:
            self.note_refused()
            raise BusyError

    def _end_turn(self) -> None:
        self._turn_began = None

    def note_refused(self) -> None:
        """Note that somebody was asked to come back; the log tells it now and then."""
        now = asyncio.get_running_loop().time()
        self._refused += 1
        if now - self._told_at >= _SILENCE:
            log.warning(
                "Too many requests at once: %d were asked to come back (now %d).", self._refused, self.under_way
            )
            self._refused, self._told_at = 0, now

    async def let_in(self, body: dict[str, Any], next: Callable[[], Awaitable[None]]) -> None:  # noqa: A002 - Bolt's name
        """Ask for room for presses and submissions: a middleware for Bolt. Events are few, and nobody waits."""
        if body.get("type") != "event_callback":
            self.require_room()
        await next()
