"""Every stage against every way of being broken: in time, at the right stage, no secret shown, nothing left open."""

import asyncio
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import SecretStr

from bot.profiles.account.profile import EmailProfile
from bot.profiles.connection_tests.results import interpret_report
from bot.smtp.account import Account, Encryption
from bot.smtp.check.report import Outcome, Report, StageName
from bot.smtp.network.guard import Address
from tests import named
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import Act, Endless, HangUp, OneServerNetwork, ScriptedServer, Silence, Then, Trickle
from tests.scenario.connection_tests.testers import ACCOUNT, a_tester

# The connection test alone: it knows no database.
pytestmark = pytest.mark.databases()

CANARY = "canary-Qx7 ⚡"
TIMEOUT = 3.0
ENDLESS = ("silent", "trickles")
"""What only the deadline ends."""

STEPS = {
    "greeting": StageName.GREETING,
    "EHLO": StageName.GREETING,
    "STARTTLS": StageName.ENCRYPTION,
    "handshake": StageName.ENCRYPTION,
    # What is said once TLS is up is no fault of the encryption.
    "EHLO encrypted": StageName.GREETING,
    "AUTH": StageName.SIGN_IN,
    "AUTH challenge": StageName.SIGN_IN,
    "verdict": StageName.SIGN_IN,
    "MAIL": StageName.SENDER,
    "RCPT": StageName.SENDER,
}

BREAKS: dict[str, Act] = {
    "silent": Silence(),
    "hangs up": HangUp(),
    "trickles": Trickle(b"250-" + b"x" * 200, pause=0.05),
    "endless line": Endless(b"250-" + b"x" * 1000),
    "endless lines": Endless(b"250-more\r\n"),
    "oversized": Then(b"".join(b"250-%d\r\n" % number for number in range(20_000))),
    "garbage": b"\x00\xff\xfe\x80\x01garbage\r\n",
    "half a line": Then(b"25"),
    "no text": b"\r\n",
    "wrong code": b"354 go on\r\n",
    "code below": b"199 hm\r\n",
    "code above": b"600 hm\r\n",
    "odd digits": b"2_5 hm\r\n",
    "permanent": b"550 5.0.0 no\r\n",
    "temporary": b"451 4.3.0 later\r\n",
    "not ASCII": "550 5.7.1 nö – ⚡\r\n".encode(),
    "latin-1": "550 5.7.1 nö\r\n".encode("latin-1"),
    "mark-up": b"550 5.7.1 <!channel> <@U0EVE> <https://evil.example|click> *b* `c` &lt; {host}\r\n",
    "turned": "550 5.7.1 \u202eevil\u2066 \u200bhidden\u0007\r\n".encode(),
    "echoes the password": f"550 5.7.1 bad {CANARY} bad\r\n".encode(),
    "multi-line": b"550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three\r\n",
    "mixed codes": b"250-one\r\n550 two\r\n",
    "pipelined": b"550 5.7.1 no\r\n235 2.7.0 yes\r\n250 ok\r\n250 ok\r\n",
}


@dataclass(frozen=True)
class Case:
    """One way of being broken at one step, over STARTTLS or over TLS from the first byte."""

    step: str
    how: str
    implicit: bool
    pipelining: bool = False

    def __str__(self) -> str:
        return f"{'SSL' if self.implicit else 'TLS'}-{self.step}-{self.how}{'-pipelining' * self.pipelining}"


def cases() -> Iterator[Case]:
    for step in STEPS:
        for how in BREAKS:
            yield Case(step, how, implicit=False)
    for step in ("MAIL", "RCPT"):
        for how in BREAKS:
            yield Case(step, how, implicit=False, pipelining=True)
    for step in ("handshake", "greeting", "EHLO encrypted", "AUTH"):
        for how in ("silent", "hangs up", "trickles", "endless line", "garbage", "echoes the password"):
            yield Case(step, how, implicit=True)


CASES = list(cases())


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """Let Python find, and warn of, what was left open, once for all servers: it takes longer than any of them."""
    yield
    gc.collect()


def harmless(case: Case) -> bool:
    """Breaks after which the dialogue may rightly go on, or only warn."""
    if case.step == "RCPT" and case.how == "temporary":
        return True
    return case.step == "MAIL" and case.how == "temporary"


