"""What happens to email profiles, in the users' words: show, save, delete, extras, test."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from bot.profiles.errors import ChangedMeanwhileError, MendableError, NoProfileError, UnreadableProfileError
from bot.profiles.extras import (
    Misfit,
    effective_encryption,
    find,
    misfit,
    switched_to,
    with_extra,
    without_extra,
)
from bot.profiles.people import Directory, Person, authorise
from bot.profiles.profile import LABELS, EmailProfile, Field, Form, check_others_form, check_own_form
from bot.smtp.account import Account, Encryption
from bot.smtp.report import Report
from storage.connection_tests import StoredTest
from storage.database import Database, Transaction
from storage.profiles import StaleRevisionError, StoredProfile, UnreadableRecordError

_REPORTS = TypeAdapter(Report)

EXTRAS_LABEL = "Extra configurations"


class AccountTester(Protocol):
    """What the rules need of the connection test."""

    async def test(self, account: Account, progress: Callable[[Report], None]) -> Report:
        """Test one account and report."""
        ...


class State(StrEnum):
    """How a profile stands."""

    WORKS = "Works"
    FAILS = "Fails"
    NOT_TESTED = "Not tested yet"
    PASSWORD_MISSING = "Password missing"  # noqa: S105 - a state's name
    NOT_SET_UP = "Not set up"
    UNREADABLE = "Cannot be read"


@dataclass(frozen=True, kw_only=True)
class ProfileView:
    """A profile as it may be shown: never with its password.

    `revision` is what a save must name; 0 when nothing is stored. `last_test` is the last test's report, or
    None when there is none since the profile last changed.
    """

    owner: Person
    profile: EmailProfile
    has_password: bool
    revision: int
    last_test: Report | None
    unreadable: bool = False

    @property
    def encryption(self) -> Encryption:
        """The one effective encryption mode."""
        return effective_encryption(self.profile.extras)

    @property
    def misfit(self) -> Misfit | None:
        """What does not fit between port and encryption."""
        return misfit(self.profile.port, self.encryption, authenticate=self.profile.authenticate)

    @property
    def state(self) -> State:
        """How the profile stands."""
        if self.unreadable:
            return State.UNREADABLE
        if not self.profile.is_complete:
            return State.NOT_SET_UP
        if self.profile.authenticate and not self.has_password:
            return State.PASSWORD_MISSING
        if self.last_test is None:
            return State.NOT_TESTED
        return State.WORKS if self.last_test.passed else State.FAILS

    @property
    def account(self) -> Account:
        """The account without its password, for wording advice."""
        return _account(self.profile)


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a save did: the profile now, the labels of what changed, whether the password was dropped."""

    view: ProfileView
    changed: tuple[str, ...]
    password_dropped: bool


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    """What is stored for one person, opened; `revision` is 0 when nothing is."""

    profile: EmailProfile
    revision: int
    record_id: str = ""
    unreadable: bool = False


