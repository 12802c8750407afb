"""The rules for tokens of programs: who makes, sees and removes them, and which program shows one."""

import asyncio
import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from pydantic import SecretStr

from bot.profiles.account.own_address import is_same_address
from bot.profiles.account.records import Loaded, load, require_readable
from bot.profiles.connection_tests.limits import DAY, MINUTE, Limit, RateLimitedError, limit_key
from bot.profiles.errors import NoProfileError, NotAllowedError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.members import OnChange
from bot.profiles.people.notices import notify_of_network, notify_of_removed_program
from bot.profiles.sending.days import day_before, tell_of_day
from bot.profiles.tokens.program import MaySendTo, Program, Sender
from bot.profiles.tokens.program_form import CheckedForm, ProgramForm, checked, last_day
from bot.profiles.tokens.secret_token import ParsedToken, SecretToken
from storage.database import Database, Transaction
from storage.tables.audit import BY_PROGRAM, PROGRAM_ADDED, PROGRAM_IN_NETWORK, PROGRAM_REMOVED
from storage.tables.limits import Window
from storage.tables.program_tokens import StoredToken

log = logging.getLogger(__name__)

MOST_PROGRAMS = 10
"""Programs of one person."""

WRONG_TOKENS = Limit("wrong tokens", 10, 15 * MINUTE, "Ten sign-ins with a wrong user or token came from this network.")
"""Of a network: an IPv4 /24, an IPv6 /64. With the last one, it is blocked."""
BLOCKED_NETWORKS = replace(WRONG_TOKENS, name="networks of wrong tokens", max_uses=1)
"""Nobody of a blocked network signs in, so that a guess that is right shows nothing either."""

TRIED_AGAIN = replace(WRONG_TOKENS, name="wrong tokens tried again", max_uses=1)
"""Of a network, a user name and a token: what a program tries again and again, since its token has ended, counts once,
so that it keeps no other program of its network out."""

_TOLD_NETWORKS = Limit("networks told of a program", 20, DAY, "")
"""Whoever has many networks, and somebody's token, does not bury that in messages."""
_MOST_NETWORKS = 20
"""Networks of a program that are known; of one that is used in more, the one that was new first is told of again."""
_NOTED_AGAIN_SECONDS = MINUTE
"""A use is written down when the last one that was is so long ago, or when it comes from a new network."""
UNKNOWN_NETWORK = "unknown"
_NOBODY = ParsedToken(id="", digest="0" * 64)


class WrongTokenError(UserError):
    """No program may sign in so. Which of the reasons it is, is told neither in words nor by the time it takes."""

    def __init__(self) -> None:
        super().__init__(
            "User and password do not fit. Type the email address of the profile as user, and the program's token "
            "as password; a token that is lost or over is made anew in Slack, with /email-profile programs."
        )


def network_of(address: str) -> str:
    """Return the network that an address (or a network) belongs to, in CIDR form: IPv4 by /24, IPv6 by /64.

    What is neither, as who comes by a socket of this machine, is one network of its own.
    """
    try:
        network = ip_network(address.partition("%")[0], strict=False)
    except ValueError:
        return UNKNOWN_NETWORK
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None:
        network = ip_network(str(mapped))
    bits = min(network.prefixlen, 24 if network.version == 4 else 64)
    return str(ip_network((network.network_address, bits), strict=False))


