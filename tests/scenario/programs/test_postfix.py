"""Postfix before the bot, as deploy/postfix/ configures it: a queue, in which each sender has a token of his own."""

import asyncio
import re
import smtplib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from bot.smtp.account import Encryption
from tests.counts import PROVE_ONLY
from tests.deploy_files import read
from tests.fakes.queueing_postfix import QueueingPostfix, lacking, queueing_postfix
from tests.scenario.people import ADA, GRACE, open_form, set_up
from tests.scenario.programs.conftest import ADA_ADDRESS, GRACE_ADDRESS, Reached
from tests.scenario.programs.people import add_program
from tests.scenario.programs.test_real_clients import LETTER, without_trace

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="module")]

SECONDS = 30
PASSED_ON = re.compile(
    rb"Received: from program\.test [^;]*\r\n\tby programs\.test \(Postfix\) [^;]*;[^;]*\r\n(?=Received)"
)
"""The trace line of Postfix, before the one that a letter came with."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def queue(reached_by_tls: Reached) -> AsyncIterator[QueueingPostfix]:
    """Postfix with the tokens of Ada and of Grace."""
    if absent := lacking():
        pytest.skip(f"Postfix needs {absent}: install it to send through it")
    await set_up(reached_by_tls.demo, GRACE)
    tokens = {ADA_ADDRESS: reached_by_tls.token, GRACE_ADDRESS: await add_program(reached_by_tls.demo, user=GRACE)}
    assert reached_by_tls.files is not None
    bot = f"[localhost]:{reached_by_tls.port(Encryption.SSL)}"
    made = queueing_postfix(bot=bot, authority=reached_by_tls.files.authority_file, tokens=typed(tokens))
    postfix = await asyncio.to_thread(made.__enter__)
    try:
        yield postfix
    finally:
        await asyncio.to_thread(made.__exit__, None, None, None)


def typed(tokens: Mapping[str, str]) -> dict[str, str]:
    """Return user and password of each sender as they stand in the file."""
    return {sender: f"{sender}:{token}" for sender, token in tokens.items()}


async def hand_in(queue: QueueingPostfix, sender: str, to: str = GRACE_ADDRESS, letter: bytes = LETTER) -> None:
    """Hand a letter to Postfix, as a program on its machine does."""

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", queue.port, local_hostname="program.test", timeout=SECONDS) as client:
            client.sendmail(sender, [to], letter, mail_options=["BODY=8BITMIME"])

    await asyncio.to_thread(send)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds of what a queue or a mailbox has."""
    async with asyncio.timeout(SECONDS):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.02)


async def try_again_until(queue: QueueingPostfix, holds: Callable[[], bool]) -> None:
    """Try the letters of a queue again until something holds: one that is just being put away is passed by."""
    async with asyncio.timeout(SECONDS):
        while not await asyncio.to_thread(holds):
            await asyncio.to_thread(queue.try_again)
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await until(holds)


def letter_of(sender: str) -> bytes:
    """Return a small letter from somebody."""
    return f"From: {sender}\r\nSubject: A label\r\n\r\nA label of {sender}\r\n".encode()


async def test_a_letter_arrives_as_it_was_given_but_for_the_trace_lines(
    reached_by_tls: Reached, queue: QueueingPostfix
) -> None:
    await hand_in(queue, ADA_ADDRESS)
    await until(lambda: bool(reached_by_tls.delivered))
    passed_on = without_trace(reached_by_tls.last(), b"ESMTPSA")
    assert PASSED_ON.sub(b"", passed_on, count=1) == LETTER
    await until(lambda: not queue.waiting())


async def test_each_sender_goes_out_through_his_own_profile(reached_by_tls: Reached, queue: QueueingPostfix) -> None:
    for sender in (ADA_ADDRESS, GRACE_ADDRESS):
        await hand_in(queue, sender, letter=letter_of(sender))
        await until(lambda: bool(reached_by_tls.delivered))
        (delivered,) = reached_by_tls.delivered
        assert delivered.sender == sender
        assert f"A label of {sender}".encode() in reached_by_tls.last()


async def test_who_has_no_token_is_refused_by_postfix(reached_by_tls: Reached, queue: QueueingPostfix) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="this sender is not in"):
        await hand_in(queue, "stranger@demo.example")
    assert queue.waiting() == {}
    assert reached_by_tls.delivered == []


