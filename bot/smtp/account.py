"""What a connection test needs to know of an account: plain data, the password masked."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import SecretStr


class Encryption(StrEnum):
    """The one effective encryption mode of a profile."""

    SSL = "SSL"
    """TLS from the first byte (port 465)."""
    TLS = "TLS"
    """STARTTLS after the greeting, required, never opportunistic (port 587)."""
    NONE = "none"
    """Clear text (port 25)."""


TokenProvider = Callable[[], Awaitable[SecretStr]]


@dataclass(frozen=True, kw_only=True)
class Account:
    """One SMTP account as a connection test uses it.

    `password` is None when none is stored; `mechanism` is None for the strongest one offered;
    `pin` is the SHA-256 (hex) of the one public key that is trusted, None for the usual authorities; `token`
    gives an OAuth access token, with which XOAUTH2 is used instead of a password.
    """

    address: str
    host: str
    port: int
    encryption: Encryption
    authenticate: bool
    login: str = ""
    password: SecretStr | None = None
    mechanism: str | None = None
    helo: str | None = None
    pin: str | None = None
    token: TokenProvider | None = None
