"""How many calls Slack takes, and how long it asks to wait after one too many.

https://docs.slack.dev/apis/web-api/rate-limits: tiers of methods, calls a minute; chat.postMessage about one a second
in a channel, and several hundred a minute in a workspace; webhooks one a second.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """So many calls within so many seconds."""

    calls: int
    seconds: float


TIER_2, TIER_3, TIER_4 = Rate(20, 60), Rate(50, 60), Rate(100, 60)

METHODS: Mapping[str, Rate] = {
    "chat.postEphemeral": TIER_4,
    "chat.update": TIER_3,
    "files.completeUploadExternal": TIER_4,
    "files.getUploadURLExternal": TIER_4,
    "users.info": TIER_4,
    "users.list": TIER_2,
    "views.open": TIER_4,
    "views.publish": TIER_4,
    "views.push": TIER_4,
    "views.update": TIER_4,
}
"""The tier of each method, as its own page tells it (https://docs.slack.dev/reference/methods)."""

ALWAYS = {"users.list": TIER_2}
"""What is limited in every workspace; a program that reads all people is expected to keep to it."""

MESSAGES_IN_A_CHANNEL = Rate(1, 1)
MESSAGES_IN_A_ROW = Rate(20, 4)
"""Messages of the whole workspace: 300 a minute, of which so many may come in a row."""

ANSWERS = Rate(1, 1)
"""Posts at one response_url."""


class RateLimitedError(Exception):
    """One call too many; `seconds` is how long to wait before the next."""

    def __init__(self, seconds: float) -> None:
        super().__init__("ratelimited")
        self.seconds = seconds


class Pace:
    """Counts calls by name; `clock` returns seconds since 1970.

    Only `ALWAYS` is limited at first: tests type and press a hundred times as fast as people, and a limit of calls a
    minute would strike whatever they look into. `keep` limits the rest as Slack does.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._methods: Mapping[str, Rate] = ALWAYS
        self._limits_messages = False
        self._calls: dict[tuple[str, Rate], deque[float]] = {}

    def keep(self) -> None:
        """Limit every method, messages and response_urls from now on."""
        self._methods = METHODS
        self._limits_messages = True

    def count_call(self, method: str) -> None:
        """Count a call; one too many is not counted.

        Raises:
            RateLimitedError: it is one too many.
        """
        if rate := self._methods.get(method):
            self._count((method, rate))

    def count_message(self, channel: str) -> None:
        """Count a message to a channel; raises as `count_call` does."""
        if self._limits_messages:
            self._count((channel, MESSAGES_IN_A_CHANNEL), ("", MESSAGES_IN_A_ROW))

    def count_answer(self, address: str) -> None:
        """Count a post at a response_url; raises as `count_call` does."""
        if self._limits_messages:
            self._count((address, ANSWERS))

    def _count(self, *limits: tuple[str, Rate]) -> None:
        now = self._clock()
        wait = 0.0
        for limit in limits:
            calls, (_, rate) = self._calls.setdefault(limit, deque()), limit
            while calls and calls[0] <= now - rate.seconds:
                calls.popleft()
            if len(calls) >= rate.calls:
                wait = max(wait, calls[0] + rate.seconds - now)
        if wait:
            raise RateLimitedError(wait)
        for limit in limits:
            self._calls[limit].append(now)
