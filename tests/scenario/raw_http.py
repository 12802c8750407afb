"""HTTP as bytes over a socket, for requests that no client library would send."""

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

PATIENCE_SECONDS = 5.0
"""For an answer that should come at once."""


def signed_bytes(secret: str, body: bytes, *, at: int | None = None) -> dict[str, str]:
    """Sign a body of any bytes, as Slack signs its own."""
    timestamp = str(int(time.time()) if at is None else at)
    digest = hmac.new(secret.encode(), b"v0:%s:%s" % (timestamp.encode(), body), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}


def head(path: str = "/slack/events", *, method: str = "POST", **headers: object) -> bytes:
    """Write the head of a request; `_` in a header's name stands for `-`."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode()


class Wire:
    """One connection to the bot."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        """Send some bytes."""
        self._writer.write(data)

    async def status(self) -> int:
        """Wait for an answer whose length is told, if it has a body; returns its status."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = await self._reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", said)
            await self._reader.readexactly(int(length[1]) if length else 0)
        return int(said[9:12])

    async def everything(self) -> bytes:
        """Wait until the bot closes the connection; returns what it said until then."""
        said = b""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while more := await self._reader.read(65_536):
                    said += more
        except ConnectionResetError:
            pass
        return said

    async def is_open(self, seconds: float) -> bool:
        """Whether the bot neither says anything nor closes the connection for a while."""
        try:
            async with asyncio.timeout(seconds):
                await self._reader.read(1)
        except TimeoutError:
            return True
        except ConnectionResetError:
            pass
        return False

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    """Connect to the bot until the block ends."""
    parts = urlsplit(url)
    opened = Wire(*await asyncio.open_connection(parts.hostname, parts.port))
    try:
        yield opened
    finally:
        opened.close()
