"""How long a start takes and what an idle instance holds in memory, beside an empty program on the same libraries.

Both are started with the environment that the unit file sets.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.figures import RUNS, Comparison, MachineLoad, UnequalWorkError, attempted, print_table
from tests.benchmarks.program import free_port, process, until_ready, workspace_for
from tests.deploy_files import unit_environment
from tests.soak.samples import Sample

IDLE_SECONDS = 3

OURS, BARE = "email-profile-bot, until /readyz answers 200", "imports of bare Bolt and SQLModel"

_IMPORTS = (
    "import slack_bolt.async_app, sqlmodel, sqlalchemy.ext.asyncio; print('imported', flush=True); "
    "import time; time.sleep(60)"
)


@dataclass(frozen=True, kw_only=True)
class Started:
    """Seconds from the process's birth until it is ready, and resident megabytes when it has been idle for a while."""

    seconds: float
    megabytes: float


async def run(runs: int = RUNS) -> None:
    """Measure and print; the first start of each kind, which finds nothing in the disk's cache, is not counted."""
    load = MachineLoad()
    comparison: Comparison[Started] = Comparison(base=BARE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with workspace_for(folder) as (_, given):
            sides: dict[str, Callable[[], Awaitable[Started]]] = {
                OURS: lambda: _program(folder, given),
                BARE: lambda: _bare(folder),
            }
            for measure in sides.values():
                await measure()
            for _ in range(runs):
                for side, measure in sides.items():
                    comparison.note(side, await attempted(measure()))

    def cells(side: str) -> list[str]:
        return [
            comparison.figure(side, lambda started: started.seconds).text(2, " s"),
            comparison.ratio(side, lambda started: started.seconds),
            comparison.figure(side, lambda started: started.megabytes).text(0, " MB"),
            comparison.ratio(side, lambda started: started.megabytes),
        ]

    header = ["a start", "ready after", "beside bare", f"memory after {IDLE_SECONDS} idle seconds", "beside bare"]
    print_table(header, comparison.rows(cells), runs=runs, load=load)


async def _bare(folder: Path) -> Started:
    began = time.perf_counter()
    async with process("-c", _IMPORTS, folder=folder, given=unit_environment()) as started:
        assert started.stdout is not None
        if await started.stdout.readline() != b"imported\n":
            raise UnequalWorkError("it did not import")
        return await _idle(time.perf_counter() - began, started.pid)


async def _program(folder: Path, given: dict[str, str]) -> Started:
    port = free_port()
    settings = {**given, **unit_environment(), "PORT": str(port)}
    began = time.perf_counter()
    async with process("-m", "bot", "run", folder=folder, given=settings) as started:
        await until_ready(f"http://127.0.0.1:{port}")
        return await _idle(time.perf_counter() - began, started.pid)


async def _idle(seconds: float, pid: int) -> Started:
    await asyncio.sleep(IDLE_SECONDS)
    return Started(seconds=seconds, megabytes=Sample.of(pid).rss)
