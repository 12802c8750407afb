"""Keeps an account's secrets out of what a server says, however they are spelled in it.

A text is searched in all its readings for pieces of a secret: of six characters, or of three quarters of a shorter one,
forwards and backwards. What everybody may know (login, address, announced name, server) is no piece of a secret in any
reading either, so that what is hidden tells nobody whether something typed there is one; and neither are the words of
ordinary replies, so that these stay readable.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from math import ceil
from typing import NamedTuple

from pydantic import SecretStr

from bot.smtp.check.report import Reply
from bot.smtp.dialogue.cleaning import clean
from bot.smtp.dialogue.encodings import readable
from bot.smtp.dialogue.half_escaped import HalfEscaped, has_escapes
from bot.smtp.dialogue.ordinary_words import ORDINARY_WORDS
from bot.smtp.dialogue.readings import Readings, condensed, plain, spread, unescaped

MAX_SEARCHED = 1024
"""Characters of a reply that are searched; what comes behind them is not shown either."""

PIECE = 6
"""So many characters of a secret are a piece of it."""

_SHARE = 0.75
_DEPTH = 4
"""A text, what is encoded in it, what is encoded in that, and once more."""

_MOST_READ = 10_000
"""Characters of all readings together; a text that has more of them is not shown."""

_LONGEST_SPREAD = 1000
_SHORTEST_ECHO = 3
"""What is shorter stands in every text, and is no echo."""

_SURE = 4
"""A shorter secret is not sought in what was decoded, and of one so short only the whole: noise has every piece."""

_ENHANCED = re.compile(r"^([245]\.[0-9]\.[0-9]{1,3})(?:\s|$)", re.MULTILINE)
"""Everybody sees these digits, so they are no more than there are in use: a subject has one (RFC 3463, 3.1 to 3.8)."""

_INVISIBLE = re.compile(r"[\x00-\x20\x7f\s]+")
_SEPARATORS = re.compile(r"[\W_]+")
_REPEATED = "(the server repeated the password, so its answer is not shown)"
_TOO_LONG = "(the server's answer is too long to be searched for the password, so it is not shown)"


class Redaction:
    """Keeps an account's secrets out of the texts that a server sends.

    `known` is what is no secret besides the login, such as the announced name.
    """

    def __init__(self, login: str, password: SecretStr | None, *, known: Iterable[str] = ()) -> None:
        self._known = (login, *known)
        echoed = sorted({one for one in self._known if len(one) >= _SHORTEST_ECHO}, key=len, reverse=True)
        self._echo = re.compile("|".join(map(re.escape, echoed)) or "(?!)", re.IGNORECASE)
        self._secrets: list[_Pieces] = []
        self._readings = Readings(PIECE, "")
        self._judged: dict[str, str] = {}
        if password is not None:
            self.add(password)

    def add(self, secret: SecretStr, *, least: int = PIECE) -> None:
        """Add one more secret, such as an access token; one of nothing visible is in every text, and ignored.

        A piece of it has `least` characters, or three quarters of it where that is less.
        """
        if not clean(secret.get_secret_value()):
            return
        pieces = _Pieces(secret.get_secret_value(), least)
        self._secrets.append(pieces)
        letters = "".join(one.letters for one in self._secrets)
        self._readings = Readings(min(max(one.length, 3) for one in self._secrets), letters)
        self._judged.clear()
        pieces.without_exactly("\n".join(map(_folded, self._known)))

    def text(self, text: str) -> str:
        """Return a server's text cleaned, or a sentence in its place when it holds a secret."""
        return self._withheld(text) or clean(readable(text[:MAX_SEARCHED]))

    def lines(self, message: str) -> list[str]:
        """Return the lines of a server's reply cleaned, or one sentence when it holds a secret, over lines too."""
        if withheld := self._withheld(message):
            return [withheld]
        return [clean(line) for line in readable(message[:MAX_SEARCHED]).split("\n")]

    def reply(self, code: int, message: str) -> Reply:
        """Parse a server's reply into code, enhanced code (RFC 3463) and cleaned text."""
        # Each line of a multi-line reply repeats the enhanced code (RFC 2034), or only some of them do.
        lines = [_ENHANCED.sub("", line) for line in message.split("\n")]
        text = self._withheld(message) or self.text(" ".join(lines))
        return Reply(code=code, enhanced=enhanced_code(message), text=text)

    def told(self, code: int, message: str) -> Reply:
        """Parse a reply of which nothing else than code, enhanced code and text is ever shown: no line by itself."""
        text = " ".join(_ENHANCED.sub("", line).strip() for line in message.split("\n"))
        return Reply(code=code, enhanced=enhanced_code(message), text=self.text(text))

    def leaks(self, text: str) -> bool:
        """Whether what would be shown of a text holds a piece of a secret in some reading, or has too many readings."""
        return bool(self._withheld(text))

    def _withheld(self, text: str) -> str:
        """Return why a text is not shown; empty where it is."""
        searched = text[:MAX_SEARCHED]
        if self._secrets and searched not in self._judged:
            self._judged[searched] = self._judge(searched)
        return self._judged.get(searched, "")

    def _judge(self, text: str) -> str:
        # With the words beside it, what somebody chose and the server repeats would make pieces that tell a password
        # letter by letter.
        apart = self._echo.sub(" ", text)
        if any(one.is_exactly_in(text) for one in self._secrets):
            return _REPEATED
        forms = _each_once(form for one in dict.fromkeys((apart, readable(apart))) for form in self._all_forms(one))
        try:
            found = any(self._is_piece_in(form, one) for form in forms for one in self._secrets)
        except _TooMuchToReadError:
            return _TOO_LONG
        return _REPEATED if found else ""

    def _is_piece_in(self, form: "_Form", pieces: "_Pieces") -> bool:
        """Whether a form holds a piece of a secret that is in no reading of what is known.

        What is known is read only when something was found, which in most replies is nothing.
        """
        if not pieces.is_in(form):
            return False
        if not pieces.are_without_known:
            pieces.without("\n".join(known for one in self._known for known in self._forms_of_known(one, pieces)))
        return pieces.is_in(form)

    def _forms_of_known(self, text: str, pieces: "_Pieces") -> Iterator[str]:
        with suppress(_TooMuchToReadError):
            yield from (form.text for form in self._all_forms(text) if pieces.are_sought_in(form))

    def _all_forms(self, text: str) -> Iterator["_Form"]:
        """Yield a text in all readings, folded.

        Raises:
            _TooMuchToReadError: they are too long.
        """
        texts = [*self._readings.of_received(text)]
        texts += [one for part in texts for one in _variants(part)]
        read = 0
        for depth in range(_DEPTH):
            texts = [*dict.fromkeys(texts)]
            read += sum(map(len, texts))
            if read > _MOST_READ:
                raise _TooMuchToReadError
            for one in texts:
                yield from _forms_of_reading(one, is_decoded=depth > 0)
            worth = texts if depth == 0 else [*map(self._readings.worth_decoding, texts)]
            # Nothing that decodes minds blanks, but for those between numbers.
            worth = [*{"".join(one.split()): one for one in reversed(worth)}.values()]
            found = self._readings.decoded(worth) if depth + 1 < _DEPTH else ""
            texts = [found, "\n".join(one for line in found.split("\n") for one in _variants(line))]


