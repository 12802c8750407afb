"""Spellings of a secret that a hostile server may think of; each family turns a text into another."""

import base64
import random
import unicodedata
from collections.abc import Callable, Mapping

Spelling = Callable[[str, random.Random], str]


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _said(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _each(spelled: Callable[[int], str]) -> Spelling:
    return lambda text, _: "".join(map(spelled, _raw(text)))


def _some(spelled: Callable[[int], str]) -> Spelling:
    """Spell about half of the characters, the first one always."""

    def partial(text: str, chance: random.Random) -> str:
        return "".join(
            "".join(map(spelled, _raw(one))) if not place or chance.random() < 0.5 else one
            for place, one in enumerate(text)
        )

    return partial


def _surrounded(text: str, chance: random.Random) -> str:
    before = bytes(chance.randrange(256) for _ in range(chance.randrange(7)))
    return _said(base64.b64encode(before + _raw(text) + b"tail"))


def _unicode(text: str, _: random.Random) -> str:
    return "".join(f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}" for one in text)


def _separated(by: str) -> Spelling:
    return lambda text, _: by.join(text)


FAMILIES: Mapping[str, Spelling] = {
    "base64": lambda text, _: _said(base64.b64encode(_raw(text))),
    "base64 without padding for URLs": lambda text, _: _said(base64.urlsafe_b64encode(_raw(text))).rstrip("="),
    "base64 of more": _surrounded,
    "PLAIN with authzid": lambda text, _: _said(base64.b64encode(b"admin\0ada@example.com\0" + _raw(text))),
    "percent": _each(lambda byte: f"%{byte:02X}"),
    "percent twice": _each(lambda byte: f"%25{byte:02x}"),
    "percent in part": _some(lambda byte: f"%{byte:02X}"),
    "xtext": _some(lambda byte: f"+{byte:02X}"),
    "HTML decimal": lambda text, _: "".join(f"&#{ord(one)};" for one in text),
    "HTML in part": lambda text, chance: "".join(f"&#x{ord(one):X};" if chance.random() < 0.5 else one for one in text),
    "\\u": _unicode,
    "\\x": _each(lambda byte: f"\\x{byte:02x}"),
    "quoted-printable": _each(lambda byte: f"={byte:02X}"),
    "hexadecimal": lambda text, _: _raw(text).hex(),
    "hexadecimal with colons": lambda text, _: _raw(text).hex(":").upper(),
    "hexadecimal with 0x": lambda text, _: ", ".join(f"0x{byte:02x}" for byte in _raw(text)),
    "base32": lambda text, _: _said(base64.b32encode(_raw(text))),
    "base85": lambda text, _: _said(base64.b85encode(_raw(text))),
    "Ascii85": lambda text, _: _said(base64.a85encode(_raw(text))),
    "UTF-16": lambda text, _: _said(text.encode("utf-16-le", "surrogatepass")),
    "decimal": lambda text, _: " ".join(map(str, _raw(text))),
    "decimal with commas": lambda text, _: ",".join(map(str, _raw(text))),
    "wide": lambda text, _: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "combining": lambda text, _: "".join(f"{one}\u0301" for one in text),
    "taken apart": lambda text, _: unicodedata.normalize("NFD", text),
    "hyphens": _separated("-"),
    "blanks": _separated(" "),
    "dots": _separated("."),
    "zero width": _separated("\u200b"),
}
