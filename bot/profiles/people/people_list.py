"""“Work with email”: everybody's accounts, for admins; found, filtered, in pages, and as a table to take away."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import ProfileState, ProfileView, profile_view
from bot.profiles.people.access import Access, Person
from bot.profiles.people.members import PROBLEMS_FIRST, search_words, state_from_number, state_number
from bot.smtp.account import Encryption
from bot.smtp.check.report import StageName
from storage.database import Database, Transaction
from storage.tables.people import StoredPerson
from storage.tables.people_query import Cursor, Query

PAGE_SIZE = 15
"""Lines a page: with heading, search and buttons well under the 50 blocks of a message."""

_MOST_WORDS = 5
_BATCH = 200


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """What an admin wants to see: a search, one state or all, the order, and from where on.

    `first` is the number of the page's first line, counted from 1.
    """

    search: str = ""
    state: ProfileState | None = None
    by_name: bool = False
    after: Cursor | None = None
    before: Cursor | None = None
    first: int = 1

    @property
    def backward(self) -> bool:
        """Whether the page is read back from where it ends."""
        return self.after is None and self.before is not None

    def to_storage(self) -> Query:
        """Say it the way the database understands it."""
        states = PROBLEMS_FIRST if self.state is None else (self.state,)
        return Query(
            states=tuple(state_number(state) for state in states),
            words=search_words(self.search)[:_MOST_WORDS],
            by_name=self.by_name,
            after=self.after,
            before=self.before,
        )

    def first_page(self) -> "ListQuery":
        """Give the same query from the first line on."""
        return replace(self, after=None, before=None, first=1)


@dataclass(frozen=True, kw_only=True)
class PersonLine:
    """One person's line; `state` is what their record says now, `since` when that began."""

    user: str
    name: str
    profile: EmailProfile
    encryption: Encryption
    state: ProfileState
    since: datetime
    failed_stage: StageName | None
    tested_at: datetime | None
    deactivated_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class PeoplePage:
    """One page of the list; `numbers` count everybody by state, `total` the lines of this query when it is known."""

    query: ListQuery
    lines: tuple[PersonLine, ...]
    counts: Mapping[ProfileState, int]
    total: int | None
    previous: ListQuery | None
    next: ListQuery | None


class PeopleList:
    """The list at work; all of it is for admins."""

    def __init__(self, *, database: Database, access: Access) -> None:
        """List what is in `database`."""
        self._database = database
        self._access = access

    async def page(self, *, caller: Person, query: ListQuery) -> PeoplePage:
        """Read one page.

        Raises:
            NotAllowedError: the caller is no admin.
        """
        await self._access.require_admin(caller)
        async with self._database.reading() as tx:
            numbers = await _numbers(tx, caller.workspace)
            found = await tx.people.page(caller.workspace, query.to_storage(), limit=PAGE_SIZE + 1)
            here, more = _cut(found, query)
            lines = await _lines(tx, caller.workspace, [person for person, _ in here])
        return PeoplePage(
            query=query,
            lines=lines,
            counts=numbers,
            total=None if query.search else _total(numbers, query.state),
            previous=_previous(query, here, more=more),
            next=_next(query, here, more=more),
        )

    async def stream_lines(self, *, caller: Person, query: ListQuery) -> AsyncIterator[tuple[PersonLine, ...]]:
        """Read all lines of a query, in batches; the caller is authorised at the beginning.

        Raises:
            NotAllowedError: the caller is no admin.
        """
        await self._access.require_admin(caller)
        stored_query = query.first_page().to_storage()
        while True:
            async with self._database.reading() as tx:
                found = await tx.people.page(caller.workspace, stored_query, limit=_BATCH)
                lines = await _lines(tx, caller.workspace, [person for person, _ in found])
            if lines:
                yield lines
            if len(found) < _BATCH:
                return
            stored_query = replace(stored_query, after=found[-1][1])

    async def require_admin(self, caller: Person) -> None:
        """Let admins through; raises NotAllowedError."""
        await self._access.require_admin(caller)


def _cut(found: list[tuple[StoredPerson, Cursor]], query: ListQuery) -> tuple[list[tuple[StoredPerson, Cursor]], bool]:
    """Cut off the one line that was read to see whether there are more."""
    if len(found) <= PAGE_SIZE:
        return found, False
    return (found[1:] if query.backward else found[:-1]), True


def _previous(query: ListQuery, here: list[tuple[StoredPerson, Cursor]], *, more: bool) -> ListQuery | None:
    if not (more if query.backward else query.after is not None):
        return None
    if not here:
        return query.first_page()
    return replace(query, after=None, before=here[0][1], first=max(query.first - PAGE_SIZE, 1))


def _next(query: ListQuery, here: list[tuple[StoredPerson, Cursor]], *, more: bool) -> ListQuery | None:
    if not here or not (query.backward or more):
        return None
    return replace(query, after=here[-1][1], before=None, first=query.first + len(here))


def _total(numbers: Mapping[ProfileState, int], state: ProfileState | None) -> int:
    return sum(numbers.values()) if state is None else numbers.get(state, 0)


async def _numbers(tx: Transaction, workspace: str) -> dict[ProfileState, int]:
    counts = await tx.people.counts(workspace)
    numbers: dict[ProfileState, int] = {}
    for number, people in counts.items():
        numbers[state_from_number(number)] = numbers.get(state_from_number(number), 0) + people
    return numbers


async def _lines(tx: Transaction, workspace: str, people: list[StoredPerson]) -> tuple[PersonLine, ...]:
    users = [person.user for person in people]
    profiles = await tx.profiles.of(workspace, users)
    tests = await tx.tests.of(workspace, users)
    lines = []
    for person in people:
        owner = Person(workspace=workspace, user=person.user)
        view = profile_view(owner, profiles.get(person.user), tests.get(person.user))
        lines.append(_line(person, view))
    return tuple(lines)


def _line(person: StoredPerson, view: ProfileView) -> PersonLine:
    test = view.last_test
    failed = test.failed_stage if test else None
    return PersonLine(
        user=person.user,
        name=person.name,
        profile=view.profile,
        encryption=view.encryption,
        state=ProfileState.DEACTIVATED if person.deactivated_at else view.state,
        since=person.state_since,
        failed_stage=failed.name if failed else None,
        tested_at=test.tested_at if test else None,
        deactivated_at=person.deactivated_at,
    )
