"""Requests that seem to be signed long ago: with a wrong clock those are all of Slack's, and nothing else tells why."""

import logging
import time

log = logging.getLogger(__name__)

LONGEST = 300
"""Seconds (https://docs.slack.dev/authentication/verifying-requests-from-slack); Bolt refuses what is older."""

EVERY_SECONDS = 60.0
"""How often it is told at most: anybody can send such requests."""


class ClockSkew:
    """Tells operators of refused requests whose time is far from this machine's."""

    def __init__(self) -> None:
        """Have told nothing yet."""
        self._silent_until = 0.0

    def look_at(self, timestamp: str) -> None:
        """Look at a refused request's timestamp, seconds since 1970; one that is near says nothing about clocks."""
        seconds = time.time() - int(timestamp) if timestamp.isdecimal() else 0.0
        if abs(seconds) <= LONGEST or time.monotonic() < self._silent_until:
            return
        self._silent_until = time.monotonic() + EVERY_SECONDS
        log.warning(
            "A request was refused because it was signed %.0f s %s, by this machine's clock. If this goes on, the "
            "clock is probably wrong: compare it with a time server. A request that somebody sends again looks so too.",
            abs(seconds),
            "ago" if seconds > 0 else "ahead",
        )
