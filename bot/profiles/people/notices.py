"""Notices to people about what somebody else did: what is told to whom, written in the transaction that does it.

What is stored is what is to be told, in words and ids; how it looks is decided when it is sent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.records import ProfileState, ProfileView, load
from bot.profiles.people.access import Person
from bot.profiles.people.members import NO_MEMBER, admins_of, is_member
from bot.smtp.account import Account
from storage.database import Database, Transaction
from storage.tables.outbox import SENT, StoredNotice

PROFILE_DELETED = "profile_deleted"
NO_LONGER_TRUE = "no_longer_true"
UNREADABLE = "unreadable"
UNCERTAIN = "uncertain"
"""Twice nobody learnt whether it was sent: Slack did not say, or the program died meanwhile."""
TOO_LATE = "too_late"
"""It waited for longer than `NOTICE_PERIOD`."""
FAULTY = "error"
"""A fault of the program kept it from being made."""

MOST_NAMED = 10
"""People who are named of those who could not be told."""


class NoticeKind(StrEnum):
    """What a notice is about."""

    CHANGED = "changed"
    """Somebody else changed the profile."""
    DELETED = "deleted"
    """Somebody else deleted it."""
    FORM_TESTED = "form_tested"
    """Somebody else tested what stood in a form for the profile."""
    REMINDER = "reminder"
    """An admin asks the person to do what is left to do."""
    MESSAGE = "message"
    """Somebody else sent a test message through the profile."""
    BATCH = "batch"
    """To an admin: what became of notices to many people."""
    LOCKED = "locked"
    """To an admin: sign-ins were refused so often that the bot tries no more for a while."""
    REFUSED = "refused"
    """The server refused the sign-in when a program was to send, so that programs are told to try later."""
    PROGRAM_REMOVED = "program_removed"
    """Somebody else removed a program of the profile."""
    PROGRAM_IN_NETWORK = "program_in_network"
    """A program signed in from a network for the first time."""


@dataclass(frozen=True, kw_only=True)
class ChangedNotice:
    """Who changed a profile (a user id), what by name and in words, and whether its password was dropped."""

    by: str
    fields: tuple[str, ...]
    descriptions: tuple[str, ...]
    password_dropped: bool


@dataclass(frozen=True, kw_only=True)
class DeletedNotice:
    """Who deleted a profile (a user id)."""

    by: str


@dataclass(frozen=True, kw_only=True)
class FormTestedNotice:
    """Who tested a form (a user id), with which server and login; and whether the stored password was used."""

    by: str
    server: str
    login: str
    with_password: bool


@dataclass(frozen=True, kw_only=True)
class MessageNotice:
    """Who sent a test message (a user id), to which address."""

    by: str
    recipient: str


@dataclass(frozen=True, kw_only=True)
class ReminderNotice:
    """Who asks (a user id)."""

    by: str


class Lock(StrEnum):
    """For what the bot tries no more sign-ins for a while."""

    LOGIN = "login"
    PERSON = "person"


@dataclass(frozen=True, kw_only=True)
class LockNotice:
    """What is locked until when (aware UTC): a login at a server, or all that a person tries.

    `by` (a user id) is whose test was the last one that was refused, with `login` at `host`.
    """

    lock: Lock
    by: str
    login: str
    host: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class RefusedNotice:
    """Which profile its server refused to sign in, as it was then: its address, server, login and revision."""

    address: str
    host: str
    login: str
    record_id: str
    revision: int


@dataclass(frozen=True, kw_only=True)
class ProgramRemovedNotice:
    """Who removed a program (a user id), and its name."""

    by: str
    name: str


@dataclass(frozen=True, kw_only=True)
class ProgramInNetworkNotice:
    """Which program (id and name) signed in from which network (CIDR) for the first time."""

    program_id: str
    name: str
    network: str


class Batch(StrEnum):
    """What was done to many people at once."""

    MOVED = "moved"
    REMINDED = "reminded"
    CHANGED = "changed"


@dataclass(frozen=True, kw_only=True)
class BatchNotice:
    """What was done to many people, each of whom gets a notice."""

    what: Batch


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """A reminder as it is due now: who asks, and the profile as it is."""

    by: str
    view: ProfileView


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """What became of the notices of a batch: how many were sent, how many not by cause, and a few who got none."""

    what: Batch
    sent: int
    unsent: Mapping[str, int]
    users: tuple[str, ...]


_AsStored = (
    ChangedNotice
    | DeletedNotice
    | FormTestedNotice
    | MessageNotice
    | LockNotice
    | RefusedNotice
    | ProgramRemovedNotice
    | ProgramInNetworkNotice
)
StoredContent = _AsStored | ReminderNotice | BatchNotice
Content = _AsStored | Reminder | BatchResult
"""What a person is told."""

_CONTENTS: Mapping[NoticeKind, type[StoredContent]] = {
    NoticeKind.CHANGED: ChangedNotice,
    NoticeKind.DELETED: DeletedNotice,
    NoticeKind.FORM_TESTED: FormTestedNotice,
    NoticeKind.MESSAGE: MessageNotice,
    NoticeKind.REMINDER: ReminderNotice,
    NoticeKind.BATCH: BatchNotice,
    NoticeKind.LOCKED: LockNotice,
    NoticeKind.REFUSED: RefusedNotice,
    NoticeKind.PROGRAM_REMOVED: ProgramRemovedNotice,
    NoticeKind.PROGRAM_IN_NETWORK: ProgramInNetworkNotice,
}


class NotDueError(Exception):
    """A notice is not to be sent any more; `outcome` is why."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def _document(content: StoredContent) -> bytes:
    return TypeAdapter[Any](type(content)).dump_json(content)


