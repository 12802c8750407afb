"""What providers answer to a letter, good and bad: the program is told just that, and 250 only for what was taken."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from bot.profiles.sending.letters import Cause, LetterRefusedError, Outcome
from bot.profiles.sending.rates import sent_on
from bot.smtp.check.report import Reply
from tests.fakes.smtp_server import LOGIN, PASSWORD, Act, Endless, HangUp, Silence, Then, Trickle
from tests.scenario.sending.letters import LETTER, TO, Sent

TAKEN, REFUSED, LATER, UNKNOWN = Outcome.TAKEN, Outcome.REFUSED, Outcome.TRY_LATER, Outcome.UNKNOWN
PROVIDER = Cause.PROVIDER


@dataclass(frozen=True)
class Told:
    """What a program is told, and whether the provider may have the letter."""

    outcome: Outcome | Cause
    code: int
    words: str = ""
    may_have_it: bool = False


ANSWERS: Mapping[str, tuple[Mapping[str, Act], Told]] = {
    "several lines": (
        {"END": b"250-2.0.0 first\r\n250-2.0.0 second\r\n250 2.0.0 last\r\n"},
        Told(TAKEN, 250, "2.0.0 mail.test: first second last", may_have_it=True),
    ),
    "without text": ({"END": b"250\r\n"}, Told(TAKEN, 250, "2.0.0 mail.test: ", may_have_it=True)),
    "another yes": ({"END": b"251 2.0.0 will do\r\n"}, Told(TAKEN, 250, "will do", may_have_it=True)),
    "bit by bit": ({"END": Trickle(b"250 2.0.0 slow\r\n", pause=0.005)}, Told(TAKEN, 250, "slow", may_have_it=True)),
    "sender refused": ({"MAIL": b"550 5.7.60 SendAsDenied\r\n"}, Told(REFUSED, 550, "5.7.60 mail.test: SendAsDenied")),
    "sender for now": ({"MAIL": b"451 4.7.1 wait\r\n"}, Told(LATER, 451, "4.7.1 mail.test: wait")),
    "goodbye at the sender": ({"MAIL": Then(b"421 4.3.2 shutting down\r\n")}, Told(LATER, 451, "4.3.2 mail.test:")),
    "closed at the sender": ({"MAIL": HangUp()}, Told(PROVIDER, 451, "4.4.2")),
    "garbage at the sender": ({"MAIL": b"what?\r\n"}, Told(PROVIDER, 451, "4.4.2")),
    "a question at the sender": ({"MAIL": b"334 who?\r\n"}, Told(PROVIDER, 451, "4.4.2")),
    "goodbye in place of yes": ({"MAIL": b"221 2.0.0 bye\r\n"}, Told(PROVIDER, 451, "4.4.2")),
    "a question at the recipient": ({"RCPT": b"354 go\r\n"}, Told(PROVIDER, 451, "4.4.2")),
    "endless at the sender": ({"MAIL": Endless(b"250-and\r\n")}, Told(PROVIDER, 451, "4.4.2")),
    "a goodbye and no more at the sender": ({"MAIL": b"221 2.0.0 bye\r\n"}, Told(PROVIDER, 451, "4.4.2")),
    "a challenge at the recipient": ({"RCPT": b"334 VXNlcm5hbWU6\r\n"}, Told(PROVIDER, 451, "4.4.2")),
    "a goodbye and no more at the recipient": ({"RCPT": b"221 2.0.0 bye\r\n"}, Told(PROVIDER, 451, "4.4.2")),
    "two answers at the recipient": ({"RCPT": b"250 2.1.5 OK\r\n250 2.1.5 OK\r\n"}, Told(PROVIDER, 451, "4.4.2")),
    "the codes of two kinds": ({"END": b"554 2.0.0 no\r\n"}, Told(REFUSED, 554, "5.0.0 mail.test", may_have_it=True)),
    "recipient refused": ({"RCPT": b"550 5.1.1 no such user\r\n"}, Told(REFUSED, 550, "5.1.1 mail.test: no such user")),
    "recipient for now": ({"RCPT": b"450 4.2.1 greylisted\r\n"}, Told(LATER, 450, "greylisted")),
    "closed at the recipient": ({"RCPT": HangUp()}, Told(PROVIDER, 451, "4.4.2")),
    "DATA refused": ({"DATA": b"554 5.5.1 no\r\n"}, Told(REFUSED, 554, "5.5.1 mail.test: no")),
    "DATA for now": ({"DATA": b"452 4.3.1 full\r\n"}, Told(LATER, 452, "full")),
    "DATA answered with yes": ({"DATA": b"250 2.0.0 queued\r\n"}, Told(PROVIDER, 451, "4.4.2")),
    "closed at DATA": ({"DATA": HangUp()}, Told(PROVIDER, 451, "4.4.2")),
    "letter refused": ({"END": b"554 5.7.1 spam\r\n"}, Told(REFUSED, 554, "5.7.1 mail.test: spam", may_have_it=True)),
    "letter for now": ({"END": b"451 4.7.0 later\r\n"}, Told(LATER, 451, "later", may_have_it=True)),
    "goodbye behind the letter": ({"END": Then(b"421 4.4.5 busy\r\n")}, Told(LATER, 451, "busy", may_have_it=True)),
    "closed behind the letter": ({"END": HangUp()}, Told(UNKNOWN, 451, "may have been sent", may_have_it=True)),
    "half an answer": ({"END": Then(b"250 2.0")}, Told(UNKNOWN, 451, "may have been sent", may_have_it=True)),
    "half of several lines": ({"END": Then(b"250-2.0.0 ok\r\n")}, Told(UNKNOWN, 451, "may have", may_have_it=True)),
    "garbage behind the letter": ({"END": b"OK\r\n"}, Told(UNKNOWN, 451, "may have been sent", may_have_it=True)),
    "another 354": ({"END": b"354 more\r\n"}, Told(UNKNOWN, 451, "may have been sent", may_have_it=True)),
    "a number too large": ({"END": b"999 2.0.0 ok\r\n"}, Told(UNKNOWN, 451, "may have", may_have_it=True)),
    "a goodbye in place of an answer": (
        {"END": b"221 2.0.0 bye\r\n"},
        Told(UNKNOWN, 451, "may have", may_have_it=True),
    ),
    "an answer before the letter": ({"DATA": b"354 go ahead\r\n250 2.0.0 queued\r\n"}, Told(PROVIDER, 451, "4.4.2")),
    "refused before the letter": ({"DATA": b"354 go ahead\r\n552 5.3.4 too big\r\n"}, Told(PROVIDER, 451, "4.4.2")),
}


@pytest.mark.parametrize("shard", range(3))
async def test_a_program_is_told_what_the_provider_answered_and_250_for_nothing_else(sent: Sent, shard: int) -> None:
    for name in sorted(ANSWERS)[shard::3]:
        acts, told = ANSWERS[name]
        sent.provider.acts = acts
        before = len(sent.letters)
        outcome, reply = await _sent(sent)
        assert (outcome, reply.code) == (told.outcome, told.code), name
        assert told.words in f"{reply.enhanced} {reply.text}", (name, str(reply))
        assert len(sent.letters) - before <= int(told.may_have_it), name
        # Whatever came, the next letter goes out, and tells of itself alone.
        sent.provider.acts = {}
        assert (await sent.send()).outcome is TAKEN, name
    assert sent.sending.places.taken == 0
    assert sent.sending.bytes_in_flight.held == 0


async def _sent(sent: Sent) -> tuple[Outcome | Cause, Reply]:
    try:
        delivery = await sent.send()
    except LetterRefusedError as refused:
        return refused.cause, refused.reply
    return delivery.outcome, delivery.reply


async def test_silence_behind_a_letter_is_an_unknown_end_and_nothing_is_tried_again(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.smtp.transport.connection.END_SECONDS", 0.1)
    sent.provider.acts = {"END": Silence()}
    delivery = await sent.send()
    assert (delivery.outcome, delivery.reply.code) == (UNKNOWN, 451)
    assert "mail.test got the message and gave no answer, so it may have been sent." in delivery.reply.text
    assert (len(sent.letters), sent.provider.connections) == (1, 1)
    async with sent.demo.bot.database.reading() as tx:
        # What may have been sent counts as sent.
        assert await sent_on(tx, sent.sender.person, sent.sender.program, sent.sending.clock().date()) == 1


async def test_after_a_goodbye_nothing_more_is_said_over_the_connection(sent: Sent) -> None:
    sent.provider.acts = {"END": b"421 4.4.5 busy\r\n"}
    assert (await sent.send()).outcome is LATER
    sent.provider.acts = {}
    assert (await sent.send()).outcome is TAKEN
    assert sent.provider.connections == 2


async def test_a_second_letter_whose_program_goes_away_while_it_is_checked_is_not_given_to_the_provider(
    sent: Sent,
) -> None:
    async with sent.session() as session:
        for content in (LETTER, LETTER + (b"x" * 76 + b"\r\n") * 60_000):
            await session.begin(LOGIN)
            await session.recipient(TO)
            delivering = asyncio.create_task(session.deliver(content))
            if content is LETTER:
                assert (await delivering).outcome is TAKEN
        for _ in range(5):
            await asyncio.sleep(0)
        delivering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivering
    assert (await sent.send()).outcome is TAKEN
    assert (len(sent.letters), sent.provider.connections) == (2, 1)


async def test_each_recipient_has_the_provider_s_own_answer_and_the_others_get_the_letter(sent: Sent) -> None:
    answers = {b"no@": b"550 5.1.1 unknown\r\n", b"later@": b"450 4.2.1 greylisted\r\n"}
    sent.provider.acts = {
        "RCPT": lambda line: next((answer for who, answer in answers.items() if who in line), b"250 2.1.5 OK\r\n")
    }
    delivery = await sent.send(LETTER, "no@other.test", TO, "later@other.test")
    assert delivery.outcome is TAKEN
    assert {address: reply.code for address, reply in delivery.refused.items()} == {
        "no@other.test": 550,
        "later@other.test": 450,
    }
    assert len(sent.letters) == 1


async def test_a_letter_that_is_too_large_for_the_provider_is_broken_off_with_its_answer(sent: Sent) -> None:
    letter = LETTER + (b"x" * 76 + b"\r\n") * 60_000
    sent.provider.acts = {"content": Then(b"552 5.3.4 too big\r\n")}
    delivery = await sent.send(letter)
    assert (delivery.outcome, str(delivery.reply)) == (REFUSED, "552 5.3.4 mail.test: too big")
    assert sent.letters == []


async def test_a_letter_that_is_taken_before_its_end_may_have_been_sent(sent: Sent) -> None:
    sent.provider.acts = {"content": b"250 2.0.0 queued\r\n"}
    delivery = await sent.send(LETTER + (b"x" * 76 + b"\r\n") * 60_000)
    assert (delivery.outcome, delivery.reply.code) == (UNKNOWN, 451)
    sent.provider.acts = {}
    assert (await sent.send()).outcome is TAKEN
    assert sent.provider.connections == 2


async def test_an_answer_with_the_password_in_it_is_not_told(sent: Sent) -> None:
    sent.provider.acts = {"END": f"250 2.0.0 {PASSWORD} ok\r\n".encode()}
    delivery = await sent.send()
    assert delivery.outcome is TAKEN
    assert "(the server repeated the password, so its answer is not shown)" in delivery.reply.text


async def test_a_program_that_goes_away_before_the_end_of_its_letter_leaves_none_behind(sent: Sent) -> None:
    sent.provider.acts = {"DATA": Silence()}
    async with sent.session() as session:
        await session.begin(LOGIN)
        await session.recipient(TO)
        delivering = asyncio.create_task(session.deliver(LETTER))
        async with asyncio.timeout(5):
            await sent.provider.silent.wait()
        delivering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivering
    assert (sent.letters, sent.sending.places.taken) == ([], 0)
    assert await counted(sent) == (0, "")


async def test_of_a_letter_that_was_given_to_its_end_the_answer_is_waited_for_and_counted(sent: Sent) -> None:
    sent.provider.acts = {"END": Trickle(b"250 2.0.0 slow\r\n", pause=0.01)}
    async with sent.session() as session:
        await session.begin(LOGIN)
        await session.recipient(TO)
        delivering = asyncio.create_task(session.deliver(LETTER))
        async with asyncio.timeout(5):
            while not sent.letters:
                await asyncio.sleep(0.001)
        delivering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivering
    assert (len(sent.letters), sent.sending.places.taken) == (1, 0)
    assert await counted(sent) == (1, "taken")


@pytest.mark.parametrize(("answer", "told"), [(250, 250), (251, 251), (252, 250), (200, 250)])
async def test_a_program_is_told_of_a_recipient_that_is_taken_with_a_code_that_programs_know(
    sent: Sent, answer: int, told: int
) -> None:
    sent.provider.acts = {"RCPT": b"%d 2.1.5 will do\r\n" % answer}
    async with sent.session() as session:
        await session.begin(LOGIN)
        assert str(await session.recipient(TO)) == f"{told} 2.1.5 mail.test: will do"


async def counted(sent: Sent) -> tuple[int, str]:
    """Return how many letters count as sent today, and the outcome that was counted, if there is one."""
    async with sent.demo.bot.database.reading() as tx:
        sent_today = await sent_on(tx, sent.sender.person, sent.sender.program, sent.sending.clock().date())
    text = (await sent.demo.bot.metrics.text()).decode()
    return sent_today, "".join(re.findall(r'sends_total\{outcome="(\w+)"\} 1.0', text))
