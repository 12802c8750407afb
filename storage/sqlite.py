"""The embedded database: its file, its pragmas, and statements that are finished although somebody stops waiting."""

import asyncio
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_PRAGMAS = (
    # FULL: an acknowledged commit survives a power cut (https://www.sqlite.org/pragma.html#pragma_synchronous).
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=5000",
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
)


class SteadyConnection(aiosqlite.Connection):
    """A connection whose statements are finished before their task is cancelled.

    A statement runs in a thread, which nothing stops. A task that is cancelled while it waits for BEGIN would leave
    a transaction open that nobody ends, and with it the lock on the whole file.
    """

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        if not self._running or not self._connection:
            raise ValueError("Connection closed")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((future, partial(fn, *args, **kwargs)))
        return await _finished(future)


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

    async def connect() -> aiosqlite.Connection:
        # The driver's own thread is the only one that uses the connection.
        connector = partial(sqlite3.connect, path, check_same_thread=False)
        connection = SteadyConnection(connector, iter_chunk_size=64)
        connection._thread.daemon = True
        return await connection

    engine = create_async_engine(
        address.set(drivername="sqlite+aiosqlite"), hide_parameters=True, async_creator=connect
    )
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself, because writers begin theirs as IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)
