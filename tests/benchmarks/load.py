"""One real process under load: 500 commands a second for a minute, and then more than it can do."""

import asyncio
import itertools
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path

from bot.demo.delivery import ACK_SECONDS, encoded
from bot.demo.people import CHANNEL, TEAM
from bot.demo.platform import ResponseUrl, Trigger
from bot.demo.workspace import Workspace
from tests.benchmarks.driver import Outcome, Plan
from tests.instances.cluster import RealHouse, mail_street, profile_at, real_house
from tests.scenario.crowd import crowd
from tests.scenario.operating.test_command_line import GOOD
from tests.soak.samples import Sample, cpu_seconds

PEOPLE = 300
RATE = 500
SECONDS = 60.0
OVERLOAD_SECONDS = 15.0
LINES = 512
"""Connections that are kept at most: what stands before a bot does not open more, and lets the rest wait."""

CAPACITY_REQUESTS = 3000
CAPACITY_LINES = 32

MIX = (
    (70, "/email-profile", ""),
    (15, "/email-extra", ""),
    (10, "/email-profile", "edit"),
    (5, "/email-test", ""),
)


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What the process held at the start, at a quarter and at the end in MB, and the CPU seconds that it used."""

    rss: tuple[float, float, float]
    cpu: float


class Load:
    """Load on one process."""

    def __init__(self, house: RealHouse, folder: Path) -> None:
        """Write plans into a folder."""
        self._house = house
        self._folder = folder
        self._number = itertools.count()
        self._chance = random.Random(7)

    async def capacity(self) -> float:
        """Measure how many commands a second are answered, when each waits for another."""
        # Whom the bot sees for the first time it asks Slack about.
        await self._offer([0.0] * PEOPLE * 2, lines=CAPACITY_LINES, patience=300.0)
        due = [0.0] * CAPACITY_REQUESTS
        outcomes, _ = await self._offer(due, lines=CAPACITY_LINES, patience=300.0)
        return len(outcomes) / max(seconds for seconds, _, _ in outcomes if seconds is not None)

    async def offered(self, rate: float, seconds: float) -> None:
        """Offer commands at a rate, at random moments, and print what people get."""
        gaps = (self._chance.expovariate(rate) for _ in range(round(rate * seconds)))
        outcomes, spent = await self._offer(list(itertools.accumulate(gaps)), lines=LINES, patience=ACK_SECONDS)
        print(f"\n{rate:.0f} commands a second for {seconds:.0f} s")
        for line in (*_told(outcomes), _used(spent, seconds)):
            print(f"  {line}")

    async def _offer(self, due: list[float], *, lines: int, patience: float) -> tuple[list[Outcome], Spent]:
        plan = Plan(
            port=int(self._house.instance.url.rsplit(":", 1)[1]),
            secret=self._house.workspace.signing_secret,
            bodies=[self._body() for _ in due],
            due=due,
            lines=lines,
            patience=patience,
        )
        file = self._folder / "plan.json"
        file.write_text(json.dumps(asdict(plan)), encoding="utf-8")
        process = self._house.instance.process
        if process is None:
            raise RuntimeError("The process has ended.")
        before = cpu_seconds(process.pid)
        watch = asyncio.create_task(_watched(process.pid))
        driver = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.benchmarks.driver", str(file), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await driver.communicate()
        watch.cancel()
        sizes = await watch
        spent = Spent(rss=(sizes[0], sizes[len(sizes) // 4], sizes[-1]), cpu=cpu_seconds(process.pid) - before)
        self._house.instance.said.clear()
        return [(one[0], one[1], one[2]) for one in json.loads(out)], spent

    def _body(self) -> str:
        """Write one command of the mix, by somebody; the stand-in knows its trigger and where answers go."""
        workspace, number = self._house.workspace, next(self._number)
        user = f"U1{number * 7 % PEOPLE:03}"
        (_, command, text), *_ = self._chance.choices(MIX, weights=[part for part, _, _ in MIX])
        trigger, answers = f"{number}.load", f"load{number}"
        workspace.triggers[trigger] = Trigger(user=user, until=inf)
        workspace.response_urls[answers] = ResponseUrl(user=user, channel=CHANNEL, until=inf)
        fields = {
            "command": command,
            "text": text,
            "team_id": TEAM,
            "user_id": user,
            "channel_id": CHANNEL,
            "trigger_id": trigger,
            "response_url": f"{workspace.base_url}/respond/{answers}",
        }
        return encoded("slash_commands", fields)[0]


async def _watched(pid: int) -> list[float]:
    """Read the memory of a process twice a second, until it is enough."""
    sizes: list[float] = []
    try:
        while True:
            sizes.append(Sample.of(pid).rss)
            await asyncio.sleep(0.5)
    except asyncio.CancelledError:
        return sizes


def _told(outcomes: Sequence[Outcome]) -> list[str]:
    """Say what people got: answers, that the bot is busy, errors, or nothing."""
    answered = [(seconds, status, said) for seconds, status, said in outcomes if seconds is not None]
    busy = [seconds for seconds, status, said in answered if status == 200 and "busy" in said]
    served = [seconds for seconds, status, said in answered if status == 200 and "busy" not in said]
    failed = sum(status >= 500 for _, status, _ in answered)
    nothing = len(outcomes) - len(answered)
    return [
        f"sent {len(outcomes)}, served {len(served)}, told busy {len(busy)}, 5xx {failed}, "
        f"no answer in {ACK_SECONDS:.0f} s {nothing}",
        f"served after {_times(served)}",
        f"told busy after {_times(busy)}",
    ]


def _times(seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return "-"
    parts = statistics.quantiles(seconds, n=100)
    return f"p50 {parts[49] * 1000:.1f} ms, p99 {parts[98] * 1000:.1f} ms, at most {max(seconds) * 1000:.0f} ms"


def _used(spent: Spent, seconds: float) -> str:
    start, quarter, end = spent.rss
    cpu = f"{spent.cpu / seconds:.0%} of one core"
    return f"memory {start:.1f}, {quarter:.1f} at a quarter, {end:.1f} MB at the end; {cpu}"


async def run() -> None:
    """Measure and print."""
    people = crowd(PEOPLE)
    workspace = Workspace(signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"], people=people)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        street = await stack.enter_async_context(mail_street(folder))
        profiles = {person.id: profile_at(street.silent, person.address) for person in people}
        house = await stack.enter_async_context(real_house(folder, workspace, profiles, street.given))
        load = Load(house, folder)
        capacity = await load.capacity()
        print(f"\nOne process, {PEOPLE} records, SQLite: {capacity:.0f} commands a second, {CAPACITY_LINES} at once")
        await load.offered(RATE, SECONDS)
        for times in (2, 3):
            await load.offered(capacity * times, OVERLOAD_SECONDS)


if __name__ == "__main__":
    asyncio.run(run())
