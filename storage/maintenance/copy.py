"""Copies all rows from one database to another, of either kind, and verifies the copy.

While a copy is under way, a row in `unfinished_copies` marks the target. It holds a fingerprint of the source, so that
only a copy of the same source continues one that was cut short, and a random part for each run, so that of two runs
at once the earlier one ends.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Delete
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel, Table, bindparam, col, delete, func, insert, inspect, literal, select, text

from storage.database import Database, UnknownSchemaError
from storage.engines.transactions import DatabaseUnavailableError, fault_of, without_timeouts
from storage.maintenance.row_batches import BATCH, OnProgress, UnreadableRowError, in_order, pairs
from storage.maintenance.verify import SealedTable, damage, open_all
from storage.models import KeyCheckRow, LeaseRow, UnfinishedCopyRow

NO_CONTENT = (UnfinishedCopyRow.__tablename__, KeyCheckRow.__tablename__, LeaseRow.__tablename__)
"""Tables that have rows in a database which nobody has used yet: check values, and leases that are over."""

_FINGERPRINT_CHARACTERS = 32


class CopyError(Exception):
    """A copy cannot be made, or was not completed. `str(error)` is one line that says why, and what to do."""


class UnfinishedCopyError(Exception):
    """The database holds a copy that is not complete, so nothing may work with it."""

    def __init__(self) -> None:
        super().__init__(
            "DATABASE_URL: a copy into this database is not complete. Run the same `email-profile-bot db copy` again."
        )


@dataclass(frozen=True, kw_only=True)
class Copied:
    """A complete copy: how many rows it has, and how each sealed table's records opened."""

    rows: int
    sealed: list[SealedTable]


async def require_complete(database: Database) -> None:
    """Check that no copy into a database of this version's schema was cut short.

    Raises:
        UnfinishedCopyError: one was.
        DatabaseUnavailableError: the database does not answer.
    """
    async with database.reading_connection() as connection:
        if await connection.scalar(select(UnfinishedCopyRow.source).limit(1)):
            raise UnfinishedCopyError


async def copy(source: Database, target: Database, on_progress: OnProgress) -> Copied:
    """Copy all rows of a database, as they are at this moment, into an empty one; continue a copy that was cut short.

    Records that do not open in the source are copied as they are, and counted in what is returned.

    Raises:
        OutdatedSchemaError: the source's schema is an older one.
        UnknownSchemaError: it is a newer one.
        UnfinishedCopyError: the source is an unfinished copy itself.
        KeyMismatchError: the configured keys do not fit the source's records.
        CopyError: the target is not empty, or the copy cannot be made or completed.
        DatabaseUnavailableError: one of the two does not do what it is asked.
    """
    await source.require_schema()
    await require_complete(source)
    await source.check_keys()
    async with source.snapshot() as reading:
        if found := await damage(reading):
            raise CopyError(
                f"The source is damaged ({found[0]}). Restore a backup, or mend the file with SQLite's tools."
            )
        fingerprint = await _fingerprint(reading)
        await _make_ready(target, fingerprint)
        mark = await _mark(target, fingerprint)
        try:
            return await _Copying(reading, target, mark, on_progress).run()
        except UnreadableRowError as error:
            raise CopyError(
                f"{error} Was something other than the bot at work in the database? Mend that row."
            ) from None


async def _fingerprint(source: AsyncConnection) -> str:
    """Return what identifies a database: its check values are random from its first use on, and are copied."""
    digest = hashlib.sha256()
    for row in await source.execute(select(KeyCheckRow).order_by(in_order(col(KeyCheckRow.key_id), source))):
        digest.update(row.key_id.encode() + row.sealed)
    return digest.hexdigest()[:_FINGERPRINT_CHARACTERS]


async def _make_ready(target: Database, fingerprint: str) -> None:
    """Upgrade the target's schema, after a check of what it holds: nobody else's database is changed."""
    try:
        if await target.schema_revision() is not None:
            async with target.reading_connection() as connection:
                await _require_empty(connection, fingerprint)
        await target.upgrade()
    except UnknownSchemaError:
        raise CopyError("The target holds tables of a newer version of the program, or of another one.") from None
    except DatabaseUnavailableError as error:
        raise CopyError(f"The target cannot be used: {error.fault}.") from None


async def _mark(target: Database, fingerprint: str) -> str:
    """Mark the target as this run's own, which ends any earlier run; returns the mark."""
    mark = fingerprint + secrets.token_hex(16)
    async with target.writing_connection() as connection:
        if not target.is_sqlite:
            # Waits for the last batch of an earlier run, however long it takes.
            await without_timeouts(connection, "lock_timeout", "statement_timeout")
            await connection.execute(text("LOCK TABLE unfinished_copies IN EXCLUSIVE MODE"))
        await _require_empty(connection, fingerprint)
        await connection.execute(delete(UnfinishedCopyRow))
        await connection.execute(insert(UnfinishedCopyRow).values(source=mark))
    return mark


