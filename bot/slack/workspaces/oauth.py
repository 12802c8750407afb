"""Installing the bot through OAuth v2: Bolt's flow, with answers in this product's words.

https://docs.slack.dev/authentication/installing-with-oauth
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from pydantic import SecretStr
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions, AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.ids import OPTIONAL_SCOPES, SCOPES
from bot.slack.web_api.errors import error_code
from bot.slack.workspaces.installation import key_of_bot
from bot.slack.workspaces.installations import STATE_SECONDS, Installations, SealedInstallationStore

log = logging.getLogger(__name__)

INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"

SLACK_SECONDS = 15.0
"""How long somebody before a browser waits for Slack's two answers."""

_CODE = re.compile(r"[a-z_]{1,60}")
_ID = re.compile(r"[A-Z0-9]{1,60}")
_LONGEST_NAME = 200
_BOT_TOKENS = ("xoxb-", "xoxe.xoxb-")
_HTML = "text/html; charset=utf-8"

Page = Callable[[str, str], str]
"""Writes a page: title (a text) and body (HTML) in, HTML out."""


class _Answer(NamedTuple):
    status: int
    title: str
    sentence: str


_AGAIN = "Nothing was installed and nothing was stored."
_LATE = _Answer(
    400,
    "Please begin again",
    "This page was opened later than ten minutes after you began, a second time, or in another browser. " + _AGAIN,
)
_NOT_CONFIRMED = _Answer(502, "Not installed", "Slack did not confirm the installation. " + _AGAIN)
_FAILURES: Mapping[str, _Answer] = {
    "access_denied": _Answer(
        200,
        "Not installed",
        "You chose Cancel at Slack, or your workspace does not let you install apps; its admins can. " + _AGAIN,
    ),
    "invalid_browser": _LATE,
    "invalid_state": _LATE,
    "missing_code": _NOT_CONFIRMED,
    "invalid_code": _NOT_CONFIRMED,
}
_REFUSED = _Answer(400, "Not installed", "Slack did not go on with the installation. " + _AGAIN)


class InstallFlow(AsyncOAuthFlow):
    """Bolt's flow: it makes and checks states and cookies; what it shows and what it trusts is decided here."""

    def __init__(self, *, client: AsyncWebClient, settings: AsyncOAuthSettings, page: Page) -> None:
        """Ask Slack through `client`; `page` writes what people see."""
        settings.callback_options = AsyncCallbackOptions(success=self._succeeded, failure=self._failed)
        super().__init__(client=client, settings=settings)
        self._page = page

    async def build_authorize_url(self, state: str, request: AsyncBoltRequest) -> str:  # noqa: ARG002 - Bolt's signature
        """Give the address at Slack; nothing of the request goes into it."""
        return self.settings.authorize_url_generator.generate(state=state)

    async def build_install_page_html(self, url: str, request: AsyncBoltRequest) -> str:  # noqa: ARG002
        """Write the page on which an installation begins."""
        return self._page(
            "Add to Slack",
            "<p>Email profiles keeps the mail account that programs use in your name, sealed, and really tests it. "
            "Slack shows next what the bot may do there, and asks you.</p>"
            f'<p><a class="primary" href="{escape(url)}">Add to Slack</a></p>'
            '<p class="hint">The link is good for ten minutes, in this browser.</p>',
        )

    async def run_installation(self, code: str) -> Installation | None:
        """Exchange the code for a token, and ask Slack whose token that is; None when the two do not fit together."""
        try:
            async with asyncio.timeout(SLACK_SECONDS):
                answer = await self.client.oauth_v2_access(
                    client_id=self.settings.client_id,
                    client_secret=self.settings.client_secret,
                    code=code,
                    redirect_uri=self.settings.redirect_uri,
                )
                who = await self.client.auth_test(token=answer["access_token"])
            return _installation(answer.data, who.data)
        except SlackApiError as error:
            why = error_code(error) or "no answer that can be read"
            log.warning("Slack refuses an installation (%s).", why if _CODE.fullmatch(why) else "for another reason")
        except Exception as error:  # noqa: BLE001 - whatever Slack's answer broke, its text may hold tokens
            log.warning("Slack's answer to an installation cannot be used (%s).", type(error).__name__)
        return None

    async def _succeeded(self, args: AsyncSuccessArgs) -> BoltResponse:
        installed = args.installation
        name = installed.enterprise_name if installed.is_enterprise_install else installed.team_name
        return self._answer(
            200,
            "Installed",
            f"<p>Email profiles is installed in <strong>{escape(name or key_of_bot(installed.to_bot()))}</strong>.</p>"
            "<p>Go back to Slack and type <strong>/email-profile</strong>. Admins see everybody’s accounts with "
            "<strong>/email-profile list</strong>.</p>",
        )

    async def _failed(self, args: AsyncFailureArgs) -> BoltResponse:
        failure = _FAILURES.get(args.reason, _REFUSED)
        log.info("An installation failed (%s).", args.reason if _CODE.fullmatch(args.reason) else "for another reason")
        again = f'<p><a class="primary" href="{self.install_path}">Begin again</a></p>'
        return self._answer(failure.status, failure.title, f"<p>{escape(failure.sentence)}</p>{again}")

    def _answer(self, status: int, title: str, body: str) -> BoltResponse:
        over = self.settings.state_utils.build_set_cookie_for_deletion()
        headers: dict[str, str | Sequence[str]] = {"Content-Type": _HTML, "Set-Cookie": over}
        return BoltResponse(status=status, headers=headers, body=self._page(title, body))


