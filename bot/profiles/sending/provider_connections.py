"""Connections to profiles' providers for letters: kept ones, or new ones, with one sign-in of a profile at a time."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from bot.profiles.account.accepted_passwords import accepted_at
from bot.profiles.account.changes import named_account
from bot.profiles.connection_tests.kept_reports import keep_report
from bot.profiles.connection_tests.limits import RateLimitedError, duration_words
from bot.profiles.connection_tests.sign_ins import CountedSignIn, sign_in_of
from bot.profiles.people.access import Person
from bot.profiles.people.members import OnChange
from bot.profiles.sending.kept_connections import KeptConnections, ProfileAtRevision
from bot.profiles.sending.letters import Cause, LetterRefusedError
from bot.profiles.sending.ready_profiles import HeldProfileError, ReadyProfile, ready_profile, tell_of_refusal
from bot.profiles.tokens.program import Program
from bot.smtp.account import Account, ReachedServer
from bot.smtp.check.report import Report, StageName
from bot.smtp.check.tester import ConnectionTester
from bot.smtp.transport.connection import NotConnectedError, ProviderConnection, SignInRefusedError
from bot.smtp.transport.opening import open_connection
from storage.database import Database
from storage.engines.transactions import DatabaseUnavailableError
from storage.tables.audit import BY_PROGRAM, COULD_NOT_SIGN_IN

PAUSE_SECONDS = 60.0
"""How long nobody signs a profile in after its server did not, without refusing it for good.

