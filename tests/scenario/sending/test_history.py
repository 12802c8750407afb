"""The history tells how many letters a program sent on a day, by its name; metrics tell what became of letters."""

from datetime import datetime, timedelta

import pytest

from bot.demo.stand_in.platform import searchable
from bot.profiles.sending.daily_history import DailyHistory
from bot.profiles.sending.letters import LetterRefusedError
from tests.fakes.smtp_server import HangUp
from tests.scenario.people import ADA
from tests.scenario.sending.letters import LETTER, TO, Sent


async def shown_history(sent: Sent) -> str:
    await sent.demo.workspace.command(ADA, "/email-profile", "history")
    return searchable(sent.demo.workspace.messages(ADA)[-1])


def days(sent: Sent, *, later: int) -> DailyHistory:
    async def clock() -> datetime:
        return sent.sending.clock() + timedelta(days=later)

    return DailyHistory(database=sent.demo.bot.database, clock=clock)


async def test_a_day_s_letters_are_told_once_the_day_is_over_and_never_what_was_in_them(sent: Sent) -> None:
    for _ in range(2):
        await sent.send()
    sent.provider.acts = {"END": b"554 5.7.1 spam\r\n"}
    await sent.send()
    await days(sent, later=0).tell()
    assert "a program  sent" not in await shown_history(sent)
    today = sent.sending.clock()
    for _ in range(2):
        await days(sent, later=1).tell()
    shown = await shown_history(sent)
    assert shown.count(f"a program  sent: `Label printer` · `2 messages on {today.day} {today:%b %Y}`") == 1
    assert not any(word in shown for word in (TO, "A label", "Label 1843"))
    await days(sent, later=2).tell()
    assert (await shown_history(sent)).count("a program  sent") == 1


async def test_what_a_program_sent_on_its_last_day_is_told_when_it_is_removed(sent: Sent) -> None:
    await sent.send()
    await sent.demo.workspace.command(ADA, "/email-profile", "programs remove Label printer")
    shown = await shown_history(sent)
    assert "a program  sent: `Label printer` · `1 message on " in shown
    assert shown.index("removed a program") < shown.index("a program  sent")


async def test_letters_and_sign_ins_are_counted_by_what_became_of_them(sent: Sent) -> None:
    await sent.send()
    for acts in ({"END": b"554 5.7.1 spam\r\n"}, {"END": b"451 4.7.1 wait\r\n"}, {"END": HangUp()}):
        sent.provider.acts = acts
        await sent.send()
    sent.provider.acts = {"verdict": b"535 5.7.8 no\r\n"}
    with pytest.raises(LetterRefusedError):
        await sent.send()
    with pytest.raises(LetterRefusedError):
        await sent.send(LETTER.replace(b"From:", b"X-From:"))
    text = (await sent.demo.bot.metrics.text()).decode()
    for outcome, count in {"taken": 1, "refused": 1, "try_later": 1, "unknown": 1, "not_ready": 2}.items():
        assert f'email_profile_bot_sends_total{{outcome="{outcome}"}} {count}.0' in text
    assert 'email_profile_bot_send_sign_ins_total{ended="accepted"} 1.0' in text
    assert 'email_profile_bot_send_sign_ins_total{ended="refused"} 1.0' in text
    assert "email_profile_bot_send_added_seconds_count 4.0" in text
    assert 'email_profile_bot_letters{state="sending"} 0.0' in text
    assert "email_profile_bot_letter_bytes 0.0" in text
