"""Connection tests of stored and of typed profiles: authorised, limited, kept."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from bot.profiles.account.drafts import FormAuthor, check_form
from bot.profiles.account.fixes import ProposedFix, propose_fixes
from bot.profiles.account.form_tests import keep_form_test, tested_values
from bot.profiles.account.profile import EmailProfile, ProfileForm
from bot.profiles.account.records import REPORTS, Loaded, account_of, load, report_of, require_readable
from bot.profiles.connection_tests.limits import (
    MESSAGES_OF_A_PERSON,
    TESTS_OF_A_TARGET,
    count,
    count_test,
    release_sign_in,
    reserve_sign_in,
)
from bot.profiles.connection_tests.sample_message import sample_message
from bot.profiles.errors import NoProfileError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.defaults import load_defaults
from bot.profiles.people.members import OnChange, update_person
from bot.smtp.account import Account, Encryption, Outgoing
from bot.smtp.advice.advice import Advice, advise
from bot.smtp.check.report import Fault, Outcome, Report, StageName
from storage.database import Database, Transaction
from storage.tables.audit import TESTED

Progress = Callable[[Report], None]

_NOT_TRIED = (
    Fault.PASSWORD_OVER_CLEAR_TEXT,
    Fault.PASSWORD_MISSING,
    Fault.SIGN_IN_NOT_OFFERED,
    Fault.MECHANISM_NOT_OFFERED,
    Fault.CHOSEN_MECHANISM_NOT_OFFERED,
    Fault.ONLY_WINDOWS_SIGN_IN,
    Fault.ONLY_OAUTH,
)


class AccountTester(Protocol):
    """What the rules need of the connection test."""

    async def test(self, account: Account, progress: Progress) -> Report:
        """Test one account and report."""
        ...

    async def send(self, account: Account, outgoing: Outgoing, progress: Progress) -> Report:
        """Test one account and, when all stages pass, send one message."""
        ...


@dataclass(frozen=True, kw_only=True)
class ConnectionTestResult:
    """A finished test: the report, what it means, and the changes that buttons may offer."""

    report: Report
    advice: Advice | None
    fixes: tuple[ProposedFix, ...]


@dataclass(frozen=True, kw_only=True)
class SentMessageResult:
    """A test with a real message: to whom it went, and what DNS says of the sender's domain."""

    test: ConnectionTestResult
    recipient: str
    dns_findings: tuple[str, ...] = ()


