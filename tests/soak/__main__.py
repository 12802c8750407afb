"""Runs one real process in Socket Mode under a steady load while its sockets fail: `make soak`.

Ends with 1 when a promise is broken: memory that does not grow, descriptors that do not either, a new socket after
each mishap, and never more than five seconds in which nobody is answered.
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

from bot.demo.delivery import DeliveryError
from bot.demo.people import CHANNEL, PEOPLE, TEAM
from bot.demo.workspace import Workspace
from tests.deploy_files import image_environment
from tests.instances.cluster import BY_SOCKET, RealHouse, mail_street, profile_at, real_house
from tests.scenario.crowd import crowd
from tests.scenario.operating.test_command_line import GOOD
from tests.soak.people import People
from tests.soak.samples import Sample, slope_of, troughs_of
from tests.soak.unruly import Mishap, UnrulyDelivery

MISHAPS = 50
WHOLE_MINUTES = 20.0
SHORTEST_MINUTES = 0.5
WARM_UP, WARM_UP_PACE = 0.4, 3.0
"""The part of the time after which memory and descriptors are judged, and how much more people do until then: Python
and the C library keep what a peak needed, and the highest one shall have been before anything is judged."""

TROUGHS = 40
"""Of so many parts of the time, each tells the least that was held in it."""

SAMPLE_SECONDS = 5.0
PROBE_SECONDS = 0.1
MOST_GROWTH = 1.0
LONGEST_DEAF = 5.0
MORE_DESCRIPTORS = 5.0
"""Between the mean of the first and of the last third: they come and go with tests, and must not stay."""


@dataclass
class Soak:
    """A soak under way, and what it has seen."""

    house: RealHouse
    delivery: UnrulyDelivery
    people: People
    seconds: float
    samples: list[Sample] = field(default_factory=list)
    mishaps: Counter[str] = field(default_factory=Counter)
    tests: Counter[str] = field(default_factory=Counter)

    @property
    def wanted(self) -> int:
        """How many mishaps there are in this time."""
        return max(4, round(MISHAPS * self.seconds / 60 / WHOLE_MINUTES))

    async def run(self) -> None:
        """Let everything happen, until the time is over."""
        beside = (self.people.work(), self._warm_up(), self._sample(), self._probe())
        works = [asyncio.create_task(work) for work in beside]
        until = time.monotonic() + self.seconds
        try:
            for number, mishap in zip(range(self.wanted), itertools.cycle(Mishap), strict=False):
                left = until - time.monotonic()
                await asyncio.sleep(max(0.0, left / (self.wanted - number) * random.uniform(0.5, 1.2)))
                if await self.delivery.suffer(mishap):
                    self.mishaps[mishap] += 1
            await asyncio.sleep(max(0.0, until - time.monotonic()))
            self.people.over.set()
            await works[0]
            self.tests = await _tests_counted(self.house.instance.url)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    async def _warm_up(self) -> None:
        self.people.pace = WARM_UP_PACE
        await asyncio.sleep(self.seconds * WARM_UP)
        self.people.pace = 1.0

    async def _sample(self) -> None:
        process = self.house.instance.process
        while process is not None and process.returncode is None:
            self.samples.append(Sample.of(process.pid))
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _probe(self) -> None:
        """Send a command now and again and wait for no answer, to see when nobody listens."""
        workspace, under_way = self.house.workspace, set[asyncio.Task[None]]()
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
            task = asyncio.create_task(self._asked(payload))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            await asyncio.sleep(PROBE_SECONDS)

    async def _asked(self, payload: dict[str, str]) -> None:
        with suppress(DeliveryError):
            await self.delivery.send("slash_commands", payload)

    def judge(self) -> list[str]:
        """Print what was seen; gives the promises that were broken."""
        warm = [sample for sample in self.samples if sample.at - self.samples[0].at >= self.seconds * WARM_UP]
        slope = slope_of(troughs_of(warm, self.seconds / TROUGHS))
        descriptors = [sample.descriptors for sample in warm]
        third = len(warm) // 3
        more = statistics.fmean(descriptors[-third:]) - statistics.fmean(descriptors[:third])
        answers = self.delivery.answers
        longest = max([*answers.deaf, *answers.seconds])
        times = statistics.quantiles(answers.seconds, n=100)
        rows = [
            ("memory", f"{warm[0].rss:.1f} to {warm[-1].rss:.1f} MB, {slope.growth:+.2f} ± {slope.error:.2f} MB/h"),
            ("descriptors", f"{min(descriptors)} to {max(descriptors)}, {more:+.1f} from the first third to the last"),
            ("threads", f"{min(s.threads for s in warm)} to {max(s.threads for s in warm)}"),
            ("new sockets", f"{self.delivery.new_sockets} of {self.wanted} ({_counted(self.mishaps)})"),
            ("longest deaf moment", f"{longest:.2f} s; {len(answers.deaf)} in all"),
            ("answers", f"{len(answers.seconds)}, p50 {times[49] * 1000:.1f} ms, p99 {times[98] * 1000:.1f} ms"),
            ("not answered", str(answers.lost)),
            ("tests", _counted(self.tests)),
            ("acts of people", f"{self.people.done}, {len(self.people.oddities)} odd ({self.people.oddities[:3]})"),
        ]
        for name, figures in rows:
            print(f"  {name:20} {figures}")
        kept = {
            f"memory grows less than {MOST_GROWTH} MB/h": slope.growth < MOST_GROWTH,
            "descriptors stay as many": more <= MORE_DESCRIPTORS,
            "a new socket after each mishap": self.delivery.new_sockets >= self.wanted,
            f"never deaf for more than {LONGEST_DEAF:.0f} s": longest <= LONGEST_DEAF,
            "nothing odd": not self.people.oddities,
        }
        return [promise for promise, was_kept in kept.items() if not was_kept]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what}: {count}" for what, count in counts.items())


async def _tests_counted(url: str) -> Counter[str]:
    """Give the connection tests that a process has counted, by how they ended."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        counted = re.findall(r'connection_test_seconds_count{ended="([^"]+)"} (\d+)', await answer.text())
    return Counter({ended: int(count) for ended, count in counted})


@asynccontextmanager
async def soak(folder: Path, seconds: float) -> AsyncIterator[Soak]:
    """Start everything for a soak of so many seconds."""
    people = crowd(80)
    workspace = Workspace(
        signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"], people=[*PEOPLE, *people]
    )
    workspace.delivery = delivery = UnrulyDelivery(workspace.signing_secret)
    async with AsyncExitStack() as stack:
        street = await stack.enter_async_context(mail_street(folder))
        profiles = {
            person.id: profile_at(server, person.address)
            for person, server in zip(people, itertools.cycle(street.servers), strict=False)
        }
        as_deployed = {"MALLOC_ARENA_MAX": image_environment()["MALLOC_ARENA_MAX"]}
        given = {**street.given, **BY_SOCKET, **as_deployed, "SMTP_TIMEOUT": "4"}
        house = await stack.enter_async_context(real_house(folder, workspace, profiles, given))
        yield Soak(house=house, delivery=delivery, people=People(workspace=workspace, crowd=people), seconds=seconds)


async def main(minutes: float, log: Path | None) -> int:
    """Soak, print, and give the exit code."""
    with tempfile.TemporaryDirectory(prefix="soak") as name:
        async with soak(Path(name), minutes * 60) as run:
            print(f"Soaking for {minutes:g} minutes with {run.wanted} mishaps", flush=True)
            await run.run()
            broken = run.judge()
            code = await run.house.instance.stop()
            if log is not None:
                log.write_text("".join(run.house.instance.said), encoding="utf-8")
    if code != 0:
        broken.append(f"a clean end (it ended with {code})")
    for promise in broken:
        print(f"  broken: {promise}")
    return 1 if broken else 0


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=WHOLE_MINUTES)
    parser.add_argument("--log", type=Path, help="a file for what the process wrote")
    read = parser.parse_args(given)
    if read.minutes < SHORTEST_MINUTES:
        parser.error(f"at least {SHORTEST_MINUTES:g} minutes, or there is nothing to judge.")
    return read


if __name__ == "__main__":
    arguments = _arguments(sys.argv[1:])
    sys.exit(asyncio.run(main(arguments.minutes, arguments.log)))
