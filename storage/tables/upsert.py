"""Inserts that meet a row which another instance put there at the same moment; both databases word them alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel


def insert_into(connection: AsyncConnection, table: type[SQLModel]) -> Any:
    """Give the dialect's own INSERT, which has ON CONFLICT."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415 - the other dialect is slow to import
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]  # noqa: PLC0415 - as above
    return insert(table)


async def insert_new(connection: AsyncConnection, table: type[SQLModel], values: Mapping[str, Any]) -> bool:
    """Insert a row unless one is there already; tells whether it was inserted."""
    key: Table = table.__table__  # type: ignore[attr-defined]
    statement = insert_into(connection, table).values(**values).on_conflict_do_nothing()
    inserted = await connection.execute(statement.returning(*key.primary_key))
    return inserted.first() is not None


async def insert_or_replace(
    connection: AsyncConnection, table: type[SQLModel], values: Mapping[str, Any], *, key: Sequence[str]
) -> None:
    """Insert a row, or let it take the place of the one with the same `key`."""
    statement = insert_into(connection, table).values(**values)
    changed = {name: statement.excluded[name] for name in values if name not in key}
    await connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed))
