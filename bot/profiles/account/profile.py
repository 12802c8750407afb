"""An email profile: its fields, its encryption, the rules of its form, and the document that is sealed."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import idna
from pydantic import SecretStr, TypeAdapter

from bot.profiles.errors import InvalidFormError
from bot.smtp.account import MAX_LOGIN_LENGTH, Encryption
from bot.smtp.advice.row import Fix
from bot.smtp.dialogue.cleaning import clean
from bot.smtp.network.guard import HostError, literal, normal_host, split_server
from bot.smtp.typed import look_alikes, narrowed, oddities, stripped, unquoted, without_invisible

MAX_ADDRESS_LENGTH = 254
"""Characters of an address: RFC 5321 section 4.5.3.1.3 allows a path of 256 with its brackets."""
MAX_PASSWORD_LENGTH = 1000


class Field(StrEnum):
    """The fields of the form, by the names used in code and errors."""

    ADDRESS = "address"
    LOGIN = "login"
    PASSWORD = "password"  # noqa: S105 - a field's name
    HOST = "host"
    PORT = "port"
    ENCRYPTION = "encryption"
    """Stored as the extra configurations SSL and TLS."""
    AUTHENTICATE = "authenticate"


LABELS: Mapping[Field, str] = {
    Field.ADDRESS: "Email Address",
    Field.LOGIN: "User/Login",
    Field.PASSWORD: "Password",
    Field.HOST: "SMTP Server Address",
    Field.PORT: "Port",
    Field.ENCRYPTION: "Encryption",
    Field.AUTHENTICATE: "Authentication Required",
}


@dataclass(frozen=True, kw_only=True)
class EmailProfile:
    """One person's SMTP account with its extra configurations.

    `host` and `password_host` are normalised; the password goes to `password_host` and nowhere else.
    `before` is the profile before a button applied a fix, so that the fix can be undone. `pin_set_by` is the user id
    of whoever pinned the certificate that is trusted (PIN); empty where none is pinned, or where that is not known.
    `password_set_by` is that of whoever typed the password for its owner; empty where the owner did.
    """

    address: str = ""
    login: str = ""
    password: SecretStr | None = None
    password_host: str = ""
    password_set_at: datetime | None = None
    host: str = ""
    port: int | None = None
    authenticate: bool = True
    extras: Mapping[str, str] = field(default_factory=dict)
    pin_set_by: str = ""
    password_set_by: str = ""
    before: "EmailProfile | None" = None

    @property
    def has_password(self) -> bool:
        """Whether a password is stored that goes to this very server."""
        return self.password is not None and self.password_host == self.host

    @property
    def is_complete(self) -> bool:
        """Whether the form has been filled, so that there is something to test."""
        return bool(self.address and self.host and self.port)

    @property
    def destination(self) -> tuple[str, int | None, str | None, str]:
        """Where the password goes, under which trust, and for which login: server, port, pinned key, login."""
        return (self.host, self.port, self.extras.get("PIN"), self.login)

    def without_secrets(self) -> "EmailProfile":
        """Return the profile as it may be shown: without its password, and without what was before a fix."""
        return replace(self, password=None, before=None)

    def without_password(self) -> "EmailProfile":
        """Return the profile with its password forgotten."""
        return replace(self, password=None, password_host="", password_set_at=None, password_set_by="")

    def after(self, before: "EmailProfile | None") -> "EmailProfile":
        """Return the profile with what was before a fix, to put back; a dropped password is forgotten there too.

        No fix takes a password away, but for one by which somebody else changes which certificate is trusted.
        """
        if before is not None and self.password is None:
            before = before.without_password()
        return replace(self, before=before)

    def to_document(self) -> bytes:
        """Return everything as JSON for sealing, the password in clear text."""
        before = self.before._values() if self.before else None
        return json.dumps({"version": 1, **self._values(), "before": before}).encode()

    def _values(self) -> dict[str, Any]:
        return {
            "address": self.address,
            "login": self.login,
            "password": self.password.get_secret_value() if self.password else None,
            "password_host": self.password_host,
            "password_set_at": self.password_set_at.isoformat() if self.password_set_at else None,
            "host": self.host,
            "port": self.port,
            "authenticate": self.authenticate,
            "extras": dict(self.extras),
            "pin_set_by": self.pin_set_by,
            "password_set_by": self.password_set_by,
        }

    @classmethod
    def from_document(cls, document: bytes) -> "EmailProfile":
        """Read what `to_document` wrote; a version before this one kept a dropped password in what was before."""
        read = _DOCUMENT.validate_json(document)
        return read.after(read.before)


_DOCUMENT = TypeAdapter(EmailProfile)


def effective_encryption(extras: Mapping[str, str]) -> Encryption:
    """Return the encryption mode that the extra configurations make."""
    if extras.get("SSL") == "Y":
        return Encryption.SSL
    return Encryption.TLS if extras.get("TLS") == "Y" else Encryption.NONE


ENCRYPTION_WORDS: Mapping[Encryption, str] = {
    Encryption.SSL: "SSL (TLS from the first byte)",
    Encryption.TLS: "TLS (STARTTLS, required)",
    Encryption.NONE: "none (clear text)",
}


ENCRYPTION_CHOICES: Mapping[Encryption, str] = {
    Encryption.TLS: "TLS (STARTTLS)",
    Encryption.SSL: "SSL (from the first byte)",
    Encryption.NONE: "None",
}
"""The encryption modes as people choose them, the usual one first."""

TYPICAL_PORTS: Mapping[Encryption, int] = {Encryption.TLS: 587, Encryption.SSL: 465, Encryption.NONE: 25}


@dataclass(frozen=True)
class Mismatch:
    """Port and encryption do not go together: a sentence, and the extra configuration that would fit."""

    sentence: str
    extra: str


def find_mismatch(
    port: int | None, encryption: Encryption, *, authenticate: bool, said_by: str = "the profile"
) -> Mismatch | None:
    """Return how port and encryption do not fit; None when they do, or when the port is none of the usual ones.

    `said_by` is who says which encryption, in the sentence.
    """
    now = "neither SSL nor TLS" if encryption is Encryption.NONE else encryption.value
    if port == 465 and encryption is not Encryption.SSL:
        return Mismatch(f"Port 465 goes with SSL, and {said_by} says {now}.", "SSL")
    if port == 587 and encryption is not Encryption.TLS:
        return Mismatch(f"Port 587 goes with TLS, and {said_by} says {now}.", "TLS")
    if port == 25 and encryption is Encryption.SSL:
        return Mismatch(f"Port 25 begins unencrypted, and {said_by} says SSL.", "TLS")
    if encryption is Encryption.NONE and authenticate and port is not None:
        return Mismatch(f"A password never travels unencrypted, and {said_by} has no encryption yet.", "TLS")
    return None


@dataclass(frozen=True, kw_only=True)
class ProfileForm:
    """The form as typed: nothing trimmed, nothing checked. An empty password keeps the stored one.

    `encryption` is None in a form without that menu; `extras` are the changes of extra configurations that wait for
    the form's Save, None being one that is taken away; `password_fixes` are what shall be taken out of the password.
    `keep_stored` are the fields and extra configurations in which the person chose what somebody else saved meanwhile.
    """

    address: str
    login: str
    password: SecretStr
    host: str
    port: str
    authenticate: bool
    encryption: Encryption | None = None
    extras: Mapping[str, str | None] = field(default_factory=dict)
    password_fixes: tuple[Fix, ...] = ()
    keep_stored: frozenset[str] = frozenset()


JudgeServer = Callable[[str], str]
"""Takes a server in its normal form, and returns a sentence when it may not be used; empty when it may."""


def any_server(_host: str) -> str:
    """Let every server be used."""
    return ""


def check_own_form(
    form: ProfileForm, stored: EmailProfile, *, now: datetime, judge_server: JudgeServer = any_server
) -> EmailProfile:
    """Return the profile that a person's own form makes of the stored one.

    Raises:
        InvalidFormError: one sentence for each field that breaks a rule.
    """
    profile, errors = _check_fields(form, stored, now, judge_server)
    if profile.password is None and profile.authenticate:
        if stored.password is None:
            errors[Field.PASSWORD] = (
                "The password is missing. Type the password of this mail account, or turn Authentication Required off."
            )
        elif profile.host:
            errors[Field.PASSWORD] = (
                f"The stored password was typed for {stored.password_host} and goes nowhere else. "
                f"Type the password for {profile.host}."
            )
    if errors:
        raise InvalidFormError(errors)
    return profile


def check_others_form(
    form: ProfileForm, stored: EmailProfile, *, now: datetime, judge_server: JudgeServer = any_server
) -> EmailProfile:
    """Return the profile that an admin's form for somebody else makes; a password that does not fit is dropped.

    Raises:
        InvalidFormError: one sentence for each field that breaks a rule.
    """
    profile, errors = _check_fields(form, stored, now, judge_server)
    if errors:
        raise InvalidFormError(errors)
    return profile


def _check_fields(
    form: ProfileForm, stored: EmailProfile, now: datetime, judge_server: JudgeServer
) -> tuple[EmailProfile, dict[str, str]]:
    """Return the profile and a sentence for each bad field; bad fields are left empty in the profile."""
    form = with_stored_fields(form, stored)
    errors: dict[str, str] = {}
    address = _check(Field.ADDRESS, errors, check_address, form.address)
    login = _check(Field.LOGIN, errors, _check_login, form.login)
    host = _check(Field.HOST, errors, check_host, form.host)
    if refused := judge_server(host) if host else "":
        errors[Field.HOST], host = refused, ""
    typed_port, clash = port_beside(form.host, form.port)
    port = _check(Field.PORT, errors, _check_port, typed_port)
    if clash:
        errors[Field.PORT] = clash
    if form.authenticate and not login and not {Field.LOGIN, Field.ADDRESS} & set(errors):
        errors[Field.LOGIN] = (
            "The login is missing. Type the name you sign in with, often your full email address, or turn "
            "Authentication Required off."
        )
    profile = EmailProfile(
        address=address,
        login=login,
        host=host,
        port=int(port) if port else None,
        authenticate=form.authenticate,
        extras=stored.extras,
        pin_set_by=stored.pin_set_by,
    )
    if form.password.get_secret_value():
        sentence = check_password(form.password)
        if sentence:
            errors[Field.PASSWORD] = sentence
        profile = replace(profile, password=form.password, password_host=host, password_set_at=now)
    elif host == stored.password_host:
        profile = replace(
            profile,
            password=stored.password,
            password_host=host,
            password_set_at=stored.password_set_at,
            password_set_by=stored.password_set_by,
        )
    return profile, errors


def with_stored_fields(form: ProfileForm, stored: EmailProfile) -> ProfileForm:
    """Return the form with what somebody else saved in the fields where the person chose that."""
    kept: dict[str, Any] = {name: getattr(stored, name) for name in form.keep_stored & _KEPT_AS_THEY_ARE}
    if Field.PORT in kept:
        kept[Field.PORT] = str(stored.port or "")
    if Field.HOST in kept and server_name(form.host) != stored.host:
        # What was typed as password for one server never goes to another.
        kept[Field.PASSWORD] = SecretStr("")
    return replace(form, **kept)


def port_beside(server: str, port: str) -> tuple[str, str]:
    """Return the port of a form as it was typed, which may stand behind the server address alone.

    Where the two differ, the second text is a sentence about that; else it is empty.
    """
    behind, alone = split_typed_server(server)[1], without_what_nobody_sees(Field.PORT, port)
    if not (behind and parse_port(alone)) or parse_port(alone) == parse_port(behind):
        return alone or behind, ""
    return alone, (
        f"{LABELS[Field.HOST]} says port {clean(behind, most=10)}, and here stands {clean(alone, most=10)}. "
        "Keep one of the two."
    )


def server_name(typed: str) -> str:
    """Return the host of a server address as it was typed, in its normal form; as it stands there if it has none."""
    host = split_typed_server(typed)[0]
    with suppress(ValueError):
        return check_host(host)
    return host


def split_typed_server(typed: str) -> tuple[str, str]:
    """Return host and port of a server address as it was typed; empty texts where neither can be told."""
    try:
        return split_server(without_what_nobody_sees(Field.HOST, typed))
    except HostError:
        return "", ""


_KEPT_AS_THEY_ARE = frozenset({Field.ADDRESS, Field.LOGIN, Field.HOST, Field.PORT, Field.AUTHENTICATE})


def _check(name: Field, errors: dict[str, str], check: Callable[[str], str], typed: str) -> str:
    try:
        return check(without_what_nobody_sees(name, typed))
    except ValueError as error:
        errors[name] = str(error)
        return ""


def without_what_nobody_sees(name: Field, typed: str) -> str:
    """Return a value without the blanks, quotes and invisible characters pasted along; a password stays as it is.

    No name, address or number has invisible characters; in a login they are left where it has letters beyond ASCII.
    """
    text = unquoted(stripped(typed))
    if name is Field.LOGIN:
        visible = without_invisible(text)
        return visible if visible.isascii() else text
    return narrowed(without_invisible(text))


def notes_on(form: ProfileForm) -> tuple[str, ...]:
    """Return sentences on what was taken out of a form's values, and on what nobody sees in its password."""
    notes = []
    for name in (Field.ADDRESS, Field.LOGIN, Field.HOST, Field.PORT):
        typed = stripped(getattr(form, name))
        if unquoted(typed) != typed:
            notes.append(f"{LABELS[name]} had quotes around it, which are taken off.")
        if without_what_nobody_sees(name, typed) != unquoted(typed) or typed != getattr(form, name).strip():
            notes.append(f"{LABELS[name]} had invisible characters or full-width letters in it, which are taken out.")
    host, port = split_typed_server(form.host)
    if host != without_what_nobody_sees(Field.HOST, form.host):
        kept = f"{clean(host, most=60)} and port {clean(port, most=10)} are" if port else f"{clean(host, most=60)} is"
        notes.append(f"Of the {LABELS[Field.HOST]} {kept} kept.")
    return (*notes, *notes_on_password(form.password))


