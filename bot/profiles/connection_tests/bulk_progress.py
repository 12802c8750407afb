"""How far a test of many profiles is: counted by cause, with what it waits for and how long it will still take."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.profiles.account.failures import Failure, interpreted_failure
from bot.profiles.account.fixes import FIXES_FOR_MANY, ProposedFix
from bot.profiles.connection_tests.limits import TESTS_OF_A_TARGET_IN_BULK, RateLimitedError
from bot.profiles.connection_tests.results import ConnectionTestResult
from bot.profiles.connection_tests.run_results import FailureGroup, RunResult

CONCURRENT_TESTS = 8
"""Tests of one run under way at once: fast enough for three hundred people, and no flood."""

CONCURRENT_TESTS_OF_A_SERVER = 4
"""Of these, on one server: some servers take ten connections from one address, and members come first."""

USUAL_TEST_SECONDS = 2.0
"""For one test, before any of a run was measured: names are looked up, a connection is made, one signs in."""


@dataclass(frozen=True, kw_only=True)
class ProfileToTest:
    """Somebody to be tested, with the server and the login that their profile named when the run began."""

    user: str
    host: str
    port: int
    login: str


@dataclass(frozen=True, kw_only=True)
class Wait:
    """What a run waits for: the pace of a server, and until when; `until` is aware UTC."""

    server: str
    sentence: str
    until: datetime


@dataclass(kw_only=True)
class ServerQueue:
    """The tests of a run on one server; times are those of `time.monotonic`."""

    server: str
    remaining: list[ProfileToTest]
    under_way: int = 0
    resumes_at: float = 0.0
    limited: str = ""

    def hold(self, error: RateLimitedError) -> None:
        """Wait until a limit lets the next test begin."""
        self.resumes_at = time.monotonic() + error.wait
        self.limited = error.limit.sentence

    def pause(self) -> float:
        """Return how many seconds the next test has to wait."""
        return max(self.resumes_at - time.monotonic(), 0.0)

    def seconds_left(self, of_one_test: float) -> float:
        """Return how long the tests still take, when one takes so many seconds and the pace is kept."""
        left = len(self.remaining) + self.under_way
        working = left * of_one_test / CONCURRENT_TESTS_OF_A_SERVER
        (limit,) = TESTS_OF_A_TARGET_IN_BULK
        windows = max(len(self.remaining) - 1, 0) // limit.max_uses
        return max(working, self.pause() + windows * limit.window_seconds)

    def wait(self) -> Wait | None:
        """Return what the next test waits for; None when it may begin."""
        pause = self.pause()
        if not (self.remaining or self.under_way) or pause <= 0:
            return None
        until = datetime.now(UTC) + timedelta(seconds=pause)
        return Wait(server=self.server, sentence=self.limited, until=until)


def queues_of(people: Sequence[ProfileToTest]) -> list[ServerQueue]:
    """Return the queues of a run, one a server, each with its people in their order."""
    queues: dict[str, ServerQueue] = {}
    for one in people:
        server = f"{one.host}:{one.port}"
        queues.setdefault(server, ServerQueue(server=server, remaining=[])).remaining.append(one)
    return list(queues.values())


@dataclass(kw_only=True)
class _Group:
    failure: Failure
    users: list[str] = field(default_factory=list)
    fixes: dict[tuple[ProposedFix, int], list[str]] = field(default_factory=dict)
    """Whom each fix fits, by the fix and the port on which they were tested: a button names that too."""

    def result(self) -> FailureGroup:
        best = max(self.fixes, key=lambda one: len(self.fixes[one]), default=None)
        fix, port = best or (None, 0)
        return FailureGroup(
            stage=self.failure.stage,
            cause=self.failure.cause,
            port=port,
            users=tuple(self.users),
            fix=fix,
            fits=tuple(self.fixes[best]) if best else (),
        )


@dataclass(kw_only=True)
class BulkProgress:
    """A run so far. `queues` is empty while nothing is tested."""

    total: int
    passed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    queues: Sequence[ServerQueue] = ()
    _groups: dict[str, _Group] = field(default_factory=dict)
    _tested: int = 0
    _seconds: float = 0.0

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(len(group.users) for group in self._groups.values())

    @property
    def done(self) -> int:
        """How many were tested or skipped."""
        return self.passed + self.failed + self.skipped.total()

    def add(self, user: str, tested: ConnectionTestResult, *, seconds: float = 0.0) -> None:
        """Count one finished test that took so many seconds."""
        self._tested, self._seconds = self._tested + 1, self._seconds + seconds
        failure = interpreted_failure(tested.report, tested.advice, tested.account)
        if failure is None:
            self.passed += 1
            return
        group = self._groups.setdefault(failure.cause, _Group(failure=failure))
        group.users.append(user)
        for fix in tested.fixes:
            if fix.kind in FIXES_FOR_MANY:
                group.fixes.setdefault((fix, tested.report.port), []).append(user)

    def skip(self, reason: str) -> None:
        """Count somebody who was not tested."""
        self.skipped[reason] += 1

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes, from what was measured; None before anything was."""
        if not self._tested:
            return None
        return self._seconds_left(self._seconds / self._tested)

    @property
    def expected_seconds(self) -> float:
        """How long the rest usually takes, before anything was measured."""
        return self._seconds_left(USUAL_TEST_SECONDS)

    @property
    def waits(self) -> list[Wait]:
        """What the run waits for now, the longest wait first."""
        waits = [wait for queue in self.queues if (wait := queue.wait()) is not None]
        return sorted(waits, key=lambda wait: wait.until, reverse=True)

    def result(self, *, cancelled: bool = False) -> RunResult:
        """Return what was found so far, the largest group first."""
        groups = sorted((group.result() for group in self._groups.values()), key=lambda group: -len(group.users))
        return RunResult(
            total=self.total, passed=self.passed, groups=tuple(groups), skipped=dict(self.skipped), cancelled=cancelled
        )

    def _seconds_left(self, of_one_test: float) -> float:
        at_once = (self.total - self.done) * of_one_test / CONCURRENT_TESTS
        return max([at_once, *(queue.seconds_left(of_one_test) for queue in self.queues)])