Gmail answers 454 4.7.0 to too many sign-ins, and each one more prolongs that
(https://support.google.com/a/answer/3726730).
"""

_OF_THE_WAY = (StageName.RESOLVE, StageName.CONNECT, StageName.GREETING)
"""Stages whose failure may pass by itself."""


@dataclass(kw_only=True)
class ProviderConnections:
    """Opens connections, and keeps them for a moment after a letter.

    `count_sign_in` counts how each sign-in ended: accepted, refused, or failed; `named_admins` are user ids of admins
    besides the workspaces' own, who are told of locked logins.
    """

    database: Database
    tester: ConnectionTester
    on_change: OnChange
    count_sign_in: Callable[[str], None]
    named_admins: Collection[str] = ()
    pause_seconds: float = PAUSE_SECONDS
    kept: KeptConnections = field(default_factory=KeptConnections)
    _signing_in: WeakValueDictionary[Person, asyncio.Lock] = field(default_factory=WeakValueDictionary, init=False)
    _paused: dict[ProfileAtRevision, float] = field(default_factory=dict, init=False)
    _openings: set[asyncio.Task[tuple[ReadyProfile, ProviderConnection]]] = field(default_factory=set, init=False)

    async def open(self, person: Person, program: Program) -> tuple[ReadyProfile, ProviderConnection]:
        """Return a connection of somebody's profile as it is stored now: one given back meanwhile, or a new one.

        What was begun is opened to its end, also where the caller is cancelled: the next letter finds it.

        Raises:
            LetterRefusedError: 454 4.7.0, the sign-in was refused, or nobody may try it now, or the profile needs its
                owner for another reason; 451 4.4.1, the server cannot be reached.
        """
        opening = asyncio.create_task(self._open_one(person, program), name="open a connection to a provider")
        self._openings.add(opening)
        opening.add_done_callback(self._openings.discard)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._keep)
            raise

    async def close(self) -> None:
        """Close what is kept, and stop what is being opened; for the end of the process."""
        for opening in self._openings:
            opening.cancel()
        await asyncio.gather(*self._openings, return_exceptions=True)
        await self.kept.close_all()

    def _keep(self, opening: "asyncio.Task[tuple[ReadyProfile, ProviderConnection]]") -> None:
        if not opening.cancelled() and opening.exception() is None:
            ready, connection = opening.result()
            self.kept.give(ready.at, connection)

    async def _open_one(self, person: Person, program: Program) -> tuple[ReadyProfile, ProviderConnection]:
        async with self._signing_in.setdefault(person, asyncio.Lock()):
            async with self.database.reading() as tx:
                ready = await ready_profile(tx, person)
            kept = self.kept.take(ready.at)
            return ready, kept or await self._open(ready, program)

    async def _open(self, ready: ReadyProfile, program: Program) -> ProviderConnection:
        self._require_no_pause(ready)
        account, sign_in = await self._counted(ready)
        is_refused = False
        try:
            connection = await open_connection(account, self.tester)
        except SignInRefusedError as refused:
            is_refused = True
            raise await self._sign_in_refused(ready, program, sign_in, refused.report) from None
        except NotConnectedError as error:
            self.count_sign_in("failed")
            raise _not_connected(ready, error.report) from None
        except RateLimitedError as limited:
            raise _limited(ready, limited) from None
        finally:
            if sign_in is not None and not is_refused:
                # What the database cannot uncount stays counted until its window is over.
                with suppress(DatabaseUnavailableError):
                    async with self.database.writing() as tx:
                        await sign_in.give_back(tx)
        self.count_sign_in("accepted")
        return connection

    async def _counted(self, ready: ReadyProfile) -> tuple[Account, CountedSignIn | None]:
        """Count the sign-in as a test of the owner's is counted, and return the account with which to open."""
        async with self.database.writing() as tx:
            owner = ready.loaded.owner
            sign_in = sign_in_of(ready.account, owner, accepted_at=accepted_at(tx, ready.loaded))
            if sign_in is None:
                return ready.account, None
            try:
                await sign_in.begin(tx)
            except RateLimitedError as limited:
                raise _limited(ready, limited) from None

        async def permit(server: ReachedServer) -> None:
            async with self.database.writing() as tx:
                uses = await sign_in.reach(tx, server)
            sign_in.uses += uses

        return replace(ready.account, permit=permit), sign_in

    async def _sign_in_refused(
        self, ready: ReadyProfile, program: Program, sign_in: CountedSignIn | None, report: Report
    ) -> LetterRefusedError:
        """Keep a refusal as the profile's last test, and tell its owner; what may pass by itself is waited for."""
        loaded, account = ready.loaded, ready.account
        if not report.sign_in_refused_for_good:
            self.count_sign_in("failed")
            self._pause(ready)
            return _sign_in_paused(account, self.pause_seconds)
        self.count_sign_in("refused")
        # What the database cannot keep is not known to the next letter.
        self._pause(ready)
        async with self.database.writing() as tx:
            kept = await keep_report(tx, loaded, report)
            if sign_in is not None and (left := await sign_in.left(tx)):
                await sign_in.tell_of_locks(tx, left, self.named_admins)
            if kept is not None:
                await tell_of_refusal(tx, loaded)
                await tx.audit.append(
                    loaded.owner.workspace,
                    actor=BY_PROGRAM if program.id else loaded.owner.user,
                    subject=loaded.owner.user,
                    action=COULD_NOT_SIGN_IN,
                    fields=(f"failed at {StageName.SIGN_IN}",),
                    details=(program.name, *named_account(account)),
                )
        self._paused.pop(ready.at, None)
        self.on_change(loaded.owner)
        return HeldProfileError(account.address)

    def _pause(self, ready: ReadyProfile) -> None:
        now = asyncio.get_running_loop().time()
        self._paused = {at: until for at, until in self._paused.items() if until > now}
        self._paused[ready.at] = now + self.pause_seconds

    def _require_no_pause(self, ready: ReadyProfile) -> None:
        left = self._paused.get(ready.at, 0.0) - asyncio.get_running_loop().time()
        if left > 0:
            raise _sign_in_paused(ready.account, left)


def _sign_in_paused(account: Account, seconds: float) -> LetterRefusedError:
    sentence = f"{account.host} does not sign in {account.address} at the moment. Try again in a minute."
    return LetterRefusedError(Cause.PROVIDER, 454, "4.7.0", sentence, wait=seconds, stage=StageName.SIGN_IN)


def _limited(ready: ReadyProfile, limited: RateLimitedError) -> LetterRefusedError:
    words = duration_words(limited.wait)
    sentence = f"The sign-in of {ready.account.address} was refused too often; the bot tries it again in {words}."
    return LetterRefusedError(Cause.NOT_READY, 454, "4.7.0", sentence, wait=limited.wait, stage=StageName.SIGN_IN)


def _not_connected(ready: ReadyProfile, report: Report) -> LetterRefusedError:
    """Return what a program is told of a server that does not sign anybody in."""
    account = ready.account
    failed = report.failed_stage
    stage = failed.name if failed else None
    if stage in _OF_THE_WAY:
        sentence = f"{account.host} cannot be reached at the moment, so nothing was sent ({stage})."
        return LetterRefusedError(Cause.PROVIDER, 451, "4.4.1", sentence, stage=stage)
    sentence = (
        f"The mail account {account.address} has to be set right by its owner, in Slack: its test fails ({stage})."
    )
    return LetterRefusedError(Cause.NOT_READY, 454, "4.7.0", sentence, stage=stage)
