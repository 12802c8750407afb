"""Tests within limits: counted before they begin, followed as they run, and uncounted for what they did not use."""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from bot.profiles.account.own_address import mailbox_of, own_address
from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import account_of
from bot.profiles.connection_tests.limits import (
    CODES_OF_A_PERSON,
    CODES_TO_AN_ADDRESS,
    TESTS_OF_A_TARGET_IN_BULK,
    SignInsLeft,
    Use,
    count,
    count_test,
    give_back,
)
from bot.profiles.connection_tests.running_tests import (
    Progress,
    RunningTest,
    RunningTests,
    StoppedTestError,
    StopRequestedError,
)
from bot.profiles.connection_tests.sign_ins import CountedSignIn, sign_in_of
from bot.profiles.errors import UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.members import OnChange
from bot.smtp.account import Account, ReachedServer
from bot.smtp.check.report import Report
from storage.database import Database, Transaction
from storage.engines.transactions import DatabaseUnavailableError

Follow = Callable[[Report], None]
Run = Callable[[Account, Follow], Coroutine[Any, Any, Report]]


@dataclass(frozen=True, kw_only=True)
class BegunTest:
    """A test within the limits, with what counts against them until it has ended.

    `message` is what is counted because a message is to be sent, and `code` because a code is to be mailed; `test_id`
    is empty in a test of many.
    """

    caller: Person
    owner: Person
    account: Account
    sign_in: CountedSignIn | None
    message: tuple[Use, ...] = ()
    code: tuple[Use, ...] = ()
    test_id: str = ""

    @property
    def is_own(self) -> bool:
        """Whether whoever began it is the account's owner."""
        return self.caller == self.owner

    @property
    def unconfirmed(self) -> bool:
        """Whether its owner began it, and it would name the account's address with RCPT if that were confirmed."""
        account = self.account
        elsewhere = (account.recipient or "").casefold() != account.address.casefold()
        return self.is_own and not account.authenticate and elsewhere


