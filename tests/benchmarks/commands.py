"""How fast `/email-profile` is acknowledged, against bare frameworks, in one run on one machine.

Each server is a process of its own; server and client have a core each where the system allows it.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from bot.demo.people import TEAM
from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import REPORTS
from bot.smtp.account import Encryption
from bot.smtp.check.report import Outcome, Report, Stage, StageName
from storage.crypto.keyring import Keyring
from storage.database import Database
from tests.benchmarks.client import Answered, Connection, ask_for, signed
from tests.benchmarks.program import free_port, process, processor_seconds, workspace_for
from tests.scenario.people import ADA

AT_ONCE = 32
SECONDS = 3.0
ROUNDS = 3
"""Servers take turns this often, so that a disturbance of the machine meets all of them; the best round counts."""

OURS, FLOOR, BOLT, FLASK = (
    "email-profile-bot, a real record opened",
    "bare aiohttp, signature checked",
    "bare Bolt AsyncApp, answering ok",
    "bare Bolt on Flask and gunicorn",
)


@dataclass(frozen=True)
class Server:
    """A server under way."""

    port: int
    pid: int


@dataclass(frozen=True)
class Figures:
    """Answers one after the other, and `AT_ONCE` at once with the seconds that the server computed for each."""

    alone: Answered
    many: Answered
    computed: float


async def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        async with _servers(Path(name)) as (servers, request):
            rounds = [
                {name: await _measured(server, request) for name, server in servers.items()} for _ in range(ROUNDS)
            ]
    best = {
        server: Figures(
            alone=min((one[server].alone for one in rounds), key=lambda answered: answered.median),
            many=max((one[server].many for one in rounds), key=lambda answered: answered.rate),
            computed=min(one[server].computed for one in rounds),
        )
        for server in rounds[0]
    }
    print(f"Acknowledging /email-profile over HTTP, SQLite; best of {ROUNDS} rounds of {SECONDS:.0f} s")
    for server, figures in best.items():
        alone, many = figures.alone.median * 1000, figures.many.rate
        print(
            f"  {server:42} {alone:6.2f} ms median alone ({alone / best[BOLT].alone.median / 1000:4.2f} x Bolt), "
            f"{many:5.0f}/s at {AT_ONCE} at once ({many / best[BOLT].many.rate:4.2f} x Bolt, "
            f"p99 {figures.many.percentile(99) * 1000:4.0f} ms, {figures.computed * 1e6:5.0f} us of processor each)"
        )


async def _measured(server: Server, request: bytes) -> Figures:
    with _on_core(1):
        await ask_for(0.5, server.port, [request], at_once=4)
        alone = await ask_for(SECONDS / 2, server.port, [request], at_once=1)
        before = processor_seconds(server.pid)
        many = await ask_for(SECONDS, server.port, [request], at_once=AT_ONCE)
        return Figures(alone, many, (processor_seconds(server.pid) - before) / len(many.seconds))


@asynccontextmanager
async def _servers(folder: Path) -> AsyncIterator[tuple[dict[str, Server], bytes]]:
    """Start every server; gives them, and the request that all of them take."""
    servers: dict[str, Server] = {}
    ports = {server: free_port() for server in (FLOOR, BOLT, FLASK, OURS)}
    gunicorn = ("gunicorn", "--threads", "8", "--bind", f"127.0.0.1:{ports[FLASK]}", "--log-level", "critical")
    commands = {
        FLOOR: ("tests.benchmarks.rivals", "aiohttp", str(ports[FLOOR])),
        BOLT: ("tests.benchmarks.rivals", "bolt", str(ports[BOLT])),
        FLASK: (*gunicorn, "tests.benchmarks.rivals:flask_app()"),
        OURS: ("bot", "run"),
    }
    async with workspace_for(folder) as (workspace, given), AsyncExitStack() as stack:
        for server, arguments in commands.items():
            settings = {**given, "PORT": str(ports[server]), "LOG_LEVEL": "info"}
            with _on_core(0):
                started = await stack.enter_async_context(process("-m", *arguments, folder=folder, given=settings))
            await _until_listening(ports[server])
            servers[server] = Server(port=ports[server], pid=started.pid)
        await store_a_profile(given)
        yield servers, signed(workspace.signing_secret, fields_of(ADA))


def fields_of(user: str) -> dict[str, str]:
    """Give the form that Slack sends when somebody types `/email-profile`."""
    return {
        "command": "/email-profile",
        "text": "",
        "team_id": TEAM,
        "team_domain": "demo",
        "user_id": user,
        "user_name": "somebody",
        "channel_id": "C0GENERAL",
        "channel_name": "general",
        "api_app_id": "A0DEMO",
        "trigger_id": "1.2.3",
        "response_url": "https://hooks.slack.invalid/commands/1/2/3",
    }


async def store_a_profile(given: dict[str, str]) -> None:
    """Store what most people have: a profile whose last test passed."""
    profile = EmailProfile(
        address="ada@example.com",
        login="ada@example.com",
        password=SecretStr("correct horse battery staple"),
        password_host="smtp.example.com",
        password_set_at=datetime.now(UTC),
        host="smtp.example.com",
        port=587,
        authenticate=True,
        extras={"TLS": "Y", "FROM_NAME": "Ada Lovelace"},
    )
    report = Report(
        host=profile.host,
        port=587,
        encryption=Encryption.TLS,
        stages=tuple(Stage(name=name, outcome=Outcome.PASSED, seconds=0.02, detail="ok") for name in StageName),
        seconds=0.4,
        tested_at=datetime.now(UTC),
        transcript=("S: 220 smtp.example.com ESMTP", "C: EHLO bot", "S: 250-STARTTLS", "C: QUIT") * 3,
    )
    database = Database.connect(given["DATABASE_URL"], Keyring.from_text(given["ENCRYPTION_KEYS"]))
    async with database.writing() as tx:
        stored = await tx.profiles.save(TEAM, ADA, profile.to_document(), replacing=None)
        await tx.tests.record(
            TEAM,
            ADA,
            record_id=stored.record_id,
            revision=stored.revision,
            document=REPORTS.dump_json(report),
            tested_at=report.tested_at,
        )
    await database.close()


async def _until_listening(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            (await Connection.open(port)).close()
            return
        await asyncio.sleep(0.05)
    raise RuntimeError("a server did not start")


@contextmanager
def _on_core(number: int) -> Iterator[None]:
    """Let this process, and those that it starts, use one core alone, where the system knows how."""
    if sys.platform != "linux" or (os.cpu_count() or 1) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
