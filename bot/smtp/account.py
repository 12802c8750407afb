"""An account and a message as connection tests use them: plain data, the password masked."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from pydantic import SecretStr

MAX_LOGIN_LENGTH = 320
"""Characters of a login."""


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
class ReachedServer:
    """A server just before a sign-in: the addresses that its name leads to, and its `pin`, empty if that is unknown.

    The pin is the SHA-256 (hex) of its public key, which it has proved to have.
    """

    addresses: tuple[IPv4Address | IPv6Address, ...]
    pin: str


Permit = Callable[[ReachedServer], Awaitable[None]]
"""Asked before a sign-in; what it raises ends the test, which raises the same."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """One SMTP account.

    `password` is None when none is stored, or when it is `password_withheld` from this test; `mechanism` is None for
    the best one offered; `pin` is the SHA-256 (hex) of the only public key that is trusted, None for the usual
    authorities; `token` returns an OAuth access token, which is used with XOAUTH2 instead of a password;
    `permit` is asked just before the sign-in, and None where nobody is to be asked.
    Where nobody signs in, `recipient` is whom a test without a message names with RCPT, an address that is certainly
    the owner's; None: it names nobody.
    """

    address: str
    host: str
    port: int
    encryption: Encryption
    authenticate: bool
    login: str = ""
    password: SecretStr | None = None
    password_withheld: bool = False
    mechanism: str | None = None
    helo: str | None = None
    pin: str | None = None
    token: TokenProvider | None = None
    permit: Permit | None = None
    recipient: str | None = None

    def without_password(self) -> "Account":
        """Return the account for a test that may not use its password."""
        return replace(self, password=None, password_withheld=True)

    def without_secrets(self) -> "Account":
        """Return the account as it may be shown."""
        return replace(self, password=None, token=None, permit=None)


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message that is sent after all stages have passed; `secret` stands in it, and is kept out of the report."""

    recipient: str
    content: bytes = field(repr=False)
    secret: SecretStr | None = None
