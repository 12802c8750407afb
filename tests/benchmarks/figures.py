"""Figures that may be published: the median of several runs with its range and the machine's load, for equal work."""

import os
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

RUNS = 5
"""What stands in the README is the median of at least so many runs."""

Result = TypeVar("Result")


class UnequalWorkError(Exception):
    """A side did less than it is compared by; `str(error)` says what."""


@dataclass(frozen=True)
class Failed:
    """A run of a side that counts for nothing."""

    reason: str


@dataclass(frozen=True)
class Figure:
    """One measurement in several runs."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        """The median of the runs."""
        return statistics.median(self.values)

    def text(self, digits: int = 0, unit: str = "") -> str:
        """Write the median with the range in brackets: `3,447/s (3,101–3,580)`."""
        median, low, high = (f"{value:,.{digits}f}" for value in (self.median, min(self.values), max(self.values)))
        return f"{median}{unit} ({low}–{high})"


async def attempted(measuring: Awaitable[Result]) -> Result | Failed:
    """Measure one side once; one that did not do the work has failed, whatever time it took."""
    try:
        return await measuring
    except UnequalWorkError as error:
        return Failed(str(error))


@dataclass
class Comparison(Generic[Result]):
    """What was measured of several sides, each in several runs; the first side named is `base`."""

    base: str
    results: dict[str, list[Result | Failed]] = field(default_factory=dict)

    def note(self, side: str, result: Result | Failed) -> None:
        """Keep one run of a side."""
        self.results.setdefault(side, []).append(result)

    def failure(self, side: str) -> Failed | None:
        """Return the first run in which a side failed, None if it did the work in all of them."""
        return next((result for result in self.results[side] if isinstance(result, Failed)), None)

    def figure(self, side: str, of: Callable[[Result], float]) -> Figure:
        """Return a figure of a side that did not fail."""
        return Figure([of(result) for result in self.results[side] if not isinstance(result, Failed)])

    def ratio(self, side: str, of: Callable[[Result], float]) -> str:
        """Write a side's figure as a multiple of the base's in the same run; a dash where one of them failed."""
        if self.failure(side) or self.failure(self.base):
            return "–"
        pairs = zip(self.figure(side, of).values, self.figure(self.base, of).values, strict=True)
        return Figure([mine / theirs for mine, theirs in pairs]).text(2, " ×")

    def rows(self, cells: Callable[[str], Sequence[str]]) -> list[Sequence[str]]:
        """Return a table's row for each side: its name and `cells`, or why it failed."""
        return [(side, *self._cells(side, cells)) for side in self.results]

    def _cells(self, side: str, cells: Callable[[str], Sequence[str]]) -> Sequence[str]:
        failure = self.failure(side)
        return [f"failed: {failure.reason}"] if failure else cells(side)


class MachineLoad:
    """The load of the machine while something is measured; what is measured is a part of it."""

    def __init__(self) -> None:
        self._before = os.getloadavg()[0]

    def text(self) -> str:
        """Write the load average of one minute, before and now."""
        return (
            f"load of the machine {self._before:.2f} before and {os.getloadavg()[0]:.2f} at the end, "
            f"on {os.cpu_count()} cores"
        )


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, runs: int, load: MachineLoad) -> None:
    """Print a table as the README holds it, and beneath it how it was made."""
    print(f"\n| {' | '.join(header)} |")
    print(f"|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join([*row, *[''] * (len(header) - len(row))])} |")
    print(f"\nMedian of {runs} runs, their range in brackets; {load.text()}.", flush=True)
