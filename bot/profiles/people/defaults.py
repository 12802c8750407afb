"""The defaults of a workspace: what new forms begin with, and which servers profiles may use."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import TypeAdapter

from bot.discovery.findings import OwnRow, filled_login
from bot.profiles.account.extras import ENCRYPTING, with_effective_encryption, with_encryption
from bot.profiles.account.profile import TYPICAL_PORTS, EmailProfile, effective_encryption, port_beside
from bot.profiles.errors import InvalidFormError, UnreadablePolicyError, UserError
from bot.profiles.people.default_checks import (
    MAX_TEXT_LENGTH,
    check_domain,
    check_login_pattern,
    check_port,
    check_server,
    fits_input,
    joined_faults,
)
from bot.profiles.people.domain_rows import describe_changed_rows, parse_rows, row_for
from bot.smtp.account import Encryption
from bot.smtp.typed import stripped, unquoted
from storage.database import Transaction

MAX_SERVERS = 50
DEFAULTS_SUBJECT = "workspace"
"""The subject of history entries about the defaults, which are nobody's own."""

Value = TypeVar("Value")


class DefaultsField(StrEnum):
    """The fields of the defaults' form."""

    HOST = "host"
    PORT = "port"
    ENCRYPTION = "encryption"
    AUTHENTICATE = "authenticate"
    LOGIN_PATTERN = "login_pattern"
    DOMAIN = "domain"
    ROWS = "rows"
    ALLOWED_SERVERS = "allowed_servers"


