"""Opens every sealed record to check that it can be opened; counts by table and key, and names what does not open.

And follows each history from its sealed beginning to its sealed end.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Table, func, text

from storage.crypto.key_checks import check_context
from storage.crypto.keyring import WRONG_KIND, Keyring, RecordContext, SealBrokenError, key_id_of
from storage.database import Database
from storage.engines.transactions import DatabaseFault, fault_of, without_timeouts
from storage.maintenance.histories_as_found import take_as_found
from storage.maintenance.history import SOME_WORKSPACE, BrokenHistory, Histories, examine, shown_id
from storage.maintenance.rotation import SEALED, Sealed
from storage.maintenance.row_batches import OnProgress, batches
from storage.models import KeyCheckRow, PasswordLinkRow
from storage.tables.password_links import link_context
from storage.tables.workspaces import WorkspaceTable

EXAMPLES = 5
"""How many of a table's records that do not open are named."""

_EVERYTHING_SEALED: tuple[Sealed, ...] = (
    *SEALED,
    (PasswordLinkRow, link_context),
    (KeyCheckRow, lambda row: check_context(row.key_id)),
)


@dataclass(kw_only=True)
class SealedTable:
    """The records of one table: how many each key opened, and how many did not open, some of them named."""

    name: str
    opened: Counter[str] = field(default_factory=Counter)
    unopened: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result for a database: `damage` are SQLite's own words on its file, and no table was read then.

    `workspaces` are those whose defaults and allowed servers cannot be relied on: the record does not open, is gone, or
    is an older one.
    """

    damage: list[str]
    tables: list[SealedTable]
    workspaces: list[str] = field(default_factory=list)
    histories: Histories = field(default_factory=Histories)

    @property
    def good(self) -> bool:
        """Whether the file is whole, every record opens, and histories and defaults are as they were written."""
        broken = self.damage or self.workspaces or self.histories.broken
        return not (broken or any(table.unopened for table in self.tables))


async def verify(database: Database, on_progress: OnProgress) -> Verdict:
    """Open every sealed record as it is now, while the bot goes on.

    Raises:
        OutdatedSchemaError: the schema is an older one, or there is none.
        UnknownSchemaError: it is a newer one.
        DatabaseUnavailableError: the database does not do what it is asked.
    """
    await database.require_schema()
    async with database.snapshot() as connection:
        if found := await damage(connection):
            return Verdict(damage=found, tables=[])
        return Verdict(
            damage=[],
            tables=await open_all(connection, database.keyring, on_progress),
            workspaces=await _unreadable(connection, database.keyring),
            histories=await examine(connection, database.keyring, on_progress),
        )


async def accept_histories(database: Database, on_progress: OnProgress) -> list[BrokenHistory]:
    """Take each history that is not as it was written as it is found now; returns which, and why.

    For the entries of a version before that ran beside this one: nothing else tells them from invented ones.

    Raises:
        OutdatedSchemaError: the schema is an older one, or there is none.
        UnknownSchemaError: it is a newer one.
        DatabaseUnavailableError: the database does not do what it is asked.
    """
    await database.require_schema()
    async with database.snapshot() as snapshot:
        broken = (await examine(snapshot, database.keyring, on_progress)).broken
    if broken:
        async with database.writing_connection() as connection:
            if not database.is_sqlite:
                await without_timeouts(connection, "lock_timeout", "statement_timeout")
            mended = [(one.workspace, one.subject) for one in broken if one.workspace != SOME_WORKSPACE]
            await take_as_found(connection, database.keyring, mended)
    return broken


async def _unreadable(connection: AsyncConnection, keyring: Keyring) -> list[str]:
    try:
        survey = await WorkspaceTable(connection, keyring).survey()
    except WRONG_KIND:
        # That the table cannot be read was found when its records were opened.
        return []
    return [shown_id(workspace) for workspace in survey.unreadable]


async def open_all(connection: AsyncConnection, keyring: Keyring, on_progress: OnProgress) -> list[SealedTable]:
    """Open every sealed record of a snapshot, private links and check values too."""
    tables: list[tuple[Table, Callable[[Any], RecordContext]]] = [
        (model.__table__, context_of) for model, context_of in _EVERYTHING_SEALED
    ]
    total = 0
    for table, _ in tables:
        total += await connection.scalar(select(func.count()).select_from(table)) or 0
    done = 0
    found = []
    for table, context_of in tables:
        seen = SealedTable(name=table.name)
        found.append(seen)
        try:
            async with aclosing(batches(connection, select(table))) as several:
                async for some in several:
                    for row in some:
                        _try(keyring, row, context_of, seen)
                    done += len(some)
                    on_progress("Opening", done, total)
        except WRONG_KIND:
            seen.unopened += 1
            seen.examples.append("a value is of a wrong kind, and the rest of the table could not be read")
    return found


def _try(keyring: Keyring, row: Row[Any], context_of: Callable[[Any], RecordContext], seen: SealedTable) -> None:
    if row._mapping.get("retired_at") is not None:
        # The check value of a retired key, which is in no list any more.
        return
    try:
        keyring.open(row.sealed, context_of(row))
        seen.opened[key_id_of(row.sealed)] += 1
    except SealBrokenError as error:
        _note(seen, row, str(error))
    except WRONG_KIND:
        _note(seen, row, "a value is missing or of a wrong kind")


def _note(seen: SealedTable, row: Row[Any], why: str) -> None:
    seen.unopened += 1
    if len(seen.examples) < EXAMPLES:
        seen.examples.append(f"{_whose(row)} ({why})")


def _whose(row: Row[Any]) -> str:
    """Name a record by what is in the clear."""
    columns = row._mapping
    ids = [columns[name] for name in ("workspace", "user_id") if name in columns] or [columns["key_id"]]
    return " ".join(map(shown_id, ids))


async def damage(connection: AsyncConnection) -> list[str]:
    """Return what SQLite finds wrong in its file; nothing on PostgreSQL, which checks its own pages.

    See https://www.sqlite.org/pragma.html#pragma_integrity_check.
    """
    if connection.dialect.name != "sqlite":
        return []
    try:
        found = await connection.scalars(text(f"PRAGMA integrity_check({EXAMPLES})"))
    except DBAPIError as error:
        if fault_of(error) is not DatabaseFault.DAMAGED:
            raise
        return [str(error.orig)]
    return [line for line in found if line != "ok"]
