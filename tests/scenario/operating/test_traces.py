"""Traces, taken by a collector of our own: what is told of a request, and that nothing typed is; a stop never hangs."""

import ast
import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from bot.demo.mail import LOOPBACK, DemoAccount, DemoMail
from bot.demo.stand_in.workspace import Workspace
from bot.observability import tracing
from bot.observability.log import Outcome
from bot.slack.ids import ViewId
from storage.crypto.keyring import generate_key
from tests.deploy_files import ROOT
from tests.scenario.operating.test_canary import CANARY, LOGIN, leaks
from tests.scenario.operating.test_command_line import GOOD, slack
from tests.scenario.people import ADA, GRACE
from tests.scenario.starting import RunningProgram, running
from tests.store import Store

pytestmark = pytest.mark.databases("sqlite")

NAMES = {"command", "outcome", "reference", "ended", "method", "status"}


class LoopbackMail(DemoMail):
    """A mail server whose certificate is for its address, so that a real process reaches it without a name."""

    def renew(self, *, until: datetime) -> None:
        self._authority.issue_cert(str(LOOPBACK), not_after=until).configure_cert(self._tls)


class Collector:
    """Takes spans as OpenTelemetry's collector does; or never answers."""

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent
        self.address = ""
        self.taken: list[bytes] = []
        self.asked, self.over = asyncio.Event(), asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append(await request.read())
        self.asked.set()
        if self.silent:
            await self.over.wait()
        return web.Response(content_type="application/x-protobuf")

    def answer(self) -> None:
        """Answer from now on, and whoever waits."""
        self.silent = False
        self.over.set()

    @property
    def spans(self) -> list[Span]:
        parsed = [ExportTraceServiceRequest.FromString(body) for body in self.taken]
        return [span for one in parsed for each in one.resource_spans for of in each.scope_spans for span in of.spans]


@asynccontextmanager
async def collecting(*, silent: bool = False) -> AsyncIterator[Collector]:
    collector = Collector(silent=silent)
    application = web.Application()
    application.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        collector.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield collector
    finally:
        collector.answer()
        await runner.cleanup()


def told(span: Span) -> dict[str, str]:
    """A span's attributes."""
    return {each.key: each.value.string_value or str(each.value.int_value) for each in span.attributes}


