"""The defaults of a workspace: what new forms begin with, and which servers profiles may use."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from bot.profiles.account.extras import effective_encryption, switched_to
from bot.profiles.account.profile import EmailProfile, check_address, port_of
from bot.profiles.errors import ChangedMeanwhileError, InvalidFormError, UserError
from bot.profiles.people.access import Access, Person
from bot.smtp.account import Encryption
from bot.smtp.dialogue.replies import clean
from bot.smtp.network.guard import HostError, normal_host
from storage.database import Database, Transaction
from storage.tables.sealed_records import StaleRevisionError

LONGEST_PATTERN = 100
MOST_SERVERS = 50
EVERYBODY = "workspace"
"""The subject of history entries about the defaults, which are nobody's own."""

_PLACES = re.compile(r"\{([^{}]*)\}")


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
        """Make a login from an address by the pattern; empty when there is none."""
        if not (self.login_pattern and address):
            return ""
        local = address.rpartition("@")[0]
        return self.login_pattern.replace("{address}", address).replace("{local}", local)

    def suggestion(self, slack_address: str) -> EmailProfile:
        """Make what a new form begins with, for somebody whose address in Slack is known (or empty)."""
        address = slack_address
        if self.domain and slack_address:
            address = f"{slack_address.rpartition('@')[0]}@{self.domain}"
        return EmailProfile(
            address=address,
            login=self.login_for(address) if self.authenticate else "",
            host=self.host,
            port=self.port,
            authenticate=self.authenticate,
        )

    def completed(self, profile: EmailProfile) -> EmailProfile:
        """Add the default encryption to a new profile on the default server and port that says nothing of it."""
        says = {"SSL", "TLS"} & set(profile.extras)
        if says or self.encryption is Encryption.NONE or not self.held_as_server(profile):
            return profile
        return replace(profile, extras=switched_to(profile.extras, self.encryption.value))

    def held_as_server(self, profile: EmailProfile) -> bool:
        """Whether a profile is on the default server and port."""
        return self.has_account and (profile.host, profile.port) == (self.host, self.port)

    def held_by(self, profile: EmailProfile) -> bool:
        """Whether a profile holds these defaults as they are."""
        return (
            self.held_as_server(profile)
            and effective_encryption(profile.extras) is self.encryption
            and profile.authenticate == self.authenticate
        )

    def moved(self, profile: EmailProfile, before: "Defaults") -> EmailProfile:
        """Give a profile that held `before` these defaults; a password for another server stays behind."""
        extras = {name: value for name, value in profile.extras.items() if name not in ("SSL", "TLS")}
        if self.encryption is not Encryption.NONE:
            extras[self.encryption.value] = "Y"
        follows = profile.login == before.login_for(profile.address)
        login = self.login_for(profile.address) if follows and self.login_pattern else profile.login
        fresh = replace(
            profile,
            host=self.host,
            port=self.port,
            authenticate=self.authenticate,
            login=login,
            extras=extras,
            before=None,
        )
        if profile.password_host == self.host:
            return fresh
        return replace(fresh, password=None, password_host="", password_set_at=None)

    def require_allowed(self, host: str) -> None:
        """Check a server against the allowed ones.

        Raises:
            UserError: it is none of them.
        """
        if self.allowed_servers and host and host not in self.allowed_servers:
            servers = ", ".join(self.allowed_servers[:5])
            raise UserError(f"Your admins allow only these servers: {servers}. Use one of them.")

    def to_values(self) -> dict[str, Any]:
        """Give everything as JSON takes it."""
        return {**self.__dict__, "allowed_servers": list(self.allowed_servers)}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "Defaults":
        """Read what `to_values` gave."""
        return cls(
            host=values["host"],
            port=values["port"],
            encryption=Encryption(values["encryption"]),
            authenticate=values["authenticate"],
            login_pattern=values["login_pattern"],
            domain=values["domain"],
            allowed_servers=tuple(values["allowed_servers"]),
        )


@dataclass(frozen=True, kw_only=True)
class StoredDefaults:
    """The defaults, those before them (whom profiles may still hold), and their revision; 0 when none are stored."""

    defaults: Defaults
    before: Defaults
    revision: int


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


async def load_defaults(tx: Transaction, workspace: str) -> StoredDefaults:
    """Read a workspace's defaults; empty ones when none are stored or they do not open."""
    stored = await tx.workspaces.get(workspace)
    values = json.loads(stored.document) if stored and stored.document else {}
    return StoredDefaults(
        defaults=Defaults.from_values(values["defaults"]) if "defaults" in values else Defaults(),
        before=Defaults.from_values(values["before"]) if "before" in values else Defaults(),
        revision=stored.revision if stored else 0,
    )


