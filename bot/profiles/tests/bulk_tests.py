"""Tests of many profiles: bounded, counted, summed up by cause, to be cancelled, and told when interrupted."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from bot.profiles.account.records import ProfileState
from bot.profiles.errors import UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.people_list import ListQuery, PeopleList
from bot.profiles.tests.connection_tests import ConnectionTestResult, ConnectionTests
from bot.profiles.tests.limits import RateLimitedError
from storage.database import Database
from storage.tables.bulk_runs import CANCELLED, StoredRun

CONCURRENT_TESTS = 8
"""Tests of one run beside each other: quick for three hundred people, and no flood."""

PROGRESS_INTERVAL_SECONDS = 2.0
HEARTBEAT_TIMEOUT_SECONDS = 30.0
"""A run without a sign of life for so long died with its process."""

_UNDER_WAY = "A test of many profiles is running already. Wait for its summary, or stop it."
_TESTABLE = (ProfileState.WORKS, ProfileState.FAILS, ProfileState.NOT_TESTED)


@dataclass(kw_only=True)
class BulkTestCounts:
    """How a run stands: `causes` names the people that fail alike, `left_out` counts why some were not tested."""

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
        """How many were tested or left out."""
        return self.passed + self.failed + self.skipped.total()

    def add(self, user: str, tested: ConnectionTestResult) -> None:
        """Count one finished test."""
        if tested.report.passed:
            self.passed += 1
        else:
            self.causes.setdefault(failure_cause(tested), []).append(user)


class BulkTests:
    """Runs at work: at most one of a workspace at a time."""

    def __init__(
        self, *, database: Database, access: Access, listing: PeopleList, connections: ConnectionTests
    ) -> None:
        """Test through `connections` whom `listing` finds."""
        self._database = database
        self._access = access
        self._listing = listing
        self._connections = connections

    async def select_users(self, *, caller: Person, query: ListQuery) -> tuple[str, ...]:
        """Give the people of a query whose profiles can be tested.

        Raises:
            NotAllowedError: the caller is no admin.
            UserError: a run is under way, or there is nobody to test.
        """
        users: list[str] = []
        async for lines in self._listing.stream_lines(caller=caller, query=query):
            users.extend(line.user for line in lines if line.state in _TESTABLE)
        async with self._database.reading() as tx:
            if await tx.runs.running(caller.workspace):
                raise UserError(_UNDER_WAY)
        if not users:
            raise UserError("None of these profiles can be tested: they are not set up, or lack a password.")
        return tuple(users)

    async def create_run(self, *, caller: Person, users: Collection[str], channel: str, message_ts: str) -> StoredRun:
        """Note a run, with the message that shows it.

        Raises:
            UserError: another run of the workspace is under way.
        """
        async with self._database.writing() as tx:
            run = await tx.runs.add(
                workspace=caller.workspace,
                actor=caller.user,
                channel=channel,
                message_ts=message_ts,
                total=len(users),
            )
        if run is None:
            raise UserError(_UNDER_WAY)
        return run

    async def run(
        self,
        run: StoredRun,
        users: Collection[str],
        *,
        caller: Person,
        show: Callable[[BulkTestCounts], Awaitable[None]],
    ) -> BulkTestCounts:
        """Test everybody; `show` is called now and then, until all is done or somebody stops the run."""
        tally = BulkTestCounts(total=len(users))
        waiting = iter(users)
        workers = {
            asyncio.create_task(self._work(waiting, tally, caller)) for _ in range(min(CONCURRENT_TESTS, len(users)))
        }
        try:
            going = True
            while workers and going:
                done, workers = await asyncio.wait(
                    workers, timeout=PROGRESS_INTERVAL_SECONDS, return_when=asyncio.FIRST_EXCEPTION
                )
                for worker in done:
                    # Whatever broke in one reaches the admin, with a reference.
                    worker.result()
                async with self._database.writing() as tx:
                    going = await tx.runs.step(run.run_id, done=tally.done)
                await show(tally)
        finally:
            await _stopped(workers)
        return replace(tally, cancelled=not going)

    async def finish_run(self, run: StoredRun, status: str) -> None:
        """Note how a run ended: DONE or INTERRUPTED; one that was cancelled stays so."""
        async with self._database.writing() as tx:
            await tx.runs.end(run.run_id, status, workspace=run.workspace)

    async def cancel_run(self, *, caller: Person, run_id: str) -> bool:
        """Stop a run; tells whether it was still going.

        Raises:
            NotAllowedError: the caller is no admin.
        """
        await self._access.require_admin(caller)
        async with self._database.writing() as tx:
            return await tx.runs.end(run_id, CANCELLED, workspace=caller.workspace)

    async def mark_interrupted(self) -> list[StoredRun]:
        """Give the runs that died with their process, once each, so that their admins can be told."""
        async with self._database.writing() as tx:
            return await tx.runs.interrupt_silent(seconds=HEARTBEAT_TIMEOUT_SECONDS)

    async def _work(self, waiting: Iterator[str], tally: BulkTestCounts, caller: Person) -> None:
        for user in waiting:
            await self._test_one(Person(workspace=caller.workspace, user=user), tally, caller)

    async def _test_one(self, owner: Person, tally: BulkTestCounts, caller: Person) -> None:
        while True:
            try:
                tested = await self._connections.test_in_bulk(caller=caller, owner=owner)
            except RateLimitedError as error:
                if error.limit.is_short:
                    await asyncio.sleep(error.wait)
                    continue
                tally.skipped[error.limit.sentence] += 1
            except UserError as error:
                tally.skipped[str(error)] += 1
            else:
                tally.add(owner.user, tested)
            return


async def _stopped(workers: Collection[asyncio.Task[None]]) -> None:
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


def failure_cause(tested: ConnectionTestResult) -> str:
    """Name why a test failed, the same for all that fail alike: "at Sign-in on smtp.example.com: …"."""
    failed = tested.report.failed_stage
    what = tested.advice.what if tested.advice else str(tested.report.fault or "it failed")
    return f"at {failed.name if failed else 'the end'} on {tested.report.host}: {what}"
