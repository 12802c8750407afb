"""The defaults of a workspace as admins work with them: shown, saved, and applied to profiles that follow them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from bot.profiles.account.changes import ProfileChange, named_account, profile_change
from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import Loaded, account_of, load, save_profile
from bot.profiles.errors import EditConflictError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.defaults import (
    DEFAULTS_LABELS,
    DEFAULTS_SUBJECT,
    DefaultsField,
    DefaultsForm,
    StoredDefaults,
    check_defaults,
    describe_changed_defaults,
    load_defaults,
    read_defaults,
)
from bot.profiles.people.members import OnChange, is_member, update_person_from
from bot.profiles.people.notices import Batch, notify_of_change, report_batch
from storage.database import Database
from storage.tables.audit import MOVED
from storage.tables.table import StaleRevisionError

_BATCH = 100
_TRIES = 3


@dataclass(kw_only=True)
class DefaultsUsage:
    """How many profiles hold the current defaults, still the previous ones, or values of their own.

    Of those on the previous ones, `movable` are where the current ones name a server, and `asked` where it is another
    one than the stored password is for. Where defaults name no server for an address, its profile counts nowhere.
    """

    current: int = 0
    previous: int = 0
    custom: int = 0
    movable: int = 0
    asked: int = 0

    def add(self, profile: EmailProfile, stored: StoredDefaults) -> None:
        """Count one profile."""
        now, before = (defaults.for_address(profile.address) for defaults in (stored.defaults, stored.previous))
        if now.matches(profile):
            self.current += 1
        elif before.matches(profile):
            self.previous += 1
            self.movable += int(now.has_account)
            self.asked += int(now.has_account and profile.password is not None and profile.password_host != now.host)
        elif now.has_account:
            self.custom += 1


@dataclass(kw_only=True)
class MoveCounts:
    """Of so many profiles, how many were moved, how many of those lost their password, and how many were left."""

    total: int
    moved: int = 0
    asked: int = 0
    left: int = 0

    @property
    def done(self) -> int:
        """How many were moved or left."""
        return self.moved + self.left

    def add(self, change: ProfileChange | None) -> None:
        """Count one profile; None when it was left as it is."""
        self.moved += int(change is not None)
        self.left += int(change is None)
        self.asked += int(change is not None and change.password_dropped)


@dataclass(frozen=True, kw_only=True)
class WorkspaceDefaults:
    """Shows and saves the defaults, and moves profiles along; raises NotAllowedError when the caller is no admin.

    `clock` returns the time now, aware UTC; `on_change` is also called with the admin who saves defaults.
    """

    database: Database
    access: Access
    clock: Callable[[], datetime]
    on_change: OnChange

    async def show(self, *, caller: Person) -> StoredDefaults:
        """Return the defaults; where they cannot be relied on, empty ones that say so."""
        await self.access.require_admin(caller)
        async with self.database.reading() as tx:
            return await read_defaults(tx, caller.workspace)

    async def save(self, *, caller: Person, form: DefaultsForm, expected_revision: int) -> StoredDefaults:
        """Check and store the form; the previous defaults are kept, so that profiles that hold them can be moved.

        Raises:
            InvalidFormError: fields break rules.
            EditConflictError: another admin saved since the form was opened.
        """
        await self.access.require_admin(caller)
        defaults = check_defaults(form)
        async with self.database.writing() as tx:
            stored = await read_defaults(tx, caller.workspace)
            changed = [name for name in DefaultsField if getattr(defaults, name) != getattr(stored.defaults, name)]
            fields = tuple(DEFAULTS_LABELS[name] for name in changed)
            if not fields and not stored.unreadable:
                return stored
            saved = StoredDefaults(
                defaults=defaults, previous=stored.defaults, revision=expected_revision + 1, of_others=stored.of_others
            )
            try:
                await tx.workspaces.save(caller.workspace, saved.to_document(), expected_revision=expected_revision)
            except StaleRevisionError as error:
                raise EditConflictError(
                    "Another admin changed the defaults since you opened this form. Nothing was saved. Save again "
                    "to put yours in place of theirs, or cancel.",
                    revision=error.revision,
                ) from None
            await tx.audit.append(
                caller.workspace,
                actor=caller.user,
                subject=DEFAULTS_SUBJECT,
                action="defaults set anew" if stored.unreadable else "defaults changed",
                fields=fields,
                details=describe_changed_defaults(stored.defaults, defaults),
            )
        self.on_change(caller)
        return saved

    async def count_usage(self, stored: StoredDefaults, *, workspace: str) -> DefaultsUsage:
        """Count which defaults the profiles of a workspace hold."""
        usage = DefaultsUsage()
        async for owner in self._owners(workspace):
            async with self.database.reading() as tx:
                person = await tx.people.get(owner.workspace, owner.user)
                profile = (await load(tx, owner)).profile
            if profile.is_complete and is_member(person):
                usage.add(profile, stored)
        return usage

    async def move(self, *, caller: Person, revision: int, show: Callable[[MoveCounts], Awaitable[None]]) -> MoveCounts:
        """Apply the defaults to each profile that holds the previous ones, one by one; each owner gets a notice.

        `show` is called with the counts before the first and after each. When all notices have been sent, the caller
        is told how many could not be, also where this broke off; called again, it goes on there.

        Raises:
            UserError: the defaults were changed again since `revision`.
        """
        await self.access.require_admin(caller)
        async with self.database.reading() as tx:
            stored = await load_defaults(tx, caller.workspace)
        if stored.revision != revision:
            raise UserError("The defaults were changed again since. Open /email-profile defaults to see them.")
        owners = [owner async for owner in self._owners(caller.workspace) if await self._follows(owner, stored)]
        counts, batch = MoveCounts(total=len(owners)), str(uuid4())
        try:
            for owner in owners:
                await show(counts)
                counts.add(await self._moved(caller, owner, stored, batch))
            await show(counts)
        finally:
            if counts.moved:
                async with self.database.writing() as tx:
                    await report_batch(tx, caller, Batch.MOVED, batch=batch)
                self.on_change(caller)
        return counts

    async def _follows(self, owner: Person, stored: StoredDefaults) -> bool:
        async with self.database.reading() as tx:
            person = await tx.people.get(owner.workspace, owner.user)
            loaded = await load(tx, owner)
        return is_member(person) and _is_due(loaded, stored)

    async def _moved(self, caller: Person, owner: Person, stored: StoredDefaults, batch: str) -> ProfileChange | None:
        """Move one profile; None when it holds the previous defaults no more, or others save it again and again."""
        for _ in range(_TRIES):
            try:
                change = await self._move_one(caller, owner, stored, batch)
            except StaleRevisionError:
                continue
            if change is not None:
                self.on_change(owner)
            return change
        return None

    async def _move_one(
        self, caller: Person, owner: Person, stored: StoredDefaults, batch: str
    ) -> ProfileChange | None:
        async with self.database.writing() as tx:
            person = await tx.people.get(owner.workspace, owner.user)
            loaded = await load(tx, owner)
            if not (is_member(person) and _is_due(loaded, stored)):
                return None
            before = replace(loaded.profile, before=None)
            after = stored.defaults.applied_to(before, stored.previous)
            moved = await save_profile(tx, loaded, after)
            change = profile_change(moved.view, before, after)
            if change.password_dropped:
                await tx.form_tests.forget(owner.workspace, owner.user)
            await notify_of_change(tx, caller, change, batch=batch)
            await update_person_from(tx, moved.view, at=self.clock())
            await tx.audit.append(
                owner.workspace,
                actor=caller.user,
                subject=owner.user,
                action=MOVED,
                fields=change.fields,
                details=(*change.descriptions, *named_account(account_of(after))),
            )
            return change

    async def _owners(self, workspace: str) -> AsyncIterator[Person]:
        after = ""
        while True:
            async with self.database.reading() as tx:
                users = await tx.profiles.users(workspace, after=after, limit=_BATCH)
            for user in users:
                yield Person(workspace=workspace, user=user)
            if len(users) < _BATCH:
                return
            after = users[-1]


def _is_due(loaded: Loaded, stored: StoredDefaults) -> bool:
    usage = DefaultsUsage()
    usage.add(loaded.profile, stored)
    return not loaded.unreadable and bool(usage.movable)
