"""A task that is cancelled in the midst of a transaction locks nobody out."""

import asyncio
import random

from storage.database import Database
from tests.counts import scaled


async def test_writers_cancelled_at_any_moment_leave_no_lock_behind(database: Database) -> None:
    chance = random.Random(7)

    async def write_without_end() -> None:
        while True:
            async with database.writing() as tx:
                await tx.audit.append("T1", actor="U1", subject="U1", action="saved")

    for number in range(scaled(quick=30, full=500)):
        writer = asyncio.create_task(write_without_end())
        await asyncio.sleep(chance.random() * 0.01)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        assert writer.cancelled()
        async with asyncio.timeout(3), database.writing() as tx:
            await tx.audit.append("T1", actor="U2", subject="U2", action=str(number))
    async with database.reading() as tx:
        assert len(await tx.audit.page("T1", subject="U2", limit=1000)) == scaled(quick=30, full=500)
