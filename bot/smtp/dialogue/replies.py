"""What a server says is hostile text: bounded, cleaned, and never with the password in it."""

import base64
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

from pydantic import SecretStr

from bot.smtp.check.report import Reply

LONGEST_TEXT = 200

_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")
_REPEATED = "(the server repeated the password, so its answer is not shown)"


def clean(text: str, *, most: int = LONGEST_TEXT) -> str:
    """Make one printable line: control, invisible and bidirectional characters and surrogates become blanks."""
    # Cc, Cf, Co, Cs: control, format (bidi, zero-width), private use, lone surrogates.
    visible = (" " if unicodedata.category(character).startswith(("C", "Z")) else character for character in text)
    line = " ".join("".join(visible).split())
    return line if len(line) <= most else line[: most - 1] + "…"


class Redaction:
    """Keeps one account's password out of what a server says."""

    def __init__(self, login: str, password: SecretStr | None) -> None:
        """Know every form in which the password crosses the wire, or could be sent back."""
        plain = password.get_secret_value() if password else ""
        self._forms = tuple({_bare(form) for form in _forms(login, plain)}) if plain else ()

    def know(self, login: str, secret: SecretStr) -> None:
        """Know one more secret, such as an access token."""
        self._forms += tuple({_bare(form) for form in _forms(login, secret.get_secret_value())})

    def text(self, text: str) -> str:
        """Clean a server's text; drop it whole when it holds the password in any form."""
        if self.leaks(text):
            return _REPEATED
        return clean(text)

    def leaks(self, text: str) -> bool:
        """Whether the text holds the password in any form, whatever stands between its characters."""
        searched = _bare(text)
        return any(form in searched for form in self._forms)

    def reply(self, code: int, message: str) -> Reply:
        """Take a server's answer apart: code, enhanced code (RFC 3463), cleaned text."""
        match = _ENHANCED.match(message)
        enhanced = match.group(1) if match else ""
        lines = message.split("\n")
        if enhanced:
            # Each line of a multi-line reply repeats the enhanced code (RFC 2034).
            lines = [_ENHANCED.sub("", line) for line in lines]
        return Reply(code=code, enhanced=enhanced, text=self.text(" ".join(lines)))


def _bare(text: str) -> str:
    """Fold case and leave out blanks and everything invisible; a text of nothing else stays as it is."""
    seen = "".join(character for character in text if not unicodedata.category(character).startswith(("C", "Z")))
    return seen.casefold() or text


def _forms(login: str, password: str) -> Iterable[str]:
    raw = password.encode("utf-8", "surrogatepass")
    yield password
    yield password[::-1]
    yield raw.hex()
    yield quote(password, safe="", errors="replace")
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield base64.b64encode(b"\0" + login.encode("utf-8", "surrogatepass") + b"\0" + raw).decode().rstrip("=")