async def notify_of_change(tx: Transaction, caller: Person, change: ProfileChange, *, batch: str = "") -> None:
    """Tell the owner of what somebody else changed; nothing changed, or their own doing, needs no notice."""
    owner = change.view.owner
    if owner == caller or not change.fields:
        return
    notice = ChangedNotice(
        by=caller.user, fields=change.fields, descriptions=change.descriptions, password_dropped=change.password_dropped
    )
    await tx.outbox.add(
        owner.workspace,
        owner.user,
        kind=NoticeKind.CHANGED,
        document=_document(notice),
        asks=change.password_dropped,
        batch=batch,
    )


async def notify_of_deletion(tx: Transaction, caller: Person, owner: Person) -> None:
    """Tell the owner that somebody else deleted their profile; what else waited about it is told no more."""
    others = (NoticeKind.DELETED, NoticeKind.BATCH, NoticeKind.LOCKED)
    await tx.outbox.end_all(owner.workspace, owner.user, PROFILE_DELETED, but=others)
    if owner != caller:
        document = _document(DeletedNotice(by=caller.user))
        await tx.outbox.add(owner.workspace, owner.user, kind=NoticeKind.DELETED, document=document)


async def notify_of_form_test(
    tx: Transaction, caller: Person, owner: Person, account: Account, *, with_stored_password: bool
) -> None:
    """Tell the owner that somebody else tests a form for their profile, as this account; their own needs no notice."""
    if owner == caller:
        return
    notice = FormTestedNotice(
        by=caller.user,
        server=f"{account.host}:{account.port}",
        login=account.login,
        with_password=with_stored_password and account.authenticate and account.password is not None,
    )
    await tx.outbox.add(owner.workspace, owner.user, kind=NoticeKind.FORM_TESTED, document=_document(notice))


async def notify_of_message(tx: Transaction, caller: Person, owner: Person, *, recipient: str) -> None:
    """Tell the owner that somebody else sent a test message through their profile; their own needs no notice."""
    if owner != caller:
        document = _document(MessageNotice(by=caller.user, recipient=recipient))
        await tx.outbox.add(owner.workspace, owner.user, kind=NoticeKind.MESSAGE, document=document)


async def add_reminder(tx: Transaction, caller: Person, owner: Person, *, batch: str = "") -> None:
    """Ask a person, in an admin's name, to do what is left to do."""
    document = _document(ReminderNotice(by=caller.user))
    await tx.outbox.add(
        owner.workspace, owner.user, kind=NoticeKind.REMINDER, document=document, asks=True, batch=batch
    )


