"""Examines Slack: tokens and their scopes, Socket Mode, the clock, and installations."""

import ssl
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import open_installations
from bot.doctor.finding import (
    ANSWER_TIMEOUT_SECONDS,
    APP_TOKEN,
    CLOCK,
    IN_WORKSPACE,
    INSTALLATIONS,
    SCOPES,
    SIGN_IN,
    SLACK,
    SOCKET_MODE,
    TOKEN,
    Finding,
    bad,
    good,
)
from bot.observability.metrics import Metrics
from bot.profiles.errors import UserError
from bot.settings import EXAMPLES, Settings
from bot.slack.ids import OPTIONAL_SCOPES
from bot.slack.ids import SCOPES as NEEDED
from bot.slack.web_api.clients import Clients
from bot.slack.web_api.errors import error_code
from bot.slack.workspaces.oauth import INSTALL_PATH, REDIRECT_PATH
from bot.slack.workspaces.sign_in import SIGN_IN_PATH
from storage.database import Database

MOST_EXAMINED = 5
"""Installations whose token is tried, at most; a bot may have hundreds."""

MAX_SKEW_SECONDS = 60.0
"""How far this clock may be from Slack's. Requests are refused at five minutes
(https://docs.slack.dev/authentication/verifying-requests-from-slack)."""

_NOT_EXAMINED = "Until then, neither tokens, nor scopes, nor Socket Mode, nor the clock can be examined."

_DEFAULT_URL = Settings.model_fields["slack_api_url"].default

_NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError)

# https://docs.slack.dev/reference/methods/auth.test#errors
_BOT_TOKEN_REMEDIES = {
    "account_inactive": "Install the app in the workspace again, and copy its new token.",
    "token_revoked": "Install the app in the workspace again, and copy its new token.",
    "token_expired": "Switch token rotation off for this app, or use SLACK_CLIENT_ID and SLACK_CLIENT_SECRET.",
    "not_allowed_token_type": "Use the bot token, not another one of the app's.",
}

# https://docs.slack.dev/reference/methods/apps.connections.open#errors
_APP_TOKEN_REMEDIES = {
    "missing_scope": "Make an app-level token with the scope connections:write.",
    "not_allowed_token_type": "Use an app-level token with the scope connections:write.",
    "forbidden_team": "See whether Socket Mode is switched on for this app.",
}


# https://docs.slack.dev/reference/methods/openid.connect.token#errors
_UNKNOWN_CODE = ("invalid_code", "invalid_grant", "bad_redirect_uri")
"""Of these Slack speaks once it knows the app."""


def _client(loaded: Settings, token: str | None) -> AsyncWebClient:
    return AsyncWebClient(
        token=token, base_url=loaded.slack_api_url, timeout=int(ANSWER_TIMEOUT_SECONDS), retry_handlers=[]
    )


async def token_findings(loaded: Settings) -> list[Finding]:
    """Try the bot token, and compare its scopes with the manifest's."""
    if loaded.slack_bot_token is None:
        return []
    client = _client(loaded, loaded.slack_bot_token.get_secret_value())
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        why = _refused("SLACK_BOT_TOKEN", error, _BOT_TOKEN_REMEDIES)
        return [bad(TOKEN, why)]
    except _NO_ANSWER as error:
        return [bad(TOKEN, _no_answer(loaded, error))]
    works = good(TOKEN, f"it works in {answer.get('team') or 'its organisation'}.")
    return [works, _scopes(answer.headers)]


def _scopes(headers: Mapping[str, Any]) -> Finding:
    """Compare the scopes of a token with the manifest's; which events the app subscribes to, no token tells."""
    add = "Add what is missing under OAuth & Permissions as in manifest.yml, and reinstall the app."
    if missing := _missing_scopes(headers, NEEDED):
        return bad(SCOPES, f"the token lacks {', '.join(missing)}. {add}")
    if missing := _missing_scopes(headers, OPTIONAL_SCOPES):
        without = "so plain messages to the bot get no answer; everything else works"
        return good(SCOPES, f"the token lacks {', '.join(missing)}, which is optional, {without}. {add}")
    return good(SCOPES, "the token has all that manifest.yml asks for.")


