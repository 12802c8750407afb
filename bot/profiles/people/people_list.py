"""“Work with email”: the list of everybody's profiles for admins, searched, filtered, in pages, and as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.profiles.account.profile import ENCRYPTION_WORDS, LABELS, EmailProfile, Field
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

CSV_COLUMNS = (
    "Name",
    "User id",
    LABELS[Field.ADDRESS],
    LABELS[Field.LOGIN],
    LABELS[Field.HOST],
    LABELS[Field.PORT],
    "Encryption",
    LABELS[Field.AUTHENTICATE],
    "State",
    "Since",
    "Fails at",
    "Last test",
)

_MAX_SEARCH_WORDS = 5
_BATCH = 200
# The characters with which spreadsheets begin a formula; some read full-width signs too.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """What an admin asks to see: a search, one state or all, the order, and where the page starts or ends.

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
        """Whether the page is read backward from where it ends."""
        return self.after is None and self.before is not None

    def to_storage(self) -> Query:
        """Return the query with which the database is asked."""
        states = PROBLEMS_FIRST if self.state is None else (self.state,)
        return Query(
            states=tuple(state_number(state) for state in states),
            words=search_words(self.search)[:_MAX_SEARCH_WORDS],
            by_name=self.by_name,
            after=self.after,
            before=self.before,
        )

    def first_page(self) -> "ListQuery":
        """Return the same query from its first line."""
        return replace(self, after=None, before=None, first=1)


@dataclass(frozen=True, kw_only=True)
class PersonLine:
    """One person's line; `state` is what their record says now, `since` is when it became so."""

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
    """One page of the list; `counts` are of everybody by state, `total` of the query's lines, None if unknown."""

    query: ListQuery
    lines: tuple[PersonLine, ...]
    counts: Mapping[ProfileState, int]
    total: int | None
    previous: ListQuery | None
    next: ListQuery | None


class PeopleList:
    """Reads the list; every method raises NotAllowedError when the caller is no admin."""

    def __init__(self, *, database: Database, access: Access) -> None:
        self._database = database
        self._access = access

    async def page(self, *, caller: Person, query: ListQuery) -> PeoplePage:
        """Read one page."""
        await self._access.require_admin(caller)
        async with self._database.reading() as tx:
            counts = await _counts(tx, caller.workspace)
            # One line more than is shown tells whether there is another page.
            found = await tx.people.page(caller.workspace, query.to_storage(), limit=PAGE_SIZE + 1)
            more = len(found) > PAGE_SIZE
            shown = found[-PAGE_SIZE:] if query.backward else found[:PAGE_SIZE]
            lines = await _lines(tx, caller.workspace, [person for person, _ in shown])
        cursors = [cursor for _, cursor in shown]
        total = sum(counts.values()) if query.state is None else counts.get(query.state, 0)
        return PeoplePage(
            query=query,
            lines=lines,
            counts=counts,
            total=None if query.search else total,
            previous=_previous(query, cursors, more=more),
            next=_next(query, cursors, more=more),
        )

    async def stream_lines(self, *, caller: Person, query: ListQuery) -> AsyncIterator[tuple[PersonLine, ...]]:
        """Read all lines of a query, in batches; the caller is authorised before the first."""
        await self._access.require_admin(caller)
        remaining = query.first_page().to_storage()
        while True:
            async with self._database.reading() as tx:
                found = await tx.people.page(caller.workspace, remaining, limit=_BATCH)
                lines = await _lines(tx, caller.workspace, [person for person, _ in found])
            if lines:
                yield lines
            if len(found) < _BATCH:
                return
            remaining = replace(remaining, after=found[-1][1])


def _previous(query: ListQuery, cursors: Sequence[Cursor], *, more: bool) -> ListQuery | None:
    if not (more if query.backward else query.after is not None):
        return None
    if not cursors:
        return query.first_page()
    return replace(query, after=None, before=cursors[0], first=max(query.first - PAGE_SIZE, 1))


def _next(query: ListQuery, cursors: Sequence[Cursor], *, more: bool) -> ListQuery | None:
    if not cursors or not (query.backward or more):
        return None
    return replace(query, after=cursors[-1], before=None, first=query.first + len(cursors))


async def _counts(tx: Transaction, workspace: str) -> dict[ProfileState, int]:
    counts: dict[ProfileState, int] = {}
    for number, people in (await tx.people.counts(workspace)).items():
        state = state_from_number(number)
        counts[state] = counts.get(state, 0) + people
    return counts


async def _lines(tx: Transaction, workspace: str, people: Sequence[StoredPerson]) -> tuple[PersonLine, ...]:
    users = [person.user for person in people]
    profiles = await tx.profiles.of(workspace, users)
    tests = await tx.tests.of(workspace, users)
    return tuple(
        _line(person, profile_view(Person(workspace, person.user), profiles.get(person.user), tests.get(person.user)))
        for person in people
    )


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


def to_csv(lines: Iterable[PersonLine]) -> str:
    """Return lines as CSV without secrets; a byte order mark makes spreadsheets read it as UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for line in lines:
        writer.writerow([escape_formula(value) for value in _csv_values(line)])
    return f"\ufeff{out.getvalue()}"


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS) else text


def _csv_values(line: PersonLine) -> tuple[str, ...]:
    profile = line.profile
    return (
        line.name,
        line.user,
        profile.address,
        profile.login,
        profile.host,
        str(profile.port or ""),
        ENCRYPTION_WORDS[line.encryption] if profile.is_complete else "",
        ("Y" if profile.authenticate else "N") if profile.is_complete else "",
        str(line.state),
        line.since.isoformat(timespec="seconds"),
        str(line.failed_stage or ""),
        line.tested_at.isoformat(timespec="seconds") if line.tested_at else "",
    )
