"""The embedded database: engines on its file, its pragmas, a copy of its pages, and the end of an unused file."""

import asyncio
import errno
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, Integer, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from storage.engines.connections import connected, dispose
from storage.engines.foreign_values import AnyNumber, AnyTime
from storage.engines.transactions import begin_on_sqlite

_DRIVER = "sqlite+aiosqlite"

_POOL_SIZE, _POOL_SECONDS = 10, 5
"""Connections at most, and how long one is waited for: opening more for a moment takes longer than waiting."""

_PRAGMAS = (
    # FULL: an acknowledged commit survives a power cut (https://www.sqlite.org/pragma.html#pragma_synchronous).
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=5000",
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
    # KiB a connection (https://www.sqlite.org/pragma.html#pragma_cache_size); the operating system keeps the file's
    # pages anyway, once for all connections.
    "PRAGMA cache_size=-512",
)


def sqlite_engine(address: URL) -> AsyncEngine:
    """Return an engine on a SQLite file, readable by its owner alone; a missing one is made at the first connection.

    Raises:
        ValueError: the address names no file, or the file cannot be opened or made.
    """
    if not address.database or address.database == ":memory:":
        raise ValueError("a SQLite address names a file, for example sqlite:///email-profiles.db.")
    path = Path(address.database)
    try:
        _require_usable(path)
    except OSError as error:
        raise ValueError(f"the file {path} cannot be opened ({error.strerror}).") from None
    engine = _engine(
        URL.create(_DRIVER, database=str(path)), pool_size=_POOL_SIZE, max_overflow=0, pool_timeout=_POOL_SECONDS
    )

    def make_file(*_: Any) -> None:
        # So that it is never readable by others, not even for a moment. What hinders that hinders SQLite too.
        with suppress(OSError):
            path.touch(mode=0o600, exist_ok=True)

    event.listen(engine.sync_engine, "do_connect", make_file)
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    return engine


def _require_usable(path: Path) -> None:
    """Raise OSError when a file cannot be opened, or a missing one cannot be made."""
    if path.is_dir():
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists():
        path.touch()
        path.chmod(0o600)
        return
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def remove_file(path: Path) -> None:
    """Remove a SQLite file that nobody needs, unless somebody else has it open."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        # Only who is alone with a database can leave its write-ahead log (https://www.sqlite.org/wal.html).
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        path.unlink(missing_ok=True)


@asynccontextmanager
async def copied_pages(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Copy a SQLite database, as it is now, into a nameless file that is gone after the block.

    Whoever reads a database for long keeps its write-ahead log from being emptied, and so a deleted password in it;
    the copy of its pages takes a moment (https://www.sqlite.org/backup.html).
    """
    # The URI of an empty name: https://www.sqlite.org/inmemorydb.html#temp_db
    nameless = URL.create(_DRIVER, database="file:", query={"uri": "true"})
    copy = _engine(nameless, poolclass=StaticPool)
    try:
        # The source is closed first, which waits for a copy that was cancelled: it is written to the target till then.
        async with connected(copy) as target, connected(engine) as source:
            await _copy_pages(await _driver_of(source), await _driver_of(target))
        yield copy
    finally:
        await dispose(copy)


async def _driver_of(connection: AsyncConnection) -> Any:
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    return driver


async def _copy_pages(source: Any, target: Any) -> None:
    try:
        await source.backup(target)
    except sqlite3.Error as error:
        # SQLAlchemy wraps the driver's errors for statements, and not for this.
        raise DatabaseError(None, None, error) from error


def _engine(address: URL, **options: Any) -> AsyncEngine:
    engine = create_async_engine(address, hide_parameters=True, **options)
    dialect = engine.sync_engine.dialect
    dialect.colspecs = {**dialect.colspecs, DateTime: AnyTime, Integer: AnyNumber}
    event.listen(engine.sync_engine, "connect", _leave_transactions_to_us)
    event.listen(engine.sync_engine, "begin", begin_on_sqlite)
    event.listen(engine.sync_engine, "handle_error", _keep_cancelled_connection)
    return engine


def _keep_cancelled_connection(context: ExceptionContext) -> None:
    """Let a connection whose task was cancelled within a statement be rolled back, not closed.

    The statement runs to its end in the connection's own thread, so the connection is as good as before. To close it
    would not end its transaction as long as anything, an exception's frames for example, holds the cancelled statement
    (https://www.sqlite.org/c3ref/close.html), and nobody else could write until then.
    """
    if isinstance(context.original_exception, asyncio.CancelledError):
        context.is_disconnect = False


def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself, because writers begin theirs as IMMEDIATE.
    connection.isolation_level = None


def _set_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()
