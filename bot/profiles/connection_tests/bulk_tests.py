"""Tests of many profiles: one run of a workspace at a time, on a share of its own, and stopped on request.

Members come first: a run has its own limits and its own places, and gives way where somebody tests a profile
themselves; then it counts what they found.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import ProfileState
from bot.profiles.connection_tests.bulk_progress import (
    CONCURRENT_TESTS,
    CONCURRENT_TESTS_OF_A_SERVER,
    BulkProgress,
    ProfileToTest,
    ServerQueue,
    queues_of,
)
from bot.profiles.connection_tests.connection_tests import ConnectionTests, OwnTestFirstError
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.connection_tests.mailboxes import mailbox_meant
from bot.profiles.connection_tests.run_results import RunResult, load_result, save_result
from bot.profiles.errors import UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.people_list import ListQuery, PeopleList, PersonLine
from storage.database import Database
from storage.tables.bulk_runs import StoredRun

ALL_RUNS = 2 * CONCURRENT_TESTS
"""Tests under way at once of all runs of one process; what members start is not counted."""

PROGRESS_INTERVAL_SECONDS = 2.0
SAVE_INTERVAL_SECONDS = 10.0
"""How often what was found so far is stored: so much is lost with a process that dies."""

HEARTBEAT_TIMEOUT_SECONDS = 30.0
"""A run that stored no progress for so long died with its process; so long its end is told where it ran."""

_ALREADY_RUNNING = "A test of many profiles is running already. Wait for its summary, or stop it."
_TESTABLE = (ProfileState.WORKS, ProfileState.FAILS, ProfileState.NOT_TESTED)

Show = Callable[[BulkProgress], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class BulkTests:
    """Runs tests of many profiles, for admins."""

    database: Database
    access: Access
    people_list: PeopleList
    connections: ConnectionTests
    clock: Callable[[], datetime]
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ALL_RUNS), init=False)

    async def select(self, *, caller: Person, query: ListQuery) -> tuple[ProfileToTest, ...]:
        """Return the profiles of a query that can be tested.

        Raises:
            NotAllowedError: the caller is no admin.
            UserError: another run is under way, or there is nobody to test.
        """
        people = [line async for line in self._lines(caller, query) if line.state in _TESTABLE]
        async with self.database.reading() as tx:
            if await tx.runs.running(caller.workspace):
                raise UserError(_ALREADY_RUNNING)
        if not people:
            raise UserError("None of these profiles can be tested: they are not set up, or lack a password.")
        return tuple(to_test(line.user, line.profile) for line in people)

    async def summarise(self, *, caller: Person, query: ListQuery) -> tuple[str, RunResult]:
        """Store and return why those of a query fail, as their last tests say, with its run id; nothing is tested.

        Raises:
            NotAllowedError: the caller is no admin.
            UserError: nobody fails.
        """
        progress = BulkProgress(total=0)
        async for line in self._lines(caller, query):
            if line.state is ProfileState.FAILS:
                owner = Person(workspace=caller.workspace, user=line.user)
                last = await self.connections.last_result(reader=caller, owner=owner)
                if last is not None:
                    progress.add(line.user, last)
        if not progress.failed:
            raise UserError("Nobody in this list fails, so there is nothing to fix.")
        result = replace(progress.result(), total=progress.done)
        async with self.database.writing() as tx:
            run_id = await tx.runs.add_done(workspace=caller.workspace, actor=caller.user, total=result.total)
            await save_result(tx, caller.workspace, run_id, result)
        return run_id, result

    async def create_run(self, *, caller: Person, total: int, channel: str, message_ts: str) -> StoredRun:
        """Store a run, with the channel and ts of the message that shows it.

        Raises:
            UserError: another run of the workspace is under way.
        """
        async with self.database.writing() as tx:
            run = await tx.runs.add(
                workspace=caller.workspace, actor=caller.user, channel=channel, message_ts=message_ts, total=total
            )
        if run is None:
            raise UserError(_ALREADY_RUNNING)
        return run

    async def run(
        self, run: StoredRun, people: Sequence[ProfileToTest], *, caller: Person, show: Show, before: RunResult
    ) -> RunResult:
        """Test everybody, calling `show` now and then; store and return what was found when all is done or cancelled.

        `before` is what is known of the run already: a fix that was made, and who was left out.
        """
        progress = BulkProgress(total=len(people), queues=queues_of(people))
        began, places, logins = self.clock(), asyncio.Semaphore(CONCURRENT_TESTS), _Logins()
        workers = {
            asyncio.create_task(self._work(queue, progress, _Share(caller, began, places, logins)))
            for queue in progress.queues
            for _ in range(min(CONCURRENT_TESTS_OF_A_SERVER, len(queue.remaining)))
        }

        def result(*, cancelled: bool) -> RunResult:
            return _completed(progress.result(cancelled=cancelled), before)

        active = True
        try:
            saved_at, saved = time.monotonic(), 0
            while workers and active:
                done, workers = await asyncio.wait(
                    workers, timeout=PROGRESS_INTERVAL_SECONDS, return_when=asyncio.FIRST_EXCEPTION
                )
                for worker in done:
                    # An unexpected error of one ends the run, and reaches the admin with a reference.
                    worker.result()
                active = await self.step(run, done=progress.done)
                if progress.done != saved and time.monotonic() - saved_at >= SAVE_INTERVAL_SECONDS:
                    saved_at, saved = time.monotonic(), progress.done
                    await self.save(run, result(cancelled=True))
                await show(progress)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self.save(run, result(cancelled=progress.done < progress.total))
        return result(cancelled=not active)

    async def step(self, run: StoredRun, *, done: int) -> bool:
        """Store how far a run is, and that it lives; False when it is to stop."""
        async with self.database.writing() as tx:
            return await tx.runs.step(run.run_id, done=done)

    async def save(self, run: StoredRun, result: RunResult) -> None:
        """Store what a run found."""
        async with self.database.writing() as tx:
            await save_result(tx, run.workspace, run.run_id, result)

    async def result(self, *, caller: Person, run_id: str) -> RunResult:
        """Return what a run of the caller's workspace found.

        Raises:
            NotAllowedError: the caller is no admin.
            UserError: it is not kept any more.
        """
        await self.access.require_admin(caller)
        async with self.database.reading() as tx:
            return await load_result(tx, caller.workspace, run_id)

    async def end_run(self, run: StoredRun, status: str) -> None:
        """Store that a run has ENDED, or broke off and is UNTOLD, until `mark_told`."""
        async with self.database.writing() as tx:
            await tx.runs.end(run.run_id, status)

    async def cancel_run(self, *, caller: Person, run_id: str) -> bool:
        """Cancel a run; return whether it was under way.

        Raises:
            NotAllowedError: the caller is no admin.
        """
        await self.access.require_admin(caller)
        async with self.database.writing() as tx:
            return await tx.runs.stop(run_id, workspace=caller.workspace)

    async def claim_untold(self) -> list[tuple[StoredRun, RunResult]]:
        """End the runs that died with their process, and return those whose admins are to be told now.

        Those are among them whose end Slack did not take. Until `mark_told` each is returned again and again.
        """
        async with self.database.writing() as tx:
            runs = await tx.runs.claim_silent(seconds=HEARTBEAT_TIMEOUT_SECONDS)
        return [(run, await self.found(run)) for run in runs]

    async def mark_told(self, run: StoredRun) -> None:
        """Store that the admin of a run knows of its end, or cannot be told."""
        async with self.database.writing() as tx:
            await tx.runs.told(run.run_id)

    async def found(self, run: StoredRun) -> RunResult:
        """Return what is stored of a run so far."""
        async with self.database.reading() as tx:
            try:
                return await load_result(tx, run.workspace, run.run_id)
            except UserError:
                return RunResult(total=run.total, cancelled=True)

    async def _lines(self, caller: Person, query: ListQuery) -> AsyncIterator[PersonLine]:
        async for lines in self.people_list.stream_lines(caller=caller, query=query):
            for line in lines:
                yield line

    async def _work(self, queue: ServerQueue, progress: BulkProgress, share: "_Share") -> None:
        while queue.remaining:
            one = queue.remaining.pop(0)
            queue.under_way += 1
            try:
                # Two at once could make a good password look refused too often.
                async with share.logins.only(one):
                    await self._test_one(one, queue, progress, share)
            finally:
                queue.under_way -= 1

    async def _test_one(self, one: ProfileToTest, queue: ServerQueue, progress: BulkProgress, share: "_Share") -> None:
        owner = Person(workspace=share.caller.workspace, user=one.user)
        while True:
            await asyncio.sleep(queue.pause())
            try:
                async with share.places, self._places:
                    begun = time.monotonic()
                    tested = await self.connections.test_in_bulk(caller=share.caller, owner=owner)
            except OwnTestFirstError:
                found = await self.connections.last_result(reader=share.caller, owner=owner, since=share.began)
                if found is None:
                    continue
                progress.add(one.user, found)
            except RateLimitedError as error:
                if error.limit.is_short:
                    queue.hold(error)
                    continue
                progress.skip(error.limit.sentence)
            except UserError as error:
                progress.skip(str(error))
            else:
                progress.add(one.user, tested, seconds=time.monotonic() - begun)
            return


class _Logins:
    """Lets a run sign in with one login once at a time."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def only(self, one: ProfileToTest) -> AsyncIterator[None]:
        """Wait until nobody else of the run signs in with this login, at whatever server: it may have many names."""
        async with self._locks.setdefault(mailbox_meant(one.login).name, asyncio.Lock()):
            yield


@dataclass(frozen=True)
class _Share:
    """Who runs the tests, since when, and what its workers share."""

    caller: Person
    began: datetime
    places: asyncio.Semaphore
    logins: _Logins


def to_test(user: str, profile: EmailProfile) -> ProfileToTest:
    """Return a person's profile as a run takes it."""
    return ProfileToTest(user=user, host=profile.host, port=profile.port or 0, login=profile.login)


def _completed(found: RunResult, before: RunResult) -> RunResult:
    """Return what was found, with what is known of the run from before its tests."""
    return replace(
        before,
        total=found.total,
        passed=found.passed,
        groups=found.groups,
        skipped=found.skipped,
        cancelled=found.cancelled,
    )
