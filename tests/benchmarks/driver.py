"""Offers signed requests at times that are fixed beforehand: `python -m tests.benchmarks.driver PLAN`, in JSON.

What waits in a queue waits from the time at which it was due, so that a server that falls behind hides nothing.
Writes a list with, for each request: seconds until its answer (or null), HTTP status, and what it said, cut short.
"""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.demo.stand_in.delivery import signature

LONGEST_SAID = 120
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")

Outcome = tuple[float | None, int, str]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Bodies, the seconds at which each is due, how many lines there are, and how long an answer is awaited."""

    port: int
    secret: str
    bodies: Sequence[str]
    due: Sequence[float]
    lines: int
    patience: float


class Line(asyncio.Protocol):
    """One kept connection, with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._read = b""

    @property
    def is_open(self) -> bool:
        """Whether it can be used again."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the connection."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the line was cut"))

    def data_received(self, data: bytes) -> None:
        """Take what came of the answer."""
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        status, length = _STATUS.match(head), _LENGTH.search(head)
        if not found or status is None or self._answer is None or self._answer.done():
            return
        if len(body) >= (int(length[1]) if length else 0):
            self._read = b""
            self._answer.set_result((int(status[1]), body))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; gives status and body of its answer."""
        if self._transport is None:
            raise ConnectionError("there is no line")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def hang_up(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()


class Driver:
    """Carries a plan out."""

    def __init__(self, plan: Plan) -> None:
        """Sign everything, which holds for five minutes."""
        self._plan = plan
        self._requests = [_signed(plan, body) for body in plan.bodies]
        self._free = asyncio.Semaphore(plan.lines)
        self._idle: list[Line] = []
        self._outcomes: list[Outcome] = [(None, 0, "")] * len(plan.bodies)

    async def run(self) -> list[Outcome]:
        """Send each request when it is due, and wait for what is under way then."""
        loop = asyncio.get_running_loop()
        began = loop.time() + 0.1
        tasks = []
        for number, due in enumerate(self._plan.due):
            pause = began + due - loop.time()
            if pause > 0:
                await asyncio.sleep(pause)
            tasks.append(asyncio.create_task(self._one(number, began + due)))
        await asyncio.gather(*tasks)
        for line in self._idle:
            line.hang_up()
        return self._outcomes

    async def _one(self, number: int, due: float) -> None:
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout_at(due + self._plan.patience), self._free:
                line = await self._line()
                try:
                    status, body = await line.ask(self._requests[number])
                except BaseException:
                    # As Slack does with whom it has waited for long enough.
                    line.hang_up()
                    raise
                self._idle.append(line)
                said = body[:LONGEST_SAID].decode("utf-8", "replace")
                self._outcomes[number] = (loop.time() - due, status, said)

    async def _line(self) -> Line:
        while self._idle:
            if (line := self._idle.pop()).is_open:
                return line
        _, line = await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", self._plan.port)
        return line


def _signed(plan: Plan, body: str) -> bytes:
    fields = {
        "Host": f"127.0.0.1:{plan.port}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
        **signature(plan.secret, body),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST /slack/events HTTP/1.1\r\n{lines}\r\n{body}".encode()


if __name__ == "__main__":
    read = Plan(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    json.dump(asyncio.run(Driver(read).run()), sys.stdout)
