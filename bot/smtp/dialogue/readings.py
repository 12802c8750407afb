"""Reads a text in every way in which something may be spelled in it: encodings are undone, layer by layer.

What is decoded is decoded at every alignment and with whatever stands around or between, because a group of base64,
base32, base85 or hexadecimal digits means the same wherever it begins. So nothing has to be known of what is sought.
"""

import base64
import binascii
import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import ceil
from string import ascii_lowercase, ascii_uppercase, digits

from bot.smtp.dialogue.encodings import READ_AS

Decoder = Callable[[str], Iterable[bytes]]

_NO_TEXT = b"\xf8"
"""Begins no character in UTF-8."""
_CONTROLS = bytes([*range(0x20), 0x7F])
_PRINTABLE = "\x20-\x7e"
_NAMED_LETTER = re.compile(r"\b(?:LATIN|REGIONAL)\b.* ([A-Z])(?: WITH .*)?$")
_UTF8 = r"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
_PAIRS = (r"[\0-\xff][\xd8-\xdb][\0-\xff][\xdc-\xdf]", r"[\xd8-\xdb][\0-\xff][\xdc-\xdf][\0-\xff]")
_HALF = re.compile(r"[\0-\x06]")
"""The other half of a letter in UTF-16: a NUL, or the number of the alphabet, up to Hebrew's and Arabic's."""

_LONE_BYTE = re.compile("[\udc80-\udcff]")
_ROUNDS_OF_HALVES = 2
_ROUNDS = 8
"""How often escapes within escapes are undone at once, such as %252568."""

ESCAPE = re.compile(
    r"%u([0-9a-f]{4})|%([0-9a-f]{2})|\\u\{([0-9a-f]{1,6})\}|(?-i:\\U([0-9a-fA-F]{8}))|\\u([0-9a-f]{4})"
    r"|\\x\{([0-9a-f]{1,6})\}|\\x([0-9a-f]{2})|=([0-9a-f]{2})|\+([0-9a-f]{2})|0x([0-9a-f]{2})|\\(?P<octal>[0-3][0-7]{2})",
    re.IGNORECASE,
)
"""Escapes in URLs and programs, in quoted-printable (RFC 2045, 6.7) and in xtext (RFC 3461, 4)."""

_KINDS = tuple(
    re.compile(kind, re.IGNORECASE)
    for kind in (
        r"U\+([0-9a-f]{4,6})",
        r"U\+([0-9a-f]{4})",
        *(rf"{sign}([0-9a-f]{{2}})" for sign in (r"%", r"\+", "=")),
    )
)
"""Escapes that are also undone while those of other kinds stay; Unicode writes of its characters by U+."""

_OTHER_SURROGATES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_NUMBERED_ENTITY = re.compile(r"&#(?:x([0-9a-f]{1,6})|([0-9]{1,7}));?", re.IGNORECASE)
ENTITY = re.compile(r"&#?[0-9A-Za-z]{1,32};")
_SOFT_BREAK = re.compile(r"=[ \t]*\r?\n")
_BEYOND_ASCII = re.compile(r"[\x80-\xff]+")
_BEYOND_BYTES = re.compile(r"[^\x00-\xff]+")
_NO_LETTER_OR_DIGIT = re.compile(r"[^A-Za-z0-9]+")
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
_NO_URL_BASE64 = re.compile(r"[^A-Za-z0-9_-]+")
_NO_BASE32 = re.compile(r"[^A-Z2-7]+")
_NO_BASE32_HEX = re.compile(r"[^0-9A-V]+")
_NO_HEXADECIMAL = re.compile(r"[^0-9A-Fa-f]+")
_NO_BIT = re.compile(r"[^01]+")
_NUMBER = re.compile(r"[0-9]+")
_OF_ASCII = re.compile(r"1[0-9]{2}|2[0-4][0-9]|25[0-5]|[3-9][0-9]")
_LONG_WORD = 8
_SHARE_OF_SEPARATORS = 10
_FEWEST_SEPARATORS = 4
_MOST_SEPARATORS = 3
_ENCODED_LENGTH = 1.25
"""By how much base85 lengthens a text, which is the least."""


