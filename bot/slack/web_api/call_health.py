"""The calls that the bot makes to Slack: how each ended, and whether Slack has been answering lately."""

import time
from collections.abc import Callable
from enum import StrEnum
from types import SimpleNamespace

import aiohttp
from yarl import URL

_METHODS = """
    api.test apps.connections.open auth.teams.list auth.test chat.postMessage chat.update
    files.completeUploadExternal files.getUploadURLExternal oauth.v2.access openid.connect.token
    users.info users.list views.open views.publish views.push views.update
"""
METHODS = frozenset(_METHODS.split())
"""The methods of the Web API that the bot calls (https://docs.slack.dev/reference/methods)."""

UPLOAD = "files.upload"
RESPONSE_URL = "response_url"
OTHER = "other"

FAILURES = 3
"""So many failures, one after the other, say that Slack does not answer; fewer may be one lost connection."""

FORGET_SECONDS = 300.0
"""So long after the last failure nothing is known of Slack."""


class CallOutcome(StrEnum):
    """How a call ended, as far as the connection tells."""

    ANSWERED = "answered"
    """With whatever the method had to say, refusals too."""
    RATELIMITED = "rate limited"
    FAILED = "failed"
    NO_ANSWER = "no answer"


class SlackCalls:
    """All calls of one session."""

    def __init__(self) -> None:
        self._observer: Callable[[str, str], None] | None = None
        self._failures = 0
        self._failed_at = 0.0

    def observe(self, observer: Callable[[str, str], None]) -> None:
        """Call `observer` with the method and the outcome of every call from now on."""
        self._observer = observer

    def failing(self) -> bool:
        """Whether Slack has not been answering lately."""
        return self._failures >= FAILURES and time.monotonic() - self._failed_at < FORGET_SECONDS

    def trace_config(self) -> aiohttp.TraceConfig:
        """Return the trace configuration that counts the calls of a session."""
        config = aiohttp.TraceConfig()
        config.on_request_end.append(self._ended)
        config.on_request_exception.append(self._failed)
        return config

    async def _ended(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        status = end.response.status
        if status == 429:
            self._note(end.url, CallOutcome.RATELIMITED)
        else:
            self._note(end.url, CallOutcome.FAILED if status >= 500 else CallOutcome.ANSWERED)

    async def _failed(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestExceptionParams
    ) -> None:
        self._note(end.url, CallOutcome.NO_ANSWER)

    def _note(self, url: URL, outcome: CallOutcome) -> None:
        if outcome in (CallOutcome.FAILED, CallOutcome.NO_ANSWER):
            self._failures += 1
            self._failed_at = time.monotonic()
        elif outcome is CallOutcome.ANSWERED:
            self._failures = 0
        if self._observer is not None:
            self._observer(method_at(url), outcome)


def method_at(url: URL) -> str:
    """Return the method that an address belongs to; "other" for what is none of the bot's."""
    path = url.path
    if "/api/" in path:
        name = path.rpartition("/api/")[2]
        return name if name in METHODS else OTHER
    return UPLOAD if "/upload/" in path else RESPONSE_URL
