"""The people of a workspace as "Work with email" shows them: the state of each, and the words they are found by."""

import re
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from bot.profiles.account.failures import failure_of
from bot.profiles.account.records import ProfileState, ProfileView, load
from bot.profiles.people.access import Member, Person, reason_ineligible
from storage.database import Database, Transaction
from storage.tables.people import HIDDEN, StoredPerson
from storage.tables.people_query import Query

# What is wrong comes first. The numbers are stored, so new states go to the end of `_NUMBERS`.
PROBLEMS_FIRST = (
    ProfileState.FAILS,
    ProfileState.PASSWORD_MISSING,
    ProfileState.UNREADABLE,
    ProfileState.NOT_TESTED,
    ProfileState.NOT_SET_UP,
    ProfileState.WORKS,
    ProfileState.DEACTIVATED,
)
_NUMBERS = {state: number for number, state in enumerate(PROBLEMS_FIRST)}
_WORD = re.compile(r"\w+")
_BATCH = 200
_FEW = 8
"""So many newcomers are put into their places one by one; for more, the places are found together."""

NO_MEMBER = "no_member"
"""The outcome of messages to somebody who is no member any more."""

_ADMIN = "admin"
"""The label of whoever the workspace calls an admin or owner."""
MOST_ADMINS_TOLD = 20

OnChange = Callable[[Person], None]
"""Called after a change (or a test) of a person's profile is stored."""


class ChangeEvents:
    """Publishes that a profile changed to all subscribers."""

    def __init__(self) -> None:
        self._subscribers: list[OnChange] = []

    def subscribe(self, subscriber: OnChange) -> None:
        """Call `subscriber` after each change from now on."""
        self._subscribers.append(subscriber)

    def publish(self, owner: Person) -> None:
        """Call every subscriber."""
        for subscriber in self._subscribers:
            subscriber(owner)


def state_number(state: ProfileState) -> int:
    """Return the number of a state in the database."""
    return _NUMBERS[state]


def state_from_number(number: int) -> ProfileState:
    """Return the state of a number."""
    return PROBLEMS_FIRST[number] if 0 <= number < len(PROBLEMS_FIRST) else ProfileState.NOT_SET_UP


def search_words(*texts: str) -> tuple[str, ...]:
    """Cut texts into the words that people search by: folded, without accents and punctuation."""
    plain = unicodedata.normalize("NFKD", " ".join(texts).casefold())
    bare = "".join(character for character in plain if not unicodedata.combining(character))
    return tuple(dict.fromkeys(_WORD.findall(bare)))


def is_member(person: StoredPerson | None) -> bool:
    """Whether somebody can have a profile, as far as the list of people knows.

    Of who is no member any more, the profile waits to be purged, or for the person's return.
    """
    return person is not None and person.deactivated_at is None


async def admins_of(tx: Transaction, workspace: str, named: Collection[str]) -> list[str]:
    """Return user ids of a workspace's admins as the list knows them, and of `named` ones; MOST_ADMINS_TOLD at most."""
    states = tuple(_NUMBERS[state] for state in PROBLEMS_FIRST if state is not ProfileState.DEACTIVATED)
    found = await tx.people.page(workspace, Query(states=states, labels=(_ADMIN,)), limit=MOST_ADMINS_TOLD)
    admins = [person.user for person, _ in found if _is_admin(person)]
    listed = await tx.people.of(workspace, named)
    admins += [user for user, person in sorted(listed.items()) if is_member(person)]
    return list(dict.fromkeys(admins))[:MOST_ADMINS_TOLD]


async def update_person(tx: Transaction, owner: Person, *, at: datetime, name: str | None = None) -> None:
    """Update a person's line in the list to what is stored; `name` is None when it is as known.

    The profile is read under the lock of the line, because another transaction may have just saved it.
    """
    known = await tx.people.lock_for_update(owner.workspace, owner.user)
    view = (await load(tx, owner)).view
    who = _Who.known(known)
    await _put(tx, view, known, who if name is None else replace(who, name=name), at)


async def update_person_from(tx: Transaction, view: ProfileView, *, at: datetime) -> None:
    """Update a person's line in the list to what this transaction has just stored of their profile."""
    known = await tx.people.lock_for_update(view.owner.workspace, view.owner.user)
    await _put(tx, view, known, _Who.known(known), at)


