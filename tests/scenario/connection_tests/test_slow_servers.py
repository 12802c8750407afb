"""Servers that say nothing: the test ends in time, and the bot goes on answering."""

import asyncio
import statistics
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from tests.fakes.smtp_server import OneServerNetwork, ScriptedServer, Silence
from tests.scenario.people import ADA, GRACE, set_up

TIMEOUT = 2.0


async def ack_seconds(demo: Demo, user: str, command: str) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await demo.workspace.command(user, command)
    return loop.time() - began


@pytest.mark.parametrize("extra", ["TLS Y", "SSL Y"])
async def test_a_silent_server_ends_in_time_with_its_stage_and_others_are_answered(tmp_path: Path, extra: str) -> None:
    acts = {"greeting": Silence(), "connect": Silence()}
    async with (
        ScriptedServer(acts=acts) as server,
        running_demo(tmp_path, network=OneServerNetwork(server.port), smtp_timeout=TIMEOUT) as demo,
    ):
        await set_up(demo, ADA, extra=extra)
        loop = asyncio.get_running_loop()
        began = loop.time()
        asked = asyncio.create_task(demo.workspace.command(ADA, "/email-test"))
        acks = []
        while not demo.bot.jobs.running:
            await asyncio.sleep(0.002)
        while not asked.done() or demo.bot.jobs.running:
            acks.append(await ack_seconds(demo, GRACE, "/email-profile"))
            await asyncio.sleep(0.02)
        await asked
        # What a busy machine takes besides.
        assert loop.time() - began < TIMEOUT + 1
        stage = "Greeting" if extra == "TLS Y" else "Encryption"
        report = searchable(await demo.workspace.wait_message(ADA, f"Connection test failed at {stage}"))
        assert "did not answer in time" in report
        # Measured far below; the median bears a busy machine's single hiccups.
        assert len(acks) > 3
        assert statistics.median(acks) < 0.1
        assert demo.workspace.refusals == []


async def test_a_test_under_way_is_shown_stage_by_stage_in_one_message(tmp_path: Path) -> None:
    async with (
        ScriptedServer(acts={"greeting": Silence()}) as server,
        running_demo(tmp_path, network=OneServerNetwork(server.port), smtp_timeout=5) as demo,
    ):
        card = await set_up(demo, ADA)
        demo.workspace.all_messages[:] = [card]
        await demo.workspace.press(ADA, "Test connection", message=card)
        shown = searchable(await demo.workspace.wait_message(ADA, "*Greeting* running"))
        assert ":white_check_mark: *Connect* passed" in shown
        await demo.workspace.wait_message(ADA, "Connection test failed at Greeting")
        (message,) = demo.workspace.messages(ADA)
        # The card, the beginning, twice how far it is, and the end.
        assert message.revision <= 5


async def test_a_second_test_of_the_same_profile_has_to_wait(tmp_path: Path) -> None:
    async with (
        ScriptedServer(acts={"greeting": Silence()}) as server,
        running_demo(tmp_path, network=OneServerNetwork(server.port), smtp_timeout=1.5) as demo,
    ):
        await set_up(demo, ADA)
        await asyncio.gather(*(demo.workspace.command(ADA, "/email-test") for _ in range(2)))
        await demo.workspace.wait_message(ADA, "running already")
        await demo.workspace.wait_message(ADA, "Connection test failed at Greeting")
        assert server.connections <= 2
