"""A scripted web server: what domains publish for mail programs, as it should be or badly, over real TLS."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Self

import trustme

from tests.fakes.smtp_server import Endless, HangUp, Silence, Trickle

Answer = bytes | Silence | HangUp | Trickle | Endless


class Certificate(Enum):
    """What a host's certificate is like."""

    GOOD = "good"
    EXPIRED = "expired"
    OTHER_NAME = "for another name"
    STRANGER = "of an authority that nobody trusts"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request, as it came."""

    head: str

    @property
    def url(self) -> str:
        """The host of the Host header and the path, as one text."""
        path = self.head.split(" ")[1]
        host = next(line[6:] for line in self.head.split("\r\n") if line.lower().startswith("host: "))
        return f"{host}{path}"


def page(body: str | bytes, *, status: int = 200, **headers: str) -> bytes:
    """Return an answer of the server; a header's name is written with underscores."""
    content = body.encode() if isinstance(body, str) else body
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = {"Content-Type": "text/xml", "Content-Length": str(len(content)), **given}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + content


def in_chunks(body: str, *, size: int) -> bytes:
    """Return an answer that does not tell its length, but that of each of its chunks (RFC 9112, 7.1)."""
    content = body.encode()
    chunks = [content[begin : begin + size] for begin in range(0, len(content), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed


def leads_to(location: str) -> bytes:
    """Return a redirect."""
    return page("", status=302, Location=location)


@dataclass
class ConfigServer:
    """Serves `pages` (host and path to answer, all else is 404) on a local port, each host with a certificate.

    `asked` is what was asked for, in order; `greeted` are the hosts with which encryption was begun.
    """

    pages: Mapping[str, Answer]
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list, init=False)
    greeted: list[str] = field(default_factory=list, init=False)
    port: int = field(default=0, init=False)

    _work: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def __aenter__(self) -> Self:
        """Listen on the loopback."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = self._choose
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        self._server.close()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    @staticmethod
    def trust() -> ssl.SSLContext:
        """Make the context of a client that trusts these servers' authority and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _authority("trusted").configure_trust(context)
        return context

    def _choose(self, encrypting: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        host = name or ""
        self.greeted.append(host)
        encrypting.context = server_context(host, self.certificates.get(host, Certificate.GOOD))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._work.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                asked = Asked(head=head)
                self.asked.append(asked)
                await _play(writer, self.pages.get(asked.url, page("", status=404)))
        finally:
            self._work.discard(task)
            writer.transport.abort()


async def _play(writer: asyncio.StreamWriter, answer: Answer) -> None:
    match answer:
        case bytes():
            writer.write(answer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        case Silence():
            await asyncio.Event().wait()
        case HangUp():
            return
        case Trickle():
            for number in range(len(answer.text)):
                writer.write(answer.text[number : number + 1])
                await writer.drain()
                await asyncio.sleep(answer.pause)
        case Endless():
            while True:
                writer.write(answer.line)
                await writer.drain()
                # After the other side has hung up, drain does not wait, and the loop would learn of nothing.
                await asyncio.sleep(0)


@cache
def _authority(_name: str) -> trustme.CA:
    return trustme.CA()


@cache
def server_context(host: str, certificate: Certificate) -> ssl.SSLContext:
    """Return a server's context, made once for all tests."""
    authority = _authority("unknown" if certificate is Certificate.STRANGER else "trusted")
    now = datetime.now(UTC)
    if certificate is Certificate.EXPIRED:
        issued = authority.issue_cert(host, not_before=now - timedelta(days=30), not_after=now - timedelta(days=1))
    else:
        issued = authority.issue_cert("parked.stranger.example" if certificate is Certificate.OTHER_NAME else host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    return context
