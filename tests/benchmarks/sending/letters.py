"""The letters that every side carries, and a program that hands them over: one command after the other, as most do."""

import asyncio
import base64
import hashlib
import ssl
import time
import uuid
from dataclasses import dataclass, field

from tests.benchmarks.figures import UnequalWorkError

FIRST_FIELD = b"Message-ID: <"
"""With it every letter begins, so what stands before it was added on the way."""

RECIPIENT = "label-printer@example.net"
_BODY_LINE = b"A line of a label, as programs print them, with twenty more beneath it.\r\n"
REPLY_SECONDS = 60.0


@dataclass(frozen=True)
class Letter:
    """A letter of somebody, of about `size` bytes; `id` stands in its Message-ID."""

    sender: str
    size: int = 2_000
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def content(self) -> bytes:
        """The letter as it is handed over."""
        head = (
            f"{FIRST_FIELD.decode()}{self.id}@bench.test>\r\nDate: Mon, 30 Nov 2026 12:00:00 +0000\r\n"
            f"From: {self.sender}\r\nTo: {RECIPIENT}\r\nSubject: Label {self.id}\r\n\r\n"
        ).encode()
        return head + _BODY_LINE * (max(1, self.size - len(head)) // len(_BODY_LINE))

    @property
    def digest(self) -> str:
        """The SHA-256 (hex) of its content, without the end of the last line."""
        return hashlib.sha256(self.content.removesuffix(b"\r\n")).hexdigest()


@dataclass(frozen=True)
class SignIn:
    """With what a program signs in."""

    login: str
    secret: str


class ProgramSession:
    """One session of a program with whatever takes its letters."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, sign_in: SignIn | None, tls: ssl.SSLContext | None = None) -> "ProgramSession":
        """Connect to a port of this machine, and sign in.

        Raises:
            UnequalWorkError: something else than welcome was answered.
        """
        name = "localhost" if tls else None
        session = cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name))
        try:
            await session._begin(sign_in)
        except UnequalWorkError:
            session.close()
            raise
        return session

    async def _begin(self, sign_in: SignIn | None) -> None:
        await self._expect(220)
        await self._ask(b"EHLO program.test\r\n", 250)
        if sign_in is not None:
            words = base64.b64encode(f"\0{sign_in.login}\0{sign_in.secret}".encode())
            await self._ask(b"AUTH PLAIN " + words + b"\r\n", 235)

    async def send(self, letter: Letter) -> float:
        """Hand over a letter; returns the seconds until it was taken.

        Raises:
            UnequalWorkError: it was not taken.
        """
        began = time.perf_counter()
        await self._ask(f"MAIL FROM:<{letter.sender}>\r\n".encode(), 250)
        await self._ask(f"RCPT TO:<{RECIPIENT}>\r\n".encode(), 250)
        await self._ask(b"DATA\r\n", 354)
        self._writer.write(letter.content)
        await self._ask(b".\r\n", 250)
        return time.perf_counter() - began

    def close(self) -> None:
        """End the session without a word."""
        self._writer.transport.abort()

    async def _ask(self, command: bytes, wanted: int) -> None:
        self._writer.write(command)
        await self._expect(wanted)

    async def _expect(self, wanted: int) -> None:
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                line = await self._reader.readline()
                while line[3:4] == b"-":
                    line = await self._reader.readline()
        except TimeoutError:
            raise UnequalWorkError(f"it answered nothing for {REPLY_SECONDS:.0f} s") from None
        if not line.startswith(str(wanted).encode()):
            raise UnequalWorkError(f"it answered {line.decode(errors='replace').strip() or 'nothing'}")
