"""Clients of Slack's Web API around the one shared session."""

from copy import copy

import aiohttp
from pydantic import SecretStr
from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryState
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

CALL_TIMEOUT_SECONDS = 30.0
"""For one answer of Slack's."""

CONNECT_TIMEOUT_SECONDS = 10.0
"""For a connection: what takes longer was not sent."""

LONGEST_RETRY_SECONDS = 10
"""How long Slack may ask to wait; when it asks for more, the call has failed, and other ways are tried."""


class LostConnectionRetry(AsyncConnectionErrorRetryHandler):
    """Retries once when a connection was lost, unless aiohttp has done so already, as it does with a GET."""

    async def can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        """Whether to retry after a lost connection."""
        if request.method == "GET":
            return False
        return await super().can_retry_async(state=state, request=request, response=response, error=error)


class BriefRateLimitRetry(AsyncRateLimitErrorRetryHandler):
    """Retries after as long as Slack asks to wait, unless a person would not wait so long."""

    async def can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        """Whether to retry after a rate limit."""
        if not await super().can_retry_async(state=state, request=request, response=response, error=error):
            return False
        headers = {name.lower(): value for name, value in (response.headers if response else {}).items()}
        asked = "".join(headers.get("retry-after", "1"))
        return asked.isdecimal() and int(asked) <= LONGEST_RETRY_SECONDS


def slack_session(*watching: aiohttp.TraceConfig) -> aiohttp.ClientSession:
    """Return the session that all clients share; each of `watching` traces its calls."""
    timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS)
    return aiohttp.ClientSession(timeout=timeout, trace_configs=list(watching))


class Clients:
    """Makes clients; each is cheap, for they share one session."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    def without_retries(self, token: SecretStr | str | None) -> AsyncWebClient:
        """Return a client that never waits and retries: Slack waits for our answer meanwhile."""
        return self._client(token, [])

    def with_retries(self, token: SecretStr | str | None) -> AsyncWebClient:
        """Return a client that retries when Slack is busy or a connection was lost."""
        return self._client(token, _retry_handlers())

    def _client(self, token: SecretStr | str | None, handlers: list[AsyncRetryHandler]) -> AsyncWebClient:
        return AsyncWebClient(
            token=token.get_secret_value() if isinstance(token, SecretStr) else token,
            base_url=self._base_url,
            timeout=round(CALL_TIMEOUT_SECONDS),
            session=self._session,
            retry_handlers=handlers,
        )


def with_retries(client: AsyncWebClient) -> AsyncWebClient:
    """Return a client like another one, with retries."""
    retrying = copy(client)
    retrying.retry_handlers = _retry_handlers()
    return retrying


def without_retries(client: AsyncWebClient) -> AsyncWebClient:
    """Return a client like another one, without retries."""
    hasty = copy(client)
    hasty.retry_handlers = []
    return hasty


def _retry_handlers() -> list[AsyncRetryHandler]:
    return [LostConnectionRetry(max_retry_count=1), BriefRateLimitRetry(max_retry_count=2)]