def test_there_are_more_than_two_hundred() -> None:
    assert len(CASES) > 200


@pytest.mark.parametrize("step", STEPS)
async def test_a_broken_server(certificates: Certificates, trust: ssl.SSLContext, step: str) -> None:
    before = asyncio.all_tasks()
    for case in CASES:
        if case.step == step and case.how not in ENDLESS:
            with named.case(case):
                async with tried(case, certificates, trust) as server:
                    assert asyncio.all_tasks() - before - server._tasks == set()


# Each waits as long as a test may take, so they do it beside each other.
async def test_servers_that_come_to_no_end(certificates: Certificates, trust: ssl.SSLContext) -> None:
    before = asyncio.all_tasks()
    async with AsyncExitStack() as stack:
        trying = (tried(case, certificates, trust) for case in CASES if case.how in ENDLESS)
        servers = await asyncio.gather(*map(stack.enter_async_context, trying))
        assert asyncio.all_tasks() - before - set[asyncio.Task[Any]]().union(*(one._tasks for one in servers)) == set()


@asynccontextmanager
async def tried(case: Case, certificates: Certificates, trust: ssl.SSLContext) -> AsyncIterator[ScriptedServer]:
    """Test an account on a server that is broken so, see that all is as it should be, and keep the server running."""
    account = replace(
        ACCOUNT,
        port=465 if case.implicit else 587,
        encryption=Encryption.SSL if case.implicit else Encryption.TLS,
        password=SecretStr(CANARY),
        mechanism="LOGIN" if case.step == "AUTH challenge" else "PLAIN",
    )
    acts: dict[str, Act] = {"verdict": b"235 2.7.0 welcome\r\n", case.step: BREAKS[case.how]}
    server = ScriptedServer(tls=certificates.good, implicit=case.implicit, acts=acts, pipelining=case.pipelining)
    async with server:
        network = Counted(server.port)
        tester = a_tester(network, trust, timeout=TIMEOUT)
        loop = asyncio.get_running_loop()
        began = loop.time()
        report = await tester.test(account, lambda _: None)
        assert loop.time() - began < TIMEOUT + 0.5, case
        check(case, account, report, server, network)
        yield server


def check(case: Case, account: Account, report: Report, server: ScriptedServer, network: "Counted") -> None:
    failed = report.failed_stage
    if not harmless(case):
        assert failed is not None, (case, report)
        assert failed.name is STEPS[case.step], (case, report)
    assert not any(stage.outcome is Outcome.RUNNING for stage in report.stages), case
    assert all(sock.fileno() == -1 for sock in network.sockets), case
    assert not server.said_in_clear(b"AUTH"), case
    # What is sent together may be tried once more, one by one, after a sign-in that succeeded.
    assert sum(line.startswith(b"AUTH") for line in server.lines) <= 1 + case.pipelining, case
    shown = repr(report) + repr(interpret_report(report, account, EmailProfile()))
    assert CANARY not in shown, case
    assert "\u202e" not in shown, case


class Counted(OneServerNetwork):
    """Remembers every socket, to see that all are closed."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.sockets: list[socket.socket] = []

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        sock = await super().connect(addresses, port)
        self.sockets.append(sock)
        return sock


@pytest.mark.parametrize("name", ["expired", "not_yet", "wrong_name", "self_signed", "stranger"])
@pytest.mark.parametrize("port", [25, 465, 587, 2525])
async def test_no_credential_crosses_a_connection_that_is_not_verified(
    certificates: Certificates, trust: ssl.SSLContext, name: str, port: int
) -> None:
    implicit = port == 465
    server = ScriptedServer(tls=getattr(certificates, name), implicit=implicit)
    account = replace(
        ACCOUNT, port=port, encryption=Encryption.SSL if implicit else Encryption.TLS, password=SecretStr(CANARY)
    )
    async with server:
        tester = a_tester(Counted(server.port), trust, timeout=TIMEOUT)
        for tried in (account, replace(account, pin="00" * 32)):
            report = await tester.test(tried, lambda _: None)
            assert report.failed_stage is not None
            assert report.failed_stage.name is StageName.ENCRYPTION
            assert report.certificate is not None
    assert not any(line.startswith(b"AUTH") for line in server.lines)
