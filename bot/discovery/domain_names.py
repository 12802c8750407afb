"""Domains as DNS knows them (A-labels) and as people read them (U-labels, RFC 5890)."""

import unicodedata
from collections.abc import Iterable

import idna

from bot.smtp.network.guard import HostError, literal, normal_host
from bot.smtp.typed import look_alikes

_WRITTEN_TOGETHER = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"},
    {"LATIN", "CJK", "HANGUL"},
    {"LATIN", "CJK", "BOPOMOFO"},
)
"""Alphabets that one word may have letters of (https://www.unicode.org/reports/tr39/#Restriction_Level_Detection)."""

_LIKE_LATIN = frozenset("аеосрухіјѕһԁԛԝѵӏαονριυ")
"""Letters of Cyrillic and Greek that look like Latin ones; a whole word of them can be taken for another."""


def domain_of(address: str) -> str:
    """Return the domain of an address in A-labels; an empty text where there is none that mail could go to."""
    try:
        domain = normal_host(address.rpartition("@")[2].strip())
    except HostError:
        return ""
    return "" if literal(domain) or "." not in domain else domain


def shown_domain(domain: str) -> str:
    """Return a domain (A-labels) as people read it, with its A-labels after it when it has letters of two alphabets."""
    shown = _readable(domain)
    return f"{shown} ({domain})" if len(_alphabets(shown)) > 1 else shown


def may_deceive(domain: str) -> bool:
    """Whether a domain (A-labels) may look like another: a word mixes alphabets, or looks Latin and is not."""
    return any(_may_deceive(label) for label in _readable(domain).split("."))


def _readable(domain: str) -> str:
    try:
        return idna.decode(domain)
    except (idna.IDNAError, UnicodeError):
        return domain


def _may_deceive(label: str) -> bool:
    alphabets = _alphabets(label)
    mixed = len(alphabets) > 1 and not any(alphabets <= together for together in _WRITTEN_TOGETHER)
    letters = {one for one in label.lower() if one.isalpha()}
    looks_latin = bool(letters) and not label.isascii() and letters <= _LIKE_LATIN
    return mixed or looks_latin or bool(look_alikes(label))


def _alphabets(text: Iterable[str]) -> set[str]:
    """Return the alphabets of a text's letters, as the names of these begin: LATIN, CYRILLIC, CJK."""
    return {unicodedata.name(one, "UNKNOWN").split(" ", maxsplit=1)[0] for one in text if one.isalpha()}
