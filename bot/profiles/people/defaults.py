"""The defaults of a workspace: what new forms begin with, and which servers profiles may use."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TypeVar

from pydantic import TypeAdapter

from bot.profiles.account.extras import ENCRYPTING, with_effective_encryption, with_encryption
from bot.profiles.account.profile import (
    TYPICAL_PORTS,
    EmailProfile,
    Field,
    check_address,
    check_host,
    effective_encryption,
    parse_port,
    port_beside,
    without_what_nobody_sees,
)
from bot.profiles.errors import InvalidFormError, UnreadablePolicyError, UserError
from bot.smtp.account import Encryption
from bot.smtp.dialogue.cleaning import clean
from bot.smtp.typed import stripped, unquoted
from storage.database import Transaction

MAX_PATTERN_LENGTH = 100
MAX_SERVERS = 50
DEFAULTS_SUBJECT = "workspace"
"""The subject of history entries about the defaults, which are nobody's own."""

_MOST_NAMED = 3
_PLACEHOLDERS = re.compile(r"\{([^{}]*)\}")

Value = TypeVar("Value")


class DefaultsField(StrEnum):
    """The fields of the defaults' form."""

    HOST = "host"
    PORT = "port"
    ENCRYPTION = "encryption"
    AUTHENTICATE = "authenticate"
    LOGIN_PATTERN = "login_pattern"
    DOMAIN = "domain"
    ALLOWED_SERVERS = "allowed_servers"


