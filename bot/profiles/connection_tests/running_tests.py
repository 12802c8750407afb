"""Connection tests under way: each can be stopped by who began it, and by admins, through every instance."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

from bot.profiles.errors import UserError
from bot.profiles.people.access import Access, Person
from bot.smtp.account import Account
from bot.smtp.check.report import Report
from storage.database import Database, Transaction
from storage.engines.transactions import DatabaseUnavailableError
from storage.tables.running_tests import StoredRunningTest

POLL_SECONDS = 1.0
"""How often a test under way asks whether it was stopped through another instance."""

LONGEST_SECONDS = 600.0
"""After so long a test that is still stored died with its process."""


@dataclass(frozen=True, kw_only=True)
class RunningTest:
    """A test under way as it may be shown: of which account (without its secrets), how far, for how many seconds."""

    test_id: str
    account: Account
    report: Report
    seconds: float

    @classmethod
    def of(cls, test_id: str, account: Account, report: Report) -> Self:
        """Return a test as its last report shows it."""
        return cls(test_id=test_id, account=account.without_secrets(), report=report, seconds=report.seconds)


Progress = Callable[[RunningTest], None]
"""Follows a test: called whenever a stage begins, for the first time when the test is within the limits."""


class StoppedTestError(UserError):
    """Somebody stopped the test; `test` is how far it came. Nothing of it is stored."""

    def __init__(self, test: RunningTest, *, stopped_by: Person) -> None:
        super().__init__("The connection test was stopped. Nothing of it is stored.")
        self.test = test
        self.stopped_by = stopped_by


class StopRequestedError(Exception):
    """A test was cancelled because `person` wants it stopped."""

    def __init__(self, person: Person) -> None:
        super().__init__()
        self.person = person


class RunningTests:
    """The tests under way in this process, and how those of other instances are stopped."""

    def __init__(self, *, database: Database, access: Access) -> None:
        self._database = database
        self._access = access
        self._requests: dict[str, asyncio.Future[Person]] = {}

    async def add(self, tx: Transaction, *, caller: Person, owner: Person) -> str:
        """Store that a test begins, and return its id."""
        test_id = str(uuid4())
        test = StoredRunningTest(test_id=test_id, workspace=owner.workspace, actor=caller.user, subject=owner.user)
        await tx.running_tests.add(test, seconds=LONGEST_SECONDS)
        return test_id

    async def run(self, test_id: str, workspace: str, work: Coroutine[Any, Any, Report]) -> Report:
        """Run a test that was added, and return its report.

        Raises:
            StopRequestedError: it was stopped, and has ended.
        """
        requested = self._requests[test_id] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(work)
        asking = asyncio.create_task(self._ask(test_id, workspace, requested))
        try:
            await asyncio.wait({running, requested}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                return running.result()
        finally:
            del self._requests[test_id]
            for task in (running, asking):
                task.cancel()
            await asyncio.gather(running, asking, return_exceptions=True)
        raise StopRequestedError(requested.result())

    async def stop(self, *, caller: Person, test_id: str) -> bool:
        """Stop a test, here or on another instance; returns whether it was under way.

        Raises:
            NotAllowedError: somebody else began it, and the caller is no admin.
        """
        async with self._database.reading() as tx:
            test = await tx.running_tests.get(caller.workspace, test_id)
        if test is None:
            return False
        if test.actor != caller.user:
            await self._access.require_admin(caller)
        requested = self._requests.get(test_id)
        if requested is not None:
            if not requested.done():
                requested.set_result(caller)
            return True
        async with self._database.writing() as tx:
            return await tx.running_tests.stop(test_id, by=caller.user)

    async def _ask(self, test_id: str, workspace: str, requested: asyncio.Future[Person]) -> None:
        """Ask the database again and again whether another instance was told to stop a test."""
        while not requested.done():
            await asyncio.sleep(POLL_SECONDS)
            try:
                async with self._database.reading() as tx:
                    user = await tx.running_tests.stopped_by(test_id)
            except DatabaseUnavailableError:
                # The test goes on; whoever stops it while the database is away is told so.
                continue
            if user is not None and not requested.done():
                requested.set_result(Person(workspace=workspace, user=user))
