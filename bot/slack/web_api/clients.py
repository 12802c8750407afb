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

SECONDS = 30.0
"""For one answer of Slack's."""

LONGEST_WAIT = 10
"""Seconds that Slack may ask to wait; when it asks for more, the call has failed, and other ways are tried."""


class LostConnection(AsyncConnectionErrorRetryHandler):
    """Tries again once when a connection was lost, unless aiohttp has done so by itself, as it does with a GET."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if request.method == "GET":
            return False
        return await super()._can_retry_async(state=state, request=request, response=response, error=error)


class BriefRateLimit(AsyncRateLimitErrorRetryHandler):
    """Waits as long as Slack asks and tries again, unless that would be for ever in the eyes of a person."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if not await super()._can_retry_async(state=state, request=request, response=response, error=error):
            return False
        headers = {name.lower(): value for name, value in (response.headers if response else {}).items()}
        asked = "".join(headers.get("retry-after", "1"))
        return asked.isdecimal() and int(asked) <= LONGEST_WAIT


def slack_session(*watching: aiohttp.TraceConfig) -> aiohttp.ClientSession:
    """Make the session that all clients share; each of `watching` is told of every call."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS), trace_configs=list(watching))


class Clients:
    """Makes clients; each is cheap, for they share one session."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        """Speak to the Web API at `base_url` through `session`."""
        self._session = session
        self._base_url = base_url

    def quick(self, token: SecretStr | str | None) -> AsyncWebClient:
        """Make a client that never waits and tries again by itself: Slack waits for our answer meanwhile."""
        return self._client(token, [])

    def patient(self, token: SecretStr | str | None) -> AsyncWebClient:
        """Make a client that tries again when Slack is busy or a connection was lost."""
        return self._client(token, _again())

    def _client(self, token: SecretStr | str | None, handlers: list[AsyncRetryHandler]) -> AsyncWebClient:
        return AsyncWebClient(
            token=token.get_secret_value() if isinstance(token, SecretStr) else token,
            base_url=self._base_url,
            timeout=round(SECONDS),
            session=self._session,
            retry_handlers=handlers,
        )


def patient(client: AsyncWebClient) -> AsyncWebClient:
    """Give a client like a quick one that tries again too, where nobody waits for it."""
    return AsyncWebClient(
        token=client.token,
        base_url=client.base_url,
        timeout=client.timeout,
        session=client.session,
        retry_handlers=_again(),
    )


def hurried(client: AsyncWebClient) -> AsyncWebClient:
    """Make a client like a patient one that never tries again by itself."""
    quick = copy(client)
    quick.retry_handlers = []
    return quick


def _again() -> list[AsyncRetryHandler]:
    return [LostConnection(max_retry_count=1), BriefRateLimit(max_retry_count=2)]
