"""The table of email profiles: get, save, delete, list; each row sealed, each save against a revision."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import CursorResult, Row, bindparam, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from storage.crypto.keyring import Keyring, RecordContext, SealBrokenError
from storage.models import PersonRow, ProfileRow
from storage.tables.sealed_records import require_revision, write_revision

# The everyday read, put together once: building a statement costs more than running it on SQLite.
_ONE = select(ProfileRow).where(
    col(ProfileRow.workspace) == bindparam("of_workspace"), col(ProfileRow.user_id) == bindparam("of_user")
)


@dataclass(frozen=True, kw_only=True)
class StoredProfile:
    """One opened record. `document` is what was sealed; times are aware UTC."""

    workspace: str
    user: str
    record_id: str
    revision: int
    key_id: str
    created_at: datetime
    updated_at: datetime
    document: bytes = field(repr=False)


class UnreadableRecordError(Exception):
    """A stored record does not open; `revision` is its row's, `cause` the kind of the broken seal."""

    def __init__(self, *, revision: int, cause: str) -> None:
        """Keep what a save needs to replace the record."""
        super().__init__(f"a record does not open: {cause}")
        self.revision = revision
        self.cause = cause


def profile_context(row: ProfileRow | Row[Any]) -> RecordContext:
    """Give the place that a row's seal is bound to."""
    return RecordContext(
        table=ProfileRow.__tablename__,
        record_id=row.record_id,
        workspace=row.workspace,
        user=row.user_id,
        revision=row.revision,
        extra=(row.key_id, row.created_at.isoformat(), row.updated_at.isoformat()),
    )


def opened_profile(row: Any, keyring: Keyring) -> StoredProfile:
    """Open a row of the table, or what has its columns.

    Raises:
        UnreadableRecordError: the seal is broken, or its key is not configured.
    """
    try:
        document = keyring.open(row.sealed, profile_context(row))
    except (SealBrokenError, ValueError) as error:
        raise UnreadableRecordError(revision=row.revision, cause=type(error).__name__) from None
    return StoredProfile(
        workspace=row.workspace,
        user=row.user_id,
        record_id=row.record_id,
        revision=row.revision,
        key_id=row.key_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        document=document,
    )


class ProfileTable:
    """The email profiles, inside one transaction."""

    def __init__(self, connection: AsyncConnection, keyring: Keyring) -> None:
        """Work through `connection`; seal and open with `keyring`."""
        self._connection = connection
        self._keyring = keyring

    async def get(self, workspace: str, user: str) -> StoredProfile | None:
        """Read and open one person's record.

        Raises:
            UnreadableRecordError: the seal is broken, or its key is not configured.
        """
        row = await self._row(workspace, user)
        return None if row is None else opened_profile(row, self._keyring)

    async def save(self, workspace: str, user: str, document: bytes, *, expected_revision: int) -> StoredProfile:
        """Seal and store `document` as the next revision; 0 expects that there is none yet.

        Raises:
            StaleRevisionError: another revision is stored than the expected one. Nothing was written.
        """
        row = await self._row(workspace, user)
        require_revision(row, expected_revision)
        now = datetime.now(UTC)
        fresh = ProfileRow(
            record_id=row.record_id if row else str(uuid4()),
            workspace=workspace,
            user_id=user,
            revision=expected_revision + 1,
            key_id=self._keyring.active,
            sealed=b"",
            created_at=row.created_at if row else now,
            updated_at=now,
        )
        fresh.sealed = self._keyring.seal(document, profile_context(fresh))
        await write_revision(self._connection, fresh)
        return opened_profile(fresh, self._keyring)

    async def delete(self, workspace: str, user: str) -> bool:
        """Remove one person's record; tells whether there was one."""
        result = await self._connection.execute(
            delete(ProfileRow).where(col(ProfileRow.workspace) == workspace, col(ProfileRow.user_id) == user)
        )
        return cast("CursorResult[None]", result).rowcount > 0

    async def of(self, workspace: str, users: Sequence[str]) -> dict[str, "StoredProfile | UnreadableRecordError"]:
        """Read and open the records of several people, by user id; those without one are left out."""
        rows = await self._connection.execute(
            select(ProfileRow).where(col(ProfileRow.workspace) == workspace, col(ProfileRow.user_id).in_(users))
        )
        opened: dict[str, StoredProfile | UnreadableRecordError] = {}
        for row in rows:
            try:
                opened[row.user_id] = opened_profile(row, self._keyring)
            except UnreadableRecordError as error:
                opened[row.user_id] = error
        return opened

    async def users(self, workspace: str, *, after: str = "", limit: int = 200) -> list[str]:
        """Give the ids of people who have a record, in order."""
        found = await self._connection.scalars(
            select(col(ProfileRow.user_id))
            .where(col(ProfileRow.workspace) == workspace, col(ProfileRow.user_id) > after)
            .order_by(col(ProfileRow.user_id))
            .limit(limit)
        )
        return list(found)

    async def users_without_line(self, workspace: str, *, after: str = "", limit: int = 200) -> list[str]:
        """Give the ids of people who have a record but no line in the list of people."""
        line = exists().where(
            col(PersonRow.workspace) == ProfileRow.workspace, col(PersonRow.user_id) == ProfileRow.user_id
        )
        found = await self._connection.scalars(
            select(col(ProfileRow.user_id))
            .where(col(ProfileRow.workspace) == workspace, col(ProfileRow.user_id) > after, ~line)
            .order_by(col(ProfileRow.user_id))
            .limit(limit)
        )
        return list(found)

    async def _row(self, workspace: str, user: str) -> Row[Any] | None:
        return (await self._connection.execute(_ONE, {"of_workspace": workspace, "of_user": user})).first()
