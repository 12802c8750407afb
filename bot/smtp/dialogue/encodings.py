"""Replies in other encodings than UTF-8, which servers in China, Russia, Japan and Western Europe still send.

SMTP's replies are ASCII, or UTF-8 (RFC 6531, 3.7.4.2), and say no encoding. aiosmtplib keeps bytes that are not UTF-8
as lone surrogates; here they are read as the encoding whose letters they most likely are. Guessing libraries want more
text than one line has.
"""

import re

READ_AS = ("gb18030", "shift_jis", "windows-1251", "windows-1252")
"""The encodings that are tried."""

_MAX_CHARACTERS = 4096
_CUT_OFF = 3
_UNDECODED = re.compile("[\udc80-\udcff]")
_OTHER_SURROGATES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")
# In the rows B0 to D7 of GB 2312 stand the 3755 usual characters, in A1 to A3 signs and full-width letters.
_CHINESE = re.compile(rb"(?:[\xa1-\xa3\xb0-\xd7][\xa1-\xfe])+")
_KANA = re.compile(rb"\x82[\x9f-\xf1]|\x83[\x40-\x96]")
_CYRILLIC = re.compile(rb"[\xa8\xab\xb8\xb9\xbb\xc0-\xff]+")
_WITHIN_WORDS = re.compile(
    rb"(?:(?<=[A-Za-z])[\x80-\xff]{1,2}(?![\x80-\xff])|(?<![\x80-\xff])[\x80-\xff]{1,2}(?=[A-Za-z]))"
)
_SHARE_OF_CHINESE = 0.8
_SOME_KANA = 2


def readable(text: str) -> str:
    """Return a text of which every byte that was not UTF-8 is read as the encoding that fits best."""
    undecoded = len(_UNDECODED.findall(text))
    # A server that cuts its UTF-8 after so many bytes leaves the beginning of one character.
    if not undecoded or (undecoded <= _CUT_OFF and sum(not one.isascii() for one in text) > 2 * undecoded):
        return text
    raw = _OTHER_SURROGATES.sub("", text[:_MAX_CHARACTERS]).encode("utf-8", "surrogateescape")
    return raw.decode(_encoding(raw), "replace")


def _encoding(raw: bytes) -> str:
    runs = _NOT_ASCII.findall(raw)
    total = sum(map(len, runs))
    if len(_KANA.findall(raw)) >= _SOME_KANA and _decodes(raw, "shift_jis"):
        return "shift_jis"
    if sum(map(len, _WITHIN_WORDS.findall(raw))) * 2 > total:
        # One or two such letters within a word of ASCII are those of a Western language.
        return "windows-1252"
    letters = all(_CYRILLIC.fullmatch(run) for run in runs)
    if letters and _looks_russian(b"".join(runs)):
        return "windows-1251"
    chinese = sum(len(found) for run in runs for found in _CHINESE.findall(run))
    if chinese >= total * _SHARE_OF_CHINESE and _decodes(raw, "gb18030"):
        return "gb18030"
    return "windows-1251" if letters else "windows-1252"


def _looks_russian(letters: bytes) -> bool:
    """Whether most letters are small ones, or all are capitals; Chinese has both halves mixed."""
    small = sum(letter >= 0xE0 for letter in letters)
    return small * 10 >= len(letters) * 7 or (small == 0 and all(0xC0 <= letter <= 0xDF for letter in letters))


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
