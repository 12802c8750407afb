"""The people of a workspace as "Work with email" shows them: the state of each, and the words they are found by."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from bot.profiles.account.records import ProfileState, ProfileView, load
from bot.profiles.people.access import Member, Person, reason_ineligible
from storage.database import Database, Transaction
from storage.tables.people import HIDDEN, StoredPerson, evenly_spread

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


async def update_person(tx: Transaction, owner: Person, *, at: datetime, name: str | None = None) -> None:
    """Update a person's line in the list to what is stored; `name` is None when it is as known.

    The profile is read under the lock of the line, because another transaction may have just saved it.
    """
    known = await tx.people.lock_for_update(owner.workspace, owner.user)
    view = (await load(tx, owner)).view
    if name is None:
        name = known.name if known else ""
    await _put(tx, view, known, name, at)


async def update_person_from(tx: Transaction, view: ProfileView, *, at: datetime) -> None:
    """Update a person's line in the list to what this transaction has just stored of their profile."""
    known = await tx.people.lock_for_update(view.owner.workspace, view.owner.user)
    await _put(tx, view, known, known.name if known else "", at)


async def _put(tx: Transaction, view: ProfileView, known: StoredPerson | None, name: str, at: datetime) -> None:
    number = state_number(view.state)
    if known and known.deactivated_at:
        number = HIDDEN if known.state == HIDDEN else state_number(ProfileState.DEACTIVATED)
    words = search_words(name, view.profile.address)
    await tx.people.put(view.owner.workspace, view.owner.user, name, words, number, at)


async def upsert_member(database: Database, member: Member, *, at: datetime) -> bool:
    """Store what the workspace says of a person; returns whether the list changed.

    Who is no member any more is kept for a while when there is a profile: the deactivated in the list, guests and
    people of other organisations out of it. Then their secrets are purged.
    """
    person = member.person
    async with database.writing() as tx:
        known = await tx.people.lock_for_update(person.workspace, person.user)
        if reason_ineligible(member):
            # A link made before must not outlive the right to use it.
            await tx.links.forget(person.workspace, person.user)
            await tx.form_tests.forget(person.workspace, person.user)
            if (await load(tx, person)).revision:
                return await _kept_for_a_while(tx, member, known, at)
            await tx.people.remove(person.workspace, person.user)
            return known is not None
        if known and known.deactivated_at is None and known.name == member.name:
            return False
        await tx.people.set_deactivated(person.workspace, person.user, None)
        await update_person(tx, person, at=at, name=member.name)
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


async def sync_members(
    database: Database, workspace: str, members: Iterable[Member], *, at: datetime, newer: Collection[Person] = ()
) -> None:
    """Update the list to all members of a workspace, in short transactions.

    Of those in `newer`, which may grow meanwhile, more is known than `members` says; they stay as they are.
    """
    everybody = [member for member in members if member.person not in newer]
    async with database.reading() as tx:
        empty = not await tx.people.users(workspace, limit=1)
    if empty:
        await _fill(database, workspace, everybody, at)
    for member in everybody:
        if member.person not in newer:
            await upsert_member(database, member, at=at)
    outsiders = {member.person.user for member in everybody if reason_ineligible(member)}
    await _add_forgotten(database, workspace, outsiders, at)
    async with database.writing() as tx:
        await tx.people.recount(workspace)


async def _fill(database: Database, workspace: str, everybody: list[Member], at: datetime) -> None:
    """Put everybody into an empty list, then update the lines of those who have a profile."""
    usable = [member for member in everybody if not reason_ineligible(member)]
    newcomers = evenly_spread((member.person.user, member.name, search_words(member.name)) for member in usable)
    for begin in range(0, len(newcomers), _BATCH):
        async with database.writing() as tx:
            await tx.people.add_many(
                workspace, newcomers[begin : begin + _BATCH], state_number(ProfileState.NOT_SET_UP), at
            )
    after = ""
    while True:
        async with database.reading() as tx:
            users = await tx.profiles.users(workspace, after=after, limit=_BATCH)
        for user in users:
            # One at a time: two instances that lock several people each could wait for each other.
            async with database.writing() as tx:
                if await tx.people.get(workspace, user) is not None:
                    await update_person(tx, Person(workspace=workspace, user=user), at=at)
        if len(users) < _BATCH:
            return
        after = users[-1]


async def _add_forgotten(database: Database, workspace: str, outsiders: Collection[str], at: datetime) -> None:
    """Put those into the list who have a profile but no line, from before there was a list."""
    after = ""
    while True:
        async with database.reading() as tx:
            users = await tx.profiles.users_without_line(workspace, after=after, limit=_BATCH)
        for user in users:
            if user not in outsiders:
                async with database.writing() as tx:
                    await update_person(tx, Person(workspace=workspace, user=user), at=at)
        if len(users) < _BATCH:
            return
        after = users[-1]
