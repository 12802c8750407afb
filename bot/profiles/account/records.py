"""What is stored for one person: opened from the database, and as it may be shown."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from pydantic import TypeAdapter, ValidationError

from bot.profiles.account.profile import EmailProfile, Mismatch, effective_encryption, find_mismatch
from bot.profiles.errors import UnreadableProfileError
from bot.profiles.people.access import Person
from bot.smtp.account import Account, Encryption
from bot.smtp.check.report import Report
from storage.database import Transaction
from storage.tables.connection_tests import StoredTest
from storage.tables.profiles import StoredProfile, UnreadableRecordError

REPORTS = TypeAdapter(Report)


class ProfileState(StrEnum):
    """How a profile stands."""

    WORKS = "Works"
    FAILS = "Fails"
    NOT_TESTED = "Not tested yet"
    PASSWORD_MISSING = "Password missing"  # noqa: S105 - a state's name
    NOT_SET_UP = "Not set up"
    UNREADABLE = "Cannot be read"
    DEACTIVATED = "Deactivated"


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
    def mismatch(self) -> Mismatch | None:
        """What does not fit between port and encryption."""
        return find_mismatch(self.profile.port, self.encryption, authenticate=self.profile.authenticate)

    @cached_property
    def state(self) -> ProfileState:
        """How the profile stands."""
        if self.unreadable:
            return ProfileState.UNREADABLE
        if not self.profile.is_complete:
            return ProfileState.NOT_SET_UP
        if self.profile.authenticate and not self.has_password:
            return ProfileState.PASSWORD_MISSING
        if self.last_test is None:
            return ProfileState.NOT_TESTED
        return ProfileState.WORKS if self.last_test.passed else ProfileState.FAILS

    @property
    def account(self) -> Account:
        """The account without its password, for wording advice."""
        return account_of(self.profile)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What is stored for one person, opened; `revision` is 0 when nothing is."""

    profile: EmailProfile
    revision: int
    record_id: str = ""
    unreadable: bool = False


async def load(tx: Transaction, owner: Person) -> Loaded:
    """Read and open one person's record; nothing stored is an empty profile on revision 0."""
    try:
        return _loaded(await tx.profiles.get(owner.workspace, owner.user))
    except UnreadableRecordError as error:
        return _loaded(error)


def _loaded(stored: StoredProfile | UnreadableRecordError | None) -> Loaded:
    if isinstance(stored, UnreadableRecordError):
        return Loaded(profile=EmailProfile(), revision=stored.revision, unreadable=True)
    if stored is None:
        return Loaded(profile=EmailProfile(), revision=0)
    profile = EmailProfile.from_document(stored.document)
    return Loaded(profile=profile, revision=stored.revision, record_id=stored.record_id)


def require_readable(loaded: Loaded) -> Loaded:
    """Raise UnreadableProfileError when a record does not open."""
    if loaded.unreadable:
        raise UnreadableProfileError(
            "The stored profile cannot be read: it was altered, or its key is gone. No connection was made. "
            "Use /email-profile edit and type everything again, the password too."
        )
    return loaded


def account_of(profile: EmailProfile) -> Account:
    """Give the account to test; the password only when it was typed for this very server."""
    return Account(
        address=profile.address,
        host=profile.host,
        port=profile.port or 0,
        encryption=effective_encryption(profile.extras),
        authenticate=profile.authenticate,
        login=profile.login,
        password=profile.password if profile.has_password else None,
        mechanism=profile.extras.get("AUTH"),
        pin=profile.extras.get("PIN"),
        helo=profile.extras.get("HELO"),
    )


async def view_of(tx: Transaction, owner: Person) -> ProfileView:
    """Read one person's profile and last test, without the password."""
    return _view(owner, await load(tx, owner), await tx.tests.last(owner.workspace, owner.user))


def profile_view(
    owner: Person, stored: StoredProfile | UnreadableRecordError | None, last: StoredTest | None
) -> ProfileView:
    """Give what was read of one person as it may be shown."""
    return _view(owner, _loaded(stored), last)


def _view(owner: Person, loaded: Loaded, last: StoredTest | None) -> ProfileView:
    return ProfileView(
        owner=owner,
        profile=loaded.profile.without_secrets(),
        has_password=loaded.profile.has_password,
        revision=loaded.revision,
        last_test=report_of(last) if last and last.revision == loaded.revision else None,
        unreadable=loaded.unreadable,
    )


def report_of(stored: StoredTest) -> Report | None:
    """Read a stored report."""
    try:
        return REPORTS.validate_json(stored.document)
    except ValidationError:
        # Written by another version of the program: as good as no test.
        return None
