"""Connections, opened and closed to the end whatever is cancelled meanwhile: nobody else would close them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

Result = TypeVar("Result")


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Connect, and give the connection back at the end of the block."""
    connection = await connect(engine)
    try:
        yield connection
    finally:
        await close(connection)


async def connect(engine: AsyncEngine) -> AsyncConnection:
    """Connect; when the task was cancelled meanwhile, the connection is given back."""
    connecting: asyncio.Future[AsyncConnection] = asyncio.ensure_future(engine.connect().start())
    try:
        return await _finished(connecting)
    except asyncio.CancelledError:
        if connecting.exception() is None:
            await close(connecting.result())
        raise


async def close(connection: AsyncConnection) -> None:
    """Give a connection back."""
    await _finished(asyncio.ensure_future(connection.close()))


async def dispose(engine: AsyncEngine) -> None:
    """Close the connections of an engine: those that are not in use now, and from now on each when it is given back.

    By itself SQLAlchemy keeps what is given back later open, in a pool that nobody closes any more.
    """
    # A listener goes from the pool of now to the one that SQLAlchemy puts in its place.
    event.listen(engine.sync_engine, "checkin", _close_returned)
    await _finished(asyncio.ensure_future(engine.dispose()))


def _close_returned(_connection: Any, returned: ConnectionPoolEntry) -> None:
    returned.close()


async def _finished(work: asyncio.Future[Result]) -> Result:
    """Wait for some work to its end, and return its result; a cancellation of the task is raised only then."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait((work,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return work.result()
