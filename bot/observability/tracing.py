"""Traces for OpenTelemetry, where they are wanted; where not, nothing of it is imported and nothing is measured.

A trace is one request of Slack's: below it stand its database transactions, its calls of Slack, and its connection
tests with their stages. An attribute is a name of a fixed list, a reference, or a number; never what people typed, who
they are, or an address.

The collector's address and everything else is set by OpenTelemetry's own variables
(https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
"""

import asyncio
import logging
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING

import aiohttp

from bot.observability.metrics import Metrics, version_here
from bot.observability.request import Outcome, ReportEnd
from bot.smtp.check.report import Report
from storage.database import Database

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

log = logging.getLogger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Either of them turns traces on."""

FLUSH_SECONDS = 3.0
"""How long a stop waits for the collector to take the last spans."""

_METHOD = re.compile(r"/api/([a-zA-Z]+(?:\.[a-zA-Z]+)+)")
"""A method of Slack's Web API; other addresses hold ids and secrets."""


@asynccontextmanager
async def wanted(environment: Mapping[str, str]) -> AsyncIterator["Traces | None"]:
    """Give traces until the block ends, and flush them then; None where none are wanted or can be had."""
    named = next((name for name in ENDPOINTS if environment.get(name)), None)
    if named is None:
        yield None
        return
    try:
        provider = _provider()
    except ImportError:
        log.warning("%s is set, but there are no traces without the extra email-profile-bot[otel].", named)
        yield None
        return
    try:
        yield Traces(provider)
    finally:
        await _flushed(provider)


def _provider() -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    ours = {"service.name": "email-profile-bot", "service.version": version_here()}
    resource = Resource.create(ours).merge(OTELResourceDetector().detect())
    # At the exit it would wait for a silent collector once more.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    # It exports in a thread of its own, and drops what does not fit into its queue.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


async def _flushed(provider: "TracerProvider") -> None:
    """Let the last spans go; a collector that does not take them in time loses them."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def flush() -> None:
        provider.shutdown()
        # A loop that has ended meanwhile waits for nothing.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(done.set)

    # The loop's own threads would be waited for at its end, however long they take.
    threading.Thread(target=flush, name="flushing traces", daemon=True).start()
    try:
        async with asyncio.timeout(FLUSH_SECONDS):
            await done.wait()
    except TimeoutError:
        log.warning("The collector did not take the last traces within %.0f s.", FLUSH_SECONDS)


class Traces:
    """Spans of what one process does."""

    def __init__(self, provider: "TracerProvider") -> None:
        """Make spans with `provider`."""
        from opentelemetry import trace  # noqa: PLC0415

        self._tracer = provider.get_tracer(__name__)
        self._current = trace.get_current_span
        self._in = trace.set_span_in_context
        self._error = trace.Status(trace.StatusCode.ERROR)

    def follow(self, database: Database, metrics: Metrics) -> None:
        """Make spans of transactions and connection tests; before any of them is under way."""
        database.observe(self.transaction)
        metrics.tell_of_tests(self.connection_test)

    def slack_calls(self) -> aiohttp.TraceConfig:
        """Make what an aiohttp session needs so that its calls of Slack become spans."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(_note_beginning)
        config.on_request_end.append(self._called)
        config.on_request_exception.append(self._called)
        return config

    @contextmanager
    def request(self) -> Iterator[ReportEnd]:
        """Make a span of the block, in which a request is served; what is given takes how it ended."""
        # An exception's text may be anything, so it is never recorded.
        with self._tracer.start_as_current_span(
            "request", record_exception=False, set_status_on_exception=False
        ) as span:

            def tell(command: str, outcome: Outcome, reference: str) -> None:
                span.update_name(command)
                span.set_attributes({"command": command, "outcome": str(outcome), "reference": reference})
                if outcome is Outcome.FAILED:
                    span.set_status(self._error)

            yield tell

    def transaction(self, ended: str, seconds: float) -> None:
        """Make a span of a transaction that ended just now."""
        self._ended("database transaction", seconds, {"ended": ended})

    async def _called(
        self,
        _session: aiohttp.ClientSession,
        call: SimpleNamespace,
        end: aiohttp.TraceRequestEndParams | aiohttp.TraceRequestExceptionParams,
    ) -> None:
        method = _METHOD.fullmatch(end.url.path)
        name = method[1] if method else "another address"
        status = {"status": end.response.status} if isinstance(end, aiohttp.TraceRequestEndParams) else {}
        self._ended(f"Slack {name}", time.monotonic() - call.began, {"method": name, **status})

    def connection_test(self, report: Report) -> None:
        """Make a span of a connection test that ended just now, with one below it for each stage that took time."""
        failed = report.failed_stage
        ended = {"ended": str(failed.name) if failed else "passed"}
        within = self._ended("connection test", report.seconds, ended)
        if within is None:
            return
        began = time.time_ns() - _nanoseconds(report.seconds)
        for stage in report.stages:
            if stage.seconds is not None:
                until = began + _nanoseconds(stage.seconds)
                outcome = {"outcome": str(stage.outcome)}
                self._tracer.start_span(str(stage.name), within, attributes=outcome, start_time=began).end(until)
                began = until

    def _ended(self, name: str, seconds: float, attributes: "Mapping[str, AttributeValue]") -> "Context | None":
        """Make a span of what ended just now; gives the context of what stands below it."""
        if not self._current().get_span_context().is_valid:
            # What the program does by itself belongs to no request.
            return None
        until = time.time_ns()
        span = self._tracer.start_span(name, attributes=attributes, start_time=until - _nanoseconds(seconds))
        span.end(until)
        return self._in(span)


async def _note_beginning(
    _session: aiohttp.ClientSession, call: SimpleNamespace, _start: aiohttp.TraceRequestStartParams
) -> None:
    call.began = time.monotonic()


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
