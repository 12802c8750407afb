"""A refused sign-in is told to the owner once, and never repeated: programs try later until it is set right."""

import asyncio

import pytest

from bot.demo.stand_in.platform import Message, searchable
from bot.profiles.connection_tests.limits import FAILED_SIGN_INS, limit_key
from bot.profiles.connection_tests.mailboxes import mailbox_meant
from bot.profiles.sending.letters import Cause, LetterRefusedError, Outcome
from bot.profiles.sending.provider_connections import PAUSE_SECONDS
from bot.smtp.check.report import StageName
from tests.fakes.smtp_server import LOGIN, PASSWORD, HangUp, Then
from tests.scenario.people import ADA, buttons, history, notices_sent, open_form, run_test
from tests.scenario.sending.letters import TO, Sent

REFUSED = b"535 5.7.8 Authentication failed\r\n"
TITLE = "Your mail server refuses the sign-in"


async def refusal(sent: Sent) -> LetterRefusedError:
    """Return what keeps a letter from being sent."""
    with pytest.raises(LetterRefusedError) as refused:
        await sent.send()
    return refused.value


def told(sent: Sent) -> list[Message]:
    """Return the direct messages to Ada that tell of a refused sign-in."""
    return [message for message in sent.demo.workspace.messages(ADA) if TITLE in searchable(message)]


async def test_the_owner_is_told_once_with_a_button_and_the_program_tries_later_without_another_sign_in(
    sent: Sent,
) -> None:
    sent.provider.acts = {"verdict": REFUSED}
    first = await refusal(sent)
    assert (first.cause, first.reply.code, first.reply.enhanced) == (Cause.NOT_READY, 454, "4.7.0")
    assert first.stage is StageName.SIGN_IN
    assert f"The mail account {LOGIN} has to be set right by its owner, in Slack" in first.reply.text
    for _ in range(3):
        assert str(await refusal(sent)) == str(first)
    await notices_sent(sent.demo)
    assert sent.sign_ins == 1
    (notice,) = told(sent)
    shown = searchable(notice)
    assert f"`mail.test` refused the sign-in of `{LOGIN}` when a message was to be sent." in shown
    assert f"Programs that send as `{LOGIN}` are told to try later" in shown
    assert "the app's Home tab shows what the server answered" in shown
    home = await sent.demo.workspace.open_home(ADA)
    assert home is not None
    assert "535" in str(home.blocks)
    assert buttons(notice) == ["Set a new password", "Test again"]
    assert PASSWORD not in shown
    assert ("program", "could not sign in") in await history(sent.demo)


async def test_many_letters_at_once_cause_one_sign_in_and_one_message(sent: Sent) -> None:
    sent.provider.acts = {"verdict": REFUSED}
    refused = await asyncio.gather(*(refusal(sent) for _ in range(8)))
    await notices_sent(sent.demo)
    assert {one.cause for one in refused} == {Cause.NOT_READY}
    assert (sent.sign_ins, len(told(sent))) == (1, 1)


async def test_after_a_new_password_the_next_try_goes_out(sent: Sent) -> None:
    sent.provider.password = "the new one"
    await refusal(sent)
    await notices_sent(sent.demo)
    (notice,) = told(sent)
    await sent.demo.workspace.press(ADA, "Set a new password", message=notice)
    await sent.demo.workspace.wait_message(ADA, "Open the private page to set your password.")
    await open_form(sent.demo, ADA)
    await sent.demo.workspace.fill(ADA, "Password", "the new one")
    assert await sent.demo.workspace.submit(ADA) == {}
    assert (await sent.send()).outcome is Outcome.TAKEN


async def test_a_test_that_passes_lets_programs_send_again_and_one_that_does_not_get_so_far_does_not(
    sent: Sent,
) -> None:
    sent.provider.acts = {"verdict": REFUSED}
    await refusal(sent)
    sent.provider.acts = {"greeting": b"421 4.3.2 busy\r\n"}
    await run_test(sent.demo, ADA)
    assert (await refusal(sent)).cause is Cause.NOT_READY
    assert sent.sign_ins == 1
    sent.provider.acts = {}
    await run_test(sent.demo, ADA)
    assert (await sent.send()).outcome is Outcome.TAKEN


async def test_a_refusal_after_a_good_test_is_told_again_and_another_one_before_it_is_not(sent: Sent) -> None:
    sent.provider.acts = {"verdict": REFUSED}
    assert await told_after_refusals(sent) == 1
    await run_test(sent.demo, ADA)
    assert await told_after_refusals(sent) == 0
    sent.provider.acts = {}
    await run_test(sent.demo, ADA)
    sent.provider.acts = {"verdict": REFUSED}
    assert await told_after_refusals(sent) == 1


async def told_after_refusals(sent: Sent) -> int:
    sent.demo.workspace.all_messages.clear()
    for _ in range(2):
        assert (await refusal(sent)).cause is Cause.NOT_READY
    await notices_sent(sent.demo)
    return len(told(sent))


