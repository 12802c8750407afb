"""Sign-ins of tests, counted against guessing: by person, and by mailbox and server, however the two are spelled.

A server is known by the name that was typed and, between look-up and sign-in, by each address that the name leads to
and by its public key, which is the same at all its addresses and behind whatever passes a connection on.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

from bot.profiles.connection_tests.limits import (
    DAY,
    FAILED_SIGN_INS,
    FAILED_SIGN_INS_EVERYWHERE,
    FAILED_SIGN_INS_IN_BULK,
    FAILED_SIGN_INS_OF_A_PERSON,
    LOGINS_OF_A_PERSON,
    Limit,
    RateLimitedError,
    SignInsLeft,
    Use,
    give_back,
    limit_key,
)
from bot.profiles.connection_tests.mailboxes import Mailbox, mailboxes_meant
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.profiles.people.notices import Lock, LockNotice, notify_of_lock
from bot.providers.recognition import provider_of
from bot.smtp.account import Account, Encryption, ReachedServer
from bot.smtp.network.guard import literal, without_mapping
from storage.database import Transaction
from storage.tables.limits import Window

_OF_EVERY_SPELLING = replace(FAILED_SIGN_INS_EVERYWHERE, name="failed sign-ins of all workspaces, every spelling")
_WITHOUT_DOMAIN = replace(FAILED_SIGN_INS_EVERYWHERE, name="failed sign-ins of all workspaces, without a domain")
_ENDLESS = 1_000_000_000
_ONE_LOGIN = Limit("a login of a person", 1, DAY, "")
_TOLD = Limit("locks told", 1, DAY, "")
_THIS_MACHINE = "this machine"
"""All addresses of the loopback are one server."""
_LEFT_TO_OWNER = "Their login was refused too often just now, so it was not tried."


class SignInLimitedError(RateLimitedError):
    """A limit was found to be reached only when the server was; nobody was signed in."""

    consequence = "The test ended before the sign-in, and the last result stays as it was."


@dataclass(kw_only=True)
class CountedSignIn:
    """The sign-in of one test as it is counted: as refused, until the test has ended.

    `caller` is whose test it is (a user id), empty in a test of many. `accepted_at` is the key of the server that
    accepted this very password last, as it is stored; there no limit stops it. Empty where none did.
    """

    workspace: str
    caller: str
    host: str
    login: str
    accepted_at: str
    uses: list[Use] = field(default_factory=list)
    _spent: UserError | None = None
    _counted: list[tuple[Limit, str]] = field(default_factory=list)
    _mailbox: Mailbox = field(init=False)
    _mailboxes: Sequence[Mailbox] = field(init=False)
    _reached: str = ""

    def __post_init__(self) -> None:
        meant = mailboxes_meant(self.login)
        self._mailbox, self._mailboxes = meant[0], sorted(meant, key=lambda mailbox: mailbox.name)

    async def begin(self, tx: Transaction) -> None:
        """Count what is known before the server's name is looked up.

        Raises:
            RateLimitedError: a limit is reached; the transaction must be rolled back.
            UserError: the same in a test of many, which leaves the login to its owner.
        """
        count = _Count(tx)
        if self.caller:
            await count.take(FAILED_SIGN_INS_OF_A_PERSON, self.workspace, self.caller)
            await self._count_login(count)
        for mailbox in self._mailboxes:
            await self._count_at(count, self._typed_server, mailbox)
        if count.spent and not self.accepted_at:
            raise count.spent
        self._spent, self.uses = count.spent, count.uses

    async def reach(self, tx: Transaction, server: ReachedServer) -> list[Use]:
        """Count what is known of the server before it is signed in to; returns what was counted, once that is stored.

        Raises:
            SignInLimitedError: a limit is reached; the transaction must be rolled back.
            UserError: the same in a test of many, which leaves the login to its owner.
        """
        count = _Count(tx)
        self._reached = server.pin or " ".join(sorted(map(_named, server.addresses)))
        # In one order, because two tests that lock the same rows in two orders would wait for each other.
        for name in sorted({*map(_named, server.addresses), *([f"key {server.pin}"] if server.pin else [])}):
            for mailbox in self._mailboxes:
                if name != self._typed_server:
                    await self._count_at(count, name, mailbox)
                await self._count_everywhere(count, name, mailbox)
        spent = self._spent or count.spent
        if spent and not (server.pin and server.pin == self.accepted_at):
            raise _when_reached(spent)
        return count.uses

    async def give_back(self, tx: Transaction) -> None:
        """Uncount what turned out not to have been refused."""
        await give_back(tx, self.uses)

    async def left(self, tx: Transaction) -> SignInsLeft | None:
        """Return how often the login may still be refused, and whoever tests; None in a test of many."""
        if not self.caller:
            return None
        windows = [window for limit, key in self._counted if (window := await _look(tx, limit, key))]
        if not windows:
            return None
        tightest = _tightest(windows)
        left = SignInsLeft(left=tightest.left, until=_time(tightest))
        key = limit_key(FAILED_SIGN_INS_OF_A_PERSON, self.workspace, self.caller)
        own = await _look(tx, FAILED_SIGN_INS_OF_A_PERSON, key)
        return replace(left, own_left=own.left, own_until=_time(own)) if own else left

    async def tell_of_locks(self, tx: Transaction, left: SignInsLeft, named: Collection[str]) -> bool:
        """Write admins (`named` are further ones, by user id) what a refused sign-in has locked; whether there is any.

        A lock of a login at one server, or of a person, is told once a day: one at another server hides none.
        """
        locks = {Lock.LOGIN: (left.left, left.until), Lock.PERSON: (left.own_left, left.own_until)}
        about = {Lock.LOGIN: (self._mailbox.name, self._reached), Lock.PERSON: (self.caller,)}
        told = False
        for lock, (still, until) in locks.items():
            if still != 0 or until is None:
                continue
            told_key = limit_key(_TOLD, self.workspace, lock, *about[lock])
            if (await tx.limits.take(told_key, most=1, seconds=DAY)).taken:
                notice = LockNotice(lock=lock, by=self.caller, login=self.login, host=self.host, until=until)
                await notify_of_lock(tx, self.workspace, notice, named)
                told = True
        return told

    @property
    def _typed_server(self) -> str:
        address = literal(self.host)
        return _named(without_mapping(address)) if address else self.host

    async def _count_at(self, count: "_Count", server: str, mailbox: Mailbox) -> None:
        """Count towards the limits of a mailbox at a server in this workspace."""
        subject = (self.workspace, server, mailbox.name)
        for limit in FAILED_SIGN_INS if self.caller else FAILED_SIGN_INS_IN_BULK:
            await count.take(limit, *subject)
            self._counted.append((limit, limit_key(limit, *subject)))
        if not self.caller:
            for limit in FAILED_SIGN_INS:
                window = await _look(count.tx, limit, limit_key(limit, *subject))
                if window and window.left == 0:
                    count.spent = count.spent or UserError(_LEFT_TO_OWNER)

    async def _count_everywhere(self, count: "_Count", server: str, mailbox: Mailbox) -> None:
        """Count towards the ceiling over all workspaces.

        Of two workspaces, each may have an info@ of its own at one hoster, and they do not count together. A login
        without its domain may be any of them: it counts for each, and each counts for it.
        """
        provider = provider_of(self.host)
        if provider is not None and self.login.casefold() == provider.value.shared_login.casefold():
            # Nobody's mailbox: all customers sign in with it, each with a key of their own.
            return
        limit, name, domain = FAILED_SIGN_INS_EVERYWHERE, mailbox.name, mailbox.domain
        if not domain:
            await count.take(_OF_EVERY_SPELLING, server, name)
            await count.take(replace(_WITHOUT_DOMAIN, max_uses=_ENDLESS), server, name)
            self._counted.append((_OF_EVERY_SPELLING, limit_key(_OF_EVERY_SPELLING, server, name)))
            return
        await count.take(replace(_OF_EVERY_SPELLING, max_uses=_ENDLESS), server, name)
        without = await _look(count.tx, _WITHOUT_DOMAIN, limit_key(_WITHOUT_DOMAIN, server, name))
        if without and without.left == 0:
            count.spent = count.spent or RateLimitedError(limit, without)
            return
        left = replace(limit, max_uses=without.left if without else limit.max_uses)
        await count.take(left, server, name, domain)
        self._counted.append((left, limit_key(limit, server, name, domain)))

    async def _count_login(self, count: "_Count") -> None:
        """Count a login among the different ones of whoever tests; it stays counted, whatever became of it."""
        key = limit_key(_ONE_LOGIN, self.workspace, self.caller, self._mailbox.name)
        if not (await count.tx.limits.take(key, most=1, seconds=DAY)).taken:
            return
        limit = LOGINS_OF_A_PERSON
        window = await count.tx.limits.take(
            limit_key(limit, self.workspace, self.caller), most=limit.max_uses, seconds=limit.window_seconds
        )
        if not window.taken:
            count.spent = count.spent or RateLimitedError(limit, window)


@dataclass
class _Count:
    """What was counted in one transaction, and the first limit that had nothing left."""

    tx: Transaction
    uses: list[Use] = field(default_factory=list)
    spent: UserError | None = None

    async def take(self, limit: Limit, *subject: str) -> None:
        key = limit_key(limit, *subject)
        window = await self.tx.limits.take(key, most=limit.max_uses, seconds=limit.window_seconds)
        if window.taken:
            self.uses.append(Use(key=key, ends_at=window.ends_at))
        else:
            self.spent = self.spent or RateLimitedError(limit, window)


def sign_in_of(account: Account, caller: Person, *, accepted_at: str) -> CountedSignIn | None:
    """Return the sign-in of a test by `caller`; None where the test will try none."""
    if not account.authenticate or account.password is None or account.encryption is Encryption.NONE:
        return None
    return CountedSignIn(
        workspace=caller.workspace, caller=caller.user, host=account.host, login=account.login, accepted_at=accepted_at
    )


def _named(address: IPv4Address | IPv6Address) -> str:
    return _THIS_MACHINE if address.is_loopback else str(address)


def _when_reached(spent: UserError) -> UserError:
    return SignInLimitedError(spent.limit, spent.window) if isinstance(spent, RateLimitedError) else spent


async def _look(tx: Transaction, limit: Limit, key: str) -> Window | None:
    return await tx.limits.look(key, most=limit.max_uses)


def _tightest(windows: Sequence[Window]) -> Window:
    # Of two that are used up, the one that lasts longer counts.
    return min(windows, key=lambda window: (window.left, -window.ends_at if window.left == 0 else window.ends_at))


def _time(window: Window) -> datetime:
    return datetime.fromtimestamp(window.ends_at, UTC)
