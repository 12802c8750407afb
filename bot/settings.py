"""The settings, read from environment variables or a `.env` file, and checked."""

import difflib
import re
import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

EXAMPLES: Mapping[str, str] = {
    "SLACK_BOT_TOKEN": "xoxb-… (OAuth & Permissions, Bot User OAuth Token)",
    "SLACK_SIGNING_SECRET": "8f742231b10e… (Basic Information, Signing Secret)",
    "SLACK_APP_TOKEN": "xapp-… (Basic Information, App-Level Tokens, scope connections:write)",
    "SLACK_CLIENT_ID": "1234567890.0987654321 (Basic Information, Client ID)",
    "SLACK_CLIENT_SECRET": "5e84b2c0d1… (Basic Information, Client Secret)",
    "SLACK_API_URL": "https://slack.com/api/",
    "DATABASE_URL": "sqlite:///email-profiles.db or postgresql://bot@db.example/profiles",
    "ENCRYPTION_KEYS": "the output of `email-profile-bot keys generate`",
    "ENCRYPTION_KEYS_FILE": "/run/secrets/encryption-keys (one key a line)",
    "ENCRYPTION_KEYS_COMMAND": "vault kv get -field=keys secret/email-profiles",
    "HOST": "127.0.0.1",
    "PORT": "3000",
    "METRICS_HOST": "127.0.0.1",
    "METRICS_PORT": "9100",
    "TRUSTED_PROXIES": "127.0.0.1,10.1.0.0/16",
    "PUBLIC_URL": "https://email.example.com",
    "PASSWORD_ENTRY": "form (or private, with PUBLIC_URL)",
    "HISTORY_DAYS": "365",
    "ADMIN_USER_IDS": "U012AB3CD,W034EF5GH",
    "SMTP_ALLOWED_NETWORKS": "10.1.0.0/16,192.168.7.25/32",
    "SMTP_ALLOWED_PORTS": "25,465,587,2525",
    "SMTP_TIMEOUT": "15",
    "SMTP_CA_FILE": "/etc/ssl/company-ca.pem",
    "SMTP_HELO": "bot.example.com",
    "DISCOVERY": "on (or local, off)",
    "PROGRAMS": "on (or off)",
    "SUBMISSION_HOST": "127.0.0.1 (0.0.0.0 for all of the machine's addresses)",
    "SUBMISSION_PORT": "587",
    "SUBMISSION_TLS_PORT": "465",
    "SUBMISSION_CERT_FILE": "/etc/ssl/mail-out.pem (the certificate, then those that it was issued with)",
    "SUBMISSION_KEY_FILE": "/etc/ssl/private/mail-out.key",
    "SUBMISSION_NAME": "mail-out.example.com",
    "LOG_LEVEL": "info (or debug, warning, error)",
    "LOG_FORMAT": "text (or json)",
}

FILE = ".env"
"""Read in the folder in which the program is started."""

_NEARLY = 0.8
"""How like a setting's name another is that was meant to be it: above SMTP_HOST and SMTP_HELO, which are two."""

KEY_SETTINGS = ("ENCRYPTION_KEYS", "ENCRYPTION_KEYS_FILE", "ENCRYPTION_KEYS_COMMAND")
"""Where the list of keys can come from; one of them is set."""

REPLACED_SETTINGS = ("ENCRYPTION_PASSPHRASE", "ENCRYPTION_PASSPHRASE_FILE", "VAULT_TOKEN", "VAULT_NAMESPACE")
"""Settings of earlier versions; ENCRYPTION_KEYS_COMMAND took their place."""


class PasswordEntrySetting(StrEnum):
    """Where people type passwords: in Slack's form (and on the private page, if there is one), or there alone."""

    FORM = "form"
    PRIVATE = "private"


class DiscoverySetting(StrEnum):
    """Where the settings for an address are looked for."""

    ON = "on"
    LOCAL = "local"
    """In the workspace's defaults and the table of providers alone: nothing is asked of the network."""
    OFF = "off"


class ProgramsSetting(StrEnum):
    """Whether programs send with people's profiles: off means no tokens, no submission server and no send API."""

    ON = "on"
    OFF = "off"


