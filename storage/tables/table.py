"""What all tables share: their connection, the database's own clock, and inserts that may meet an existing row."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, TextClause
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Float, SQLModel, literal, literal_column, text

from storage.crypto.keyring import Keyring

_NOW = {
    # Both with fractions of a second; SQLite's julianday is exact to a millisecond.
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch FROM clock_timestamp())",
}


class Table:
    """One table, inside one transaction."""

    def __init__(self, connection: AsyncConnection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring


def now(connection: AsyncConnection) -> ColumnElement[float]:
    """Return the time now by the database's clock, which all instances share: seconds since 1970, UTC."""
    return literal_column(_NOW[connection.dialect.name], Float)


def with_now(connection: AsyncConnection, statement: str) -> TextClause:
    """Return a statement with the database's clock in place of each `{now}`."""
    return text(statement.replace("{now}", _NOW[connection.dialect.name]))


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
