"""Email profiles, each saved against a revision, and their last connection tests; all of it is sealed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import bindparam, col, delete, exists, select

from storage.crypto.keyring import UNOPENED, Keyring, RecordContext
from storage.models import ConnectionTestRow, PersonRow, ProfileRow
from storage.tables.table import RecordTable, Table, insert_or_replace, is_one_of

# Built once: it is part of every command, and building it costs more than running it on SQLite.
_ONE_WITH_LAST_TEST = (
    select(ProfileRow, ConnectionTestRow)
    .join(
        ConnectionTestRow,
        (col(ConnectionTestRow.workspace) == ProfileRow.workspace)
        & (col(ConnectionTestRow.user_id) == ProfileRow.user_id),
        isouter=True,
    )
    .where(col(ProfileRow.workspace) == bindparam("of_workspace"), col(ProfileRow.user_id) == bindparam("of_user"))
)
_PROFILE_COLUMNS = len(ProfileRow.model_fields)


@dataclass(frozen=True, kw_only=True)
class StoredProfile:
    """One opened record. `document` is what was sealed; times are aware UTC."""

    record_id: str
    revision: int
    created_at: datetime
    updated_at: datetime
    document: bytes = field(repr=False)


class UnreadableRecordError(Exception):
    """A stored record does not open; `cause` names the kind of the broken seal, the rest is what a save replaces."""

    def __init__(self, *, record_id: str, revision: int, created_at: datetime, cause: str) -> None:
        super().__init__(f"a record does not open: {cause}")
        self.record_id = record_id
        self.revision = revision
        self.created_at = created_at
        self.cause = cause


@dataclass(frozen=True, kw_only=True)
class StoredTest:
    """The last test of a profile: `revision` is the profile's at that time, `document` what was sealed."""

    record_id: str
    revision: int
    tested_at: datetime
    document: bytes = field(repr=False)


def connection_test_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(ConnectionTestRow, row, row.tested_at.astimezone(UTC).isoformat())


def opened_test(row: Any, keyring: Keyring) -> StoredTest | None:
    """Open a row; None when it does not open."""
    try:
        document = keyring.open(row.sealed, connection_test_context(row))
    except UNOPENED:
        # A lost test result costs nobody anything: the next test writes a new one.
        return None
    return StoredTest(record_id=row.record_id, revision=row.revision, tested_at=row.tested_at, document=document)


@dataclass(frozen=True, kw_only=True)
class ProfileWithLastTest:
    """What is stored for one person: the profile, opened or the reason why not, and the last test."""

    profile: StoredProfile | UnreadableRecordError | None
    test: StoredTest | None


def profile_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(ProfileRow, row, row.created_at.isoformat(), row.updated_at.isoformat())


