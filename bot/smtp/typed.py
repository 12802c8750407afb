"""What was typed or pasted along: blanks, quotes, invisible characters, letters that look like others.

Categories and names are Unicode's (https://www.unicode.org/reports/tr44/), look-alikes those of
https://www.unicode.org/reports/tr39/ between Latin, Greek and Cyrillic.
"""

import re
import unicodedata
from collections.abc import Sequence

_JOINERS = "\u200c\u200d"
"""Joiners belong to some names in Persian and in Indian scripts (RFC 5892, A.1), and to emoji."""
_FILLERS = "\u034f\u115f\u1160\u2800\u3164\uffa0"
"""Characters of other categories that show nothing."""
_TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
_WIDE = {0xFF01 + offset: 0x21 + offset for offset in range(0x7F - 0x21)} | {0x3002: ".", 0xFF61: ".", 0x3000: " "}
_APP_PASSWORD = re.compile(r"[A-Za-z0-9]{4}(\s[A-Za-z0-9]{4}){3,}")
_LETTERS_OF_GOOGLE = 16
_MOST_NAMED = 3
_QUOTES = ('""', "''", "``", "“”", "„“", "„”", "””", "‘’", "‚‘", "‚’", "’’", "«»", "»«", "»»", "‹›", "›‹", "「」")
"""Pairs of quotes as languages write them (https://unicode.org/reports/tr35/tr35-general.html#Delimiter_Elements)."""
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")


def is_invisible(character: str) -> bool:
    """Whether a character shows nothing and is no blank either."""
    return unicodedata.category(character) == "Cf" or character in _FILLERS


def stripped(text: str) -> str:
    """Return a text without the blanks and invisible characters at its ends."""
    visible = [place for place, one in enumerate(text) if not (one.isspace() or is_invisible(one))]
    return text[visible[0] : visible[-1] + 1] if visible else ""


def unquoted(text: str) -> str:
    """Return a text without the one pair of quotes that stands around all of it, and the blanks next to these."""
    inside = text[1:-1]
    if text[:1] + text[-1:] not in _QUOTES or len(text) < 2 or not stripped(inside):
        return text
    # In “a” and “b” the first quote is closed before the end; an apostrophe closes nothing.
    closed = text[0] in _APOSTROPHE.sub("", inside)
    return text if closed else stripped(inside)


def narrowed(text: str) -> str:
    """Return a text with its full-width letters, digits and signs as the usual ones."""
    return text.translate(_WIDE)


def without_invisible(text: str) -> str:
    """Return a text without what shows nothing; joiners beside letters beyond ASCII stay, and what turns text round."""
    return "".join(one for place, one in enumerate(text) if not (is_invisible(one) and not _belongs(text, place)))


def without_blanks(password: str) -> str:
    """Return a password without the blanks at its ends, and without those between the groups of an app password."""
    plain = password.strip()
    letters = "".join(plain.split())
    of_google = len(letters) == _LETTERS_OF_GOOGLE and letters.isascii() and letters.isalpha()
    return letters if of_google or _in_groups(plain) else plain


def look_alikes(text: str) -> str:
    """Return the letters of other alphabets in a text that also has Latin ones."""
    if not any(one.isascii() and one.isalpha() for one in text):
        return ""
    return "".join(one for one in text if unicodedata.name(one, "").startswith(("CYRILLIC ", "GREEK ")))


def oddities(text: str, *, blank_between: str) -> tuple[str, ...]:
    """Return what nobody sees in a text, each as the end of a sentence: "ends with a blank".

    `blank_between` is what is said of an ordinary blank between two words; empty where it is nothing odd.
    """
    if not text.strip():
        return ()
    inner = text.strip()
    strange = [one for one in inner if one.isspace() and one != " "]
    hidden = [one for one in text if is_invisible(one)]
    found = (
        ("begins with a blank", text[0].isspace()),
        ("ends with a blank", text[-1].isspace()),
        ("has blanks between its groups", without_blanks(text) != inner),
        (blank_between, " " in inner and without_blanks(text) == inner),
        (f"has a blank in it that is not the usual one ({_numbers(strange)})", strange),
        (f"has an invisible character in it ({_numbers(hidden)})", hidden),
        (
            "has full-width letters, digits or signs in it",
            any(ord(one) in _WIDE for one in inner.replace("\u3000", "")),
        ),
        ("has letters of another alphabet in it that look like Latin ones", look_alikes(text)),
        ("has letters in it that are two characters each", unicodedata.normalize("NFC", text) != text),
    )
    return tuple(sentence for sentence, is_so in found if is_so and sentence)


def _in_groups(plain: str) -> bool:
    return bool(_APP_PASSWORD.fullmatch(plain))


def _belongs(text: str, place: int) -> bool:
    around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
    joins = text[place] in _JOINERS and any(not one.isascii() for one in around)
    return joins or unicodedata.bidirectional(text[place]) in _TURNING


def _numbers(characters: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(f"U+{ord(one):04X}" for one in characters[:_MOST_NAMED]))
