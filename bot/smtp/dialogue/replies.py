"""The dialogue as it is shown: what was sent and what came, line by line."""

import base64
import binascii
from dataclasses import dataclass, field

from pydantic import SecretStr

from bot.smtp.dialogue.cleaning import clean
from bot.smtp.dialogue.redaction import Redaction, enhanced_code

MAX_TRANSCRIPT_LINES = 120
CREDENTIALS = "(credentials)"
"""Stands in the transcript for a login and password, or a token, on one line."""

_LONGEST_COMMAND = 1000
_CHALLENGED = "C: AUTH CRAM-MD5"
_CHALLENGE = "(challenge)"


class Transcript:
    """The dialogue of a test line by line, fit for a ticket: client (C), server (S) and notes of the bot (--).

    What was sent stands there as it was sent: what is hidden of it would tell what is in the password.
    """

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._said: list[_Said] = []
        self._signs_in = False

    @property
    def lines(self) -> tuple[str, ...]:
        """The first lines so far and, when there were too many, how many are left out; for the owner alone."""
        return _first([line for said in self._said for line in self._shown(said)])

    @property
    def for_others(self) -> tuple[str, ...]:
        """The same with codes alone of what the server has said since AUTH began."""
        shown = (said.codes if said.is_of_sign_in else self._shown(said) for said in self._said)
        return _first([line for lines in shown for line in lines])

    def begin_sign_in(self) -> None:
        """Note that AUTH begins: what the server says from now on is for the owner alone."""
        self._signs_in = True

    def keep_out(self, secret: SecretStr) -> None:
        """Keep one more secret out of what the server says; parts of it may be in any answer."""
        self._redaction.add(secret, least=len(secret))

    def client(self, line: str) -> None:
        """Record a line that was sent; the caller puts CREDENTIALS in place of a secret."""
        self._add(f"C: {clean(line, most=_LONGEST_COMMAND)}")

    def server(self, code: int, message: str) -> None:
        """Record a reply of one or more lines; the challenge of CRAM-MD5, with which a password can be tried, is not.

        It is searched for secrets when somebody reads it: most dialogues are read by nobody.
        """
        challenged = code == 334 and bool(self._said) and self._said[-1].line == _CHALLENGED
        self._said.append(_Said(code=code, message=_CHALLENGE if challenged else message, is_of_sign_in=self._signs_in))

    def note(self, text: str) -> None:
        """Record what happened besides, in words that hold no secret."""
        self._add(f"-- {clean(text)}")

    def _add(self, line: str) -> None:
        self._said.append(_Said(line=line))

    def _shown(self, said: "_Said") -> list[str]:
        """Return the lines of what was said; a password may be spread over a reply's, so all are shown, or none."""
        if not said.code:
            return [said.line]
        *before, last = [_CHALLENGE] if said.message == _CHALLENGE else self._redaction.lines(said.message)
        asked = self._redaction.text(decoded(last)) if said.code == 334 else ""
        shown = [f"S: {said.code}-{line}" for line in before]
        return [*shown, f"S: {said.code} {last}{f' (that is: {asked})' if asked else ''}"]


@dataclass(frozen=True, kw_only=True)
class _Said:
    """A line as it is shown, or a reply of the server's, which has a code."""

    line: str = ""
    code: int = 0
    message: str = field(default="", repr=False)
    is_of_sign_in: bool = False

    @property
    def codes(self) -> list[str]:
        return [f"S: {self.code} {enhanced_code(self.message)}".rstrip()]


def _first(lines: list[str]) -> tuple[str, ...]:
    if len(lines) <= MAX_TRANSCRIPT_LINES:
        return tuple(lines)
    return (*lines[:MAX_TRANSCRIPT_LINES], f"-- {len(lines) - MAX_TRANSCRIPT_LINES} more lines are left out")


def decoded(challenge: str) -> str:
    """Return the text in a 334's base64 (RFC 4954, 4); empty when there is none."""
    try:
        return base64.b64decode(challenge.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
