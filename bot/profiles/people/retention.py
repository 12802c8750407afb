"""Retention: purges what is older than it has to be."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.profiles.account.profile import LABELS, Field
from bot.profiles.account.records import load, save_profile
from bot.profiles.people.access import Person
from bot.profiles.people.members import OnChange, update_person
from storage.database import Database, Transaction
from storage.tables.audit import PASSWORD_PURGED
from storage.tables.table import StaleRevisionError

PERSON_GRACE_PERIOD = timedelta(days=7)
"""How long a deactivated person's password is kept, in case it was a mistake."""

WORKSPACE_GRACE_PERIOD = timedelta(days=30)
"""How long a workspace's records are kept after the bot was removed, in case it returns."""


NOTICE_PERIOD = timedelta(days=3)
"""How long a notice may wait, and how long it is known afterwards whom it was sent to."""


def people_lease(workspace: str) -> str:
    """Return the name of the lease for reading a workspace's people."""
    return f"people of {workspace}"


def token_lease(workspace: str) -> str:
    """Return the name of the lease for renewing a workspace's token."""
    return f"token of {workspace}"


def outbox_lease(workspace: str) -> str:
    """Return the name of the lease for sending a message in a workspace."""
    return f"outbox of {workspace}"


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Purges the database, and stores when the bot was removed from a workspace.

    `history` is how long changes and tests are kept; `clock` returns the time, the same to all instances.
    """

    database: Database
    history: timedelta
    clock: Callable[[], Awaitable[datetime]]
    on_change: OnChange

    async def purge(self) -> None:
        """Purge all that is due now."""
        now = await self.clock()
        await self._purge_passwords_of_deactivated(now)
        await self._purge_removed_workspaces(now)
        await self._purge_history(now - self.history)
        async with self.database.writing() as tx:
            await tx.audit.purge_details()
            await tx.outbox.purge(older_than=min(NOTICE_PERIOD, self.history).total_seconds())
            await tx.links.purge()
            await tx.form_tests.purge()
            await tx.confirmations.purge()
            await tx.program_tokens.purge()
            await tx.idempotent_sends.purge()
            await tx.limits.purge()
            await tx.runs.purge()
            await tx.running_tests.purge()
            await tx.requests.purge()
            await tx.oauth_states.purge()
            await tx.workspaces.drop_marks_of_nothing()
        await self.database.forget_deleted()

    async def mark_removed(self, workspace: str) -> None:
        """Store that the bot was removed from a workspace now."""
        now = await self.clock()
        async with self.database.writing() as tx:
            await tx.workspaces.set_left(workspace, now)

    async def mark_present(self, workspace: str) -> None:
        """Store that the bot works in a workspace (again)."""
        async with self.database.writing() as tx:
            await tx.workspaces.set_left(workspace, None)

    async def _purge_history(self, before: datetime) -> None:
        async with self.database.reading() as tx:
            due = await tx.audit.older(before)
        for workspace, subject in due:
            # One at a time: whoever saves waits for the purge of their own history at most.
            async with self.database.writing() as tx:
                await tx.audit.purge(workspace, subject, before=before)

    async def _purge_passwords_of_deactivated(self, now: datetime) -> None:
        async with self.database.reading() as tx:
            people = await tx.people.deactivated_before(now - PERSON_GRACE_PERIOD)
        for workspace, user in people:
            owner = Person(workspace=workspace, user=user)
            try:
                async with self.database.writing() as tx:
                    purged = await self._purge_password(tx, owner, now)
            except StaleRevisionError:
                # Somebody saves at this very moment; the next purge sees what they stored.
                continue
            if purged:
                self.on_change(owner)

    async def _purge_password(self, tx: Transaction, owner: Person, now: datetime) -> bool:
        loaded = await load(tx, owner)
        profile = replace(loaded.profile.without_password(), before=None)
        tested = await tx.tests.delete(owner.workspace, owner.user)
        had_programs = await tx.program_tokens.forget(owner.workspace, owner.user)
        if loaded.unreadable:
            await tx.profiles.delete(owner.workspace, owner.user)
        elif loaded.stored and (tested or had_programs or profile != loaded.profile):
            # Where only a test went, too: the entry is written with the profile, which is no older then.
            await save_profile(tx, loaded, profile)
        else:
            return False
        await tx.links.forget(owner.workspace, owner.user)
        await tx.form_tests.forget(owner.workspace, owner.user)
        await tx.confirmations.forget(owner.workspace, owner.user)
        await update_person(tx, owner, at=now)
        await tx.audit.append(
            owner.workspace, actor="bot", subject=owner.user, action=PASSWORD_PURGED, fields=(LABELS[Field.PASSWORD],)
        )
        return True

    async def _purge_removed_workspaces(self, now: datetime) -> None:
        due = now - WORKSPACE_GRACE_PERIOD
        async with self.database.reading() as tx:
            removed = await tx.workspaces.left_before(due)
        for workspace in removed:
            async with self.database.writing() as tx:
                # The bot may be installed again at this very moment.
                if await tx.workspaces.purge(workspace, left_before=due):
                    for name in (people_lease, token_lease, outbox_lease):
                        await tx.leases.drop(name(workspace))