class _Form(NamedTuple):
    """A reading of a text, folded: decoded, or made of some of its characters alone, or as it was received."""

    text: str
    is_decoded: bool
    has_escapes: bool = False


def _each_once(forms: Iterable[_Form]) -> Iterator[_Form]:
    """Yield no form twice: most readings of a short text are the same."""
    seen: set[_Form] = set()
    for form in forms:
        if form not in seen:
            seen.add(form)
            yield form


def _variants(text: str) -> Iterator[str]:
    """Yield a text without what may be separators, and each with its escapes undone."""
    solid = [*condensed(text)]
    yield from solid
    yield from (one for part in (text, *solid) for one in unescaped(part))


class _TooMuchToReadError(Exception):
    """A text has more readings than are searched."""


class _Pieces:
    """The pieces of one secret; `length` is that of one, 0 where folding leaves nothing, as of accents alone."""

    def __init__(self, secret: str, least: int) -> None:
        forms = [*_forms(secret)]
        self._exactly, self._folded = secret, forms[0]
        self.letters = f"{secret}{secret.upper()}{secret.lower()}{forms[0]}"
        size = len(forms[0])
        self.length = min(least, ceil(size * _SHARE))
        whole = [form for form in forms if self.length and len(form) >= self.length]
        self._whole = _both_ways(whole)
        everywhere = _both_ways(one for form in whole for one in _windows(form, self.length))
        # What it shares with ordinary words tells nothing; servers ask for a password in base64, too.
        self._plainly = {one for one in everywhere if one not in ORDINARY_WORDS}
        self._decoded = self._plainly if size > _SURE else set()
        if size >= _SURE:
            self._decoded = self._decoded | self._whole
        # A blank within a piece is one of its characters; what is left is too short to be sought in noise.
        shorter = (one for one in map(_folded, _windows(secret, self.length)) if len(one) == self.length - 1 > 2)
        self._plainly = self._plainly | {one for one in shorter if one not in ORDINARY_WORDS}
        self._half_escaped = HalfEscaped(self._decoded, _folded)
        self.are_without_known = False

    def without(self, known: str) -> None:
        """Take out what is part of a text that is no secret."""
        self.are_without_known = True
        self._whole = {one for one in self._whole if one not in known}
        self._plainly = {one for one in self._plainly if one not in known}
        self._decoded = {one for one in self._decoded if one not in known}
        self._half_escaped = HalfEscaped(self._decoded - {*self._half_escaped.found_in(known)}, _folded)

    def without_exactly(self, known: str) -> None:
        """Do not seek the secret as it is where it is part of a folded text that is no secret."""
        # Where folding drops characters, such as unassigned ones, what is left is another text than the secret.
        if self._folded in known and len(self._folded) == len(_INVISIBLE.sub("", self._exactly.casefold())):
            self._exactly = ""

    def are_sought_in(self, form: _Form) -> bool:
        """Whether there is something to seek in such a form."""
        return bool(self._decoded) if form.is_decoded else bool(self._plainly or self._whole)

    def is_in(self, form: _Form) -> bool:
        """Whether a form holds a piece; of words of ordinary replies, only as a part of a longer one."""
        if form.has_escapes and any(True for _ in self._half_escaped.found_in(form.text)):
            return True
        if form.is_decoded:
            return _any_in(self._decoded, form.text)
        return any(one in form.text for one in self._whole) or _any_in(self._plainly, form.text)

    def is_exactly_in(self, text: str) -> bool:
        """Whether a text holds the secret as it is, with something known in it or not."""
        return bool(self._exactly) and self._exactly in text


