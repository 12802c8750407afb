"""The audit table: who changed or tested whose profile, which fields, when; and, sealed, from what to what."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, Select
from sqlmodel import col, delete, exists, insert, select

from storage.crypto.keyring import RecordContext, SealBrokenError
from storage.models import AuditDetailRow, AuditRow
from storage.tables.table import Table

TESTED = "tested"
REMINDED = "reminded"


def audit_detail_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(AuditDetailRow, row, str(row.entry))


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One change or test. `actor` and `subject` are user ids, `fields` are names.

    `details` say from what to what, a line each; there are none of tests, nor of what an older version wrote.
    """

    number: int
    at: datetime
    actor: str
    subject: str
    action: str
    fields: tuple[str, ...]
    details: tuple[str, ...] = ()


class AuditTable(Table):
    """The audit entries, inside one transaction."""

    async def append(
        self,
        workspace: str,
        *,
        actor: str,
        subject: str,
        action: str,
        fields: Sequence[str] = (),
        details: Sequence[str] = (),
    ) -> None:
        """Add one entry, now; `details` are sealed, and hold no secret."""
        entry = insert(AuditRow).values(
            at=datetime.now(UTC),
            workspace=workspace,
            actor=actor,
            subject=subject,
            action=action,
            fields=", ".join(fields),
        )
        number = await self._connection.scalar(entry.returning(col(AuditRow.id))) or 0
        # SQLite gives numbers of deleted entries again, and the version before deletes entries without their details.
        await self._connection.execute(delete(AuditDetailRow).filter_by(entry=number))
        if details:
            await self._connection.execute(insert(AuditDetailRow).values(self._sealed(workspace, number, details)))

    async def page(
        self, workspace: str, *, subject: str | None, before: int | None = None, limit: int = 15
    ) -> list[AuditEntry]:
        """Read entries about one person, or about everybody, newest first, older than entry `before`."""
        statement = select(AuditRow).filter_by(workspace=workspace)
        if subject is not None:
            statement = statement.filter_by(subject=subject)
        if before is not None:
            statement = statement.where(col(AuditRow.id) < before)
        return await self._entries(statement.order_by(col(AuditRow.id).desc()).limit(limit))

    async def changes(self, workspace: str, *, limit: int) -> list[AuditEntry]:
        """Read the latest changes of a workspace's profiles and defaults, newest first: no tests, no reminders."""
        statement = select(AuditRow).filter_by(workspace=workspace)
        changed = statement.where(col(AuditRow.action).not_in((TESTED, REMINDED)))
        return await self._entries(changed.order_by(col(AuditRow.id).desc()).limit(limit))

    async def forget(self, workspace: str, subject: str) -> None:
        """Delete all entries about one person."""
        theirs = select(AuditRow.id).filter_by(workspace=workspace, subject=subject)
        await self._connection.execute(delete(AuditDetailRow).where(col(AuditDetailRow.entry).in_(theirs)))
        await self._connection.execute(delete(AuditRow).filter_by(workspace=workspace, subject=subject))

    async def purge(self, before: datetime) -> None:
        """Delete entries older than a time, and details whose entry is gone: the version before knows of none."""
        await self._connection.execute(delete(AuditRow).where(col(AuditRow.at) < before))
        is_there = exists().where(col(AuditRow.id) == AuditDetailRow.entry)
        await self._connection.execute(delete(AuditDetailRow).where(~is_there))

    async def _entries(self, statement: Select[AuditRow]) -> list[AuditEntry]:
        rows = (await self._connection.execute(statement)).all()
        details = await self._details([row.id for row in rows])
        return [_entry(row, details.get(row.id, ())) for row in rows]

    async def _details(self, entries: Sequence[int]) -> dict[int, tuple[str, ...]]:
        rows = await self._connection.execute(select(AuditDetailRow).where(col(AuditDetailRow.entry).in_(entries)))
        return {row.entry: self._opened(row) for row in rows}

    def _sealed(self, workspace: str, entry: int, details: Sequence[str]) -> dict[str, Any]:
        row = AuditDetailRow(
            record_id=str(uuid4()), workspace=workspace, entry=entry, key_id=self._keyring.active, sealed=b""
        )
        row.sealed = self._keyring.seal(json.dumps(list(details)).encode(), audit_detail_context(row))
        return row.model_dump()

    def _opened(self, row: Row[Any]) -> tuple[str, ...]:
        try:
            return tuple(json.loads(self._keyring.open(row.sealed, audit_detail_context(row))))
        except (SealBrokenError, ValueError):
            # Who changed which fields is told all the same.
            return ()


def _entry(row: Row[Any], details: tuple[str, ...]) -> AuditEntry:
    return AuditEntry(
        number=row.id or 0,
        at=row.at,
        actor=row.actor,
        subject=row.subject,
        action=row.action,
        fields=tuple(row.fields.split(", ")) if row.fields else (),
        details=details,
    )
