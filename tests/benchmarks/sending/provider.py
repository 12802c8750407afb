"""A mail provider in a process of its own, made to cost little: it takes letters and says when it took which.

Run as `python -m tests.benchmarks.sending.provider FOLDER`: it prints the port for letters (TLS from the first byte),
the port at which it gives out access tokens over HTTP, and the port at which it tells what it took.
"""

import asyncio
import base64
import hashlib
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from tests.benchmarks.sending.letters import FIRST_FIELD

HOST = "localhost"
PASSWORD = "a password of usual length"
ACCESS_TOKEN = "an-access-token-of-the-provider"
_OFFERS = ("localhost", "PIPELINING", "SIZE 36700160", "8BITMIME", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN XOAUTH2")
_REPLIES = {
    b"EHLO": "".join(f"250{'-' if line != _OFFERS[-1] else ' '}{line}\r\n" for line in _OFFERS).encode(),
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}
"""Everything else is good."""


@dataclass(frozen=True)
class Taken:
    """A letter that was taken: when, by the clock that all processes share, from whom, and its content's digest."""

    at: float
    sender: str
    digest: str


@dataclass(frozen=True)
class Provider:
    """The process, as the benchmark sees it."""

    port: int
    token_port: int
    telling_port: int
    authority: Path

    async def taken(self) -> dict[str, list[Taken]]:
        """Return the letters that were taken since the last time, by the id in their Message-ID."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.telling_port)
        told = json.loads(await reader.read())
        writer.close()
        letters: dict[str, list[Taken]] = {}
        for letter, at, sender, digest in told:
            letters.setdefault(letter, []).append(Taken(at, sender, digest))
        return letters


@asynccontextmanager
async def provider(folder: Path) -> AsyncIterator[Provider]:
    """Serve until the block ends; the authority that its certificate is from is put into `folder`."""
    command = [sys.executable, "-m", "tests.benchmarks.sending.provider", str(folder)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        port, token_port, telling_port = (int(port) for port in (await process.stdout.readline()).split())
        yield Provider(port, token_port, telling_port, folder / "authority.pem")
    finally:
        process.terminate()
        await process.wait()


@dataclass
class _Taking:
    """What was taken and not told yet: id, time, sender, digest."""

    letters: list[tuple[str, float, str, str]] = field(default_factory=list)

    def take(self, sender: str, content: bytes) -> None:
        # What stands before it are trace lines of those between.
        begins = content.find(FIRST_FIELD)
        body = content[begins:] if begins >= 0 else content
        letter = body[len(FIRST_FIELD) : body.find(b"@")].decode() if begins >= 0 else ""
        self.letters.append((letter, time.monotonic(), sender, hashlib.sha256(body).hexdigest()))

    async def tell(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        letters, self.letters = self.letters, []
        writer.write(json.dumps(letters).encode())
        await writer.drain()
        writer.close()


class _Session(asyncio.Protocol):
    """One connection. Commands are taken as they come; of a letter nothing is looked at before its end."""

    def __init__(self, taking: _Taking) -> None:
        self._taking = taking
        self._buffer = bytearray()
        self._in_letter = False
        self._sender = ""
        self._signed_in = False
        self._asked_for_token = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 localhost ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        # The end may come in two pieces.
        looked = max(0, len(self._buffer) - 5)
        self._buffer += data
        while self._buffer:
            end = b"\r\n.\r\n" if self._in_letter else b"\r\n"
            at = self._buffer.find(end, looked)
            if at < 0:
                return
            piece = bytes(self._buffer[:at])
            del self._buffer[: at + len(end)]
            looked = 0
            self._transport.write(self._took(piece) if self._in_letter else self._reply(piece))

    def _took(self, content: bytes) -> bytes:
        self._in_letter = False
        self._taking.take(self._sender, content.replace(b"\r\n..", b"\r\n."))
        return f"250 2.0.0 taken as {self._taking.letters[-1][0][:12]}\r\n".encode()

    def _reply(self, line: bytes) -> bytes:
        if self._asked_for_token:
            self._asked_for_token = False
            return self._welcome(f"auth=Bearer {ACCESS_TOKEN}", line)
        verb = line[:4].upper()
        if verb == b"AUTH":
            return self._sign_in(line)
        if verb == b"MAIL":
            if not self._signed_in:
                return b"530 5.7.0 sign in first\r\n"
            self._sender = line.partition(b"<")[2].partition(b">")[0].decode()
        self._in_letter = verb == b"DATA"
        return _REPLIES.get(verb, b"250 2.0.0 good\r\n")

    def _sign_in(self, line: bytes) -> bytes:
        if line.upper() == b"AUTH XOAUTH2":
            self._asked_for_token = True
            return b"334 \r\n"
        return self._welcome(PASSWORD, line.rpartition(b" ")[2])

    def _welcome(self, secret: str, said: bytes) -> bytes:
        words = base64.b64decode(said).decode().replace("\x01", "\0").split("\0")
        self._signed_in = secret in words
        return b"235 2.7.0 welcome\r\n" if self._signed_in else b"535 5.7.8 no\r\n"


async def _give_token(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    body = json.dumps({"access_token": ACCESS_TOKEN, "expires_in": 86400, "token_type": "Bearer"}).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    writer.close()


async def _serve(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, "127.0.0.1").configure_cert(tls)
    taking = _Taking()
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda: _Session(taking), "127.0.0.1", 0, ssl=tls, backlog=500),
        await asyncio.start_server(_give_token, "127.0.0.1", 0),
        await asyncio.start_server(taking.tell, "127.0.0.1", 0),
    ]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