def check_defaults(form: DefaultsForm) -> Defaults:
    """Check what an admin typed.

    Raises:
        InvalidFormError: one sentence for each field that breaks a rule.
    """
    errors: dict[str, str] = {}
    host = _host(form.host, errors)
    servers = _servers(form.allowed_servers, errors)
    port = port_of(form.port)
    if form.port.strip() and not port:
        typed = clean(form.port, most=40)
        errors[DefaultsField.PORT] = f"{typed} is not a port. Use a number from 1 to 65535, for example 587."
    if host and servers and host not in servers:
        errors[DefaultsField.ALLOWED_SERVERS] = f"{host} is the default server, so it must be among the allowed ones."
    if errors:
        raise InvalidFormError(errors)
    defaults = Defaults(
        host=host,
        port=port or None,
        encryption=_encryption(form.encryption),
        authenticate=form.authenticate,
        login_pattern=_pattern(form.login_pattern, errors),
        domain=_domain(form.domain, errors),
        allowed_servers=servers,
    )
    if errors:
        raise InvalidFormError(errors)
    return defaults


def _host(typed: str, errors: dict[str, str]) -> str:
    try:
        return normal_host(typed.strip()) if typed.strip() else ""
    except HostError as error:
        errors[DefaultsField.HOST] = f"“{clean(typed, most=40)}”: {error}"
        return ""


def _servers(typed: str, errors: dict[str, str]) -> tuple[str, ...]:
    servers: list[str] = []
    for part in typed.replace(",", " ").split():
        try:
            servers.append(normal_host(part))
        except HostError as error:
            errors[DefaultsField.ALLOWED_SERVERS] = f"“{clean(part, most=40)}”: {error}"
    if len(servers) > MOST_SERVERS:
        errors[DefaultsField.ALLOWED_SERVERS] = (
            f"At most {MOST_SERVERS} servers, one a line, for example smtp.example.com."
        )
    return tuple(dict.fromkeys(servers))


def _encryption(typed: str) -> Encryption:
    return Encryption(typed) if typed in set(Encryption) else Encryption.NONE


def _pattern(typed: str, errors: dict[str, str]) -> str:
    pattern = typed.strip()
    places = set(_PLACES.findall(pattern))
    plain = _PLACES.sub("", pattern)
    usable = places and places <= {"address", "local"} and not {"{", "}"} & set(plain) and plain.isprintable()
    if pattern and not (usable and len(pattern) <= LONGEST_PATTERN):
        errors[DefaultsField.LOGIN_PATTERN] = (
            f"“{clean(pattern, most=40)}” makes no login. Use {{address}} for the whole address or {{local}} for the "
            "part before the @, for example DOMAIN\\{local}."
        )
        return ""
    return pattern


def _domain(typed: str, errors: dict[str, str]) -> str:
    domain = typed.strip().removeprefix("@")
    if not domain:
        return ""
    try:
        return check_address(f"a@{domain}").rpartition("@")[2]
    except ValueError:
        errors[DefaultsField.DOMAIN] = f"“{clean(typed, most=40)}” is not a domain. Write it like example.com."
        return ""


def _differing(before: Defaults, after: Defaults) -> tuple[str, ...]:
    fields = [name for name in DefaultsField if getattr(before, name) != getattr(after, name)]
    return tuple(DEFAULTS_LABELS[name] for name in fields)


class WorkspaceDefaults:
    """The rules of the defaults at work; all of it is for admins."""

    def __init__(self, *, database: Database, access: Access, on_change: Callable[[Person], None]) -> None:
        """Keep them in `database`; `on_change` is called with the admin who changed them."""
        self._database = database
        self._access = access
        self._on_change = on_change

    async def show(self, *, caller: Person) -> StoredDefaults:
        """Show the defaults.

        Raises:
            NotAllowedError: the caller is no admin.
        """
        await self._access.require_admin(caller)
        async with self._database.reading() as tx:
            return await load_defaults(tx, caller.workspace)

    async def save(self, *, caller: Person, form: DefaultsForm, expected_revision: int) -> StoredDefaults:
        """Check and store the form; those before are kept, so that profiles that hold them can be moved.

        Raises:
            NotAllowedError: the caller is no admin.
            InvalidFormError: fields break rules.
            ChangedMeanwhileError: another admin saved since the form was opened.
        """
        await self._access.require_admin(caller)
        defaults = check_defaults(form)
        async with self._database.writing() as tx:
            stored = await load_defaults(tx, caller.workspace)
            names = tuple(
                DEFAULTS_LABELS[name]
                for name in DefaultsField
                if getattr(defaults, name) != getattr(stored.defaults, name)
            )
            if not names:
                return stored
            document = json.dumps({"defaults": defaults.to_values(), "before": stored.defaults.to_values()}).encode()
            try:
                await tx.workspaces.save(caller.workspace, document, expected_revision=expected_revision)
            except StaleRevisionError as error:
                raise ChangedMeanwhileError(
                    "Another admin changed the defaults since you opened this form. Nothing was saved. Save again "
                    "to put yours in place of theirs, or cancel.",
                    fields=names,
                    revision=error.revision,
                ) from None
            await tx.audit.append(
                caller.workspace, actor=caller.user, subject=EVERYBODY, action="defaults changed", fields=names
            )
        self._on_change(caller)
        return StoredDefaults(defaults=defaults, before=stored.defaults, revision=expected_revision + 1)
