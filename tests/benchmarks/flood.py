"""Floods a bot with requests that nobody signed: `python -m tests.benchmarks.flood PLAN`, in JSON.

Small ones and full-size ones at a fixed rate; every second one bears a signature that does not fit, so that its body
has to be read. Beside them connections on which half a request was sent are held open, and opened again when the bot
has closed them. Only the loopback is ever asked. Writes what was answered how often.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.driver import Line

FULL_SIZE = 256 * 1024
PATIENCE_SECONDS = 10.0
REOPENED_AFTER_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class FloodPlan:
    """The port on the loopback, for how many seconds, how many of each size a second, and how many halves in all.

    `kept` says whether small ones come on connections that are kept, or each on one of its own.
    """

    port: int
    seconds: float
    small: int
    full: int
    half_open: int
    kept: bool = True


class Flood:
    """Carries a plan out."""

    def __init__(self, plan: FloodPlan) -> None:
        self._plan = plan
        self._small = [_request(b"x=1", may_fit=may_fit) for may_fit in (False, True)]
        self._full = [_request(b"x" * FULL_SIZE, may_fit=may_fit) for may_fit in (False, True)]
        self._half = self._full[1][: FULL_SIZE // 2]
        self._idle: list[Line] = []
        self._told: Counter[str] = Counter()

    async def run(self) -> dict[str, int]:
        """Flood; returns how often which status came, how often none, and how many halves the bot closed."""
        halves = [asyncio.create_task(self._hold(number)) for number in range(self._plan.half_open)]
        await asyncio.gather(
            self._at_rate("small", self._small, self._plan.small), self._at_rate("full", self._full, self._plan.full)
        )
        for line in self._idle:
            line.hang_up()
        for half in halves:
            half.cancel()
        await asyncio.gather(*halves, return_exceptions=True)
        return dict(self._told)

    async def _at_rate(self, kind: str, requests: list[bytes], rate: int) -> None:
        loop = asyncio.get_running_loop()
        began, asked = loop.time(), []
        for number in range(round(rate * self._plan.seconds)):
            if (pause := began + number / rate - loop.time()) > 0:
                await asyncio.sleep(pause)
            asked.append(asyncio.create_task(self._ask(kind, requests[number % 2])))
        await asyncio.gather(*asked)

    async def _ask(self, kind: str, request: bytes) -> None:
        answered = "none"
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                line = await self._line(kind)
                try:
                    status, _ = await line.ask(request)
                    answered = str(status)
                finally:
                    if self._is_kept(kind) and line.is_open and answered != "none":
                        self._idle.append(line)
                    else:
                        line.hang_up()
        self._told[f"{kind} {answered}"] += 1

    def _is_kept(self, kind: str) -> bool:
        return self._plan.kept and kind == "small"

    async def _line(self, kind: str) -> Line:
        while self._is_kept(kind) and self._idle:
            if (line := self._idle.pop()).is_open:
                return line
        _, line = await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", self._plan.port)
        return line

    async def _hold(self, number: int) -> None:
        """Hold a connection with half a request: none of it, half of its head, or half of its body."""
        half = (b"", self._half[:40], self._half)[number % 3]
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._plan.port)
                try:
                    writer.write(half)
                    await reader.read()
                finally:
                    writer.close()
            self._told["half closed"] += 1
            await asyncio.sleep(REOPENED_AFTER_SECONDS)


def _request(body: bytes, *, may_fit: bool) -> bytes:
    signs = f"X-Slack-Request-Timestamp: {int(time.time())}\r\nX-Slack-Signature: v0={'0' * 64}\r\n" if may_fit else ""
    lines = f"Host: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    return f"POST /slack/events HTTP/1.1\r\n{lines}{signs}\r\n".encode() + body


if __name__ == "__main__":
    read = FloodPlan(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    json.dump(asyncio.run(Flood(read).run()), sys.stdout)
