"""What happens to email profiles, in the users' words: show, save, delete, extra configurations, fixes."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from bot.profiles.errors import ChangedMeanwhileError, MendableError
from bot.profiles.extras import find, switched_to, with_extra, without_extra
from bot.profiles.fixes import Change, changed, difference
from bot.profiles.people import Directory, Person, authorise
from bot.profiles.profile import LABELS, EmailProfile, Field, Form, check_others_form, check_own_form
from bot.profiles.records import Loaded, ProfileView, load, require_readable, view_of
from storage.database import Database, Transaction
from storage.profiles import StaleRevisionError, StoredProfile

EXTRAS_LABEL = "Extra configurations"


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a save did: the profile now, the labels of what changed, whether the password was dropped."""

    view: ProfileView
    changed: tuple[str, ...]
    password_dropped: bool


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """What a fix (or its undoing) did: the profile now, and what changed in words."""

    view: ProfileView
    told: tuple[str, ...]


class EmailProfiles:
    """The rules at work, on one database."""

    def __init__(
        self,
        *,
        database: Database,
        admin_user_ids: Collection[str],
        clock: Callable[[], datetime],
    ) -> None:
        """`clock` gives the time now, aware UTC."""
        self._database = database
        self._admin_user_ids = frozenset(admin_user_ids)
        self._clock = clock

    async def show(self, *, caller: Person, owner: Person, directory: Directory) -> ProfileView:
        """Show a profile; one that was never set up is shown empty.

        Raises:
            NotAllowedError: the caller may not see it.
        """
        await self._authorise(caller, owner, directory)
        async with self._database.reading() as tx:
            return await view_of(tx, owner)

    async def save(
        self, *, caller: Person, owner: Person, directory: Directory, form: Form, expected_revision: int
    ) -> Saved:
        """Check and store a form. The same content again is taken without a new revision.

        Raises:
            NotAllowedError: the caller may not change it.
            InvalidFormError: fields break rules.
            ChangedMeanwhileError: somebody saved since the form was opened; nothing is stored.
        """
        await self._authorise(caller, owner, directory)
        async with self._database.writing() as tx:
            loaded = await load(tx, owner)
            profile = self._checked(form, loaded.profile, caller=caller, owner=owner)
            changed = _differing(loaded.profile, profile)
            if (changed or loaded.unreadable) and loaded.revision != expected_revision:
                raise _changed_meanwhile(changed, loaded.revision)
            if changed or loaded.unreadable:
                await self._store(tx, caller, owner, loaded, profile, fields=changed, action="saved")
            view = await view_of(tx, owner)
        dropped = loaded.profile.password is not None and profile.password is None
        return Saved(view=view, changed=changed, password_dropped=dropped)

    async def delete(self, *, caller: Person, owner: Person, directory: Directory) -> bool:
        """Delete a profile and its test for good; tells whether there was one.

        Raises:
            NotAllowedError: the caller may not.
        """
        await self._authorise(caller, owner, directory)
        async with self._database.writing() as tx:
            existed = await tx.profiles.delete(owner.workspace, owner.user)
            await tx.tests.delete(owner.workspace, owner.user)
            if existed:
                await tx.audit.append(owner.workspace, actor=caller.user, subject=owner.user, action="deleted")
        await self._database.forget_deleted()
        return existed

    async def add_extra(
        self, *, caller: Person, owner: Person, directory: Directory, name: str, value: str
    ) -> ProfileView:
        """Set one extra configuration.

        Raises:
            NotAllowedError: the caller may not.
            InvalidExtraError: unknown name or value.
            ExtraConflictError: SSL and TLS would both be on.
            UnreadableProfileError: the stored profile does not open.
        """

        def added(profile: EmailProfile) -> EmailProfile:
            return replace(profile, extras=with_extra(profile.extras, name, value))

        find(name)
        return await self._change(caller, owner, directory, added)

    async def switch_encryption(self, *, caller: Person, owner: Person, directory: Directory, to: str) -> ProfileView:
        """Turn `to` (SSL or TLS) on and the other one off; errors as `add_extra`."""

        def switched(profile: EmailProfile) -> EmailProfile:
            return replace(profile, extras=switched_to(profile.extras, to))

        return await self._change(caller, owner, directory, switched)

    async def remove_extra(self, *, caller: Person, owner: Person, directory: Directory, name: str) -> ProfileView:
        """Take one extra configuration away; errors as `add_extra`."""

        def removed(profile: EmailProfile) -> EmailProfile:
            return replace(profile, extras=without_extra(profile.extras, name))

        return await self._change(caller, owner, directory, removed)

    async def fix(self, *, caller: Person, owner: Person, directory: Directory, change: Change) -> Fixed:
        """Make one change that a report advised, and keep what was before for `undo`.

        Raises:
            NotAllowedError: the caller may not.
            NoLongerFitsError: the change does not fit the profile as it is now.
            UnreadableProfileError: the stored profile does not open.
        """
        await self._authorise(caller, owner, directory)
        async with self._database.writing() as tx:
            loaded = require_readable(await load(tx, owner))
            before = replace(loaded.profile, before=None)
            fixed = _guarded(caller, owner, before, changed(before, change))
            told = difference(before, fixed)
            if told:
                after = replace(fixed, before=before)
                fields = _changed_names(before, fixed)
                await self._store(tx, caller, owner, loaded, after, fields=fields, action="fixed")
            return Fixed(view=await view_of(tx, owner), told=told)

    async def undo(self, *, caller: Person, owner: Person, directory: Directory, revision: int) -> Fixed:
        """Put back what was before the fix that made `revision`.

        Raises:
            NotAllowedError: the caller may not.
            MendableError: the profile has changed since.
        """
        await self._authorise(caller, owner, directory)
        async with self._database.writing() as tx:
            loaded = require_readable(await load(tx, owner))
            before = loaded.profile.before
            if before is None or loaded.revision != revision:
                raise MendableError("The profile has changed since, so this can no longer be undone.")
            back = _guarded(caller, owner, loaded.profile, before)
            fields = _changed_names(loaded.profile, back)
            await self._store(tx, caller, owner, loaded, back, fields=fields, action="undone")
            told = difference(replace(loaded.profile, before=None), back)
            return Fixed(view=await view_of(tx, owner), told=told)

    async def _authorise(self, caller: Person, owner: Person, directory: Directory) -> None:
        await authorise(caller, owner, directory, self._admin_user_ids)

    def _checked(self, form: Form, stored: EmailProfile, *, caller: Person, owner: Person) -> EmailProfile:
        check = check_own_form if caller == owner else check_others_form
        return check(form, stored, now=self._clock())

    async def _change(
        self, caller: Person, owner: Person, directory: Directory, change: Callable[[EmailProfile], EmailProfile]
    ) -> ProfileView:
        await self._authorise(caller, owner, directory)
        async with self._database.writing() as tx:
            loaded = require_readable(await load(tx, owner))
            profile = _guarded(caller, owner, loaded.profile, replace(change(loaded.profile), before=None))
            if profile != replace(loaded.profile, before=None):
                fields = _differing_extras(loaded.profile, profile)
                await self._store(tx, caller, owner, loaded, profile, fields=fields, action="extras changed")
            return await view_of(tx, owner)

    async def _store(
        self,
        tx: Transaction,
        caller: Person,
        owner: Person,
        loaded: Loaded,
        profile: EmailProfile,
        *,
        fields: tuple[str, ...],
        action: str,
    ) -> StoredProfile:
        try:
            stored = await tx.profiles.save(
                owner.workspace, owner.user, profile.to_document(), expected_revision=loaded.revision
            )
        except StaleRevisionError as error:
            raise _changed_meanwhile(fields, error.revision) from None
        await tx.audit.append(owner.workspace, actor=caller.user, subject=owner.user, action=action, fields=fields)
        return stored


