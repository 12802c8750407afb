"""Metrics in the Prometheus text format; labels come from fixed lists, never from what people type.

Every series, with its labels and what it counts:

| series | labels | counts |
|---|---|---|
| `email_profile_bot_build_info` | `version` | 1, for the version that runs |
| `email_profile_bot_slack_requests_total` | `kind` | requests by their kind; those without a signature are "other" |
| `email_profile_bot_request_seconds` | `command`, `outcome` | how requests ended, and how long they took |
| `email_profile_bot_ack_seconds` | `way` | how long Slack waited for its answer, over http or socket |
| `email_profile_bot_connection_test_seconds` | `ended` | connection tests: passed, or the stage that failed |
| `email_profile_bot_connection_test_stages_total` | `stage`, `outcome` | how the stages of tests ended |
| `email_profile_bot_jobs_running` | | background jobs under way now |
| `email_profile_bot_database_connections` | | connections to the database in use now |
| `email_profile_bot_database_connections_kept` | | connections to the database that are kept open at most |
| `email_profile_bot_socket_mode_connected` | | 1 while Socket Mode works; not there over HTTP |
| `email_profile_bot_slack_calls_total` | `method`, `outcome` | calls to Slack by how they ended |
| `email_profile_bot_degraded` | `state` | 1 while draining, socket_mode, database, keys, slack, outbox, policies |
| `email_profile_bot_unreadable_policies` | | workspaces whose defaults and allowed servers cannot be read |
| `email_profile_bot_token_renewals_total` | `ended` | renewals of Slack tokens: renewed, refused, failed |
| `email_profile_bot_notices_total` | `kind`, `ended` | messages to people about what others did, by how they ended |
| `email_profile_bot_notice_wait_seconds` | | how long the oldest message that is not sent yet has been waiting |
| `email_profile_bot_sends_total` | `outcome` | letters of programs: taken, refused, try_later, unknown, not_ready |
| `email_profile_bot_send_added_seconds` | | what we added to the time that providers took over letters |
| `email_profile_bot_send_sign_ins_total` | `ended` | sign-ins for letters: accepted, refused, failed |
| `email_profile_bot_letters` | `state` | letters on their way now: sending, waiting for a place |
| `email_profile_bot_letter_bytes` | | bytes of letters in memory now |
| `email_profile_bot_connections_closed_total` | `why` | connections closed by us: late, crowded, unread |
| `email_profile_bot_submission_connections` | | connections of programs to the submission server now |
| `email_profile_bot_submission_sessions_total` | `ended` | connections of programs that are gone, by how they ended |
| `email_profile_bot_submission_sign_ins_total` | `ended` | sign-ins of programs, by how they ended |
| `email_profile_bot_records` | `key` | sealed records by key id, or "unknown"; counted once a minute |
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from bot.smtp.account import Account, Outgoing
from bot.smtp.check.report import Report
from bot.smtp.check.tester import ConnectionTester
from storage.database import Database

log = logging.getLogger(__name__)

# A loopback test takes milliseconds, a hanging one the whole of SMTP_TIMEOUT.
_TEST_SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30)

# Slack waits 3 s for an answer.
_REQUEST_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3)

# One round trip to the database, and none to the provider.
_ADDED_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)

RECORDS_SECONDS = 60.0
"""How long a count of records is reused; counting reads every table of records."""

_COUNT_TIMEOUT_SECONDS = 2.0
"""How long a scrape waits for the count of records."""

SENDS_ENDED = ("taken", "refused", "try_later", "unknown", "not_ready")
"""What becomes of letters of programs."""

CLOSED_BECAUSE = ("late", "crowded", "unread")
"""Why connections are closed by us."""

SUBMISSION_SESSIONS_ENDED = ("quit", "lost", "late", "crowded", "refused", "stopped", "failed")
"""How connections of programs end."""

SUBMISSION_SIGN_INS_ENDED = ("signed_in", "wrong", "too_many", "failed", "abandoned")
"""How sign-ins of programs end."""

Way = Literal["http", "socket"]


class Metrics:
    """The metrics of one bot, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._updates: list[Callable[[], Awaitable[None]]] = []
        self._test_observers: list[Callable[[Report], None]] = []
        info = Info("email_profile_bot_build", "The version that runs", registry=self.registry)
        info.info({"version": installed_version()})
        self._requests = self._counter(
            "slack_requests", "Requests from Slack, by kind (a command's name or the payload's type)", "kind"
        )
        about = "Requests by command (or the payload's type) and outcome, until the answer was ready"
        self._outcomes = self._histogram("request_seconds", about, "command", "outcome", buckets=_REQUEST_SECONDS)
        about = "Time from a request's arrival until Slack has its answer, by way"
        self._acks = self._histogram("ack_seconds", about, "way", buckets=_REQUEST_SECONDS)
        about = "Connection tests by where they ended (passed, or the stage that failed)"
        self._tests = self._histogram("connection_test_seconds", about, "ended", buckets=_TEST_SECONDS)
        about = "Stages of connection tests by how they ended"
        self._stages = self._counter("connection_test_stages", about, "stage", "outcome")
        self._jobs = self._gauge("jobs_running", "Background jobs under way now")
        about = "Calls to Slack by method and how they ended, as far as the connection tells"
        self._calls = self._counter("slack_calls", about, "method", "outcome")
        self._renewals = self._counter(
            "token_renewals", "Renewals of Slack tokens by how they ended (renewed, refused, failed)", "ended"
        )
        about = "Messages to people about what others did, by kind and how they ended (sent, refused, dropped, lost)"
        self._notices = self._counter("notices", about, "kind", "ended")
        about = "Connections closed because a request or its answer came to no end, by why (late, crowded, unread)"
        self._closed = self._counter("connections_closed", about, "why")
        self._submission_connections = self._gauge("submission_connections", "Connections of programs now")
        about = "Connections of programs that are gone, by how they ended"
        self._submission_sessions = self._counter("submission_sessions", about, "ended")
        about = "Sign-ins of programs by how they ended"
        self._submission_sign_ins = self._counter("submission_sign_ins", about, "ended")
        about = "Letters of programs by what became of them (taken, refused, try_later, unknown, not_ready)"
        self._sends = self._counter("sends", about, "outcome")
        about = "Time that we added to what providers took over letters"
        self._added = self._histogram("send_added_seconds", about, buckets=_ADDED_SECONDS)
        about = "Sign-ins at providers for letters of programs by how they ended (accepted, refused, failed)"
        self._send_sign_ins = self._counter("send_sign_ins", about, "ended")
        # Prometheus sees an increase from zero to one, but none when a series appears with one.
        for ended in ("renewed", "refused", "failed"):
            self._renewals.labels(ended=ended)
        for outcome in SENDS_ENDED:
            self._sends.labels(outcome=outcome)
        for ended in ("accepted", "refused", "failed"):
            self._send_sign_ins.labels(ended=ended)
        for why in CLOSED_BECAUSE:
            self._closed.labels(why=why)
        for ended in SUBMISSION_SESSIONS_ENDED:
            self._submission_sessions.labels(ended=ended)
        for ended in SUBMISSION_SIGN_INS_ENDED:
            self._submission_sign_ins.labels(ended=ended)
        for kind, ended in product(
            (
                *("changed", "deleted", "form_tested", "message", "reminder", "batch", "locked", "refused"),
                *("program_removed", "program_in_network", "other"),
            ),
            ("sent", "refused", "dropped", "lost"),
        ):
            self._notices.labels(kind, ended)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"email_profile_bot_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"email_profile_bot_{name}", about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, *labels: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"email_profile_bot_{name}", about, labels, buckets=buckets, registry=self.registry)

    def count_slack_call(self, method: str, outcome: str) -> None:
        """Count one call to Slack."""
        self._calls.labels(method, outcome).inc()

    def observe_request(self, command: str, outcome: str, seconds: float) -> None:
        """Count one request, and observe how long it took until its answer was ready."""
        self._requests.labels(kind=command).inc()
        self._outcomes.labels(command, outcome).observe(seconds)

    def observe_ack(self, way: Way, seconds: float) -> None:
        """Observe how long Slack waited for one answer."""
        self._acks.labels(way).observe(seconds)

    def count_test(self, report: Report) -> None:
        """Count one finished connection test and its stages."""
        failed = report.failed_stage
        self._tests.labels(ended=failed.name if failed else "passed").observe(report.seconds)
        for stage in report.stages:
            self._stages.labels(stage=stage.name, outcome=stage.outcome).inc()
        for observer in self._test_observers:
            observer(report)

    def observe_tests(self, observer: Callable[[Report], None]) -> None:
        """Call `observer` with the report of every connection test from now on."""
        self._test_observers.append(observer)

    def count_token_renewal(self, ended: str) -> None:
        """Count one renewal of a token by how it ended."""
        self._renewals.labels(ended=ended).inc()

    def count_notice(self, kind: str, ended: str) -> None:
        """Count one message to a person by how it ended."""
        self._notices.labels(kind, ended).inc()

    def count_closed(self, why: str) -> None:
        """Count one connection that was closed, `why` being one of CLOSED_BECAUSE."""
        self._closed.labels(why=why).inc()

    def count_submission_session(self, ended: str) -> None:
        """Count one connection of a program that is gone, `ended` being one of SUBMISSION_SESSIONS_ENDED."""
        self._submission_sessions.labels(ended=ended).inc()

    def count_submission_sign_in(self, ended: str) -> None:
        """Count one sign-in of a program, `ended` being one of SUBMISSION_SIGN_INS_ENDED."""
        self._submission_sign_ins.labels(ended=ended).inc()

    def watch_submission(self, sessions: Callable[[], int]) -> None:
        """Read the number of connections of programs from `sessions` at each scrape."""
        self._submission_connections.set_function(sessions)

    def observe_send(self, outcome: str, added: float | None) -> None:
        """Count one letter by what became of it, and observe the seconds that we added to it, where that is known."""
        self._sends.labels(outcome=outcome.replace(" ", "_")).inc()
        if added is not None:
            self._added.observe(added)

    def count_send_sign_in(self, ended: str) -> None:
        """Count one sign-in for letters by how it ended."""
        self._send_sign_ins.labels(ended=ended).inc()

    def watch_letters(self, sending: Callable[[], int], waiting: Callable[[], int], held: Callable[[], int]) -> None:
        """Read at each scrape how many letters are on their way or wait for a place, and the bytes that they hold."""
        letters = self._gauge("letters", "Letters of programs on their way now, by state (sending, waiting)", "state")
        letters.labels(state="sending").set_function(sending)
        letters.labels(state="waiting").set_function(waiting)
        self._gauge("letter_bytes", "Bytes of letters in memory now").set_function(held)

    def watch_jobs(self, running: Callable[[], int]) -> None:
        """Read the number of jobs from `running` at each scrape."""
        self._jobs.set_function(running)

    def watch_database(self, database: Database) -> None:
        """Read the number of connections at each scrape, and count the records once a minute."""
        used = self._gauge("database_connections", "Database connections in use now")
        kept = self._gauge("database_connections_kept", "Database connections kept open at most")
        used.set_function(lambda: database.connections().used)
        kept.set_function(lambda: database.connections().kept)
        self._updates.append(RecordCount(database, self.registry).update)
        self._updates.append(OldestNotice(database, self.registry).update)

    def watch_health(self, states: Iterable[str], faults: Callable[[], Awaitable[Collection[str]]]) -> None:
        """Read from `faults` at each scrape which of `states` apply."""
        gauge = self._gauge("degraded", "Whether something is the matter: 1 for each state that is", "state")

        async def update() -> None:
            found = await faults()
            for state in states:
                gauge.labels(state=state).set(state in found)

        self._updates.append(update)

    def watch_workspaces(self, unreadable: Callable[[], int]) -> None:
        """Read from `unreadable` at each scrape of how many workspaces the defaults and allowed servers are not."""
        gauge = self._gauge("unreadable_policies", "Workspaces whose defaults and allowed servers cannot be read")
        gauge.set_function(unreadable)

    def watch_socket(self, connected: Callable[[], Awaitable[bool]]) -> None:
        """Read from `connected` at each scrape whether Socket Mode works."""
        gauge = self._gauge("socket_mode_connected", "Whether Socket Mode is connected")

        async def update() -> None:
            gauge.set(await connected())

        self._updates.append(update)

    async def text(self) -> bytes:
        """Return all metrics in the Prometheus text format, as UTF-8."""
        for update in self._updates:
            await update()
        return generate_latest(self.registry)


