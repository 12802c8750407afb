"""Letters of programs leave as they came, over connections that are signed in once."""

from bot.profiles.sending.letters import Outcome
from tests.fakes.smtp_server import LOGIN
from tests.scenario.sending.letters import LETTER, TO, Sent, without_trace


async def test_a_letter_leaves_byte_for_byte_with_one_trace_line_and_the_provider_s_answer_comes_back(
    sent: Sent,
) -> None:
    delivery = await sent.send()
    assert (delivery.outcome, str(delivery.reply)) == (Outcome.TAKEN, "250 2.0.0 mail.test: queued")
    assert delivery.message_id == "<label-1843@mail.test>"
    (letter,) = sent.letters
    assert without_trace(letter) == LETTER
    assert letter.split(b";")[0].startswith(b"Received: by [127.0.0.1] with ESMTPSA id ")
    assert any(line.startswith(f"MAIL FROM:<{LOGIN}>".encode()) for line in sent.provider.lines)
    assert f"RCPT TO:<{TO}>\r\n".encode() in sent.provider.lines
    assert not sent.provider.said_in_clear(b"MAIL")