def _guarded(caller: Person, owner: Person, before: EmailProfile, after: EmailProfile) -> EmailProfile:
    """Drop the password when somebody else changes which certificate is trusted with it."""
    if caller != owner and before.extras.get("PIN") != after.extras.get("PIN"):
        return replace(after, password=None, password_host="", password_set_at=None)
    return after


def _changed_names(before: EmailProfile, after: EmailProfile) -> tuple[str, ...]:
    return _differing(before, after) + _differing_extras(before, after)


def _differing(before: EmailProfile, after: EmailProfile) -> tuple[str, ...]:
    """Name the labels of the form's fields that differ."""
    names = [name for name in Field if getattr(before, name) != getattr(after, name)]
    return tuple(LABELS[name] for name in names)


def _differing_extras(before: EmailProfile, after: EmailProfile) -> tuple[str, ...]:
    names = sorted({*before.extras, *after.extras})
    return tuple(name for name in names if before.extras.get(name) != after.extras.get(name))


def _changed_meanwhile(fields: tuple[str, ...], revision: int) -> ChangedMeanwhileError:
    named = ", ".join(fields) or EXTRAS_LABEL
    return ChangedMeanwhileError(
        f"This profile was changed by somebody since you opened the form. What you typed differs in: {named}. "
        "Nothing was saved. Save again to put yours in place of it, or cancel to keep theirs.",
        fields=fields,
        revision=revision,
    )
