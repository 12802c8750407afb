"""How long a search for the settings of an address takes behind a distance, for each of the scripted domains."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.figures import RUNS, Figure, MachineLoad, UnequalWorkError, print_table
from tests.fakes.internet import Internet, internet
from tests.fakes.scripted_domains import (
    BROKEN,
    DOMAINS,
    GOOD,
    HOSTILE,
    ScriptedDomain,
    certificates_of,
    pages_of,
    zone_of,
)

DELAY = 0.025
"""Seconds each way: a round trip of 50 ms."""


@dataclass(frozen=True, kw_only=True)
class Searched:
    """The seconds of one search of each domain of a kind, in one run."""

    seconds: Sequence[float]

    def percentile(self, share: int) -> float:
        """Return the seconds that so many of a hundred searches do not exceed."""
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[share - 1]


KINDS: Mapping[str, Sequence[ScriptedDomain]] = {
    "good domains": GOOD,
    "broken ones that answer": [domain for domain in BROKEN if not domain.timed],
    "hostile ones": HOSTILE,
    "all that answer": [domain for domain in DOMAINS if not domain.timed],
    "where something never answers": [domain for domain in DOMAINS if domain.timed],
}


async def run(runs: int = RUNS) -> None:
    """Search for every domain anew in each run, one after the other, and print a table."""
    load = MachineLoad()
    measured: dict[str, list[Searched]] = {kind: [] for kind in KINDS}
    async with internet(
        zone_of(DOMAINS), pages_of(DOMAINS), certificates=certificates_of(DOMAINS), delay=DELAY
    ) as around:
        # Certificates are made when they are first asked for, and modules are read.
        for domain in DOMAINS:
            await _search(around, domain)
        for _ in range(runs):
            seconds = {domain.domain: await _search(around, domain) for domain in DOMAINS}
            for kind, domains in KINDS.items():
                measured[kind].append(Searched(seconds=[seconds[domain.domain] for domain in domains]))
    print_table(
        [f"a search for settings, {2 * DELAY * 1000:.0f} ms round trip", "domains", "p50", "p95", "longest"],
        [[kind, str(len(KINDS[kind])), *_cells(searched)] for kind, searched in measured.items()],
        runs=runs,
        load=load,
    )


def _cells(searched: Sequence[Searched]) -> list[str]:
    figures = (
        Figure([one.percentile(50) for one in searched]),
        Figure([one.percentile(95) for one in searched]),
        Figure([max(one.seconds) for one in searched]),
    )
    return [Figure([value * 1000 for value in figure.values]).text(0, " ms") for figure in figures]


async def _search(around: Internet, domain: ScriptedDomain) -> float:
    discovery = around.discovery()
    began = time.perf_counter()
    findings = await discovery.find(f"ada@{domain.domain}", domain.own)
    seconds = time.perf_counter() - began
    if (findings.best and findings.best.source) is not (domain.found and domain.found.source):
        raise UnequalWorkError(f"for {domain.domain} it found something else: {findings.best}")
    return seconds