@dataclass(frozen=True)
class _Who:
    """What the workspace says of a person."""

    name: str
    is_admin: bool

    @classmethod
    def known(cls, person: StoredPerson | None) -> "_Who":
        return cls("", is_admin=False) if person is None else cls(person.name, _is_admin(person))


def _is_admin(person: StoredPerson) -> bool:
    return _ADMIN in person.labels


async def _put(tx: Transaction, view: ProfileView, known: StoredPerson | None, who: _Who, at: datetime) -> None:
    number = state_number(view.state)
    if known and known.deactivated_at:
        number = HIDDEN if known.state == HIDDEN else state_number(ProfileState.DEACTIVATED)
    words = search_words(who.name, view.profile.address)
    failure = failure_of(view.last_test, view.account) if view.state is ProfileState.FAILS and view.last_test else None
    labels, cause = (failure.labels, failure.cause) if failure else ((), "")
    labels = (*labels, _ADMIN) if who.is_admin else labels
    await tx.people.put(view.owner.workspace, view.owner.user, who.name, words, number, at, labels=labels, note=cause)


async def upsert_member(database: Database, member: Member, *, at: datetime) -> bool:
    """Store what the workspace says of a person; returns whether the list changed.

    Who is no member any more is kept for a while when there is a profile: the deactivated in the list, guests and
    people of other organisations out of it. Then their secrets are purged.
    """
    person = member.person
    async with database.writing() as tx:
        if reason_ineligible(member):
            # A link made before must not outlive the right to use it. In the order of a deletion, which locks the
            # person's line after these: else the two could wait for each other.
            await tx.links.forget(person.workspace, person.user)
            await tx.form_tests.forget(person.workspace, person.user)
            await tx.confirmations.forget(person.workspace, person.user)
            await tx.outbox.end_all(person.workspace, person.user, NO_MEMBER)
        known = await tx.people.lock_for_update(person.workspace, person.user)
        if reason_ineligible(member):
            if (await load(tx, person)).revision:
                return await _kept_for_a_while(tx, member, known, at)
            await tx.people.remove(person.workspace, person.user)
            return known is not None
        if known and not _differs(known, member):
            return False
        await tx.people.set_deactivated(person.workspace, person.user, None)
        known = await tx.people.get(person.workspace, person.user)
        view = (await load(tx, person)).view
        await _put(tx, view, known, _Who(member.name, is_admin=member.is_admin), at)
        return True


async def _kept_for_a_while(tx: Transaction, member: Member, known: StoredPerson | None, at: datetime) -> bool:
    person = member.person
    number = state_number(ProfileState.DEACTIVATED) if member.is_deactivated else HIDDEN
    if known and known.deactivated_at and known.state == number:
        return False
    words = known.words if known else search_words(member.name)
    await tx.people.put(person.workspace, person.user, known.name if known else member.name, words, number, at)
    await tx.people.set_deactivated(person.workspace, person.user, (known and known.deactivated_at) or at)
    return True


@dataclass(frozen=True, kw_only=True)
class MembersPage:
    """A part of a workspace's members, as a reading that began at `began_at` (seconds since 1970) found them.

    With `several_teams` it is a part of one team of an organisation: who can have no profile there may have one by
    another team.
    """

    workspace: str
    members: Sequence[Member]
    began_at: float
    several_teams: bool = False


async def sync_page(database: Database, page: MembersPage, *, at: datetime, newer: Collection[Person] = ()) -> None:
    """Update the list to one page of members, in short transactions.

    Of those in `newer`, which may grow meanwhile, more is known than the page says; they stay as they are.
    """
    workspace, users = page.workspace, [member.person.user for member in page.members]
    async with database.reading() as tx:
        known = await tx.people.of(workspace, users)
        with_profile = await tx.profiles.users_among(workspace, users)
    newcomers, changed = [], []
    for member in page.members:
        line, has_profile = known.get(member.person.user), member.person.user in with_profile
        if page.several_teams and (reason_ineligible(member) or _was_seen(line, page.began_at)):
            continue
        if line is None and not has_profile:
            newcomers += [] if reason_ineligible(member) else [member]
        elif line is None or _differs(line, member):
            changed.append(member)
    await _add(database, workspace, newcomers, at, newer)
    for member in changed:
        # One at a time: two instances that lock several people each could wait for each other.
        if member.person not in newer:
            await upsert_member(database, member, at=at)
    async with database.writing() as tx:
        await tx.people.mark_seen(
            workspace, [member.person.user for member in page.members if not reason_ineligible(member)]
        )


