"""Connection tests of stored and of typed profiles: authorised, limited, kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from bot.profiles.account.accepted_passwords import accepted_at, with_accepted_password
from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.drafts import FormAuthor, check_form, names_same_account
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.fixes import ProposedFix, propose_fixes
from bot.profiles.account.form_tests import keep_form_test, tested_values
from bot.profiles.account.own_address import (
    Confirmation,
    ConfirmationCode,
    OwnAddress,
    address_in_slack,
    mailbox_of,
    own_address,
    store_confirmation,
)
from bot.profiles.account.profile import EmailProfile, ProfileForm
from bot.profiles.account.records import REPORTS, Loaded, account_of, load, report_of, require_readable
from bot.profiles.connection_tests.audited_tests import AuditedTest, Tested, audit_test, audited_when_stopped
from bot.profiles.connection_tests.limits import (
    CODES_OF_A_PERSON,
    CODES_TO_AN_ADDRESS,
    MESSAGES_OF_A_PERSON,
    TESTS_OF_A_TARGET_IN_BULK,
    SignInsLeft,
    Use,
    count,
    count_test,
    give_back,
)
from bot.profiles.connection_tests.running_tests import RunningTest, RunningTests, StoppedTestError, StopRequestedError
from bot.profiles.connection_tests.sample_message import code_message, sample_message
from bot.profiles.connection_tests.sign_ins import CountedSignIn, sign_in_of
from bot.profiles.errors import DirectoryError, NoProfileError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.defaults import load_defaults
from bot.profiles.people.members import OnChange, update_person
from bot.profiles.people.notices import notify_of_form_test
from bot.smtp.account import Account, Outgoing, ReachedServer
from bot.smtp.advice.advice import Advice, advise
from bot.smtp.check.report import Outcome, Report, StageName
from storage.database import Database, Transaction
from storage.engines.transactions import DatabaseUnavailableError

Progress = Callable[[RunningTest], None]
"""Follows a test: called whenever a stage begins, for the first time when the test is within the limits."""

Follow = Callable[[Report], None]
Run = Callable[[Account, Follow], Coroutine[Any, Any, Report]]


class AccountTester(Protocol):
    """What the rules need of the connection test."""

    async def test(self, account: Account, progress: Follow) -> Report:
        """Test one account and report."""
        ...

    async def send(self, account: Account, outgoing: Outgoing, progress: Follow) -> Report:
        """Test one account and, when all stages pass, send one message."""
        ...


@dataclass(frozen=True, kw_only=True)
class ConnectionTestResult:
    """A finished test: of which account (without its secrets), the report, what it means, and the fixes to offer.

    `sign_ins_left` is what a refused sign-in has left of the limit; None where none was refused. With `unconfirmed` it
    was begun by the owner, and would have written to the profile's address if that were confirmed. With
    `words_withheld` the server said something that is shown to the account's owner alone.
    """

    account: Account
    report: Report
    advice: Advice | None
    fixes: tuple[ProposedFix, ...]
    sign_ins_left: SignInsLeft | None = None
    unconfirmed: bool = False
    words_withheld: bool = False


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """The dialogue of a test, as `lines`; with `words_withheld` as others than the account's owner may see it."""

    lines: tuple[str, ...]
    words_withheld: bool


class NoOwnAddressError(UserError):
    """There is no address at which a message certainly reaches whoever asks for it."""


class OwnTestFirstError(Exception):
    """A test among many gave way, because somebody tests this profile by itself; their test has ended now."""


@dataclass(frozen=True, kw_only=True)
class SentMessageResult:
    """A test with a real message: to whom it went, and what DNS says of the sender's domain."""

    test: ConnectionTestResult
    recipient: str
    dns_findings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MailedCode:
    """A test that mailed a code to the profile's `address`, as far as it came."""

    test: ConnectionTestResult
    address: str


@dataclass(frozen=True, kw_only=True)
class _CodeUses:
    """What was counted of limits because a code is mailed for a person."""

    person: Person
    uses: tuple[Use, ...]