class ProfileTable(RecordTable):
    """The email profiles, inside one transaction."""

    model = ProfileRow

    async def with_last_test(self, workspace: str, user: str) -> ProfileWithLastTest:
        """Read and open one person's record and last test, in one statement."""
        values = {"of_workspace": workspace, "of_user": user}
        row = (await self._connection.execute(_ONE_WITH_LAST_TEST, values)).first()
        if row is None:
            return ProfileWithLastTest(profile=None, test=None)
        test = SimpleNamespace(**dict(zip(ConnectionTestRow.model_fields, row[_PROFILE_COLUMNS:], strict=True)))
        return ProfileWithLastTest(
            profile=self._opened(row), test=opened_test(test, self._keyring) if test.record_id is not None else None
        )

    async def get(self, workspace: str, user: str) -> StoredProfile | None:
        """Read and open one person's record.

        Raises:
            UnreadableRecordError: the seal is broken, or its key is not configured.
        """
        found = (await self.with_last_test(workspace, user)).profile
        if isinstance(found, UnreadableRecordError):
            raise found
        return found

    async def save(
        self, workspace: str, user: str, document: bytes, *, replacing: StoredProfile | UnreadableRecordError | None
    ) -> StoredProfile:
        """Seal and store `document` as the next revision of what was read; None expects that nothing is stored yet.

        Raises:
            StaleRevisionError: another revision is stored than the one that was read. Nothing was written.
        """
        now = datetime.now(UTC)
        created_at = replacing.created_at if replacing else now
        owner = {"workspace": workspace, "user_id": user}
        row = await self._save(owner, document, before=replacing, created_at=created_at, updated_at=now)
        return _stored(row, document)

    async def delete(self, workspace: str, user: str) -> bool:
        """Remove one person's record; returns whether there was one."""
        result = await self._connection.execute(delete(ProfileRow).filter_by(workspace=workspace, user_id=user))
        return result.rowcount > 0

    async def of(self, workspace: str, users: Sequence[str]) -> dict[str, StoredProfile | UnreadableRecordError]:
        """Read and open the records of several people, by user id; those without one are left out."""
        rows = await self._connection.execute(
            select(ProfileRow).filter_by(workspace=workspace).where(col(ProfileRow.user_id).in_(users))
        )
        return {row.user_id: self._opened(row) for row in rows}

    async def users_among(self, workspace: str, users: Collection[str]) -> set[str]:
        """Return which of several people have a record."""
        found = await self._connection.scalars(
            select(ProfileRow.user_id)
            .filter_by(workspace=workspace)
            .where(is_one_of(self._connection, col(ProfileRow.user_id), users))
        )
        return set(found)

    async def users(self, workspace: str, *, after: str = "", limit: int = 200) -> list[str]:
        """Return the ids of people who have a record, in order."""
        return await self._users(workspace, after, limit)

    async def users_without_line(self, workspace: str, *, after: str = "", limit: int = 200) -> list[str]:
        """Return the ids of people who have a record but no line in the list of people."""
        line = exists().where(
            col(PersonRow.workspace) == ProfileRow.workspace, col(PersonRow.user_id) == ProfileRow.user_id
        )
        return await self._users(workspace, after, limit, ~line)

    async def _users(self, workspace: str, after: str, limit: int, *conditions: ColumnElement[bool]) -> list[str]:
        found = await self._connection.scalars(
            select(ProfileRow.user_id)
            .filter_by(workspace=workspace)
            .where(col(ProfileRow.user_id) > after, *conditions)
            .order_by(col(ProfileRow.user_id))
            .limit(limit)
        )
        return list(found)

    def _context(self, row: Any) -> RecordContext:
        return profile_context(row)

    def _opened(self, row: Any) -> StoredProfile | UnreadableRecordError:
        try:
            return _stored(row, self._keyring.open(row.sealed, profile_context(row)))
        except UNOPENED as error:
            return UnreadableRecordError(
                record_id=row.record_id, revision=row.revision, created_at=row.created_at, cause=type(error).__name__
            )


def _stored(row: Any, document: bytes) -> StoredProfile:
    return StoredProfile(
        record_id=row.record_id,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        document=document,
    )


class ConnectionTestTable(Table):
    """The last connection tests, inside one transaction."""

    async def last(self, workspace: str, user: str) -> StoredTest | None:
        """Read the last test; None when there is none, or when it does not open."""
        return (await self.of(workspace, [user])).get(user)

    async def of(self, workspace: str, users: Sequence[str]) -> dict[str, StoredTest]:
        """Read the last tests of several people, by user id; those without one are left out."""
        rows = await self._connection.execute(
            select(ConnectionTestRow).filter_by(workspace=workspace).where(col(ConnectionTestRow.user_id).in_(users))
        )
        opened = ((row.user_id, opened_test(row, self._keyring)) for row in rows)
        return {user: test for user, test in opened if test is not None}

    async def record(
        self, workspace: str, user: str, *, record_id: str, revision: int, document: bytes, tested_at: datetime
    ) -> None:
        """Seal and store the test of the profile `record_id` at `revision` in place of the one before."""
        row = ConnectionTestRow(
            workspace=workspace,
            user_id=user,
            record_id=record_id,
            revision=revision,
            key_id=self._keyring.active,
            sealed=b"",
            tested_at=tested_at,
        )
        row.sealed = self._keyring.seal(document, connection_test_context(row))
        await insert_or_replace(self._connection, ConnectionTestRow, row.model_dump(), key=("workspace", "user_id"))

    async def delete(self, workspace: str, user: str) -> bool:
        """Remove one person's test; returns whether there was one."""
        result = await self._connection.execute(delete(ConnectionTestRow).filter_by(workspace=workspace, user_id=user))
        return result.rowcount > 0
