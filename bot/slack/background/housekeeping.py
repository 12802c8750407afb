"""What the bot does from time to time without a request: sync users, purge, report interrupted runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from slack_sdk.errors import SlackApiError

from bot.profiles.connection_tests.bulk_tests import BulkTests
from bot.profiles.people.retention import Retention, people_lease
from bot.slack.background.user_sync import UserSync
from bot.slack.replies.bulk_run_message import BulkRunMessage
from bot.slack.views.bulk_tests import interrupted
from bot.slack.web_api.clients import with_retries
from bot.slack.web_api.errors import error_code
from bot.slack.workspaces.workspaces import NotInstalledError, Workspaces
from storage.database import Database
from storage.tables.bulk_runs import StoredRun

log = logging.getLogger(__name__)

ROUND_SECONDS = 15.0
"""Between two rounds, each of which does what is due."""

DAY_SECONDS = 86_400.0
HOUR_SECONDS = 3_600.0

SYNCED_AT_ONCE = 4
"""Workspaces whose users are read at the same time."""

# https://docs.slack.dev/reference/methods/users.list#errors: what Slack answers once a token is no good any more.
_DEAD_TOKEN = ("account_inactive", "invalid_auth", "token_revoked")


@dataclass(frozen=True, kw_only=True)
class Housekeeping:
    """Rounds of housekeeping; of several instances one does each work, by a lease in the database."""

    workspaces: Workspaces
    database: Database
    user_sync: UserSync
    retention: Retention
    bulk: BulkTests

    async def run(self) -> None:
        """Make rounds until cancelled."""
        # What was due while the bot was away is purged before it counts as returned.
        await self._try("purge", self.retention.purge)
        await self._try("noting the workspace", self.workspaces.note_present)
        while True:
            await self.round()
            await asyncio.sleep(ROUND_SECONDS)

    async def round(self) -> None:
        """Do what is due now."""
        await self._try("reading people", self._sync_all_users)
        await self._due("purge", HOUR_SECONDS, self.retention.purge)
        await self._try("reporting interrupted runs", self._report_interrupted)

    async def _sync_all_users(self) -> None:
        """Sync the users of each workspace where that is due; a few at a time, should Slack be slow in one."""
        async with self.database.reading() as tx:
            held = await tx.leases.held()
        due = iter([key for key in await self.workspaces.keys() if people_lease(key) not in held])

        async def read_some() -> None:
            for workspace in due:
                await self._due(people_lease(workspace), DAY_SECONDS, partial(self._sync_users, workspace))

        # Not `gather`, which ends with the first that is cancelled and leaves the others to themselves.
        async with asyncio.TaskGroup() as reading:
            for _ in range(SYNCED_AT_ONCE):
                reading.create_task(read_some())

    async def _sync_users(self, workspace: str) -> None:
        try:
            await self.user_sync.read_everybody(workspace)
        except SlackApiError as error:
            # An uninstallation that was never reported: events get lost too.
            if not (error_code(error) in _DEAD_TOKEN and await self.workspaces.refused(workspace)):
                raise
            log.warning("The bot was removed from %s: Slack refuses its token (%s).", workspace, error_code(error))
        except NotInstalledError:
            await self.workspaces.refused(workspace)
            log.warning("The bot has to be installed in %s again.", workspace)

    async def _due(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do something when no instance did it within so many seconds; what failed is retried soon."""

        async def leased() -> None:
            async with self.database.writing() as tx:
                taken = await tx.leases.take(name, seconds=seconds)
            if not taken:
                return
            try:
                await work()
            except BaseException:
                async with self.database.writing() as tx:
                    await tx.leases.shorten(name, seconds=60.0)
                raise

        await self._try(name, leased)

    async def _try(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            # The next round tries again; only a stop ends the rounds.
            log.exception("Housekeeping failed: %s.", name)

    async def _report_interrupted(self) -> None:
        for run in await self.bulk.mark_interrupted():
            await self._try("reporting an interrupted run", partial(self._report_one, run))

    async def _report_one(self, run: StoredRun) -> None:
        client = with_retries(await self.workspaces.client_for(run.workspace))
        await BulkRunMessage(client, channel=run.channel, ts=run.message_ts).end(interrupted(run))
