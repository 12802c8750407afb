"""A client that costs as little as it can, so that the server is what is measured."""

import asyncio
import itertools
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.demo.stand_in.delivery import encoded, signature


def signed(secret: str, fields: dict[str, str]) -> bytes:
    """Return a signed slash command as the bytes of an HTTP request; the signature holds for five minutes."""
    body, kind = encoded("slash_commands", fields)
    headers = {
        "Host": "127.0.0.1",
        "Content-Type": kind,
        "Content-Length": str(len(body)),
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        **signature(secret, body),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /slack/events HTTP/1.1\r\n{head}\r\n{body}".encode()


@dataclass
class Answers:
    """How many seconds each answer took, all together, and what was answered how often: status and body."""

    seconds: list[float] = field(default_factory=list)
    together: float = 0.0
    contents: Counter[tuple[int, bytes]] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.together

    @property
    def median(self) -> float:
        """The median, in seconds."""
        return statistics.median(self.seconds)

    def percentile(self, percent: float) -> float:
        """A percentile, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Connection:
    """One kept connection, on which requests follow each other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect to a port of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; returns the answer's status and body."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        return int(head[9:12]), await self._reader.readexactly(length)

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


async def ask_once(port: int, request: bytes) -> tuple[int, bytes]:
    """Send one request on a connection of its own; returns the answer's status and body."""
    connection = await Connection.open(port)
    try:
        return await connection.ask(request)
    finally:
        connection.close()


async def ask_for(seconds: float, port: int, requests: Sequence[bytes], *, at_once: int) -> Answers:
    """Ask again and again on `at_once` connections for a while."""
    connections = [await Connection.open(port) for _ in range(at_once)]
    turn: Iterator[bytes] = itertools.cycle(requests)
    answers = Answers()
    began = time.perf_counter()

    async def work(connection: Connection) -> None:
        while (sent := time.perf_counter()) < began + seconds:
            content = await connection.ask(next(turn))
            answers.seconds.append(time.perf_counter() - sent)
            answers.contents[content] += 1

    try:
        await asyncio.gather(*(work(connection) for connection in connections))
        answers.together = time.perf_counter() - began
        return answers
    finally:
        for connection in connections:
            connection.close()