@dataclass(frozen=True, kw_only=True)
class ProgramTokens:
    """The rules for tokens of programs, on one database.

    `clock` returns the time now, aware UTC. A sign-in that is refused is answered `refused_after` seconds after it
    was asked for, whatever the reason.
    """

    database: Database
    access: Access
    clock: Callable[[], datetime]
    on_change: OnChange
    refused_after: float = 0.2

    async def require_may_add(self, *, caller: Person, owner: Person) -> None:
        """Check that somebody can add a program before they fill in a form; errors as `add`, but for the form."""
        await self._require_owner(caller, owner)
        async with self.database.reading() as tx:
            await _require_place(tx, owner)

    async def check_form(self, *, caller: Person, owner: Person, form: ProgramForm) -> None:
        """Check what a form would add, and add nothing; errors as `add`."""
        await self._require_owner(caller, owner)
        async with self.database.reading() as tx:
            self._checked(form, await _require_place(tx, owner))

    async def add(self, *, caller: Person, owner: Person, form: ProgramForm) -> tuple[Program, SecretToken]:
        """Add a program to the caller's own profile; its token is returned this once and never again.

        Raises:
            NotAllowedError: the profile is somebody else's, or this person can have none.
            NoProfileError: there is no profile to send with yet.
            InvalidFormError: a field of `ProgramField` breaks a rule.
            UserError: there are MOST_PROGRAMS already.
        """
        await self._require_owner(caller, owner)
        async with self.database.writing() as tx:
            # Whoever adds another at the same moment waits here, so that there are never too many.
            await tx.people.lock_for_update(owner.workspace, owner.user)
            values = self._checked(form, await _require_place(tx, owner))
            stored, token = await _store(tx, await load(tx, owner), values)
            await tx.audit.append(
                owner.workspace,
                actor=caller.user,
                subject=owner.user,
                action=PROGRAM_ADDED,
                details=(values.name, *_in_words(values)),
            )
        self.on_change(owner)
        return _program(stored), token

    async def remove(self, *, caller: Person, owner: Person, program_id: str) -> Program | None:
        """Remove a program, whose token ends at once; returns it, or None when there is none with this id.

        Raises:
            NotAllowedError: the caller is neither the owner nor an admin.
        """
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.writing() as tx:
            stored = await tx.program_tokens.remove(owner.workspace, owner.user, program_id)
            if stored is None:
                return None
            program = _program(stored)
            today = self.clock().date()
            for day in (day_before(today), today):
                await tell_of_day(tx, owner, program, day)
            await notify_of_removed_program(tx, caller, owner, name=program.name)
            await tx.audit.append(
                owner.workspace, actor=caller.user, subject=owner.user, action=PROGRAM_REMOVED, details=(program.name,)
            )
        self.on_change(owner)
        return program

    async def list(self, *, caller: Person, owner: Person) -> tuple[Program, ...]:
        """Return the programs of a profile, in the order in which they were added.

        Raises:
            NotAllowedError: the caller is neither the owner nor an admin.
        """
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.reading() as tx:
            programs = [_program(stored) for stored in await tx.program_tokens.of(owner.workspace, owner.user)]
            return tuple([await _with_count(tx, owner, program) for program in programs])

    async def list_for_card(self, *, caller: Person, owner: Person) -> tuple[Program, ...]:
        """As `list`, without how many messages were sent."""
        await self.access.require_owner_or_admin(caller, owner)
        async with self.database.reading() as tx:
            return tuple(_program(stored) for stored in await tx.program_tokens.of(owner.workspace, owner.user))

    async def authenticate(self, username: str | None, secret: SecretStr, address: str) -> Sender:
        """Return who signs in with a token; the owner is told when that is the first time from a network.

        `username` is the address of the profile or the token's id, None where the way in has no user names (the send
        API). `address` is the network address that the program comes from: an IP address, or a network in CIDR form.

        Raises:
            WrongTokenError: no such token, another user name, or it was removed, is over, or its profile or person is.
            RateLimitedError: 10 were wrong within 15 minutes from the network (/24, /64), so it waits 15 minutes.
            DatabaseUnavailableError: the database does not do what it is asked.
        """
        network, loop = network_of(address), asyncio.get_running_loop()
        answer_at, parsed = loop.time() + self.refused_after, SecretToken.parse(secret)
        async with self.database.reading() as tx:
            await _require_unblocked(tx, network)
            found = await _find(tx, username, parsed or _NOBODY)
        if found is not None and found.is_to_be_noted(network):
            found = await self._note_use(found, address, network)
        if found is not None:
            return Sender(program=_program(found.stored), person=found.person)
        async with self.database.writing() as tx:
            is_blocked = await _count_wrong(tx, network, username, parsed)
        if is_blocked:
            log.warning("Ten wrong sign-ins of programs came from %s, so it is blocked for a while.", network)
        # How long the look-up took, which tells whether there is such a token, is not to be seen.
        await asyncio.sleep(answer_at - loop.time())
        raise WrongTokenError

    async def _note_use(self, found: "_Found", address: str, network: str) -> "_Found | None":
        """Write down when and from where a program is used; None where its token ended at this very moment."""
        owner = found.person
        async with self.database.writing() as tx:
            stored = await tx.program_tokens.lock(found.stored.token_id)
            if stored is None or stored.document is None:
                return None
            before = _Sealed.from_document(stored.document)
            used = before.used(address, network)
            await tx.program_tokens.save_use(stored, used.to_document(), at=found.now)
            is_new = network not in before.networks
            if is_new and (await _take(tx, _TOLD_NETWORKS, owner.workspace, stored.token_id)).taken:
                await notify_of_network(tx, owner, program_id=stored.token_id, name=used.name, network=network)
                await tx.audit.append(
                    owner.workspace,
                    actor=BY_PROGRAM,
                    subject=owner.user,
                    action=PROGRAM_IN_NETWORK,
                    details=(used.name, network),
                )
        if is_new:
            self.on_change(owner)
        return found

    def _checked(self, form: ProgramForm, programs: tuple[Program, ...]) -> CheckedForm:
        return checked(form, names=[program.name for program in programs], today=self.clock().date())

    async def _require_owner(self, caller: Person, owner: Person) -> None:
        if caller != owner:
            await self.access.require_owner_or_admin(caller, owner)
            raise NotAllowedError(
                "Only the owner of an email profile adds programs to it, since their mail is sent in the owner's name. "
                "Ask them to use /email-profile programs. You can see and remove programs."
            )
        await self.access.require_member(caller)


