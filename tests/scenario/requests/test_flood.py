"""A flood of requests that nobody signed: whoever types a command meanwhile is answered, and none is lost."""

import asyncio
from urllib.parse import urlsplit

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.platform import searchable
from tests.benchmarks.flood import Flood, FloodPlan
from tests.benchmarks.unsigned import FULL, HALF_OPEN, SECONDS, SMALL, flooded
from tests.counts import PROVE_ONLY
from tests.scenario.people import ADA

pytestmark = pytest.mark.databases("sqlite")

COMMANDS = 10


async def test_whoever_types_a_command_in_a_flood_is_answered(http_demo: Demo) -> None:
    plan = FloodPlan(port=urlsplit(http_demo.bot_url).port or 0, seconds=0.4, small=150, full=15, half_open=80)
    flooding = asyncio.create_task(Flood(plan).run())
    for _ in range(COMMANDS):
        # Of the stand-in as of Slack, an answer that takes three seconds is none.
        await http_demo.workspace.command(ADA, "/email-profile")
    answered = [searchable(message) for message in http_demo.workspace.messages(ADA)]
    assert sum("no email profile yet" in said for said in answered) == COMMANDS
    assert {kind: count for kind, count in (await flooding).items() if kind != "half closed"} == {
        "small 401": 60,
        "full 401": 6,
    }


@PROVE_ONLY
@pytest.mark.timeout(300)
async def test_a_flood_of_the_full_size_delays_no_command_by_a_second_and_loses_none() -> None:
    came = await flooded(small=SMALL, full=FULL, half_open=HALF_OPEN, seconds=SECONDS)
    assert came.lost == 0, came.told()
    assert came.percentile(99) < 1000
    assert {kind for kind in came.flood if kind != "half closed"} == {"small 401", "full 401"}