class Readings:
    """How a text can be read, where runs of fewer than `shortest` characters after a decoding mean nothing.

    `letters` are the characters beyond ASCII that a run may also have.
    """

    def __init__(self, shortest: int, letters: str) -> None:
        beyond = "".join(sorted({one for one in letters if not one.isascii()}))
        self._run = re.compile(f"[{_PRINTABLE}{re.escape(beyond)}]{{{shortest},}}")
        self._bytes = re.compile(f"(?:[{_PRINTABLE}]|{_UTF8}){{{shortest},}}".encode("latin-1"), re.DOTALL)
        high = "".join(re.escape(chr(one)) for one in sorted({ord(one) >> 8 for one in beyond if ord(one) < 0x10000}))
        little = rf"[\x20-\x7e]\0|[\x0b-\x0f\x60-\x64]\x20|[\x01-\x5e]\xff|[\0-\xff][\x01-\x06{high}]|{_PAIRS[0]}"
        big = rf"\0[\x20-\x7e]|\x20[\x0b-\x0f\x60-\x64]|\xff[\x01-\x5e]|[\x01-\x06{high}][\0-\xff]|{_PAIRS[1]}"
        self._utf16 = tuple(
            (name, re.compile(f"(?:{unit}){{{shortest},}}".encode("latin-1"), re.DOTALL))
            for name, unit in (("utf-16-le", little), ("utf-16-be", big))
        )
        self._code_pages = READ_AS if beyond else ()
        # Whatever is encoded is longer than before.
        self._encoded = re.compile(f"[^\n]{{{ceil(shortest * _ENCODED_LENGTH)},}}")

    def of_received(self, text: str) -> Iterator[str]:
        """Yield a received text, in which bytes that are no UTF-8 are lone surrogates, as its bytes may be read."""
        yield plain(text)
        if not text.isascii():
            yield from self._texts(_as_bytes(text))
        texts = [text]
        for _ in range(_ROUNDS_OF_HALVES):
            texts = [*dict.fromkeys(one for part in texts for one in _halves(part))]
            for one in texts:
                yield from self._texts(one.encode("latin-1"))

    def decoded(self, texts: Sequence[str]) -> str:
        """Return what plain texts become when they are taken for something encoded: runs of text, one a line."""
        raws = dict.fromkeys(raw for text in texts for decode in _DECODERS for raw in decode(text))
        numbered = (self._run.findall(_characters_of_numbers(text)) for text in texts)
        runs = (run for found in self._texts(_NO_TEXT.join(raws)) for run in found.split("\n"))
        return "\n".join(dict.fromkeys((*runs, *(run for found in numbered for run in found))))

    def worth_decoding(self, text: str) -> str:
        """Return those lines of a text in which something may be encoded."""
        return "\n".join(self._encoded.findall(text))

    def _texts(self, raw: bytes) -> Iterator[str]:
        """Yield the runs of text in bytes, one a line, in UTF-8, UTF-16 and the encodings that servers use."""
        visible = raw.translate(None, _CONTROLS)
        if runs := self._bytes.findall(visible):
            yield plain(b"\n".join(runs).decode("utf-8", "ignore"))
        for name, pattern in self._utf16:
            if runs := pattern.findall(raw):
                yield plain("\n".join(run.decode(name, "ignore") for run in runs))
        for name in self._code_pages:
            # What is ASCII alone was found already.
            if runs := [one for one in self._run.findall(visible.decode(name, "replace")) if not one.isascii()]:
                yield plain("\n".join(runs))


def plain(text: str) -> str:
    """Return a text in the usual characters: no wide or decorated ones, no accents, nothing invisible; case stays."""
    return text if text.isascii() else "".join(map(_plain, text))


def unescaped(text: str) -> Iterator[str]:
    """Yield a text with its escapes undone: those of each kind alone, and all, round after round while there are some.

    Of one kind alone, because what looks like an escape of another may be part of what is encoded, such as 0x41.
    """
    of_one_kind = (html.unescape(text), *(kind.sub(_numbered_character, text) for kind in _KINDS))
    yield from (undone for one in of_one_kind if (undone := plain(_joined(one))) != text)
    # Browsers also read &#104 without its end, which may be only the beginning of something else.
    yield from _unescaped(text, _with_ended_entities)
    yield from _unescaped(text, html.unescape)


