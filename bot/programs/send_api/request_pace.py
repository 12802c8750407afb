"""How often a program asks in a minute, whatever comes of it: what is refused once it was read has cost as much."""

import time

_SECONDS = 60.0
_MOST_PROGRAMS = 10_000
"""Whose requests are counted, those who asked last."""


class RequestPace:
    """Counts the requests of each program that this process got, in windows of a minute."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[float, int]] = {}

    def wait(self, program: str, *, most: int) -> float:
        """Count a request of a program, by its id; returns the seconds to wait where it is one more than `most`."""
        now = time.monotonic()
        began, count = self._windows.pop(program, (now, 0))
        if now - began >= _SECONDS:
            began, count = now, 0
        self._windows[program] = began, count + 1
        if len(self._windows) > _MOST_PROGRAMS:
            del self._windows[next(iter(self._windows))]
        return 0.0 if count < most else began + _SECONDS - now
