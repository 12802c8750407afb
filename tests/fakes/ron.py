"""Reads RON, Rusty Object Notation (https://github.com/ron-rs/ron): as much of it as files of scripted servers use."""

import re
from typing import Any

_TOKEN = re.compile(
    r'\s+|//[^\n]*|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_]\w*|-?\d+(?:\.\d+)?)|(?P<sign>[()\[\]{}:,])'
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}


def parse(text: str) -> Any:
    """Return structs and maps as dicts, lists as lists, and an enum's variant as its name, or as (name, fields).

    Raises:
        ValueError: it is no RON, or more of it than is read here.
    """
    reader = _Reader(text)
    value = reader.value()
    reader.end()
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                raise ValueError(f"this is no RON: {text[at : at + 20]!r}")
            if token.lastgroup:
                self._tokens.append(token[0])
            at = token.end()
        self._tokens.reverse()

    def end(self) -> None:
        if self._tokens:
            raise ValueError(f"there is more: {self._tokens[-1]!r}")

    def value(self) -> Any:
        token = self._next()
        if token == "[":
            return self._items("]")
        if token in ("{", "("):
            return self._fields("}" if token == "{" else ")")
        if token.startswith('"'):
            return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), token[1:-1])
        return self._variant(token) if self._peek() == "(" else _plain(token)

    def _variant(self, name: str) -> tuple[str, Any]:
        self._next()
        has_names = len(self._tokens) > 1 and self._tokens[-2] == ":"
        return name, self._fields(")") if has_names else self._items(")")

    def _items(self, end: str) -> list[Any]:
        items = []
        while self._peek() != end:
            items.append(self.value())
            if self._peek() == ",":
                self._next()
        self._next()
        return items

    def _fields(self, end: str) -> dict[str, Any]:
        fields = {}
        while self._peek() != end:
            name = self.value()
            if self._next() != ":":
                raise ValueError(f"a value is missing: {name!r}")
            fields[name] = self.value()
            if self._peek() == ",":
                self._next()
        self._next()
        return fields

    def _peek(self) -> str:
        return self._tokens[-1] if self._tokens else ""

    def _next(self) -> str:
        if not self._tokens:
            raise ValueError("it ends too early")
        return self._tokens.pop()


def _plain(word: str) -> Any:
    """Return what a word stands for: true or false, a number, or a name."""
    if word in ("true", "false"):
        return word == "true"
    return int(word) if re.fullmatch(r"-?\d+", word) else word