async def report_batch(tx: Transaction, caller: Person, what: Batch, *, batch: str) -> None:
    """Tell whoever began a batch what became of its notices, once all of them have ended."""
    document = _document(BatchNotice(what=what))
    await tx.outbox.add(
        caller.workspace, caller.user, kind=NoticeKind.BATCH, document=document, batch=batch, ends_batch=True
    )


async def notify_of_lock(tx: Transaction, workspace: str, notice: LockNotice, named: Collection[str]) -> None:
    """Tell a workspace's admins, and who else is `named` (user ids), of a lock; whoever caused it has read so."""
    for user in await admins_of(tx, workspace, named):
        if user != notice.by:
            await tx.outbox.add(workspace, user, kind=NoticeKind.LOCKED, document=_document(notice))


async def notify_of_refusal(tx: Transaction, owner: Person, notice: RefusedNotice) -> None:
    """Tell the owner that their server refuses the sign-in, for which programs have to wait."""
    await tx.outbox.add(owner.workspace, owner.user, kind=NoticeKind.REFUSED, document=_document(notice))


async def notify_of_removed_program(tx: Transaction, caller: Person, owner: Person, *, name: str) -> None:
    """Tell the owner that somebody else removed one of their programs; their own doing needs no notice."""
    if owner != caller:
        document = _document(ProgramRemovedNotice(by=caller.user, name=name))
        await tx.outbox.add(owner.workspace, owner.user, kind=NoticeKind.PROGRAM_REMOVED, document=document)


async def notify_of_network(tx: Transaction, owner: Person, *, program_id: str, name: str, network: str) -> None:
    """Tell the owner that a program signed in from a network for the first time."""
    document = _document(ProgramInNetworkNotice(program_id=program_id, name=name, network=network))
    await tx.outbox.add(owner.workspace, owner.user, kind=NoticeKind.PROGRAM_IN_NETWORK, document=document)


@dataclass(frozen=True, kw_only=True)
class Notices:
    """Reads what is to be told when it is to be told."""

    database: Database

    async def content(self, stored: StoredNotice) -> Content:
        """Return what a notice tells now.

        Raises:
            NotDueError: it is not to be sent any more.
        """
        match _parsed(stored):
            case ReminderNotice() as reminder:
                return await self._reminder(Person(stored.workspace, stored.user), reminder)
            case BatchNotice() as notice:
                return await self._result(stored, notice)
            case RefusedNotice() as notice:
                return await self._refusal(Person(stored.workspace, stored.user), notice)
            case content:
                return content

    async def _reminder(self, owner: Person, reminder: ReminderNotice) -> Reminder:
        async with self.database.reading() as tx:
            person = await tx.people.get(owner.workspace, owner.user)
            view = (await load(tx, owner)).view
        if not is_member(person):
            raise NotDueError(NO_MEMBER)
        if view.state is ProfileState.WORKS:
            raise NotDueError(NO_LONGER_TRUE)
        return Reminder(by=reminder.by, view=view)

    async def _refusal(self, owner: Person, notice: RefusedNotice) -> RefusedNotice:
        async with self.database.reading() as tx:
            loaded = await load(tx, owner)
        is_same = (loaded.record_id, loaded.revision) == (notice.record_id, notice.revision)
        if not (is_same and loaded.view.is_held):
            raise NotDueError(NO_LONGER_TRUE)
        return notice

    async def _result(self, stored: StoredNotice, notice: BatchNotice) -> BatchResult:
        async with self.database.reading() as tx:
            outcomes = dict(await tx.outbox.outcomes(stored.workspace, stored.batch))
            users = await tx.outbox.unsent(stored.workspace, stored.batch, limit=MOST_NAMED)
        if not outcomes:
            # They are kept for a while only.
            raise NotDueError(NO_LONGER_TRUE)
        sent = outcomes.pop(SENT, 0)
        return BatchResult(what=notice.what, sent=sent, unsent=outcomes, users=tuple(users))


def _parsed(stored: StoredNotice) -> StoredContent:
    try:
        kind: Any = _CONTENTS[NoticeKind(stored.kind)]
        return TypeAdapter[StoredContent](kind).validate_json(stored.document or b"")
    except (ValueError, ValidationError):
        # It does not open, or another version of the program wrote it.
        raise NotDueError(UNREADABLE) from None
