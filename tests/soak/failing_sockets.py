"""A delivery that measures every answer, and whose sockets are cut, closed, refreshed or hang."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from bot.demo.stand_in.delivery import Delivery, DeliveryError

NEW_SOCKET_SECONDS = 30.0
"""How long a new socket is awaited before the next failure."""


class SocketFailure(StrEnum):
    """How a socket fails."""

    DROP = "the connection is cut"
    CLOSE = "Slack closes it"
    REFRESH = "Slack asks for a new one, then closes it"
    HANG = "nothing goes either way any more"


@dataclass
class Answers:
    """Every request by when it was sent, with the seconds that its answer took, None without an answer.

    `ended` is when the last one was given up.
    """

    all: list[tuple[float, float | None]] = field(default_factory=list)
    ended: float = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure one request: the block raises DeliveryError when it was not answered."""
        began = time.monotonic()
        try:
            yield
        except DeliveryError:
            self.all.append((began, None))
            self.ended = time.monotonic()
            raise
        self.all.append((began, time.monotonic() - began))

    @property
    def seconds(self) -> list[float]:
        """How long the answers took."""
        return [seconds for _, seconds in self.all if seconds is not None]

    @property
    def unanswered(self) -> int:
        """How many were not answered."""
        return sum(seconds is None for _, seconds in self.all)

    @property
    def silences(self) -> list[float]:
        """How long nobody was answered: from sending the first request that was lost to the first answer after it.

        Where no answer came any more, to the moment at which the last request was given up.
        """
        found: list[float] = []
        since: float | None = None
        for began, seconds in sorted(self.all, key=lambda one: one[0]):
            if seconds is None:
                since = began if since is None else since
            elif since is not None:
                found.append(began + seconds - since)
                since = None
        if since is not None:
            found.append(self.ended - since)
        return found


class FailingDelivery(Delivery):
    """Sends over sockets alone, like Slack to an app in Socket Mode."""

    def __init__(self, signing_secret: str) -> None:
        super().__init__(signing_secret)
        self.answers = Answers()
        self.new_sockets = 0
        self._hung: set[web.WebSocketResponse] = set()
        self._cut: set[web.WebSocketResponse] = set()

    async def send(self, kind: str, payload: dict[str, Any]) -> Any:
        """Send one request as any delivery does, and measure."""
        with self.answers.measured():
            return await super().send(kind, payload)

    async def _over_socket(self, kind: str, payload: dict[str, Any]) -> Any:
        if self.sockets[-1] in self._hung:
            # Lost on a connection that only looks open.
            await asyncio.Event().wait()
        if self.sockets[-1] in self._cut:
            raise DeliveryError("dispatch_failed")
        return await super()._over_socket(kind, payload)

    async def _over_http(self, kind: str, payload: dict[str, Any]) -> Any:
        raise DeliveryError("dispatch_failed")

    async def fail(self, failure: SocketFailure) -> bool:
        """Let the newest socket fail; returns whether the bot opened another in its place."""
        if not self.sockets:
            return False
        socket = self.sockets[-1]
        transport = _transport(socket)
        match failure:
            case SocketFailure.DROP:
                self._cut.add(socket)
                transport.abort()
            case SocketFailure.CLOSE:
                await socket.close()
            case SocketFailure.REFRESH:
                await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
            case SocketFailure.HANG:
                transport.pause_reading()
                self._hung.add(socket)
        replaced = await self._is_replaced(socket)
        # By now nobody uses the old one any more.
        transport.abort()
        self._hung.discard(socket)
        self._cut.discard(socket)
        self.new_sockets += replaced
        return replaced

    async def _is_replaced(self, old: web.WebSocketResponse) -> bool:
        try:
            async with asyncio.timeout(NEW_SOCKET_SECONDS):
                while not self.sockets or self.sockets[-1] is old:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return False
        return True


def _transport(socket: web.WebSocketResponse) -> asyncio.Transport:
    transport = socket._req.transport if socket._req is not None else None
    if not isinstance(transport, asyncio.Transport):
        raise TypeError("The socket has no connection.")
    return transport
