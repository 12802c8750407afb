"""The extra configurations: one catalogue, which feeds the command, the menu, the help and the README."""

import difflib
import re
import string
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.profiles.account.header_text import has_encoded_word
from bot.profiles.account.profile import check_address, effective_encryption, is_printable
from bot.profiles.errors import ExtraConflictError, InvalidExtraError
from bot.smtp.account import Encryption
from bot.smtp.network.guard import HostError, literal, normal_host, split_server
from bot.smtp.typed import narrowed, stripped, unquoted, without_invisible

MAX_NAME_LENGTH = 70
"""Characters of a display name: a From line should stay well under the 78 that RFC 5322, 2.1.1 advises."""

_BIDIRECTIONAL = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_YES = {"Y", "YES", "TRUE", "ON", "1"}
_NO = {"N", "NO", "FALSE", "OFF", "0"}
REFUSED_IN_COMMAND = (
    "Passwords do not belong into a command: Slack keeps what you type there. Use /email-profile edit, "
    "and change this password if it was a real one."
)
_SIGNS_AROUND_A_WORD = "=:.,;!…。 "
_SECRET_WORDS = ("PASSWORD", "PASSWD", "PASSWORT", "PASS", "PWD", "PW", "SECRET", "TOKEN")


@dataclass(frozen=True, kw_only=True)
class ExtraConfiguration:
    """One kind of extra configuration.

    `kind` says in words what a value is; `choices` are all values where they can be listed; `check` returns a
    value in its normal form or raises ValueError with a sentence; `conflicts` are names that cannot be Y as well;
    `is_text` says that people read the value.
    """

    name: str
    kind: str
    meaning: str
    example: str
    check: Callable[[str], str]
    choices: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    is_text: bool = False


def _word(text: str) -> str:
    """Return one word in capitals, without the signs that sentences and settings files have around one."""
    return _visible(text).strip(_SIGNS_AROUND_A_WORD).upper()


def _visible(text: str) -> str:
    return narrowed(without_invisible(text))


def _yes_or_no(text: str) -> str:
    word = _word(text)
    if word in _YES:
        return "Y"
    if word in _NO:
        return "N"
    raise ValueError("it is either Y or N.")


def _mechanism(text: str) -> str:
    word = _word(text).replace("_", "-").replace(" ", "-")
    if word not in ("PLAIN", "LOGIN", "CRAM-MD5"):
        raise ValueError("it is one of PLAIN, LOGIN and CRAM-MD5.")
    return word


def _announced_name(text: str) -> str:
    """Return what EHLO announces (RFC 5321, 4.1.3): a host name, or an IP address in brackets; of a URL its host."""
    try:
        host = normal_host(split_server(_visible(text))[0])
    except HostError as error:
        raise ValueError(f"it is a host name or an IP address. {error.why}") from None
    if "_" in host:
        # DNS knows such names, and many mail servers refuse to be greeted with one.
        raise ValueError("it is a host name or an IP address. In a name for mail servers there cannot be “_”.")
    address = literal(host)
    if address is None:
        return host
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"


def _display_name(text: str) -> str:
    # Bidirectional controls would let the name of one person look like that of another.
    controls = any(unicodedata.bidirectional(character) in _BIDIRECTIONAL for character in text)
    if not text or not is_printable(text) or controls or len(text.splitlines()) > 1 or len(text) > MAX_NAME_LENGTH:
        raise ValueError(f"it is one line of 1 to {MAX_NAME_LENGTH} characters.")
    if has_encoded_word(text):
        raise ValueError("it is a name as people read it, without “=?…?=” in it.")
    return text


def _address(text: str) -> str:
    try:
        return check_address(_visible(text))
    except ValueError:
        raise ValueError("it is an email address.") from None


def _pin(text: str) -> str:
    digits = re.sub(r"[\s:]", "", _visible(text)).lower()
    if len(digits) != 64 or any(character not in string.hexdigits for character in digits):
        raise ValueError("it is the SHA-256 of the server's public key: 64 hexadecimal digits, colons allowed.")
    return digits


CATALOGUE = (
    ExtraConfiguration(
        name="SSL",
        kind="Y or N",
        meaning="TLS from the first byte (port 465)",
        example="SSL Y",
        check=_yes_or_no,
        choices=("Y", "N"),
        conflicts=("TLS",),
    ),
    ExtraConfiguration(
        name="TLS",
        kind="Y or N",
        meaning="start unencrypted, then switch to TLS (port 587)",
        example="TLS Y",
        check=_yes_or_no,
        choices=("Y", "N"),
        conflicts=("SSL",),
    ),
    ExtraConfiguration(
        name="AUTH",
        kind="PLAIN, LOGIN or CRAM-MD5",
        meaning="sign in with this mechanism instead of the best one offered",
        example="AUTH LOGIN",
        check=_mechanism,
        choices=("PLAIN", "LOGIN", "CRAM-MD5"),
    ),
    ExtraConfiguration(
        name="HELO",
        kind="a host name",
        meaning="the name announced to the mail server",
        example="HELO pc17.example.com",
        check=_announced_name,
    ),
    ExtraConfiguration(
        name="PIN",
        kind="64 hexadecimal digits",
        meaning="trust exactly the server key with this SHA-256",
        example=f"PIN {'5e884898da28047151d0e56f8dc62927' * 2}",
        check=_pin,
    ),
    ExtraConfiguration(
        name="FROM_NAME",
        kind="a text",
        meaning="the name recipients see",
        example="FROM_NAME Ada Lovelace",
        check=_display_name,
        is_text=True,
    ),
    ExtraConfiguration(
        name="REPLY_TO",
        kind="an email address",
        meaning="where answers go",
        example="REPLY_TO office@example.com",
        check=_address,
    ),
)