async def programs_used_within(tx: Transaction, seconds: float) -> list[tuple[Person, Program]]:
    """Return the programs that signed in within so many seconds, with whose they are."""
    tokens = await tx.program_tokens.used_within(seconds)
    return [(Person(one.workspace, one.user), _program(one)) for one in tokens if one.document is not None]


@dataclass(frozen=True, kw_only=True)
class _Sealed:
    """What is sealed of a token: what its program may do, and from where it was used; networks in CIDR form.

    `profile_id` is the record id of the profile that it is for, so that it sends with no later one of the same person.
    """

    profile_id: str
    name: str
    may_send_to: MaySendTo
    messages_a_day: int
    last_address: str = ""
    networks: tuple[str, ...] = ()

    def used(self, address: str, network: str) -> "_Sealed":
        others = tuple(known for known in self.networks if known != network)
        known = self.networks if network in self.networks else (*others, network)[-_MOST_NETWORKS:]
        return replace(self, last_address=address, networks=known)

    def to_document(self) -> bytes:
        return json.dumps({"version": 1, **asdict(self)}).encode()

    @classmethod
    def from_document(cls, document: bytes) -> "_Sealed":
        """Read what `to_document` wrote."""
        read: dict[str, Any] = json.loads(document)
        return cls(
            profile_id=read["profile_id"],
            name=read["name"],
            may_send_to=MaySendTo(read["may_send_to"]),
            messages_a_day=read["messages_a_day"],
            last_address=read["last_address"],
            networks=tuple(read["networks"]),
        )


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A token that is good, and the time by the database's clock, in seconds since 1970, UTC."""

    stored: StoredToken
    now: float

    @property
    def person(self) -> Person:
        return Person(workspace=self.stored.workspace, user=self.stored.user)

    def is_to_be_noted(self, network: str) -> bool:
        last = self.stored.last_used_at
        if last is None or not last <= self.now < last + _NOTED_AGAIN_SECONDS:
            return True
        return network not in _Sealed.from_document(self.stored.document or b"").networks


async def _find(tx: Transaction, username: str | None, parsed: ParsedToken) -> _Found | None:
    shown = await tx.program_tokens.shown(parsed.id)
    digest = shown.stored.digest if shown else _NOBODY.digest
    is_right = hmac.compare_digest(digest, parsed.digest) and parsed is not _NOBODY
    if shown is None or not is_right or not shown.is_alive:
        return None
    if _Sealed.from_document(shown.stored.document or b"").profile_id != shown.profile_id:
        return None
    found = _Found(stored=shown.stored, now=shown.now)
    if username is not None and username != parsed.id:
        address = (await load(tx, found.person)).profile.address
        # Where the profile cannot be read or has no address, sending tells what is to be done; the token is right.
        if address and not is_same_address(address.casefold(), username.strip().casefold()):
            return None
    return found


