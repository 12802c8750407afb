"""Two instances on one PostgreSQL serve programs: what one of them counts, blocks or ends, the other knows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.demo.stand_in.people import TEAM
from bot.profiles.people.access import Person
from bot.profiles.tokens.secret_token import SecretToken
from tests.benchmarks.program import free_port
from tests.counts import PROVE_ONLY
from tests.databases import Maker
from tests.fakes.smtp_client import RawClient, plain
from tests.instances.noting_provider import NotingProvider, Way, letter
from tests.instances.programs import ProgramValues, program_tokens
from tests.instances.sending_world import SendingWorld, sending_world

pytestmark = [pytest.mark.databases("postgresql"), PROVE_ONLY]

MESSAGES_A_DAY = 4


@asynccontextmanager
async def _two(maker: Maker, folder: Path) -> AsyncIterator[tuple[SendingWorld, NotingProvider, tuple[int, int]]]:
    ports = (free_port(), free_port())
    async with (
        NotingProvider(folder / "authority.pem", {Way.TAKEN: 1}) as provider,
        sending_world(maker, folder, provider, people=3, messages_a_day=MESSAGES_A_DAY) as world,
        world.bot(ports[0]),
        world.bot(ports[1]),
    ):
        yield world, provider, ports


async def _send(port: int, program: ProgramValues, name: str) -> str:
    """Send one letter in a session of its own; return the last reply."""
    async with RawClient(port) as client:
        await client.signed_in(program.address, program.token)
        for line in (f"MAIL FROM:<{program.address}>", "RCPT TO:<printer@elsewhere.test>", "DATA"):
            reply = await client.say(line)
            if reply[0] not in "23":
                return reply
        client.send(letter(name, program.address) + b".\r\n")
        return await client.reply()


async def _sign_in(port: int, program: ProgramValues, token: str, *, local: str = "127.0.0.1") -> str:
    async with RawClient(port, local=local) as client:
        await client.greeted()
        return await client.say(f"AUTH PLAIN {plain(program.address, token)}")


async def test_instances_share_tokens_and_limits(maker: Maker, tmp_path: Path) -> None:
    async with _two(maker, tmp_path) as (world, provider, ports):
        first, second, third = world.programs
        for number in range(MESSAGES_A_DAY):
            assert (await _send(ports[number % 2], first, f"letter-{number}")).startswith("250 "), number
        for port in ports:
            assert (await _send(port, first, "one-more")).startswith("451 4.7.1 "), port
            assert (await _send(port, second, f"of-another-{port}")).startswith("250 ")
        async with world.database() as database:
            owner = Person(workspace=TEAM, user=second.user)
            assert await program_tokens(database).remove(caller=owner, owner=owner, program_id=second.id)
        for port in ports:
            assert (await _sign_in(port, second, second.token)).startswith("535 "), port
        # With the one above, which counts once, that makes ten within a quarter of an hour, of the loopback's network.
        for number in range(9):
            guess = SecretToken.generate().secret().get_secret_value()
            assert (await _sign_in(ports[number % 2], third, guess)).startswith("535 "), number
        for port in ports:
            assert (await _sign_in(port, third, third.token)).startswith("454 4.7.0 "), port
        assert provider.taken.total() == MESSAGES_A_DAY + len(ports)
        assert provider.taken["one-more"] == 0