@dataclass(frozen=True, kw_only=True)
class _Begun:
    """A test within the limits, with what counts against them until the test has ended; `test_id` may be empty.

    `is_own` says that whoever began it is the account's owner.
    """

    account: Account
    is_own: bool = False
    sign_in: CountedSignIn | None
    message: tuple[Use, ...] = ()
    code: _CodeUses | None = None
    test_id: str = ""
    unconfirmed: bool = False


class ConnectionTests:
    """Tests, on one database; at most one of a profile at a time in this process."""

    def __init__(
        self,
        *,
        database: Database,
        tester: AccountTester,
        judge: Callable[[str, str], Awaitable[tuple[str, ...]]],
        access: Access,
        profiles: EmailProfiles,
        running: RunningTests,
        clock: Callable[[], datetime],
        on_change: OnChange,
        password_in_form: bool = True,
    ) -> None:
        """`judge` says what DNS tells of a domain that sends through a host; `clock` gives the time now, aware UTC."""
        self._database = database
        self._tester = tester
        self._judge = judge
        self._access = access
        self._profiles = profiles
        self._running = running
        self._clock = clock
        self._on_change = on_change
        self._password_in_form = password_in_form
        self._testing: dict[Person, asyncio.Future[None]] = {}
        self._in_bulk: dict[Person, asyncio.Task[ConnectionTestResult]] = {}

    async def test(self, *, caller: Person, owner: Person, progress: Progress) -> ConnectionTestResult:
        """Test the stored profile, keep the report, and say what helps.

        Raises:
            NotAllowedError: the caller may not.
            NoProfileError: there is not enough of a profile to test.
            UnreadableProfileError: the stored profile does not open; no connection is made.
            UserError: a test of it is running already.
            RateLimitedError: too many tests or refused sign-ins; it says how long to wait.
            StoppedTestError: somebody stopped the test.
        """
        loaded = await self._stored(caller, owner)
        in_slack = await self._address_in_slack(owner, loaded.profile)
        async with self._only_test_of(owner):
            async with self._database.writing() as tx:
                accepted = accepted_at(tx, loaded)
                begun = await self._begin(tx, caller, owner, loaded.profile, in_slack, accepted=accepted)
            report, left = await self._watched(begun, owner, self._tester.test, progress)
            return await self._kept(_audited(caller, loaded), loaded, report, left, unconfirmed=begun.unconfirmed)

    async def fix_and_test(
        self,
        *,
        caller: Person,
        owner: Person,
        fix: ProposedFix,
        on_fixed: Callable[[ProfileChange], None],
        progress: Progress,
    ) -> ConnectionTestResult:
        """Make one change that a report advised, and test; errors as `test`, and then nothing was changed.

        But it was when the limit is known only once the server is reached (SignInLimitedError), as in a stopped test.
        `on_fixed` gets the change when it is stored, which is before the test is followed.

        Raises:
            OutdatedFixError: the fix does not fit the profile as it is now.
        """
        await self._access.require_owner_or_admin(caller, owner)
        in_slack = await self._address_in_slack(owner)
        async with self._only_test_of(owner):
            async with self._database.writing() as tx:
                change, loaded = await self._profiles.fix(tx, caller=caller, owner=owner, fix=fix)
                await _require_testable(tx, loaded)
                accepted = accepted_at(tx, loaded)
                begun = await self._begin(tx, caller, owner, loaded.profile, in_slack, accepted=accepted)
            self._on_change(owner)
            on_fixed(change)
            report, left = await self._watched(begun, owner, self._tester.test, progress)
            return await self._kept(_audited(caller, loaded), loaded, report, left, unconfirmed=begun.unconfirmed)

    async def test_in_bulk(self, *, caller: Person, owner: Person) -> ConnectionTestResult:
        """Test one stored profile among many; whoever asks was authorised for all of them. Errors as `test`.

        Raises:
            OwnTestFirstError: somebody tests the profile by itself.
        """
        loaded = await self._testable(owner)
        if owner in self._testing:
            await asyncio.wait({self._testing[owner]})
            raise OwnTestFirstError
        testing = self._in_bulk[owner] = asyncio.create_task(self._test_in_bulk(caller, loaded))
        try:
            await asyncio.wait({testing})
        finally:
            testing.cancel()
            await asyncio.gather(testing, return_exceptions=True)
            del self._in_bulk[owner]
        if testing.cancelled():
            raise OwnTestFirstError
        return testing.result()

    async def _test_in_bulk(self, caller: Person, loaded: Loaded) -> ConnectionTestResult:
        owner = loaded.owner
        in_slack = await self._address_in_slack(owner, loaded.profile)
        async with self._database.writing() as tx:
            account = await _account(tx, owner, loaded.profile, in_slack)
            sign_in = sign_in_of(account, replace(caller, user=""), accepted_at=accepted_at(tx, loaded))
            if sign_in is not None:
                await sign_in.begin(tx)
            await count(tx, TESTS_OF_A_TARGET_IN_BULK, account.host, str(account.port))
            begun = self._begun(account, sign_in)
        reports: list[Report] = []
        report, _ = await self._settled(begun, self._tester.test(begun.account, reports.append), reports)
        return await self._kept(_audited(caller, loaded), loaded, report, None)

    async def last_result(
        self, *, reader: Person, owner: Person, since: datetime | None = None
    ) -> ConnectionTestResult | None:
        """Return the last test of a profile as it is now, for a reader who may see it; None when none `since`."""
        async with self._database.reading() as tx:
            loaded = await load(tx, owner)
        report = loaded.view.last_test
        if report is None or (since is not None and report.tested_at < since):
            return None
        return _result_for(reader, owner, report, account_of(loaded.profile), loaded.profile)

    async def send(self, *, caller: Person, owner: Person, progress: Progress) -> SentMessageResult:
        """Test the stored profile and, when all is well, send one message; errors as `test`.

        It goes to the caller: to the profile's address where that is certainly theirs, else to their verified address
        in Slack. It counts as one of the day's messages unless it is certain that the server did not take it.

        Raises:
            NoOwnAddressError: there is no such address.
            DirectoryError: Slack does not say whether there is one.
        """
        loaded = await self._stored(caller, owner)
        own = await self._own_address(caller, owner, loaded.profile)
        recipient, content = own.address, sample_message(loaded.profile, own.address, now=self._clock())
        outgoing = Outgoing(recipient=recipient, content=content)
        async with self._only_test_of(owner):
            async with self._database.writing() as tx:
                accepted = accepted_at(tx, loaded)
                begun = await self._begin(tx, caller, owner, loaded.profile, in_slack="", accepted=accepted)
                message = await count(tx, MESSAGES_OF_A_PERSON, caller.workspace, caller.user)
            audited = _audited(caller, loaded, recipient=recipient)
            async with audited_when_stopped(self._database, audited):
                report, left = await self._watched(
                    replace(begun, message=message),
                    owner,
                    lambda account, follow: self._tester.send(account, outgoing, follow),
                    progress,
                )
            unconfirmed = caller == owner and not own.is_profiles
            result = await self._kept(audited, loaded, report, left, unconfirmed=unconfirmed)
        domain = begun.account.address.rpartition("@")[2]
        judgement = await self._judge(domain, begun.account.host) if report.passed else ()
        return SentMessageResult(test=result, recipient=recipient, dns_findings=judgement)

    async def mail_code(self, *, caller: Person, progress: Progress) -> MailedCode:
        """Test the caller's profile and, when all is well, mail a code to its address; errors as `test`.

        The code can be typed back from before it is sent, unless it turns out that it was not. It counts as mailed
        then and, where nobody signs in, as soon as the server was told the address: its answer tells of a mailbox.
        """
        loaded = await self._stored(caller, caller)
        profile, code = loaded.profile, ConfirmationCode.generate()
        content = code_message(profile.address, code, now=self._clock())
        outgoing = Outgoing(recipient=profile.address, content=content, secret=code.secret)
        async with self._only_test_of(caller):
            async with self._database.writing() as tx:
                accepted = accepted_at(tx, loaded)
                begun = await self._begin(tx, caller, caller, profile, in_slack="", accepted=accepted)
                begun = replace(begun, code=await _count_code(tx, caller, profile.address))
                await store_confirmation(tx, caller, Confirmation.of(profile, code))
            audited = replace(_audited(caller, loaded, recipient=profile.address), what=Tested.CODE)
            async with audited_when_stopped(self._database, audited):
                report, left = await self._watched(
                    begun, caller, lambda account, follow: self._tester.send(account, outgoing, follow), progress
                )
            result = await self._kept(audited, loaded, report, left)
        return MailedCode(test=result, address=profile.address)

    async def test_form(
        self, *, caller: Person, owner: Person, form: ProfileForm, progress: Progress
    ) -> ConnectionTestResult:
        """Test what a form would save, and say what helps; a test that passed is kept for when exactly that is saved.

        Raises:
            NotAllowedError: the caller may not.
            InvalidFormError: fields break rules.
            UserError: a test is running already.
            RateLimitedError: too many tests or refused sign-ins.
            StoppedTestError: somebody stopped the test.
        """
        await self._access.require_owner_or_admin(caller, owner)
        async with self._database.reading() as tx:
            loaded = await load(tx, owner)
            defaults = (await load_defaults(tx, owner.workspace)).defaults
        author = FormAuthor(caller=caller, owner=owner, password_in_form=self._password_in_form)
        draft = check_form(form, loaded.profile, defaults, author, now=self._clock())
        same = names_same_account(draft.profile, loaded.profile)
        withheld = caller != owner and not draft.has_typed_password and not same
        if withheld:
            draft = replace(draft, profile=draft.profile.without_password())
        in_slack = await self._address_in_slack(owner, draft.profile)
        async with self._only_test_of(owner):
            async with self._database.writing() as tx:
                # What was typed is a guess, whatever is stored.
                begun = await self._begin(tx, caller, owner, draft.profile, in_slack, accepted="")
                if withheld:
                    begun = replace(begun, account=begun.account.without_password())
                stored = not draft.has_typed_password
                await notify_of_form_test(tx, caller, owner, begun.account, with_stored_password=stored)
            audited = AuditedTest(caller=caller, owner=owner, what=Tested.FORM, account=begun.account)
            async with audited_when_stopped(self._database, audited):
                report, left = await self._watched(begun, owner, self._tester.test, progress)
        last = report_of(loaded.last_test) if loaded.last_test else None
        report = replace(report, trusted_before=_trusted_before(last, report))
        async with self._database.writing() as tx:
            await keep_form_test(tx, caller, owner, tested_values(draft, loaded), report)
            outline = (await load(tx, owner)).record_id != loaded.record_id
            await audit_test(tx, audited, report, outline=outline)
        self._on_change(owner)
        return replace(_result_for(caller, owner, report, begun.account, draft.profile), sign_ins_left=left)

    async def transcript(self, *, caller: Person, owner: Person) -> Dialogue:
        """Give the dialogue of the last test, credentials replaced; to the owner alone with all that the server said.

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
        own = caller == owner
        return Dialogue(lines=(report.in_full if own else report).transcript, words_withheld=not own)

    async def _address_in_slack(self, owner: Person, profile: EmailProfile | None = None) -> str:
        """Return the owner's verified address in Slack, where a test of the profile may need it; else "".

        While Slack is silent a test names nobody in its place.
        """
        if profile is not None and profile.authenticate:
            return ""
        with suppress(DirectoryError):
            return await address_in_slack(self._access, owner)
        return ""

    async def _own_address(self, caller: Person, owner: Person, profile: EmailProfile) -> OwnAddress:
        """Return where a message reaches the caller: for somebody else's profile at their address in Slack alone.

        Raises:
            NoOwnAddressError: nowhere.
            DirectoryError: Slack does not say where.
        """
        in_slack, silence = "", None
        try:
            in_slack = await address_in_slack(self._access, caller)
        except DirectoryError as error:
            silence = error
        own = OwnAddress(address=in_slack, is_profiles=False)
        if caller == owner:
            async with self._database.reading() as tx:
                own = await own_address(tx, owner, profile, in_slack=in_slack)
        if own.address:
            return own
        raise silence or NoOwnAddressError(
            "Slack tells no verified email address of yours, so there is nowhere to send a message to."
        )

    async def _stored(self, caller: Person, owner: Person) -> Loaded:
        await self._access.require_owner_or_admin(caller, owner)
        return await self._testable(owner)

    async def _testable(self, owner: Person) -> Loaded:
        async with self._database.reading() as tx:
            loaded = require_readable(await load(tx, owner))
            await _require_testable(tx, loaded)
        return loaded

    @asynccontextmanager
    async def _only_test_of(self, owner: Person) -> AsyncIterator[None]:
        """Keep others from testing a profile until its report is kept; a test of it among many gives way."""
        among_many = self._in_bulk.get(owner)
        if among_many is not None:
            among_many.cancel()
            await asyncio.wait({among_many})
        if owner in self._testing:
            raise UserError("A test of this profile is running already. Wait for its report, or stop it.")
        ended = self._testing[owner] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self._testing[owner]
            ended.set_result(None)

    async def _begin(
        self, tx: Transaction, caller: Person, owner: Person, profile: EmailProfile, in_slack: str, *, accepted: str
    ) -> _Begun:
        """Count a test against all limits, and store that it is under way.

        `in_slack` is the owner's address there; `accepted` is the pin of the server that accepted the password last.
        """
        account = await _account(tx, owner, profile, in_slack)
        sign_in = sign_in_of(account, caller, accepted_at=accepted)
        await count_test(tx, caller, account.host, account.port)
        if sign_in is not None:
            await sign_in.begin(tx)
        test_id = await self._running.add(tx, caller=caller, owner=owner)
        own = caller == owner
        elsewhere = not account.authenticate and (account.recipient or "").casefold() != account.address.casefold()
        begun = self._begun(account, sign_in)
        return replace(begun, is_own=own, test_id=test_id, unconfirmed=own and elsewhere)

    def _begun(self, account: Account, sign_in: CountedSignIn | None) -> _Begun:
        """Return a test that is within the limits so far; before it signs in, it is counted for the server itself."""
        if sign_in is None:
            return _Begun(account=account, sign_in=None)

        async def permit(server: ReachedServer) -> None:
            async with self._database.writing() as tx:
                uses = await sign_in.reach(tx, server)
            sign_in.uses += uses

        return _Begun(account=replace(account, permit=permit), sign_in=sign_in)

    async def _watched(
        self, begun: _Begun, owner: Person, run: Run, progress: Progress
    ) -> tuple[Report, SignInsLeft | None]:
        """Run a test that can be followed and stopped."""
        reports: list[Report] = []

        def follow(report: Report) -> None:
            report = report.in_full if begun.is_own else report
            reports.append(report)
            progress(RunningTest.of(begun.test_id, begun.account, report))

        work = self._running.run(begun.test_id, owner.workspace, run(begun.account, follow))
        try:
            return await self._settled(begun, work, reports)
        except StopRequestedError as stopped:
            if not reports:
                raise UserError("The test was stopped before it began.") from None
            test = RunningTest.of(begun.test_id, begun.account, reports[-1])
            raise StoppedTestError(test, stopped_by=stopped.person) from None

    async def _settled(
        self, begun: _Begun, work: Coroutine[Any, Any, Report], reports: Sequence[Report]
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

    async def _settle(self, begun: _Begun, report: Report | None) -> SignInsLeft | None:
        left, told = None, False
        async with self._database.writing() as tx:
            if begun.test_id:
                await tx.running_tests.end(begun.test_id)
            if report is None or not report.may_have_sent:
                await give_back(tx, begun.message)
                if begun.code is not None:
                    await _take_code_back(tx, begun.code, begun.account, report)
            if begun.sign_in is not None and (report is None or not report.sign_in_refused):
                await begun.sign_in.give_back(tx)
            elif begun.sign_in is not None and (left := await begun.sign_in.left(tx)):
                told = await begun.sign_in.tell_of_locks(tx, left, self._access.named_admins)
        if told and begun.sign_in is not None:
            self._on_change(begun.sign_in.person)
        return left

    async def _kept(
        self,
        audited: AuditedTest,
        loaded: Loaded,
        report: Report,
        left: SignInsLeft | None,
        *,
        unconfirmed: bool = False,
    ) -> ConnectionTestResult:
        report = await self._keep(audited, loaded, report)
        result = _result_for(audited.caller, audited.owner, report, account_of(loaded.profile), loaded.profile)
        return replace(result, sign_ins_left=left, unconfirmed=unconfirmed)

    async def _keep(self, audited: AuditedTest, loaded: Loaded, report: Report) -> Report:
        owner = audited.owner
        async with self._database.writing() as tx:
            now = await load(tx, owner)
            if now.record_id != loaded.record_id:
                # Deleted, or made anew, while the test ran.
                await audit_test(tx, audited, report, outline=True)
                return report
            last = report_of(now.last_test) if now.last_test else None
            report = replace(report, trusted_before=_trusted_before(last, report))
            report = with_accepted_password(tx, report, loaded.profile, last)
            await tx.tests.record(
                owner.workspace,
                owner.user,
                record_id=loaded.record_id,
                revision=loaded.revision,
                document=REPORTS.dump_json(report),
                tested_at=report.tested_at,
            )
            await update_person(tx, owner, at=report.tested_at)
            await audit_test(tx, audited, report)
        self._on_change(owner)
        return report


def _audited(caller: Person, loaded: Loaded, *, recipient: str = "") -> AuditedTest:
    """Return a test of a stored profile, with a message where there is a recipient, as the history tells of it."""
    return AuditedTest(
        caller=caller,
        owner=loaded.owner,
        what=Tested.MESSAGE if recipient else Tested.PROFILE,
        account=account_of(loaded.profile).without_secrets(),
        recipient=recipient,
    )


async def _require_testable(tx: Transaction, loaded: Loaded) -> None:
    if not loaded.profile.is_complete:
        raise NoProfileError("There is no email profile to test yet. Use /email-profile edit first.")
    (await load_defaults(tx, loaded.owner.workspace)).defaults.require_allowed(loaded.profile.host)


async def _account(tx: Transaction, owner: Person, profile: EmailProfile, in_slack: str) -> Account:
    """Return the account to test, and whom the test may name as recipient where nobody signs in."""
    account = account_of(profile)
    if account.authenticate:
        return account
    own = await own_address(tx, owner, profile, in_slack=in_slack)
    return replace(account, recipient=own.address or None)


async def _count_code(tx: Transaction, caller: Person, address: str) -> _CodeUses:
    uses = await count(tx, CODES_OF_A_PERSON, caller.workspace, caller.user)
    return _CodeUses(person=caller, uses=uses + await count(tx, CODES_TO_AN_ADDRESS, mailbox_of(address)))


async def _take_code_back(tx: Transaction, code: _CodeUses, account: Account, report: Report | None) -> None:
    """Forget a code that was not mailed; its uses count where the server said of the address whether it takes mail."""
    await tx.confirmations.forget(code.person.workspace, code.person.user)
    if report is None or account.authenticate or not report.named_recipient:
        await give_back(tx, code.uses)


def _result_for(
    reader: Person, owner: Person, report: Report, account: Account, profile: EmailProfile
) -> ConnectionTestResult:
    """Return what a report means; what the server said, and what the password is like, is for the owner alone."""
    if reader == owner:
        return interpret_report(report.in_full, account, profile)
    result = interpret_report(report, account.without_secrets(), profile)
    words = report.words
    return replace(result, words_withheld=words is not None and bool(words.reply or words.details))


def interpret_report(report: Report, account: Account, profile: EmailProfile) -> ConnectionTestResult:
    """Say what a finished report means for a profile, and which changes help."""
    advice = advise(report, account)
    return ConnectionTestResult(
        account=account.without_secrets(), report=report, advice=advice, fixes=propose_fixes(report, advice, profile)
    )


def _trusted_before(last: Report | None, report: Report) -> bool:
    """Whether this server's certificate was found good by the usual authorities, now or in an earlier test."""
    good = any(
        stage.name is StageName.ENCRYPTION and stage.outcome in (Outcome.PASSED, Outcome.WARNED)
        for stage in report.stages
    )
    return good or (last is not None and last.host == report.host and last.trusted_before)
