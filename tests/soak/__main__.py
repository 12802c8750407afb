"""Runs one real process in Socket Mode under a steady load while its sockets fail: `make soak`.

The process has the environment that the systemd unit sets. Ends with 1 when a criterion is not met: memory and
descriptors do not grow, a new socket is opened after each failure, and never is nobody answered for more than five
seconds.
"""

import argparse
import asyncio
import itertools
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.demo.stand_in.delivery import DeliveryError
from bot.demo.stand_in.people import CHANNEL, PEOPLE, TEAM
from bot.demo.stand_in.workspace import Workspace
from tests.benchmarks.figures import MachineLoad
from tests.deploy_files import unit_environment
from tests.instances.cluster import BY_SOCKET, RunningInstance, mail_servers, profile_at, running_instance
from tests.scenario.crowd import crowd
from tests.scenario.operating.test_command_line import GOOD
from tests.soak.failing_sockets import FailingDelivery, SocketFailure
from tests.soak.people import People
from tests.soak.samples import Sample, slope_of, troughs_of

FAILURES = 50
WHOLE_MINUTES = 20.0
SHORTEST_MINUTES = 0.5
WARM_UP, WARM_UP_PACE = 0.4, 3.0
"""The part of the time after which memory and descriptors are judged, and how much more people do until then: Python
and the C library keep what a peak needed, and the highest peak should come before anything is judged."""

TROUGHS = 40
"""Of so many parts of the time, the least memory of each is judged."""

SAMPLE_SECONDS = 5.0
PROBE_SECONDS = 0.1
MOST_GROWTH = 1.0
"""MB an hour."""

LONGEST_SILENCE_SECONDS = 5.0
MOST_NEW_DESCRIPTORS = 5.0
"""Between the mean of the first and of the last third: they come and go with tests, and must not accumulate."""


@dataclass
class Soak:
    """A soak under way, and what it has seen."""

    running: RunningInstance
    delivery: FailingDelivery
    people: People
    seconds: float
    samples: list[Sample] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    tests: Counter[str] = field(default_factory=Counter)

    @property
    def wanted(self) -> int:
        """How many failures there are in this time."""
        return max(4, round(FAILURES * self.seconds / 60 / WHOLE_MINUTES))

    async def run(self) -> None:
        """Run everything until the time is over."""
        everything = (self.people.work(), self._warm_up(), self._sample(), self._probe())
        works = [asyncio.create_task(work) for work in everything]
        until = time.monotonic() + self.seconds
        try:
            for number, failure in zip(range(self.wanted), itertools.cycle(SocketFailure), strict=False):
                left = until - time.monotonic()
                await asyncio.sleep(max(0.0, left / (self.wanted - number) * random.uniform(0.5, 1.2)))
                if await self.delivery.fail(failure):
                    self.failures[failure] += 1
            await asyncio.sleep(max(0.0, until - time.monotonic()))
            self.people.over.set()
            await works[0]
            self.tests = await _tests_counted(self.running.instance.url)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    async def _warm_up(self) -> None:
        self.people.pace = WARM_UP_PACE
        await asyncio.sleep(self.seconds * WARM_UP)
        self.people.pace = 1.0

    async def _sample(self) -> None:
        process = self.running.instance.process
        while process is not None and process.returncode is None:
            self.samples.append(Sample.of(process.pid))
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _probe(self) -> None:
        """Send a command now and again without waiting for its answer, to see when nobody is answered."""
        workspace, under_way = self.running.workspace, set[asyncio.Task[None]]()
        user = self.people.crowd[0].id
        while True:
            payload = {
                "command": "/email-profile",
                "text": "help",
                "team_id": TEAM,
                "user_id": user,
                "channel_id": CHANNEL,
                "trigger_id": workspace.new_trigger(user),
                "response_url": f"{workspace.base_url}/respond/none",
            }
            task = asyncio.create_task(self._ask(payload))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            await asyncio.sleep(PROBE_SECONDS)

    async def _ask(self, payload: dict[str, str]) -> None:
        with suppress(DeliveryError):
            await self.delivery.send("slash_commands", payload)

    def judge(self) -> list[str]:
        """Print what was measured; returns the criteria that are not met."""
        warm = [sample for sample in self.samples if sample.at - self.samples[0].at >= self.seconds * WARM_UP]
        slope = slope_of(troughs_of(warm, self.seconds / TROUGHS))
        descriptors = [sample.descriptors for sample in warm]
        third = len(warm) // 3
        more = statistics.fmean(descriptors[-third:]) - statistics.fmean(descriptors[:third])
        answers = self.delivery.answers
        longest = max([*answers.silences, *answers.seconds])
        times = statistics.quantiles(answers.seconds, n=100)
        rows = [
            ("memory", f"{warm[0].rss:.1f} to {warm[-1].rss:.1f} MB, {slope.growth:+.2f} ± {slope.error:.2f} MB/h"),
            ("descriptors", f"{min(descriptors)} to {max(descriptors)}, {more:+.1f} from the first third to the last"),
            ("threads", f"{min(s.threads for s in warm)} to {max(s.threads for s in warm)}"),
            ("new sockets", f"{self.delivery.new_sockets} of {self.wanted} ({_counted(self.failures)})"),
            ("longest silence", f"{longest:.2f} s; {len(answers.silences)} in all"),
            ("answers", f"{len(answers.seconds)}, p50 {times[49] * 1000:.1f} ms, p99 {times[98] * 1000:.1f} ms"),
            ("not answered", str(answers.unanswered)),
            ("tests", _counted(self.tests)),
            ("acts of people", f"{self.people.done} of {self.people.begun} done"),
            ("unexpected", f"{len(self.people.unexpected)} {self.people.unexpected[:3]}"),
        ]
        for name, figures in rows:
            print(f"  {name:20} {figures}")
        met = {
            f"memory grows less than {MOST_GROWTH} MB/h": slope.growth < MOST_GROWTH,
            "descriptors do not grow": more <= MOST_NEW_DESCRIPTORS,
            "a new socket after each failure": self.delivery.new_sockets >= self.wanted,
            f"never silent for more than {LONGEST_SILENCE_SECONDS:.0f} s": longest <= LONGEST_SILENCE_SECONDS,
            "connection tests were made": self.tests.total() > 0,
            "nothing unexpected": not self.people.unexpected,
        }
        return [criterion for criterion, is_met in met.items() if not is_met]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what}: {count}" for what, count in counts.items())


