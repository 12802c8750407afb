"""What changes while a letter waits, for a place or for its program, holds for that letter too."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.profiles.sending import places as places_module
from bot.profiles.sending.letters import Cause, LetterRefusedError, Outcome
from tests.fakes.smtp_server import LOGIN
from tests.scenario.people import ADA, run_test
from tests.scenario.sending.letters import LETTER, TO, Sent


async def remove_program(sent: Sent) -> None:
    await sent.demo.workspace.command(ADA, "/email-profile", "programs remove Label printer")


async def change_profile(sent: Sent) -> None:
    await sent.demo.workspace.command(ADA, "/email-extra", "add FROM_NAME Ada")


async def fail_test(sent: Sent) -> None:
    sent.provider.acts = {"verdict": b"535 5.7.8 Authentication failed\r\n"}
    await run_test(sent.demo, ADA)


async def while_it_waits(sent: Sent, happens: Callable[[Sent], Awaitable[None]]) -> Outcome | Cause:
    """Return what becomes of a letter while something happens; the one before it leaves a connection that is kept."""
    async with sent.session() as first:
        assert (await first.begin(LOGIN)).code == 250
        assert (await first.recipient(TO)).code == 250
        second = asyncio.create_task(sent.send())
        async with asyncio.timeout(5):
            while not sent.sending.places.waiting:
                await asyncio.sleep(0.01)
        await happens(sent)
        await first.reset()
        try:
            return (await second).outcome
        except LetterRefusedError as refused:
            return refused.cause


@pytest.mark.parametrize(
    ("happens", "became", "connections"),
    [(remove_program, Cause.ENDED, 1), (change_profile, Outcome.TAKEN, 2), (fail_test, Cause.NOT_READY, 2)],
)
async def test_a_letter_that_waited_leaves_by_the_profile_and_the_token_as_they_are_then(
    sent: Sent,
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[Sent], Awaitable[None]],
    became: Outcome | Cause,
    connections: int,
) -> None:
    monkeypatch.setattr(places_module, "MOST_ELSEWHERE", 1)
    assert await while_it_waits(sent, happens) == became
    assert (len(sent.letters), sent.provider.connections) == (int(became is Outcome.TAKEN), connections)
    assert sent.sending.places.taken == 0


@pytest.mark.parametrize(
    ("happens", "became"), [(remove_program, Cause.ENDED), (fail_test, Cause.NOT_READY), (change_profile, None)]
)
async def test_a_letter_whose_program_is_slow_is_not_sent_once_its_token_has_ended(
    sent: Sent, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Sent], Awaitable[None]], became: Cause | None
) -> None:
    monkeypatch.setattr("bot.profiles.sending.sending.READ_SECONDS", 0.0)
    async with sent.session() as session:
        await session.begin(LOGIN)
        await session.recipient(TO)
        await happens(sent)
        if became is None:
            assert (await session.deliver(LETTER)).outcome is Outcome.TAKEN
        else:
            with pytest.raises(LetterRefusedError) as refused:
                await session.deliver(LETTER)
            assert refused.value.cause is became
    assert len(sent.letters) == int(became is None)
    assert (sent.sending.places.taken, sent.sending.bytes_in_flight.held) == (0, 0)
