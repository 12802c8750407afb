"""Reminders: an admin asks one person, or many, to do what is left to do with their email profiles."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import uuid4

from bot.profiles.account.records import ProfileState, load
from bot.profiles.errors import UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.members import OnChange
from bot.profiles.people.notices import Batch, add_reminder, report_batch
from bot.profiles.people.people_list import ListQuery, PeopleList
from bot.profiles.people.retention import NOTICE_PERIOD
from storage.database import Database, Transaction
from storage.tables.audit import REMINDED

_INTERVAL_SECONDS = NOTICE_PERIOD.total_seconds()
"""A person is asked to do something at most once in so long."""


class LeftOut(StrEnum):
    """Why a person is not reminded."""

    WORKS = "whose profile works"
    ASKED_LATELY = "asked within the last three days"
    DEACTIVATED = "deactivated"


_REFUSALS: Mapping[LeftOut, str] = {
    LeftOut.WORKS: "Nobody was reminded: this profile works.",
    LeftOut.ASKED_LATELY: (
        "Nobody was reminded: this person was asked to do something within the last three days, and more often would "
        "be a nuisance. Try again later, or write to them yourself."
    ),
    LeftOut.DEACTIVATED: "Nobody was reminded: this person is deactivated.",
}


@dataclass(kw_only=True)
class ReminderCounts:
    """Of many people, how many are (or would be) reminded, and how many left out by reason."""

    reminded: int = 0
    left_out: Counter[LeftOut] = field(default_factory=Counter)

    def add(self, reason: LeftOut | None) -> None:
        """Count one person."""
        if reason is None:
            self.reminded += 1
        else:
            self.left_out[reason] += 1


@dataclass(frozen=True, kw_only=True)
class Reminders:
    """Reminds people, for admins; every method raises NotAllowedError when the caller is none."""

    database: Database
    access: Access
    people_list: PeopleList
    on_change: OnChange

    async def remind(self, *, caller: Person, owner: Person) -> None:
        """Remind one person.

        Raises:
            NotAllowedError: or the person can have no profile.
            UserError: there is nothing to remind them of, or they were asked lately.
        """
        await self.access.require_admin(caller)
        await self.access.require_owner_or_admin(caller, owner)
        reason = await self._remind(caller, owner, batch="")
        if reason is not None:
            raise UserError(_REFUSALS[reason])

    async def count(self, *, caller: Person, query: ListQuery) -> ReminderCounts:
        """Count whom `remind_all` would remind now."""
        counts = ReminderCounts()
        async for lines in self.people_list.stream_lines(caller=caller, query=query):
            async with self.database.reading() as tx:
                asked = await tx.outbox.asked_lately(
                    caller.workspace, [line.user for line in lines], seconds=_INTERVAL_SECONDS
                )
            for line in lines:
                counts.add(_reason(line.state, asked_lately=line.user in asked))
        return counts

    async def remind_all(
        self, *, caller: Person, query: ListQuery, show: Callable[[ReminderCounts], Awaitable[None]]
    ) -> ReminderCounts:
        """Remind everybody of a query who needs it, calling `show` with the counts after each batch of lines.

        When all have been sent, the caller is told how many could not be, also where this broke off.
        """
        counts, batch = ReminderCounts(), str(uuid4())
        try:
            async for lines in self.people_list.stream_lines(caller=caller, query=query):
                for line in lines:
                    counts.add(await self._remind(caller, Person(caller.workspace, line.user), batch=batch))
                await show(counts)
        finally:
            if counts.reminded:
                async with self.database.writing() as tx:
                    await report_batch(tx, caller, Batch.REMINDED, batch=batch)
                self.on_change(caller)
        return counts

    async def _remind(self, caller: Person, owner: Person, *, batch: str) -> LeftOut | None:
        """Remind one person, or return why not."""
        async with self.database.writing() as tx:
            reason = await self._reason_now(tx, owner)
            if reason is None:
                await add_reminder(tx, caller, owner, batch=batch)
                await tx.audit.append(owner.workspace, actor=caller.user, subject=owner.user, action=REMINDED)
        if reason is None:
            self.on_change(owner)
        return reason

    async def _reason_now(self, tx: Transaction, owner: Person) -> LeftOut | None:
        # Under the person's lock, so that of two admins only one reminds them.
        known = await tx.people.lock_for_update(owner.workspace, owner.user)
        state = ProfileState.DEACTIVATED if known and known.deactivated_at else (await load(tx, owner)).view.state
        asked = await tx.outbox.asked_lately(owner.workspace, [owner.user], seconds=_INTERVAL_SECONDS)
        return _reason(state, asked_lately=bool(asked))


def _reason(state: ProfileState, *, asked_lately: bool) -> LeftOut | None:
    reasons = (
        (state is ProfileState.DEACTIVATED, LeftOut.DEACTIVATED),
        (state is ProfileState.WORKS, LeftOut.WORKS),
        (asked_lately, LeftOut.ASKED_LATELY),
    )
    return next((reason for applies, reason in reasons if applies), None)