def _missing_scopes(headers: Mapping[str, Any], wanted: Sequence[str]) -> list[str]:
    granted = {scope.strip() for scope in str(headers.get("x-oauth-scopes", "")).split(",")}
    return [scope for scope in wanted if scope not in granted]


def _refused(setting: str, error: SlackApiError, remedies: Mapping[str, str]) -> str:
    name = error_code(error)
    if not name:
        return _not_slack()
    remedy = remedies.get(name, f"Copy it again. Example: {EXAMPLES[setting]}")
    return f"{setting}: Slack refuses it ({name}). {remedy}"


def _not_slack() -> str:
    return f"SLACK_API_URL: what answers there is not Slack. Example: {EXAMPLES['SLACK_API_URL']}"


def _no_answer(loaded: Settings, error: BaseException) -> str:
    url, why = loaded.slack_api_url, _why(error)
    if url == _DEFAULT_URL:
        return f"{url} does not answer ({why}). Let this machine reach it over HTTPS."
    return (
        f"SLACK_API_URL: {url} does not answer ({why}). Let this machine reach it over HTTPS, or correct the address."
    )


def _why(error: BaseException) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "its name is not known here"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "no encryption came about, as behind a proxy that opens it"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return "the connection is refused"
        case TimeoutError():
            return f"nothing within {ANSWER_TIMEOUT_SECONDS:.0f} s"
        case _:
            return type(error).__name__


async def clock_findings(loaded: Settings) -> list[Finding]:
    """Compare this machine's clock with the Date header of an answer from Slack.

    When none comes, that is the one finding about Slack: everything else there would fail for the same reason.
    """
    began = time.time()
    try:
        headers: Mapping[str, Any] = (await _client(loaded, None).api_test()).headers
    except SlackApiError as error:
        if not error_code(error):
            return [bad(SLACK, f"{_not_slack()} {_NOT_EXAMINED}")]
        headers = getattr(error.response, "headers", None) or {}
    except _NO_ANSWER as error:
        return [bad(SLACK, f"{_no_answer(loaded, error)} {_NOT_EXAMINED}")]
    # A Date has whole seconds (RFC 9110, 6.6.1).
    ahead = (began + time.time()) / 2 - 0.5 - _timestamp(str(headers.get("Date", "")), began)
    if abs(ahead) <= MAX_SKEW_SECONDS:
        return [good(CLOCK, "it agrees with Slack's.")]
    why = (
        f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Slack's; set it by NTP. "
        "Signed requests that look older than five minutes are refused."
    )
    return [bad(CLOCK, why)]


def _timestamp(date: str, otherwise: float) -> float:
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        # Without a Date header nothing is known of the server's clock.
        return otherwise


async def socket_findings(loaded: Settings) -> list[Finding]:
    """Open a Socket Mode connection, wait for Slack's hello, and close it at once."""
    if loaded.slack_app_token is None:
        return []
    client = _client(loaded, None)
    try:
        answer = await client.apps_connections_open(app_token=loaded.slack_app_token.get_secret_value())
    except SlackApiError as error:
        why = _refused("SLACK_APP_TOKEN", error, _APP_TOKEN_REMEDIES)
        return [bad(APP_TOKEN, why)]
    except _NO_ANSWER as error:
        return [bad(APP_TOKEN, _no_answer(loaded, error))]
    return [good(APP_TOKEN, "Slack takes it."), await _connection(str(answer["url"]))]


