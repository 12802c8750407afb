"""How many letters a program sent on a day, as the history tells it once the day is over; never a word of one."""

from datetime import date, timedelta

from bot.profiles.connection_tests.limits import DAY, Limit, limit_key
from bot.profiles.people.access import Person
from bot.profiles.sending.rates import sent_on
from bot.profiles.tokens.program import Program
from storage.database import Transaction
from storage.tables.audit import BY_PROGRAM, SENT

_TOLD = Limit("days of letters told", 1, 3 * DAY, "")
"""For longer than a day is counted, so that none is told twice."""


async def tell_of_day(tx: Transaction, owner: Person, program: Program, day: date) -> None:
    """Add to the history how many letters a program sent on a day (UTC), unless it was told, or there were none."""
    sent = await sent_on(tx, owner, program, day)
    if not sent:
        return
    told = limit_key(_TOLD, owner.workspace, program.id, day.isoformat())
    if (await tx.limits.take(told, most=_TOLD.max_uses, seconds=_TOLD.window_seconds)).taken:
        words = f"{sent} message{'' if sent == 1 else 's'} on {day.day} {day:%b %Y}"
        await tx.audit.append(
            owner.workspace, actor=BY_PROGRAM, subject=owner.user, action=SENT, details=(program.name, words)
        )


def day_before(today: date) -> date:
    """Return the day before."""
    return today - timedelta(days=1)
