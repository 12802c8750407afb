"""How long a start takes and what an idle instance holds in memory, beside an empty program on the same libraries."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.benchmarks.program import free_port, process, until_ready, workspace_for
from tests.soak.samples import Sample

STARTS = 5
IDLE_SECONDS = 3

_BARE = "import slack_bolt.async_app, sqlmodel, sqlalchemy.ext.asyncio; print(flush=True); import time; time.sleep(60)"

Figures = tuple[float, float]
"""Seconds from the process's birth until it is ready, and resident megabytes when it has been idle for a while."""


async def run() -> None:
    """Measure and print; the first start of each kind, which finds nothing in the disk's cache, is not counted."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with workspace_for(folder) as (_, given):
            kinds: dict[str, Callable[[], Awaitable[Figures]]] = {
                "imports of bare Bolt and SQLModel": lambda: _bare(folder),
                "email-profile-bot, until /readyz says so": lambda: _program(folder, given),
            }
            seen: dict[str, list[Figures]] = {kind: [] for kind in kinds}
            for _ in range(STARTS + 1):
                for kind, measure in kinds.items():
                    seen[kind].append(await measure())
    print(f"Starting, median of {STARTS}, and resident memory after {IDLE_SECONDS} idle seconds")
    bare = _medians(next(iter(seen.values())))
    for kind, figures in seen.items():
        seconds, megabytes = _medians(figures)
        print(
            f"  {kind:42} {seconds:5.2f} s ({seconds / bare[0]:4.2f} x bare), "
            f"{megabytes:5.1f} MB ({megabytes / bare[1]:4.2f} x bare)"
        )


def _medians(figures: list[Figures]) -> Figures:
    seconds, megabytes = zip(*figures[1:], strict=True)
    return statistics.median(seconds), statistics.median(megabytes)


async def _bare(folder: Path) -> Figures:
    began = time.perf_counter()
    async with process("-c", _BARE, folder=folder, given={}) as started:
        assert started.stdout is not None
        await started.stdout.readline()
        seconds = time.perf_counter() - began
        await asyncio.sleep(IDLE_SECONDS)
        return seconds, Sample.of(started.pid).rss


async def _program(folder: Path, given: dict[str, str]) -> Figures:
    port = free_port()
    began = time.perf_counter()
    async with process("-m", "bot", "run", folder=folder, given={**given, "PORT": str(port)}) as started:
        await until_ready(f"http://127.0.0.1:{port}")
        seconds = time.perf_counter() - began
        await asyncio.sleep(IDLE_SECONDS)
        return seconds, Sample.of(started.pid).rss
