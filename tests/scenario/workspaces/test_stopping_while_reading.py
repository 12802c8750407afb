"""A bot that is stopped while it reads the people of several workspaces leaves nothing under way behind."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from bot.profiles.people.retention import people_lease
from bot.profiles.sending.daily_history import DailyHistory
from bot.slack.background.housekeeping import Housekeeping
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.tables.bulk_runs import StoredRun
from tests.store import Store

WORKSPACES = ("T1", "T2", "T3")


class Workspaces:
    async def keys(self) -> tuple[str, ...]:
        return WORKSPACES

    async def note_present(self) -> None:
        """Nothing is to be noted."""


class EndlessReading:
    """Slack tells of people without end."""

    def __init__(self) -> None:
        self.reading: set[str] = set()
        self.all_read = asyncio.Event()

    async def read_everybody(self, workspace: str, **_: Any) -> None:
        self.reading.add(workspace)
        if self.reading == set(WORKSPACES):
            self.all_read.set()
        await asyncio.Event().wait()


class NothingToPurge:
    async def purge(self) -> None:
        """Nothing is due."""


class NoRuns:
    async def mark_interrupted(self) -> list[StoredRun]:
        """None was interrupted."""
        return []


@pytest.fixture
async def database(store: Store) -> AsyncIterator[Database]:
    opened = Database.connect(store.url, Keyring.from_text(generate_key()))
    yield opened
    await opened.close()


async def test_every_reading_has_ended_and_given_its_lease_back_when_the_bot_has_stopped(database: Database) -> None:
    slack = EndlessReading()
    parts: dict[str, Any] = {"workspaces": Workspaces(), "user_sync": slack, "retention": NothingToPurge()}
    housekeeping = Housekeeping(
        database=database, bulk=cast("Any", NoRuns()), days=DailyHistory(database=database, clock=database.now), **parts
    )
    running = asyncio.create_task(housekeeping.run())
    async with asyncio.timeout(10):
        await slack.all_read.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert database.connections().used == 0
    async with database.writing_connection() as connection:
        # Another instance reads them in a minute, and not in a day.
        ends = await connection.exec_driver_sql("SELECT name, ends_at FROM leases")
        left = {row.name: row.ends_at for row in ends}
    now = (await database.now()).timestamp()
    assert all(left[people_lease(workspace)] - now < 120 for workspace in WORKSPACES)
