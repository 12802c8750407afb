"""A scripted mail server: each step of the dialogue can be answered, broken or left silent."""

import asyncio
import base64
import hashlib
import hmac
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address

from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Address

LOGIN = "ada@mail.test"
PASSWORD = "correct horse ⚡ battery"
HOST = "mail.test"

_MOST_BYTES = 64_000_000
"""Of a message."""


class Silence:
    """Send nothing and keep the connection open."""


class HangUp:
    """Close the connection at once."""


@dataclass(frozen=True)
class Trickle:
    """Send this one byte at a time, with a pause of so many seconds between."""

    text: bytes
    pause: float = 0.2


@dataclass(frozen=True)
class Endless:
    """Send this again and again until the other side closes the connection."""

    line: bytes


@dataclass(frozen=True)
class Then:
    """Send this, and then close the connection."""

    text: bytes


Act = bytes | Silence | HangUp | Trickle | Endless | Then | Callable[[bytes], bytes]


@dataclass
class Heard:
    """One line that the client sent, and whether it was encrypted."""

    line: bytes
    encrypted: bool
    connection: int


@dataclass(frozen=True)
class Reply:
    """What the server replied at a step of a connection."""

    connection: int
    step: str
    text: bytes


@dataclass
class ScriptedServer:
    """A complete small SMTP server; `acts` replaces what it does at a step.

    Steps are "connect" (before any greeting), "greeting", "EHLO" (before TLS), "EHLO encrypted", "HELO",
    "STARTTLS", "handshake", "AUTH", "AUTH PLAIN" (or another mechanism), "AUTH challenge", "verdict", "MAIL",
    "RCPT", "DATA", "content" (within the message), "END" (after it), "RSET" and "QUIT".
    `on_end` is called with a connection's number when it has ended; `silent` is set once it has fallen silent.
    """

    tls: ssl.SSLContext | None = None
    implicit: bool = False
    mechanisms: str = "PLAIN LOGIN"
    acts: Mapping[str, Act] = field(default_factory=dict)
    pipelining: bool = False
    owned: str = LOGIN
    login: str = LOGIN
    password: str = field(default=PASSWORD, repr=False)
    heard: list[Heard] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    on_end: Callable[[int], None] = lambda _: None
    silent: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def __aenter__(self) -> "ScriptedServer":
        # Without TLS below it, an act in place of the handshake is sent as it is.
        tls = self.tls if self.implicit and "handshake" not in self.acts else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls, limit=_MOST_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)

    @property
    def lines(self) -> list[bytes]:
        """Every line that clients sent."""
        return [heard.line for heard in self.heard]

    def hang_up(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()

    def said_in_clear(self, word: bytes) -> bool:
        """Whether a word was sent unencrypted."""
        return any(word in heard.line for heard in self.heard if not heard.encrypted)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._writers.append(writer)
        self.connections += 1
        number = self.connections
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            await _Conversation(self, reader, writer, number).run()
        self.on_end(number)
        # Not aborted: what was sent last should arrive.
        writer.close()


class _OverError(Exception):
    """The dialogue ends here."""


class _Conversation:
    def __init__(
        self, server: ScriptedServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._number = number
        self._encrypted = server.implicit and "handshake" not in server.acts

    async def run(self) -> None:
        with suppress(_OverError):
            if self._server.implicit and "handshake" in self._server.acts:
                await self._break_handshake()
            if "connect" in self._server.acts:
                await self._act("connect", b"", b"")
            await self._act("greeting", b"220 mail.test ESMTP scripted\r\n", b"")
            while line := await self._reader.readline():
                self._server.heard.append(Heard(line, self._encrypted, self._number))
                await self._answer(line)

    async def _answer(self, line: bytes) -> None:
        verb = line.split(b" ", 1)[0].strip().upper().decode("ascii", "replace")
        match verb:
            case "EHLO":
                await self._act("EHLO encrypted" if self._encrypted else "EHLO", self._extensions(), line)
            case "STARTTLS":
                await self._start_tls(line)
            case "AUTH":
                await self._sign_in(line)
            case "MAIL":
                owned = self._server.owned.encode() in line
                await self._act("MAIL", b"250 2.1.0 OK\r\n" if owned else b"550 5.7.1 not owned\r\n", line)
            case "RCPT":
                await self._act("RCPT", b"250 2.1.5 OK\r\n", line)
            case "DATA":
                await self._take_message(line)
            case "QUIT":
                await self._act("QUIT", b"221 2.0.0 Bye\r\n", line)
                raise _OverError
            case _:
                await self._act(verb, b"250 2.0.0 OK\r\n" if verb in ("RSET", "HELO") else b"502 5.5.2 what?\r\n", line)

    async def _take_message(self, line: bytes) -> None:
        await self._act("DATA", b"354 go ahead\r\n", line)
        if self._server.replies[-1].text.startswith(b"354"):
            if "content" in self._server.acts:
                await self._reader.read(4096)
                await self._act("content", b"", line)
            message = await self._reader.readuntil(b"\r\n.\r\n")
            self._server.heard.append(Heard(message, self._encrypted, self._number))
            await self._act("END", b"250 2.0.0 queued\r\n", message)

    def _extensions(self) -> bytes:
        lines = ["mail.test", "SIZE 1000", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8"]
        if self._server.pipelining:
            lines.append("PIPELINING")
        if self._encrypted or self._server.tls is None:
            if self._server.mechanisms:
                lines.append(f"AUTH {self._server.mechanisms}")
        elif not self._encrypted:
            lines.append("STARTTLS")
        said = [f"250{'-' if number < len(lines) - 1 else ' '}{line}\r\n" for number, line in enumerate(lines)]
        return "".join(said).encode()

    async def _start_tls(self, line: bytes) -> None:
        if self._server.tls is None:
            await self._act("STARTTLS", b"502 5.5.1 no TLS here\r\n", line)
            return
        await self._act("STARTTLS", b"220 2.0.0 go ahead\r\n", line)
        if "handshake" in self._server.acts:
            await self._break_handshake()
        await self._writer.start_tls(self._server.tls)
        self._encrypted = True

    async def _break_handshake(self) -> None:
        # Unread bytes of the client would make the system reset the connection, and lose ours.
        await self._reader.read(4096)
        await self._act("handshake", b"", b"")
        raise _OverError

    async def _sign_in(self, line: bytes) -> None:
        if "AUTH" in self._server.acts:
            await self._act("AUTH", b"", line)
            return
        words = line.split()
        mechanism = words[1].upper().decode() if len(words) > 1 else ""
        if f"AUTH {mechanism}" in self._server.acts:
            await self._act(f"AUTH {mechanism}", b"", line)
            return
        good = await self._credentials(mechanism, words[2] if len(words) > 2 else b"")
        await self._act("verdict", b"235 2.7.0 welcome\r\n" if good else b"535 5.7.8 Authentication failed\r\n", line)

    async def _credentials(self, mechanism: str, initial: bytes) -> bool:
        match mechanism:
            case "PLAIN":
                answer = initial or await self._challenge(b"")
                return base64.b64decode(answer) == f"\0{self._server.login}\0{self._server.password}".encode()
            case "LOGIN":
                login = initial or await self._challenge(b"Username:")
                password = await self._challenge(b"Password:")
                return (base64.b64decode(login), base64.b64decode(password)) == (
                    self._server.login.encode(),
                    self._server.password.encode(),
                )
            case "CRAM-MD5":
                nonce = b"<1896.697170952@mail.test>"
                name, digest = base64.b64decode(await self._challenge(nonce)).decode().rsplit(" ", 1)
                wanted = hmac.new(self._server.password.encode(), nonce, hashlib.md5).hexdigest()
                return (name, digest) == (self._server.login, wanted)
            case _:
                return False

    async def _challenge(self, words: bytes) -> bytes:
        await self._act("AUTH challenge", b"334 " + base64.b64encode(words) + b"\r\n", b"")
        line = await self._reader.readline()
        self._server.heard.append(Heard(line, self._encrypted, self._number))
        return line.strip()

    async def _act(self, step: str, usual: bytes, line: bytes) -> None:
        act = self._server.acts.get(step, usual)
        match act:
            case bytes():
                self._reply(step, act)
            case Silence():
                self._server.silent.set()
                while rest := await self._reader.readline():
                    self._server.heard.append(Heard(rest, self._encrypted, self._number))
                raise _OverError
            case HangUp():
                raise _OverError
            case Trickle():
                for number in range(len(act.text)):
                    self._writer.write(act.text[number : number + 1])
                    await self._writer.drain()
                    await asyncio.sleep(act.pause)
            case Endless():
                while True:
                    self._writer.write(act.line * 100)
                    await self._writer.drain()
            case Then():
                self._writer.write(act.text)
                await self._writer.drain()
                raise _OverError
            case _:
                self._reply(step, act(line))
        await self._writer.drain()

    def _reply(self, step: str, text: bytes) -> None:
        self._server.replies.append(Reply(self._number, step, text))
        self._writer.write(text)


class OneServerNetwork(Network):
    """Every name leads to the loopback, and the first port that is connected to leads to one server.

    `other_ports` are further ports and where they lead; all others are refused.
    """

    def __init__(self, port: int, other_ports: Mapping[int, int] | None = None) -> None:
        super().__init__()
        self.port = port
        self.connected: list[tuple[str, int]] = []
        self._other_ports = dict(other_ports or {})

    async def resolve(self, host: str) -> list[Address]:
        return [ip_address("127.0.0.1")]

    async def txt_records(self, name: str) -> list[str] | None:
        return []

    async def mail_servers(self, domain: str) -> tuple[str, ...]:
        return ()

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        self.connected.append((str(addresses[0]), port))
        if port not in self._other_ports and port != self.connected[0][1]:
            raise ConnectionRefusedError(111, "Connection refused")
        return await super().connect(addresses, self._other_ports.get(port, self.port))
