"""A letter on its way in: where it ends, and that no more of it is held than may be."""

from collections.abc import Callable

from bot.profiles.sending.letters import LetterRefusedError
from bot.smtp.check.report import Reply

_END = b"\r\n.\r\n"


class ArrivingLetter:
    """The letter after DATA, up to CRLF.CRLF: nothing else ends it (RFC 5321, 4.1.1.4).

    What its lines are like is judged by `LetterRules`, once it is whole.
    """

    def __init__(self, hold: Callable[[int], None]) -> None:
        """`hold` is told how many bytes are held; it raises LetterRefusedError where these are too many."""
        # The line of DATA itself ended with it, so a dot alone ends an empty letter.
        self._bytes = bytearray(b"\r\n")
        self._hold = hold
        self.received = 0
        """Bytes so far, the end included."""
        self.refusal: Reply | None = None
        """Why it is refused once it is whole; nothing of it is kept from then on."""

    def take(self, came: bytes | bytearray) -> bytes | None:
        """Append what came; once the letter is whole, return what came after it."""
        before = len(self._bytes)
        self._bytes += came
        end = self._bytes.find(_END, max(0, before - len(_END) + 1))
        after = None
        if end >= 0:
            with memoryview(self._bytes) as everything:
                after = bytes(everything[end + len(_END) :])
            del self._bytes[end + len(_END) :]
        self.received += len(self._bytes) - before
        self._bound(is_whole=after is not None)
        return after

    def _bound(self, *, is_whole: bool) -> None:
        if self.refusal is None:
            try:
                self._hold(len(self._bytes))
            except LetterRefusedError as error:
                self.refusal = error.reply
        if self.refusal is not None and not is_whole:
            # As much as its end may have begun in.
            del self._bytes[: -len(_END) + 1]

    def content(self) -> bytes:
        """Return the letter as its author wrote it, and forget it; it is whole and was not refused.

        A dot that begins a line was doubled on the way (RFC 5321, 4.5.2).
        """
        content, self._bytes = self._bytes, bytearray()
        del content[-3:]
        if b"\r\n." in content:
            content = content.replace(b"\r\n.", b"\r\n")
        del content[:2]
        return bytes(content)
