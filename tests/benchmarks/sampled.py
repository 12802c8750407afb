"""Runs the program and notes, again and again while it computes, in which room: `… sampled FILE run`.

It begins on SIGUSR1. At its end it writes to FILE, in JSON, how many samples fell into each room. What C code computes
counts for the Python function that called it.
"""

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

from bot.cli import main

EVERY_SECONDS = 0.001
"""The system may take longer steps; shares stay the same."""

ELSEWHERE = "Python's event loop and the rest"

_ROOT = str(Path(__file__).parents[2])

_ROOMS = (
    ("storage: sealed records opened", (f"{_ROOT}/storage/crypto", "/cryptography/")),
    ("storage: database", (f"{_ROOT}/storage/", "/sqlalchemy/", "/sqlmodel/", "/aiosqlite/", "/sqlite3/")),
    ("rules (bot/profiles, bot/smtp)", (f"{_ROOT}/bot/profiles/", f"{_ROOT}/bot/smtp/")),
    ("views: the card drawn", (f"{_ROOT}/bot/slack/views/", "/slack_sdk/models/")),
    ("log and metrics", (f"{_ROOT}/bot/observability/", "/logging/", "/prometheus_client/")),
    ("bot/slack: middleware and listener", (f"{_ROOT}/bot/slack/",)),
    ("Bolt", ("/slack_bolt/", "/slack_sdk/")),
    ("JSON", ("/json/",)),
    ("HTTP (aiohttp, bot/server.py)", ("/aiohttp/", "/yarl/", "/multidict/", f"{_ROOT}/bot/server.py")),
)
"""A sample belongs to the innermost function that is of a room; the standard library is of its caller's."""


def room_of(path: str) -> str | None:
    """Return the room that a file belongs to, None for one that is of no room."""
    return next((room for room, parts in _ROOMS if any(part in path for part in parts)), None)


class Sampler:
    """Counts samples by room."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._rooms: dict[str, str | None] = {}

    def wait(self) -> None:
        """Begin on SIGUSR1; then take a sample of the main thread whenever the process has computed for so long."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGUSR1, self._start)

    def _start(self, _number: int, _frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        while frame is not None:
            path = frame.f_code.co_filename
            if path not in self._rooms:
                self._rooms[path] = room_of(path)
            if (room := self._rooms[path]) is not None:
                self.counts[room] += 1
                return
            frame = frame.f_back
        self.counts[ELSEWHERE] += 1


if __name__ == "__main__":
    file = Path(sys.argv.pop(1))
    sampler = Sampler()
    sampler.wait()
    try:
        main()
    finally:
        file.write_text(json.dumps(sampler.counts), encoding="utf-8")
