"""Retention: what time makes superfluous is purged by the program itself."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.profiles.account.changes import OnChange
from bot.profiles.account.profile import LABELS, Field
from bot.profiles.account.records import load, save_profile
from bot.profiles.people.access import Person
from bot.profiles.people.members import refresh_state
from storage.database import Database, Transaction
from storage.tables.sealed_records import StaleRevisionError

GRACE_OF_PEOPLE = timedelta(days=7)
"""How long a deactivated person's password is kept, in case it was a mistake."""

GRACE_OF_WORKSPACES = timedelta(days=30)
"""How long a workspace's records are kept after the bot was removed, in case it returns."""


def people_lease(workspace: str) -> str:
    """Name the lease of reading a workspace's people."""
    return f"people of {workspace}"


def token_lease(workspace: str) -> str:
    """Name the lease of renewing a workspace's token."""
    return f"token of {workspace}"


class Retention:
    """The purges, on one database."""

    def __init__(
        self, *, database: Database, history: timedelta, clock: Callable[[], Awaitable[datetime]], on_change: OnChange
    ) -> None:
        """`history` is how long changes and tests are kept; `clock` gives the time now, the same to all instances."""
        self._database = database
        self._history = history
        self._clock = clock
        self._on_change = on_change

    async def purge(self) -> None:
        """Do all that is due now."""
        now = await self._clock()
        await self._secrets_of_the_deactivated(now)
        await self._workspaces_that_left(now)
        async with self._database.writing() as tx:
            await tx.audit.purge(now - self._history)
            await tx.links.purge()
            await tx.limits.purge()
            await tx.runs.purge()
            await tx.requests.purge()
            await tx.oauth_states.purge()
        await self._database.forget_deleted()

    async def left(self, workspace: str) -> None:
        """Note that the bot was removed from a workspace."""
        now = await self._clock()
        async with self._database.writing() as tx:
            await tx.workspaces.set_left(workspace, now)

    async def returned(self, workspace: str) -> None:
        """Note that the bot works in a workspace (again)."""
        async with self._database.writing() as tx:
            await tx.workspaces.set_left(workspace, None)

    async def _secrets_of_the_deactivated(self, now: datetime) -> None:
        due = now - GRACE_OF_PEOPLE
        async with self._database.reading() as tx:
            people = await tx.people.deactivated_before(due)
        for workspace, user in people:
            owner = Person(workspace=workspace, user=user)
            try:
                async with self._database.writing() as tx:
                    purged = await self._without_secrets(tx, owner, now)
            except StaleRevisionError:
                # Somebody saves at this very moment; the next round sees what they left.
                continue
            if purged:
                self._on_change(owner)

    async def _without_secrets(self, tx: Transaction, owner: Person, now: datetime) -> bool:
        loaded = await load(tx, owner)
        bare = replace(loaded.profile, password=None, password_host="", password_set_at=None, before=None)
        tested = await tx.tests.delete(owner.workspace, owner.user)
        if loaded.unreadable:
            await tx.profiles.delete(owner.workspace, owner.user)
        elif bare != loaded.profile:
            await save_profile(tx, loaded, bare)
        elif not tested:
            return False
        await tx.links.forget(owner.workspace, owner.user)
        await tx.audit.append(
            owner.workspace,
            actor="bot",
            subject=owner.user,
            action="password purged",
            fields=(LABELS[Field.PASSWORD],),
        )
        await refresh_state(tx, owner, at=now)
        return True

    async def _workspaces_that_left(self, now: datetime) -> None:
        due = now - GRACE_OF_WORKSPACES
        async with self._database.reading() as tx:
            gone = await tx.workspaces.left_before(due)
        for workspace in gone:
            async with self._database.writing() as tx:
                # It may return at this very moment.
                if await tx.workspaces.purge(workspace, left_before=due):
                    for lease in (people_lease(workspace), token_lease(workspace)):
                        await tx.leases.drop(lease)
