"""A database that goes away in the middle of a letter: what was sent is told as sent, and everything else is kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from bot.profiles.sending.letters import Cause, LetterRefusedError, Outcome
from storage.database import Database, Transaction
from storage.engines.transactions import DatabaseFault, DatabaseUnavailableError
from tests.counts import scaled
from tests.fakes.smtp_server import Act
from tests.scenario.sending.letters import Sent

MOST_TRANSACTIONS = 6
"""More than a letter and its sign-in take."""


class GoesAway:
    """A database that answers so many times, and then not any more; `is_late` is for one that fails at the end."""

    def __init__(self, database: Database, answers: int, *, is_late: bool) -> None:
        self._database = database
        self._answers = answers
        self._is_late = is_late

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def writing(self) -> Any:
        return self._opened(self._database.writing())

    def reading(self) -> Any:
        return self._opened(self._database.reading())

    @asynccontextmanager
    async def _opened(self, opening: Any) -> AsyncIterator[Transaction]:
        self._answers -= 1
        is_away = self._answers < 0
        if is_away and not self._is_late:
            raise DatabaseUnavailableError(DatabaseFault.SILENT)
        async with opening as tx:
            yield tx
            if is_away:
                raise DatabaseUnavailableError(DatabaseFault.SILENT)


ANSWERS: dict[str, dict[str, Act]] = {
    "taken": {},
    "refused": {"END": b"554 5.7.1 spam\r\n"},
    "unknown": {"END": b"what?\r\n"},
    "recipient refused": {"RCPT": b"550 5.1.1 no\r\n"},
    "sign-in refused": {"verdict": b"535 5.7.8 no\r\n"},
    "sign-in refused for now": {"verdict": b"454 4.7.0 later\r\n"},
    "not reached": {"greeting": b"421 4.3.2 busy\r\n"},
}


@pytest.mark.parametrize("answer", sorted(ANSWERS))
@pytest.mark.parametrize("is_late", scaled(quick=[True], full=[True, False]))
async def test_whenever_the_database_goes_away_a_program_is_told_what_became_of_its_letter(
    sent: Sent, answer: str, is_late: bool
) -> None:
    sending, database = sent.sending, sent.sending.database
    sending.connections.pause_seconds = sending.connections.kept.seconds = 0.0
    sent.provider.acts = ANSWERS[answer]
    before = 0
    for answers in range(MOST_TRANSACTIONS):
        away = cast("Database", GoesAway(database, answers, is_late=is_late))
        sending.database = sending.connections.database = away
        try:
            delivery = await sent.send()
        except LetterRefusedError as refused:
            became: Outcome | Cause = refused.cause
            assert 400 <= refused.reply.code < 500
        else:
            became = delivery.outcome
            assert (delivery.reply.code == 250) == (became is Outcome.TAKEN)
        sending.database = sending.connections.database = database
        if became in (Outcome.TAKEN, Outcome.UNKNOWN, Outcome.REFUSED):
            assert len(sent.letters) - before == (answer != "recipient refused")
        else:
            assert len(sent.letters) == before
        before = len(sent.letters)
        assert (sending.places.taken, sending.bytes_in_flight.held) == (0, 0)


async def test_a_refused_sign_in_that_cannot_be_kept_is_not_tried_again_at_once(sent: Sent) -> None:
    sending, database = sent.sending, sent.sending.database
    sent.provider.acts = ANSWERS["sign-in refused"]
    sending.connections.database = cast("Database", GoesAway(database, 3, is_late=True))
    causes = []
    for _ in range(3):
        with pytest.raises(LetterRefusedError) as refused:
            await sent.send()
        causes.append((refused.value.cause, refused.value.reply.code))
        sending.connections.database = database
    assert causes == [(Cause.UNAVAILABLE, 451), (Cause.PROVIDER, 454), (Cause.PROVIDER, 454)]
    assert sent.sign_ins == 1
