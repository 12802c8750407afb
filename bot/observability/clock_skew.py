"""Warns of refused requests that seem to be signed long ago: with a wrong clock those are all of Slack's."""

import logging
import time

log = logging.getLogger(__name__)

WARNING_INTERVAL_SECONDS = 60.0
"""The least time between two warnings: anybody can send such requests."""


class ClockSkew:
    """Logs a warning about refused requests whose time is far from this machine's, once in WARNING_INTERVAL_SECONDS."""

    def __init__(self) -> None:
        self._silent_until = 0.0

    def warn(self, age: float) -> None:
        """Warn of a request that was signed `age` seconds ago, or ahead where that is below zero."""
        if time.monotonic() < self._silent_until:
            return
        self._silent_until = time.monotonic() + WARNING_INTERVAL_SECONDS
        log.warning(
            "A request was refused because it was signed %.0f s %s, by this machine's clock. If this goes on, the "
            "clock is probably wrong: compare it with a time server. A request that somebody sends again looks so too.",
            abs(age),
            "ago" if age > 0 else "ahead",
        )
