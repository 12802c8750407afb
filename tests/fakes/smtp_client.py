"""A client of the submission server that sends exactly the bytes that it is told to."""

import asyncio
import base64
import ssl
from contextlib import suppress
from types import TracebackType

DEADLINE = 10.0


class RawClient:
    """One connection; what is sent is not looked at."""

    def __init__(
        self, port: int, *, tls: ssl.SSLContext | None = None, name: str = "127.0.0.1", local: str = "127.0.0.1"
    ) -> None:
        """With `tls` the connection is encrypted from its first byte; it comes from the address `local`."""
        self._port = port
        self._tls = tls
        self._name = name
        self._local = local
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def __aenter__(self) -> "RawClient":
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1",
            self._port,
            ssl=self._tls,
            server_hostname=self._name if self._tls else None,
            local_addr=(self._local, 0),
        )
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.writer.close()
        with suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)

    async def reply(self) -> str:
        """Read one reply, its lines joined; empty once the connection has ended."""
        lines = []
        async with asyncio.timeout(DEADLINE):
            while line := (await self.reader.readline()).decode():
                lines.append(line.rstrip("\r\n"))
                if line[3:4] != "-":
                    break
        return "\n".join(lines)

    async def say(self, *lines: str) -> str:
        """Send lines one after the other, each once the one before was answered; returns the last reply."""
        reply = ""
        for line in lines:
            self.send(f"{line}\r\n".encode())
            reply = await self.reply()
        return reply

    async def starttls(self, tls: ssl.SSLContext) -> None:
        """Encrypt the connection, once the server has said that it is ready."""
        await self.writer.start_tls(tls, server_hostname=self._name)

    async def greeted(self) -> "RawClient":
        """Read the greeting and say EHLO."""
        assert (await self.reply()).startswith("220 ")
        assert (await self.say("EHLO client.test")).startswith("250")
        return self

    async def signed_in(self, user: str, password: str) -> "RawClient":
        """Read the greeting, say EHLO and sign in."""
        await self.greeted()
        assert await self.say(f"AUTH PLAIN {plain(user, password)}") == "235 2.7.0 Signed in."
        return self

    async def rest(self) -> str:
        """Read until the connection ends."""
        async with asyncio.timeout(DEADLINE):
            return (await self.reader.read()).decode()


def plain(user: str, password: str) -> str:
    """Return what AUTH PLAIN sends."""
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def b64(text: str) -> str:
    """Return text in base64, as AUTH LOGIN sends it."""
    return base64.b64encode(text.encode()).decode()
