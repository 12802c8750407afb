"""Makes of what programs write to `sendmail` a letter as Internet mail has it; what it says is left as it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formataddr, getaddresses

_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_CONTINUED = (b" ", b"\t")
_RECIPIENTS = (b"to", b"cc", b"bcc")


@dataclass(frozen=True)
class Letter:
    """A letter: its headers, each with all its lines and their ends (CRLF), and its body."""

    headers: tuple[bytes, ...]
    body: bytes

    def content(self) -> bytes:
        """Return the whole letter."""
        return b"".join(self.headers) + b"\r\n" + self.body

    def addresses(self, *names: bytes) -> list[str]:
        """Return the addresses in headers of these names, in lower case; local names are among them."""
        values = [_value(header) for header in self.headers if _name(header) in names]
        return [address for _, address in getaddresses(values) if address]

    @property
    def recipients(self) -> list[str]:
        """Whom To, Cc and Bcc name."""
        return self.addresses(*_RECIPIENTS)

    @property
    def needs_address(self) -> bool:
        """Whether the letter is from nobody, or names somebody without a domain, as cron does."""
        named = [*self.addresses(b"from"), *self.recipients]
        return not self.addresses(b"from") or any("@" not in address for address in named)

    def with_address(self, own: str, name: str) -> "Letter":
        """Return the letter with the own address in place of all names without a domain, and from it if from nobody.

        `name` is shown with it where the letter shows none.
        """
        headers = [_with_address(header, own, name) for header in self.headers]
        if not self.addresses(b"from"):
            headers = [header for header in headers if _name(header) != b"from"]
            headers.insert(0, f"From: {formataddr((name, own))}\r\n".encode())
        return Letter(tuple(headers), self.body)


def read_letter(written: bytes, *, dot_ends: bool) -> Letter:
    """Read what a program wrote; lines end in LF or CRLF, or both by turns, and `dot_ends` as sendmail's -i says."""
    content = written.replace(b"\r\n", b"\n")
    if dot_ends:
        content = _before_dot(content)
    if content and not content.endswith(b"\n"):
        content += b"\n"
    if content.startswith((b"From ", b">From ")):
        # The line before a letter in a mailbox file (RFC 4155).
        content = content.partition(b"\n")[2]
    headers = list(_headers(content))
    body = content[sum(map(len, headers)) :].removeprefix(b"\n")
    return Letter(tuple(header.replace(b"\n", b"\r\n") for header in headers), body.replace(b"\n", b"\r\n"))


def _before_dot(content: bytes) -> bytes:
    before, dot, _ = b"\n".join((b"", content, b"")).partition(b"\n.\n")
    return before[1:] + b"\n" if dot else content


def _headers(content: bytes) -> Iterator[bytes]:
    """Yield each header with all its lines; what is none ends them."""
    header = b""
    start = 0
    while start < len(content):
        end = content.index(b"\n", start) + 1
        line = content[start:end]
        if header and line.startswith(_CONTINUED):
            header += line
        elif _HEADER.match(line):
            if header:
                yield header
            header = line
        else:
            break
        start = end
    if header:
        yield header


def _name(header: bytes) -> bytes:
    return header.partition(b":")[0].strip().lower()


def _value(header: bytes) -> str:
    return " ".join(header.partition(b":")[2].decode("utf-8", "replace").split())


def _with_address(header: bytes, own: str, name: str) -> bytes:
    if _name(header) not in (b"from", *_RECIPIENTS):
        return header
    found = [(shown, address) for shown, address in getaddresses([_value(header)]) if address]
    if all("@" in address for _, address in found):
        return header
    shown_name = name if _name(header) == b"from" else ""
    replaced = [(shown, address) if "@" in address else (shown or shown_name, own) for shown, address in found]
    field = header.partition(b":")[0].decode("ascii")
    return f"{field}: {', '.join(map(formataddr, replaced))}\r\n".encode()
