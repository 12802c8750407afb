"""Whatever is cancelled, and whenever a database is closed: no connection stays open."""

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from storage.crypto.keyring import Keyring
from storage.database import Database

Act = Callable[[Database], Awaitable[None]]


@contextmanager
def nothing_left_open() -> Iterator[None]:
    """Fail when anything that was made in the block, and is not used any more, is open at its end."""
    # What a test before left is its own.
    gc.collect()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(warning.message) for warning in found] == []


async def forget_deleted(database: Database) -> None:
    await database.forget_deleted()


async def take_snapshot(database: Database) -> None:
    async with database.snapshot():
        pass


async def used_by(readers: int, database: Database) -> None:
    """Let a database have so many connections at least."""
    together = asyncio.Barrier(readers)

    async def read() -> None:
        async with database.reading_connection():
            await together.wait()

    await asyncio.gather(*(read() for _ in range(readers)))


async def test_a_connection_in_use_at_the_close_is_closed_when_it_is_given_back(url: str, keyring: Keyring) -> None:
    async def close_meanwhile() -> None:
        database = Database.connect(url, keyring)
        async with database.reading_connection():
            await database.close()

    with nothing_left_open():
        await close_meanwhile()


async def test_a_task_under_way_at_the_close_leaves_no_connection_open(url: str, keyring: Keyring) -> None:
    async def close_after(steps: int) -> bool:
        database = Database.connect(url, keyring)
        reading = asyncio.create_task(database.ping())
        for _ in range(steps):
            await asyncio.sleep(0)
        under_way = not reading.done()
        await database.close()
        await reading
        return under_way

    with nothing_left_open():
        steps = 1
        while await close_after(steps):
            steps *= 2


async def test_what_is_read_after_the_close_leaves_no_connection_open(url: str, keyring: Keyring) -> None:
    async def read_late() -> None:
        database = Database.connect(url, keyring)
        await database.ping()
        await database.close()
        await database.ping()

    with nothing_left_open():
        await read_late()


async def test_a_close_that_is_cancelled_closes_everything_nevertheless(url: str, keyring: Keyring) -> None:
    async def cancel_close() -> None:
        database = Database.connect(url, keyring)
        await used_by(3, database)
        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)

    with nothing_left_open():
        await cancel_close()
        # The loop lets go of what it has just ended.
        await asyncio.sleep(0)


@pytest.mark.databases("sqlite")
async def test_a_file_is_closed_also_when_nobody_can_tell_whether_it_is_used(
    url: str, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(_: Database) -> str | None:
        raise LookupError("two revisions")

    async def close() -> None:
        database = Database.connect(url, keyring)
        await database.ping()
        monkeypatch.setattr(Database, "schema_revision", unreadable)
        with pytest.raises(LookupError):
            await database.close()

    with nothing_left_open():
        await close()


@pytest.mark.databases("sqlite")
@pytest.mark.timeout(30)
@pytest.mark.parametrize("act", [forget_deleted, take_snapshot])
def test_a_program_ends_however_often_what_copies_or_tidies_a_file_is_cancelled(
    url: str, keyring: Keyring, act: Act
) -> None:
    async def cancel_after(pauses: int) -> bool:
        database = Database.connect(url, keyring)
        acting = asyncio.ensure_future(act(database))
        for _ in range(pauses):
            await asyncio.sleep(0.0002)
        under_way = not acting.done()
        acting.cancel()
        await asyncio.sleep(0)
        acting.cancel()
        await asyncio.gather(acting, return_exceptions=True)
        await database.close()
        return under_way

    with nothing_left_open():
        pauses = 1
        # A loop of its own each time: at its end it waits for whatever is left of it.
        while asyncio.run(cancel_after(pauses)):
            pauses += 1
