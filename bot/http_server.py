"""The HTTP server: aiohttp's, with time-outs for requests that do not come to their end, and a bound on them.

aiohttp waits for the rest of a request as long as a connection is idle at most, in effect for ever, and counts nothing
by peer. What it offers is used: `keepalive_timeout`, `lingering_time`, `client_max_size`, `max_headers`,
`auto_decompress` (https://docs.aiohttp.org/en/stable/web_reference.html, Application and AppRunner).
"""

import asyncio
import logging
from collections.abc import Callable
from itertools import islice
from socket import socket
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.observability.log_pace import LogPace
from bot.observability.server_log import ServerLog
from bot.web.network_address import NetworkAddresses

log = logging.getLogger(__name__)

HEAD_SECONDS = 10.0
"""For a request's head, from its first byte; for the first one, from the connection."""

BODY_SECONDS = 10.0
"""For a request's body, from the end of its head."""

ANSWER_SECONDS = 10.0
"""For whoever asked to take more of an answer that does not fit into the system's buffers."""

IDLE_SECONDS = 65.0
"""Between two requests: a little longer than proxies keep a connection by default (nginx and AWS's balancers: 60 s)."""

LINGER_SECONDS = 1.0
"""In which the rest of a body is read and dropped, so that who still sends it gets to read why it was refused."""

MOST_HEADERS = 64

HALF_SENT = 64
"""Requests that one peer may leave unfinished: above, those that were begun first are closed."""

HALF_SENT_AT_ONCE = 512
"""The same, counted with those that are younger than YOUNG_SECONDS."""

YOUNG_SECONDS = 1.0
"""A request may be on its way for so long before it counts, so that a crowd of connections closes none that is good."""

BOUND_SECONDS = 0.1
"""How often it is looked whether a peer has too many."""

LOOP_PASSES = 8
"""Of the event loop, after which what has come of a request has been read, and, if that is all, handed to its handler.

aiohttp 3.14 takes four. Without them a process that was kept from running would take good requests for half-sent ones.
"""

BACKLOG = 1024
"""Connections that may wait to be taken; the system allows 4096 (net.core.somaxconn)."""

OnClosed = Callable[[str], None]
"""Is told why a connection is closed, one of CLOSED_BECAUSE of the metrics."""


class HttpServer:
    """Serves one application at one address, until it is closed."""

    def __init__(
        self, application: web.Application, *, addresses: NetworkAddresses, shutdown_timeout: float, on_closed: OnClosed
    ) -> None:
        """`shutdown_timeout` is how many seconds closing waits for requests that are being answered."""
        application.middlewares.append(_note_progress)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=ServerLog(),
            shutdown_timeout=shutdown_timeout,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            max_headers=MOST_HEADERS,
            # What Slack signs are the bytes that it sends; nobody who belongs here compresses a request.
            auto_decompress=False,
        )
        self._half_sent = HalfSentRequests(addresses, on_closed)
        self._server: asyncio.Server | None = None

    async def open(self, where: tuple[str, int] | socket) -> None:
        """Begin to serve at a host and a port, or on a bound socket.

        Raises:
            OSError: nothing can be served there.
        """
        await self._runner.setup()
        make = cast("web.Server", self._runner.server)
        loop = asyncio.get_running_loop()

        def connection() -> Connection:
            return Connection(make(), self._half_sent)

        if isinstance(where, socket):
            self._server = await loop.create_server(connection, sock=where, backlog=BACKLOG)
        else:
            self._server = await loop.create_server(connection, *where, backlog=BACKLOG)

    @property
    def address(self) -> str:
        """Its base address, `http://127.0.0.1:3000`; of several the first."""
        sockets = self._server.sockets if self._server else ()
        host, port = sockets[0].getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def close(self) -> None:
        """Take no connection any more, wait for requests that are being answered, and close the rest."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()
        self._half_sent.end()


@web.middleware
async def _note_progress(request: web.Request, handler: Handler) -> web.StreamResponse:
    connection = request.transport.get_protocol() if request.transport else None
    if not isinstance(connection, Connection):
        return await handler(request)
    connection.head_came(request)
    try:
        return await handler(request)
    except (ConnectionError, web.RequestPayloadError):
        # aiohttp would call it a failure of ours: who asked has gone, was too slow, or sent what is no body.
        return web.Response(status=400, text="The request came to no end.")
    finally:
        connection.answer_made()


def allow_body(request: web.Request, seconds: float) -> None:
    """Wait longer than usual for the rest of a request's body, from now: its sender is known, and it may be large."""
    connection = request.transport.get_protocol() if request.transport else None
    if isinstance(connection, Connection):
        connection.allow_body(seconds)