async def test_a_failed_test_of_the_owner_s_holds_programs_too_and_their_first_letter_is_told_of(sent: Sent) -> None:
    sent.provider.acts = {"verdict": REFUSED}
    await run_test(sent.demo, ADA)
    before = sent.sign_ins
    for _ in range(2):
        assert (await refusal(sent)).cause is Cause.NOT_READY
    await notices_sent(sent.demo)
    assert (sent.sign_ins, len(told(sent))) == (before, 1)


async def test_a_notice_is_not_sent_any_more_once_the_sign_in_works(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sent.demo.bot.outbox, "wake", lambda _: None)
    sent.provider.acts = {"verdict": REFUSED}
    await refusal(sent)
    sent.provider.acts = {}
    await run_test(sent.demo, ADA)
    monkeypatch.undo()
    await sent.demo.workspace.command(ADA, "/email-extra", "add FROM_NAME Ada")
    await notices_sent(sent.demo)
    assert told(sent) == []


@pytest.mark.parametrize(
    "act", [b"454 4.7.0 Too many login attempts\r\n", HangUp(), Then(b"421 4.7.0 go away\r\n"), b"nonsense\r\n"]
)
async def test_a_sign_in_that_fails_for_now_is_nobody_s_fault_and_waited_for(sent: Sent, act: object) -> None:
    sent.provider.acts = {"verdict": act}  # type: ignore[dict-item]
    first, second = await refusal(sent), await refusal(sent)
    assert (first.cause, first.reply.code, first.wait) == (Cause.PROVIDER, 454, PAUSE_SECONDS)
    assert second.wait is not None
    assert 0 < second.wait <= PAUSE_SECONDS
    assert "Try again in a minute." in str(first)
    await notices_sent(sent.demo)
    assert (sent.sign_ins, told(sent)) == (1, [])


async def test_sign_ins_of_programs_count_against_guessing_as_tests_do(sent: Sent) -> None:
    sent.sending.connections.pause_seconds = 0.0
    sent.provider.acts = {"verdict": b"454 4.7.0 not now\r\n"}
    for _ in range(3):
        assert (await refusal(sent)).cause is Cause.PROVIDER
    limited = await refusal(sent)
    assert (limited.cause, limited.reply.code) == (Cause.NOT_READY, 454)
    assert "was refused too often; the bot tries it again in 15 minutes." in str(limited)
    assert sent.sign_ins == 3
    # By the server that was reached, too, whatever name leads to it.
    reached = limit_key(FAILED_SIGN_INS[0], sent.sender.person.workspace, "this machine", mailbox_meant(LOGIN).name)
    async with sent.demo.bot.database.reading() as tx:
        window = await tx.limits.look(reached, most=3)
    assert window is not None
    assert window.left == 0
    report = await run_test_of_ada(sent)
    assert "This login was refused three times" in report


async def run_test_of_ada(sent: Sent) -> str:
    sent.demo.workspace.all_messages.clear()
    await sent.demo.workspace.command(ADA, "/email-test")
    return searchable(await sent.demo.workspace.wait_message(ADA, "refused three times"))


async def test_a_server_that_cannot_be_reached_is_tried_again_with_the_next_letter(sent: Sent) -> None:
    sent.provider.acts = {"greeting": b"421 4.3.2 busy\r\n"}
    down = await refusal(sent)
    assert (down.cause, down.reply.code, down.reply.enhanced) == (Cause.PROVIDER, 451, "4.4.1")
    sent.provider.acts = {}
    delivery = await sent.send()
    assert (delivery.outcome, sent.sign_ins) == (Outcome.TAKEN, 1)


async def test_what_the_owner_has_to_set_right_is_told_with_the_stage_at_which_a_test_fails(sent: Sent) -> None:
    sent.provider.mechanisms = "XOAUTH2"
    wrong = await refusal(sent)
    assert (wrong.cause, wrong.reply.code, wrong.stage) == (Cause.NOT_READY, 454, StageName.SIGN_IN)
    await notices_sent(sent.demo)
    assert (sent.sign_ins, told(sent)) == (0, [])
    await sent.demo.workspace.command(ADA, "/email-extra", "remove TLS")
    clear = await refusal(sent)
    assert (clear.cause, clear.stage) == (Cause.NOT_READY, StageName.ENCRYPTION)
    assert not sent.provider.said_in_clear(b"AUTH")


async def test_a_token_or_a_profile_that_ends_ends_the_session_s_next_letter(sent: Sent) -> None:
    async with sent.session() as session:
        assert (await session.begin(LOGIN)).code == 250
        assert (await session.recipient(TO)).code == 250
        await sent.demo.workspace.command(ADA, "/email-profile", "programs remove Label printer")
        with pytest.raises(LetterRefusedError) as ended:
            await session.begin(LOGIN)
    assert (ended.value.cause, ended.value.reply.code) == (Cause.ENDED, 535)
    assert sent.letters == []
