"""Over a connection that is kept goes no letter that could be taken for another one."""

import pytest

from bot.profiles.sending.letters import Outcome
from tests.fakes.smtp_server import LOGIN, Act, HangUp, Silence
from tests.scenario.sending.letters import LETTER, TO, Sent

ANSWERS_TO_RESET: dict[str, Act] = {
    "refused": b"502 5.5.1 no such command\r\n",
    "for now": b"451 4.3.0 not now\r\n",
    "asks for more": b"354 go ahead\r\n",
    "goodbye": b"221 2.0.0 bye\r\n",
    "garbage": b"what?\r\n",
    "two answers": b"250 2.0.0 OK\r\n250 2.0.0 OK\r\n",
    "closed": HangUp(),
    "nothing": Silence(),
}


@pytest.mark.parametrize("how", sorted(ANSWERS_TO_RESET))
async def test_where_a_provider_does_not_forget_a_letter_the_next_one_goes_over_another_connection(
    sent: Sent, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.smtp.transport.connection.RESET_SECONDS", 0.1)
    sent.provider.acts = {"RSET": ANSWERS_TO_RESET[how]}
    async with sent.session() as session:
        assert (await session.begin(LOGIN)).code == 250
        assert (await session.recipient("eve@other.test")).code == 250
        await session.reset()
        assert (await session.begin(LOGIN)).code == 250
        assert (await session.recipient(TO)).code == 250
        assert (await session.deliver(LETTER)).outcome is Outcome.TAKEN
    with_letter = {heard.connection for heard in sent.provider.heard if heard.line.startswith(b"Received:")}
    asked = {heard.connection for heard in sent.provider.heard if b"eve@other.test" in heard.line}
    assert with_letter.isdisjoint(asked)
