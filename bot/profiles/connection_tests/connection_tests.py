"""Connection tests of stored and of typed profiles: authorised, limited, kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from bot.profiles.account.accepted_passwords import accepted_at
from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.drafts import FormAuthor, check_form, names_same_account
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.fixes import ProposedFix
from bot.profiles.account.form_tests import keep_form_test, tested_values
from bot.profiles.account.own_address import (
    Confirmation,
    ConfirmationCode,
    OwnAddress,
    address_in_slack,
    own_address,
    store_confirmation,
)
from bot.profiles.account.profile import EmailProfile, ProfileForm
from bot.profiles.account.records import Loaded, account_of, load, report_of, require_readable
from bot.profiles.connection_tests.audited_tests import AuditedTest, Tested, audit_test, audited_when_stopped
from bot.profiles.connection_tests.counted_tests import BegunTest, CountedTests, Follow, count_code
from bot.profiles.connection_tests.kept_reports import keep_report, trusted_before
from bot.profiles.connection_tests.limits import MESSAGES_OF_A_PERSON, SignInsLeft, count
from bot.profiles.connection_tests.results import (
    ConnectionTestResult,
    Dialogue,
    MailedCode,
    SentMessageResult,
    result_for,
)
from bot.profiles.connection_tests.running_tests import Progress, RunningTests
from bot.profiles.connection_tests.sample_message import code_message, sample_message
from bot.profiles.errors import DirectoryError, NoProfileError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.defaults import load_defaults
from bot.profiles.people.members import OnChange
from bot.profiles.people.notices import notify_of_form_test
from bot.smtp.account import Account, Outgoing
from bot.smtp.check.report import Report
from storage.database import Database, Transaction


class AccountTester(Protocol):
    """What the rules need of the connection test."""

    async def test(self, account: Account, progress: Follow) -> Report:
        """Test one account and report."""
        ...

    async def send(self, account: Account, outgoing: Outgoing, progress: Follow) -> Report:
        """Test one account and, when all stages pass, send one message."""
        ...


class NoOwnAddressError(UserError):
    """There is no address at which a message certainly reaches whoever asks for it."""


class OwnTestFirstError(Exception):
    """A test among many gave way, because somebody tests this profile by itself; their test has ended now."""


class ConnectionTests:
    """Tests, on one database; at most one of a profile at a time in this process."""

    def __init__(
        self,
        *,
        database: Database,
        tester: AccountTester,
        judge: Callable[[str, str], Awaitable[tuple[str, ...]]],
        message_place: Callable[[Person, str], AbstractAsyncContextManager[object]],
        access: Access,
        profiles: EmailProfiles,
        running: RunningTests,
        clock: Callable[[], datetime],
        on_change: OnChange,
        password_in_form: bool = True,
    ) -> None:
        """`judge` says what DNS tells of a domain that sends through a host; `clock` gives the time now, aware UTC.

        `message_place` waits for a place for a message of a person's at a host, among letters of their programs.
        """
        self._database = database
        self._tester = tester
        self._judge = judge
        self._message_place = message_place
        self._access = access
        self._profiles = profiles
        self._counted = CountedTests(database=database, access=access, running=running, on_change=on_change)
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
                begun = await self._begin(tx, caller, loaded, in_slack)
            report, left = await self._counted.run(begun, self._tester.test, progress)
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
                begun = await self._begin(tx, caller, loaded, in_slack)
            self._on_change(owner)
            on_fixed(change)
            report, left = await self._counted.run(begun, self._tester.test, progress)
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
            accepted = accepted_at(tx, loaded)
            begun = await self._counted.begin_in_bulk(tx, caller, owner, loaded.profile, in_slack, accepted=accepted)
        report = await self._counted.run_in_bulk(begun, self._tester.test)
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
        return result_for(reader, owner, report, account_of(loaded.profile), loaded.profile)

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
        async with self._only_test_of(owner), self._message_place(owner, loaded.profile.host):
            async with self._database.writing() as tx:
                begun = await self._begin(tx, caller, loaded)
                message = await count(tx, MESSAGES_OF_A_PERSON, caller.workspace, caller.user)
            audited = _audited(caller, loaded, Tested.MESSAGE, recipient=recipient)
            async with audited_when_stopped(self._database, audited):
                report, left = await self._counted.run(
                    replace(begun, message=message),
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
        async with self._only_test_of(caller), self._message_place(caller, profile.host):
            async with self._database.writing() as tx:
                begun = await self._begin(tx, caller, loaded)
                begun = replace(begun, code=await count_code(tx, caller, profile.address))
                await store_confirmation(tx, caller, Confirmation.of(profile, code))
            audited = _audited(caller, loaded, Tested.CODE, recipient=profile.address)
            async with audited_when_stopped(self._database, audited):
                report, left = await self._counted.run(
                    begun, lambda account, follow: self._tester.send(account, outgoing, follow), progress
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
                begun = await self._counted.begin(tx, caller, owner, draft.profile, in_slack, accepted="")
                if withheld:
                    begun = replace(begun, account=begun.account.without_password())
                stored = not draft.has_typed_password
                await notify_of_form_test(tx, caller, owner, begun.account, with_stored_password=stored)
            audited = AuditedTest(caller=caller, owner=owner, what=Tested.FORM, account=begun.account)
            async with audited_when_stopped(self._database, audited):
                report, left = await self._counted.run(begun, self._tester.test, progress)
        report = replace(report, trusted_before=trusted_before(loaded.last_report, report))
        async with self._database.writing() as tx:
            await keep_form_test(tx, caller, owner, tested_values(draft, loaded), report)
            outline = (await load(tx, owner)).record_id != loaded.record_id
            await audit_test(tx, audited, report, outline=outline)
        self._on_change(owner)
        return replace(result_for(caller, owner, report, begun.account, draft.profile), sign_ins_left=left)

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

    async def _begin(self, tx: Transaction, caller: Person, loaded: Loaded, in_slack: str = "") -> BegunTest:
        """Count a test of a stored profile; no limit of its login stops it where its password was accepted last."""
        accepted = accepted_at(tx, loaded)
        return await self._counted.begin(tx, caller, loaded.owner, loaded.profile, in_slack, accepted=accepted)

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
        result = result_for(audited.caller, audited.owner, report, account_of(loaded.profile), loaded.profile)
        return replace(result, sign_ins_left=left, unconfirmed=unconfirmed)

    async def _keep(self, audited: AuditedTest, loaded: Loaded, report: Report) -> Report:
        owner = audited.owner
        async with self._database.writing() as tx:
            kept = await keep_report(tx, loaded, report)
            await audit_test(tx, audited, kept or report, outline=kept is None)
        if kept is None:
            return report
        self._on_change(owner)
        return kept


def _audited(caller: Person, loaded: Loaded, what: Tested = Tested.PROFILE, *, recipient: str = "") -> AuditedTest:
    """Return a test of a stored profile as the history tells of it."""
    return AuditedTest(
        caller=caller,
        owner=loaded.owner,
        what=what,
        account=account_of(loaded.profile).without_secrets(),
        recipient=recipient,
    )


async def _require_testable(tx: Transaction, loaded: Loaded) -> None:
    if not loaded.profile.is_complete:
        raise NoProfileError("There is no email profile to test yet. Use /email-profile edit first.")
    (await load_defaults(tx, loaded.owner.workspace)).defaults.require_allowed(loaded.profile.host)