async def _tests_counted(url: str) -> Counter[str]:
    """Return how many connection tests a process has counted, by how they ended."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        counted = re.findall(r'connection_test_seconds_count{ended="([^"]+)"} (\d+)', await answer.text())
    return Counter({ended: int(count) for ended, count in counted})


@asynccontextmanager
async def soak(folder: Path, seconds: float) -> AsyncIterator[Soak]:
    """Start everything for a soak of so many seconds; yields the soak, which has not begun yet."""
    people = crowd(80)
    workspace = Workspace(
        signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"], people=[*PEOPLE, *people]
    )
    workspace.delivery = delivery = FailingDelivery(workspace.signing_secret)
    async with AsyncExitStack() as stack:
        mail = await stack.enter_async_context(mail_servers(folder))
        profiles = {
            person.id: profile_at(server, person.address)
            for person, server in zip(people, itertools.cycle(mail.servers), strict=False)
        }
        given = {**mail.given, **BY_SOCKET, **unit_environment(), "SMTP_TIMEOUT": "4", "DISCOVERY": "local"}
        running = await stack.enter_async_context(running_instance(folder, workspace, profiles, given))
        everybody = People(workspace=workspace, crowd=people)
        yield Soak(running=running, delivery=delivery, people=everybody, seconds=seconds)


async def main(minutes: float, log: Path | None) -> int:
    """Soak and print; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="soak") as name:
        async with soak(Path(name), minutes * 60) as run:
            environment = " ".join(f"{name}={value}" for name, value in unit_environment().items()) or "nothing"
            print(f"Soaking for {minutes:g} minutes with {run.wanted} failures of sockets; the unit sets {environment}")
            load = MachineLoad()
            await run.run()
            unmet = run.judge()
            print(f"  {load.text()}")
            code = await run.running.instance.stop()
            if log is not None:
                log.write_text("".join(run.running.instance.said), encoding="utf-8")
    if code != 0:
        unmet.append(f"a clean end (it ended with {code})")
    for criterion in unmet:
        print(f"  not met: {criterion}")
    return 1 if unmet else 0


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=WHOLE_MINUTES)
    parser.add_argument("--log", type=Path, help="a file for what the process logs")
    read = parser.parse_args(given)
    if read.minutes < SHORTEST_MINUTES:
        parser.error(f"at least {SHORTEST_MINUTES:g} minutes, or there is too little to judge.")
    return read


if __name__ == "__main__":
    arguments = _arguments(sys.argv[1:])
    sys.exit(asyncio.run(main(arguments.minutes, arguments.log)))
