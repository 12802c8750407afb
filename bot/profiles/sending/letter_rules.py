"""What a letter must be like to leave in somebody's name: who it says it is from, to whom it goes, and its form."""

import asyncio
import re
import unicodedata
from base64 import b64decode
from binascii import a2b_qp
from contextlib import suppress
from dataclasses import dataclass

from bot.profiles.sending.header import Field, Header
from bot.profiles.sending.letters import MAX_LINE_LENGTH, Cause, LetterRefusedError
from bot.smtp.network.guard import HostError, normal_host

PIECE_BYTES = 65_536
"""How much of a letter is looked at before others have their turn: about a tenth of a millisecond."""

MAX_ADDRESS_BYTES = 254
"""Of a recipient (RFC 5321, 4.5.3.1.3)."""

_MAX_FROM_LENGTH = 1000
_WORD = r"[^\s<>()\[\]:;@,\"\\\x00-\x1f\x7f]+"
_ADDRESS = rf"{_WORD}@{_WORD}"
_COMMENT = r"(?:\s*\((?P<{}>[^()\\]*)\))?"
_ONE_MAILBOX = (
    re.compile(
        rf"(?P<name>(?:\"(?:[^\"\\]|\\.)*\"|[^<>()\[\]:;@,\"\\])*)<(?P<address>{_ADDRESS})>{_COMMENT.format('said')}"
    ),
    re.compile(rf"(?P<address>{_ADDRESS}){_COMMENT.format('name')}"),
)
"""One address, with a name before it, or behind it as cron and mailx write it: in forms that all programs read alike.

Groups, routes, several addresses and comments elsewhere are read in more ways than one (RFC 5322, 4.4).
"""
_LIKE_AN_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"\\@]+@[^\s<>()\[\]:;,\"\\@]+")
_ENCODED_WORD = re.compile(r"=\?([^?*]*)(?:\*[^?]*)?\?([bq])\?(.*?)\?=", re.IGNORECASE)
"""A word of a name in another character set (RFC 2047), with or without its language (RFC 2231, 5)."""
_BETWEEN_WORDS = re.compile(r"(?<=\?=)\s+(?==\?)")
_LED_ON = re.compile(r"[%!\"]")
"""What stands before the @ of a recipient whom some servers pass on to another domain (RFC 5321, 4.1.2 and F.2)."""
_RECIPIENT = re.compile(
    r"(?:\"[^\"\\\x00-\x1f\x7f\ud800-\udfff]+\"|[^\s<>()\[\]:;,\"\\@\x00-\x1f\x7f\ud800-\udfff]+)"
    r"@[^\s<>()\\\",;@\x00-\x1f\x7f\ud800-\udfff]+"
)


@dataclass(frozen=True, kw_only=True)
class LetterRules:
    """The rules for letters of one profile; `address` is the profile's, the only one that letters may be from."""

    address: str

    def check_sender(self, mail_from: str) -> None:
        """Check an address of MAIL FROM, without its brackets.

        Raises:
            LetterRefusedError: 553 5.7.1, it is not the profile's address.
        """
        if not self._is_own(mail_from):
            sentence = f"Messages of this profile are from {self.address}. Set the program's sender to that address."
            raise LetterRefusedError(Cause.SENDER, 553, "5.7.1", sentence)

    def check_recipient(self, address: str, *, own_domain_only: bool) -> None:
        """Check an address of RCPT TO, without its brackets.

        Raises:
            LetterRefusedError: 553 5.1.3, it is no address; 550 5.7.1, the program may send to its own domain alone.
        """
        if len(address.encode("utf-8", "replace")) > MAX_ADDRESS_BYTES or not _RECIPIENT.fullmatch(address):
            sentence = "This recipient is no email address; one looks like ada@example.com."
            raise LetterRefusedError(Cause.RECIPIENT, 553, "5.1.3", sentence)
        is_led_on = _LED_ON.search(address.rpartition("@")[0])
        if own_domain_only and (is_led_on or _domain(address) != _domain(self.address)):
            domain = self.address.rpartition("@")[2]
            sentence = f"This program may send to addresses at {domain} alone, as its owner chose in Slack."
            raise LetterRefusedError(Cause.RECIPIENT, 550, "5.7.1", sentence)

    async def check_content(self, content: bytes) -> Header:
        """Check a letter's header and its lines, and return the header; long letters are looked at in pieces.

        Raises:
            LetterRefusedError: 550 5.6.11, a line does not end in CRLF; 550 5.6.0, a line is too long, the header
                breaks a rule, or has not one From; 550 5.7.1, From or Sender is not the profile's address.
        """
        await _check_lines(content)
        header = Header.of(content)
        found = header.named("from")
        if len(found) != 1:
            many = "no From" if not found else "more than one From"
            sentence = f"The message has {many} in its header; it needs one, with {self.address}."
            raise LetterRefusedError(Cause.FORM, 550, "5.6.0", sentence)
        senders = header.named("sender")
        if len(senders) > 1:
            raise LetterRefusedError(Cause.FORM, 550, "5.6.0", "The message has more than one Sender in its header.")
        for field in (*found, *senders, *header.named("resent-from"), *header.named("resent-sender")):
            self._check_own(field)
        return header

    def _check_own(self, field: Field) -> None:
        """Check that a field names the profile's address, and nobody else's in the name beside it."""
        named = field.name.title()
        value = field.value
        one = _one_mailbox(value) if len(value) <= _MAX_FROM_LENGTH else None
        if one is None:
            sentence = f"{named} in the message's header has to be one address, such as: Ada <{self.address}>."
            raise LetterRefusedError(Cause.FORM, 550, "5.6.0", sentence)
        beside = " ".join(_as_read(text) for text in (one["name"], one.groupdict().get("said")) if text)
        others = [text for text in _LIKE_AN_ADDRESS.findall(beside) if not self._is_own(text.strip("'.<>"))]
        if others or not self._is_own(one["address"]) or not _is_one_text(beside):
            sentence = f"{named} in the message's header has to be {self.address}, the address of this profile."
            raise LetterRefusedError(Cause.SENDER, 550, "5.7.1", sentence)

    def _is_own(self, address: str) -> bool:
        """Whether an address is the profile's; capitals do not matter."""
        return bool(self.address) and _parts(address) == _parts(self.address)


