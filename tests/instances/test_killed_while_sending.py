"""Kill -9 at any moment of a send: no program is told that a letter was taken when it was not, and none is copied."""

import asyncio
import base64
import random
import secrets
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.benchmarks.program import free_port
from tests.counts import scaled
from tests.databases import Maker
from tests.instances.noting_provider import NotingProvider, letter
from tests.instances.processes import PATIENCE
from tests.instances.programs import ProgramValues
from tests.instances.sending_world import SendingWorld, sending_world

pytestmark = pytest.mark.databases("sqlite")

KILLS = scaled(quick=2, full=150)
PEOPLE = scaled(quick=8, full=60)
AT_ONCE = 8
LATEST_KILL = 0.5
"""Seconds after the first letter was under way, at most: some still connect, others wait for their answers."""

LETTERS = 4
"""Of a session, at most."""

SIZES = (0, 2_000, 300_000)

CANARY = "a line of a label"
BROKEN = "the connection broke"


async def test_no_program_is_told_other_than_what_the_provider_did_when_the_bot_is_killed(
    maker: Maker, tmp_path: Path
) -> None:
    diary, chance = Diary(), random.Random()
    async with (
        NotingProvider(tmp_path / "authority.pem", chance=chance) as provider,
        sending_world(maker, tmp_path, provider, people=PEOPLE) as world,
    ):
        port = free_port()
        for _ in range(KILLS):
            await _kill_while_sending(world, port, diary, chance)
        await provider.left()
        # Nothing is sent by a bot that nobody asks to.
        before = provider.taken.total()
        async with world.bot(port):
            assert provider.taken.total() == before
        assert diary.contradictions(provider) == []
        assert [name for name, times in provider.taken.items() if times > 1] == []
        assert provider.taken.keys() <= diary.told.keys()
    told = Counter(reply[:3] for reply in diary.told.values())
    print(f"{KILLS} kills, {len(diary.told)} letters, told {dict(told)}")  # noqa: T201 - the figures
    assert told.keys() >= scaled(quick=set(), full={"250", BROKEN[:3]})
    assert _files_with(CANARY, tmp_path) == []


def _files_with(text: str, folder: Path) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


@dataclass
class Diary:
    """What programs were told of each letter that they gave to its end: the reply, or BROKEN."""

    told: dict[str, str] = field(default_factory=dict)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as soon as a letter is under way."""

    def contradictions(self, provider: NotingProvider) -> list[str]:
        """Say where what was told is not what the provider did."""
        return [
            f"{name}: the program was told “{told}”; at the provider: {provider.way_of.get(name)}"
            for name, told in self.told.items()
            if not _agree(told, provider.taken[name])
        ]


def _agree(told: str, taken: int) -> bool:
    if told.startswith("250"):
        return taken == 1
    return taken == 0 or told == BROKEN or (told.startswith("451 4.4.2") and "may have been sent" in told)


async def _kill_while_sending(world: SendingWorld, port: int, diary: Diary, chance: random.Random) -> None:
    """Start the bot, let programs send, and kill it at any moment."""
    async with world.bot(port) as bot:
        senders = chance.sample(world.programs, AT_ONCE)
        diary.begun.clear()
        sessions = [asyncio.create_task(_send(port, sender, diary, chance)) for sender in senders]
        async with asyncio.timeout(PATIENCE):
            await diary.begun.wait()
        await asyncio.sleep(chance.uniform(0, LATEST_KILL))
        bot.kill()
        await asyncio.gather(*sessions)


async def _send(port: int, program: ProgramValues, diary: Diary, chance: random.Random) -> None:
    """Send as a program does, until the connection breaks."""
    with suppress(OSError, asyncio.IncompleteReadError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await _Session(reader, writer).send(program, diary, chance)
        finally:
            writer.close()


@dataclass
class _Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, program: ProgramValues, diary: Diary, chance: random.Random) -> None:
        await self._reply()
        await self._ask(b"EHLO program.test\r\n")
        words = base64.b64encode(f"\0{program.address}\0{program.token}".encode())
        assert (await self._ask(b"AUTH PLAIN " + words + b"\r\n")).startswith("235")
        for _ in range(LETTERS):
            name = secrets.token_hex(8)
            for line in (f"MAIL FROM:<{program.address}>", "RCPT TO:<printer@elsewhere.test>", "DATA"):
                reply = await self._ask(f"{line}\r\n".encode())
            if reply.startswith("354"):
                diary.told[name] = BROKEN
                diary.begun.set()
                content = letter(name, program.address, chance.choice(SIZES))
                diary.told[name] = await self._ask(content + b".\r\n")

    async def _ask(self, command: bytes) -> str:
        self.writer.write(command)
        return await self._reply()

    async def _reply(self) -> str:
        while (line := await self.reader.readuntil(b"\r\n"))[3:4] == b"-":
            pass
        return line.decode().strip()