def mentions_secret(word: str) -> bool:
    """Return whether a word names a password or token, so that nothing after it may be repeated."""
    return any(secret in word.upper() for secret in _SECRET_WORDS)


def find_extra(name: str) -> ExtraConfiguration:
    """Return an entry of the catalogue by its name, in any case.

    Raises:
        InvalidExtraError: with the allowed names and an example; never with what was typed for a secret.
    """
    near = nearest_extra(name)
    if near is not None and near.name == _normal_name(name):
        return near
    if mentions_secret(name):
        raise InvalidExtraError(REFUSED_IN_COMMAND, part="name")
    guess = f" Did you mean {near.name}?" if near else ""
    names = ", ".join(entry.name for entry in CATALOGUE)
    raise InvalidExtraError(
        f"There is no such extra configuration.{guess} Use one of {names}, for example TLS Y.", part="name"
    )


def nearest_extra(name: str) -> ExtraConfiguration | None:
    """Return the entry of the catalogue whose name this is, or nearly is; None when it is like none of them."""
    names = {entry.name: entry for entry in CATALOGUE}
    near = difflib.get_close_matches(_normal_name(name), names, n=1)
    return names[near[0]] if near else None


def _normal_name(name: str) -> str:
    return _word(name).replace("-", "_")


def normalize_value(entry: ExtraConfiguration, text: str) -> str:
    """Check a value, and return it in its normal form; quotes around it, or its name and “=” before it, are no part.

    Raises:
        InvalidExtraError: with what is allowed and an example.
    """
    try:
        return entry.check(_value_alone(entry, text))
    except ValueError as error:
        message = f"This is no value for {entry.name}: {error} For example {entry.example}."
        raise InvalidExtraError(message, part="value") from None


def _value_alone(entry: ExtraConfiguration, text: str) -> str:
    typed = stripped(text)
    plain = unquoted(typed)
    name = re.match(rf"{entry.name.replace('_', '[_-]')}\s*[=:]", plain, re.IGNORECASE)
    if name is None:
        return plain
    value = stripped(plain[name.end() :])
    return unquoted(value) if plain == typed else value


def with_extra(extras: Mapping[str, str], name: str, value: str) -> dict[str, str]:
    """Return the extra configurations with one set.

    Raises:
        InvalidExtraError: unknown name or value.
        ExtraConflictError: SSL and TLS would both be on.
    """
    entry = find_extra(name)
    normal = normalize_value(entry, value)
    for other in entry.conflicts:
        if normal == "Y" and extras.get(other) == "Y":
            raise ExtraConflictError(
                "SSL and TLS cannot both be on: SSL encrypts from the first byte (465), TLS switches after "
                f"connecting (587). {other} is on now.",
                wanted=entry.name,
                present=other,
            )
    return {**extras, entry.name: normal}


def with_encryption(extras: Mapping[str, str], name: str) -> dict[str, str]:
    """Return the extra configurations with `name` (SSL or TLS) on and the other one removed."""
    entry = find_extra(name)
    kept = {other: value for other, value in extras.items() if other not in entry.conflicts}
    return with_extra(kept, entry.name, "Y")


def without_extra(extras: Mapping[str, str], name: str) -> dict[str, str]:
    """Return the extra configurations without one.

    Raises:
        InvalidExtraError: the name is unknown, or not among them.
    """
    entry = find_extra(name)
    if entry.name not in extras:
        present = f"You have {', '.join(extras)}." if extras else "You have none."
        raise InvalidExtraError(f"{entry.name} is not among the extra configurations. {present}", part="name")
    return {other: value for other, value in extras.items() if other != entry.name}


ENCRYPTING = ("SSL", "TLS")
"""The extra configurations that are the form's encryption too."""


def with_effective_encryption(extras: Mapping[str, str], encryption: Encryption) -> dict[str, str]:
    """Return the extra configurations with this encryption in effect; those that make it already stay as they are."""
    if effective_encryption(extras) is encryption:
        return dict(extras)
    if encryption is not Encryption.NONE:
        return with_encryption(extras, encryption.value)
    return {name: value for name, value in extras.items() if not (name in ENCRYPTING and value == "Y")}


def with_changes(extras: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return the extra configurations with some set and some (those that are None) taken away.

    Raises:
        InvalidExtraError: unknown name or value.
    """
    kept = {name: value for name, value in extras.items() if name not in changes}
    set_now = {name: normalize_value(find_extra(name), value) for name, value in changes.items() if value is not None}
    return {**kept, **set_now}


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    """Return what makes `after` of `before`, as `with_changes` takes it."""
    names = [*after, *(name for name in before if name not in after)]
    return {name: after.get(name) for name in names if before.get(name) != after.get(name)}