class ConnectionTests:
    """Tests, on one database; at most one of a profile at a time in this process."""

    def __init__(
        self,
        *,
        database: Database,
        tester: AccountTester,
        judge: Callable[[str, str], Awaitable[tuple[str, ...]]],
        access: Access,
        clock: Callable[[], datetime],
        on_change: OnChange,
        password_in_form: bool = True,
    ) -> None:
        """`judge` says what DNS tells of a domain that sends through a host; `clock` gives the time now, aware UTC."""
        self._database = database
        self._tester = tester
        self._judge = judge
        self._access = access
        self._clock = clock
        self._on_change = on_change
        self._password_in_form = password_in_form
        self._testing: set[Person] = set()

    async def test(self, *, caller: Person, owner: Person, progress: Progress) -> ConnectionTestResult:
        """Test the stored profile, keep the report, and say what helps.

        Raises:
            NotAllowedError: the caller may not.
            NoProfileError: there is not enough of a profile to test.
            UnreadableProfileError: the stored profile does not open; no connection is made.
            UserError: a test of it is running already.
            LimitedError: too many tests or failed sign-ins; it says how long to wait.
        """
        loaded = await self._stored(caller, owner)
        account = account_of(loaded.profile)
        report = await self._tested_for(caller, owner, account, lambda: self._tester.test(account, progress))
        report = await self._keep(caller, owner, loaded, report)
        return interpret_report(report, account, loaded.profile)

    async def test_in_bulk(self, *, caller: Person, owner: Person) -> ConnectionTestResult:
        """Test one stored profile among many; whoever asks was authorised for all of them. Errors as `test`."""
        loaded = await self._testable(owner)
        account = account_of(loaded.profile)
        report = await self._tested(
            owner,
            account,
            lambda tx: count(tx, TESTS_OF_A_TARGET, account.host, str(account.port)),
            lambda: self._tester.test(account, _unwatched),
        )
        report = await self._keep(caller, owner, loaded, report)
        return interpret_report(report, account, loaded.profile)

    async def send(self, *, caller: Person, owner: Person, progress: Progress) -> SentMessageResult:
        """Test the stored profile and, when all is well, send one message; errors as `test`.

        It goes to one's own address or, for somebody else's profile, to the caller's address in Slack.
        """
        loaded = await self._stored(caller, owner)
        recipient = loaded.profile.address
        if caller != owner:
            member = await self._access.member(caller)
            recipient = member.address if member else ""
        if not recipient:
            raise UserError("Slack does not tell your email address, so there is nowhere to send a message to.")
        async with self._database.writing() as tx:
            await count(tx, MESSAGES_OF_A_PERSON, caller.workspace, caller.user)
        account = account_of(loaded.profile)
        outgoing = Outgoing(recipient=recipient, content=sample_message(loaded.profile, recipient, now=self._clock()))
        report = await self._tested_for(caller, owner, account, lambda: self._tester.send(account, outgoing, progress))
        report = await self._keep(caller, owner, loaded, report)
        domain = account.address.rpartition("@")[2]
        judgement = await self._judge(domain, account.host) if report.passed else ()
        return SentMessageResult(
            test=interpret_report(report, account, loaded.profile), recipient=recipient, dns_findings=judgement
        )

    async def test_form(
        self, *, caller: Person, owner: Person, form: ProfileForm, progress: Progress
    ) -> ConnectionTestResult:
        """Test what a form would save, and say what helps; a test that passed is kept for when exactly that is saved.

        Raises:
            NotAllowedError: the caller may not.
            InvalidFormError: fields break rules.
            UserError: a test is running already.
            LimitedError: too many tests or failed sign-ins.
        """
        await self._access.require_owner_or_admin(caller, owner)
        async with self._database.reading() as tx:
            loaded = await load(tx, owner)
            defaults = (await load_defaults(tx, owner.workspace)).defaults
        author = FormAuthor(caller=caller, owner=owner, password_in_form=self._password_in_form)
        draft = check_form(form, loaded.profile, defaults, author, now=self._clock())
        account = account_of(draft.profile)
        report = await self._tested_for(caller, owner, account, lambda: self._tester.test(account, progress))
        last = report_of(loaded.last_test) if loaded.last_test else None
        report = replace(report, trusted_before=_trusted_before(last, report))
        if report.passed:
            async with self._database.writing() as tx:
                await keep_form_test(tx, caller, owner, tested_values(draft, loaded), report)
        return interpret_report(report, account, draft.profile)

    async def transcript(self, *, caller: Person, owner: Person) -> tuple[str, ...]:
        """Give the dialogue of the last test, credentials replaced.

        Raises:
            NotAllowedError: the caller may not.
            NoProfileError: nothing was tested yet.
        """
        await self._access.require_owner_or_admin(caller, owner)
        async with self._database.reading() as tx:
            last = await tx.tests.last(owner.workspace, owner.user)
        report = report_of(last) if last else None
        if report is None or not report.transcript:
            raise NoProfileError("There is no transcript yet. Use /email-test first.")
        return report.transcript

    async def _stored(self, caller: Person, owner: Person) -> Loaded:
        await self._access.require_owner_or_admin(caller, owner)
        return await self._testable(owner)

    async def _testable(self, owner: Person) -> Loaded:
        async with self._database.reading() as tx:
            loaded = require_readable(await load(tx, owner))
            defaults = (await load_defaults(tx, owner.workspace)).defaults
        if not loaded.profile.is_complete:
            raise NoProfileError("There is no email profile to test yet. Use /email-profile edit first.")
        defaults.require_allowed(loaded.profile.host)
        return loaded

    async def _tested_for(
        self, caller: Person, owner: Person, account: Account, run: Callable[[], Awaitable[Report]]
    ) -> Report:
        return await self._tested(owner, account, lambda tx: count_test(tx, caller, account.host, account.port), run)

    async def _tested(
        self,
        owner: Person,
        account: Account,
        take: Callable[[Transaction], Awaitable[None]],
        run: Callable[[], Awaitable[Report]],
    ) -> Report:
        if owner in self._testing:
            raise UserError("A test of this profile is running already. Wait for its report.")
        self._testing.add(owner)
        try:
            return await self._limited(account, take, run)
        finally:
            self._testing.discard(owner)

    async def _limited(
        self, account: Account, take: Callable[[Transaction], Awaitable[None]], run: Callable[[], Awaitable[Report]]
    ) -> Report:
        """Run a test within the limits; a sign-in counts as failed until it has not."""
        signs_in = account.authenticate and account.password is not None and account.encryption is not Encryption.NONE
        async with self._database.writing() as tx:
            await take(tx)
            if signs_in:
                await reserve_sign_in(tx, account.host, account.login)
        report = await run()
        if signs_in and not _sign_in_failed(report):
            async with self._database.writing() as tx:
                await release_sign_in(tx, account.host, account.login)
        return report

    async def _keep(self, caller: Person, owner: Person, loaded: Loaded, report: Report) -> Report:
        failed = report.failed_stage
        outcome = f"failed at {failed.name}" if failed else "passed"
        async with self._database.writing() as tx:
            now = await load(tx, owner)
            if now.record_id != loaded.record_id:
                # Deleted, or made anew, while the test ran.
                return report
            last = report_of(now.last_test) if now.last_test else None
            report = replace(report, trusted_before=_trusted_before(last, report))
            await tx.tests.record(
                owner.workspace,
                owner.user,
                record_id=loaded.record_id,
                revision=loaded.revision,
                document=REPORTS.dump_json(report),
                tested_at=report.tested_at,
            )
            await tx.audit.append(
                owner.workspace, actor=caller.user, subject=owner.user, action=TESTED, fields=(outcome,)
            )
            await update_person(tx, owner, at=report.tested_at)
        self._on_change(owner)
        return report


def _unwatched(_report: Report) -> None:
    """Nobody follows one test among many."""


def interpret_report(report: Report, account: Account, profile: EmailProfile) -> ConnectionTestResult:
    """Say what a finished report means for a profile, and which changes help."""
    advice = advise(report, account)
    return ConnectionTestResult(report=report, advice=advice, fixes=propose_fixes(report, advice, profile))


def _sign_in_failed(report: Report) -> bool:
    """Whether a password was really tried and not taken; what never came so far harms nobody's mailbox."""
    failed = report.failed_stage
    return failed is not None and failed.name is StageName.SIGN_IN and report.fault not in _NOT_TRIED


def _trusted_before(last: Report | None, report: Report) -> bool:
    """Whether this server's certificate was found good by the usual authorities, now or in an earlier test."""
    good = any(
        stage.name is StageName.ENCRYPTION and stage.outcome in (Outcome.PASSED, Outcome.WARNED)
        for stage in report.stages
    )
    return good or (last is not None and last.host == report.host and last.trusted_before)
