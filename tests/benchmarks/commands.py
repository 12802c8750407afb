"""How fast `/email-profile` is acknowledged, against bare frameworks that send the same answer, in one run.

Each server is a process of its own, started anew for each run; server and client have a core each where the system
allows it.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.demo.stand_in.people import TEAM
from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import REPORTS
from bot.smtp.account import Encryption
from bot.smtp.check.report import Outcome, Report, Stage, StageName
from storage.crypto.keyring import Keyring
from storage.database import Database
from tests.benchmarks.client import Answers, Connection, ask_for, ask_once, signed
from tests.benchmarks.figures import RUNS, Comparison, MachineLoad, UnequalWorkError, attempted, print_table
from tests.benchmarks.program import free_port, process, processor_seconds, workspace_for
from tests.benchmarks.rivals import ANSWER
from tests.scenario.people import ADA

AT_ONCE = 32
SECONDS = 3.0

OURS, BOLT, FLOOR, FLASK = (
    "email-profile-bot: a profile and its last test read, opened and drawn",
    "bare Bolt `AsyncApp`, the same answer and flag (`process_before_response=True`)",
    "bare aiohttp that checks the signature, the same answer",
    "bare Bolt on Flask and gunicorn (8 threads), the same answer and flag",
)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server under way."""

    port: int
    pid: int


@dataclass(frozen=True, kw_only=True)
class Work:
    """What each server has to do: answer `request` with `answer`, and refuse `forged` with 401."""

    request: bytes
    forged: bytes
    answer: dict[str, Any]

    async def require_signature_checked(self, server: Server) -> None:
        """Raise an UnequalWorkError when the server takes a request with a forged signature."""
        status, _ = await ask_once(server.port, self.forged)
        if status != 401:
            raise UnequalWorkError(f"a forged signature was answered with {status}")

    def require_answered(self, answers: Answers) -> None:
        """Raise an UnequalWorkError when one request was answered with less than the others have to say."""
        for (status, body), times in answers.contents.items():
            if status != 200:
                raise UnequalWorkError(f"{times} of {len(answers.seconds)} requests were answered with {status}")
            if _read(body) != self.answer:
                wanted = len(json.dumps(self.answer))
                raise UnequalWorkError(
                    f"{times} of {len(answers.seconds)} answers were other than wanted, {len(body)} bytes for {wanted}"
                )


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


@dataclass(frozen=True)
class Figures:
    """Answers one after the other, and `AT_ONCE` at once with the seconds that the server computed for each."""

    alone: Answers
    many: Answers
    computed: float


async def run(runs: int = RUNS) -> None:
    """Measure and print."""
    load = MachineLoad()
    comparison: Comparison[Figures] = Comparison(base=BOLT)
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as name:
            async with _servers(Path(name)) as (servers, work):
                for side, server in servers.items():
                    comparison.note(side, await attempted(measured(server, work)))

    def cells(side: str) -> list[str]:
        return [
            comparison.figure(side, lambda figures: figures.alone.median * 1000).text(1, " ms"),
            comparison.figure(side, lambda figures: figures.many.rate).text(0, "/s"),
            comparison.figure(side, lambda figures: figures.many.percentile(99) * 1000).text(0, " ms"),
            comparison.figure(side, lambda figures: figures.computed * 1e6).text(0, " µs"),
            comparison.ratio(side, lambda figures: figures.computed),
            comparison.ratio(side, lambda figures: figures.many.rate),
        ]

    header = ["`/email-profile` over HTTP, SQLite", "median alone", f"{AT_ONCE} at once", "99 of 100 then"]
    print_table(
        [*header, "processor for one", "beside Bolt", "answers a second beside Bolt"],
        comparison.rows(cells),
        runs=runs,
        load=load,
    )


async def measured(server: Server, work: Work, *, seconds: float = SECONDS) -> Figures:
    """Measure one server.

    Raises:
        UnequalWorkError: it did less than the work.
    """
    with _on_core(1):
        await work.require_signature_checked(server)
        await ask_for(seconds / 6, server.port, [work.request], at_once=4)
        alone = await ask_for(seconds / 2, server.port, [work.request], at_once=1)
        before = processor_seconds(server.pid)
        many = await ask_for(seconds, server.port, [work.request], at_once=AT_ONCE)
        computed = (processor_seconds(server.pid) - before) / len(many.seconds)
    work.require_answered(alone)
    work.require_answered(many)
    return Figures(alone, many, computed)


@asynccontextmanager
async def _servers(folder: Path) -> AsyncIterator[tuple[dict[str, Server], Work]]:
    """Start every server; yields them, and the work that all of them have to do: to answer what the bot answers."""
    file = folder / "answer.json"
    async with workspace_for(folder) as (workspace, given), AsyncExitStack() as stack:

        async def started(port: int, *arguments: str) -> Server:
            settings = {**given, "PORT": str(port), "LOG_LEVEL": "info", ANSWER: str(file)}
            with _on_core(0):
                made = await stack.enter_async_context(process("-m", *arguments, folder=folder, given=settings))
            await _until_listening(port, made)
            return Server(port=port, pid=made.pid)

        ours = await started(free_port(), "bot", "run")
        await store_a_profile(given)
        fields = fields_of(ADA)
        request, forged = signed(workspace.signing_secret, fields), signed("f" * 32, fields)
        answer = await card_of(ours.port, request)
        file.write_text(json.dumps(answer), encoding="utf-8")
        bolt, floor, flask = free_port(), free_port(), free_port()
        gunicorn = ("gunicorn", "--threads", "8", "--bind", f"127.0.0.1:{flask}", "--log-level", "critical")
        servers = {
            OURS: ours,
            BOLT: await started(bolt, "tests.benchmarks.rivals", "bolt", str(bolt)),
            FLOOR: await started(floor, "tests.benchmarks.rivals", "aiohttp", str(floor)),
            FLASK: await started(flask, *gunicorn, "tests.benchmarks.rivals:flask_app()"),
        }
        yield servers, Work(request=request, forged=forged, answer=answer)


async def card_of(port: int, request: bytes) -> dict[str, Any]:
    """Ask the bot for the card; returns what it answers.

    Raises:
        RuntimeError: it is not the card of the profile that was stored.
    """
    status, body = await ask_once(port, request)
    if status != 200 or b"Your email profile" not in body or ADDRESS.encode() not in body:
        raise RuntimeError(f"the bot answered {status}: {body[:200]!r}")
    answer: dict[str, Any] = json.loads(body)
    return answer


ADDRESS = "ada@example.com"


def fields_of(user: str) -> dict[str, str]:
    """Return the form that Slack sends when somebody types `/email-profile`."""
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
        address=ADDRESS,
        login=ADDRESS,
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


async def _until_listening(port: int, server: asyncio.subprocess.Process) -> None:
    for _ in range(600):
        if server.returncode is not None:
            raise RuntimeError(f"a server ended with {server.returncode} before it listened")
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