def notes_on_password(password: SecretStr) -> tuple[str, ...]:
    """Return sentences on what nobody sees in a password; none repeats a part of it."""
    odd = oddities(password.get_secret_value(), blank_between="")
    return tuple(f"The password {oddity}. It is kept as it was typed." for oddity in odd)


_ENCODED = "=?"
"""With which encoded words begin (RFC 2047): what writes headers reads them in addresses, too."""


def check_address(text: str) -> str:
    """Check the syntax of an email address, and return it in its normal form.

    Raises:
        ValueError: with a sentence for the person.
    """
    if not text:
        raise ValueError("The email address is missing. Write it like ada@example.com.")
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - slow to import, seldom needed

    if named := _NAMED_ADDRESS.fullmatch(text):
        alone = clean(named[1] or named[2], most=60)
        raise ValueError(f"“{clean(text, most=40)}” is not an email address alone. Write only {alone}.")
    local, _, domain = text.rpartition("@")
    try:
        # The library refuses special-use domains, yet in-house ones such as corp.local are addresses too. So it
        # judges the part before the @, and the rule for hosts the part behind it; nothing is asked of the DNS.
        checked = validate_email(f"{_without_extra_dots(local)}@example.com", check_deliverability=False)
        host = normal_host(domain)
        if literal(host) is not None:
            raise HostError("An address ends in a name.")
        if _ENCODED in local:
            raise HostError("Headers of mail would have another address.")
        before = checked.local_part if _without_extra_dots(local) == local else local
        address = f"{before}@{_with_letters(host)}"
    except (EmailNotValidError, HostError, UnicodeError):
        why = _fault_of_address(text)
        raise ValueError(f"“{clean(text, most=40)}” is not an email address{why}. Write it like {_EXAMPLE}.") from None
    if len(address) > MAX_ADDRESS_LENGTH:
        raise ValueError(f"An email address has at most {MAX_ADDRESS_LENGTH} characters, for example ada@example.com.")
    return address


