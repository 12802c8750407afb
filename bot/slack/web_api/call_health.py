"""The calls that the bot makes to Slack: how each ended, and whether Slack has been answering lately."""

import time
from collections.abc import Callable
from enum import StrEnum
from types import SimpleNamespace

import aiohttp
from yarl import URL

METHODS = frozenset(
    {
        "api.test",
        "apps.connections.open",
        "auth.teams.list",
        "auth.test",
        "chat.postEphemeral",
        "chat.postMessage",
        "chat.update",
        "files.completeUploadExternal",
        "files.getUploadURLExternal",
        "oauth.v2.access",
        "users.info",
        "users.list",
        "views.open",
        "views.publish",
        "views.push",
        "views.update",
    }
)
"""The methods of the Web API that the bot calls (https://docs.slack.dev/reference/methods)."""

UPLOAD = "files.upload"
RESPONSE_URL = "response_url"
OTHER = "other"

FAILURES = 3
"""So many failures, one after the other, say that Slack does not answer; fewer may be one lost connection."""

LATELY_SECONDS = 300.0
"""After so long without a call nothing is known of Slack."""


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
        """Know of no call yet."""
        self._observer: Callable[[str, str], None] | None = None
        self._failures = 0
        self._failed_at = 0.0

    def observe(self, observer: Callable[[str, str], None]) -> None:
        """Let `observer` know of the method and the outcome of every call from now on."""
        self._observer = observer

    def failing(self) -> bool:
        """Tell whether Slack has not been answering lately."""
        return self._failures >= FAILURES and time.monotonic() - self._failed_at < LATELY_SECONDS

    def watching(self) -> aiohttp.TraceConfig:
        """Make what a session needs to tell of its calls."""
        watching = aiohttp.TraceConfig()
        watching.on_request_end.append(self._ended)
        watching.on_request_exception.append(self._broke)
        return watching

    async def _ended(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, told: aiohttp.TraceRequestEndParams
    ) -> None:
        status = told.response.status
        if status == 429:
            self._note(told.url, CallOutcome.RATELIMITED)
        else:
            self._note(told.url, CallOutcome.FAILED if status >= 500 else CallOutcome.ANSWERED)

    async def _broke(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, told: aiohttp.TraceRequestExceptionParams
    ) -> None:
        self._note(told.url, CallOutcome.NO_ANSWER)

    def _note(self, url: URL, outcome: CallOutcome) -> None:
        if outcome in (CallOutcome.FAILED, CallOutcome.NO_ANSWER):
            self._failures += 1
            self._failed_at = time.monotonic()
        elif outcome is CallOutcome.ANSWERED:
            self._failures = 0
        if self._observer is not None:
            self._observer(method_at(url), outcome)


def method_at(url: URL) -> str:
    """Name the method that an address belongs to; what is none of the bot's is "other"."""
    path = url.path
    if "/api/" in path:
        name = path.rpartition("/api/")[2]
        return name if name in METHODS else OTHER
    return UPLOAD if "/upload/" in path else RESPONSE_URL