async def _require_unblocked(tx: Transaction, network: str) -> None:
    window = await tx.limits.look(limit_key(BLOCKED_NETWORKS, network), most=BLOCKED_NETWORKS.max_uses)
    if window is not None and not window.left:
        raise RateLimitedError(BLOCKED_NETWORKS, window)


async def _count_wrong(tx: Transaction, network: str, username: str | None, parsed: ParsedToken | None) -> bool:
    """Count a wrong sign-in; return whether its network is blocked by that."""
    await tx.limits.purge()
    # What is no token may be somebody's password, of which not even a hash is stored.
    if parsed and not (await _take(tx, TRIED_AGAIN, network, username or "", parsed.id, parsed.digest)).taken:
        return False
    if (await _take(tx, WRONG_TOKENS, network)).left:
        return False
    return (await _take(tx, BLOCKED_NETWORKS, network)).taken


async def _take(tx: Transaction, limit: Limit, *subject: str) -> Window:
    return await tx.limits.take(limit_key(limit, *subject), most=limit.max_uses, seconds=limit.window_seconds)


async def _require_place(tx: Transaction, owner: Person) -> tuple[Program, ...]:
    """Return the programs of somebody who can have one more.

    Raises:
        NoProfileError, UnreadableProfileError: there is no profile to send with.
        UserError: there are too many.
    """
    _require_profile(await load(tx, owner))
    programs = tuple(_program(stored) for stored in await tx.program_tokens.of(owner.workspace, owner.user))
    if len(programs) >= MOST_PROGRAMS:
        raise UserError(
            f"You have {MOST_PROGRAMS} programs, and no more are possible. Remove one that you do not use any more."
        )
    return programs


def _require_profile(loaded: Loaded) -> None:
    if not require_readable(loaded).profile.is_complete:
        raise NoProfileError(
            "There is no email profile yet that a program could send with. Use /email-profile edit first."
        )


async def _store(tx: Transaction, loaded: Loaded, values: CheckedForm) -> tuple[StoredToken, SecretToken]:
    owner = loaded.owner
    sealed = _Sealed(
        profile_id=loaded.record_id,
        name=values.name,
        may_send_to=values.may_send_to,
        messages_a_day=values.messages_a_day,
    )
    while True:
        token = SecretToken.generate()
        stored = await tx.program_tokens.add(
            owner.workspace,
            owner.user,
            token_id=token.id,
            digest=token.digest,
            ends_at=values.ends_at,
            document=sealed.to_document(),
        )
        # Another has the id once in some 10^14 tokens.
        if stored is not None:
            return stored, token


def _program(stored: StoredToken) -> Program:
    """Return a token's program; one that does not open has a name that says so, so that it can be removed."""
    name = f"Unreadable ({stored.token_id})"
    sealed = _Sealed(profile_id="", name=name, may_send_to=MaySendTo.OWN_DOMAIN, messages_a_day=1)
    if stored.document is not None:
        sealed = _Sealed.from_document(stored.document)
    return Program(
        id=stored.token_id,
        name=sealed.name,
        may_send_to=sealed.may_send_to,
        messages_a_day=sealed.messages_a_day,
        ends_on=last_day(stored.ends_at),
        created_at=datetime.fromtimestamp(stored.created_at, UTC),
        last_used_at=None if stored.last_used_at is None else datetime.fromtimestamp(stored.last_used_at, UTC),
        last_address=sealed.last_address,
    )


async def _with_count(tx: Transaction, owner: Person, program: Program) -> Program:
    limit = program.limit_of_a_day()
    window = await tx.limits.look(limit_key(limit, owner.workspace, program.id), most=limit.max_uses)
    return program if window is None else replace(program, sent_today=limit.max_uses - window.left)


def _in_words(values: CheckedForm) -> tuple[str, ...]:
    """Return what a program may do, for the history."""
    to = "to anyone" if values.may_send_to is MaySendTo.ANYONE else "to the own domain"
    ends = f"until {values.ends_on}" if values.ends_on else "for good"
    return (f"{to}, {values.messages_a_day} messages a day, {ends}",)
