"""The history: who changed or tested whose profile, when, and from what to what or with which outcome; no secret."""

from dataclasses import dataclass

from bot.profiles.people.access import Access, Person
from storage.database import Database
from storage.tables.audit import AuditEntry

PAGE_SIZE = 15
RECENT_CHANGES = 5
LATEST = 3


@dataclass(frozen=True, kw_only=True)
class HistoryPage:
    """Entries about one person, newest first; `older` is the number to go on from, None at the end."""

    owner: Person
    entries: tuple[AuditEntry, ...]
    older: int | None


@dataclass(frozen=True, kw_only=True)
class History:
    """Reads the history; every method raises NotAllowedError when the caller may not see it."""

    database: Database
    access: Access

    async def page(self, *, caller: Person, owner: Person, before: int | None = None) -> HistoryPage:
        """Return the entries about one profile, those older than entry `before` where that is given."""
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.reading() as tx:
            found = await tx.audit.page(owner.workspace, subject=owner.user, before=before, limit=PAGE_SIZE + 1)
        entries = tuple(found[:PAGE_SIZE])
        return HistoryPage(owner=owner, entries=entries, older=entries[-1].number if len(found) > PAGE_SIZE else None)

    async def latest(self, *, caller: Person, owner: Person) -> tuple[AuditEntry, ...]:
        """Return the latest entries about one profile."""
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.reading() as tx:
            return tuple(await tx.audit.page(owner.workspace, subject=owner.user, limit=LATEST))

    async def recent_changes(self, *, caller: Person) -> tuple[AuditEntry, ...]:
        """Return the latest changes in the whole workspace, for admins."""
        await self.access.require_admin(caller)
        async with self.database.reading() as tx:
            return tuple(await tx.audit.changes(caller.workspace, limit=RECENT_CHANGES))
