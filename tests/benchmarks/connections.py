"""How long a whole connection test takes behind a distance, beside other clients that do the same."""

import asyncio
import base64
import shutil
import smtplib
import socket
import ssl
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

import aiosmtplib
from pydantic import SecretStr

from bot.smtp.account import Account, Encryption
from bot.smtp.check.tester import ConnectionTester
from bot.smtp.network.certificate import trust_store
from bot.smtp.network.guard import Guard
from tests.benchmarks.figures import RUNS, Comparison, MachineLoad, UnequalWorkError, attempted, print_table
from tests.benchmarks.mail_server import MailServer, mail_server
from tests.fakes.delay_proxy import DelayProxy
from tests.fakes.smtp_server import HOST, LOGIN, PASSWORD, OneServerNetwork

DELAY = 0.025
"""Seconds each way: a server in the next country."""

TESTS = 3
"""A run of a client is the median of so many tests."""

OURS = "email-profile-bot"
ACCOUNT = Account(
    address=LOGIN,
    host=HOST,
    port=587,
    encryption=Encryption.TLS,
    authenticate=True,
    login=LOGIN,
    password=SecretStr(PASSWORD),
)

Client = Callable[[int], Awaitable[None]]
"""Tests whatever listens at a port."""


@dataclass(frozen=True, kw_only=True)
class Tested:
    """One test: its seconds, how often the client waited for the server, how often the server replied."""

    seconds: float
    flights: int
    replies: int


@dataclass(frozen=True)
class Kind:
    """One kind of encryption, the clients that test over it, and what is measured of them."""

    name: str
    port: int
    encryption: Encryption
    clients: Mapping[str, Client]
    comparison: Comparison[Tested]

    @property
    def floor(self) -> float | None:
        """The seconds that our round trips need at least; None when we failed."""
        if self.comparison.failure(OURS):
            return None
        # The greeting comes by itself after one way, and over TLS with the handshake's last flight.
        greeting = DELAY if self.encryption is Encryption.TLS else 0
        return self.comparison.figure(OURS, lambda tested: tested.flights).median * 2 * DELAY + greeting

    def cell(self, client: str) -> str:
        """Write what was measured of a client."""
        if failure := self.comparison.failure(client):
            return f"failed: {failure.reason}"
        took = self.comparison.figure(client, lambda tested: tested.seconds * 1000)
        beside = f", {took.median / self.floor / 1000:.2f} ×" if self.floor else ""
        flights = self.comparison.figure(client, lambda tested: tested.flights).median
        replies = self.comparison.figure(client, lambda tested: tested.replies).median
        return f"{took.text(0, ' ms')}{beside}; {flights:.0f} round trips, {replies:.0f} replies"


async def run(runs: int = RUNS) -> None:
    """Measure and print."""
    load = MachineLoad()
    with tempfile.TemporaryDirectory() as name:
        authority = Path(name) / "authority.pem"
        async with mail_server(Path(name)) as server:
            kinds = [
                kind_of("STARTTLS", server.starttls_port, Encryption.TLS, authority),
                kind_of("TLS from the first byte", server.tls_port, Encryption.SSL, authority),
            ]
            for _ in range(runs):
                for kind in kinds:
                    for client, work in kind.clients.items():
                        kind.comparison.note(client, await attempted(tested(server, kind.port, work)))
    floors = [f"{kind.floor * 1000:.0f} ms" if kind.floor else "–" for kind in kinds]
    print_table(
        [f"a whole connection test, {DELAY * 1000:.0f} ms each way", *(kind.name for kind in kinds)],
        [
            ["the time of our round trips alone", *floors],
            *([client, *(kind.cell(client) for kind in kinds)] for client in kinds[0].clients),
        ],
        runs=runs,
        load=load,
    )


async def tested(server: MailServer, port: int, work: Client, *, tests: int = TESTS, delay: float = DELAY) -> Tested:
    """Let a client test a port of a server a few times; returns the medians.

    Raises:
        UnequalWorkError: one of the tests was less than a whole one in the server's eyes, or the client failed.
    """
    seen = []
    for _ in range(tests):
        async with DelayProxy(port, delay) as proxy:
            server.taken()
            began = time.perf_counter()
            try:
                await work(proxy.port)
            except (OSError, aiosmtplib.SMTPException, smtplib.SMTPException) as error:
                raise UnequalWorkError(f"{type(error).__name__}") from None
            seconds = time.perf_counter() - began
            session = await server.one_session()
            session.require_whole()
            seen.append(Tested(seconds=seconds, flights=proxy.flights, replies=len(session.replies)))
    return Tested(
        seconds=statistics.median(one.seconds for one in seen), flights=seen[-1].flights, replies=seen[-1].replies
    )


