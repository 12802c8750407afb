"""Reads whole tables, some rows at a time, and the tables of two databases side by side in one order."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import AutoString, Table, collate

from storage.crypto.keyring import WRONG_KIND
from storage.engines.foreign_values import is_unreadable

BATCH = 1000
"""Rows that are read at a time."""

OnProgress = Callable[[str, int, int], None]
"""Called with the name of what is going on, how much is done, and of how much."""

Pair = tuple[Row[Any] | None, Row[Any] | None]


class UnreadableRowError(Exception):
    """A row holds a value of a wrong kind. `str(error)` is a sentence that names the table."""


async def batches(connection: AsyncConnection, statement: Select[Any]) -> AsyncGenerator[Sequence[Row[Any]]]:
    """Read the rows of a statement, some at a time."""
    rows = await connection.stream(statement, execution_options={"yield_per": BATCH})
    try:
        async for some in rows.partitions():
            yield some
    finally:
        # Also when the reader stops early: PostgreSQL keeps a cursor of its own for this.
        await rows.close()


async def pairs(table: Table, left: AsyncConnection, right: AsyncConnection) -> AsyncGenerator[Pair]:
    """Walk through a table of two databases in the order of its primary key; yields the two rows of each key.

    Where one has no row of a key, it is None. Of each database only some rows are in memory.

    Raises:
        UnreadableRowError: a row of either holds a value of a wrong kind.
    """
    key = itemgetter(*(list(table.columns).index(column) for column in table.primary_key))
    async with aclosing(_rows(table, left)) as lefts, aclosing(_rows(table, right)) as rights:
        one, other = await anext(lefts, None), await anext(rights, None)
        while one is not None or other is not None:
            pair = _paired(key, one, other)
            yield pair
            if pair[0] is not None:
                one = await anext(lefts, None)
            if pair[1] is not None:
                other = await anext(rights, None)


def _paired(key: Callable[[Row[Any]], Any], one: Row[Any] | None, other: Row[Any] | None) -> Pair:
    """Return both rows when their keys are the same, else the one that comes first."""
    if one is None or other is None or key(one) == key(other):
        return one, other
    return (one, None) if key(one) < key(other) else (None, other)


async def _rows(table: Table, connection: AsyncConnection) -> AsyncGenerator[Row[Any]]:
    order = [in_order(column, connection) for column in table.primary_key]
    try:
        async with aclosing(batches(connection, select(table).order_by(*order))) as several:
            async for some in several:
                for row in some:
                    if any(map(is_unreadable, row)):
                        raise ValueError
                    yield row
    except WRONG_KIND:
        raise UnreadableRowError(
            f"A row of {table.name} holds a value of a wrong kind, which nothing can read."
        ) from None


def in_order(column: Any, connection: AsyncConnection) -> ColumnElement[Any]:
    """Order texts by their code points, as SQLite and Python do; PostgreSQL's own order is its language's."""
    if connection.dialect.name == "postgresql" and isinstance(column.type, AutoString):
        return collate(column, "C")
    ordered: ColumnElement[Any] = column
    return ordered
