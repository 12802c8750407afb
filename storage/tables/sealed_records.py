"""Sealed records: what their seals bind, and how one is saved against the revision that its writer has seen."""

from typing import Any, ClassVar
from uuid import uuid4

from sqlalchemy import ColumnElement, Row
from sqlmodel import SQLModel, col, select, update

from storage.crypto.keyring import RecordContext, SealBrokenError
from storage.models import SealedRow
from storage.tables.table import Table, insert_new


class StaleRevisionError(Exception):
    """Somebody saved meanwhile; `revision` is the one stored now, 0 when there is none."""

    def __init__(self, *, revision: int) -> None:
        super().__init__(f"the stored revision is {revision}")
        self.revision = revision


def record_context(table: type[SQLModel], row: Any, *extra: str) -> RecordContext:
    """Return what the seal of a row is bound to; `extra` are texts of what else is in the clear beside it."""
    return RecordContext(
        table=str(table.__tablename__),
        record_id=row.record_id,
        workspace=row.workspace,
        user=getattr(row, "user_id", "-"),
        revision=getattr(row, "revision", 1),
        extra=(row.key_id, *extra),
    )


class RecordTable(Table):
    """The sealed records of one table, inside one transaction; `owner` are the columns that a record is found by."""

    model: ClassVar[type[SealedRow]]
    owner: ClassVar[tuple[str, ...]] = ("workspace",)

    async def _row(self, *owner: str) -> Row[Any] | None:
        found = await self._connection.execute(select(self.model).where(*self._of(*owner)))
        return found.first()

    async def _expected(self, revision: int, *owner: str) -> Row[Any] | None:
        """Read the row of an owner without opening it; revision 0 expects that there is none.

        Raises:
            StaleRevisionError: it is at another revision.
        """
        row = await self._row(*owner)
        stored = row.revision if row is not None else 0
        if stored != revision:
            raise StaleRevisionError(revision=stored)
        return row

    def _context(self, row: Any) -> RecordContext:
        return record_context(self.model, row)

    def _of(self, *owner: str) -> list[ColumnElement[bool]]:
        return [col(getattr(self.model, name)) == value for name, value in zip(self.owner, owner, strict=True)]

    def _document(self, row: Row[Any]) -> bytes | None:
        """Open a row; None when its seal is broken or its key is not configured."""
        try:
            return self._keyring.open(row.sealed, self._context(row))
        except (SealBrokenError, ValueError):
            return None

    async def _save(self, document: bytes, *, before: Any, **columns: Any) -> SealedRow:
        """Seal and store `document` in place of what was read before, None being nothing; returns the row.

        Of `before` the record id and the revision count.

        Raises:
            StaleRevisionError: another revision is stored than the one that was read. Nothing was written.
        """
        row = self.model(
            record_id=before.record_id if before else str(uuid4()),
            revision=before.revision + 1 if before else 1,
            key_id=self._keyring.active,
            sealed=b"",
            **columns,
        )
        row.sealed = self._keyring.seal(document, self._context(row))
        if not await self._written(row, before):
            stored = await self._row(*(getattr(row, name) for name in self.owner))
            raise StaleRevisionError(revision=stored.revision if stored else 0)
        return row

    async def _written(self, row: SealedRow, before: Any) -> bool:
        if before is None:
            return await insert_new(self._connection, self.model, row.model_dump())
        model = self.model
        statement = update(model).where(
            col(model.record_id) == before.record_id, col(model.revision) == before.revision
        )
        return (await self._connection.execute(statement.values(row.model_dump()))).rowcount == 1
