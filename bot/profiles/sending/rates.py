"""How many letters programs may send, counted by all instances together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.profiles.connection_tests.limits import DAY, MINUTE, Limit, RateLimitedError, Use, limit_key
from bot.profiles.people.access import Person
from bot.profiles.tokens.program import Program, Sender
from storage.database import Transaction
from storage.tables.limits import Wanted

_ENDLESS = 1_000_000_000
_OF_A_DATE = Limit("letters of a program, date", _ENDLESS, 3 * DAY, "")
"""Not limited, but counted for the history; kept for as long as a day may wait to be told."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Letters a minute: of one program, and of all programs of a workspace."""

    program: int = 60
    workspace: int = 1_200

    def limits(self) -> tuple[Limit, Limit]:
        """Return the limit of a program and that of a workspace."""
        return (
            Limit("letters of a program", self.program, MINUTE, f"The program has sent {self.program} in a minute."),
            Limit(
                "letters of a workspace", self.workspace, MINUTE, "The workspace's programs send very much just now."
            ),
        )


async def count_letter(tx: Transaction, sender: Sender, rates: Rates, *, today: date) -> Sequence[Use]:
    """Count one letter, and return what is uncounted when it turns out not to have been sent.

    Raises:
        RateLimitedError: a limit is reached; the transaction must be rolled back.
    """
    workspace, program = sender.person.workspace, sender.program
    # What people write in Slack themselves is of no program.
    subject = program.id or f"own:{sender.person.user}"
    of_program, of_workspace = rates.limits()
    counted = (
        (of_program, limit_key(of_program, workspace, subject)),
        (of_workspace, limit_key(of_workspace, workspace)),
        (of_day := program.limit_of_a_day(), limit_key(of_day, workspace, subject)),
        (_OF_A_DATE, limit_key(_OF_A_DATE, workspace, subject, today.isoformat())),
    )
    windows = await tx.limits.take_each(
        [Wanted(name=key, most=limit.max_uses, seconds=limit.window_seconds) for limit, key in counted]
    )
    for (limit, _), window in zip(counted, windows, strict=True):
        if not window.taken:
            raise RateLimitedError(limit, window)
    uses = [Use(key=key, ends_at=window.ends_at) for (_, key), window in zip(counted, windows, strict=True)]
    # What was tried too often in a minute was tried, whatever became of it.
    return uses[2:]


async def sent_on(tx: Transaction, owner: Person, program: Program, day: date) -> int:
    """Return how many letters a program has sent on a day (UTC), as far as it is one of the last two."""
    key = limit_key(_OF_A_DATE, owner.workspace, program.id, day.isoformat())
    window = await tx.limits.look(key, most=_ENDLESS)
    return _ENDLESS - window.left if window else 0
