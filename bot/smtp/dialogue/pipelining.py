"""PIPELINING (RFC 2920): several commands at once, which saves a third of the time of every test.

And text between the reply to STARTTLS and the handshake, which is nobody's: aiosmtplib discards it without a word.

aiosmtplib drops a reply that arrives before somebody waits for it (https://github.com/cole/aiosmtplib/pull/350) and
has no public way to send commands together, so private attributes of its protocol class are used, in this file alone.
"""

import asyncio
import ssl
from collections.abc import Sequence
from typing import cast

from aiosmtplib.protocol import MAX_RESPONSE_LENGTH, SMTPProtocol
from aiosmtplib.response import SMTPResponse


class PipeliningProtocol(SMTPProtocol):
    """aiosmtplib's protocol that also keeps early replies, as many as commands were sent together.

    `text_before_tls` tells whether clear text came between the reply to STARTTLS and the handshake; `tls_error` is
    what ended an encrypted connection, if something did.
    """

    _expected = 0
    _switching = False
    text_before_tls = False
    tls_error: ssl.SSLError | None = None

    def send_together(self, commands: Sequence[bytes]) -> None:
        """Write commands at once; `next_reply` then returns their replies one by one.

        Raises:
            ValueError: a command holds a line break or NUL.
            SMTPServerDisconnected: the connection is closed.
        """
        if any(character in command for command in commands for character in b"\r\n\0"):
            raise ValueError("a command holds a line break or NUL")
        self._expected = len(commands)
        self._response_pending = True
        self.write(b"".join(command + b"\r\n" for command in commands))

    async def next_reply(self) -> SMTPResponse:
        """Return the next reply of those that are expected."""
        try:
            waiting = self._response_waiter
            if self._buffer and waiting is not None and not waiting.done():
                ready = self._read_response_from_buffer()
                if ready is not None:
                    return ready
            return await self.read_response()
        finally:
            self._expected -= 1

    async def switch_to_tls(self, trust: ssl.SSLContext, host: str) -> SMTPResponse:
        """Send STARTTLS and shake hands, as `start_tls` does, and notice what that discards."""
        self._switching = True
        try:
            return await self.start_tls(trust, server_hostname=host)
        finally:
            self._switching = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Keep what TLS ended the connection for: whoever waits for a reply learns only that it is closed."""
        if isinstance(exc, ssl.SSLError):
            self.tls_error = exc
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrives; see `_receive`."""
        waiting = self._response_waiter
        # During and after the handshake the transport hands clear text to the TLS layer, not to this.
        in_clear = self._switching and cast("asyncio.Transport", self.transport).get_protocol() is self
        behind = waiting is None or waiting.done() or not self._response_pending
        self._receive(data)
        left = data if behind else self._buffer if waiting is not None and waiting.done() else b""
        if in_clear and left.strip():
            self.text_before_tls = True

    def _receive(self, data: bytes) -> None:
        """Buffer what arrives between two reads while replies are expected; close the connection over too much."""
        between = self._response_waiter is not None and (not self._response_pending or self._response_waiter.done())
        if not (between and self._expected > 0):
            super().data_received(data)
            return
        self._buffer.extend(data)
        if len(self._buffer) > MAX_RESPONSE_LENGTH:
            self._expected = 0
            cast("asyncio.Transport", self.transport).abort()
