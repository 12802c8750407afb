"""Sign in with Slack, as Slack offers it: OpenID Connect with codes that are good once.

https://docs.slack.dev/authentication/sign-in-with-slack, https://docs.slack.dev/reference/methods/openid.connect.token
"""

import base64
import binascii
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from bot.demo.stand_in.views import PlatformError

METHOD = "openid.connect.token"
CODE_SECONDS = 600.0
TOKEN_SECONDS = 300
"""As in Slack's example of an id_token: exp is five minutes after iat."""

_SCOPES = frozenset({"openid", "profile", "email"})


@dataclass(frozen=True, kw_only=True)
class Account:
    """Somebody who is signed in to Slack in a browser: in which workspace and, on Enterprise Grid, organisation."""

    user: str
    name: str
    team: str
    team_name: str
    organisation: str = ""


@dataclass(frozen=True, kw_only=True)
class _Code:
    account: Account
    nonce: str
    redirect_uri: str
    ends_at: float


class SignIns:
    """The sign-ins of one app, whose redirect addresses are `redirect_urls`; `clock` returns seconds since 1970."""

    def __init__(self, *, client_id: str, client_secret: str, clock: Callable[[], float]) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.redirect_urls: list[str] = []
        self.issuer = "https://slack.com"
        self._clock = clock
        self._codes: dict[str, _Code] = {}

    def check(self, query: Mapping[str, str]) -> None:
        """Check what an app sends a browser with.

        Raises:
            PlatformError: what Slack shows in place of its page.
        """
        if query.get("client_id") != self.client_id:
            raise PlatformError("invalid_client_id")
        if query.get("response_type") != "code":
            raise PlatformError("invalid_response_type")
        scopes = set(query.get("scope", "").replace(",", " ").split())
        if "openid" not in scopes or not scopes <= _SCOPES:
            raise PlatformError("invalid_scope")
        if not self._is_registered(query.get("redirect_uri", "")):
            raise PlatformError("bad_redirect_uri")

    def allow(self, query: Mapping[str, str], account: Account) -> str:
        """Press “Allow” as somebody; return the address that Slack sends the browser back to."""
        self.check(query)
        code = secrets.token_hex(16)
        self._codes[code] = _Code(
            account=account,
            nonce=query.get("nonce", ""),
            redirect_uri=query["redirect_uri"],
            ends_at=self._clock() + CODE_SECONDS,
        )
        return self._back(query, code=code)

    def deny(self, query: Mapping[str, str]) -> str:
        """Press “Cancel”; return the address that Slack sends the browser back to."""
        self.check(query)
        return self._back(query, error="access_denied")

    def exchange(self, arguments: Mapping[str, str], authorization: str) -> dict[str, Any]:
        """Answer openid.connect.token; the app shows its secret in the header or among the arguments.

        Raises:
            PlatformError: the app is another one, or the code is used, too old, or for another address.
        """
        client_id, client_secret = _basic(authorization) or (
            arguments.get("client_id", ""),
            arguments.get("client_secret", ""),
        )
        if client_id != self.client_id:
            raise PlatformError("invalid_client_id")
        if client_secret != self.client_secret:
            raise PlatformError("bad_client_secret")
        if arguments.get("grant_type", "authorization_code") != "authorization_code":
            raise PlatformError("invalid_grant_type")
        code = self._codes.pop(arguments.get("code", ""), None)
        if code is None or code.ends_at < self._clock():
            raise PlatformError("invalid_code")
        if arguments.get("redirect_uri") != code.redirect_uri:
            raise PlatformError("bad_redirect_uri")
        return {
            "access_token": f"xoxp-{secrets.token_hex(12)}",
            "token_type": "Bearer",
            "id_token": json_web_token(self._claims(code)),
        }

    def _claims(self, code: _Code) -> dict[str, Any]:
        account, now = code.account, int(self._clock())
        organisation = {"https://slack.com/enterprise_id": account.organisation} if account.organisation else {}
        return {
            "iss": self.issuer,
            "sub": account.user,
            "aud": self.client_id,
            "exp": now + TOKEN_SECONDS,
            "iat": now,
            "auth_time": now,
            "nonce": code.nonce,
            "at_hash": secrets.token_urlsafe(16),
            "https://slack.com/team_id": account.team,
            "https://slack.com/user_id": account.user,
            **organisation,
            "name": account.name,
            "locale": "en-US",
            "https://slack.com/team_name": account.team_name,
        }

    def _is_registered(self, address: str) -> bool:
        """Whether an address is a redirect address of the app, or lies below one."""
        return any(address == url or address.startswith(f"{url.rstrip('/')}/") for url in self.redirect_urls)

    def _back(self, query: Mapping[str, str], **answer: str) -> str:
        return f"{query['redirect_uri']}?{urlencode({**answer, 'state': query.get('state', '')})}"


def json_web_token(claims: Mapping[str, Any]) -> str:
    """Write claims as a JSON Web Token, with a signature that is none: who asks the token endpoint needs no other."""
    parts = ({"typ": "JWT", "alg": "RS256", "kid": "stand-in"}, claims)
    written = (_base64(json.dumps(part).encode()) for part in parts)
    return ".".join([*written, _base64(secrets.token_bytes(32))])


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _basic(authorization: str) -> tuple[str, str] | None:
    """Read HTTP's Basic authentication (RFC 7617); None without it."""
    kind, _, encoded = authorization.partition(" ")
    if kind != "Basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, secret
