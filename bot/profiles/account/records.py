"""What is stored for one person: opened from the database, and as it may be shown."""

from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from pydantic import TypeAdapter, ValidationError

from bot.profiles.account.profile import EmailProfile, Mismatch, effective_encryption, find_mismatch, split_typed_server
from bot.profiles.errors import UnreadableProfileError
from bot.profiles.people.access import Person
from bot.smtp.account import Account, Encryption
from bot.smtp.check.earlier_reports import with_words_apart
from bot.smtp.check.report import Report
from bot.smtp.network.guard import HostError, normal_host
from storage.database import Transaction
from storage.tables.profiles import StoredProfile, StoredTest, UnreadableRecordError

REPORTS = TypeAdapter(Report)


class ProfileState(StrEnum):
    """The state of a profile."""

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

    def has_password_for(self, host: str) -> bool:
        """Whether a password is stored that goes to a server, as it was typed in a form."""
        name, _ = split_typed_server(host)
        with suppress(HostError):
            return self.profile.password_set_at is not None and normal_host(name) == self.profile.password_host
        return False

    @property
    def mismatch(self) -> Mismatch | None:
        """What does not fit between port and encryption."""
        return find_mismatch(self.profile.port, self.encryption, authenticate=self.profile.authenticate)

    @cached_property
    def state(self) -> ProfileState:
        """The state of the profile."""
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
    def is_held(self) -> bool:
        """Whether its server refused the sign-in, so that no program causes another one with what is stored now."""
        last = self.last_test
        return last is not None and (last.sign_in_held or last.sign_in_refused_for_good)

    @property
    def account(self) -> Account:
        """The account without its password, for wording advice."""
        return account_of(self.profile)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What is stored for one person, opened: `stored` is what a save replaces, None when there is nothing.

    Nothing stored, and what does not open, is an empty profile.
    """

    owner: Person
    profile: EmailProfile
    stored: StoredProfile | UnreadableRecordError | None
    last_test: StoredTest | None

    @property
    def revision(self) -> int:
        """The stored revision; 0 when nothing is stored."""
        return self.stored.revision if self.stored else 0

    @property
    def record_id(self) -> str:
        """The id of the record; empty when there is none that opens."""
        return self.stored.record_id if isinstance(self.stored, StoredProfile) else ""

    @property
    def unreadable(self) -> bool:
        """Whether the record does not open."""
        return isinstance(self.stored, UnreadableRecordError)

    @property
    def last_report(self) -> Report | None:
        """The report of the last test, also of a revision before; None where none can be read."""
        return report_of(self.last_test) if self.last_test else None

    @property
    def view(self) -> ProfileView:
        """The profile as it may be shown."""
        last = self.last_test
        return ProfileView(
            owner=self.owner,
            profile=self.profile.without_secrets(),
            has_password=self.profile.has_password,
            revision=self.revision,
            last_test=self.last_report if last and last.revision == self.revision else None,
            unreadable=self.unreadable,
        )


async def load(tx: Transaction, owner: Person) -> Loaded:
    """Read and open one person's record and last test."""
    found = await tx.profiles.with_last_test(owner.workspace, owner.user)
    return _loaded(owner, found.profile, found.test)


def profile_view(
    owner: Person, stored: StoredProfile | UnreadableRecordError | None, last_test: StoredTest | None
) -> ProfileView:
    """Return what was read of one person as it may be shown."""
    return _loaded(owner, stored, last_test).view


def _loaded(
    owner: Person, stored: StoredProfile | UnreadableRecordError | None, last_test: StoredTest | None
) -> Loaded:
    profile = EmailProfile.from_document(stored.document) if isinstance(stored, StoredProfile) else EmailProfile()
    return Loaded(owner=owner, profile=profile, stored=stored, last_test=last_test)


async def save_profile(tx: Transaction, before: Loaded, profile: EmailProfile) -> Loaded:
    """Store a profile in place of what was loaded; private links that were made for another destination are over.

    Raises:
        StaleRevisionError: somebody saved meanwhile. Nothing was written.
    """
    owner = before.owner
    stored = await tx.profiles.save(owner.workspace, owner.user, profile.to_document(), replacing=before.stored)
    if profile.destination != before.profile.destination:
        await tx.links.forget(owner.workspace, owner.user)
    return replace(before, profile=profile, stored=stored)


def require_readable(loaded: Loaded) -> Loaded:
    """Raise UnreadableProfileError when a record does not open."""
    if loaded.unreadable:
        raise UnreadableProfileError(
            "The stored profile cannot be read: it was altered, or its key is gone. No connection was made. "
            "Use /email-profile edit and type everything again, the password too."
        )
    return loaded


def account_of(profile: EmailProfile) -> Account:
    """Return the account to test; with the password only when it was typed for this very server."""
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


def report_of(stored: StoredTest) -> Report | None:
    """Parse a stored report; None when another version of the program wrote it, which is as good as no test."""
    return parsed_report(stored.document)


def parsed_report(document: str | bytes) -> Report | None:
    """Parse a report, the server's words apart from it; None when it is none."""
    try:
        return with_words_apart(REPORTS.validate_json(document))
    except ValidationError:
        return None
