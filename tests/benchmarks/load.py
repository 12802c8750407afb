"""One real process under load: 500 commands a second for a minute, and then twice what it can do.

Each run is a process of its own, started with the environment that the unit file sets.
"""

import asyncio
import itertools
import json
import random
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path

from bot.demo.stand_in.delivery import ACK_SECONDS, encoded
from bot.demo.stand_in.people import CHANNEL, TEAM
from bot.demo.stand_in.platform import ResponseUrl, Trigger
from bot.demo.stand_in.workspace import Workspace
from tests.benchmarks.driver import Outcome, Plan
from tests.benchmarks.figures import RUNS, Figure, MachineLoad, print_table
from tests.deploy_files import unit_environment
from tests.instances.cluster import RunningInstance, mail_servers, profile_at, running_instance
from tests.scenario.crowd import crowd
from tests.scenario.operating.test_command_line import GOOD
from tests.soak.samples import Sample, cpu_seconds

PEOPLE = 300
RATE = 500
SECONDS = 60.0
OVERLOAD = 2
OVERLOAD_SECONDS = 15.0
LINES = 512
"""Connections that are kept at most: what stands before a bot does not open more, and lets the rest wait."""

CAPACITY_REQUESTS = 3000
CAPACITY_LINES = 32

Command = tuple[str, str]

MIX: Sequence[tuple[int, Command]] = (
    (70, ("/email-profile", "")),
    (15, ("/email-extra", "")),
    (10, ("/email-profile", "edit")),
    (5, ("/email-test", "transcript")),
)
ANSWERS = {("/email-profile", ""): "Your email profile: ", ("/email-extra", ""): "Extra configurations: "}
"""What the answer to a look says first; a form opens past the answer, and nobody has a transcript yet."""


@dataclass(frozen=True, kw_only=True)
class Offered:
    """What came of commands that were offered: outcomes by command, MB at start, a quarter and end, CPU seconds.

    `forms` is how many forms were opened meanwhile.
    """

    commands: Sequence[Command]
    outcomes: Sequence[Outcome]
    rss: tuple[float, float, float]
    cpu: float
    forms: int

    def seconds(self, kind: str) -> list[float]:
        """Return how long the answers of a kind took."""
        return [
            outcome[0]
            for command, outcome in zip(self.commands, self.outcomes, strict=True)
            if outcome[0] is not None and kind_of(command, outcome) == kind
        ]

    def percentile(self, kind: str, percent: int) -> float:
        """Return a percentile of these, in milliseconds; 0 where there are none."""
        seconds = self.seconds(kind)
        return statistics.quantiles(seconds, n=100)[percent - 1] * 1000 if len(seconds) > 1 else 0.0

    def counts(self) -> Counter[str]:
        """Count what became of them."""
        return Counter(map(kind_of, self.commands, self.outcomes))

    def told(self) -> str:
        """Say what became of all of them."""
        edits = sum(command == ("/email-profile", "edit") for command in self.commands)
        told = ", ".join(f"{kind} {count:,}" for kind, count in self.counts().most_common())
        return f"{len(self.outcomes):,} sent: {told}; {self.forms:,} of {edits:,} forms opened"


def kind_of(command: Command, outcome: Outcome) -> str:
    """Say what one command came to: served, busy, wrong (another answer than it should have), 5xx, silent."""
    seconds, status, said = outcome
    if seconds is None:
        return "silent"
    if status != 200:
        return "5xx" if status >= 500 else f"status {status}"
    if "busy" in said:
        return "busy"
    wrong = "Something went wrong" in said or ANSWERS.get(command, "") not in said
    return "wrong" if wrong else "served"


