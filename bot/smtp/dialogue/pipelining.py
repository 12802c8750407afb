"""PIPELINING (RFC 2920), which saves a third of the time of every test; and DATA and the message as two steps.

It also notices text between the reply to STARTTLS and the handshake, which is nobody's: aiosmtplib discards it.

aiosmtplib drops a reply that arrives before somebody waits for it (https://github.com/cole/aiosmtplib/pull/350), and
has no public way to send commands together, or a message after DATA was answered, so private attributes of its protocol
class are used, in this file alone.
It also joins the second line of a reply to the first when that has no text, and takes an empty line for no SMTP.
"""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from typing import Any, cast

from aiosmtplib.errors import SMTPResponseException
from aiosmtplib.protocol import MAX_LINE_LENGTH, MAX_RESPONSE_LENGTH, SMTPProtocol
from aiosmtplib.response import SMTPResponse

_NO_REPLY = -1
"""aiosmtplib's code for what is no reply at all."""


class PipeliningProtocol(SMTPProtocol):
    """aiosmtplib's protocol that also keeps early replies, as many as commands were sent together.

    `text_before_tls` tells whether clear text came between the reply to STARTTLS and the handshake; `tls_error` is
    what ended an encrypted connection, if something did. `is_content_complete` is whether the last message was sent to
    its end; `is_out_of_step` whether something came that is no reply to a command, so that none can be told from it.
    """

    _expected = 0
    _switching = False
    text_before_tls = False
    tls_error: ssl.SSLError | None = None
    is_content_complete = False
    is_out_of_step = False

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
            # A server that closes the connection after QUIT has replied to all that came before it.
            if self._buffer and (waiting is None or not waiting.done() or waiting.exception() is not None):
                ready = self._read_response_from_buffer()
                if ready is not None:
                    return ready
            return await self.read_response()
        finally:
            self._expected -= 1

    async def send_content(self, parts: Iterable[bytes]) -> SMTPResponse:
        """Send a message after DATA was answered with 354, and return the final reply.

        `parts` end where a line ends (CRLF). They are written one behind the other, as quick as the server takes them,
        so that a large message delays nobody. A server that answers before the end of the message has not got it: then
        `is_content_complete` stays False, and nothing more can be sent over the connection.
        """
        self._response_pending = True
        self.is_content_complete = False
        answered = self._response_waiter
        for part in parts:
            if answered is None or answered.done():
                return await self.read_response()
            self.write(_with_dots_doubled(part))
            await self._until_written(answered)
        if answered is not None and not answered.done():
            self.write(b".\r\n")
            self.is_content_complete = True
        return await self.read_response()

    async def _until_written(self, answered: "asyncio.Future[SMTPResponse]") -> None:
        """Wait until the server takes more, or has answered; others have their turn meanwhile in any case."""
        await asyncio.sleep(0)
        written = asyncio.ensure_future(self._drain_helper())
        try:
            both: set[asyncio.Future[Any]] = {written, answered}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            written.cancel()
            # A connection that is lost is told by whoever reads next.
            await asyncio.gather(written, return_exceptions=True)

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

    def _read_response_from_buffer(self) -> SMTPResponse | None:
        """Parse one reply, if it is complete; empty lines between its lines are left out."""
        lines: list[bytes] = []
        offset = 0
        while (end := self._buffer.find(b"\n", offset)) >= 0:
            line = bytes(self._buffer[offset : end + 1])
            offset = end + 1
            if len(line) > MAX_LINE_LENGTH:
                raise SMTPResponseException(_NO_REPLY, "Response too long")
            if lines and not line.strip():
                continue
            try:
                code = int(line[:3])
            except ValueError:
                said = line.decode("utf-8", "ignore")
                raise SMTPResponseException(_NO_REPLY, f"Malformed SMTP response line: {said}") from None
            lines.append(line[4:].strip())
            if line[3:4] != b"-":
                del self._buffer[:offset]
                return SMTPResponse(code, b"\n".join(lines).decode("utf-8", "surrogateescape"))
        return None

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
        if left.strip() and not self._expected:
            self.is_out_of_step = True

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


def _with_dots_doubled(part: bytes) -> bytes:
    """Return lines of a message with the dots doubled that begin one (RFC 5321, 4.5.2)."""
    doubled = part.replace(b"\r\n.", b"\r\n..")
    return b"." + doubled if part.startswith(b".") else doubled
