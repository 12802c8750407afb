"""Commands of people while strangers flood the bot: 1,000 small and 100 full-size unsigned requests a second for 20 s.

Three processes share the machine: the bot, the driver of the commands, and the flood.
"""

import asyncio
import itertools
import json
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.demo.stand_in.delivery import ACK_SECONDS, encoded
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.workspace import Workspace
from tests.benchmarks.driver import Outcome, Plan
from tests.benchmarks.figures import RUNS, Figure, MachineLoad, print_table
from tests.benchmarks.flood import FloodPlan
from tests.deploy_files import unit_environment
from tests.instances.cluster import mail_servers, profile_at, running_instance
from tests.scenario.crowd import crowd
from tests.scenario.operating.test_command_line import GOOD
from tests.soak.samples import cpu_seconds

PEOPLE = 20
COMMANDS = 20
"""Commands a second meanwhile: a workspace of some thousand people at its busiest."""
SMALL, FULL, HALF_OPEN, SECONDS = 1000, 100, 300, 20.0
LINES = 64


@dataclass(frozen=True, kw_only=True)
class Flooded:
    """What people got, and what the flood got; CPU seconds of the bot and of the flood."""

    outcomes: Sequence[Outcome]
    flood: Mapping[str, int]
    bot_cpu: float
    flood_cpu: float

    @property
    def seconds(self) -> list[float]:
        """How long the acknowledgements took that came and were good."""
        return [seconds for seconds, status, _ in self.outcomes if seconds is not None and status == 200]

    @property
    def lost(self) -> int:
        """How many commands were not acknowledged."""
        return len(self.outcomes) - len(self.seconds)

    def percentile(self, percent: int) -> float:
        """Return a percentile of the acknowledgements, in milliseconds."""
        return statistics.quantiles(self.seconds, n=100)[percent - 1] * 1000

    def told(self) -> str:
        """Say what came of the flood."""
        return ", ".join(f"{what}: {count:,}" for what, count in sorted(self.flood.items()))


async def flooded(
    *,
    small: int,
    full: int,
    half_open: int,
    seconds: float,
    kept: bool = True,
    commands: int = COMMANDS,
    given: Mapping[str, str] | None = None,
) -> Flooded:
    """Start a bot, let people type commands and strangers flood it, and return what came of both."""
    people = crowd(PEOPLE)
    workspace = Workspace(signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"], people=people)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mail = await stack.enter_async_context(mail_servers(folder))
        profiles = {person.id: profile_at(mail.silent, person.address) for person in people}
        settings = {**mail.given, **unit_environment(), **(given or {})}
        running = await stack.enter_async_context(running_instance(folder, workspace, profiles, settings))
        port = int(running.instance.url.rsplit(":", 1)[1])
        bodies = [
            encoded(
                "slash_commands", {"command": "/email-profile", "team_id": TEAM, "user_id": person.id, "x": str(n)}
            )[0]
            for n, person in zip(range(round(commands * seconds)), itertools.cycle(people))
        ]
        plan = Plan(
            port=port,
            secret=workspace.signing_secret,
            bodies=bodies,
            due=[number / commands for number in range(len(bodies))],
            lines=LINES,
            patience=ACK_SECONDS,
        )
        flood = FloodPlan(port=port, seconds=seconds, small=small, full=full, half_open=half_open, kept=kept)
        process = running.instance.process
        assert process is not None
        before = cpu_seconds(process.pid)
        (driven, _), (answered, flood_cpu) = await asyncio.gather(
            _run("tests.benchmarks.driver", folder / "plan.json", asdict(plan)),
            _run("tests.benchmarks.flood", folder / "flood.json", asdict(flood)),
        )
        running.instance.said.clear()
        return Flooded(
            outcomes=[(one[0], one[1], one[2]) for one in json.loads(driven)],
            flood=json.loads(answered),
            bot_cpu=cpu_seconds(process.pid) - before,
            flood_cpu=flood_cpu,
        )


async def _run(module: str, file: Path, plan: object) -> tuple[bytes, float]:
    """Run a client in a process of its own; returns what it wrote, and its CPU seconds as far as they were read."""
    file.write_text(json.dumps(plan), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, str(file), stdout=asyncio.subprocess.PIPE
    )
    reading = asyncio.create_task(_cpu_of(process.pid))
    out, _ = await process.communicate()
    reading.cancel()
    return out, await reading


async def _cpu_of(pid: int) -> float:
    used = 0.0
    try:
        while True:
            used = cpu_seconds(pid)
            await asyncio.sleep(0.2)
    except (asyncio.CancelledError, OSError):
        return used


async def run(runs: int = RUNS) -> None:
    """Measure and print."""
    load = MachineLoad()
    alone = [await flooded(small=0, full=0, half_open=0, seconds=SECONDS) for _ in range(runs)]
    kept, fresh = [
        [await flooded(small=SMALL, full=FULL, half_open=HALF_OPEN, seconds=SECONDS, kept=kept) for _ in range(runs)]
        for kept in (True, False)
    ]
    rows = [
        _row("commands acknowledged: half within, ms", [alone, kept, fresh], lambda one: one.percentile(50)),
        _row("commands acknowledged: 99 of 100 within, ms", [alone, kept, fresh], lambda one: one.percentile(99)),
        _row("commands lost", [alone, kept, fresh], lambda one: one.lost),
        _row("the bot, of one core, %", [alone, kept, fresh], lambda one: one.bot_cpu / SECONDS * 100),
        _row("the flood, of one core, %", [alone, kept, fresh], lambda one: one.flood_cpu / SECONDS * 100),
    ]
    print_table(
        [f"{COMMANDS} commands a second", "alone", "flooded", "flooded, each on a connection of its own"],
        rows,
        runs=runs,
        load=load,
    )
    for number, one in enumerate([*kept, *fresh], 1):
        counts = Counter(status for _, status, _ in one.outcomes)
        print(f"  run {number}: commands {dict(counts)}; {one.told()}.", flush=True)


def _row(name: str, sides: Sequence[Sequence[Flooded]], of: Callable[[Flooded], float]) -> list[str]:
    return [name, *(Figure([of(one) for one in side]).text() for side in sides)]
