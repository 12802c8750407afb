"""Several commands in one flight (RFC 2920), which aiosmtplib's protocol does not know: it takes reply by reply."""

import asyncio
from collections.abc import Sequence
from typing import cast

from aiosmtplib.protocol import MAX_RESPONSE_LENGTH, SMTPProtocol
from aiosmtplib.response import SMTPResponse


class PipeliningProtocol(SMTPProtocol):
    """The protocol, which also keeps replies that arrive before somebody asks for them, while some are expected."""

    _expected = 0

    def send_together(self, commands: Sequence[bytes]) -> None:
        """Write commands in one go; their replies are then read one by one with `next_reply`.

        Raises:
            ValueError: a command holds a line break or NUL.
            SMTPServerDisconnected: the line is closed.
        """
        if any(character in command for command in commands for character in b"\r\n\0"):
            raise ValueError("a command holds a line break or NUL")
        self._expected = len(commands)
        self._response_pending = True
        self.write(b"".join(command + b"\r\n" for command in commands))

    async def next_reply(self) -> SMTPResponse:
        """Give the next reply of those that are expected."""
        try:
            waiting = self._response_waiter
            if self._buffer and waiting is not None and not waiting.done():
                ready = self._read_response_from_buffer()
                if ready is not None:
                    return ready
            return await self.read_response()
        finally:
            self._expected -= 1

    def data_received(self, data: bytes) -> None:
        """Keep what arrives between two replies; everything else is as it was."""
        between = self._response_waiter is not None and (not self._response_pending or self._response_waiter.done())
        if not (between and self._expected > 0):
            super().data_received(data)
            return
        self._buffer.extend(data)
        if len(self._buffer) > MAX_RESPONSE_LENGTH:
            self._expected = 0
            cast("asyncio.Transport", self.transport).abort()