class CountedTests:
    """Begins and runs tests, on one database."""

    def __init__(self, *, database: Database, access: Access, running: RunningTests, on_change: OnChange) -> None:
        self._database = database
        self._access = access
        self._running = running
        self._on_change = on_change

    async def begin(
        self, tx: Transaction, caller: Person, owner: Person, profile: EmailProfile, in_slack: str, *, accepted: str
    ) -> BegunTest:
        """Count a test against all limits, and store that it is under way.

        `in_slack` is the owner's address there; `accepted` is the pin of the server that accepted the password last.

        Raises:
            RateLimitedError: a limit is reached; the transaction must be rolled back.
        """
        account = await _account(tx, owner, profile, in_slack)
        sign_in = sign_in_of(account, caller, accepted_at=accepted)
        await count_test(tx, caller, account.host, account.port)
        if sign_in is not None:
            await sign_in.begin(tx)
        test_id = await self._running.add(tx, caller=caller, owner=owner)
        begun = BegunTest(caller=caller, owner=owner, account=account, sign_in=sign_in, test_id=test_id)
        return self._with_permit(begun)

    async def begin_in_bulk(
        self, tx: Transaction, caller: Person, owner: Person, profile: EmailProfile, in_slack: str, *, accepted: str
    ) -> BegunTest:
        """Count a test among many, which has limits of its own; arguments and errors as `begin`.

        Raises:
            UserError: the login is left to its owner; the transaction must be rolled back.
        """
        account = await _account(tx, owner, profile, in_slack)
        sign_in = sign_in_of(account, replace(caller, user=""), accepted_at=accepted)
        if sign_in is not None:
            await sign_in.begin(tx)
        await count(tx, TESTS_OF_A_TARGET_IN_BULK, account.host, str(account.port))
        return self._with_permit(BegunTest(caller=caller, owner=owner, account=account, sign_in=sign_in))

    async def run(self, begun: BegunTest, run: Run, progress: Progress) -> tuple[Report, SignInsLeft | None]:
        """Run a test that can be followed and stopped; return its report, and what a refused sign-in has left.

        Raises:
            SignInLimitedError: a limit was found to be reached only once the server was.
            StoppedTestError: somebody stopped it.
        """
        reports: list[Report] = []

        def follow(report: Report) -> None:
            report = report.in_full if begun.is_own else report
            reports.append(report)
            progress(RunningTest.of(begun.test_id, begun.account, report))

        work = self._running.run(begun.test_id, begun.owner.workspace, run(begun.account, follow))
        try:
            return await self._settled(begun, work, reports)
        except StopRequestedError as stopped:
            if not reports:
                raise UserError("The test was stopped before it began.") from None
            test = RunningTest.of(begun.test_id, begun.account, reports[-1])
            raise StoppedTestError(test, stopped_by=stopped.person) from None

    async def run_in_bulk(self, begun: BegunTest, run: Run) -> Report:
        """Run a test among many, and return its report; a limit that is reached only then raises as `begin_in_bulk`."""
        reports: list[Report] = []
        report, _ = await self._settled(begun, run(begun.account, reports.append), reports)
        return report

    def _with_permit(self, begun: BegunTest) -> BegunTest:
        """Return a test that, before it signs in, is counted for the server itself."""
        sign_in = begun.sign_in
        if sign_in is None:
            return begun

        async def permit(server: ReachedServer) -> None:
            async with self._database.writing() as tx:
                uses = await sign_in.reach(tx, server)
            sign_in.uses += uses

        return replace(begun, account=replace(begun.account, permit=permit))

    async def _settled(
        self, begun: BegunTest, work: Coroutine[Any, Any, Report], reports: Sequence[Report]
    ) -> tuple[Report, SignInsLeft | None]:
        """Wait for a test, and uncount what it did not use; `reports` are those on its way, for when it is stopped."""
        try:
            report = await work
        except BaseException:
            # What the database cannot uncount stays counted until its window is over.
            with suppress(DatabaseUnavailableError):
                await self._settle(begun, reports[-1] if reports else None)
            raise
        return report, await self._settle(begun, report)

    async def _settle(self, begun: BegunTest, report: Report | None) -> SignInsLeft | None:
        left, told = None, False
        async with self._database.writing() as tx:
            if begun.test_id:
                await tx.running_tests.end(begun.test_id)
            if report is None or not report.may_have_sent:
                await give_back(tx, begun.message)
                if begun.code:
                    await _take_code_back(tx, begun, report)
            if begun.sign_in is not None and (report is None or not report.sign_in_refused):
                await begun.sign_in.give_back(tx)
            elif begun.sign_in is not None and (left := await begun.sign_in.left(tx)):
                told = await begun.sign_in.tell_of_locks(tx, left, self._access.named_admins)
        if told:
            self._on_change(begun.caller)
        return left


async def count_code(tx: Transaction, caller: Person, address: str) -> tuple[Use, ...]:
    """Count a code that is mailed to an address for a person; errors as `count`."""
    uses = await count(tx, CODES_OF_A_PERSON, caller.workspace, caller.user)
    return uses + await count(tx, CODES_TO_AN_ADDRESS, mailbox_of(address))


async def _account(tx: Transaction, owner: Person, profile: EmailProfile, in_slack: str) -> Account:
    """Return the account to test, and whom the test may name as recipient where nobody signs in."""
    account = account_of(profile)
    if account.authenticate:
        return account
    own = await own_address(tx, owner, profile, in_slack=in_slack)
    return replace(account, recipient=own.address or None)


async def _take_code_back(tx: Transaction, begun: BegunTest, report: Report | None) -> None:
    """Forget a code that was not mailed; its uses count where the server said of the address whether it takes mail."""
    await tx.confirmations.forget(begun.owner.workspace, begun.owner.user)
    if report is None or begun.account.authenticate or not report.named_recipient:
        await give_back(tx, begun.code)
