"""How long a connection test takes behind a distance, against other clients, and what a thousand at once cost."""

import asyncio
import resource
import shutil
import smtplib
import socket
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import aiosmtplib
from pydantic import SecretStr

from bot.demo.run import Office, open_office
from bot.smtp.account import Account, Encryption
from bot.smtp.check.tester import ConnectionTester
from bot.smtp.network.certificate import trust_store
from bot.smtp.network.guard import Guard
from tests.fakes.delay_proxy import DelayProxy
from tests.fakes.smtp_server import HOST, LOGIN, PASSWORD, OneServerNetwork
from tests.scenario.people import ADA

DELAY = 0.025
"""Seconds each way: a server in the next country."""

RUNS = 7
AT_ONCE = 1000
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


async def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with _mail_server(folder) as (starttls_port, tls_port):
            trust = trust_store(folder / "authority.pem")
            for encryption, port in ((Encryption.TLS, starttls_port), (Encryption.SSL, tls_port)):
                await _behind_a_distance(encryption, port, trust, folder / "authority.pem")
            await _at_once(tls_port, trust)


@asynccontextmanager
async def _mail_server(folder: Path) -> AsyncIterator[tuple[int, int]]:
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.mail_server", str(folder), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        starttls_port, tls_port = (await server.stdout.readline()).split()
        yield int(starttls_port), int(tls_port)
    finally:
        server.terminate()
        await server.wait()


async def _behind_a_distance(encryption: Encryption, port: int, trust: ssl.SSLContext, authority: Path) -> None:
    name = "STARTTLS" if encryption is Encryption.TLS else "TLS from the first byte"
    clients: dict[str, Client] = {
        "email-profile-bot": lambda at: _ours(at, encryption, trust),
        "smtplib": lambda at: asyncio.to_thread(_smtplib, at, encryption, authority),
        "aiosmtplib": lambda at: _aiosmtplib(at, encryption, trust),
    }
    if shutil.which("swaks"):
        clients["swaks"] = lambda at: _swaks(at, encryption)
    print(f"\nA whole test over {name}, {DELAY * 1000:.0f} ms each way, median of {RUNS}")
    floor = 0.0
    for client, work in clients.items():
        seconds, flights = await _timed(port, work)
        # The greeting comes by itself after one way; every flight then costs both ways.
        floor = floor or flights * 2 * DELAY + (DELAY if encryption is Encryption.TLS else 0)
        print(
            f"  {client:20} {seconds * 1000:6.0f} ms, {flights} round trips ({seconds / floor:4.2f} x our floor of "
            f"{floor * 1000:.0f} ms)"
        )


async def _timed(port: int, work: Client) -> tuple[float, int]:
    times, flights = [], 0
    for _ in range(RUNS):
        async with DelayProxy(port, DELAY) as proxy:
            began = time.perf_counter()
            await work(proxy.port)
            times.append(time.perf_counter() - began)
            flights = proxy.flights
    return statistics.median(times), flights


def _tester(port: int, trust: ssl.SSLContext, *, timeout: float = 15) -> ConnectionTester:
    guard = Guard([ip_network("127.0.0.0/8")], (465, 587))
    return ConnectionTester(guard=guard, network=OneServerNetwork(port), trust=trust, timeout=timeout, handshakes=32)


async def _ours(port: int, encryption: Encryption, trust: ssl.SSLContext) -> None:
    account = replace(ACCOUNT, encryption=encryption, port=465 if encryption is Encryption.SSL else 587)
    report = await _tester(port, trust).test(account, lambda _: None)
    assert report.passed, report


class _UnderThisName(ssl.SSLContext):
    """Checks the certificate for the server's name although the loopback is dialled."""

    def wrap_socket(self, *arguments: object, **options: object) -> ssl.SSLSocket:
        options["server_hostname"] = HOST
        return super().wrap_socket(*arguments, **options)  # type: ignore[arg-type]


def _smtplib(port: int, encryption: Encryption, authority: Path) -> None:
    context = _UnderThisName(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority)
    if encryption is Encryption.SSL:
        client: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", port, context=context, timeout=15, local_hostname="x")
    else:
        client = smtplib.SMTP("127.0.0.1", port, timeout=15, local_hostname="x")
        client.starttls(context=context)
    client.user, client.password = LOGIN, PASSWORD
    client.ehlo()
    blob = aiosmtplib.auth.auth_plain_encode(LOGIN, PASSWORD).decode()
    assert client.docmd("AUTH", f"PLAIN {blob}")[0] == 235
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


async def _swaks(port: int, encryption: Encryption) -> None:
    process = await asyncio.create_subprocess_exec(
        "swaks",
        *("--server", f"127.0.0.1:{port}", "--from", LOGIN, "--to", LOGIN, "--helo", "x", "--quit-after", "RCPT"),
        *("--auth", "PLAIN", "--auth-user", LOGIN, "--auth-password", PASSWORD),
        "--tls-on-connect" if encryption is Encryption.SSL else "--tls",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.wait()


async def _at_once(port: int, trust: ssl.SSLContext) -> None:
    tester = _tester(port, trust, timeout=60)
    account = replace(ACCOUNT, encryption=Encryption.SSL, port=465)
    lags: list[float] = []
    acks: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        async with open_office(Path(name)) as office:
            watches = [asyncio.create_task(_watch_lag(lags)), asyncio.create_task(_watch_acks(office, acks))]
            await asyncio.sleep(0.2)
            before = resource.getrusage(resource.RUSAGE_SELF)
            began = time.perf_counter()
            reports = await asyncio.gather(*(tester.test(account, lambda _: None) for _ in range(AT_ONCE)))
            seconds = time.perf_counter() - began
            after = resource.getrusage(resource.RUSAGE_SELF)
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / AT_ONCE
    passed = sum(report.passed for report in reports)
    print(f"\n{AT_ONCE} tests at once over TLS, {passed} passed, in {seconds:.1f} s")
    print(f"  {cpu * 1000:.1f} ms CPU each, {after.ru_maxrss / 1024:.0f} MB at most in all")
    late = f"{max(lags) * 1000:.0f} ms at most, {statistics.median(lags) * 1000:.0f} ms usually"
    print(f"  the event loop was late by {late}")
    slowest = sorted(acks)[int(len(acks) * 0.99)]
    print(f"  meanwhile {len(acks)} commands were acknowledged, the slowest hundredth after {slowest * 1000:.0f} ms")


async def _watch_acks(office: Office, acks: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await office.workspace.command(ADA, "/email-profile")
        acks.append(time.perf_counter() - began)
        await asyncio.sleep(0.01)


async def _watch_lag(lags: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        lags.append(time.perf_counter() - began - 0.01)
