"""What every key source is: it wraps a root key, and unwraps it again; and how an address names one."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, unquote

PATIENCE_SECONDS = 1.0
"""How long a key service is waited for: a start that fails for its sake is refused within three seconds."""

BOUND_TO = {"program": "email-profile-bot", "purpose": "root key"}
"""What a wrapped key is bound to at its service. It is no secret: services may write it into their logs."""

_FORM = re.compile(r"([a-z]+)://([^?#\s]*)(?:\?([^?#\s]*))?")


class KeySourceError(Exception):
    """A key cannot be wrapped or unwrapped. `str(error)` is a sentence without any key, token or passphrase."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What the program needs to be let in by key sources; AWS's are found by AWS's own library."""

    passphrase: str | None = field(default=None, repr=False)
    vault_token: str | None = field(default=None, repr=False)
    vault_namespace: str | None = None


class KeySource(Protocol):
    """One address at which a root key of 32 bytes is kept wrapped."""

    async def unwrap(self) -> bytes:
        """Give the root key that is wrapped at this address.

        Raises:
            KeySourceError: there is none, it does not open, or the source refuses; the sentence says why.
        """
        ...

    async def wrap(self, key: bytes) -> str:
        """Wrap a new root key, and give the address that stands for it in ENCRYPTION_KEYS.

        Raises:
            KeySourceError: it cannot be done; the sentence says why.
        """
        ...


@dataclass(frozen=True)
class Address:
    """`scheme://rest?name=value&…`: where a key is unwrapped and, mostly, the wrapped key itself.

    Parts are percent-encoded, commas and blanks too, because a list of keys is cut at these.
    """

    scheme: str
    rest: str
    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address.

        Raises:
            KeySourceError: it is not written like one, or a parameter is empty or there twice.
        """
        found = _FORM.fullmatch(text) if text.isascii() else None
        if found is None:
            raise KeySourceError("its address is not written as scheme://…?name=value&name=value.")
        scheme, rest, query = found.groups()
        parameters: dict[str, str] = {}
        for part in (query or "").split("&") if query else ():
            name, _, value = part.partition("=")
            if not value or name in parameters:
                raise KeySourceError("its address has a parameter that is empty or there twice.")
            parameters[name] = unquote(value)
        return cls(scheme, unquote(rest), parameters)

    def expect_only(self, *known: str) -> None:
        """Refuse parameters that nobody would heed.

        Raises:
            KeySourceError: there is one besides the `known` ones.
        """
        if not set(self.parameters) <= set(known):
            raise KeySourceError(f"its address may have these parameters: {', '.join(known) or 'none'}.")

    def with_wrapped(self, wrapped: str) -> str:
        """Write the address with a wrapped key in it."""
        parameters = {**self.parameters, "wrapped": wrapped}
        query = "&".join(f"{name}={quote(value, safe=':/')}" for name, value in parameters.items())
        return f"{self.scheme}://{quote(self.rest, safe=':/')}?{query}"

    def wrapped(self) -> str:
        """Give the wrapped key that stands in the address.

        Raises:
            KeySourceError: there is none.
        """
        try:
            return self.parameters["wrapped"]
        except KeyError:
            raise KeySourceError(
                "its address holds no wrapped key; make one with `email-profile-bot keys wrap`."
            ) from None


def from_base64(text: str, *, altchars: bytes = b"+/") -> bytes:
    """Decode base64 that came from outside.

    Raises:
        KeySourceError: it is none.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=altchars, validate=True)
    except (binascii.Error, ValueError):
        raise KeySourceError("the wrapped key is not base64.") from None