async def _connection(url: str) -> Finding:
    # The address holds a ticket, so it appears in no finding.
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.ws_connect(url) as socket:
            hello = await socket.receive_json(timeout=ANSWER_TIMEOUT_SECONDS)
    except (*_NO_ANSWER, TypeError, ValueError) as error:
        why = (
            f"no connection came about ({type(error).__name__}). Let this machine open WebSockets (wss://) to Slack, "
            "past every proxy; or unset SLACK_APP_TOKEN, and serve over HTTP."
        )
        return bad(SOCKET_MODE, why)
    if hello.get("type") != "hello":
        why = "Slack hung up at once. See whether Socket Mode is switched on, and whether ten connections are open."
        return bad(SOCKET_MODE, why)
    return good(SOCKET_MODE, "a connection was made, and closed again.")


async def sign_in_findings(loaded: Settings) -> list[Finding]:
    """Show Slack the app's id and secret with a code that is none: it tells whether it knows the two."""
    if loaded.public_url is None or loaded.slack_client_id is None or loaded.slack_client_secret is None:
        return []
    redirect_uri = f"{loaded.public_url}{SIGN_IN_PATH}"
    try:
        await _client(loaded, None).openid_connect_token(
            client_id=loaded.slack_client_id,
            client_secret=loaded.slack_client_secret.get_secret_value(),
            code="check",
            redirect_uri=redirect_uri,
        )
    except SlackApiError as error:
        if error_code(error) in _UNKNOWN_CODE:
            # Which addresses are registered, Slack tells nobody but the person who is sent there.
            where = f"{loaded.public_url}{REDIRECT_PATH}"
            return [good(SIGN_IN, f"Slack knows this app. {where} has to be among its redirect URLs.")]
        setting = "SLACK_CLIENT_SECRET" if error_code(error) == "bad_client_secret" else "SLACK_CLIENT_ID"
        return [bad(SIGN_IN, _refused(setting, error, {}))]
    except _NO_ANSWER as error:
        return [bad(SIGN_IN, _no_answer(loaded, error))]
    return [bad(SIGN_IN, _not_slack())]


async def installation_findings(loaded: Settings, database: Database) -> list[Finding]:
    """Try the tokens of the first few workspaces that the bot is installed in."""
    where = f"{loaded.public_url or 'the address of this bot'}{INSTALL_PATH}"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_SECONDS)) as session:
        clients = Clients(session, loaded.slack_api_url)
        installations = open_installations(loaded, database, clients, Metrics().count_token_renewal)
        keys = await installations.keys()
        if not keys:
            return [good(INSTALLATIONS, f"none yet; the app is installed at {where}.")]
        found = []
        for key in keys[:MOST_EXAMINED]:
            subject = f"{IN_WORKSPACE} {key}"
            try:
                client = await installations.client_for(key)
            except UserError:
                why = f"there is no token that works; install it again at {where}."
                found.append(bad(subject, why))
            else:
                found.append(await _installed(client, subject, where))
        if len(keys) > MOST_EXAMINED:
            rest = len(keys) - MOST_EXAMINED
            found.append(good(INSTALLATIONS, f"{len(keys)} in all; the other {rest} were not asked."))
        await installations.finish()
    return found


async def _installed(client: AsyncWebClient, subject: str, where: str) -> Finding:
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        why = f"it refuses the bot token ({error_code(error)}); install the app again at {where}."
        return bad(subject, why)
    except _NO_ANSWER as error:
        return bad(subject, f"it does not answer ({type(error).__name__}).")
    missing = _missing_scopes(answer.headers, NEEDED)
    if missing:
        why = f"the token lacks {', '.join(missing)}; install the app again at {where}."
        return bad(subject, why)
    team = answer.get("team") or "its organisation"
    if missing := _missing_scopes(answer.headers, OPTIONAL_SCOPES):
        without = f"without {', '.join(missing)}, which is optional: plain messages to the bot get no answer"
        return good(subject, f"the token works in {team} {without}.")
    return good(subject, f"the token works in {team} with every scope.")