DEFAULTS_LABELS: Mapping[DefaultsField, str] = {
    DefaultsField.HOST: "SMTP Server Address",
    DefaultsField.PORT: "Port",
    DefaultsField.ENCRYPTION: "Encryption",
    DefaultsField.AUTHENTICATE: "Authentication Required",
    DefaultsField.LOGIN_PATTERN: "Pattern of the login",
    DefaultsField.DOMAIN: "Domain of addresses",
    DefaultsField.ROWS: "Defaults by domain",
    DefaultsField.ALLOWED_SERVERS: "Allowed servers",
}


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What new profiles begin with; an empty text or None: nothing is suggested there.

    `rows` are what counts instead for addresses of single domains, and what a search for settings proposes;
    `allowed_servers` are the only hosts that profiles may use; empty: any.
    """

    host: str = ""
    port: int | None = None
    encryption: Encryption = Encryption.NONE
    authenticate: bool = True
    login_pattern: str = ""
    domain: str = ""
    rows: tuple[OwnRow, ...] = ()
    allowed_servers: tuple[str, ...] = ()

    @property
    def has_account(self) -> bool:
        """Whether server and port are given, so that a profile can hold them."""
        return bool(self.host and self.port)

    def for_address(self, address: str) -> "Defaults":
        """Return the defaults that count for an address: where its domain has a row, with what that says."""
        row = row_for(address, self.rows)
        if row is None:
            return self
        return replace(
            self,
            host=row.host,
            port=row.port,
            encryption=row.encryption,
            authenticate=True,
            login_pattern=row.login_pattern,
        )

    def login_for(self, address: str) -> str:
        """Return the login that an empty one stands for: what the pattern makes of an address, else the address."""
        return filled_login(self.for_address(address).login_pattern, address) if address else ""

    def suggestion(self, slack_address: str, extras: Mapping[str, str]) -> EmailProfile:
        """Return what a new form begins with, over the extra configurations that there are already.

        `slack_address` is the person's address in Slack, or empty.
        """
        address = slack_address
        if self.domain and slack_address:
            address = f"{slack_address.rpartition('@')[0]}@{self.domain}"
        defaults = self.for_address(address)
        encryption = defaults.encryption if defaults.host or defaults.port else Encryption.TLS
        if set(ENCRYPTING) & set(extras):
            encryption = effective_encryption(extras)
        return EmailProfile(
            address=address,
            login=defaults.login_for(address) if defaults.authenticate else "",
            host=defaults.host,
            port=defaults.port or TYPICAL_PORTS[encryption],
            authenticate=defaults.authenticate,
            extras=with_effective_encryption(extras, encryption),
        )

    def with_default_encryption(self, profile: EmailProfile) -> EmailProfile:
        """Add the default encryption to a new profile on the default server and port that has neither SSL nor TLS."""
        encryption = self.for_address(profile.address).encryption
        has_own = set(ENCRYPTING) & set(profile.extras)
        if has_own or encryption is Encryption.NONE or not self.matches_server(profile):
            return profile
        return replace(profile, extras=with_encryption(profile.extras, encryption.value))

    def matches_server(self, profile: EmailProfile) -> bool:
        """Return whether a profile is on the default server and port."""
        defaults = self.for_address(profile.address)
        return defaults.has_account and (profile.host, profile.port) == (defaults.host, defaults.port)

    def matches(self, profile: EmailProfile) -> bool:
        """Return whether a profile has the default server, port, encryption and authentication."""
        defaults = self.for_address(profile.address)
        return (
            self.matches_server(profile)
            and effective_encryption(profile.extras) is defaults.encryption
            and profile.authenticate == defaults.authenticate
        )

    def applied_to(self, profile: EmailProfile, previous: "Defaults") -> EmailProfile:
        """Return a profile that held `previous` with these defaults; a password for another server is dropped."""
        now, before = self.for_address(profile.address), previous.for_address(profile.address)
        extras = {name: value for name, value in profile.extras.items() if name not in ("SSL", "TLS")}
        if now.encryption is not Encryption.NONE:
            extras[now.encryption.value] = "Y"
        is_derived = profile.login == before.login_for(profile.address)
        moved = replace(
            profile,
            host=now.host,
            port=now.port,
            authenticate=now.authenticate,
            login=now.login_for(profile.address) if is_derived else profile.login,
            extras=extras,
            before=None,
        )
        return moved if profile.password_host == now.host else moved.without_password()

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

    When what is stored is `unreadable`, they are empty, and count for nothing but a form that begins anew. `of_others`
    is what another version of the bot stored with the defaults and this one does not know; a save keeps it.
    """

    defaults: Defaults
    previous: Defaults
    revision: int
    unreadable: bool = False
    of_others: Mapping[str, Any] = field(default_factory=dict)

    def to_document(self) -> bytes:
        """Return the defaults and the previous ones as JSON for sealing."""
        defaults = {**self.of_others, **asdict(self.defaults)}
        return json.dumps({"defaults": defaults, "before": asdict(self.previous)}).encode()

    @classmethod
    def from_document(cls, document: bytes, *, revision: int) -> "StoredDefaults":
        """Read what `to_document` wrote; a workspace that the bot was removed from may have an empty record."""
        values = json.loads(document)
        defaults = _DEFAULTS.validate_python(values.get("defaults", {}))
        known = {one.name for one in fields(Defaults)}
        return cls(
            defaults=defaults,
            previous=_DEFAULTS.validate_python(values.get("before", {})),
            revision=revision,
            of_others={name: value for name, value in values.get("defaults", {}).items() if name not in known},
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
    rows: str
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
    names = [name for name in DefaultsField if name is not DefaultsField.ROWS]
    pairs = ((name, _as_text(getattr(before, name)), _as_text(getattr(after, name))) for name in names)
    of_fields = (f"{DEFAULTS_LABELS[name]} {old} → {new}" for name, old, new in pairs if old != new)
    return (*of_fields, *describe_changed_rows(before.rows, after.rows))


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
    rows, fault_of_rows = parse_rows(form.rows, allowed=servers)
    defaults = Defaults(
        host=check(DefaultsField.HOST, check_server, form.host),
        port=check(DefaultsField.PORT, check_port, typed_port),
        encryption=Encryption(form.encryption) if form.encryption in set(Encryption) else Encryption.NONE,
        authenticate=form.authenticate,
        login_pattern=check(DefaultsField.LOGIN_PATTERN, check_login_pattern, form.login_pattern),
        domain=check(DefaultsField.DOMAIN, check_domain, form.domain),
        rows=rows,
        allowed_servers=servers,
    )
    host = defaults.host
    if host and (servers or fault) and host not in servers:
        fault = f"{fault} {host} is the default server, so it must be among the allowed ones.".strip()
    beside = {DefaultsField.PORT: clash, DefaultsField.ROWS: fault_of_rows, DefaultsField.ALLOWED_SERVERS: fault}
    errors |= {name: found for name, found in beside.items() if found}
    if errors:
        raise InvalidFormError(errors)
    return defaults


def _servers(text: str) -> tuple[tuple[str, ...], str]:
    """Return the servers in a text, and in one or more sentences what is wrong with the others."""
    servers, faults = dict[str, None](), list[str]()
    for part in text.replace(",", " ").split():
        try:
            servers[check_server(part)] = None
        except ValueError as error:
            faults.append(str(error))
    if len(servers) > MAX_SERVERS:
        faults.insert(0, f"At most {MAX_SERVERS} servers, one a line, for example smtp.example.com.")
    elif not fits_input(servers):
        faults.insert(0, f"The servers have at most {MAX_TEXT_LENGTH} characters together. Leave some out.")
    return tuple(servers), joined_faults(faults)
