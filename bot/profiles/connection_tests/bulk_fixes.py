"""One fix for many profiles that fail alike, and its way back as a whole."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from uuid import uuid4

from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.connection_tests.run_results import FailureGroup, load_result, save_result
from bot.profiles.errors import NotAllowedError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.members import OnChange
from bot.profiles.people.notices import Batch, report_batch
from storage.database import Database


@dataclass(kw_only=True)
class BulkChange:
    """A change of many profiles so far: `latest` is the profile changed last, None when it was left alone."""

    total: int
    done: int = 0
    latest: ProfileChange | None = None
    changed: list[tuple[str, int]] = field(default_factory=list)
    descriptions: tuple[str, ...] = ()
    left_alone: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes, from what was measured; None before anything was."""
        if not self.done:
            return None
        return (time.monotonic() - self.began) / self.done * (self.total - self.done)


@dataclass(frozen=True, kw_only=True)
class BulkFixes:
    """Changes many profiles, for admins; nobody's password, login, server or trusted certificate is touched."""

    database: Database
    access: Access
    profiles: EmailProfiles
    on_change: OnChange

    async def group(self, *, caller: Person, run_id: str, number: int) -> FailureGroup:
        """Return those who can be fixed alike.

        Raises:
            NotAllowedError: the caller is no admin.
            UserError: the run is not kept any more, or there is no fix for them.
        """
        await self.access.require_admin(caller)
        async with self.database.reading() as tx:
            group = (await load_result(tx, caller.workspace, run_id)).group(number)
        if group.fix is None or not group.fits:
            raise UserError("There is no one change that helps all of these. Open the last report of each.")
        return group

    async def fix(self, *, caller: Person, group: FailureGroup) -> AsyncIterator[BulkChange]:
        """Make the group's fix in one profile after the other; yields after each, the same object.

        Each owner gets a notice; when all were sent, the caller is told how many could not be.

        Whoever does not fail so any more is left alone, and counted.
        """
        change, batch = BulkChange(total=len(group.fits)), str(uuid4())
        for user in group.fits:
            owner = Person(workspace=caller.workspace, user=user)
            change.latest = None
            try:
                if group.fix is not None:
                    change.latest = await self.profiles.fix_among_many(
                        caller=caller, owner=owner, fix=group.fix, cause=group.cause, batch=batch
                    )
            except NotAllowedError:
                change.left_alone["They are no members any more."] += 1
            except UserError as error:
                change.left_alone[str(error)] += 1
            _count(change, user)
            if change.done == change.total:
                await self._report(caller, change, batch)
            yield change

    async def undo(self, *, caller: Person, run_id: str) -> AsyncIterator[BulkChange]:
        """Put back what was before a run's fix, one profile after the other; yields after each, the same object.

        Whoever has changed their profile since is left alone, and counted.

        Raises:
            NotAllowedError: the caller is no admin.
            UserError: the run is not kept any more, or was undone already.
        """
        await self.access.require_admin(caller)
        async with self.database.reading() as tx:
            result = await load_result(tx, caller.workspace, run_id)
        if result.undone or not result.changed:
            raise UserError("This was undone already.")
        change, batch = BulkChange(total=len(result.changed)), str(uuid4())
        for user, revision in result.changed:
            owner = Person(workspace=caller.workspace, user=user)
            change.latest = None
            try:
                change.latest = await self.profiles.undo(caller=caller, owner=owner, revision=revision, batch=batch)
            except UserError as error:
                change.left_alone[str(error)] += 1
            _count(change, user)
            yield change
        await self._report(caller, change, batch)
        async with self.database.writing() as tx:
            await save_result(tx, caller.workspace, run_id, replace(result, undone=True))

    async def _report(self, caller: Person, change: BulkChange, batch: str) -> None:
        """Have the caller told, when all owners were, how many could not be."""
        if change.changed:
            async with self.database.writing() as tx:
                await report_batch(tx, caller, Batch.CHANGED, batch=batch)
            self.on_change(caller)


def _count(change: BulkChange, user: str) -> None:
    change.done += 1
    if change.latest is not None:
        change.changed.append((user, change.latest.view.revision))
        change.descriptions = change.descriptions or change.latest.descriptions
