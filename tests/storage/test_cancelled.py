"""A task that is cancelled in the midst of a transaction locks nobody out."""

import asyncio
import gc
import random
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.crypto.keyring import Keyring
from storage.database import Database
from tests.counts import scaled

Act = Callable[[Database], Awaitable[None]]


async def write(database: Database) -> None:
    async with database.writing() as tx:
        await tx.audit.append("T1", actor="U1", subject="U1", action="saved")
        await tx.audit.append("T1", actor="U1", subject="U1", action="saved")


async def read(database: Database) -> None:
    async with database.reading() as tx:
        await tx.audit.page("T1", subject=None)
        await tx.profiles.get("T1", "U1")


async def look(database: Database) -> None:
    await database.profile_with_last_test("T1", "U1")


async def without_end(act: Act, database: Database) -> None:
    while True:
        await act(database)


@pytest.mark.parametrize(
    "acts",
    [(write,), (read,), (look,), (write, write, read, look)],
    ids=["writers", "readers", "everyday readers", "all"],
)
async def test_tasks_cancelled_at_any_moment_leave_no_lock_behind(database: Database, acts: tuple[Act, ...]) -> None:
    chance = random.Random(7)
    for number in range(scaled(quick=20, full=500)):
        tasks = [asyncio.create_task(without_end(act, database)) for act in acts]
        for task in tasks:
            await asyncio.sleep(chance.random() * 0.01)
            task.cancel()
            if chance.random() < 0.2:
                # Once more, while it tidies up.
                await asyncio.sleep(0)
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
        async with asyncio.timeout(3), database.writing() as tx:
            await tx.audit.append("T1", actor="U2", subject="U2", action=str(number))
    async with database.reading() as tx:
        entries = await tx.audit.page("T1", subject="U1", limit=100_000)
    assert len(entries) % 2 == 0, "half a transaction was stored"
    assert database.connections().used == 0


@pytest.mark.databases("sqlite")
async def test_the_file_of_a_cancelled_writer_is_free_at_once(sqlite: Database, tmp_path: Path) -> None:
    chance = random.Random(11)
    with closing(
        sqlite3.connect(tmp_path / "profiles.db", timeout=0.5, isolation_level=None, check_same_thread=False)
    ) as beside:
        for _ in range(scaled(quick=20, full=500)):
            writer = asyncio.create_task(without_end(write, sqlite))
            await asyncio.sleep(chance.random() * 0.005)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            await asyncio.to_thread(beside.execute, "BEGIN IMMEDIATE")
            beside.execute("ROLLBACK")


@pytest.mark.databases("sqlite")
async def test_a_statement_that_was_cancelled_locks_nobody_out_whoever_keeps_its_error(
    sqlite: Database, tmp_path: Path
) -> None:
    many = text(
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 100000) "
        "INSERT INTO leases (name, ends_at) SELECT 'lease ' || n, n FROM number RETURNING name"
    )
    kept: list[BaseException] = []

    async def write_many() -> None:
        try:
            async with sqlite.writing_connection() as connection:
                await connection.execute(many)
        except asyncio.CancelledError as error:
            # As a log or a debugger may, with all frames of the statement.
            kept.append(error)

    writer = asyncio.create_task(write_many())
    async with asyncio.timeout(10):
        while not sqlite.connections().used:
            await asyncio.sleep(0)
        # Begun, and not at its end.
        await asyncio.sleep(0.02)
        writer.cancel()
        await writer
    with closing(
        sqlite3.connect(tmp_path / "profiles.db", timeout=0.5, isolation_level=None, check_same_thread=False)
    ) as beside:
        await asyncio.to_thread(beside.execute, "BEGIN IMMEDIATE")
        assert beside.execute("SELECT count(*) FROM leases").fetchone() == (0,)
        beside.execute("ROLLBACK")
    assert len(kept) == 1
    assert sqlite.connections().used == 0


async def test_a_task_cancelled_while_it_connects_leaves_no_connection_open(url: str, keyring: Keyring) -> None:
    chance = random.Random(13)
    for _ in range(scaled(quick=15, full=400)):
        database = Database.connect(url, keyring)
        looking = [asyncio.create_task(look(database)) for _ in range(3)]
        await asyncio.sleep(chance.random() * 0.008)
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)
        await database.close()
        del database
        # A connection that was left open warns when it is collected, and warnings are errors.
        gc.collect()
