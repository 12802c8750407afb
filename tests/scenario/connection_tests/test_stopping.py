"""A test that is cancelled at any step: it says QUIT where the server can take it, waits for nothing, tells how far."""

import asyncio
import re
import ssl
from dataclasses import dataclass, replace

import pytest

from bot.slack.views.report import stage_line
from bot.smtp.account import Encryption, Outgoing
from bot.smtp.check.report import Outcome, Report, StageName
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import LOGIN, PASSWORD, OneServerNetwork, ScriptedServer, Silence
from tests.scenario.connection_tests.testers import ACCOUNT, a_tester

# The connection test alone: it knows no database.
pytestmark = pytest.mark.databases()


@dataclass(frozen=True)
class Case:
    """Where the server falls silent; at which stage that is, and what is said and known when the test is stopped."""

    step: str
    stage: StageName
    says_quit: bool = False
    sign_in_refused: bool = False
    may_have_sent: bool = False
    pipelining: bool = False
    sends: bool = False

    @property
    def name(self) -> str:
        return f"{self.step}{' together' if self.pipelining else ''}"


CASES = (
    Case("greeting", StageName.GREETING),
    Case("EHLO", StageName.GREETING, says_quit=True),
    Case("STARTTLS", StageName.ENCRYPTION),
    Case("handshake", StageName.ENCRYPTION),
    Case("EHLO encrypted", StageName.GREETING, says_quit=True),
    Case("AUTH", StageName.SIGN_IN, sign_in_refused=True),
    Case("AUTH challenge", StageName.SIGN_IN, sign_in_refused=True),
    Case("verdict", StageName.SIGN_IN, sign_in_refused=True),
    Case("MAIL", StageName.SENDER, says_quit=True),
    Case("RCPT", StageName.SENDER, says_quit=True),
    # QUIT was sent together with the others.
    Case("MAIL", StageName.SENDER, says_quit=True, pipelining=True),
    Case("DATA", StageName.MESSAGE, sends=True),
    Case("END", StageName.MESSAGE, sends=True, may_have_sent=True),
)


async def stopped(server: ScriptedServer, trust: ssl.SSLContext, *, sends: bool) -> Report:
    """Cancel a test once the server has fallen silent; return its last report."""
    tester = a_tester(OneServerNetwork(server.port), trust, timeout=30.0)
    reports: list[Report] = []
    outgoing = Outgoing(recipient=LOGIN, content=b"Subject: a test\r\n\r\nHello\r\n")
    work = tester.send(ACCOUNT, outgoing, reports.append) if sends else tester.test(ACCOUNT, reports.append)
    running = asyncio.create_task(work)
    async with asyncio.timeout(10):
        await server.silent.wait()
        # What was sent before the silence is read; the client waits.
        await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    return reports[-1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_stopped_test_leaves_politely_and_knows_what_reached_the_server(
    certificates: Certificates, trust: ssl.SSLContext, case: Case
) -> None:
    ended = asyncio.Event()
    # CRAM-MD5 alone is asked for something before the password is sent.
    mechanisms = "CRAM-MD5" if case.step == "AUTH challenge" else "PLAIN"
    async with ScriptedServer(
        tls=certificates.good,
        mechanisms=mechanisms,
        acts={case.step: Silence()},
        pipelining=case.pipelining,
        on_end=lambda _: ended.set(),
    ) as server:
        report = await stopped(server, trust, sends=case.sends)
        async with asyncio.timeout(5):
            await ended.wait()
        assert [line for line in server.lines if line == b"QUIT\r\n"] == [b"QUIT\r\n"] * case.says_quit
        assert server.connections == 1
    assert report.stopped_stage is not None
    assert report.stopped_stage.name is case.stage
    assert report.stopped_stage.seconds is not None
    assert not report.passed
    outcomes = {stage.outcome for stage in report.stages}
    assert outcomes <= {Outcome.PASSED, Outcome.STOPPED, Outcome.SKIPPED}
    assert report.sign_in_refused is case.sign_in_refused
    assert report.may_have_sent is case.may_have_sent
    assert PASSWORD not in repr(report)


async def test_stages_to_come_wait_in_the_order_in_which_they_happen(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    reports: list[Report] = []
    async with ScriptedServer(tls=certificates.good, implicit=True) as server:
        tester = a_tester(OneServerNetwork(server.port), trust, timeout=10.0)
        account = replace(ACCOUNT, port=465, encryption=Encryption.SSL, authenticate=False)
        finished = await tester.test(account, reports.append)
    running = [[stage.name for stage in report.stages if stage.outcome is Outcome.RUNNING] for report in reports]
    order = [StageName.RESOLVE, StageName.CONNECT, StageName.ENCRYPTION, StageName.GREETING]
    assert running == [[name] for name in [*order, StageName.SENDER]]
    first = reports[0].stages
    assert [stage.name for stage in first] == [*order, StageName.SIGN_IN, StageName.SENDER]
    assert [stage.outcome for stage in first[1:]] == [Outcome.WAITING] * 5
    # What the profile does without is known to be left out, and nothing waits in the end.
    assert [stage.outcome for stage in reports[-1].stages][4] is Outcome.SKIPPED
    assert finished.passed


async def test_the_time_of_a_stage_is_told_once(certificates: Certificates, trust: ssl.SSLContext) -> None:
    async with ScriptedServer(tls=certificates.good, acts={"EHLO": Silence()}) as server:
        tester = a_tester(OneServerNetwork(server.port), trust, timeout=0.3)
        failed = (await tester.test(ACCOUNT, lambda _: None)).failed_stage
    assert failed is not None
    line = stage_line(failed)
    assert line.startswith(":x: *Greeting* failed  `no answer in time`")
    assert len(re.findall(r"\d+ ms|\d s", line)) == 1
