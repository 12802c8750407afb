"""What a server sends is hostile text: it is bounded, cleaned, and never shown with the password in it."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import quote

from pydantic import SecretStr

from bot.smtp.check.report import Reply
from bot.smtp.dialogue.encodings import READ_AS, readable

MAX_TEXT_LENGTH = 200
MAX_TRANSCRIPT_LINES = 120
CREDENTIALS = "(credentials)"
"""Stands in the transcript for a login and password, or a token, on one line."""

_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?:\s|$)", re.MULTILINE)
_REPEATED = "(the server repeated the password, so its answer is not shown)"


def clean(text: str, *, most: int = MAX_TEXT_LENGTH) -> str:
    """Return one printable line of at most `most` characters; what is invisible becomes a blank."""
    # Cc, Cf, Co, Cs: control, format (bidi, zero-width), private use, lone surrogates.
    visible = (" " if unicodedata.category(character).startswith(("C", "Z")) else character for character in text)
    line = " ".join("".join(visible).split())
    return line if len(line) <= most else line[: most - 1] + "…"


class Redaction:
    """Keeps an account's secrets out of everything that is shown, in each spelling in which a server may send them."""

    def __init__(self, login: str, password: SecretStr | None) -> None:
        self._spellings: set[str] = set()
        if password is not None:
            self.add(login, password)

    def add(self, login: str, secret: SecretStr) -> None:
        """Add one more secret, such as an access token; an empty one is in every text, and ignored."""
        if plain := secret.get_secret_value():
            self._spellings |= {_visible(spelling) for spelling in _spellings(login, plain)}

    def text(self, text: str) -> str:
        """Return a server's text cleaned, or a sentence in its place when it holds a secret."""
        return _REPEATED if self.leaks(text) else clean(readable(text))

    def leaks(self, text: str) -> bool:
        """Whether the text holds a secret, whatever stands between its characters."""
        searched = {_visible(text), _visible(readable(text))}
        return any(spelling in one for one in searched for spelling in self._spellings)

    def reply(self, code: int, message: str) -> Reply:
        """Parse a server's reply into code, enhanced code (RFC 3463) and cleaned text."""
        match = _ENHANCED.search(message)
        # Each line of a multi-line reply repeats the enhanced code (RFC 2034), or only some of them do.
        lines = [_ENHANCED.sub("", line) for line in message.split("\n")]
        return Reply(code=code, enhanced=match.group(1) if match else "", text=self.text(" ".join(lines)))


class Transcript:
    """The dialogue of a test line by line, fit for a ticket: client (C), server (S) and notes of the bot (--)."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._lines: list[str] = []

    @property
    def lines(self) -> tuple[str, ...]:
        """The first lines so far and, when there were too many, how many are left out."""
        if len(self._lines) <= MAX_TRANSCRIPT_LINES:
            return tuple(self._lines)
        return (
            *self._lines[:MAX_TRANSCRIPT_LINES],
            f"-- {len(self._lines) - MAX_TRANSCRIPT_LINES} more lines are left out",
        )

    def client(self, line: str) -> None:
        """Record a line that was sent; the caller puts CREDENTIALS in place of a secret."""
        self._lines.append(f"C: {self._redaction.text(line)}")

    def server(self, code: int, message: str) -> None:
        """Record a reply of one or more lines."""
        *before, last = message.split("\n")
        if self._redaction.leaks(message):
            # A password may be spread over the lines, so none of them is shown.
            before, last = [], self._redaction.text(message)
        self._lines.extend(f"S: {code}-{self._redaction.text(line)}" for line in before)
        asked = self._redaction.text(decoded(last)) if code == 334 else ""
        self._lines.append(f"S: {code} {self._redaction.text(last)}{f' (that is: {asked})' if asked else ''}")

    def note(self, text: str) -> None:
        """Record what happened besides."""
        self._lines.append(f"-- {self._redaction.text(text)}")


def decoded(challenge: str) -> str:
    """Return the text in a 334's base64 (RFC 4954, 4); empty when there is none."""
    try:
        return base64.b64decode(challenge.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def _visible(text: str) -> str:
    """Fold case and leave out blanks and everything invisible; a text of nothing else stays as it is."""
    seen = "".join(character for character in text if not unicodedata.category(character).startswith(("C", "Z")))
    return seen.casefold() or text


def _spellings(login: str, password: str) -> Iterable[str]:
    raw = password.encode("utf-8", "surrogatepass")
    yield password
    yield password[::-1]
    yield raw.hex()
    yield quote(password, safe="", errors="replace")
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    for encoding in READ_AS:
        # A server may repeat it in an encoding of its own, which may be read as another.
        with suppress(UnicodeEncodeError):
            yield from (password.encode(encoding).decode(other, "replace") for other in READ_AS)
    yield base64.b64encode(b"\0" + login.encode("utf-8", "surrogatepass") + b"\0" + raw).decode().rstrip("=")