def kind_of(name: str, port: int, encryption: Encryption, authority: Path) -> Kind:
    """Make the clients that test over one kind of encryption."""
    trust = trust_store(authority)
    clients: dict[str, Client] = {
        OURS: lambda at: _ours(at, encryption, trust),
        "smtplib, the same steps": lambda at: asyncio.to_thread(_smtplib, at, encryption, authority),
        "aiosmtplib, the same steps": lambda at: _aiosmtplib(at, encryption, trust),
    }
    clients["swaks, a process each, which sends no RSET"] = lambda at: swaks_test(at, encryption)
    return Kind(name, port, encryption, clients, Comparison(base=OURS))


def tester_at(port: int, trust: ssl.SSLContext, *, timeout: float = 15) -> ConnectionTester:
    """Make our own tester, for which every name leads to a port of this machine."""
    guard = Guard([ip_network("127.0.0.0/8")], (465, 587))
    return ConnectionTester(guard=guard, network=OneServerNetwork(port), trust=trust, timeout=timeout, handshakes=32)


async def _ours(port: int, encryption: Encryption, trust: ssl.SSLContext) -> None:
    account = replace(ACCOUNT, encryption=encryption, port=465 if encryption is Encryption.SSL else 587)
    report = await tester_at(port, trust).test(account, lambda _: None)
    if not report.passed:
        raise UnequalWorkError("its own report says that the test failed")


class _UnderThisName(ssl.SSLContext):
    """Checks the certificate for the server's name although the loopback is dialled."""

    def wrap_socket(self, *arguments: object, **options: object) -> ssl.SSLSocket:
        options["server_hostname"] = HOST
        return super().wrap_socket(*arguments, **options)  # type: ignore[arg-type]


def plain(login: str, password: str) -> str:
    """Write what follows AUTH PLAIN; smtplib's own `login` refuses a password beyond ASCII."""
    return base64.b64encode(f"\0{login}\0{password}".encode()).decode()


def _smtplib(port: int, encryption: Encryption, authority: Path) -> None:
    context = _UnderThisName(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority)
    if encryption is Encryption.SSL:
        client: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", port, context=context, timeout=15, local_hostname="x")
    else:
        client = smtplib.SMTP("127.0.0.1", port, timeout=15, local_hostname="x")
        client.starttls(context=context)
    client.ehlo()
    client.docmd("AUTH", f"PLAIN {plain(LOGIN, PASSWORD)}")
    client.mail(LOGIN)
    client.rcpt(LOGIN)
    client.rset()
    client.quit()


async def _aiosmtplib(port: int, encryption: Encryption, trust: ssl.SSLContext) -> None:
    implicit = encryption is Encryption.SSL
    sock = socket.create_connection(("127.0.0.1", port))
    client = aiosmtplib.SMTP(
        hostname=HOST, sock=sock, use_tls=implicit, start_tls=not implicit, tls_context=trust, local_hostname="x"
    )
    await client.connect()
    await client.auth_plain(LOGIN, PASSWORD)
    await client.mail(LOGIN)
    await client.rcpt(LOGIN)
    await client.rset()
    await client.quit()


async def swaks_test(port: int, encryption: Encryption) -> None:
    """Let swaks test; it says by its exit code that it failed, and in one line why.

    Raises:
        UnequalWorkError: it says so, or is not installed.
    """
    if shutil.which("swaks") is None:
        raise UnequalWorkError("it is not installed")
    process = await asyncio.create_subprocess_exec(
        "swaks",
        *("--server", f"127.0.0.1:{port}", "--from", LOGIN, "--to", LOGIN, "--helo", "x", "--quit-after", "RCPT"),
        *("--auth", "PLAIN", "--auth-user", LOGIN, "--auth-password", PASSWORD),
        "--tls-on-connect" if encryption is Encryption.SSL else "--tls",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        complaint = next((line for line in said.decode(errors="replace").splitlines() if "***" in line), "")
        raise UnequalWorkError(f"it ended with {process.returncode} {complaint}".strip())