def install_flow(
    *,
    client_id: str,
    client_secret: SecretStr,
    public_url: str | None,
    client: AsyncWebClient,
    states: AsyncOAuthStateStore,
    installations: Installations,
    page: Page,
) -> InstallFlow:
    """Make the flow; without `public_url` Slack sends people to the app's first redirect address."""
    settings = AsyncOAuthSettings(
        client_id=client_id,
        client_secret=client_secret.get_secret_value(),
        scopes=(*SCOPES, *OPTIONAL_SCOPES),
        user_scopes=(),
        redirect_uri=f"{public_url}{REDIRECT_PATH}" if public_url else None,
        install_path=INSTALL_PATH,
        redirect_uri_path=REDIRECT_PATH,
        # Beside the Web API, wherever that is.
        authorization_url=f"{client.base_url.removesuffix('api/')}oauth/v2/authorize",
        installation_store=SealedInstallationStore(installations),
        state_store=states,
        state_expiration_seconds=STATE_SECONDS,
    )
    return InstallFlow(client=client, settings=settings, page=page)


def _installation(answer: Any, who: Any) -> Installation:
    """Read oauth.v2.access, held against auth.test of its token.

    Raises:
        ValueError: something is missing, or the two are not about the same workspace.
        KeyError: the same.
        TypeError: the same.
    """
    whole = answer.get("is_enterprise_install") is True
    team, organisation = answer.get("team") or {}, answer.get("enterprise") or {}
    key, confirmed = (
        (organisation.get("id"), who.get("enterprise_id")) if whole else (team.get("id"), who.get("team_id"))
    )
    token = answer["access_token"]
    if answer.get("token_type") != "bot" or not token.startswith(_BOT_TOKENS):
        raise ValueError("the token is no bot's")
    if key != confirmed or not _ID.fullmatch(key):
        raise ValueError("the token belongs elsewhere")
    if not (isinstance(who["bot_id"], str) and isinstance(answer.get("refresh_token") or "", str)):
        raise TypeError("an id or a token is no text")
    return Installation(
        app_id=answer.get("app_id"),
        enterprise_id=organisation.get("id"),
        enterprise_name=str(organisation.get("name") or "")[:_LONGEST_NAME],
        team_id=None if whole else team["id"],
        team_name=str(team.get("name") or "")[:_LONGEST_NAME],
        bot_token=token,
        bot_id=who["bot_id"],
        bot_user_id=str(answer.get("bot_user_id") or who["user_id"]),
        bot_scopes=answer.get("scope") or "",
        bot_refresh_token=answer.get("refresh_token"),
        bot_token_expires_in=answer.get("expires_in"),
        user_id=(answer.get("authed_user") or {}).get("id") or "",
        is_enterprise_install=whole,
        token_type="bot",  # noqa: S106 - the kind of a token
    )
