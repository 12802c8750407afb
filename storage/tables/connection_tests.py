"""The table of connection tests: the last one of each profile, sealed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlmodel import col, delete, select

from storage.crypto.keyring import Keyring, RecordContext, SealBrokenError
from storage.models import ConnectionTestRow
from storage.tables.sealed_records import record_context
from storage.tables.table import Table, insert_or_replace


@dataclass(frozen=True, kw_only=True)
class StoredTest:
    """The last test of a profile: `revision` is the profile's at that time, `document` what was sealed."""

    record_id: str
    revision: int
    tested_at: datetime
    document: bytes = field(repr=False)


def connection_test_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return record_context(ConnectionTestRow, row, row.tested_at.astimezone(UTC).isoformat())


def opened_test(row: Any, keyring: Keyring) -> StoredTest | None:
    """Open a row; None when it does not open."""
    try:
        document = keyring.open(row.sealed, connection_test_context(row))
    except (SealBrokenError, ValueError):
        # A lost test result costs nobody anything: the next test writes a new one.
        return None
    return StoredTest(record_id=row.record_id, revision=row.revision, tested_at=row.tested_at, document=document)


class ConnectionTestTable(Table):
    """The last connection tests, inside one transaction."""

    async def last(self, workspace: str, user: str) -> StoredTest | None:
        """Read the last test; None when there is none, or when it does not open."""
        return (await self.of(workspace, [user])).get(user)

    async def of(self, workspace: str, users: Sequence[str]) -> dict[str, StoredTest]:
        """Read the last tests of several people, by user id; those without one are left out."""
        rows = await self._connection.execute(
            select(ConnectionTestRow).where(
                col(ConnectionTestRow.workspace) == workspace, col(ConnectionTestRow.user_id).in_(users)
            )
        )
        opened = ((row.user_id, opened_test(row, self._keyring)) for row in rows)
        return {user: test for user, test in opened if test is not None}

    async def record(
        self,
        workspace: str,
        user: str,
        *,
        record_id: str,
        revision: int,
        document: bytes,
        tested_at: datetime,
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
        result = await self._connection.execute(
            delete(ConnectionTestRow).where(
                col(ConnectionTestRow.workspace) == workspace, col(ConnectionTestRow.user_id) == user
            )
        )
        return result.rowcount > 0
