"""Finds pieces in a text of which some characters are escaped and others are not, also signs that begin an escape.

A percent sign before two digits may begin an escape, or stand for itself where other characters are escaped. So each
escape is read in both ways, at each place.
"""

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from bot.smtp.dialogue.readings import ENTITY, ESCAPE, escaped_character

_NUMBERED = re.compile(r"U\+([0-9a-f]{4})", re.IGNORECASE)
"""How Unicode writes of most characters; digits of the text may follow."""

_BYTES_AFTER = {0xC2: 1, 0xE0: 2, 0xF0: 3, 0xF5: 0}
"""How many bytes follow the first of a character in UTF-8, by the least such byte (RFC 3629, 4)."""


_KINDS = (ESCAPE, ENTITY, _NUMBERED)


class HalfEscaped:
    """Finds `pieces`, which are folded; `fold` folds what was escaped, as the texts are that are searched."""

    def __init__(self, pieces: Iterable[str], fold: Callable[[str], str]) -> None:
        self._pieces = frozenset(pieces)
        self._beginnings = frozenset(one[:length] for one in self._pieces for length in range(len(one) + 1))
        self._longest = max(map(len, self._pieces), default=0)
        self._fold = fold

    def found_in(self, text: str) -> Iterator[str]:
        """Yield the pieces that a folded text holds beside or within escapes, some more than once."""
        escapes = {found.start(): found for pattern in _KINDS for found in _overlapping(pattern, text)}
        for begin in sorted({at for start in escapes for at in range(max(0, start - self._longest), start + 1)}):
            reached = {("", begin)}
            while reached:
                yield from (read for read, _ in reached if read in self._pieces)
                reached = {
                    (read + one, end)
                    for read, at in reached
                    for one, end in self._characters(text, at, escapes)
                    if read + one in self._beginnings
                }

    def _characters(self, text: str, at: int, escapes: Mapping[int, re.Match[str]]) -> Iterator[tuple[str, int]]:
        """Yield what may stand at a place, and where it ends: the character there, or what is escaped."""
        if at < len(text):
            yield text[at], at + 1
        if at not in escapes:
            return
        value, end = _value(escapes[at]), escapes[at].end()
        yield self._fold(value), end
        for _ in range(_bytes_after(value)):
            if end not in escapes:
                return
            value, end = value + _value(escapes[end]), escapes[end].end()
        yield self._fold(value.encode("latin-1", "ignore").decode("utf-8", "ignore")), end


def has_escapes(text: str) -> bool:
    """Whether something in a text may be escaped."""
    return any(kind.search(text) for kind in _KINDS)


def _overlapping(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    found = pattern.search(text)
    while found:
        yield found
        found = pattern.search(text, found.start() + 1)


def _value(found: re.Match[str]) -> str:
    if found.re is _NUMBERED:
        return chr(int(found.group(1), 16))
    return html.unescape(found.group()) if found.re is ENTITY else escaped_character(found)


def _bytes_after(value: str) -> int:
    first = ord(value[:1] or "\0")
    return next((count for least, count in reversed(_BYTES_AFTER.items()) if first >= least), 0)
