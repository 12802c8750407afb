"""The dialogue of a test, line by line, fit for a ticket: credentials replaced, bounded, cleaned."""

from bot.smtp.dialogue.replies import Redaction

MOST_LINES = 120
HIDDEN = "(credentials)"


class Transcript:
    """What client (C), server (S) and the bot itself (--) said."""

    def __init__(self, redaction: Redaction) -> None:
        """Clean everything with `redaction`."""
        self._redaction = redaction
        self._lines: list[str] = []

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines so far; the first ones and, when there were too many, a word that some are left out."""
        if len(self._lines) <= MOST_LINES:
            return tuple(self._lines)
        return (*self._lines[:MOST_LINES], f"-- {len(self._lines) - MOST_LINES} more lines are left out")

    def client(self, line: str) -> None:
        """Write down what we said; whoever says a credential passes HIDDEN instead."""
        self._lines.append(f"C: {self._redaction.text(line)}")

    def server(self, code: int, message: str) -> None:
        """Write down a reply of one or more lines, as the server spelled it."""
        *before, last = message.split("\n")
        if self._redaction.leaks(message):
            # A password may be spread over the lines, so none of them is shown.
            before, last = [], self._redaction.text(message)
        self._lines.extend(f"S: {code}-{self._redaction.text(line)}" for line in before)
        self._lines.append(f"S: {code} {self._redaction.text(last)}")

    def note(self, text: str) -> None:
        """Write down what happened besides."""
        self._lines.append(f"-- {self._redaction.text(text)}")
