"""What the bot counts, in its own registry; labels come from fixed lists, never from what people type."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bot.smtp.account import Account
from bot.smtp.check import Tester
from bot.smtp.envelope import Outgoing
from bot.smtp.report import Report

# A loopback test takes milliseconds, a hanging one the whole of SMTP_TIMEOUT.
_TEST_SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30)


class Metrics:
    """The bot's counters; `text()` is the Prometheus text format."""

    def __init__(self) -> None:
        """Register every metric in a registry of its own."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "email_profile_bot_slack_requests",
            "Requests from Slack, by kind (a command's name or the payload's type)",
            ["kind"],
            registry=self.registry,
        )
        self._tests = Histogram(
            "email_profile_bot_connection_test_seconds",
            "Connection tests by where they ended (passed, or the stage that failed)",
            ["ended"],
            buckets=_TEST_SECONDS,
            registry=self.registry,
        )
        self._jobs = Gauge("email_profile_bot_jobs_running", "Background jobs under way now", registry=self.registry)

        self._renewals = Counter(
            "email_profile_bot_token_renewals",
            "Renewals of Slack tokens by how they ended (renewed, refused, failed)",
            ["ended"],
            registry=self.registry,
        )

    def count_request(self, kind: str) -> None:
        """Count one request from Slack."""
        self._requests.labels(kind=kind).inc()

    def count_test(self, report: Report) -> None:
        """Count one finished connection test."""
        failed = report.failed_stage
        self._tests.labels(ended=failed.name if failed else "passed").observe(report.seconds)

    def count_token_renewal(self, ended: str) -> None:
        """Count one renewal of a token by how it ended."""
        self._renewals.labels(ended=ended).inc()

    def watch_jobs(self, running: Callable[[], int]) -> None:
        """Ask `running` for the number of jobs whenever the metrics are read."""
        self._jobs.set_function(running)

    def text(self) -> bytes:
        """Give all metrics in the Prometheus text format, UTF-8."""
        return generate_latest(self.registry)


class CountingTester:
    """A connection tester that counts what the one inside it finds."""

    def __init__(self, tester: Tester, metrics: Metrics) -> None:
        """Wrap `tester`."""
        self._tester = tester
        self._metrics = metrics

    async def test(self, account: Account, progress: Callable[[Report], None]) -> Report:
        """Test as the wrapped tester does, and count the result."""
        report = await self._tester.test(account, progress)
        self._metrics.count_test(report)
        return report

    async def send(self, account: Account, outgoing: Outgoing, progress: Callable[[Report], None]) -> Report:
        """Test and send as the wrapped tester does, and count the result."""
        report = await self._tester.send(account, outgoing, progress)
        self._metrics.count_test(report)
        return report
