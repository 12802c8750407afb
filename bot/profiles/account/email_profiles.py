"""What happens to email profiles, in the users' words: show, save, delete, extra configurations, fixes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import SecretStr

from bot.profiles.account.changes import ProfileChange, changed_fields, profile_change
from bot.profiles.account.extras import find_extra, with_encryption, with_extra, without_extra
from bot.profiles.account.fixes import ProposedFix, apply_fix
from bot.profiles.account.profile import EmailProfile, Field, ProfileForm, check_others_form, check_own_form, notes_on
from bot.profiles.account.records import Loaded, ProfileView, load, profile_view, require_readable, save_profile
from bot.profiles.errors import EditConflictError, InvalidFormError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.defaults import Defaults, load_defaults
from bot.profiles.people.members import OnChange, update_person_from
from bot.profiles.people.notices import notify_of_change, notify_of_deletion
from storage.database import Database, Transaction
from storage.tables.table import StaleRevisionError


@dataclass(frozen=True, kw_only=True)
class EmailProfiles:
    """The rules for email profiles, on one database.

    `clock` returns the time now, aware UTC; without `password_in_form` a form's password is never taken.
    """

    database: Database
    access: Access
    clock: Callable[[], datetime]
    on_change: OnChange
    password_in_form: bool = True

    async def show(self, *, caller: Person, owner: Person) -> ProfileView:
        """Show a profile; one that was never set up is shown empty.

        Raises:
            NotAllowedError: the caller may not see it.
        """
        await self.access.require_owner_or_admin(caller, owner)
        stored = await self.database.profile_with_last_test(owner.workspace, owner.user)
        return profile_view(owner, stored.profile, stored.test)

    async def suggest(self, owner: Person, slack_address: str) -> EmailProfile:
        """Return what a new form begins with: the workspace's defaults, and the person's address in Slack."""
        async with self.database.reading() as tx:
            return (await load_defaults(tx, owner.workspace)).defaults.suggestion(slack_address)

    async def save(self, *, caller: Person, owner: Person, form: ProfileForm, expected_revision: int) -> ProfileChange:
        """Check and store a form. The same content again is accepted without a new revision.

        Raises:
            NotAllowedError: the caller may not change it.
            InvalidFormError: fields break rules.
            ChangedMeanwhileError: somebody saved since the form was opened; nothing is stored.
        """
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.writing() as tx:
            loaded = await load(tx, owner)
            defaults = (await load_defaults(tx, owner.workspace)).defaults
            profile = self._checked(form, loaded, defaults, caller=caller, owner=owner)
            fields = changed_fields(loaded.profile, profile)
            if (fields or loaded.unreadable) and loaded.revision != expected_revision:
                raise _changed_meanwhile(loaded.revision)
            stored = loaded
            if fields or loaded.unreadable:
                stored = await self._store(tx, caller, loaded, profile, fields=fields, action="saved")
        self.on_change(owner)
        return replace(profile_change(stored.view, loaded.profile, profile), notes=notes_on(form))

    async def delete(self, *, caller: Person, owner: Person) -> bool:
        """Delete a profile, its test and its history for good; returns whether there was one.

        Raises:
            NotAllowedError: the caller may not.
        """
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.writing() as tx:
            existed = await tx.profiles.delete(owner.workspace, owner.user)
            await tx.tests.delete(owner.workspace, owner.user)
            await tx.links.forget(owner.workspace, owner.user)
            if existed:
                await notify_of_deletion(tx, caller, owner)
                await tx.audit.forget(owner.workspace, owner.user)
                await tx.audit.append(owner.workspace, actor=caller.user, subject=owner.user, action="deleted")
                await update_person_from(tx, profile_view(owner, None, None), at=self.clock())
        await self.database.forget_deleted()
        self.on_change(owner)
        return existed

    async def add_extra(self, *, caller: Person, owner: Person, name: str, value: str) -> ProfileChange:
        """Set one extra configuration.

        Raises:
            NotAllowedError: the caller may not.
            InvalidExtraError: unknown name or value.
            ExtraConflictError: SSL and TLS would both be on.
            UnreadableProfileError: the stored profile does not open.
        """

        def added(profile: EmailProfile) -> EmailProfile:
            return replace(profile, extras=with_extra(profile.extras, name, value))

        find_extra(name)
        return await self._change(caller, owner, added)

    async def switch_encryption(self, *, caller: Person, owner: Person, to: str) -> ProfileChange:
        """Turn `to` (SSL or TLS) on and the other one off; errors as `add_extra`."""

        def switched(profile: EmailProfile) -> EmailProfile:
            return replace(profile, extras=with_encryption(profile.extras, to))

        return await self._change(caller, owner, switched)

    async def remove_extra(self, *, caller: Person, owner: Person, name: str) -> ProfileChange:
        """Remove one extra configuration; errors as `add_extra`."""

        def removed(profile: EmailProfile) -> EmailProfile:
            return replace(profile, extras=without_extra(profile.extras, name))

        return await self._change(caller, owner, removed)

    async def fix(self, *, caller: Person, owner: Person, fix: ProposedFix) -> ProfileChange:
        """Make one change that a report advised, and keep what was before for `undo`.

        Raises:
            NotAllowedError: the caller may not.
            NoLongerFitsError: the change does not fit the profile as it is now.
            UnreadableProfileError: the stored profile does not open.
        """
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.writing() as tx:
            loaded = require_readable(await load(tx, owner))
            before = replace(loaded.profile, before=None)
            fixed = _guarded(caller, owner, before, apply_fix(before, fix))
            if fixed != before:
                after = replace(fixed, before=before)
                fields = changed_fields(before, fixed)
                loaded = await self._store(tx, caller, loaded, after, fields=fields, action="fixed")
        self.on_change(owner)
        return profile_change(loaded.view, before, fixed)

    async def undo(self, *, caller: Person, owner: Person, revision: int) -> ProfileChange:
        """Put back what was before the fix that made `revision`.

        Raises:
            NotAllowedError: the caller may not.
            UserError: the profile has changed since.
        """
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.writing() as tx:
            loaded = require_readable(await load(tx, owner))
            before = loaded.profile.before
            if before is None or loaded.revision != revision:
                raise UserError("The profile has changed since, so this can no longer be undone.")
            now = replace(loaded.profile, before=None)
            back = _guarded(caller, owner, now, before)
            stored = await self._store(tx, caller, loaded, back, fields=changed_fields(now, back), action="undone")
        self.on_change(owner)
        return profile_change(stored.view, now, back)

    def _checked(
        self, form: ProfileForm, loaded: Loaded, defaults: Defaults, *, caller: Person, owner: Person
    ) -> EmailProfile:
        stored, now = loaded.profile, self.clock()
        if defaults.login_pattern and form.authenticate and not form.login.strip():
            form = replace(form, login=defaults.login_for(form.address.strip()))
        if not self.password_in_form:
            form = replace(form, password=SecretStr(""))
        check = check_own_form if caller == owner and self.password_in_form else check_others_form
        profile = check(form, stored, now=now)
        try:
            defaults.require_allowed(profile.host)
        except UserError as error:
            raise InvalidFormError({Field.HOST: str(error)}) from None
        return profile if stored.is_complete else defaults.with_default_encryption(profile)

    async def _change(
        self, caller: Person, owner: Person, change: Callable[[EmailProfile], EmailProfile]
    ) -> ProfileChange:
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.writing() as tx:
            loaded = require_readable(await load(tx, owner))
            before = replace(loaded.profile, before=None)
            profile = _guarded(caller, owner, before, change(before))
            if profile != before:
                fields = changed_fields(before, profile)
                action = "extra configurations changed"
                loaded = await self._store(tx, caller, loaded, profile, fields=fields, action=action)
        self.on_change(owner)
        return profile_change(loaded.view, before, profile)

    async def _store(
        self,
        tx: Transaction,
        caller: Person,
        before: Loaded,
        profile: EmailProfile,
        *,
        fields: tuple[str, ...],
        action: str,
    ) -> Loaded:
        owner = before.owner
        try:
            stored = await save_profile(tx, before, profile)
        except StaleRevisionError as error:
            raise _changed_meanwhile(error.revision) from None
        await tx.audit.append(owner.workspace, actor=caller.user, subject=owner.user, action=action, fields=fields)
        await update_person_from(tx, stored.view, at=self.clock())
        await notify_of_change(tx, caller, profile_change(stored.view, before.profile, profile))
        return stored


def _guarded(caller: Person, owner: Person, before: EmailProfile, after: EmailProfile) -> EmailProfile:
    """Drop the password when somebody else changes which certificate is trusted with it."""
    if caller != owner and before.extras.get("PIN") != after.extras.get("PIN"):
        return replace(after, password=None, password_host="", password_set_at=None)
    return after


def _changed_meanwhile(revision: int) -> EditConflictError:
    return EditConflictError(
        "This profile was changed by somebody since you opened the form. Nothing of yours was saved yet. Choose for "
        "each difference what shall stay, and save again; or cancel to keep theirs.",
        revision=revision,
    )
