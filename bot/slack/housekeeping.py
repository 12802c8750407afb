"""What the bot does by itself from time to time: read the people, purge, tell of interrupted runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.bulk import BulkTests
from bot.profiles.upkeep import Upkeep, people_lease
from bot.slack.bulk import RunMessage
from bot.slack.roster import Roster
from bot.slack.views.bulk import interrupted
from storage.database import Database

log = logging.getLogger(__name__)

ROUND_SECONDS = 15.0
"""How often it is looked whether something is due."""

DAY_SECONDS = 86_400.0
HOUR_SECONDS = 3_600.0


class Housekeeping:
    """Rounds of upkeep; of several instances one does each work, by a lease in the database."""

    def __init__(
        self,
        *,
        workspace: str,
        database: Database,
        roster: Roster,
        upkeep: Upkeep,
        bulk: BulkTests,
        client: AsyncWebClient,
    ) -> None:
        """Keep house for one workspace."""
        self._workspace = workspace
        self._database = database
        self._roster = roster
        self._upkeep = upkeep
        self._bulk = bulk
        self._client = client

    async def keep_house(self) -> None:
        """Make rounds, for ever."""
        # What was due while the bot was away is purged before it counts as returned.
        await self._tried("purge", self._upkeep.purge)
        await self._tried("noting the workspace", lambda: self._upkeep.returned(self._workspace))
        while True:
            await self.round()
            await asyncio.sleep(ROUND_SECONDS)

    async def round(self) -> None:
        """Do what is due now."""
        await self._due(people_lease(self._workspace), DAY_SECONDS, self._read_people)
        await self._due("purge", HOUR_SECONDS, self._upkeep.purge)
        await self._tried("telling of interrupted runs", self._tell_interrupted)

    async def _read_people(self) -> None:
        await self._roster.read_everybody(self._workspace)

    async def _due(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do something when nobody did it within so many seconds; what failed is tried again soon."""

        async def leased() -> None:
            async with self._database.writing() as tx:
                taken = await tx.leases.take(name, seconds=seconds)
            if not taken:
                return
            try:
                await work()
            except BaseException:
                async with self._database.writing() as tx:
                    await tx.leases.shorten(name, seconds=60.0)
                raise

        await self._tried(name, leased)

    async def _tried(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            # The next round tries again; only a stop ends the rounds.
            log.exception("Housekeeping failed: %s.", name)

    async def _tell_interrupted(self) -> None:
        for run in await self._bulk.interrupted():
            await RunMessage(self._client, channel=run.channel, ts=run.message_ts).show(interrupted(run))
