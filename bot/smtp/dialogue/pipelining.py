"""PIPELINING (RFC 2920): several commands at once, which saves a third of the time of every test.

aiosmtplib drops a reply that arrives before somebody waits for it (https://github.com/cole/aiosmtplib/pull/350) and
has no public way to send commands together, so private attributes of its protocol class are used, in this file alone.
It also joins the second line of a reply to the first when that has no text, and takes an empty line for no SMTP.
"""

import asyncio
from collections.abc import Sequence
from typing import cast

from aiosmtplib.errors import SMTPResponseException
from aiosmtplib.protocol import MAX_LINE_LENGTH, MAX_RESPONSE_LENGTH, SMTPProtocol
from aiosmtplib.response import SMTPResponse

_NO_REPLY = -1
"""aiosmtplib's code for what is no reply at all."""


class PipeliningProtocol(SMTPProtocol):
    """aiosmtplib's protocol that also keeps early replies, as many as commands were sent together."""

    _expected = 0

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
        """Buffer what arrives between two reads while replies are expected; close the connection over too much."""
        between = self._response_waiter is not None and (not self._response_pending or self._response_waiter.done())
        if not (between and self._expected > 0):
            super().data_received(data)
            return
        self._buffer.extend(data)
        if len(self._buffer) > MAX_RESPONSE_LENGTH:
            self._expected = 0
            cast("asyncio.Transport", self.transport).abort()
