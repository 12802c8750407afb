"""Measures every side in turn, and prints a table for time, one for rate, and one for memory."""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.benchmarks.figures import RUNS, Comparison, Failed, MachineLoad, UnequalWorkError, attempted, print_table
from tests.benchmarks.sending import sides
from tests.benchmarks.sending.measuring import (
    Latency,
    Memory,
    Rate,
    latency,
    memory_of_letter,
    memory_of_sessions,
    rate,
)
from tests.benchmarks.sending.provider import Provider, provider
from tests.benchmarks.sending.sides import DIRECTLY, OURS, POSTFIX_EACH, POSTFIX_ONE, PROXY, Side
from tests.fakes.delay_proxy import DelayProxy

DELAY = 0.01
"""Seconds each way to the provider, where time is measured: another town."""

LATER_LETTERS = 20
ALONE = 50
"""Letters of one session; the bot takes sixty of a program in a minute."""
SESSIONS, EACH = 50, 18
"""With the others not more than the bot takes of a workspace in a minute (1,200)."""
MANY_SESSIONS = 200
BIG = 25_000_000

Starting = Callable[[Provider, int, Path], AbstractAsyncContextManager[Side]]


@asynccontextmanager
async def _nothing(there: Provider, port: int, _: Path) -> AsyncIterator[Side]:
    yield sides.directly(there, port)


def _postfix(there: Provider, port: int, _: Path, *, one_account: bool) -> AbstractAsyncContextManager[Side]:
    return sides.postfix(there, port, one_account=one_account)


STARTING: dict[str, Starting] = {
    DIRECTLY: _nothing,
    OURS: sides.ours,
    PROXY: sides.proxy,
    POSTFIX_EACH: partial(_postfix, one_account=False),
    POSTFIX_ONE: partial(_postfix, one_account=True),
}


@dataclass
class Measured:
    """What was measured of all sides."""

    latency: Comparison[Latency] = field(default_factory=lambda: Comparison(base=DIRECTLY))
    alone: Comparison[Rate] = field(default_factory=lambda: Comparison(base=POSTFIX_EACH))
    many: Comparison[Rate] = field(default_factory=lambda: Comparison(base=POSTFIX_EACH))
    sessions: Comparison[Memory] = field(default_factory=lambda: Comparison(base=OURS))
    letter: Comparison[Memory] = field(default_factory=lambda: Comparison(base=OURS))


async def run(runs: int = RUNS) -> None:
    """Measure and print."""
    load, measured = MachineLoad(), Measured()
    for _ in range(runs):
        for name, starting in STARTING.items():
            with tempfile.TemporaryDirectory() as folder:
                Path(folder).chmod(0o755)
                await _far(measured, name, starting, Path(folder))
            with tempfile.TemporaryDirectory() as folder:
                Path(folder).chmod(0o755)
                await _near(measured, name, starting, Path(folder))
    _print_latency(measured, runs, load)
    _print_rates(measured, runs, load)
    _print_memory(measured, runs, load)


async def _far(measured: Measured, name: str, starting: Starting, folder: Path) -> None:
    """Measure the time of letters to a provider at a distance."""

    async def measure() -> Latency:
        async with (
            provider(folder) as there,
            DelayProxy(there.port, DELAY) as distance,
            starting(there, distance.port, folder) as side,
        ):
            return await latency(side, there, letters=LATER_LETTERS)

    measured.latency.note(name, await attempted(measure()))


async def _near(measured: Measured, name: str, starting: Starting, folder: Path) -> None:
    """Measure rates and memory, with a provider that costs no time."""
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(provider(folder))
        try:
            side = await stack.enter_async_context(starting(there, there.port, folder))
        except UnequalWorkError as error:
            for rates in (measured.alone, measured.many):
                rates.note(name, Failed(str(error)))
            for memories in (measured.sessions, measured.letter):
                memories.note(name, Failed(str(error)))
            return
        measured.alone.note(name, await attempted(rate(side, there, sessions=1, letters=ALONE)))
        measured.many.note(name, await attempted(rate(side, there, sessions=SESSIONS, letters=EACH)))
        if not side.processes():
            return
        measured.sessions.note(name, await attempted(memory_of_sessions(side, there, sessions=MANY_SESSIONS)))
        measured.letter.note(name, await attempted(memory_of_letter(side, there, size=BIG)))


def _print_latency(measured: Measured, runs: int, load: MachineLoad) -> None:
    comparison = measured.latency

    def cells(side: str) -> list[str]:
        shown = []
        for of in (_later_answered, _later_delivered, _first_answered, _first_delivered):
            shown += [comparison.figure(side, of).text(1, " ms"), _added(comparison, side, of)]
        return shown

    header = [f"a letter, {DELAY * 1000:.0f} ms each way to the provider"]
    for what in ("taken", "delivered", "first of a session taken", "first delivered"):
        header += [what, "added"]
    print_table(header, comparison.rows(cells), runs=runs, load=load)


def _later_answered(one: Latency) -> float:
    return one.later_answered * 1000


def _later_delivered(one: Latency) -> float:
    return one.later_delivered * 1000


def _first_answered(one: Latency) -> float:
    return one.first_answered * 1000


def _first_delivered(one: Latency) -> float:
    return one.first_delivered * 1000


def _added(comparison: Comparison[Latency], side: str, of: Callable[[Latency], float]) -> str:
    """Write what a side takes longer than nothing between, by the medians; a dash where that cannot be said."""
    if side == comparison.base or comparison.failure(comparison.base):
        return "–"
    return f"{comparison.figure(side, of).median - comparison.figure(comparison.base, of).median:+.1f} ms"


def _print_rates(measured: Measured, runs: int, load: MachineLoad) -> None:
    for comparison, what in ((measured.alone, "1 session"), (measured.many, f"{SESSIONS} sessions at once")):
        print_table(
            [what, "letters a second delivered", "beside Postfix", "taken", "processor for one"],
            comparison.rows(partial(_rate_cells, comparison)),
            runs=runs,
            load=load,
        )


def _rate_cells(comparison: Comparison[Rate], side: str) -> list[str]:
    return [
        comparison.figure(side, lambda one: one.delivered).text(0, "/s"),
        comparison.ratio(side, lambda one: one.delivered),
        comparison.figure(side, lambda one: one.taken).text(0, "/s"),
        comparison.figure(side, lambda one: one.computed * 1000).text(1, " ms"),
    ]


def _print_memory(measured: Measured, runs: int, load: MachineLoad) -> None:
    told = (
        (measured.sessions, f"{MANY_SESSIONS} sessions, each with a small letter"),
        (measured.letter, f"a letter of {BIG // 1_000_000} MB"),
    )
    for comparison, what in told:
        print_table(
            [what, "at most", "before", "added"],
            comparison.rows(partial(_memory_cells, comparison)),
            runs=runs,
            load=load,
        )


def _memory_cells(comparison: Comparison[Memory], side: str) -> list[str]:
    return [
        comparison.figure(side, lambda one: one.most).text(0, " MB"),
        comparison.figure(side, lambda one: one.idle).text(0, " MB"),
        comparison.figure(side, lambda one: one.added).text(0, " MB"),
    ]
