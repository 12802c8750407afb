"""What a thousand connection tests at once cost, and how commands are answered meanwhile.

Each run is a process of its own, `python -m tests.benchmarks.thousand PORT AUTHORITY`, so that its memory is that of
the tests and of the bot beside them; it prints its figures as JSON.
"""

import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from bot.smtp.account import Encryption
from bot.smtp.network.certificate import trust_store
from tests.benchmarks.connections import ACCOUNT, tester_at
from tests.benchmarks.figures import RUNS, Comparison, MachineLoad, UnequalWorkError, attempted, print_table
from tests.benchmarks.mail_server import MailServer, mail_server
from tests.scenario.people import ADA

AT_ONCE = 1000
ANSWERED = "no email profile"
"""What the bot says to somebody who has stored nothing."""


@dataclass(kw_only=True)
class Run:
    """What one run saw, in seconds and MB; `lost` are commands that were not acknowledged, or with something else."""

    passed: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    megabytes: float = 0.0
    lags: list[float] = field(default_factory=list)
    acks: list[float] = field(default_factory=list)
    lost: int = 0


async def run(runs: int = RUNS) -> None:
    """Measure and print."""
    load = MachineLoad()
    side = f"{AT_ONCE:,} tests at once over TLS"
    comparison: Comparison[Run] = Comparison(base=side)
    with tempfile.TemporaryDirectory() as name:
        async with mail_server(Path(name)) as server:
            for _ in range(runs):
                comparison.note(side, await attempted(_measured(server, Path(name) / "authority.pem")))

    def cells(side: str) -> list[str]:
        return [
            comparison.figure(side, lambda one: one.seconds).text(1, " s"),
            comparison.figure(side, lambda one: one.cpu / AT_ONCE * 1000).text(1, " ms"),
            comparison.figure(side, lambda one: one.megabytes).text(0, " MB"),
            comparison.figure(side, lambda one: max(one.lags) * 1000).text(0, " ms"),
            comparison.figure(side, lambda one: statistics.quantiles(one.acks, n=100)[98] * 1000).text(0, " ms"),
        ]

    header = ["", "together", "processor each", "memory at most", "event loop late by at most"]
    print_table([*header, "99 of 100 commands meanwhile"], comparison.rows(cells), runs=runs, load=load)


async def _measured(server: MailServer, authority: Path) -> Run:
    server.taken()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.thousand", str(server.tls_port), str(authority)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise UnequalWorkError(f"the process ended with {process.returncode}")
    seen = Run(**json.loads(out))
    require_all_done(seen, [session for session in server.taken() if dict(session.replies).get("verdict") == 235])
    return seen


def require_all_done(seen: Run, signed_in: list[object]) -> None:
    """Raise an UnequalWorkError when less was done than a thousand tests, or a command was not answered."""
    if seen.passed != AT_ONCE:
        raise UnequalWorkError(f"{seen.passed} of {AT_ONCE} tests passed")
    if len(signed_in) != AT_ONCE:
        raise UnequalWorkError(f"the server saw {len(signed_in)} of {AT_ONCE} clients sign in")
    if seen.lost or len(seen.acks) < 2:
        raise UnequalWorkError(f"{seen.lost} commands were not answered, {len(seen.acks)} were")


async def _at_once(port: int, authority: Path) -> Run:
    tester = tester_at(port, trust_store(authority), timeout=60)
    account = replace(ACCOUNT, encryption=Encryption.SSL, port=465)
    seen = Run()
    with tempfile.TemporaryDirectory() as name:
        async with running_demo(Path(name)) as demo:
            watches = [asyncio.create_task(_watch_lag(seen)), asyncio.create_task(_watch_commands(demo, seen))]
            await asyncio.sleep(0.2)
            before = resource.getrusage(resource.RUSAGE_SELF)
            began = time.perf_counter()
            reports = await asyncio.gather(*(tester.test(account, lambda _: None) for _ in range(AT_ONCE)))
            seen.seconds = time.perf_counter() - began
            after = resource.getrusage(resource.RUSAGE_SELF)
            for watch in watches:
                watch.cancel()
            for watch in watches:
                with suppress(asyncio.CancelledError):
                    await watch
    seen.passed = sum(report.passed for report in reports)
    seen.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    seen.megabytes = after.ru_maxrss / 1024
    return seen


async def _watch_commands(demo: Demo, seen: Run) -> None:
    while True:
        began = time.perf_counter()
        await demo.workspace.command(ADA, "/email-profile")
        seconds = time.perf_counter() - began
        # What was not acknowledged is told in words too, by the stand-in.
        if ANSWERED in searchable(demo.workspace.all_messages.pop()).lower():
            seen.acks.append(seconds)
        else:
            seen.lost += 1
        await asyncio.sleep(0.01)


async def _watch_lag(seen: Run) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        seen.lags.append(time.perf_counter() - began - 0.01)


if __name__ == "__main__":
    json.dump(asdict(asyncio.run(_at_once(int(sys.argv[1]), Path(sys.argv[2])))), sys.stdout)