class Load:
    """Load on one process."""

    def __init__(self, running: RunningInstance, folder: Path) -> None:
        self._running = running
        self._folder = folder
        self._number = itertools.count()
        self._chance = random.Random(7)

    async def capacity(self) -> float:
        """Measure how many commands a second are answered, when each waits for another."""
        # Whom the bot sees for the first time it asks Slack about.
        await self._offer([0.0] * PEOPLE * 2, lines=CAPACITY_LINES, patience=300.0)
        offered = await self._offer([0.0] * CAPACITY_REQUESTS, lines=CAPACITY_LINES, patience=300.0)
        return len(offered.outcomes) / max(seconds for seconds, _, _ in offered.outcomes if seconds is not None)

    async def offered(self, rate: float, seconds: float) -> Offered:
        """Offer commands at a rate, at random moments, and return what people get."""
        gaps = (self._chance.expovariate(rate) for _ in range(round(rate * seconds)))
        return await self._offer(list(itertools.accumulate(gaps)), lines=LINES, patience=ACK_SECONDS)

    async def _offer(self, due: list[float], *, lines: int, patience: float) -> Offered:
        commands = self._chance.choices([one for _, one in MIX], weights=[part for part, _ in MIX], k=len(due))
        plan = Plan(
            port=int(self._running.instance.url.rsplit(":", 1)[1]),
            secret=self._running.workspace.signing_secret,
            bodies=[self._body(*command) for command in commands],
            due=due,
            lines=lines,
            patience=patience,
        )
        file = self._folder / "plan.json"
        file.write_text(json.dumps(asdict(plan)), encoding="utf-8")
        process = self._running.instance.process
        if process is None:
            raise RuntimeError("The process has ended.")
        before, forms = cpu_seconds(process.pid), self._running.workspace.calls("views.open")
        watch = asyncio.create_task(_watched(process.pid))
        driver = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.benchmarks.driver", str(file), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await driver.communicate()
        watch.cancel()
        sizes = await watch
        self._running.instance.said.clear()
        return Offered(
            commands=commands,
            outcomes=[(one[0], one[1], one[2]) for one in json.loads(out)],
            rss=(sizes[0], sizes[len(sizes) // 4], sizes[-1]),
            cpu=cpu_seconds(process.pid) - before,
            forms=self._running.workspace.calls("views.open") - forms,
        )

    def _body(self, command: str, text: str) -> str:
        """Write a command by somebody; the stand-in knows its trigger and where answers go."""
        workspace, number = self._running.workspace, next(self._number)
        user = f"U1{number * 7 % PEOPLE:03}"
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
    """Read the memory of a process twice a second, until this is cancelled."""
    sizes: list[float] = []
    try:
        while True:
            sizes.append(Sample.of(pid).rss)
            await asyncio.sleep(0.5)
    except asyncio.CancelledError:
        return sizes


async def _measured() -> tuple[float, Offered, Offered]:
    """Measure one process: what it can do, the steady load, and too much."""
    people = crowd(PEOPLE)
    workspace = Workspace(signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"], people=people)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mail = await stack.enter_async_context(mail_servers(folder))
        profiles = {person.id: profile_at(mail.silent, person.address) for person in people}
        given = {**mail.given, **unit_environment()}
        running = await stack.enter_async_context(running_instance(folder, workspace, profiles, given))
        load = Load(running, folder)
        capacity = await load.capacity()
        steady = await load.offered(RATE, SECONDS)
        return capacity, steady, await load.offered(capacity * OVERLOAD, OVERLOAD_SECONDS)


async def run(runs: int = RUNS) -> None:
    """Measure and print."""
    load = MachineLoad()
    results = [await _measured() for _ in range(runs)]
    capacity = Figure([one for one, _, _ in results]).text(0, "/s")
    steady, too_much = [one for _, one, _ in results], [one for _, _, one in results]
    rows = [
        ["as many as it can, each waiting for another, 32 at once", capacity],
        *rows_of(
            f"{RATE} a second for {SECONDS:.0f} s",
            steady,
            allowed={"served"},
            figures={
                "half within, ms": lambda one: one.percentile("served", 50),
                "99 of 100 within, ms": lambda one: one.percentile("served", 99),
                "memory at the start, MB": lambda one: one.rss[0],
                "at a quarter, MB": lambda one: one.rss[1],
                "at the end, MB": lambda one: one.rss[2],
                "of one core, %": lambda one: one.cpu / SECONDS * 100,
            },
        ),
        *rows_of(
            f"{OVERLOAD} times as many as it can",
            too_much,
            allowed={"served", "busy", "silent"},
            figures={
                "served: 99 of 100 within, ms": lambda one: one.percentile("served", 99),
                "told that it is busy: 99 of 100 within, ms": lambda one: one.percentile("busy", 99),
            },
        ),
    ]
    print_table([f"one process, {PEOPLE} records, SQLite", ""], rows, runs=runs, load=load)
    for number, (one, more) in enumerate(zip(steady, too_much, strict=True), 1):
        print(f"  run {number}: {one.told()}. Too much: {more.told()}.", flush=True)


def rows_of(
    name: str, runs: Sequence[Offered], *, allowed: Set[str], figures: Mapping[str, Callable[[Offered], float]]
) -> list[Sequence[str]]:
    """Write a row for each figure; or only why there is none, when something else than `allowed` came of a command."""
    for run in runs:
        if set(run.counts()) - allowed:
            return [[name, f"failed: {run.told()}"]]
    return [[f"{name}: {what}", Figure([of(run) for run in runs]).text()] for what, of in figures.items()]
