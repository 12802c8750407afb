"""What a program has sent and nobody has read yet, cut into command lines."""

import re
from enum import Enum

MOST_LINE_BYTES = 1000
"""Of a command line with its CRLF: RFC 5321, 4.5.3.1.4 has 512, and what the extensions need comes on top."""

_CONTROL_CHARACTERS = re.compile(rb"[\x00-\x1f\x7f]")


class LineFault(Enum):
    """Why a line is no command."""

    TOO_LONG = "too long"
    MALFORMED = "malformed"
    """It does not end with CRLF, or has a control character in it."""


class Incoming:
    """Bytes in the order in which they came.

    A line ends at LF, so that whoever sends no CR is answered, but it is a command only when CRLF ends it
    (RFC 5321, 2.3.8): what other servers take for one line or for two is refused as a whole.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._is_too_long = False

    def __len__(self) -> int:
        return len(self._bytes)

    def add(self, data: bytes) -> None:
        """Append what came."""
        self._bytes += data

    def clear(self) -> None:
        """Forget everything."""
        self._bytes.clear()
        self._is_too_long = False

    def take(self) -> bytearray:
        """Return everything and forget it."""
        taken, self._bytes = self._bytes, bytearray()
        return taken

    def line(self) -> bytes | LineFault | None:
        """Return the next line with its CRLF and forget it; None while it is not whole."""
        end = self._bytes.find(b"\n")
        if end < 0:
            if len(self._bytes) > MOST_LINE_BYTES:
                self._bytes.clear()
                self._is_too_long = True
            return None
        line = bytes(self._bytes[: end + 1])
        del self._bytes[: end + 1]
        if self._is_too_long or len(line) > MOST_LINE_BYTES:
            self._is_too_long = False
            return LineFault.TOO_LONG
        if not line.endswith(b"\r\n") or _CONTROL_CHARACTERS.search(line, 0, len(line) - 2):
            return LineFault.MALFORMED
        return line
