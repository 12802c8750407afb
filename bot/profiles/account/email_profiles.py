"""What happens to email profiles, in the users' words: show, save, delete, extra configurations, fixes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.profiles.account.accepted_passwords import with_accepted_password
from bot.profiles.account.changes import ProfileChange, changed_fields, describe_changes, named_account, profile_change
from bot.profiles.account.drafts import Draft, FixedForm, FormAuthor, FormBasis, check_form, guarded
from bot.profiles.account.extras import find_extra, with_encryption, with_extra, without_extra
from bot.profiles.account.failures import failure_of, of_many
from bot.profiles.account.fixes import (
    OF_THE_PASSWORD,
    OutdatedFixError,
    ProposedFix,
    apply_fix,
    apply_fix_for_many,
    filled_in,
    opens_form,
)
from bot.profiles.account.form_tests import passed_form_test, tested_values
from bot.profiles.account.own_address import is_same_address
from bot.profiles.account.profile import EmailProfile, ProfileForm, notes_on
from bot.profiles.account.records import (
    REPORTS,
    Loaded,
    ProfileView,
    account_of,
    load,
    profile_view,
    require_readable,
    save_profile,
)
from bot.profiles.connection_tests.run_results import forget_in_results
from bot.profiles.errors import EditConflictError, InvalidFormError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.defaults import load_defaults, require_policy
from bot.profiles.people.members import OnChange, is_member, update_person_from
from bot.profiles.people.notices import notify_of_change, notify_of_deletion
from bot.smtp.check.report import Report
from storage.database import Database, Transaction
from storage.tables.audit import DELETED, EXTRAS_CHANGED, FIXED, FIXED_WITH_OTHERS, SAVED, TESTED, UNDONE
from storage.tables.profiles import StoredTest
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

    async def form_basis(self, *, caller: Person, owner: Person) -> FormBasis:
        """Return what a form is drawn over: the stored profile, and the workspace's defaults.

        Raises:
            NotAllowedError: the caller may not see it.
        """
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.reading() as tx:
            loaded = await load(tx, owner)
            return FormBasis(view=loaded.view, defaults=(await load_defaults(tx, owner.workspace)).defaults)

    async def save(self, *, caller: Person, owner: Person, form: ProfileForm, expected_revision: int) -> ProfileChange:
        """Check and store a form, and the test of it that passed, unless the profile as it is was tested since.

        The same content again makes no new revision.

        Raises:
            NotAllowedError: the caller may not change it.
            InvalidFormError: fields break rules.
            ChangedMeanwhileError: somebody saved since the form was opened; nothing is stored.
        """
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.writing() as tx:
            loaded = await load(tx, owner)
            defaults = (await load_defaults(tx, owner.workspace)).defaults
            draft = check_form(form, loaded.profile, defaults, self._author(caller, owner), now=self.clock())
            profile = draft.profile
            if draft.has_typed_password and caller != owner:
                # A new one, also where it is the stored one: else saving would tell whether a guess is right.
                loaded = replace(loaded, profile=loaded.profile.without_password())
            fields = changed_fields(loaded.profile, profile)
            if (fields or loaded.unreadable) and loaded.revision != expected_revision:
                raise _changed_meanwhile(loaded.revision)
            passed = await passed_form_test(tx, caller, owner, tested_values(draft, loaded))
            stored = loaded
            if fields or loaded.unreadable:
                stored = await self._store(tx, caller, loaded, profile, fields=fields, action=SAVED)
            last = loaded.view.last_test
            if passed is not None and (fields or last is None or last.tested_at <= passed.tested_at):
                stored = await self._keep_test(tx, caller, stored, passed)
        self.on_change(owner)
        return replace(profile_change(stored.view, loaded.profile, profile), notes=notes_on(form))

    async def delete(self, *, caller: Person, owner: Person) -> bool:
        """Delete a profile and its test for good, of its history all but the outline; returns whether there was one.

        Raises:
            NotAllowedError: the caller may not.
        """
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.writing() as tx:
            existed = await tx.profiles.delete(owner.workspace, owner.user)
            await tx.tests.delete(owner.workspace, owner.user)
            await tx.links.forget(owner.workspace, owner.user)
            await forget_in_results(tx, owner)
            await tx.form_tests.forget(owner.workspace, owner.user)
            await tx.confirmations.forget(owner.workspace, owner.user)
            await tx.program_tokens.forget(owner.workspace, owner.user)
            if existed:
                await notify_of_deletion(tx, caller, owner)
                await update_person_from(tx, profile_view(owner, None, None), at=self.clock())
                await tx.audit.outline(owner.workspace, owner.user)
                await tx.audit.append(owner.workspace, actor=caller.user, subject=owner.user, action=DELETED)
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

    async def fix(
        self, tx: Transaction, *, caller: Person, owner: Person, fix: ProposedFix
    ) -> tuple[ProfileChange, Loaded]:
        """Make one change that a report advised, keep what was before for `undo`, and return what is stored now.

        The caller is authorised already, and whoever began the transaction calls `on_change` when it is stored.

        Raises:
            OutdatedFixError: the change does not fit the profile as it is now.
            UnreadableProfileError: the stored profile does not open.
        """
        _require_own_password(caller, owner, fix)
        await require_policy(tx, owner.workspace)
        loaded = require_readable(await load(tx, owner))
        before = replace(loaded.profile, before=None)
        fixed = guarded(caller, owner, before, apply_fix(before, fix))
        if fixed != before:
            after = fixed.after(before)
            fields = changed_fields(before, fixed)
            # "fixed: Password" would tell what the password before was like.
            action = SAVED if fix.kind in OF_THE_PASSWORD else FIXED
            loaded = await self._store(tx, caller, loaded, after, fields=fields, action=action)
        return profile_change(loaded.view, before, fixed), loaded

    async def fix_among_many(
        self, *, caller: Person, owner: Person, fix: ProposedFix, cause: str, batch: str
    ) -> ProfileChange:
        """Make a change that helps many, in a profile that still fails by this very cause; undone as `fix` is.

        The caller is authorised already, for all of them. Whether the owner is a member the list of people says: Slack
        takes about a hundred such questions a minute (https://docs.slack.dev/reference/methods/users.info).

        Raises:
            OutdatedFixError: the profile does not fail so any more, the change does not fit it, or its owner has left.
            UnreadableProfileError: the stored profile does not open.
        """
        async with self.database.writing() as tx:
            await require_policy(tx, owner.workspace)
            person = await tx.people.get(owner.workspace, owner.user)
            loaded = require_readable(await load(tx, owner))
            last = loaded.view.last_test
            failure = failure_of(last, loaded.view.account) if last else None
            # A version before this one stored causes that speak to one person.
            if failure is None or failure.cause != of_many(cause) or not is_member(person):
                raise OutdatedFixError("The profile was changed or tested since, or the person has left.")
            before = replace(loaded.profile, before=None)
            fixed = apply_fix_for_many(before, fix)
            fields = changed_fields(before, fixed)
            stored = await self._store(
                tx, caller, loaded, fixed.after(before), fields=fields, action=FIXED_WITH_OTHERS, batch=batch
            )
        self.on_change(owner)
        return profile_change(stored.view, before, fixed)

    async def undo(self, *, caller: Person, owner: Person, revision: int) -> ProfileChange:
        """Put back what was before the fix that made `revision`.

        Raises:
            NotAllowedError: the caller may not.
            UserError: the profile has changed since.
        """
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.writing() as tx:
            change = await self._put_back(tx, caller, owner, revision, batch="")
        self.on_change(owner)
        return change

    async def undo_among_many(self, *, caller: Person, owner: Person, revision: int, batch: str) -> ProfileChange:
        """Put back what was before the fix for many that made `revision`; authorised as `fix_among_many` is.

        Raises:
            UserError: the profile has changed since, or its owner has left.
        """
        async with self.database.writing() as tx:
            if not is_member(await tx.people.get(owner.workspace, owner.user)):
                raise UserError("The person has left, so their profile stays as it is.")
            change = await self._put_back(tx, caller, owner, revision, batch=batch)
        self.on_change(owner)
        return change

    async def form_errors(self, *, caller: Person, owner: Person, form: ProfileForm) -> Mapping[str, str]:
        """Return a sentence for each field of a form that breaks a rule; nothing is stored.

        Raises:
            NotAllowedError: the caller may not change it.
        """
        try:
            await self._draft(caller, owner, form)
        except InvalidFormError as error:
            return error.errors
        return {}

    async def fix_form(self, *, caller: Person, owner: Person, form: ProfileForm, fix: ProposedFix) -> FixedForm:
        """Make one change that a report advised in what stands in a form; nothing is stored.

        Raises:
            NotAllowedError: the caller may not.
            InvalidFormError: fields break rules.
            OutdatedFixError: the change does not fit the form as it is now.
        """
        _require_own_password(caller, owner, fix)
        before = (await self._draft(caller, owner, form)).profile
        needs_typing = opens_form(fix, before, has_password=before.has_password)
        fixed = filled_in(before, fix) if needs_typing else apply_fix(before, fix)
        return FixedForm(
            profile=fixed.without_secrets(), descriptions=describe_changes(before, fixed), tests_now=not needs_typing
        )

    async def _draft(self, caller: Person, owner: Person, form: ProfileForm) -> Draft:
        """Return what a form would store now. Errors as `save`."""
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.reading() as tx:
            loaded = await load(tx, owner)
            defaults = (await load_defaults(tx, owner.workspace)).defaults
        return check_form(form, loaded.profile, defaults, self._author(caller, owner), now=self.clock())

    def _author(self, caller: Person, owner: Person) -> FormAuthor:
        return FormAuthor(caller=caller, owner=owner, password_in_form=self.password_in_form)

    async def _change(
        self, caller: Person, owner: Person, change: Callable[[EmailProfile], EmailProfile]
    ) -> ProfileChange:
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.writing() as tx:
            await require_policy(tx, owner.workspace)
            loaded = require_readable(await load(tx, owner))
            before = replace(loaded.profile, before=None)
            profile = guarded(caller, owner, before, change(before))
            if profile != before:
                fields = changed_fields(before, profile)
                loaded = await self._store(tx, caller, loaded, profile, fields=fields, action=EXTRAS_CHANGED)
        self.on_change(owner)
        return profile_change(loaded.view, before, profile)

    async def _put_back(
        self, tx: Transaction, caller: Person, owner: Person, revision: int, *, batch: str
    ) -> ProfileChange:
        await require_policy(tx, owner.workspace)
        loaded = require_readable(await load(tx, owner))
        before = loaded.profile.before
        if before is None or loaded.revision != revision:
            raise _can_not_be_undone()
        now = replace(loaded.profile, before=None)
        back = guarded(caller, owner, now, before)
        of_password = _was_mended(now, back)
        if of_password and caller != owner:
            raise _can_not_be_undone()
        fields = changed_fields(now, back)
        action = SAVED if of_password else UNDONE
        stored = await self._store(tx, caller, loaded, back, fields=fields, action=action, batch=batch)
        return profile_change(stored.view, now, back)

    async def _store(
        self,
        tx: Transaction,
        caller: Person,
        before: Loaded,
        profile: EmailProfile,
        *,
        fields: tuple[str, ...],
        action: str,
        batch: str = "",
    ) -> Loaded:
        owner, pin = before.owner, profile.extras.get("PIN")
        if pin != before.profile.extras.get("PIN"):
            profile = replace(profile, pin_set_by=caller.user if pin else "")
        try:
            stored = await save_profile(tx, before, profile)
        except StaleRevisionError as error:
            raise _changed_meanwhile(error.revision) from None
        if not is_same_address(before.profile.address, profile.address) or before.profile.host != profile.host:
            await tx.confirmations.forget(owner.workspace, owner.user)
        change = profile_change(stored.view, before.profile, profile)
        if change.password_dropped:
            # What was found with it is forgotten too.
            await tx.form_tests.forget(owner.workspace, owner.user)
        await notify_of_change(tx, caller, change, batch=batch)
        await update_person_from(tx, stored.view, at=self.clock())
        details = (*change.descriptions, *named_account(account_of(profile)))
        await tx.audit.append(
            owner.workspace, actor=caller.user, subject=owner.user, action=action, fields=fields, details=details
        )
        return stored

    async def _keep_test(self, tx: Transaction, caller: Person, stored: Loaded, report: Report) -> Loaded:
        """Store the test that a form passed as the last one of the profile that it became."""
        owner = stored.owner
        document = REPORTS.dump_json(with_accepted_password(tx, report, stored.profile, None))
        test = StoredTest(
            record_id=stored.record_id, revision=stored.revision, tested_at=report.tested_at, document=document
        )
        await tx.tests.record(
            owner.workspace,
            owner.user,
            record_id=test.record_id,
            revision=test.revision,
            document=document,
            tested_at=test.tested_at,
        )
        await tx.form_tests.forget(owner.workspace, owner.user)
        tested = replace(stored, last_test=test)
        await update_person_from(tx, tested.view, at=self.clock())
        await tx.audit.append(
            owner.workspace,
            actor=caller.user,
            subject=owner.user,
            action=TESTED,
            fields=("passed",),
            details=named_account(account_of(stored.profile)),
        )
        return tested


def _require_own_password(caller: Person, owner: Person, fix: ProposedFix) -> None:
    """Raise OutdatedFixError where somebody else would learn from a fix what the password is like."""
    if caller != owner and fix.kind in OF_THE_PASSWORD:
        raise OutdatedFixError("Only the owner can change what stands in the password.")


def _was_mended(profile: EmailProfile, before: EmailProfile) -> bool:
    """Whether a fix took something out of the password, which tells what it was like; nothing else changes it so."""
    return profile.password is not None and before.password is not None and profile.password != before.password


def _can_not_be_undone() -> UserError:
    return UserError("The profile has changed since, so this can no longer be undone.")


def _changed_meanwhile(revision: int) -> EditConflictError:
    return EditConflictError(
        "This profile was changed by somebody since you opened the form. Nothing of yours was saved yet. Choose for "
        "each difference what shall stay, and save again; or cancel to keep theirs.",
        revision=revision,
    )