@asynccontextmanager
async def traced(
    folder: Path, store: Store, collector: Collector, mail: DemoMail
) -> AsyncIterator[tuple[Workspace, RunningProgram]]:
    """The program in a process of its own, which sends its spans to the collector."""
    (folder / "authority.pem").write_bytes(mail.ca_pem)
    await mail.start()
    async with slack(mail) as workspace:
        given = {
            **GOOD,
            "ENCRYPTION_KEYS": generate_key(),
            "DATABASE_URL": store.url,
            "PORT": "0",
            "SLACK_API_URL": f"{workspace.base_url}/api/",
            "SMTP_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SMTP_ALLOWED_PORTS": str(mail.ports[587]),
            "SMTP_CA_FILE": str(folder / "authority.pem"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        try:
            async with running(folder, "run", given=given) as process:
                workspace.delivery.events_url = f"{await process.address()}/slack/events"
                yield workspace, process
        finally:
            await mail.stop()


async def live(workspace: Workspace, mail: DemoMail) -> None:
    """Set up a profile, test it, be refused something, and type what is none of ours."""
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    port = str(mail.ports[587])
    typed = {"User/Login": LOGIN, "Password": CANARY, "SMTP Server Address": str(LOOPBACK), "Port": port}
    for label, value in typed.items():
        await workspace.fill(ADA, label, value)
    assert await workspace.submit(ADA) == {}
    await workspace.command(ADA, "/email-extra", "add TLS Y")
    await workspace.command(ADA, "/email-test")
    await workspace.wait_message(ADA, "Connection test passed")
    await workspace.command(ADA, "/email-profile", f"list {CANARY}")
    await workspace.command(ADA, "/email-profile", f"show @grace {CANARY}")


async def test_a_request_is_one_trace_with_its_transactions_its_calls_and_its_test_stage_by_stage(
    tmp_path: Path, store: Store
) -> None:
    mail = LoopbackMail([DemoAccount(address=LOGIN, login=LOGIN, password=CANARY)])
    async with collecting() as collector, traced(tmp_path, store, collector, mail) as (workspace, process):
        await live(workspace, mail)
        assert await process.stop() == 0
        log = process.log
    spans = collector.spans
    by_id = {span.span_id: span for span in spans}
    (request,) = (span for span in spans if span.name == "/email-test test")
    assert told(request)["outcome"] == "ok"
    assert f"(reference {told(request)['reference']})" in log
    below = [span for span in spans if span.parent_span_id == request.span_id]
    assert {span.name for span in below} == {"database transaction", "connection test"}
    (test,) = (span for span in below if span.name == "connection test")
    assert told(test) == {"ended": "passed"}
    stages = [span for span in spans if span.parent_span_id == test.span_id]
    assert [span.name for span in stages] == ["Resolve", "Connect", "Greeting", "Encryption", "Sign-in", "Sender"]
    assert {span.name for span in spans} >= {
        "/email-profile edit",
        f"view_submission {ViewId.PROFILE}",
        "Slack views.open",
    }
    # What belongs to no request is told of by no span.
    assert all(span.parent_span_id == b"" or span.parent_span_id in by_id for span in spans)
    assert {told(span).get("outcome") for span in spans if not span.parent_span_id} >= {"ok", "told an error"}
    assert all(set(told(span)) <= NAMES and not span.events and not span.links for span in spans)
    everything = b"".join(collector.taken)
    assert leaks(everything) == []
    typed = (LOGIN, str(LOOPBACK), str(mail.ports[587]), ADA, GRACE, "T0DEMO", GOOD["SLACK_BOT_TOKEN"])
    assert [each for each in typed if each.encode() in everything] == []
    assert b"email-profile-bot" in everything


@pytest.fixture
async def silent(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    """A collector that takes a connection and never answers."""
    async with collecting(silent=True) as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        yield collector


async def test_a_collector_that_never_answers_is_given_up_at_the_stop(
    silent: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tracing, "FLUSH_SECONDS", 0.2)
    async with tracing.open_traces(os.environ) as traces:
        assert traces is not None
        for _ in range(3000):
            # More than the queue holds: what does not fit is dropped, and nobody waits.
            with traces.request() as tell:
                tell("/email-test test", Outcome.OK, "7F3A0B1C")
        await asyncio.wait_for(silent.asked.wait(), 30)
    assert "The collector did not take the last traces" in caplog.text
    assert len(silent.taken) == 1
    silent.answer()
    (flushing,) = (thread for thread in threading.enumerate() if thread.name == "flushing traces")
    await asyncio.to_thread(flushing.join, 30)


async def test_a_fault_of_the_program_marks_its_trace_and_tells_nothing_of_the_error(tmp_path: Path) -> None:
    async with collecting() as collector:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.address}/v1/traces")
            async with tracing.open_traces({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.address}) as traces:
                assert traces is not None
                with traces.request() as tell:
                    tell("/email-test", Outcome.FAILED, "7F3A0B1C")
                with pytest.raises(RuntimeError), traces.request():
                    raise RuntimeError(CANARY)
    assert [span.status.code for span in collector.spans] == [Status.STATUS_CODE_ERROR, Status.STATUS_CODE_UNSET]
    assert leaks(b"".join(collector.taken)) == []


async def test_without_the_extra_the_log_says_why_there_are_no_traces(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    async with tracing.open_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}) as traces:
        assert traces is None
    assert "email-profile-bot[otel]" in caplog.text


async def test_unasked_for_nothing_of_opentelemetry_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]:
        # Whoever imported it now would fail.
        monkeypatch.setitem(sys.modules, name, None)
    async with tracing.open_traces({}) as traces:
        assert traces is None
    for file in (file for room in ("bot", "storage") for file in (ROOT / room).rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            assert not (isinstance(node, ast.Import | ast.ImportFrom) and "opentelemetry" in ast.unparse(node)), file