async def test_a_letter_waits_until_its_owner_has_repaired_the_profile(
    reached_by_tls: Reached, queue: QueueingPostfix
) -> None:
    demo = reached_by_tls.demo
    await change_password(reached_by_tls, "a wrong password")
    demo.workspace.all_messages.clear()
    await hand_in(queue, ADA_ADDRESS)
    await until(lambda: "454 4.7.0" in queue.reason(ADA_ADDRESS))
    assert f"The mail account {ADA_ADDRESS}" in queue.reason(ADA_ADDRESS)
    await try_again_until(queue, lambda: queue.tries(ADA_ADDRESS) >= 2 and bool(queue.reason(ADA_ADDRESS)))
    assert reached_by_tls.delivered == []
    await change_password(reached_by_tls, demo.mail.account(ADA_ADDRESS).password)
    await try_again_until(queue, lambda: bool(reached_by_tls.delivered))
    assert LETTER in reached_by_tls.last()
    await until(lambda: not queue.waiting())


async def change_password(reached: Reached, password: str) -> None:
    """Type another password into Ada's form."""
    await open_form(reached.demo, ADA)
    await reached.demo.workspace.fill(ADA, "Password", password)
    assert await reached.demo.workspace.submit(ADA) == {}


@PROVE_ONLY
async def test_a_token_that_was_removed_is_tried_once_however_many_letters_wait_for_another(
    reached_by_tls: Reached, queue: QueueingPostfix
) -> None:
    demo = reached_by_tls.demo
    gone = await add_program(demo, "An old printer")
    await demo.workspace.command(ADA, "/email-profile", "programs remove An old printer")
    kept = {GRACE_ADDRESS: await add_program(demo, "Another printer", user=GRACE)}
    queue.change_tokens(typed({ADA_ADDRESS: gone, **kept}))
    before, tried = wrong_sign_ins(reached_by_tls), queue.tries(ADA_ADDRESS)
    await hand_in(queue, ADA_ADDRESS)
    await until(lambda: bool(queue.reason(ADA_ADDRESS)))
    await hand_in(queue, ADA_ADDRESS)
    await until(lambda: queue.tries(ADA_ADDRESS) - tried == 2 and bool(queue.reason(ADA_ADDRESS)))
    await try_again_until(queue, lambda: queue.tries(ADA_ADDRESS) - tried >= 4 and bool(queue.reason(ADA_ADDRESS)))
    assert "authentication failed" in queue.reason(ADA_ADDRESS)
    assert wrong_sign_ins(reached_by_tls) - before == 1
    assert reached_by_tls.delivered == []
    # Others go on meanwhile.
    await hand_in(queue, GRACE_ADDRESS, letter=letter_of(GRACE_ADDRESS))
    await until(lambda: bool(reached_by_tls.delivered))
    assert f"A label of {GRACE_ADDRESS}".encode() in reached_by_tls.last()
    queue.change_tokens(typed({ADA_ADDRESS: reached_by_tls.token, **kept}))
    await try_again_until(queue, lambda: len(reached_by_tls.delivered) == 2)
    reached_by_tls.delivered.clear()
    await until(lambda: not queue.waiting())


def wrong_sign_ins(reached: Reached) -> float:
    """Return how many sign-ins of programs were refused so far."""
    name = "email_profile_bot_submission_sign_ins_total"
    return reached.demo.bot.metrics.registry.get_sample_value(name, {"ended": "wrong"}) or 0.0


async def test_a_letter_that_is_refused_for_good_comes_back_into_the_folder(
    reached_by_tls: Reached, queue: QueueingPostfix
) -> None:
    await hand_in(queue, ADA_ADDRESS, "nobody@demo.example")
    await until(lambda: bool(queue.returned()))
    (notice,) = queue.returned()
    assert b"No such mailbox here" in notice
    assert b"Final-Recipient: rfc822; nobody@demo.example" in notice
    assert LETTER.replace(b"\r\n", b"\n") in notice
    await until(lambda: not queue.waiting())
    assert reached_by_tls.delivered == []


async def test_no_token_is_written_to_the_log_of_postfix(reached_by_tls: Reached, queue: QueueingPostfix) -> None:
    assert reached_by_tls.token not in queue.log


async def test_the_configuration_lets_this_machine_alone_send() -> None:
    settings = dict(re.findall(r"(?m)^(\w+) = (.*)$", read("deploy/postfix/main.cf")))
    assert settings["inet_interfaces"] == "loopback-only"
    assert settings["mynetworks"] == "127.0.0.0/8 [::1]/128"
    assert settings["smtp_tls_security_level"] == "secure"
    assert Path("/etc/postfix/tokens").name in settings["smtp_sasl_password_maps"]