class EmailProfiles:
    """The rules at work, on one database."""

    def __init__(
        self,
        *,
        database: Database,
        tester: AccountTester,
        admin_user_ids: Collection[str],
        clock: Callable[[], datetime],
    ) -> None:
        """`clock` gives the time now, aware UTC."""
        self._database = database
        self._tester = tester
        self._admin_user_ids = frozenset(admin_user_ids)
        self._clock = clock
        self._testing: set[Person] = set()

    async def show(self, *, caller: Person, owner: Person, directory: Directory) -> ProfileView:
        """Show a profile; one that was never set up is shown empty.

        Raises:
            NotAllowedError: the caller may not see it.
        """
        await self._authorise(caller, owner, directory)
        async with self._database.reading() as tx:
            return await self._view(tx, owner)

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
            loaded = await _load(tx, owner)
            profile = self._checked(form, loaded.profile, caller=caller, owner=owner)
            changed = _differing(loaded.profile, profile)
            if (changed or loaded.unreadable) and loaded.revision != expected_revision:
                raise _changed_meanwhile(changed, loaded.revision)
            if changed or loaded.unreadable:
                await self._store(tx, caller, owner, loaded, profile, fields=changed, action="saved")
            view = await self._view(tx, owner)
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

    async def test(
        self, *, caller: Person, owner: Person, directory: Directory, progress: Callable[[Report], None]
    ) -> Report:
        """Test the stored profile, and keep the report.

        Raises:
            NotAllowedError: the caller may not.
            NoProfileError: there is not enough of a profile to test.
            UnreadableProfileError: the stored profile does not open; no connection is made.
            MendableError: a test of it is running already.
        """
        await self._authorise(caller, owner, directory)
        async with self._database.reading() as tx:
            loaded = _require_readable(await _load(tx, owner))
        if not loaded.profile.is_complete:
            raise NoProfileError("There is no email profile to test yet. Use /email-profile edit first.")
        report = await self._tested(owner, _account(loaded.profile), progress)
        await self._keep(caller, owner, loaded, report)
        return report

    async def test_form(
        self,
        *,
        caller: Person,
        owner: Person,
        directory: Directory,
        form: Form,
        progress: Callable[[Report], None],
    ) -> Report:
        """Test a form's values as typed, with the stored extra configurations; nothing is stored.

        Raises:
            NotAllowedError: the caller may not.
            InvalidFormError: fields break rules.
            MendableError: a test is running already.
        """
        await self._authorise(caller, owner, directory)
        async with self._database.reading() as tx:
            loaded = await _load(tx, owner)
        profile = self._checked(form, loaded.profile, caller=caller, owner=owner)
        return await self._tested(owner, _account(profile), progress)

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
            loaded = _require_readable(await _load(tx, owner))
            profile = change(loaded.profile)
            if profile != loaded.profile:
                fields = _differing_extras(loaded.profile, profile)
                await self._store(tx, caller, owner, loaded, profile, fields=fields, action="extras changed")
            return await self._view(tx, owner)

    async def _store(
        self,
        tx: Transaction,
        caller: Person,
        owner: Person,
        loaded: _Loaded,
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

    async def _tested(self, owner: Person, account: Account, progress: Callable[[Report], None]) -> Report:
        if owner in self._testing:
            raise MendableError("A test of this profile is running already. Wait for its report.")
        self._testing.add(owner)
        try:
            return await self._tester.test(account, progress)
        finally:
            self._testing.discard(owner)

    async def _keep(self, caller: Person, owner: Person, loaded: _Loaded, report: Report) -> None:
        failed = report.failed_stage
        outcome = f"failed at {failed.name}" if failed else "passed"
        async with self._database.writing() as tx:
            now = await _load(tx, owner)
            if now.record_id != loaded.record_id:
                # Deleted, or made anew, while the test ran.
                return
            await tx.tests.record(
                owner.workspace,
                owner.user,
                record_id=loaded.record_id,
                revision=loaded.revision,
                document=_REPORTS.dump_json(report),
                tested_at=report.tested_at,
            )
            await tx.audit.append(
                owner.workspace, actor=caller.user, subject=owner.user, action="tested", fields=(outcome,)
            )

    async def _view(self, tx: Transaction, owner: Person) -> ProfileView:
        loaded = await _load(tx, owner)
        last = await tx.tests.last(owner.workspace, owner.user)
        return ProfileView(
            owner=owner,
            profile=replace(loaded.profile, password=None),
            has_password=loaded.profile.password is not None,
            revision=loaded.revision,
            last_test=_report(last) if last and last.revision == loaded.revision else None,
            unreadable=loaded.unreadable,
        )


async def _load(tx: Transaction, owner: Person) -> _Loaded:
    try:
        stored = await tx.profiles.get(owner.workspace, owner.user)
    except UnreadableRecordError as error:
        return _Loaded(profile=EmailProfile(), revision=error.revision, unreadable=True)
    if stored is None:
        return _Loaded(profile=EmailProfile(), revision=0)
    profile = EmailProfile.from_document(stored.document)
    return _Loaded(profile=profile, revision=stored.revision, record_id=stored.record_id)


def _require_readable(loaded: _Loaded) -> _Loaded:
    if loaded.unreadable:
        raise UnreadableProfileError(
            "The stored profile cannot be read: it was altered, or its key is gone. No connection was made. "
            "Use /email-profile edit and type everything again, the password too."
        )
    return loaded


def _account(profile: EmailProfile) -> Account:
    """Give the account to test; the password only when it was typed for this very server."""
    return Account(
        address=profile.address,
        host=profile.host,
        port=profile.port or 0,
        encryption=effective_encryption(profile.extras),
        authenticate=profile.authenticate,
        login=profile.login,
        password=profile.password if profile.password_host == profile.host else None,
        mechanism=profile.extras.get("AUTH"),
        helo=profile.extras.get("HELO"),
    )


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


def _report(stored: StoredTest) -> Report | None:
    try:
        return _REPORTS.validate_json(stored.document)
    except ValidationError:
        # Written by another version of the program: as good as no test.
        return None
