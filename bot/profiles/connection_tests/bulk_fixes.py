"""One fix for many profiles that fail alike, and its way back as a whole."""

import time
from collections import Counter
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field, replace
from uuid import uuid4

from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.connection_tests.run_results import FailureGroup, load_result, save_result
from bot.profiles.errors import UserError
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

    async def fix(self, *, caller: Person, group: FailureGroup) -> AsyncGenerator[BulkChange, None]:
        """Make the group's fix in one profile after the other; yields after each, the same object.

        Each owner gets a notice; when all were sent, the caller is told how many could not be, also where this was
        stopped or broke off. Whoever reads this closes it.

        Whoever does not fail so any more, or has left, is left alone, and counted.

        Raises:
            NotAllowedError: the caller is no admin.
        """
        await self.access.require_admin(caller)
        change, batch = BulkChange(total=len(group.fits)), str(uuid4())
        try:
            for user in group.fits:
                owner = Person(workspace=caller.workspace, user=user)
                change.latest = None
                try:
                    if group.fix is not None:
                        change.latest = await self.profiles.fix_among_many(
                            caller=caller, owner=owner, fix=group.fix, cause=group.cause, batch=batch
                        )
                except UserError as error:
                    change.left_alone[str(error)] += 1
                _count(change, user)
                yield change
        finally:
            await self._report(caller, change, batch)

    async def undo(self, *, caller: Person, run_id: str) -> AsyncGenerator[BulkChange, None]:
        """Put back what was before a run's fix, one profile after the other; yields after each, the same object.

        Whoever has changed their profile since, or has left, is left alone, and counted. What breaks off goes on where
        it ended when it is called again. Whoever reads this closes it.

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
        done: set[str] = set()
        try:
            for user, revision in result.changed:
                owner = Person(workspace=caller.workspace, user=user)
                change.latest = None
                try:
                    change.latest = await self.profiles.undo_among_many(
                        caller=caller, owner=owner, revision=revision, batch=batch
                    )
                except UserError as error:
                    change.left_alone[str(error)] += 1
                _count(change, user)
                done.add(user)
                yield change
        finally:
            await self._note_undone(caller, run_id, done)
            await self._report(caller, change, batch)

    async def _note_undone(self, caller: Person, run_id: str, done: Collection[str]) -> None:
        """Store who is left to put back; whoever deleted their profile meanwhile stays out of it."""
        async with self.database.writing() as tx:
            try:
                result = await load_result(tx, caller.workspace, run_id)
            except UserError:
                # Purged meanwhile.
                return
            rest = tuple(one for one in result.changed if one[0] not in done)
            put_back = result.put_back + len(result.changed) - len(rest)
            noted = replace(result, changed=rest, put_back=put_back, undone=not rest)
            await save_result(tx, caller.workspace, run_id, noted)

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
