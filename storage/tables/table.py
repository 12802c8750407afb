"""What all tables share: the database's own clock, inserts that may meet an existing row, and sealed records.

A sealed record is saved against the revision that its writer has seen.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, TextClause
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped
from sqlmodel import JSON, Float, SQLModel, cast, func, literal, literal_column, select, text, update

from storage.crypto.keyring import Keyring, RecordContext
from storage.models import SealedRow

_NOW = {
    # Both with fractions of a second; SQLite's julianday is exact to a millisecond.
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch FROM clock_timestamp())",
}


@dataclass(repr=False, eq=False)
class Table:
    """One table, inside one transaction."""

    _connection: AsyncConnection
    _keyring: Keyring


def now(connection: AsyncConnection) -> ColumnElement[float]:
    """Return the time now by the database's clock, which all instances share: seconds since 1970, UTC."""
    return now_in(connection.dialect.name)


def now_in(dialect: str) -> ColumnElement[float]:
    """As `now`, for a statement that is kept: `dialect` is the name of SQLAlchemy's for the database."""
    return literal_column(_NOW[dialect], Float)


def with_now(connection: AsyncConnection, statement: str) -> TextClause:
    """Return a statement with the database's clock in place of each `{now}`."""
    return text(statement.replace("{now}", _NOW[connection.dialect.name]))


def is_one_of(connection: AsyncConnection, column: Mapped[str], texts: Collection[str]) -> ColumnElement[bool]:
    """Return whether a column is one of any number of texts, as one parameter: databases bound how many there are.

    https://www.sqlite.org/limits.html#max_variable_number (32,766); PostgreSQL counts them in two bytes:
    https://www.postgresql.org/docs/current/protocol-message-formats.html
    """
    listed = literal(json.dumps(list(texts)))
    if connection.dialect.name == "sqlite":
        return column.in_(select(func.json_each(listed).table_valued("value").c.value))
    return column.in_(select(func.json_array_elements_text(cast(listed, JSON))))


def insert_into(connection: AsyncConnection, table: type[SQLModel]) -> Any:
    """Return the dialect's own INSERT, which has ON CONFLICT."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415 - the other dialect is slow to import
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]  # noqa: PLC0415 - as above
    return insert(table)


async def insert_new(connection: AsyncConnection, table: type[SQLModel], values: Mapping[str, Any]) -> bool:
    """Insert a row unless one is there already; returns whether it was inserted."""
    statement = insert_into(connection, table).values(**values).on_conflict_do_nothing()
    # Asked by RETURNING: of an INSERT not every driver gives the number of rows.
    inserted = await connection.execute(statement.returning(literal(1)))
    return inserted.first() is not None


async def insert_or_replace(
    connection: AsyncConnection, table: type[SQLModel], values: Mapping[str, Any], *, key: Sequence[str]
) -> None:
    """Insert a row, or let it take the place of the one with the same `key`."""
    statement = insert_into(connection, table).values(**values)
    changed = {name: statement.excluded[name] for name in values if name not in key}
    await connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed))


class StaleRevisionError(Exception):
    """Somebody saved meanwhile; `revision` is the one stored now, 0 when there is none."""

    def __init__(self, *, revision: int) -> None:
        super().__init__(f"the stored revision is {revision}")
        self.revision = revision


class RecordTable(Table):
    """The sealed records of one table, inside one transaction. `owner` are the columns that a record is found by."""

    model: ClassVar[type[SealedRow]]

    def _context(self, row: Any) -> RecordContext:
        return RecordContext.of_row(self.model, row)

    async def _row(self, **owner: str) -> Row[Any] | None:
        return (await self._connection.execute(select(self.model).filter_by(**owner))).first()

    async def _expected(self, revision: int, **owner: str) -> Row[Any] | None:
        """Read the row of an owner without opening it; revision 0 expects that there is none.

        Raises:
            StaleRevisionError: it is at another revision.
        """
        row = await self._row(**owner)
        stored = row.revision if row is not None else 0
        if stored != revision:
            raise StaleRevisionError(revision=stored)
        return row

    def _document(self, row: Row[Any]) -> bytes | None:
        """Open a row; None when its seal is broken or its key is not configured."""
        return self._keyring.open_row(row, self._context)

    async def _save(
        self, owner: Mapping[str, str], document: bytes, *, before: Any, first: int = 1, **columns: Any
    ) -> SealedRow:
        """Seal and store `document` in place of what was read before, None being nothing; returns the row.

        Of `before` the record id and the revision count; where there was nothing, `first` is the revision.

        Raises:
            StaleRevisionError: another revision is stored than the one that was read. Nothing was written.
        """
        row = self.model(
            **owner,
            **columns,
            record_id=before.record_id if before else str(uuid4()),
            revision=before.revision + 1 if before else first,
            key_id=self._keyring.active,
            sealed=b"",
        )
        row.sealed = self._keyring.seal(document, self._context(row))
        if before is None:
            written = await insert_new(self._connection, self.model, row.model_dump())
        else:
            read = update(self.model).filter_by(record_id=before.record_id, revision=before.revision)
            written = (await self._connection.execute(read.values(row.model_dump()))).rowcount == 1
        if not written:
            stored = await self._row(**owner)
            raise StaleRevisionError(revision=stored.revision if stored else 0)
        return row