async def restore_order(database: Database, workspace: str) -> None:
    """Move whoever does not stand where their name belongs: the version before sorted by another order."""
    async with database.reading() as tx:
        misplaced = await tx.people.out_of_order(workspace)
    for begin in range(0, len(misplaced), _BATCH):
        async with database.writing() as tx:
            await tx.people.set_aside(workspace, misplaced[begin : begin + _BATCH])
    for user in misplaced:
        async with database.writing() as tx:
            await tx.people.move(workspace, user)


async def add_missing_causes(database: Database, workspace: str, *, at: datetime) -> None:
    """Note why people fail where the version before noted only that they do."""
    query = Query(states=(state_number(ProfileState.FAILS),))
    while True:
        async with database.reading() as tx:
            found = await tx.people.page(workspace, query, limit=_BATCH)
        for person, _ in found:
            if not person.note:
                async with database.writing() as tx:
                    await update_person(tx, Person(workspace=workspace, user=person.user), at=at)
        if len(found) < _BATCH:
            return
        query = replace(query, after=found[-1][1])


def _was_seen(line: StoredPerson | None, began_at: float) -> bool:
    return line is not None and line.seen_at is not None and line.seen_at >= began_at


def _differs(line: StoredPerson, member: Member) -> bool:
    if reason_ineligible(member):
        return line.deactivated_at is None or (line.state == HIDDEN) == member.is_deactivated
    return line.deactivated_at is not None or _Who.known(line) != _Who(member.name, is_admin=member.is_admin)


async def _add(
    database: Database, workspace: str, members: Sequence[Member], at: datetime, newer: Collection[Person]
) -> None:
    few = [member for member in members if len(members) <= _FEW or member.is_admin]
    for member in few:
        if member.person not in newer:
            await upsert_member(database, member, at=at)
    if len(few) == len(members):
        return
    many = [member for member in members if not member.is_admin]
    named = [(member.person.user, member.name, search_words(member.name)) for member in many]
    async with database.reading() as tx:
        placed = await tx.people.place(workspace, named)
    async with database.writing() as tx:
        fresh = [newcomer for newcomer in placed if Person(workspace, newcomer.user) not in newer]
        await tx.people.add_many(workspace, fresh, state_number(ProfileState.NOT_SET_UP), at)


async def finish_reading(
    database: Database,
    workspace: str,
    *,
    began_at: float,
    look_up: Callable[[Person], Awaitable[Member | None]],
    clock: Callable[[], Awaitable[datetime]],
) -> None:
    """Look up, one by one, those whom no page of a reading had and those who have a profile but no line; count anew.

    Raises:
        DirectoryError: the workspace does not say who they are; they stay as they are.
    """
    try:
        for find in (partial(_not_seen, began_at=began_at), _without_line):
            async for user in find(database, workspace):
                person = Person(workspace, user)
                member = await look_up(person) or Member(
                    person=person, name="", address="", is_admin=False, is_deactivated=True
                )
                await upsert_member(database, member, at=await clock())
                async with database.writing() as tx:
                    await tx.people.mark_seen(workspace, [user])
        await restore_order(database, workspace)
        await add_missing_causes(database, workspace, at=await clock())
    finally:
        async with database.writing() as tx:
            await tx.people.recount(workspace)


async def _not_seen(database: Database, workspace: str, *, began_at: float) -> AsyncIterator[str]:
    after = ""
    while True:
        async with database.reading() as tx:
            users = await tx.people.not_seen_since(workspace, began_at, after=after, limit=_BATCH)
        for user in users:
            yield user
        if len(users) < _BATCH:
            return
        after = users[-1]


async def _without_line(database: Database, workspace: str) -> AsyncIterator[str]:
    """Find those who have a profile but no line, from before there was a list."""
    after = ""
    while True:
        async with database.reading() as tx:
            users = await tx.profiles.users_without_line(workspace, after=after, limit=_BATCH)
        for user in users:
            yield user
        if len(users) < _BATCH:
            return
        after = users[-1]
