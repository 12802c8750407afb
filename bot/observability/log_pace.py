"""The pace of lines in the log about what may happen thousands of times a second."""

import time

INTERVAL_SECONDS = 10.0
"""The least time between two lines."""


class LogPace:
    """Counts what happens, and tells when a line about it is due: at the first time, then once in INTERVAL_SECONDS."""

    def __init__(self) -> None:
        self._times = 0
        self._told_at = float("-inf")

    def count(self) -> int:
        """Count once more; returns how often it happened since the last line when one is due, else 0."""
        self._times += 1
        now = time.monotonic()
        if now - self._told_at < INTERVAL_SECONDS:
            return 0
        times, self._times, self._told_at = self._times, 0, now
        return times
