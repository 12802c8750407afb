"""PIPELINING (RFC 2920), which saves a third of the time of every test; and DATA and the message as two steps.

aiosmtplib drops a reply that arrives before somebody waits for it (https://github.com/cole/aiosmtplib/pull/350), and
has no public way to send commands together, or a message after DATA was answered, so private attributes of its protocol
class are used, in this file alone.
"""

import asyncio
from collections.abc import Sequence
from typing import cast

from aiosmtplib.protocol import MAX_RESPONSE_LENGTH, PERIOD_REGEX, SMTPProtocol, normalize_message_line_endings
from aiosmtplib.response import SMTPResponse


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

    async def send_content(self, message: bytes) -> SMTPResponse:
        """Send a message after DATA was answered with 354, and return the final reply."""
        self._response_pending = True
        self.write(PERIOD_REGEX.sub(b"..", normalize_message_line_endings(message)) + b".\r\n")
        return await self.read_response()

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
