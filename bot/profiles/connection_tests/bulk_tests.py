"""Tests of many profiles: one run of a workspace at a time, bounded, counted by cause, and stopped on request."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from bot.profiles.account.records import ProfileState
from bot.profiles.connection_tests.connection_tests import ConnectionTestResult, ConnectionTests
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.errors import UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.people_list import ListQuery, PeopleList
from storage.database import Database
from storage.tables.bulk_runs import CANCELLED, StoredRun

CONCURRENT_TESTS = 8
"""Tests of one run under way at once: fast enough for three hundred people, and no flood."""

PROGRESS_INTERVAL_SECONDS = 2.0
HEARTBEAT_TIMEOUT_SECONDS = 30.0
"""A run that stored no progress for so long died with its process."""

_ALREADY_RUNNING = "A test of many profiles is running already. Wait for its summary, or stop it."
_TESTABLE = (ProfileState.WORKS, ProfileState.FAILS, ProfileState.NOT_TESTED)


@dataclass(kw_only=True)
class BulkTestCounts:
    """A run so far: `causes` maps each cause of failure to user ids, `skipped` counts the reasons not to test."""

    total: int
    passed: int = 0
    causes: dict[str, list[str]] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    cancelled: bool = False

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(len(users) for users in self.causes.values())

    @property
    def done(self) -> int:
        """How many were tested or skipped."""
        return self.passed + self.failed + self.skipped.total()

    def add(self, user: str, result: ConnectionTestResult) -> None:
        """Count one finished test."""
        if result.report.passed:
            self.passed += 1
        else:
            self.causes.setdefault(failure_cause(result), []).append(user)


@dataclass(frozen=True, kw_only=True)
class BulkTests:
    """Runs tests of many profiles, for admins."""

    database: Database
    access: Access
    people_list: PeopleList
    connections: ConnectionTests

    async def select_users(self, *, caller: Person, query: ListQuery) -> tuple[str, ...]:
        """Return the user ids of a query whose profiles can be tested.

        Raises:
            NotAllowedError: the caller is no admin.
            UserError: another run is under way, or there is nobody to test.
        """
        users: list[str] = []
        async for lines in self.people_list.stream_lines(caller=caller, query=query):
            users.extend(line.user for line in lines if line.state in _TESTABLE)
        async with self.database.reading() as tx:
            if await tx.runs.running(caller.workspace):
                raise UserError(_ALREADY_RUNNING)
        if not users:
            raise UserError("None of these profiles can be tested: they are not set up, or lack a password.")
        return tuple(users)

    async def create_run(self, *, caller: Person, users: Collection[str], channel: str, message_ts: str) -> StoredRun:
        """Store a run, with the channel and ts of the message that shows it.

        Raises:
            UserError: another run of the workspace is under way.
        """
        async with self.database.writing() as tx:
            run = await tx.runs.add(
                workspace=caller.workspace, actor=caller.user, channel=channel, message_ts=message_ts, total=len(users)
            )
        if run is None:
            raise UserError(_ALREADY_RUNNING)
        return run

    async def run(
        self,
        run: StoredRun,
        users: Collection[str],
        *,
        caller: Person,
        show: Callable[[BulkTestCounts], Awaitable[None]],
    ) -> BulkTestCounts:
        """Test everybody, calling `show` with the counts now and then; return them when all is done or cancelled."""
        counts = BulkTestCounts(total=len(users))
        remaining = iter(users)
        workers = {
            asyncio.create_task(self._test_each(remaining, counts, caller))
            for _ in range(min(CONCURRENT_TESTS, len(users)))
        }
        try:
            active = True
            while workers and active:
                done, workers = await asyncio.wait(
                    workers, timeout=PROGRESS_INTERVAL_SECONDS, return_when=asyncio.FIRST_EXCEPTION
                )
                for worker in done:
                    # An unexpected error of one ends the run, and reaches the admin with a reference.
                    worker.result()
                async with self.database.writing() as tx:
                    active = await tx.runs.step(run.run_id, done=counts.done)
                await show(counts)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return replace(counts, cancelled=not active)

    async def finish_run(self, run: StoredRun, status: str) -> None:
        """Store that a run is DONE or INTERRUPTED; a cancelled one stays cancelled."""
        async with self.database.writing() as tx:
            await tx.runs.end(run.run_id, status, workspace=run.workspace)

    async def cancel_run(self, *, caller: Person, run_id: str) -> bool:
        """Cancel a run; return whether it was under way.

        Raises:
            NotAllowedError: the caller is no admin.
        """
        await self.access.require_admin(caller)
        async with self.database.writing() as tx:
            return await tx.runs.end(run_id, CANCELLED, workspace=caller.workspace)

    async def mark_interrupted(self) -> list[StoredRun]:
        """Mark the runs that died with their process as interrupted; return each once, to notify its admin."""
        async with self.database.writing() as tx:
            return await tx.runs.interrupt_silent(seconds=HEARTBEAT_TIMEOUT_SECONDS)

    async def _test_each(self, remaining: Iterator[str], counts: BulkTestCounts, caller: Person) -> None:
        for user in remaining:
            await self._test_one(Person(workspace=caller.workspace, user=user), counts, caller)

    async def _test_one(self, owner: Person, counts: BulkTestCounts, caller: Person) -> None:
        while True:
            try:
                result = await self.connections.test_in_bulk(caller=caller, owner=owner)
            except RateLimitedError as error:
                if error.limit.is_short:
                    await asyncio.sleep(error.wait)
                    continue
                counts.skipped[error.limit.sentence] += 1
            except UserError as error:
                counts.skipped[str(error)] += 1
            else:
                counts.add(owner.user, result)
            return


def failure_cause(result: ConnectionTestResult) -> str:
    """Return why a test failed, the same for all that fail alike: "at Sign-in on smtp.example.com: …"."""
    failed = result.report.failed_stage
    what = result.advice.what if result.advice else str(result.report.fault or "it failed")
    return f"at {failed.name if failed else 'the end'} on {result.report.host}: {what}"