def _unescaped(text: str, with_entities: Callable[[str], str]) -> Iterator[str]:
    return map(plain, _undone(text, with_entities))


def _undone(text: str, with_entities: Callable[[str], str]) -> Iterator[str]:
    for _ in range(_ROUNDS):
        undone = _joined(with_entities(ESCAPE.sub(escaped_character, _SOFT_BREAK.sub("", text))))
        if undone == text:
            return
        yield undone
        text = undone


def _joined(text: str) -> str:
    """Return a text in which bytes of UTF-8 are characters; half of one stays, since its other half may be escaped."""
    return _BEYOND_BYTES.sub(_plainly, _BEYOND_ASCII.sub(_of_utf8, text))


def _halves(text: str) -> Iterator[str]:
    """Yield a text of bytes that may be halves of UTF-16, such as a NUL beside each letter, freed of what is between.

    Of what is UTF-16 of such a text, that text too.
    """
    of_bytes = _in_bytes(text)
    undone = (one for entities in (_with_ended_entities, _with_controls) for one in _undone(of_bytes, entities))
    for one in (of_bytes, *condensed(of_bytes), of_bytes[::2], of_bytes[1::2], *map(_in_bytes, undone)):
        if _HALF.search(one):
            yield one


def _in_bytes(text: str) -> str:
    """Return a text as characters of one byte each; a lone surrogate stands for a byte that is no UTF-8."""
    of_bytes = _LONE_BYTE.sub(lambda found: chr(ord(found.group()) - 0xDC00), text)
    return _BEYOND_BYTES.sub("", _BEYOND_BYTES.sub(_plainly, of_bytes))


def _with_ended_entities(text: str) -> str:
    return ENTITY.sub(lambda found: html.unescape(found.group()), text)


def condensed(text: str) -> Iterator[str]:
    """Yield a text without blanks, and without each sign that makes so much of it that it may be a separator."""
    solid = "".join(text.split())
    if solid != text:
        yield solid
    for part in dict.fromkeys((solid, *(word for word in text.split() if len(word) >= _LONG_WORD))):
        for sign, count in Counter(one for one in part if not one.isalnum()).most_common(_MOST_SEPARATORS):
            if count >= _FEWEST_SEPARATORS and count * _SHARE_OF_SEPARATORS >= len(part):
                yield part.replace(sign, "")
                if set(part[1::2]) == {sign}:
                    # It may be a digit of base85, too, where it stands between two separators.
                    yield part[::2]


def spread(text: str) -> Iterator[str]:
    """Yield every second, third and fourth character of a text: what is left when those between are separators."""
    for step in (2, 3, 4):
        for begin in range(step):
            yield text[begin::step]


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        # A byte that is no UTF-8 is most likely a Western letter.
        character = chr(ord(character) - 0xDC00)
    shown = (one for one in unicodedata.normalize("NFKD", character) if unicodedata.category(one)[0] not in "MCZ")
    return "".join(map(_usual, shown)) if not character.isascii() else character


def _usual(character: str) -> str:
    if character.isascii():
        return character
    digit = unicodedata.digit(character, None)
    named = _NAMED_LETTER.search(unicodedata.name(character, ""))
    if digit is not None:
        return str(digit)
    if named is None:
        return character
    return named.group(1).lower() if character.islower() else named.group(1)


def _as_bytes(text: str) -> bytes:
    return _OTHER_SURROGATES.sub("", text).encode("utf-8", "surrogateescape")


def _with_controls(text: str) -> str:
    """Return a text with the numbers of its entities undone, also of those that HTML takes for nothing."""
    return _NUMBERED_ENTITY.sub(
        lambda found: _character(found.group(1), 16) if found.group(1) else _character(found.group(2), 10), text
    )


def escaped_character(found: re.Match[str]) -> str:
    """Return the character that an ESCAPE stands for, or the byte of one."""
    octal = found.group("octal")
    return _character(octal, 8) if octal else _character(next(one for one in found.groups() if one), 16)


def _numbered_character(found: re.Match[str]) -> str:
    return _character(found.group(1), 16)


def _character(digits_of_it: str, base: int) -> str:
    value = int(digits_of_it, base)
    return chr(value) if value < 0x110000 else ""


