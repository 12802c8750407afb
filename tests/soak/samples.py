"""What a process holds, read from /proc, and how fast it grows."""

import itertools
import math
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a process held at one time: `at` in seconds, `rss` in MB."""

    at: float
    rss: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Sample":
        """Read what a process holds now."""
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        return cls(
            at=time.monotonic(),
            rss=int(status["VmRSS"].split()[0]) / 1024,
            descriptors=sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
            threads=int(status["Threads"]),
        )


def troughs_of(samples: Sequence[Sample], seconds: float) -> list[Sample]:
    """Return the sample with the least memory of each so many seconds: what is under way comes and goes."""
    groups = itertools.groupby(samples, key=lambda sample: (sample.at - samples[0].at) // seconds)
    return [min(group, key=lambda sample: sample.rss) for _, group in groups]


@dataclass(frozen=True, kw_only=True)
class Slope:
    """Growth in MB an hour by least squares, and its standard error."""

    growth: float
    error: float


def slope_of(samples: Sequence[Sample]) -> Slope:
    """Fit a line through the memory of at least three samples."""
    times = [sample.at / HOUR for sample in samples]
    sizes = [sample.rss for sample in samples]
    line = statistics.linear_regression(times, sizes)
    left = sum((size - line.intercept - line.slope * at) ** 2 for at, size in zip(times, sizes, strict=True))
    middle = statistics.fmean(times)
    spread = sum((at - middle) ** 2 for at in times)
    return Slope(growth=line.slope, error=math.sqrt(left / (len(samples) - 2) / spread))


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    # The name of the program, in brackets, may hold blanks.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