_EXAMPLE = "ada@example.com"
_NAMED_ADDRESS = re.compile(
    r"[^<>]*<\s*(?:mailto:)?([^<>@\s]+@[^<>@\s]+)\s*>[\s,;]*|mailto:([^@\s]+@\S+)", re.IGNORECASE
)
"""An address as mail programs show it, with a name before it (RFC 5322, 3.4), or as a link."""


def _without_extra_dots(local: str) -> str:
    """Return the part before the @ without dots in a row and at its end, which some providers gave out all the same."""
    return re.sub(r"\.{2,}", ".", local).removesuffix(".")


def _with_letters(host: str) -> str:
    """Return a domain with its letters beyond ASCII; those that IDNA does not know stay as they are."""
    try:
        return idna.decode(host)
    except UnicodeError:
        return host


def _fault_of_address(text: str) -> str:
    """Return what is wrong with an email address, as the end of a sentence."""
    local, at, domain = text.rpartition("@")
    unseen = next((one for one in text if unicodedata.category(one) in ("Cc", "Cf", "Co", "Cs")), "")
    faults = {
        f": an invisible character (U+{ord(unseen or ' '):04X}) stands in it": bool(unseen),
        ": there is no @ in it": not at,
        ": there is more than one @ in it": "@" in local,
        ": nothing stands before the @": not local,
        ": nothing stands behind the @": not domain,
        f": {_ENCODED} stands in it": _ENCODED in local,
        ": there is a blank in it": any(character.isspace() for character in text),
        ": behind the @ stands an IP address, and a domain is wanted": _is_literal(domain),
        ": what stands behind the @ is no domain": not _is_domain(domain),
    }
    return next((fault for fault, found in faults.items() if found), ": what stands before the @ cannot stand there")