def _one_mailbox(value: str) -> re.Match[str] | None:
    return next((match for form in _ONE_MAILBOX if (match := form.fullmatch(value))), None)


async def _check_lines(content: bytes) -> None:
    begin = 0
    while begin < len(content):
        end = len(content)
        if end - begin > PIECE_BYTES:
            end = content.rfind(b"\r\n", begin, begin + PIECE_BYTES) + 2
            if end < begin + 2:
                end = begin + PIECE_BYTES
        _check_piece(content[begin:end])
        begin = end
        if begin < len(content):
            await asyncio.sleep(0)


def _check_piece(piece: bytes) -> None:
    lines = piece.split(b"\r\n")
    ends = len(lines) - 1
    if piece.count(b"\r") != ends or piece.count(b"\n") != ends:
        sentence = "Each line of a message ends with CR and LF together; one of this message's does not."
        raise LetterRefusedError(Cause.FORM, 550, "5.6.11", sentence)
    if b"\0" in piece:
        sentence = "The message has a NUL character in it, which is in no message; encode what is not text."
        raise LetterRefusedError(Cause.FORM, 550, "5.6.0", sentence)
    if max(map(len, lines)) > MAX_LINE_LENGTH:
        sentence = f"A line of the message has more than {MAX_LINE_LENGTH} characters; encode it, or break it."
        raise LetterRefusedError(Cause.FORM, 550, "5.6.0", sentence)


def _parts(address: str) -> tuple[bytes, str]:
    local = address.rpartition("@")[0]
    # Of letters beyond ASCII nobody knows which are one: K and the Kelvin sign would be.
    return local.encode("utf-8", "replace").lower(), _domain(address)


def _domain(address: str) -> str:
    domain = address.rpartition("@")[2]
    with suppress(HostError):
        return normal_host(domain)
    return domain.lower()


def _as_read(name: str) -> str:
    """Return a name as the most lenient of mail programs show it: encoded words are read wherever they stand.

    So an address in it is found, whatever quotes it, whatever its letters look like, and whatever is wrong beside it.
    """
    words = _ENCODED_WORD.sub(lambda match: _word(match[1], match[2], match[3]), _BETWEEN_WORDS.sub("", name))
    return unicodedata.normalize("NFKC", words).replace('"', "").replace("\\", "")


def _word(charset: str, encoding: str, text: str) -> str:
    if encoding in "qQ":
        content = a2b_qp(text.encode("utf-8", "replace"), header=True)
    else:
        letters = re.sub(r"[^A-Za-z0-9+/]", "", text)
        content = b64decode(letters[: len(letters) - (len(letters) % 4 == 1)] + "==")
    with suppress(LookupError, ValueError):
        return content.decode(charset, "replace")
    return content.decode("latin-1")


def _is_one_text(name: str) -> bool:
    """Whether a name is one line, and has not been encoded twice."""
    return not _ENCODED_WORD.search(name) and all(unicodedata.category(one) not in ("Cc", "Zl", "Zp") for one in name)
