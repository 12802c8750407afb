"""Letters that end in any way at any moment leave nothing counted behind."""

import asyncio
import random
from contextlib import suppress
from typing import Any

import pytest

from bot.profiles.sending.letters import LetterRefusedError
from bot.profiles.sending.places import BytesInFlight, Places
from bot.profiles.sending.provider_connections import ProviderConnections
from bot.profiles.sending.rates import Rates, sent_on
from bot.profiles.sending.ready_profiles import ReadyProfile
from bot.profiles.sending.sending import SendingSession
from tests.counts import scaled
from tests.fakes.smtp_server import LOGIN, Act, HangUp, Silence, Then, Trickle
from tests.scenario.sending.letters import LETTER, TO, Sent

BAD: dict[str, tuple[Act, ...]] = {
    "greeting": (b"421 4.3.2 busy\r\n", HangUp()),
    "MAIL": (b"451 4.7.1 wait\r\n", b"550 5.7.60 no\r\n", HangUp(), b"354 go\r\n", Silence()),
    "RCPT": (b"450 4.2.1 later\r\n", b"550 5.1.1 no\r\n", HangUp(), Silence()),
    "DATA": (b"554 5.5.1 no\r\n", b"250 2.0.0 OK\r\n", HangUp(), Then(b"421 4.3.2 bye\r\n"), Silence()),
    "content": (b"552 5.3.4 too big\r\n", HangUp()),
    "END": (
        b"554 5.7.1 spam\r\n",
        b"451 4.7.0 later\r\n",
        b"354 more\r\n",
        HangUp(),
        Silence(),
        Trickle(b"250 2.0.0 slow\r\n", pause=0.005),
        b"250 2.0.0 one\r\n250 2.0.0 two\r\n",
    ),
    "RSET": (b"502 5.5.1 what?\r\n", HangUp(), Silence()),
    "QUIT": (HangUp(), Silence()),
}


async def play(session: SendingSession, chance: random.Random, taken: list[bool]) -> None:
    for _ in range(chance.randrange(1, 4)):
        with suppress(LetterRefusedError):
            if chance.random() < 0.3:
                session.hold(chance.randrange(1, 3_000_000))
            await session.begin(LOGIN, size=chance.choice([0, 500, 2_000_000]))
            for number in range(chance.randrange(0, 3)):
                await session.recipient(f"{number}-{TO}")
            if chance.random() < 0.2:
                await session.reset()
            letter = chance.choice([LETTER, LETTER + b"bare\n", LETTER + (b"x" * 76 + b"\r\n") * 20_000])
            taken.append((await session.deliver(letter)).reply.code == 250)


async def program(sent: Sent, chance: random.Random, taken: list[bool]) -> None:
    async with sent.session() as session:
        await play(session, chance, taken)


async def test_whatever_ends_letters_places_bytes_and_counts_are_given_back(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RESET_SECONDS", "GOODBYE_SECONDS"):
        monkeypatch.setattr(f"bot.smtp.transport.connection.{name}", 0.05)
    sending, chance = sent.sending, random.Random(1843)
    sending.rates = Rates(program=1_000_000, workspace=1_000_000)
    sending.places.wait_seconds = 0.5
    taken: list[bool] = []
    for _ in range(scaled(quick=10, full=1_000)):
        steps = chance.sample(sorted(BAD), chance.randrange(0, 3))
        sent.provider.acts = {step: chance.choice(BAD[step]) for step in steps}
        tasks = [asyncio.create_task(program(sent, chance, taken)) for _ in range(chance.randrange(1, 6))]
        await asyncio.sleep(chance.choice([0, 0.01, 0.05, 0.1]))
        for task in tasks:
            if chance.random() < 0.4:
                task.cancel()
                if chance.random() < 0.3:
                    asyncio.get_running_loop().call_later(0.01, task.cancel)
        await asyncio.wait(tasks, timeout=0.4)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(one) for one in ended} <= {type(None), asyncio.CancelledError}, ended
    async with asyncio.timeout(10):
        while any(task.get_name() == "end a letter" for task in asyncio.all_tasks()):
            await asyncio.sleep(0.01)
    assert sending.places._taken == Places()._taken
    assert sending.places.waiting == 0
    assert sending.bytes_in_flight == BytesInFlight()
    # Whoever is told 250 has sent; a letter may have been sent without that.
    assert sum(taken) <= len(sent.letters)
    async with sent.demo.bot.database.reading() as tx:
        counted = await sent_on(tx, sent.sender.person, sent.sender.program, sending.clock().date())
    assert sum(taken) <= counted
    sent.provider.acts = {}
    assert (await sent.send()).reply.code == 250


async def test_a_program_that_goes_away_while_its_owner_is_signed_in_uses_up_no_refused_sign_in(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = ProviderConnections._counted

    async def counted_and_gone(connections: ProviderConnections, ready: ReadyProfile) -> Any:
        counted = await counts(connections, ready)
        sending.cancel()
        await asyncio.sleep(0)
        return counted

    monkeypatch.setattr(ProviderConnections, "_counted", counted_and_gone)
    sent.sending.connections.kept.seconds = 0.0
    for _ in range(3):
        sending = asyncio.create_task(sent.send())
        with pytest.raises(asyncio.CancelledError):
            await sending
    monkeypatch.undo()
    assert (await sent.send()).reply.code == 250
