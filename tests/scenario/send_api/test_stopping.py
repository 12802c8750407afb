"""A stop while letters are under way: they come to their end, and no other is begun."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.fakes.smtp_server import Trickle
from tests.scenario.send_api.conftest import MakeProgram

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

LETTER = {"to": "grace@mail.test", "text": "x"}


async def test_a_letter_under_way_gets_its_answer_and_the_next_is_refused(make_program: MakeProgram) -> None:
    async with aiohttp.ClientSession() as session, AsyncExitStack() as running:
        slow = {"END": Trickle(b"250 2.0.0 queued\r\n", pause=0.02)}
        program = await running.enter_async_context(make_program(slow))
        program.session = session
        sending = asyncio.create_task(program.send(LETTER))
        async with asyncio.timeout(5):
            while not program.letters:
                await asyncio.sleep(0.005)
        stopping = asyncio.create_task(running.aclose())
        async with asyncio.timeout(5):
            while not program.demo.bot.health.draining:
                await asyncio.sleep(0.005)
        refused = await program.send(LETTER)
        assert (refused.status, refused.problem) == (503, "unavailable")
        assert "nothing was sent" in refused.members["detail"]
        assert (await sending).status == 200
        await stopping
        assert len(program.letters) == 1
