"""Warns of refused requests that seem to be signed long ago: with a wrong clock those are all of Slack's."""

import logging
import re
import time

log = logging.getLogger(__name__)

MAX_SKEW_SECONDS = 300
"""Bolt refuses requests that are older (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""

WARNING_INTERVAL_SECONDS = 60.0
"""The least time between two warnings: anybody can send such requests."""

_SECONDS_SINCE_1970 = re.compile(r"[0-9]{1,12}")


class ClockSkew:
    """Logs a warning when a refused request's time is far from this machine's."""

    def __init__(self) -> None:
        self._silent_until = 0.0

    def check(self, timestamp: str) -> None:
        """Check a refused request's timestamp, in seconds since 1970."""
        seconds = time.time() - int(timestamp) if _SECONDS_SINCE_1970.fullmatch(timestamp) else 0.0
        if abs(seconds) <= MAX_SKEW_SECONDS or time.monotonic() < self._silent_until:
            return
        self._silent_until = time.monotonic() + WARNING_INTERVAL_SECONDS
        log.warning(
            "A request was refused because it was signed %.0f s %s, by this machine's clock. If this goes on, the "
            "clock is probably wrong: compare it with a time server. A request that somebody sends again looks so too.",
            abs(seconds),
            "ago" if seconds > 0 else "ahead",
        )
