"""Traces for OpenTelemetry, when a collector is configured; else nothing of it is imported and nothing is measured.

A trace is one request from Slack; its child spans are database transactions, calls to Slack, and connection tests with
their stages. An attribute is a name from a fixed list, a reference, or a number; never what people typed, who they
are, or an address.

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

from bot.observability.log import Outcome, ReportEnd
from bot.observability.metrics import Metrics, installed_version
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
async def open_traces(environment: Mapping[str, str]) -> AsyncIterator["Traces | None"]:
    """Yield traces and flush them when the block ends; yield None when no collector is set or the extra is missing."""
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
        await _flush(provider)


def _provider() -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    ours = {"service.name": "email-profile-bot", "service.version": installed_version()}
    resource = Resource.create(ours).merge(OTELResourceDetector().detect())
    # At exit it would wait for a silent collector a second time.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    # It exports in a thread of its own, and drops what does not fit into its queue.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


async def _flush(provider: "TracerProvider") -> None:
    """Send the last spans; what the collector does not accept in time is lost."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def shut_down() -> None:
        provider.shutdown()
        # The loop may have been closed meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(done.set)

    # A thread of the loop's own would be waited for when the loop ends, however long it takes.
    threading.Thread(target=shut_down, name="flushing traces", daemon=True).start()
    try:
        async with asyncio.timeout(FLUSH_SECONDS):
            await done.wait()
    except TimeoutError:
        log.warning("The collector did not take the last traces within %.0f s.", FLUSH_SECONDS)


class Traces:
    """Spans of what one process does."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import trace  # noqa: PLC0415

        self._tracer = provider.get_tracer(__name__)
        self._current = trace.get_current_span
        self._in = trace.set_span_in_context
        self._error = trace.Status(trace.StatusCode.ERROR)

    def follow(self, database: Database, metrics: Metrics) -> None:
        """Record spans of transactions and connection tests from now on."""
        database.observe(self.transaction)
        metrics.observe_tests(self.connection_test)

    def slack_calls(self) -> aiohttp.TraceConfig:
        """Return the configuration with which an aiohttp session records its calls to Slack as spans."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(_note_start)
        config.on_request_end.append(self._called)
        config.on_request_exception.append(self._called)
        return config

    @contextmanager
    def request(self) -> Iterator[ReportEnd]:
        """Record the block, in which a request is served, as a span; yields the function that takes how it ended."""
        # An exception's text may hold secrets, so it is never recorded.
        with self._tracer.start_as_current_span(
            "request", record_exception=False, set_status_on_exception=False
        ) as span:

            def report_end(command: str, outcome: Outcome, reference: str) -> None:
                span.update_name(command)
                span.set_attributes({"command": command, "outcome": str(outcome), "reference": reference})
                if outcome is Outcome.FAILED:
                    span.set_status(self._error)

            yield report_end

    def transaction(self, ended: str, seconds: float) -> None:
        """Record a transaction that ended just now."""
        self._record("database transaction", seconds, {"ended": ended})

    async def _called(
        self,
        _session: aiohttp.ClientSession,
        call: SimpleNamespace,
        end: aiohttp.TraceRequestEndParams | aiohttp.TraceRequestExceptionParams,
    ) -> None:
        method = _METHOD.fullmatch(end.url.path)
        name = method[1] if method else "another address"
        status = {"status": end.response.status} if isinstance(end, aiohttp.TraceRequestEndParams) else {}
        self._record(f"Slack {name}", time.monotonic() - call.began, {"method": name, **status})

    def connection_test(self, report: Report) -> None:
        """Record a connection test that ended just now, with a child span for each stage that took time."""
        failed = report.failed_stage
        ended = {"ended": str(failed.name) if failed else "passed"}
        parent = self._record("connection test", report.seconds, ended)
        if parent is None:
            return
        began = time.time_ns() - _nanoseconds(report.seconds)
        for stage in report.stages:
            if stage.seconds is not None:
                until = began + _nanoseconds(stage.seconds)
                outcome = {"outcome": str(stage.outcome)}
                self._tracer.start_span(str(stage.name), parent, attributes=outcome, start_time=began).end(until)
                began = until

    def _record(self, name: str, seconds: float, attributes: "Mapping[str, AttributeValue]") -> "Context | None":
        """Record what ended just now, and return the context for its child spans; None outside any request."""
        if not self._current().get_span_context().is_valid:
            return None
        until = time.time_ns()
        span = self._tracer.start_span(name, attributes=attributes, start_time=until - _nanoseconds(seconds))
        span.end(until)
        return self._in(span)


async def _note_start(
    _session: aiohttp.ClientSession, call: SimpleNamespace, _start: aiohttp.TraceRequestStartParams
) -> None:
    call.began = time.monotonic()


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