def _is_literal(text: str) -> bool:
    return literal(text.strip("[]").removeprefix("IPv6:")) is not None


def _is_domain(text: str) -> bool:
    try:
        return literal(normal_host(text)) is None
    except HostError:
        return False


def _check_login(text: str) -> str:
    if not is_printable(text):
        raise ValueError("A login is one line without control characters, for example ada@example.com.")
    if len(text) > MAX_LOGIN_LENGTH:
        raise ValueError(f"A login has at most {MAX_LOGIN_LENGTH} characters, for example ada@example.com.")
    return text


def check_host(text: str) -> str:
    """Return a server address in its normal form; of a URL its host.

    Raises:
        ValueError: with a sentence for the person.
    """
    try:
        host, _ = split_server(text)
    except HostError as error:
        # What stands there is not repeated: a password may be in it.
        raise ValueError(str(error)) from None
    if any(look_alikes(label) for label in host.split(".")):
        raise ValueError(
            f"“{clean(text, most=40)}” mixes letters of two alphabets, and some only look like Latin ones. "
            "Type the name by hand, for example smtp.example.com."
        )
    try:
        return normal_host(host)
    except HostError as error:
        shown = f"“{clean(text, most=40)}”: " if text else ""
        raise ValueError(f"{shown}{error}") from None


def parse_port(text: str) -> int:
    """Return a port from 1 to 65535; 0 for anything else."""
    plain = text.strip()
    number = int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 6 else 0
    return number if number <= 65535 else 0


def _check_port(text: str) -> str:
    if not text:
        raise ValueError("The port is missing. Use a number from 1 to 65535, for example 587.")
    if not parse_port(text):
        raise ValueError(f"{clean(text, most=40)} is not a port. Use a number from 1 to 65535, for example 587.")
    return str(parse_port(text))


def check_password(password: SecretStr) -> str:
    """Return what is wrong with a typed password, empty when nothing is; its blanks belong to it."""
    plain = password.get_secret_value()
    if not plain:
        return "The password is missing. Type the password of this mail account."
    if not is_printable(plain):
        return "A password is one line without control characters. Type it again."
    if len(plain) > MAX_PASSWORD_LENGTH:
        return f"A password has at most {MAX_PASSWORD_LENGTH} characters. Type it again."
    return ""


def is_printable(text: str) -> bool:
    """Return whether a text holds no control character and no half of a surrogate pair."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
