"""Moving profiles along when a workspace's defaults change: those that still hold the old ones."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.profiles.account.changes import Changed, OnChange, changed_into, names
from bot.profiles.account.records import load, save_profile
from bot.profiles.errors import UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.defaults import StoredDefaults, load_defaults
from bot.profiles.people.members import note_state
from storage.database import Database

_BATCH = 100


@dataclass(frozen=True, kw_only=True)
class Differences:
    """How profiles stand to new defaults: hold them, still hold the old ones, differ by their own choice."""

    alike: int
    holding_old: int
    own_choice: int


class DefaultMoves:
    """The moves at work; all of it is for admins."""

    def __init__(
        self,
        *,
        database: Database,
        access: Access,
        clock: Callable[[], datetime],
        on_change: OnChange,
    ) -> None:
        """`clock` gives the time now, aware UTC."""
        self._database = database
        self._access = access
        self._clock = clock
        self._on_change = on_change

    async def differences(self, stored: StoredDefaults, *, workspace: str) -> Differences:
        """Count how the profiles of a workspace stand to its defaults."""
        alike = holding_old = own_choice = 0
        async for owner in self._owners(workspace):
            async with self._database.reading() as tx:
                profile = (await load(tx, owner)).profile
            if not profile.is_complete:
                continue
            if stored.defaults.held_by(profile):
                alike += 1
            elif stored.before.held_by(profile):
                holding_old += 1
            else:
                own_choice += 1
        return Differences(alike=alike, holding_old=holding_old, own_choice=own_choice)

    async def move(self, *, caller: Person, revision: int) -> AsyncIterator[Changed]:
        """Give each profile that holds the old defaults the new ones, one by one.

        Raises:
            NotAllowedError: the caller is no admin.
            UserError: the defaults were changed again since `revision`.
        """
        await self._access.require_admin(caller)
        async with self._database.reading() as tx:
            stored = await load_defaults(tx, caller.workspace)
        if stored.revision != revision or not stored.defaults.has_account:
            raise UserError("The defaults were changed again since. Open /email-profile defaults to see them.")
        async for owner in self._owners(caller.workspace):
            moved = await self._moved(caller, owner, stored)
            if moved is not None:
                self._on_change(owner)
                yield moved

    async def _moved(self, caller: Person, owner: Person, stored: StoredDefaults) -> Changed | None:
        async with self._database.writing() as tx:
            person = await tx.people.get(owner.workspace, owner.user)
            if person is None or person.deactivated_at is not None:
                # No member any more: their profile waits to be purged, or for their return.
                return None
            loaded = await load(tx, owner)
            before = replace(loaded.profile, before=None)
            if loaded.unreadable or stored.defaults.held_by(before) or not stored.before.held_by(before):
                return None
            after = stored.defaults.moved(before, stored.before)
            moved = await save_profile(tx, loaded, after)
            await tx.audit.append(
                owner.workspace,
                actor=caller.user,
                subject=owner.user,
                action="moved to new defaults",
                fields=names(before, after),
            )
            await note_state(tx, moved.view, at=self._clock())
            return changed_into(moved.view, before, after)

    async def _owners(self, workspace: str) -> AsyncIterator[Person]:
        after = ""
        while True:
            async with self._database.reading() as tx:
                users = await tx.profiles.users(workspace, after=after, limit=_BATCH)
            for user in users:
                yield Person(workspace=workspace, user=user)
            if len(users) < _BATCH:
                return
            after = users[-1]