class RecordCount:
    """The number of records that each key seals."""

    def __init__(self, database: Database, registry: CollectorRegistry) -> None:
        self._database = database
        self._gauge = Gauge(
            "email_profile_bot_records",
            "Sealed records by key id, the same on every instance; keys that are not configured are unknown",
            ["key"],
            registry=registry,
        )
        self._due = 0.0

    async def update(self) -> None:
        """Count again when the last count is old; while the database does not answer, the last count is kept."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + RECORDS_SECONDS
        try:
            async with asyncio.timeout(_COUNT_TIMEOUT_SECONDS):
                usage = await self._database.key_usage()
        except Exception as error:  # noqa: BLE001 - whatever the driver raised, the other metrics can be read
            log.warning("The records could not be counted (%s).", type(error).__name__)
            return
        known = set(self._database.key_ids)
        counts = dict.fromkeys((*self._database.key_ids, "unknown"), 0)
        for key_id, count in usage.items():
            counts[key_id if key_id in known else "unknown"] += count
        self._gauge.clear()
        for key_id, count in counts.items():
            self._gauge.labels(key=key_id).set(count)


class OldestNotice:
    """How long the oldest message to a person that is not sent yet has been waiting."""

    def __init__(self, database: Database, registry: CollectorRegistry) -> None:
        self._database = database
        self._gauge = Gauge(
            "email_profile_bot_notice_wait_seconds",
            "How long the oldest message to a person that is not sent yet has been waiting, the same on every instance",
            registry=registry,
        )

    async def update(self) -> None:
        """Ask again; while the database does not answer, the last value is kept."""
        try:
            async with asyncio.timeout(_COUNT_TIMEOUT_SECONDS), self._database.reading() as tx:
                self._gauge.set(await tx.outbox.oldest_seconds())
        except Exception as error:  # noqa: BLE001 - whatever the driver raised, the other metrics can be read
            log.warning("The messages that wait could not be counted (%s).", type(error).__name__)


@cache
def installed_version() -> str:
    """Return the installed version; "unknown" when the source runs without having been installed."""
    try:
        return version("email-profile-bot")
    except PackageNotFoundError:
        return "unknown"


class CountingTester:
    """Wraps a connection tester and counts its tests."""

    def __init__(self, tester: ConnectionTester, metrics: Metrics) -> None:
        self._tester = tester
        self._metrics = metrics

    async def test(self, account: Account, progress: Callable[[Report], None]) -> Report:
        """Test as the wrapped tester does, and count the test."""
        report = await self._tester.test(account, progress)
        self._metrics.count_test(report)
        return report

    async def send(self, account: Account, outgoing: Outgoing, progress: Callable[[Report], None]) -> Report:
        """Test and send as the wrapped tester does, and count the test."""
        report = await self._tester.send(account, outgoing, progress)
        self._metrics.count_test(report)
        return report
