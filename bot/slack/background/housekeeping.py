"""What the bot does by itself from time to time: read the people, purge, tell of interrupted runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from slack_sdk.errors import SlackApiError

from bot.profiles.people.retention import Retention, people_lease
from bot.profiles.tests.bulk_tests import BulkTests
from bot.slack.background.user_sync import UserSync
from bot.slack.listeners.bulk_tests import RunMessage
from bot.slack.views.bulk_tests import interrupted
from bot.slack.web_api.clients import patient
from bot.slack.web_api.errors import refusal
from bot.slack.workspaces.workspaces import NotInstalledError, Workspaces
from storage.database import Database
from storage.tables.bulk_runs import StoredRun

log = logging.getLogger(__name__)

ROUND_SECONDS = 15.0
"""How often it is looked whether something is due."""

DAY_SECONDS = 86_400.0
HOUR_SECONDS = 3_600.0

READ_AT_ONCE = 4
"""Workspaces whose people are read beside each other."""

# https://docs.slack.dev/reference/methods/users.list#errors: what Slack answers once a token is no good any more.
_DEAD = ("account_inactive", "invalid_auth", "token_revoked")


class Housekeeping:
    """Rounds of upkeep; of several instances one does each work, by a lease in the database."""

    def __init__(
        self,
        *,
        workspaces: Workspaces,
        database: Database,
        roster: UserSync,
        upkeep: Retention,
        bulk: BulkTests,
    ) -> None:
        """Keep house for all `workspaces`."""
        self._workspaces = workspaces
        self._database = database
        self._roster = roster
        self._upkeep = upkeep
        self._bulk = bulk

    async def keep_house(self) -> None:
        """Make rounds, for ever."""
        # What was due while the bot was away is purged before it counts as returned.
        await self._tried("purge", self._upkeep.purge)
        await self._tried("noting the workspace", self._workspaces.note_present)
        while True:
            await self.round()
            await asyncio.sleep(ROUND_SECONDS)

    async def round(self) -> None:
        """Do what is due now."""
        await self._tried("reading people", self._read_all_people)
        await self._due("purge", HOUR_SECONDS, self._upkeep.purge)
        await self._tried("telling of interrupted runs", self._tell_interrupted)

    async def _read_all_people(self) -> None:
        """Read the people of each workspace where that is due; a few beside each other, should Slack be slow in one."""
        async with self._database.reading() as tx:
            held = await tx.leases.held()
        due = iter([key for key in await self._workspaces.keys() if people_lease(key) not in held])

        async def read_some() -> None:
            for workspace in due:
                await self._due(people_lease(workspace), DAY_SECONDS, partial(self._read_people, workspace))

        await asyncio.gather(*(read_some() for _ in range(READ_AT_ONCE)))

    async def _read_people(self, workspace: str) -> None:
        try:
            await self._roster.read_everybody(workspace)
        except SlackApiError as error:
            # An uninstallation that nothing told of: events get lost too.
            if not (refusal(error) in _DEAD and await self._workspaces.refused(workspace)):
                raise
            log.warning("The bot was removed from %s: Slack refuses its token (%s).", workspace, refusal(error))
        except NotInstalledError:
            await self._workspaces.refused(workspace)
            log.warning("The bot has to be installed in %s again.", workspace)

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
        for run in await self._bulk.mark_interrupted():
            await self._tried("telling of an interrupted run", partial(self._tell_one, run))

    async def _tell_one(self, run: StoredRun) -> None:
        client = patient(await self._workspaces.client_for(run.workspace))
        await RunMessage(client, channel=run.channel, ts=run.message_ts).end(interrupted(run))