DEFAULTS_LABELS: Mapping[DefaultsField, str] = {
    DefaultsField.HOST: "SMTP Server Address",
    DefaultsField.PORT: "Port",
    DefaultsField.ENCRYPTION: "Encryption",
    DefaultsField.AUTHENTICATE: "Authentication Required",
    DefaultsField.LOGIN_PATTERN: "Pattern of the login",
    DefaultsField.DOMAIN: "Domain of addresses",
    DefaultsField.ALLOWED_SERVERS: "Allowed servers",
}


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What new profiles begin with; an empty text or None: nothing is suggested there.

    `allowed_servers` are the only hosts that profiles may use; empty: any.
    """

    host: str = ""
    port: int | None = None
    encryption: Encryption = Encryption.NONE
    authenticate: bool = True
    login_pattern: str = ""
    domain: str = ""
    allowed_servers: tuple[str, ...] = ()

    @property
    def has_account(self) -> bool:
        """Whether server and port are given, so that a profile can hold them."""
        return bool(self.host and self.port)

    def login_for(self, address: str) -> str:
        """Return the login that an empty one stands for: what the pattern makes of an address, else the address."""
        if not (self.login_pattern and address):
            return address
        local = address.rpartition("@")[0]
        return self.login_pattern.replace("{address}", address).replace("{local}", local)

    def suggestion(self, slack_address: str, extras: Mapping[str, str]) -> EmailProfile:
        """Return what a new form begins with, over the extra configurations that there are already.

        `slack_address` is the person's address in Slack, or empty.
        """
        address = slack_address
        if self.domain and slack_address:
            address = f"{slack_address.rpartition('@')[0]}@{self.domain}"
        encryption = self.encryption if self.host or self.port else Encryption.TLS
        if set(ENCRYPTING) & set(extras):
            encryption = effective_encryption(extras)
        return EmailProfile(
            address=address,
            login=self.login_for(address) if self.authenticate else "",
            host=self.host,
            port=self.port or TYPICAL_PORTS[encryption],
            authenticate=self.authenticate,
            extras=with_effective_encryption(extras, encryption),
        )

    def with_default_encryption(self, profile: EmailProfile) -> EmailProfile:
        """Add the default encryption to a new profile on the default server and port that has neither SSL nor TLS."""
        has_own = set(ENCRYPTING) & set(profile.extras)
        if has_own or self.encryption is Encryption.NONE or not self.matches_server(profile):
            return profile
        return replace(profile, extras=with_encryption(profile.extras, self.encryption.value))

    def matches_server(self, profile: EmailProfile) -> bool:
        """Return whether a profile is on the default server and port."""
        return self.has_account and (profile.host, profile.port) == (self.host, self.port)

    def matches(self, profile: EmailProfile) -> bool:
        """Return whether a profile has the default server, port, encryption and authentication."""
        return (
            self.matches_server(profile)
            and effective_encryption(profile.extras) is self.encryption
            and profile.authenticate == self.authenticate
        )

    def applied_to(self, profile: EmailProfile, previous: "Defaults") -> EmailProfile:
        """Return a profile that held `previous` with these defaults; a password for another server is dropped."""
        extras = {name: value for name, value in profile.extras.items() if name not in ("SSL", "TLS")}
        if self.encryption is not Encryption.NONE:
            extras[self.encryption.value] = "Y"
        had_pattern = previous.login_pattern and profile.login == previous.login_for(profile.address)
        follows_pattern = self.login_pattern and had_pattern
        moved = replace(
            profile,
            host=self.host,
            port=self.port,
            authenticate=self.authenticate,
            login=self.login_for(profile.address) if follows_pattern else profile.login,
            extras=extras,
            before=None,
        )
        return moved if profile.password_host == self.host else moved.without_password()

    def judge_server(self, host: str) -> str:
        """Return a sentence when a server is none of the allowed ones; empty when it may be used."""
        if not (self.allowed_servers and host) or host in self.allowed_servers:
            return ""
        return f"Your admins allow only these servers: {', '.join(self.allowed_servers[:5])}. Use one of them."

    def require_allowed(self, host: str) -> None:
        """Check a server against the allowed ones.

        Raises:
            UserError: it is none of them.
        """
        if refused := self.judge_server(host):
            raise UserError(refused)


_DEFAULTS = TypeAdapter(Defaults)


@dataclass(frozen=True, kw_only=True)
class StoredDefaults:
    """The defaults, the previous ones (which profiles may still hold), and the revision; 0 when none are stored.

    When what is stored is `unreadable`, they are empty, and count for nothing but a form that begins anew.
    """

    defaults: Defaults
    previous: Defaults
    revision: int
    unreadable: bool = False

    def to_document(self) -> bytes:
        """Return the defaults and the previous ones as JSON for sealing."""
        return json.dumps({"defaults": asdict(self.defaults), "before": asdict(self.previous)}).encode()

    @classmethod
    def from_document(cls, document: bytes, *, revision: int) -> "StoredDefaults":
        """Read what `to_document` wrote; a workspace that the bot was removed from may have an empty record."""
        values = json.loads(document)
        return cls(
            defaults=_DEFAULTS.validate_python(values.get("defaults", {})),
            previous=_DEFAULTS.validate_python(values.get("before", {})),
            revision=revision,
        )


@dataclass(frozen=True, kw_only=True)
class DefaultsForm:
    """The form as typed: nothing trimmed, nothing checked."""

    host: str
    port: str
    encryption: str
    authenticate: bool
    login_pattern: str
    domain: str
    allowed_servers: str


async def read_defaults(tx: Transaction, workspace: str) -> StoredDefaults:
    """Read a workspace's defaults, for whoever may set them; empty ones when none are stored."""
    stored = await tx.workspaces.get(workspace)
    if stored is None:
        return StoredDefaults(defaults=Defaults(), previous=Defaults(), revision=0)
    try:
        return StoredDefaults.from_document(stored.document, revision=stored.revision)
    except ValueError:
        # The record cannot be relied on, or another version wrote into it what this one does not understand.
        return StoredDefaults(defaults=Defaults(), previous=Defaults(), revision=stored.revision, unreadable=True)


async def load_defaults(tx: Transaction, workspace: str) -> StoredDefaults:
    """Read a workspace's defaults, which say what may be tested and saved there; empty ones when none are stored.

    Raises:
        UnreadablePolicyError: they cannot be relied on.
    """
    stored = await read_defaults(tx, workspace)
    if stored.unreadable:
        raise UnreadablePolicyError
    return stored


