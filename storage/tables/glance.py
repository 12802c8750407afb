"""The everyday read: one person's profile and last test, in one query.

Every command, button and form begins with it. On SQLite the driver is asked directly, in the event loop: such a read
takes some twenty microseconds, and handing it to a thread through SQLAlchemy a millisecond and a half.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import SQLModel

from storage.crypto.keyring import Keyring
from storage.engines.sqlite import connected_directly
from storage.engines.unavailable import opened, opened_for_reading, translate_driver_errors
from storage.models import ConnectionTestRow, ProfileRow, UtcDateTime
from storage.tables.connection_tests import StoredTest, opened_test
from storage.tables.profiles import StoredProfile, UnreadableRecordError, opened_profile


@dataclass(frozen=True, kw_only=True)
class Glance:
    """What is stored for one person: the profile, opened or the reason why not, and the last test."""

    profile: StoredProfile | UnreadableRecordError | None
    test: StoredTest | None


class _ProfileColumns(NamedTuple):
    workspace: str
    user_id: str
    record_id: str
    revision: int
    key_id: str
    sealed: bytes
    created_at: datetime
    updated_at: datetime


class _TestColumns(NamedTuple):
    workspace: str
    user_id: str
    record_id: str
    revision: int
    key_id: str
    sealed: bytes
    tested_at: datetime


def _table(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


_PROFILES, _TESTS = _table(ProfileRow), _table(ConnectionTestRow)
_COLUMNS = (
    *(_PROFILES.c[name] for name in _ProfileColumns._fields[2:]),
    *(_TESTS.c[name] for name in _TestColumns._fields[2:]),
)
_CUT = len(_ProfileColumns._fields) - 2
_SAME_PERSON = (_PROFILES.c.workspace == _TESTS.c.workspace) & (_PROFILES.c.user_id == _TESTS.c.user_id)
_ONE = (
    select(*_COLUMNS)
    .select_from(_PROFILES.outerjoin(_TESTS, _SAME_PERSON))
    .where(_PROFILES.c.workspace == bindparam("workspace"), _PROFILES.c.user_id == bindparam("user"))
)


class PooledGlances:
    """Asks through the pool, as everything else does."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Ask through `engine`."""
        self._engine = engine

    async def row(self, workspace: str, user: str) -> Sequence[Any] | None:
        """Read one person's columns, None when there is no profile.

        Raises:
            DatabaseUnavailableError: the database does not do what it is asked.
        """
        with translate_driver_errors():
            async with opened(self._engine, opened_for_reading) as transaction:
                found = await transaction.connection.execute(_ONE, {"workspace": workspace, "user": user})
                return found.first()

    def close(self) -> None:
        """Leave the pool to its owner."""


class DirectGlances:
    """Asks SQLite's driver; what it does not answer at once is asked through the pool, which waits and tells more."""

    def __init__(self, engine: AsyncEngine, path: str) -> None:
        """Read the file at `path`; `engine` is the pool's."""
        self._path = path
        self._pooled = PooledGlances(engine)
        self._connection: sqlite3.Connection | None = None
        compiled = _ONE.compile(dialect=engine.dialect)
        self._statement = str(compiled)
        self._order = tuple(compiled.positiontup or ())
        # SQLite keeps times as texts, in UTC and without saying so.
        self._times = [number for number, column in enumerate(_COLUMNS) if isinstance(column.type, UtcDateTime)]

    async def row(self, workspace: str, user: str) -> Sequence[Any] | None:
        """As `PooledGlances.row`."""
        given = {"workspace": workspace, "user": user}
        try:
            if self._connection is None:
                self._connection = connected_directly(self._path)
            # All rows: a statement that is not read to its end keeps the file's log from being emptied.
            rows = self._connection.execute(self._statement, [given[name] for name in self._order]).fetchall()
        except sqlite3.Error:
            self.close()
            return await self._pooled.row(workspace, user)
        if not rows:
            return None
        row = list(rows[0])
        for number in self._times:
            if row[number] is not None:
                row[number] = datetime.fromisoformat(row[number]).replace(tzinfo=UTC)
        return row

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def opened_glance(row: Sequence[Any] | None, keyring: Keyring, *, workspace: str, user: str) -> Glance:
    """Open what was read of one person."""
    if row is None:
        return Glance(profile=None, test=None)
    profile, test = _ProfileColumns(workspace, user, *row[:_CUT]), _TestColumns(workspace, user, *row[_CUT:])
    stored: StoredProfile | UnreadableRecordError
    try:
        stored = opened_profile(profile, keyring)
    except UnreadableRecordError as error:
        stored = error
    return Glance(profile=stored, test=None if test.record_id is None else opened_test(test, keyring))
