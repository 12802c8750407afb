"""What the bot does from time to time without a request: sync users, purge, tell of runs that ended untold."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from slack_sdk.errors import SlackApiError

from bot.profiles.connection_tests.bulk_tests import BulkTests
from bot.profiles.connection_tests.run_results import RunResult
from bot.profiles.people.retention import Retention, people_lease
from bot.profiles.sending.daily_history import DailyHistory
from bot.slack.background.user_sync import KeepLease, UserSync
from bot.slack.replies.posted_message import PostedMessage
from bot.slack.views.bulk_tests import finished, interrupted
from bot.slack.web_api.clients import with_retries
from bot.slack.web_api.errors import error_code, is_over_soon
from bot.slack.workspaces.token_rotation import TokenExpiredError
from bot.slack.workspaces.workspaces import NotInstalledError, Workspaces
from storage.database import Database
from storage.engines.transactions import DatabaseUnavailableError
from storage.tables.bulk_runs import ENDED, StoredRun

log = logging.getLogger(__name__)

ROUND_SECONDS = 15.0
"""Between two rounds, each of which does what is due."""

DAY_SECONDS = 86_400.0
HOUR_SECONDS = 3_600.0

FAILED_SECONDS = 60.0
"""After so long what failed is tried again."""

READING_LEASE_SECONDS = 120.0
"""An instance that reads people gives a sign of life with each page, and before it waits for Slack."""

SYNCED_AT_ONCE = 4
"""Workspaces whose users are read at the same time."""

_INTERRUPTED = "The bot was restarted meanwhile, or something went wrong. Start it again from the list."

_OVER_SOON = (TokenExpiredError, DatabaseUnavailableError)
"""What passes by itself, besides what Slack answers."""

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
    days: DailyHistory

    async def run(self) -> None:
        """Make rounds until cancelled."""
        # What was due while the bot was away is purged before it counts as returned.
        await self._try("purge", self._purge_at_start)
        await self._try("noting the workspace", self.workspaces.note_present)
        # A large workspace is read for half an hour; nothing else waits for that.
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again_and_again(self.read_people))
            tasks.create_task(self._again_and_again(self.tidy))

    async def _purge_at_start(self) -> None:
        """Purge, also where another instance has just done so; the rounds purge again in an hour."""
        await self.retention.purge()
        async with self.database.writing() as tx:
            await tx.leases.take("purge", seconds=HOUR_SECONDS)

    async def _again_and_again(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await work()
            await asyncio.sleep(ROUND_SECONDS)

    async def read_people(self) -> None:
        """Read the people of the workspaces where that is due."""
        await self._try("reading people", self._sync_all_users)

    async def tidy(self) -> None:
        """Do what else is due now."""
        await self._due("purge", HOUR_SECONDS, self.retention.purge)
        await self._due("days of letters", HOUR_SECONDS, self.days.tell)
        await self._try("telling of runs", self._tell_of_runs)

    async def _sync_all_users(self) -> None:
        """Sync the users of each workspace where that is due; a few at a time, should Slack be slow in one."""
        async with self.database.reading() as tx:
            held = await tx.leases.held(longest=DAY_SECONDS)
        due = iter([key for key in await self.workspaces.keys() if people_lease(key) not in held])

        async def read_some() -> None:
            for workspace in due:
                await self._try(people_lease(workspace), partial(self._sync_leased, workspace))

        # Not `gather`, which ends with the first that is cancelled and leaves the others to themselves.
        async with asyncio.TaskGroup() as reading:
            for _ in range(SYNCED_AT_ONCE):
                reading.create_task(read_some())

    async def _sync_leased(self, workspace: str) -> None:
        """Sync the users of one workspace, unless another instance does; once a day.

        The lease is short while they are read, so that another instance goes on soon after this one has died.
        """
        lease = people_lease(workspace)
        async with self.database.writing() as tx:
            if not await tx.leases.take(lease, seconds=READING_LEASE_SECONDS, longest=DAY_SECONDS):
                return

        async def keep(seconds: float) -> None:
            await self._end_in(lease, seconds + READING_LEASE_SECONDS)

        try:
            if await self._sync_users(workspace, keep):
                await self._end_in(lease, DAY_SECONDS)
        except BaseException as error:
            await self._end_after(lease, error)
            raise

    async def _end_in(self, lease: str, seconds: float) -> None:
        async with self.database.writing() as tx:
            await tx.leases.end_in(lease, seconds=seconds)

    async def _end_after(self, lease: str, error: BaseException) -> None:
        """Let a lease end soon after its work has failed, at once when it was stopped; by itself if that fails too."""
        stopped = isinstance(error, asyncio.CancelledError)
        with suppress(DatabaseUnavailableError):
            # What is raised here would hide that the work was stopped.
            await self._end_in(lease, 0.0 if stopped else FAILED_SECONDS)

    async def _sync_users(self, workspace: str, keep_lease: KeepLease) -> bool:
        """Return False when another instance reads them by now."""
        try:
            return await self.user_sync.read_everybody(workspace, keep_lease=keep_lease)
        except SlackApiError as error:
            # An uninstallation that was never reported: events get lost too.
            if not (error_code(error) in _DEAD_TOKEN and await self.workspaces.refused(workspace)):
                raise
            log.warning("The bot was removed from %s: Slack refuses its token (%s).", workspace, error_code(error))
        except NotInstalledError:
            await self.workspaces.refused(workspace)
            log.warning("The bot has to be installed in %s again.", workspace)
        return True

    async def _due(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do something when no instance did it within so many seconds; what failed is retried soon."""

        async def leased() -> None:
            async with self.database.writing() as tx:
                taken = await tx.leases.take(name, seconds=seconds)
            if not taken:
                return
            try:
                await work()
            except BaseException as error:
                await self._end_after(name, error)
                raise

        await self._try(name, leased)

    async def _try(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            # The next round tries again; only a stop ends the rounds.
            log.exception("Housekeeping failed: %s.", name)

    async def _tell_of_runs(self) -> None:
        for run, found in await self.bulk.claim_untold():
            await self._try("telling of a run", partial(self._tell_of_one, run, found))

    async def _tell_of_one(self, run: StoredRun, found: RunResult) -> None:
        if run.status == ENDED:
            message = finished(found, run_id=run.run_id)
        else:
            message = interrupted(found, run_id=run.run_id, done=max(run.done, found.done), why=_INTERRUPTED)
        try:
            client = with_retries(await self.workspaces.client_for(run.workspace))
            await PostedMessage(client, channel=run.channel, ts=run.message_ts).end(message)
        except Exception as error:
            if not (is_over_soon(error) or isinstance(error, _OVER_SOON)):
                await self.bulk.mark_told(run)
            raise
        await self.bulk.mark_told(run)