def enhanced_code(message: str) -> str:
    """Return the enhanced code of a reply (RFC 3463), such as "5.7.8"; empty where it has none."""
    match = _ENHANCED.search(message)
    return match.group(1) if match else ""


def _forms_of_reading(text: str, *, is_decoded: bool) -> Iterator[_Form]:
    folded, letters = _forms(text)
    yield _Form(folded, is_decoded, has_escapes=has_escapes(folded))
    yield _Form(letters, is_decoded)
    if len(folded) <= _LONGEST_SPREAD:
        yield from (_Form(form, True) for part in spread(folded) for form in (part, _SEPARATORS.sub("", part)))


def _forms(text: str) -> tuple[str, str]:
    """Return a text in small letters without blanks and what is invisible, and that without anything but letters."""
    folded = _folded(text)
    return folded, _SEPARATORS.sub("", folded)


def _folded(text: str) -> str:
    return _INVISIBLE.sub("", plain(text).casefold())


def _any_in(pieces: set[str], text: str) -> bool:
    return any(not pieces.isdisjoint(_windows(text, length)) for length in {len(one) for one in pieces})


def _windows(text: str, length: int) -> Iterator[str]:
    return (text[begin : begin + length] for begin in range(len(text) - length + 1))


def _both_ways(pieces: Iterable[str]) -> set[str]:
    return {one for piece in pieces for one in (piece, piece[::-1])}
