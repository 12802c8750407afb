"""Generated sessions of hostile clients: never another's From, never a second message, no crash, nothing left over."""

import asyncio
import itertools
import logging
import re
from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.counts import scaled
from tests.scenario.programs.conftest import ADA_ADDRESS, Reached, opened
from tests.scenario.programs.hostile import ENDS, EVE, SESSIONS, play

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def attacked(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    """A bot whose loop runs while a session is played."""
    opening = opened(tmp_path_factory.mktemp("attacked"), None)
    reached = runner.run(opening.__aenter__())
    yield reached
    runner.run(opening.__aexit__(None, None, None))


def check_letters(reached: Reached) -> int:
    """Check every letter that was delivered, and forget them; returns how many there were."""
    for letter in reached.delivered:
        assert letter.sender.lower() == ADA_ADDRESS
        header, _, _ = letter.content.partition(b"\r\n\r\n")
        froms = re.findall(rb"(?im)^from[ \t]*:", header)
        assert len(froms) == 1, letter.content
        message = message_from_bytes(letter.content, policy=policy.default)
        (address,) = message["From"].addresses
        assert address.addr_spec.lower() == ADA_ADDRESS
        assert EVE not in address.display_name
        for end in (b"\n.\n", b"\r.\r"):
            assert end not in letter.content
        assert b"\r" not in letter.content.replace(b"\r\n", b"")
        assert b"\n" not in letter.content.replace(b"\r\n", b"")
    count = len(reached.delivered)
    reached.delivered.clear()
    return count


async def gone(reached: Reached) -> None:
    """Wait until no connection and no letter is left."""
    sending = reached.demo.bot.sending
    async with asyncio.timeout(10):
        while reached.server.sessions or sending.places.taken or sending.bytes_in_flight.held:
            await asyncio.sleep(0.001)


_NUMBERS = itertools.count()


@given(steps=SESSIONS, signs_in=st.booleans(), pieces=st.sampled_from([0, 0, 0, 1, 7]), breaks_off=st.booleans())
@settings(
    max_examples=scaled(quick=15, full=10_000),
    deadline=None,
    # A session that fails waits for an answer in vain: made smaller again and again, it would for minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_session_sends_as_somebody_else_or_twice_and_none_leaves_anything_behind(
    attacked: Reached, runner: asyncio.Runner, steps: list[bytes], signs_in: bool, pieces: int, breaks_off: bool
) -> None:
    async def attack() -> int:
        played = await play(
            attacked.client(), attacked.token if signs_in else None, steps, pieces=pieces, breaks_off=breaks_off
        )
        await gone(attacked)
        return played.taken

    taken = runner.run(attack())
    delivered = check_letters(attacked)
    assert delivered <= len([step for step in steps if b"DATA" in step.upper()])
    assert signs_in or not delivered
    if not breaks_off:
        assert delivered == taken


@pytest.mark.parametrize("end", ENDS, ids=repr)
def test_no_end_of_a_letter_but_the_right_one_lets_a_second_one_through(
    attacked: Reached, runner: asyncio.Runner, end: bytes
) -> None:
    smuggled = (
        f"MAIL FROM:<{ADA_ADDRESS}>\r\nRCPT TO:<{ADA_ADDRESS}>\r\nDATA\r\nFrom: {ADA_ADDRESS}\r\n\r\nSecond".encode()
    )
    letter = f"From: {ADA_ADDRESS}\r\n\r\nFirst".encode() + end + smuggled + b"\r\n.\r\n"

    async def attack() -> list[str]:
        begun = f"MAIL FROM:<{ADA_ADDRESS}>\r\nRCPT TO:<{ADA_ADDRESS}>\r\n".encode()
        steps = [begun, b"DATA\r\n", letter]
        played = await play(attacked.client(), attacked.token, steps, pieces=0, breaks_off=False)
        await gone(attacked)
        return played.replies

    replies = runner.run(attack())
    if end == b"\r\n.\r\n":
        # Two letters, as it says; only that the second did not wait for the reply to its DATA.
        assert any(reply.startswith("554 5.5.0") for reply in replies)
    assert check_letters(attacked) == sum("mail.demo.example: Accepted" in reply for reply in replies) <= 1


def test_nothing_that_happened_was_an_error(attacked: Reached, caplog: pytest.LogCaptureFixture) -> None:
    assert [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []
    value = attacked.demo.bot.metrics.registry.get_sample_value
    assert not value("email_profile_bot_submission_sessions_total", {"ended": "failed"})
