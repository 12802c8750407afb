"""The header of a letter, as bytes: which fields it has, without a change of anything that is sent."""

import re
from dataclasses import dataclass

from bot.profiles.sending.letters import Cause, LetterRefusedError

MAX_HEADER_BYTES = 128_000
"""Of a letter: a hundred recipients, a trace and a few signatures are less than a fifth of it."""

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
"""A field's name (RFC 5322, 2.2), also with the blanks behind it that it had before (4.5)."""
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field: its name in small letters, and its lines as they stand there, each with its CRLF."""

    name: str
    raw: bytes

    @property
    def value(self) -> str:
        """The text behind the colon on one line; what is no UTF-8 is replaced."""
        return self.raw.partition(b":")[2].replace(b"\r\n", b"").decode("utf-8", "replace").strip()


@dataclass(frozen=True, kw_only=True)
class Header:
    """A letter's header: its fields, and its length in bytes without the empty line behind it."""

    fields: tuple[Field, ...]
    length: int

    @classmethod
    def of(cls, content: bytes) -> "Header":
        """Take the header of a letter apart.

        Raises:
            LetterRefusedError: 550 5.6.0, it breaks a rule.
        """
        length = _length(content)
        fields: list[tuple[str, list[bytes]]] = []
        for line in content[:length].split(b"\r\n")[:-1]:
            if _CONTROL.search(line):
                raise _refused("A line of the message's header has a control character in it.")
            if line.startswith((b" ", b"\t")):
                if not fields or not line.strip():
                    # Some programs read a blank line as the end of the header, and others do not.
                    raise _refused("The message's header begins with a blank, or a line of it is blank.")
                fields[-1][1].append(line)
                continue
            found = _FIELD.match(line)
            if found is None:
                raise _refused("A line of the message's header is no field: each has a name and a colon.")
            fields.append((found[1].decode("ascii").lower(), [line]))
        read = (Field(name=name, raw=b"\r\n".join((*lines, b""))) for name, lines in fields)
        return cls(fields=tuple(read), length=length)

    def named(self, name: str) -> tuple[Field, ...]:
        """Return the fields with a name, which is in small letters."""
        return tuple(field for field in self.fields if field.name == name)

    def without(self, *names: str) -> bytes | None:
        """Return the lines of the header without some fields; None where it has none of them."""
        if not any(field.name in names for field in self.fields):
            return None
        return b"".join(field.raw for field in self.fields if field.name not in names)


def _length(content: bytes) -> int:
    if content.startswith(b"\r\n"):
        return 0
    end = content.find(b"\r\n\r\n", 0, MAX_HEADER_BYTES)
    if end >= 0:
        return end + 2
    if len(content) > MAX_HEADER_BYTES:
        raise _refused("The message's header is too long.")
    if not content.endswith(b"\r\n"):
        raise _refused("The message ends within its header.")
    return len(content)


def _refused(sentence: str) -> LetterRefusedError:
    return LetterRefusedError(Cause.FORM, 550, "5.6.0", sentence)