class SettingsError(Exception):
    """Settings are missing or malformed. `str(error)` has one line for each, never a secret's value."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        lines = (f"{name}: {why} Example: {name}={EXAMPLES[name]}" for name, why in reasons.items())
        super().__init__("\n".join(lines))


class SettingsFileError(SettingsError):
    """The file `.env` is there and cannot be read."""

    def __init__(self, why: str) -> None:
        wanted = "It is text in UTF-8, which the user who runs the bot must be allowed to read."
        self.reasons = {}
        Exception.__init__(self, f".env: this file cannot be read ({why}). {wanted}")


def _split(value: object) -> object:
    """Split a comma-separated text into a tuple, without blanks and empty parts; return anything else as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class Settings(BaseSettings):
    """All settings of the bot; see the README's table. Build it with `load`."""

    model_config = SettingsConfigDict(
        env_file=FILE, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    slack_bot_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_client_id: str | None = None
    slack_client_secret: SecretStr | None = None
    slack_api_url: str = "https://slack.com/api/"
    database_url: SecretStr = SecretStr("sqlite:///email-profiles.db")
    encryption_keys: SecretStr | None = None
    encryption_keys_file: Path | None = None
    encryption_keys_command: Annotated[tuple[str, ...], NoDecode] = Field(default=(), repr=False)
    # REPLACED_SETTINGS: nothing reads them but the check that they are not set.
    encryption_passphrase: SecretStr | None = None
    encryption_passphrase_file: SecretStr | None = None
    vault_token: SecretStr | None = None
    vault_namespace: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int = 3000
    metrics_host: str | None = None
    metrics_port: int | None = None
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    public_url: str | None = None
    password_entry: PasswordEntrySetting = PasswordEntrySetting.FORM
    history_days: int = 365
    admin_user_ids: Annotated[frozenset[str], NoDecode] = frozenset()
    smtp_allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    smtp_allowed_ports: Annotated[frozenset[int], NoDecode] = Field(
        default=frozenset({25, 465, 587, 2525}), validate_default=True
    )
    smtp_timeout: float = 15.0
    smtp_ca_file: Path | None = None
    smtp_helo: str | None = None
    discovery: DiscoverySetting = DiscoverySetting.ON
    programs: ProgramsSetting = ProgramsSetting.ON
    submission_host: str = "127.0.0.1"
    submission_port: int | None = None
    submission_tls_port: int | None = None
    submission_cert_file: Path | None = None
    submission_key_file: Path | None = None
    submission_name: str | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"

    @field_validator("slack_bot_token", "slack_app_token")
    @classmethod
    def _token_kind(cls, value: SecretStr | None, info: Any) -> SecretStr | None:
        # A bot token with rotation switched on begins with xoxe.xoxb-.
        kinds = ("xoxb-", "xoxe.xoxb-") if info.field_name == "slack_bot_token" else ("xapp-",)
        if value is not None and not value.get_secret_value().startswith(kinds):
            raise ValueError(f"this token does not begin with {kinds[0]}, so it is of another kind.")
        return value

    @field_validator("slack_api_url", "public_url")
    @classmethod
    def _web_address(cls, value: str | None, info: Any) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("https", "http") and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("this is not a web address.")
        return value.rstrip("/") + "/" if info.field_name == "slack_api_url" else value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _database_kind(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("sqlite:///", "postgresql://")):
            raise ValueError("this is neither a sqlite:/// nor a postgresql:// address.")
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _protected_address(cls, value: str) -> str:
        if urlsplit(value).scheme != "https" and not _on_loopback(value):
            raise ValueError("tokens and what people type are sent there, so it begins with https://.")
        return value

    @field_validator("port", "metrics_port", "submission_port", "submission_tls_port", mode="before")
    @classmethod
    def _port(cls, value: object) -> int | None:
        return None if value is None else _port_number(value, lowest=0)

    @field_validator("public_url")
    @classmethod
    def _private_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("https://") and not _on_loopback(value):
            raise ValueError("passwords are typed there, so it begins with https://.")
        if value is not None and urlsplit(value)[2:] != ("", "", ""):
            raise ValueError("pages have paths of their own, so it ends after the host and port.")
        return value

    @field_validator("history_days", mode="before")
    @classmethod
    def _days(cls, value: object) -> int:
        text = str(value).strip()
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 36_500):
            raise ValueError(f"“{value}” is not a number of days; use one from 1 to 36500.")
        return int(text)

    @field_validator("admin_user_ids", mode="before")
    @classmethod
    def _user_ids(cls, value: object) -> object:
        parts = _split(value)
        if isinstance(parts, tuple):
            for part in parts:
                if not (part.isascii() and part.isalnum() and part[0] in "UW"):
                    raise ValueError(f"“{part}” is not a Slack user id; these begin with U or W.")
        return parts

    @field_validator("smtp_allowed_networks", "trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        parts = _split(value)
        if not isinstance(value, str) or not isinstance(parts, tuple):
            return parts
        networks = []
        for part in parts:
            try:
                networks.append(ip_network(part))
            except ValueError as error:
                raise ValueError(f"“{part}” is not a network in CIDR notation ({error}).") from None
        return tuple(networks)

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: tuple[IPv4Network | IPv6Network, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
        for network in value:
            if network.prefixlen == 0:
                raise ValueError(f"“{network}” is everybody; name your proxies alone.")
        return value

    @field_validator("smtp_allowed_ports", mode="before")
    @classmethod
    def _ports(cls, value: object) -> object:
        parts = _split(value)
        if isinstance(parts, tuple):
            if not parts:
                raise ValueError("at least one port is needed.")
            return frozenset(_port_number(part, lowest=1) for part in parts)
        return parts

    @field_validator("smtp_timeout", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> float:
        try:
            seconds = float(str(value))
        except ValueError:
            raise ValueError(f"“{value}” is not a number of seconds.") from None
        if not 1 <= seconds <= 120:
            raise ValueError("a connection test may take from 1 to 120 seconds.")
        return seconds

    @field_validator("smtp_helo")
    @classmethod
    def _announced_name(cls, value: str | None) -> str | None:
        # Servers that check it at all refuse what RFC 5321, 4.1.2 and 4.1.3 do not allow, underscores too.
        if value is not None and not (_is_host_name(value) or _is_address_literal(value)):
            raise ValueError(f"“{value}” is neither a full host name nor an IP address in brackets.")
        return value

    @field_validator("submission_host")
    @classmethod
    def _listening_address(cls, value: str) -> str:
        if value != "localhost" and not _is_address(value):
            raise ValueError(f"“{value}” is no address of this machine; use an IP address.")
        return value

    @field_validator("submission_name")
    @classmethod
    def _told_name(cls, value: str | None) -> str | None:
        if value is not None and not (_is_host_name(value) or _is_short_name(value) or _is_address(value)):
            raise ValueError(f"“{value}” is neither a host name nor an IP address, and programs are told it.")
        return value

    @field_validator("smtp_ca_file", "encryption_keys_file", "submission_cert_file", "submission_key_file")
    @classmethod
    def _readable_file(cls, value: Path | None) -> Path | None:
        if value is not None:
            _content(value)
        return value

    @field_validator("encryption_keys_command", mode="before")
    @classmethod
    def _command(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            words = tuple(shlex.split(value))
        except ValueError as error:
            raise ValueError(f"this is not written as a command ({str(error).lower()}).") from None
        if not words:
            raise ValueError("no command stands in it.")
        return words

    @field_validator("log_level", "log_format", "password_entry", "discovery", "programs", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> "Settings":
        first, *others = self._given(KEY_SETTINGS) or ("",)
        if others:
            raise SettingsError({first: f"both this and {' and '.join(others)} are set; keep one of them."})
        return self

    @model_validator(mode="after")
    def _one_workspace_or_many(self) -> "Settings":
        given = {"SLACK_CLIENT_ID": self.slack_client_id, "SLACK_CLIENT_SECRET": self.slack_client_secret}
        missing = [name for name, value in given.items() if value is None]
        if len(missing) == 2:
            return self
        if missing:
            (there,) = set(given) - set(missing)
            raise SettingsError({missing[0]: f"it is not set, although {there} is; the two belong together."})
        if self.slack_bot_token is not None:
            if self.public_url is None:
                why = (
                    "it is for one workspace, and SLACK_CLIENT_ID with SLACK_CLIENT_SECRET for many; keep one of them. "
                    "Or set PUBLIC_URL, and people of this one workspace sign in with Slack before a private page."
                )
                raise SettingsError({"SLACK_BOT_TOKEN": why})
        elif self.admin_user_ids:
            why = "the same id may be somebody else in another workspace, so leave it unset beside SLACK_CLIENT_ID."
            raise SettingsError({"ADMIN_USER_IDS": why})
        return self

    @model_validator(mode="after")
    def _private_needs_a_page(self) -> "Settings":
        if self.password_entry is PasswordEntrySetting.PRIVATE and self.public_url is None:
            raise SettingsError({"PASSWORD_ENTRY": "“private” needs PUBLIC_URL, where browsers reach the bot."})
        return self

    @model_validator(mode="after")
    def _submission_is_protected(self) -> "Settings":
        files = {"SUBMISSION_CERT_FILE": self.submission_cert_file, "SUBMISSION_KEY_FILE": self.submission_key_file}
        missing = [name for name, file in files.items() if file is None]
        if len(missing) == 1:
            (there,) = set(files) - set(missing)
            raise SettingsError({missing[0]: f"it is not set, although {there} is; the two belong together."})
        if not self.submission_runs:
            return self
        if missing and self.submission_tls_port is not None:
            raise SettingsError({"SUBMISSION_CERT_FILE": "it is not set, and SUBMISSION_TLS_PORT needs a certificate."})
        if self.submission_host == "localhost" or _is_loopback(self.submission_host):
            return self
        if missing:
            why = "it is not set, and beyond the loopback (SUBMISSION_HOST) nobody signs in without encryption."
            raise SettingsError({"SUBMISSION_CERT_FILE": why})
        if self.submission_name is None:
            why = "it is not set, and beyond the loopback (SUBMISSION_HOST) programs are told a name."
            raise SettingsError({"SUBMISSION_NAME": why})
        return self

    def _given(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if getattr(self, name.lower())]

    @property
    def key_setting(self) -> str | None:
        """The name of the setting that the list of keys comes from; None when there is none."""
        return next(iter(self._given(KEY_SETTINGS)), None)

    @property
    def replaced_setting(self) -> str | None:
        """The name of a setting that is set and has been replaced by ENCRYPTION_KEYS_COMMAND."""
        return next(iter(self._given(REPLACED_SETTINGS)), None)

    def key_text(self) -> str:
        """Return the list of keys as comma-separated text; ENCRYPTION_KEYS_FILE is read anew.

        Raises:
            SettingsError: the file cannot be read, or is no text.
        """
        if self.encryption_keys_file is not None:
            return ",".join(_text("ENCRYPTION_KEYS_FILE", self.encryption_keys_file).split())
        return self.encryption_keys.get_secret_value() if self.encryption_keys else ""

    @property
    def monitoring_address(self) -> tuple[str, int] | None:
        """Where health and metrics are served apart from everything else: host and port; None if they are not."""
        there = (self.metrics_host or self.host, self.port if self.metrics_port is None else self.metrics_port)
        return None if there == (self.host, self.port) else there

    @property
    def many_workspaces(self) -> bool:
        """Whether the bot is installed through OAuth, in as many workspaces as want it."""
        return self.slack_client_id is not None and self.slack_bot_token is None

    @property
    def submission_runs(self) -> bool:
        """Whether there is a submission server: programs are on, and it has a port."""
        has_port = self.submission_port is not None or self.submission_tls_port is not None
        return self.programs is ProgramsSetting.ON and has_port

    @property
    def sign_in_first(self) -> bool:
        """Whether people sign in with Slack before a private page is shown to them."""
        return self.slack_client_id is not None and self.public_url is not None

    def require_slack(self) -> None:
        """Check that everything for serving Slack is set: a token or OAuth's two settings, and a way in.

        Raises:
            SettingsError: naming each setting that is missing.
        """
        missing = {}
        if self.slack_bot_token is None and not self.many_workspaces:
            why = "it is not set, and without it the bot cannot speak in Slack."
            missing["SLACK_BOT_TOKEN"] = why
        if self.slack_app_token is None and self.slack_signing_secret is None:
            why = "neither it (for Socket Mode) nor SLACK_SIGNING_SECRET (for HTTP) is set."
            missing["SLACK_APP_TOKEN"] = why
        if missing:
            raise SettingsError(missing)


class GivenSettings(Settings):
    """Settings that read neither the environment nor `.env`, so that the demo never sees real tokens."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings passes all five
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only what is given in code."""
        return (init_settings,)


def _content(file: Path) -> bytes:
    """Return a file's content. Raises ValueError with a sentence when it cannot be read."""
    try:
        if file.exists() and not file.is_file():
            # Reading a pipe or a device could go on for ever.
            raise ValueError(f"the file {file} cannot be read (it is a directory, a pipe or a device).")
        return file.read_bytes()
    except OSError as error:
        raise ValueError(f"the file {file} cannot be read ({error.strerror}).") from None


def _text(name: str, file: Path) -> str:
    try:
        return _content(file).decode("utf-8")
    except UnicodeDecodeError:
        raise SettingsError({name: f"the file {file} is no text."}) from None
    except ValueError as error:
        raise SettingsError({name: str(error)}) from None


def _is_host_name(text: str) -> bool:
    label = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    letters = rf"(?:{label}\.)+(?=[a-z]){label}"
    return len(text) <= 253 and re.fullmatch(letters, text, re.ASCII | re.IGNORECASE) is not None


def _is_short_name(text: str) -> bool:
    return re.fullmatch(r"(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", text, re.IGNORECASE) is not None


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _is_loopback(text: str) -> bool:
    return _is_address(text) and ip_address(text).is_loopback


def _is_address_literal(text: str) -> bool:
    inside = re.fullmatch(r"\[(IPv6:)?([0-9a-f.:]+)\]", text, re.IGNORECASE)
    try:
        return inside is not None and ip_address(inside[2]).version == (6 if inside[1] else 4)
    except ValueError:
        return False


def _on_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _port_number(value: object, *, lowest: int) -> int:
    """Return a port number. Raises ValueError with a sentence when `value` is none."""
    text = str(value)
    if not (text.isascii() and text.isdigit() and lowest <= int(text) <= 65535):
        raise ValueError(f"“{text}” is not a port; use a number from 1 to 65535.")
    return int(text)


def load(**given: Any) -> Settings:
    """Read the settings from the environment and `.env`; `given` takes precedence over both.

    Raises:
        SettingsError: one line for each setting that is malformed, with an example; or the file cannot be read.
    """
    try:
        return Settings(**given)
    except OSError as error:
        raise SettingsFileError(error.strerror or type(error).__name__) from None
    except UnicodeDecodeError:
        raise SettingsFileError("it is no text in UTF-8") from None
    except ValidationError as error:
        raise SettingsError({str(fault["loc"][0]).upper(): _reason(fault) for fault in error.errors()}) from None


def settings_file() -> Path | None:
    """Return where the file is that settings are read from, beside the environment; None when there is none."""
    file = Path(FILE)
    return file.absolute() if file.is_file() else None


def misspelt_settings() -> dict[str, str]:
    """Return the names in `.env` that are nearly a setting's, and not one, with the setting that each is like.

    Nobody is sent to REPLACED_SETTINGS.
    """
    try:
        written = DotEnvSettingsSource(Settings).env_vars
    except (OSError, UnicodeDecodeError):
        return {}
    usable = [field for field in Settings.model_fields if field.upper() not in REPLACED_SETTINGS]
    names = {}
    for name in written:
        near = difflib.get_close_matches(name.lower(), usable, n=1, cutoff=_NEARLY)
        if near and name.lower() not in Settings.model_fields:
            names[name.upper()] = near[0].upper()
    return names


def misspelt_line(name: str, near: str) -> str:
    """Return one of `misspelt_settings` as a sentence."""
    return f"{name} in {settings_file()} is no setting, so nothing reads it. Did you mean {near}?"


def _reason(fault: Any) -> str:
    """Return one of pydantic's errors as a sentence without the value."""
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    if fault["type"] in ("literal_error", "enum"):
        return f"only {fault['ctx']['expected']} can stand here."
    return f"{fault['msg']}."
