"""The embedded database: its file, its pragmas, and statements that are finished although somebody stops waiting."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import Pool, StaticPool

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


class SteadyConnection(aiosqlite.Connection):
    """A connection whose statements are finished before their task is cancelled.

    A statement runs in a thread, which nothing stops. A task that is cancelled while it waits for BEGIN would leave
    a transaction open that nobody ends, and with it the lock on the whole file.

    Cursors are made and closed without the thread: neither touches the file, and each way to the thread and back
    waits for a turn of a busy event loop, while other writers wait for this transaction.
    """

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        if not self._running or not self._connection:
            raise ValueError("Connection closed")
        if _is_about_a_cursor(fn):
            return fn(*args, **kwargs)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((future, partial(fn, *args, **kwargs)))
        return await _finished(future)


def _is_about_a_cursor(fn: Any) -> bool:
    """Tell whether a driver's method makes or closes a cursor."""
    of = getattr(fn, "__self__", None)
    return (isinstance(of, sqlite3.Connection) and fn.__name__ == "cursor") or (
        isinstance(of, sqlite3.Cursor) and fn.__name__ == "close"
    )


async def _finished(future: "asyncio.Future[Any]") -> Any:
    """Wait for a future to the end; a cancellation is put off until then."""
    task = asyncio.current_task()
    cancelled = 0
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError:
            cancelled += 1
            if task is not None:
                task.uncancel()
    if cancelled and task is not None:
        task.cancel()
    return future.result()


def sqlite_engine(address: URL) -> AsyncEngine:
    """Make the engine of a SQLite file, readable by its owner alone.

    Raises:
        ValueError: the address names no file, or the file cannot be made.
    """
    if not address.database or address.database == ":memory:":
        raise ValueError("a SQLite address names a file, for example sqlite:///email-profiles.db.")
    path = Path(address.database)
    try:
        # The file is made here so that it is never readable by others, not even for a moment.
        path.touch(mode=0o600, exist_ok=True)
        path.chmod(0o600)
    except OSError as error:
        raise ValueError(f"the file {path} cannot be opened ({error.strerror}).") from None

    engine = _engine(address, lambda: sqlite3.connect(path, check_same_thread=False), poolclass=None)
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    return engine


def connected_directly(path: str) -> sqlite3.Connection:
    """Connect for reading alone, without a thread; what another holds locked is an error at once, and not waited for.

    Raises:
        sqlite3.Error: the file cannot be opened.
    """
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only=ON")
    return connection


@asynccontextmanager
async def copied_pages(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Copy a SQLite database, as it stands now, into a nameless file that is gone after the block.

    Whoever reads a database for long keeps its write-ahead log from being emptied, and so a deleted password in it;
    the copy of its pages is made in a moment (https://www.sqlite.org/backup.html).
    """
    # An empty name: https://www.sqlite.org/inmemorydb.html#temp_db
    nameless = sqlite3.connect("", check_same_thread=False)
    copied = _engine(URL.create("sqlite"), lambda: nameless, poolclass=StaticPool)
    try:
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            await _copy_pages(raw.driver_connection, nameless)
        yield copied
    finally:
        await copied.dispose()
        nameless.close()


async def _copy_pages(driver: Any, target: sqlite3.Connection) -> None:
    try:
        await driver.backup(target)
    except sqlite3.Error as error:
        # Nobody wraps the driver's own errors here, as SQLAlchemy does for statements.
        raise DatabaseError(None, None, error) from error


def _engine(address: URL, connector: Callable[[], sqlite3.Connection], *, poolclass: type[Pool] | None) -> AsyncEngine:
    async def connect() -> aiosqlite.Connection:
        # The driver's own thread is the only one that uses the connection.
        connection = SteadyConnection(connector, iter_chunk_size=64)
        connection._thread.daemon = True
        return await connection

    engine = create_async_engine(
        address.set(drivername="sqlite+aiosqlite"), hide_parameters=True, async_creator=connect, poolclass=poolclass
    )
    event.listen(engine.sync_engine, "connect", _set_no_transactions)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _set_no_transactions(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself, because writers begin theirs as IMMEDIATE.
    connection.isolation_level = None


def _set_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)
