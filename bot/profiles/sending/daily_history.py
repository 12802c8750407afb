"""Writes into the history, once a day is over, how many letters each program sent on it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bot.profiles.connection_tests.limits import DAY
from bot.profiles.sending.days import day_before, tell_of_day
from bot.profiles.tokens.program_tokens import programs_used_within
from storage.database import Database

USED_WITHIN_SECONDS = 3 * DAY
"""Whatever sent on the day before signed in within that time: a session does not last for a day."""


@dataclass(frozen=True, kw_only=True)
class DailyHistory:
    """Writes each program's last day into the history; `clock` returns the time, the same to all instances."""

    database: Database
    clock: Callable[[], Awaitable[datetime]]

    async def tell(self) -> None:
        """Tell of the day before, for every program that may have sent on it."""
        day = day_before((await self.clock()).date())
        async with self.database.reading() as tx:
            used = await programs_used_within(tx, USED_WITHIN_SECONDS)
        for owner, program in used:
            # One at a time: whoever saves waits for one entry of their own history at most.
            async with self.database.writing() as tx:
                await tell_of_day(tx, owner, program, day)
