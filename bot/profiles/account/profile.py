"""An email profile: its fields, how they are checked, and how it is written down to be sealed."""

import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import idna
from pydantic import SecretStr
from pydantic_core import from_json

from bot.profiles.errors import InvalidFormError
from bot.smtp.dialogue.replies import clean
from bot.smtp.network.guard import HostError, literal, normal_host

MAX_ADDRESS_LENGTH = 254
"""Characters of an address: RFC 5321 section 4.5.3.1.3 allows a path of 256 with its brackets."""
MAX_LOGIN_LENGTH = 320
MAX_PASSWORD_LENGTH = 1000


class Field(StrEnum):
    """The fields of the form, by the names used in code and errors."""

    ADDRESS = "address"
    LOGIN = "login"
    PASSWORD = "password"  # noqa: S105 - a field's name
    HOST = "host"
    PORT = "port"
    AUTHENTICATE = "authenticate"


LABELS: Mapping[Field, str] = {
    Field.ADDRESS: "Email Address",
    Field.LOGIN: "User/Login",
    Field.PASSWORD: "Password",
    Field.HOST: "SMTP Server Address",
    Field.PORT: "Port",
    Field.AUTHENTICATE: "Authentication Required",
}


@dataclass(frozen=True, kw_only=True)
class EmailProfile:
    """One person's SMTP account with its extra configurations.

    `host` and `password_host` are normalised; the password goes to `password_host` and nowhere else.
    `before` is the profile as it was before a fix was applied from a button, so that one can undo it.
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
    before: "EmailProfile | None" = None

    @property
    def has_password(self) -> bool:
        """Whether a password is stored that goes to this very server."""
        return self.password is not None and self.password_host == self.host

    @property
    def is_complete(self) -> bool:
        """Whether the form has been filled, so that there is something to test."""
        return bool(self.address and self.host and self.port)

    def without_secrets(self) -> "EmailProfile":
        """Give the profile as it may be shown: without its password, and without what was before a fix."""
        return EmailProfile(
            address=self.address,
            login=self.login,
            password_host=self.password_host,
            password_set_at=self.password_set_at,
            host=self.host,
            port=self.port,
            authenticate=self.authenticate,
            extras=self.extras,
        )

    def to_document(self) -> bytes:
        """Write everything, password included, as JSON for sealing."""
        before = replace(self.before, before=None)._values() if self.before else None
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
        }

    @classmethod
    def from_document(cls, document: bytes) -> "EmailProfile":
        """Read what `to_document` wrote."""
        values = from_json(document)
        profile = cls._from_values(values)
        before = values.get("before")
        return replace(profile, before=cls._from_values(before)) if before else profile

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> "EmailProfile":
        set_at = values["password_set_at"]
        return cls(
            address=values["address"],
            login=values["login"],
            password=SecretStr(values["password"]) if values["password"] is not None else None,
            password_host=values["password_host"],
            password_set_at=datetime.fromisoformat(set_at) if set_at else None,
            host=values["host"],
            port=values["port"],
            authenticate=values["authenticate"],
            extras=values["extras"],
        )


@dataclass(frozen=True, kw_only=True)
class ProfileForm:
    """The form as typed: nothing trimmed, nothing checked. An empty password means: keep the stored one.

    `theirs` are fields in which what somebody else saved meanwhile shall stay.
    """

    address: str
    login: str
    password: SecretStr
    host: str
    port: str
    authenticate: bool
    keep_stored: frozenset[Field] = frozenset()


def with_stored_fields(form: ProfileForm, stored: EmailProfile) -> ProfileForm:
    """Give the form with the stored values in the fields in which they shall stay."""
    theirs, typed = form.keep_stored, form
    # What was typed as password for one server never goes to another.
    elsewhere = Field.HOST in theirs and typed.host.strip() != stored.host
    return ProfileForm(
        address=stored.address if Field.ADDRESS in theirs else typed.address,
        login=stored.login if Field.LOGIN in theirs else typed.login,
        password=SecretStr("") if elsewhere else typed.password,
        host=stored.host if Field.HOST in theirs else typed.host,
        port=str(stored.port or "") if Field.PORT in theirs else typed.port,
        authenticate=stored.authenticate if Field.AUTHENTICATE in theirs else typed.authenticate,
    )


def check_own_form(form: ProfileForm, stored: EmailProfile, *, now: datetime) -> EmailProfile:
    """Check what somebody typed into their own form, against what is stored.

    Raises:
        InvalidFormError: one sentence for each field that breaks a rule.
    """
    form = with_stored_fields(form, stored)
    profile, errors = _check_fields(form, stored)
    typed = _typed_password(form, errors)
    if typed is None and profile.authenticate and Field.PASSWORD not in errors:
        if stored.password is None:
            errors[Field.PASSWORD] = (
                "The password is missing. Type the password of this mail account, or turn Authentication Required off."
            )
        elif profile.host and profile.host != stored.password_host:
            errors[Field.PASSWORD] = (
                f"The stored password was typed for {stored.password_host} and goes nowhere else. "
                f"Type the password for {profile.host}."
            )
    return _settled(profile, stored, typed, errors, now)


def check_others_form(form: ProfileForm, stored: EmailProfile, *, now: datetime) -> EmailProfile:
    """Check what an admin typed into somebody else's form; a password that no longer fits is dropped.

    Raises:
        InvalidFormError: one sentence for each field that breaks a rule.
    """
    form = with_stored_fields(form, stored)
    profile, errors = _check_fields(form, stored)
    return _settled(profile, stored, _typed_password(form, errors), errors, now)


def _settled(
    profile: EmailProfile,
    stored: EmailProfile,
    typed: SecretStr | None,
    errors: dict[str, str],
    now: datetime,
) -> EmailProfile:
    if errors:
        raise InvalidFormError(errors)
    if typed is not None:
        return replace(profile, password=typed, password_host=profile.host, password_set_at=now)
    if profile.host == stored.password_host:
        return replace(
            profile,
            password=stored.password,
            password_host=stored.password_host,
            password_set_at=stored.password_set_at,
        )
    return profile


def _check_fields(form: ProfileForm, stored: EmailProfile) -> tuple[EmailProfile, dict[str, str]]:
    """Check all fields but the password; bad ones are left empty in the profile and named in the errors."""
    errors: dict[str, str] = {}
    address = _checked(Field.ADDRESS, errors, check_address, form.address)
    login = _checked(Field.LOGIN, errors, _check_login, form.login)
    host = _checked(Field.HOST, errors, _check_host, form.host)
    port = _checked(Field.PORT, errors, _check_port, form.port)
    if form.authenticate and not login and Field.LOGIN not in errors:
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
    )
    return profile, errors


def _checked(name: Field, errors: dict[str, str], check: Callable[[str], str], typed: str) -> str:
    try:
        return check(typed.strip())
    except ValueError as error:
        errors[name] = str(error)
        return ""


def check_address(text: str) -> str:
    """Check an email address by syntax alone and give it in its normal form.

    Raises:
        ValueError: with a sentence for the person.
    """
    if not text:
        raise ValueError("The email address is missing. Write it like ada@example.com.")
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - slow to import, seldom wanted

    local, _, domain = text.rpartition("@")
    try:
        # The library refuses special-use domains, yet in-house ones such as corp.local are addresses too. So it
        # judges the part before the @, and the rule for hosts the part behind it; nothing is asked of the DNS.
        checked = validate_email(f"{local}@example.com", check_deliverability=False)
        host = normal_host(domain)
        if literal(host) is not None:
            raise HostError("an address ends in a name")
        address = f"{checked.local_part}@{idna.decode(host)}"
    except (EmailNotValidError, HostError, UnicodeError):
        raise ValueError(f"“{_excerpt(text)}” is not an email address. Write it like ada@example.com.") from None
    if len(address) > MAX_ADDRESS_LENGTH:
        raise ValueError(f"An email address has at most {MAX_ADDRESS_LENGTH} characters, for example ada@example.com.")
    return address


def _check_login(text: str) -> str:
    if not is_printable(text):
        raise ValueError("A login is one line without control characters, for example ada@example.com.")
    if len(text) > MAX_LOGIN_LENGTH:
        raise ValueError(f"A login has at most {MAX_LOGIN_LENGTH} characters, for example ada@example.com.")
    return text


def _check_host(text: str) -> str:
    try:
        return normal_host(text)
    except HostError as error:
        shown = f"“{_excerpt(text)}”: " if text else ""
        raise ValueError(f"{shown}{error}") from None


def parse_port(text: str) -> int:
    """Read a port from 1 to 65535; 0 for anything else."""
    plain = text.strip()
    number = int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 6 else 0
    return number if number <= 65535 else 0


def _check_port(text: str) -> str:
    if not text:
        raise ValueError("The port is missing. Use a number from 1 to 65535, for example 587.")
    if not parse_port(text):
        raise ValueError(f"{_excerpt(text)} is not a port. Use a number from 1 to 65535, for example 587.")
    return str(parse_port(text))


def _typed_password(form: ProfileForm, errors: dict[str, str]) -> SecretStr | None:
    """Give the typed password exactly as typed, blanks and all; None when the field was left empty."""
    if not form.password.get_secret_value():
        return None
    sentence = check_password(form.password)
    if sentence:
        errors[Field.PASSWORD] = sentence
        return None
    return form.password


def check_password(password: SecretStr) -> str:
    """Say what is wrong with a typed password; empty when nothing is. Blanks belong to it."""
    plain = password.get_secret_value()
    if not plain:
        return "The password is missing. Type the password of this mail account."
    if not is_printable(plain):
        return "A password is one line without control characters. Type it again."
    if len(plain) > MAX_PASSWORD_LENGTH:
        return f"A password has at most {MAX_PASSWORD_LENGTH} characters. Type it again."
    return ""


def is_printable(text: str) -> bool:
    """Tell whether a text holds no control character and no half of a surrogate pair."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def _excerpt(text: str) -> str:
    return clean(text, most=40)
