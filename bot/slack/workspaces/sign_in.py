"""Sign in with Slack: OpenID Connect, as https://docs.slack.dev/authentication/sign-in-with-slack describes it."""

import asyncio
import base64
import json
import logging
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.private_links import Identity
from bot.profiles.errors import UserError
from bot.slack.web_api.errors import error_code
from bot.slack.workspaces.oauth import REDIRECT_PATH, SLACK_SECONDS

log = logging.getLogger(__name__)

SIGN_IN_PATH = f"{REDIRECT_PATH}/sign_in"
"""Where Slack sends people back: below the redirect address that apps for many workspaces have registered already."""

SCOPES = ("openid", "profile")

ISSUER = "https://slack.com"
"""Who issues tokens, whatever address the Web API is reached at (https://slack.com/.well-known/openid-configuration)."""

CLOCK_SKEW_SECONDS = 300.0
"""How far this machine's clock may be from Slack's, as for signed requests."""

_CODE = re.compile(r"[a-z_]{1,60}")
_ID = re.compile(r"[A-Z0-9]{1,60}")
_LONGEST_NAME = 200


class NotIdentifiedError(UserError):
    """Slack did not say who is before a browser."""

    def __init__(self) -> None:
        super().__init__("Slack did not confirm who you are. Nothing was changed.")


class SlackSignIn:
    """Sends people to Slack, and reads who they are from what Slack sends back with them."""

    def __init__(self, *, client_id: str, client_secret: SecretStr, public_url: str, client: AsyncWebClient) -> None:
        """Ask Slack through `client`; `public_url` is where browsers reach the bot, without a slash at its end."""
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = f"{public_url}{SIGN_IN_PATH}"
        self._client = client
        # Beside the Web API, wherever that is.
        self._base_url = client.base_url.removesuffix("api/")

    def authorize_url(self, *, state: str, nonce: str, workspace: str) -> str:
        """Return the address at Slack at which a person of a workspace (its key, or an organisation's) signs in."""
        query = {
            "response_type": "code",
            "scope": " ".join(SCOPES),
            "client_id": self._client_id,
            "state": state,
            "nonce": nonce,
            "redirect_uri": self._redirect_uri,
            # Of an organisation, whoever signs in chooses one of its workspaces.
            **({"team": workspace} if workspace.startswith("T") else {}),
        }
        return f"{self._base_url}openid/connect/authorize?{urlencode(query, quote_via=quote)}"

    async def identify(self, *, code: str, nonce: str) -> Identity:
        """Exchange a code for who pressed “Allow”; nothing of what Slack answers is kept.

        Raises:
            NotIdentifiedError: Slack does not confirm it, or its answer is for somebody else's sign-in.
        """
        try:
            async with asyncio.timeout(SLACK_SECONDS):
                answer = await self._client.openid_connect_token(
                    client_id=self._client_id,
                    client_secret=self._client_secret.get_secret_value(),
                    code=code,
                    redirect_uri=self._redirect_uri,
                    grant_type="authorization_code",
                )
            return _identity(self._checked(_claims(answer["id_token"]), nonce))
        except SlackApiError as error:
            why = error_code(error) or "no answer that can be read"
            log.warning("Slack refuses a sign-in (%s).", why if _CODE.fullmatch(why) else "for another reason")
        except Exception as error:  # noqa: BLE001 - whatever Slack's answer broke, its text may hold tokens
            log.warning("Slack's answer to a sign-in cannot be used (%s).", type(error).__name__)
        raise NotIdentifiedError

    def _checked(self, claims: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """Check what OpenID Connect Core 1.0, 3.1.3.7 asks for; the TLS of the answer stands in for a signature (6).

        Raises:
            ValueError: the token is not for this bot, this sign-in and this time.
        """
        if claims["iss"] not in (ISSUER, self._base_url.rstrip("/")):
            raise ValueError("another issuer")
        audience = claims["aud"]
        if self._client_id not in (audience if isinstance(audience, list) else [audience]):
            raise ValueError("for another app")
        if claims["nonce"] != nonce:
            raise ValueError("for another sign-in")
        if float(claims["exp"]) + CLOCK_SKEW_SECONDS < time.time():
            raise ValueError("too old")
        return claims


def _claims(token: str) -> Mapping[str, Any]:
    """Read the claims of a JSON Web Token (RFC 7519).

    Raises:
        ValueError: it is none.
        TypeError: the same.
    """
    _, payload, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    if not isinstance(claims, dict):
        raise TypeError("no object")
    return claims


def _identity(claims: Mapping[str, Any]) -> Identity:
    user, team = claims["https://slack.com/user_id"], claims["https://slack.com/team_id"]
    # Only people of an Enterprise Grid belong to an organisation.
    organisation = claims.get("https://slack.com/enterprise_id") or ""
    workspaces = [key for key in (team, organisation) if key]
    if not all(isinstance(key, str) and _ID.fullmatch(key) for key in (user, *workspaces)):
        raise ValueError("an id is none")
    name = claims.get("name")
    return Identity(
        user=user, workspaces=workspaces, name=name[:_LONGEST_NAME] if isinstance(name, str) and name else user
    )