def _plainly(found: re.Match[str]) -> str:
    return plain(found.group())


def _of_utf8(found: re.Match[str]) -> str:
    raw = found.group().encode("latin-1")
    return raw.decode("utf-8", "ignore") or found.group()


def _base64(text: str) -> Iterator[bytes]:
    """Decode base64 and its URL-safe form (RFC 4648), and both without the signs, which may be separators."""
    usual, for_urls = _NO_BASE64.sub("", text), _NO_URL_BASE64.sub("", text).replace("-", "+").replace("_", "/")
    for kept in {usual, for_urls, _NO_LETTER_OR_DIGIT.sub("", text)}:
        for begin in range(4):
            part = kept[begin:]
            yield binascii.a2b_base64(part + "A" * (-len(part) % 4))


def _base32(text: str) -> Iterator[bytes]:
    capitals = text.upper()
    for kept in (_NO_BASE32.sub("", capitals), _NO_BASE32_HEX.sub("", capitals).translate(_OF_BASE32_HEX)):
        for begin in range(8):
            part = kept[begin:]
            yield base64.b32decode(part + "A" * (-len(part) % 8))


def _hexadecimal(text: str) -> Iterator[bytes]:
    kept = _NO_HEXADECIMAL.sub("", "".join(text.lower().split()).replace("0x", ""))
    for begin in range(2):
        part = kept[begin:]
        yield bytes.fromhex(part[: len(part) // 2 * 2])


def _base85(text: str) -> Iterator[bytes]:
    """Decode Ascii85, and what Git and ZeroMQ use (https://rfc.zeromq.org/spec/32/); a word may end within a group."""
    for kept in (text, *(word for word in text.split() if len(word) >= _LONG_WORD)):
        for values in _ALPHABETS_OF_85:
            yield from _groups_of_85([values[one] for one in kept if one in values])


def _groups_of_85(values: Sequence[int]) -> Iterator[bytes]:
    for begin in range(5):
        part = [*values[begin:], *(84,) * (-max(len(values) - begin, 0) % 5)]
        groups = zip(*[iter(part)] * 5, strict=True)
        numbers = ((((a * 85 + b) * 85 + c) * 85 + d) * 85 + e for a, b, c, d, e in groups)
        yield b"".join(one.to_bytes(4, "big") if one < 2**32 else b"\xff" for one in numbers)


def _numbers(text: str) -> Iterator[bytes]:
    """Decode numbers of bytes: decimal, octal and binary ones, and decimal ones with nothing between."""
    tokens = _NUMBER.findall(text)
    for base, allowed in ((10, digits), (8, "01234567"), (2, "01")):
        written = [one.lstrip("0") for one in tokens if set(one) <= set(allowed) and len(one.lstrip("0")) <= 8]
        yield bytes(value for one in written if one and (value := int(one, base)) < 256)
    kept = "".join(tokens)
    for begin in range(3):
        part = kept[begin:]
        threes = (int(part[at : at + 3]) for at in range(0, len(part) - 2, 3))
        yield bytes(value for value in threes if value < 256)
        yield bytes(int(one) for one in _OF_ASCII.findall(part))
    bits = _NO_BIT.sub("", text)
    for begin in range(8):
        part = bits[begin:]
        yield bytes(int(part[at : at + 8], 2) for at in range(0, len(part) - 7, 8))


def _characters_of_numbers(text: str) -> str:
    """Return the characters whose numbers in Unicode stand in a text."""
    values = (int(one) for one in _NUMBER.findall(text) if len(one) < 8)
    return plain("".join(chr(value) for value in values if 0x20 <= value < 0x110000))


_ALPHABETS_OF_85: Sequence[Mapping[str, int]] = tuple(
    {one: place for place, one in enumerate(alphabet)}
    for alphabet in (
        "".join(map(chr, range(0x21, 0x76))),
        digits + ascii_uppercase + ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~",
        digits + ascii_lowercase + ascii_uppercase + ".-:+=^!/*?&<>()[]{}@%$#",
    )
)
_OF_BASE32_HEX = str.maketrans(digits + "ABCDEFGHIJKLMNOPQRSTUV", ascii_uppercase + "234567")
_DECODERS: Sequence[Decoder] = (_base64, _hexadecimal, _base32, _base85, _numbers)