class Connection(asyncio.Protocol):
    """One connection: hands everything on to aiohttp's protocol, and sees whether a request is half sent."""

    def __init__(self, protocol: web.RequestHandler, half_sent: "HalfSentRequests") -> None:
        self._protocol = protocol
        self._half_sent = half_sent
        self._is_answered = True
        self._has_more = False
        self._late: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.peer: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first head."""
        self._transport = cast("asyncio.Transport", transport)
        self.peer = self._half_sent.peer_of(transport)
        self._wait(HEAD_SECONDS)
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Note that the next request has begun."""
        if self._late is None:
            if self._is_answered:
                self._wait(HEAD_SECONDS)
            else:
                self._has_more = True
        self._protocol.data_received(data)

    def head_came(self, request: web.Request) -> None:
        """Wait for the body of a request, if all of it is not there yet."""
        self._is_answered = self._has_more = False
        self._end_wait()
        if not request.content.is_eof():
            self._wait(BODY_SECONDS)
            request.content.on_eof(self._end_wait)

    def answer_made(self) -> None:
        """Wait for the rest of the next request, if some of it came meanwhile."""
        self._is_answered = True
        if self._has_more and self._late is None:
            self._wait(HEAD_SECONDS)

    def allow_body(self, seconds: float) -> None:
        """Wait longer than usual for the rest of the body, from now."""
        if self._late is not None:
            self._end_wait()
            self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        self._late = asyncio.get_running_loop().call_later(seconds, self.close, "late")
        self._half_sent.add(self)

    def _end_wait(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
            self._half_sent.discard(self)

    def close(self, why: str) -> None:
        """Close the connection at once; whoever handles its request sees it as lost."""
        self._end_wait()
        self._half_sent.count(why)
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        """Give whoever asked some time to take what is written."""
        self._unread = asyncio.get_running_loop().call_later(ANSWER_SECONDS, self.close, "unread")
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Go on."""
        self._end_unread()
        self._protocol.resume_writing()

    def _end_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def eof_received(self) -> None:
        """Hand it on."""
        self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._end_wait()
        self._end_unread()
        self._protocol.connection_lost(exc)


class HalfSentRequests:
    """The connections on which a request is half sent, by peer, each peer's in the order in which they began to be."""

    def __init__(self, addresses: NetworkAddresses, on_closed: OnClosed) -> None:
        self._addresses = addresses
        self._on_closed = on_closed
        self._begun: dict[str, dict[Connection, float]] = {}
        self._bounding: dict[str, asyncio.Task[None]] = {}
        self._pace = LogPace()

    def peer_of(self, transport: asyncio.BaseTransport) -> str | None:
        """Return by what the connections of a peer are counted together; None if they are not."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        return None if self._addresses.is_trusted(address) else self._addresses.counted(address)

    def add(self, connection: Connection) -> None:
        """Note that a request has begun; when its peer has too many, the first of them are going to be closed."""
        peer = connection.peer
        if peer is None:
            return
        begun = self._begun.setdefault(peer, {})
        begun[connection] = asyncio.get_running_loop().time()
        if len(begun) > HALF_SENT and peer not in self._bounding:
            self._bounding[peer] = asyncio.create_task(self._bound(peer), name="bounding half-sent requests")

    async def _bound(self, peer: str) -> None:
        try:
            while len(self._begun.get(peer, ())) > HALF_SENT:
                await asyncio.sleep(BOUND_SECONDS)
                for _ in range(LOOP_PASSES):
                    await asyncio.sleep(0)
                self._close_first(self._begun.get(peer, {}))
        finally:
            del self._bounding[peer]

    def _close_first(self, begun: dict[Connection, float]) -> None:
        before = asyncio.get_running_loop().time() - YOUNG_SECONDS
        far_too_many = len(begun) - HALF_SENT_AT_ONCE
        for number, (connection, at) in enumerate(list(islice(begun.items(), max(0, len(begun) - HALF_SENT)))):
            if number < far_too_many or at <= before:
                connection.close("crowded")

    def discard(self, connection: Connection) -> None:
        """Note that a request is there as a whole, or its connection gone."""
        if connection.peer is None:
            return
        begun = self._begun.get(connection.peer, {})
        begun.pop(connection, None)
        if not begun:
            self._begun.pop(connection.peer, None)

    def count(self, why: str) -> None:
        """Count a connection that is closed."""
        self._on_closed(why)
        if times := self._pace.count():
            log.info("Closed %d connections whose request or answer came to no end (the last one: %s).", times, why)

    def end(self) -> None:
        """Bound nothing any more."""
        for task in self._bounding.values():
            task.cancel()