async def require_policy(tx: Transaction, workspace: str) -> None:
    """Raise UnreadablePolicyError where it is not known what may be tested and saved."""
    await load_defaults(tx, workspace)


def describe_changed_defaults(before: Defaults, after: Defaults) -> tuple[str, ...]:
    """Return what differs between defaults in words, "Port 465 → 587"."""
    pairs = ((name, _as_text(getattr(before, name)), _as_text(getattr(after, name))) for name in DefaultsField)
    return tuple(f"{DEFAULTS_LABELS[name]} {old} → {new}" for name, old, new in pairs if old != new)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        value = ", ".join(value)
    return str(value or "empty")


def check_defaults(form: DefaultsForm) -> Defaults:
    """Check what an admin typed.

    Raises:
        InvalidFormError: one sentence for each field that breaks a rule.
    """
    errors: dict[str, str] = {}

    def check(name: DefaultsField, parse: Callable[[str], Value], typed: str) -> Value:
        try:
            return parse(unquoted(stripped(typed)))
        except ValueError as error:
            errors[name] = str(error)
            return parse("")

    typed_port, clash = port_beside(form.host, form.port)
    servers, fault = _servers(form.allowed_servers)
    defaults = Defaults(
        host=check(DefaultsField.HOST, _host, form.host),
        port=check(DefaultsField.PORT, _port, typed_port),
        encryption=Encryption(form.encryption) if form.encryption in set(Encryption) else Encryption.NONE,
        authenticate=form.authenticate,
        login_pattern=check(DefaultsField.LOGIN_PATTERN, _pattern, form.login_pattern),
        domain=check(DefaultsField.DOMAIN, _domain, form.domain),
        allowed_servers=servers,
    )
    host = defaults.host
    if host and (servers or fault) and host not in servers:
        fault = f"{fault} {host} is the default server, so it must be among the allowed ones.".strip()
    errors |= {
        name: found for name, found in ((DefaultsField.PORT, clash), (DefaultsField.ALLOWED_SERVERS, fault)) if found
    }
    if errors:
        raise InvalidFormError(errors)
    return defaults


def _host(text: str) -> str:
    return check_host(without_what_nobody_sees(Field.HOST, text)) if text else ""


def _port(text: str) -> int | None:
    port = parse_port(text)
    if text and not port:
        raise ValueError(f"{clean(text, most=40)} is not a port. Use a number from 1 to 65535, for example 587.")
    return port or None


def _pattern(text: str) -> str:
    placeholders = set(_PLACEHOLDERS.findall(text))
    rest = _PLACEHOLDERS.sub("", text)
    usable = placeholders and placeholders <= {"address", "local"} and not {"{", "}"} & set(rest) and rest.isprintable()
    if text and not (usable and len(text) <= MAX_PATTERN_LENGTH):
        raise ValueError(
            f"“{clean(text, most=40)}” makes no login. Use {{address}} for the whole address or {{local}} for the "
            "part before the @, for example DOMAIN\\{local}."
        )
    return text


def _domain(text: str) -> str:
    domain = without_what_nobody_sees(Field.ADDRESS, text).removeprefix("@")
    try:
        return check_address(f"a@{domain}").rpartition("@")[2] if domain else ""
    except ValueError:
        raise ValueError(f"“{clean(text, most=40)}” is not a domain. Write it like example.com.") from None


def _servers(text: str) -> tuple[tuple[str, ...], str]:
    """Return the servers in a text, and in one or more sentences what is wrong with the others."""
    servers, faults = dict[str, None](), list[str]()
    for part in text.replace(",", " ").split():
        try:
            servers[_host(part)] = None
        except ValueError as error:
            faults.append(str(error))
    if len(servers) > MAX_SERVERS:
        faults.insert(0, f"At most {MAX_SERVERS} servers, one a line, for example smtp.example.com.")
    if len(faults) > _MOST_NAMED:
        faults[_MOST_NAMED:] = [f"There are {len(faults) - _MOST_NAMED} more like these."]
    return tuple(servers), " ".join(faults)