async def _require_empty(target: AsyncConnection, fingerprint: str) -> None:
    there = set(await target.run_sync(_table_names))
    if UnfinishedCopyRow.__tablename__ in there:
        mark = await target.scalar(select(UnfinishedCopyRow.source).limit(1))
        if mark is not None and mark.startswith(fingerprint):
            return
        if mark is not None:
            raise CopyError("The target holds an unfinished copy of another database. Empty it, or name another one.")
    for table in _tables():
        if table.name in there and table.name not in NO_CONTENT and await _holds_rows(target, table):
            raise CopyError(
                f"The target is not empty: there are rows in {table.name}. Nothing was changed; name an empty database."
            )


def _table_names(connection: Connection) -> list[str]:
    return inspect(connection).get_table_names()


async def _holds_rows(connection: AsyncConnection, table: Table) -> bool:
    return await connection.scalar(select(literal(1)).select_from(table).limit(1)) is not None


def _tables() -> list[Table]:
    """Return every table that is copied, those first that others refer to."""
    return [table for table in SQLModel.metadata.sorted_tables if table.name != UnfinishedCopyRow.__tablename__]


class _Copying:
    """One run: from a snapshot of the source into a target that has the run's mark."""

    def __init__(self, source: AsyncConnection, target: Database, mark: str, on_progress: OnProgress) -> None:
        self._source = source
        self._target = target
        self._mark = mark
        self._on_progress = on_progress
        self._total = 0

    async def run(self) -> Copied:
        for table in _tables():
            self._total += await self._source.scalar(select(func.count()).select_from(table)) or 0
        async with self._target.snapshot() as before:
            # What differs is deleted first, all of it: then no new row conflicts with another one in a unique index.
            for table in reversed(_tables()):
                await self._delete_differing(table, before)
            done = 0
            for table in _tables():
                done = await self._insert_missing(table, before, done)
        async with self._target.snapshot() as after:
            await self._compare(after)
            if found := await damage(after):
                raise CopyError(f"The copy is damaged ({found[0]}). Is the disk sound? Begin with an empty database.")
            sealed = await open_all(after, self._target.keyring, self._on_progress)
        await self._finish()
        return Copied(rows=self._total, sealed=sealed)

    async def _delete_differing(self, table: Table, before: AsyncConnection) -> None:
        if not await _holds_rows(before, table):
            return
        differing = []
        async with aclosing(pairs(table, self._source, before)) as walk:
            async for ours, theirs in walk:
                if theirs is not None and ours != theirs:
                    differing.append(
                        {f"of_{column.name}": theirs._mapping[column.name] for column in table.primary_key}
                    )
                if len(differing) == BATCH:
                    await self._write(table, _delete(table), differing)
                    differing = []
        await self._write(table, _delete(table), differing)

    async def _insert_missing(self, table: Table, before: AsyncConnection, done: int) -> int:
        missing = []
        async with aclosing(pairs(table, self._source, before)) as walk:
            async for ours, theirs in walk:
                if ours is None:
                    continue
                done += 1
                if ours != theirs:
                    missing.append(dict(ours._mapping))
                if len(missing) == BATCH:
                    await self._write(table, insert(table), missing)
                    missing = []
                if done % BATCH == 0:
                    self._on_progress("Copying", done, self._total)
        await self._write(table, insert(table), missing)
        self._on_progress("Copying", done, self._total)
        return done

    async def _write(self, table: Table, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write one batch, in a transaction of its own, while the target still has this run's mark."""
        if not rows:
            return
        async with self._target.writing_connection() as connection:
            await self._require_mark(connection)
            try:
                await connection.execute(statement, rows)
            except DBAPIError as error:
                if fault_of(error) is not None:
                    raise
                # The driver's own words may hold the values.
                raise CopyError(
                    f"The target does not take a row of {table.name} ({type(error.orig).__name__}). "
                    "Was something other than the bot at work in one of the databases?"
                ) from None

    async def _require_mark(self, connection: AsyncConnection) -> None:
        own = select(UnfinishedCopyRow).where(col(UnfinishedCopyRow.source) == self._mark).with_for_update()
        if await connection.scalar(own) is None:
            raise CopyError("Another copy into the same database was begun, so this one has ended.")

    async def _compare(self, after: AsyncConnection) -> None:
        done = 0
        for table in _tables():
            async with aclosing(pairs(table, self._source, after)) as walk:
                async for ours, theirs in walk:
                    if ours != theirs:
                        raise CopyError(
                            f"A row of {table.name} came out differently in the target. Did something else write "
                            "there? Run the same again."
                        )
                    done += 1
                    if done % BATCH == 0:
                        self._on_progress("Comparing", done, self._total)
        self._on_progress("Comparing", done, self._total)

    async def _finish(self) -> None:
        async with self._target.writing_connection() as connection:
            await self._require_mark(connection)
            if not self._target.is_sqlite:
                for table in _tables():
                    await _set_sequence(connection, table)
            await connection.execute(delete(UnfinishedCopyRow))


async def _set_sequence(connection: AsyncConnection, table: Table) -> None:
    """Let PostgreSQL number new rows behind those that were copied with their numbers.

    See https://www.postgresql.org/docs/current/functions-sequence.html.
    """
    column = table.autoincrement_column
    if column is not None:
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        highest = func.max(column)
        await connection.execute(select(func.setval(sequence, func.coalesce(highest, 1), highest.is_not(None))))


def _delete(table: Table) -> Delete:
    return delete(table).where(*(column == bindparam(f"of_{column.name}") for column in table.primary_key))
