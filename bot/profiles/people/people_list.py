"""“Work with email”: the list of everybody's profiles for admins, searched, filtered, in pages, and as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from bot.profiles.account.failures import cause_id, cause_label, stage_label
from bot.profiles.account.profile import ENCRYPTION_WORDS, LABELS, EmailProfile, Field
from bot.profiles.account.records import ProfileState, ProfileView, profile_view
from bot.profiles.connection_tests.run_results import FailureGroup, load_result
from bot.profiles.people.access import Access, Person
from bot.profiles.people.members import PROBLEMS_FIRST, search_words, state_from_number, state_number
from bot.smtp.account import Encryption
from bot.smtp.advice.notice import provider_notice
from bot.smtp.check.report import StageName
from storage.database import Database, Transaction
from storage.tables.people import StoredPerson
from storage.tables.people_query import Cursor, Query

PAGE_SIZE = 5
"""Lines a page: the headline is still in sight when the list appears, which shows its end first."""

MAX_CAUSES = 25
"""Causes to choose from, the most frequent ones: all texts of a message are short enough for Slack together."""

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
    "Cause",
    "Warning",
)

_MAX_SEARCH_WORDS = 5
_BATCH = 200
_MOST_CAUSES = 2000
"""So many are told apart at most: a statement takes so many parameters."""
# The characters with which spreadsheets begin a formula; some read full-width signs too.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """What an admin asks to see: a search, one state or all, the order, and where the page starts or ends.

    Of those who fail, `stage` and `cause` (by its short name) name some; `run_id` and `group` are those whom one test
    of many found failing alike. `first` is the number of the page's first line, counted from 1.
    """

    search: str = ""
    state: ProfileState | None = None
    stage: StageName | None = None
    cause: str = ""
    run_id: str = ""
    group: int = 0
    by_name: bool = False
    after: Cursor | None = None
    before: Cursor | None = None
    first: int = 1

    @property
    def backward(self) -> bool:
        """Whether the page is read backward from where it ends."""
        return self.after is None and self.before is not None

    @property
    def narrows(self) -> bool:
        """Whether it leaves out anybody."""
        return bool(self.search or self.state or self.run_id)

    def of_everybody(self) -> "ListQuery":
        """Return the query without a run's group."""
        return replace(self.first_page(), run_id="", group=0)

    def to_storage(self, users: tuple[str, ...] | None = None) -> Query:
        """Return the query with which the database is asked; `users` are those of the run's group."""
        states = PROBLEMS_FIRST if self.state is None else (self.state,)
        labels = [stage_label(self.stage)] if self.stage else []
        labels += [cause_label(self.cause)] if self.cause else []
        return Query(
            states=tuple(state_number(state) for state in states),
            words=search_words(self.search)[:_MAX_SEARCH_WORDS],
            labels=tuple(labels),
            users=users,
            by_name=self.by_name,
            after=self.after,
            before=self.before,
        )

    def first_page(self) -> "ListQuery":
        """Return the same query from its first line."""
        return replace(self, after=None, before=None, first=1)


@dataclass(frozen=True, kw_only=True)
class PersonLine:
    """One person's line; `state` is what their record says now, `since` is when it became so.

    `warnings` are sentences about what cannot work, or soon will not, whatever a test says.
    """

    user: str
    name: str
    profile: EmailProfile
    encryption: Encryption
    state: ProfileState
    since: datetime
    failed_stage: StageName | None
    tested_at: datetime | None
    deactivated_at: datetime | None
    cause: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why people fail: its short name, in words, and how many."""

    id: str
    words: str
    people: int


@dataclass(frozen=True, kw_only=True)
class PeoplePage:
    """One page of the list; `counts` are of everybody by state, `total` of the query's lines.

    `stages` are of everybody who fails, by stage; `causes` are those of the people who fail at the query's stage, or of
    all who fail, and empty where the query asks for another state. `group` is the cause of the run's group.
    """

    query: ListQuery
    lines: tuple[PersonLine, ...]
    counts: Mapping[ProfileState, int]
    total: int
    stages: Mapping[StageName, int]
    causes: tuple[Cause, ...]
    group: str
    previous: ListQuery | None
    next: ListQuery | None


class PeopleList:
    """Reads the list; every method raises NotAllowedError when the caller is no admin."""

    def __init__(self, *, database: Database, access: Access, clock: Callable[[], datetime]) -> None:
        """`clock` returns the time now, aware UTC."""
        self._database = database
        self._access = access
        self._clock = clock

    async def page(self, *, caller: Person, query: ListQuery) -> PeoplePage:
        """Read one page.

        Raises:
            UserError: the run that the query names is not kept any more.
        """
        await self._access.require_admin(caller)
        async with self._database.reading() as tx:
            counts = await _counts(tx, caller.workspace)
            group = await _group(tx, caller.workspace, query)
            asked = query.to_storage(group.users if group else None)
            # One line more than is shown tells whether there is another page.
            found = await tx.people.page(caller.workspace, asked, limit=PAGE_SIZE + 1)
            more = len(found) > PAGE_SIZE
            shown = found[-PAGE_SIZE:] if query.backward else found[:PAGE_SIZE]
            lines = await self._lines(tx, caller.workspace, [person for person, _ in shown])
            total = await tx.people.count(caller.workspace, asked) if query.narrows else sum(counts.values())
            stages, causes = await _failures(tx, caller.workspace, query, counts)
        cursors = [cursor for _, cursor in shown]
        return PeoplePage(
            query=query,
            lines=lines,
            counts=counts,
            total=total,
            stages=stages,
            causes=causes,
            group=group.cause if group else "",
            previous=_previous(query, cursors, more=more),
            next=_next(query, cursors, more=more),
        )

    async def count(self, *, caller: Person, query: ListQuery) -> int:
        """Count the lines of a query, whatever its page. Errors as `page`."""
        await self._access.require_admin(caller)
        async with self._database.reading() as tx:
            if not query.narrows:
                return sum((await _counts(tx, caller.workspace)).values())
            group = await _group(tx, caller.workspace, query)
            return await tx.people.count(caller.workspace, query.to_storage(group.users if group else None))

    async def stream_lines(self, *, caller: Person, query: ListQuery) -> AsyncIterator[tuple[PersonLine, ...]]:
        """Read all lines of a query, in batches; the caller is authorised before the first. Errors as `page`."""
        await self._access.require_admin(caller)
        async with self._database.reading() as tx:
            group = await _group(tx, caller.workspace, query)
        remaining = query.first_page().to_storage(group.users if group else None)
        while True:
            async with self._database.reading() as tx:
                found = await tx.people.page(caller.workspace, remaining, limit=_BATCH)
                lines = await self._lines(tx, caller.workspace, [person for person, _ in found])
            if lines:
                yield lines
            if len(found) < _BATCH:
                return
            remaining = replace(remaining, after=found[-1][1])

    async def _lines(self, tx: Transaction, workspace: str, people: Sequence[StoredPerson]) -> tuple[PersonLine, ...]:
        users = [person.user for person in people]
        profiles = await tx.profiles.of(workspace, users)
        tests = await tx.tests.of(workspace, users)
        today = self._clock().date()
        lines = []
        for person in people:
            owner = Person(workspace, person.user)
            view = profile_view(owner, profiles.get(person.user), tests.get(person.user))
            lines.append(_line(person, view, today))
        return tuple(lines)


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


async def _group(tx: Transaction, workspace: str, query: ListQuery) -> FailureGroup | None:
    if not query.run_id:
        return None
    return (await load_result(tx, workspace, query.run_id)).group(query.group)


async def _failures(
    tx: Transaction, workspace: str, query: ListQuery, counts: Mapping[ProfileState, int]
) -> tuple[dict[StageName, int], tuple[Cause, ...]]:
    """Return how many fail at each stage, and by which causes where the query asks for those who fail."""
    if not counts.get(ProfileState.FAILS):
        return {}, ()
    failing = state_number(ProfileState.FAILS)
    labels = {stage_label(stage): stage for stage in StageName}
    at_stages = await tx.people.label_counts(workspace, failing, labels)
    stages = {stage: at_stages[label] for label, stage in labels.items() if at_stages.get(label)}
    if query.state is not ProfileState.FAILS:
        return stages, ()
    fail = stages.get(query.stage, 0) if query.stage else counts[ProfileState.FAILS]
    return stages, await _causes(tx, workspace, query.stage, fail)


async def _causes(tx: Transaction, workspace: str, stage: StageName | None, fail: int) -> tuple[Cause, ...]:
    """Return the most frequent causes of the so many who fail at a stage, or at any.

    The words of a cause stand in the sealed records alone. So a batch of people is opened, and then those who fail by
    other causes than are known, until none of these can be frequent.
    """
    failing = state_number(ProfileState.FAILS)
    query = Query(states=(failing,), labels=(stage_label(stage),) if stage else ())
    words: dict[str, str] = {}
    while True:
        found = await tx.people.page(workspace, query, limit=_BATCH)
        words |= {cause_id(person.note): person.note for person, _ in found if person.note}
        labels = tuple(cause_label(name) for name in words)
        people = await tx.people.label_counts(workspace, failing, labels)
        causes = [Cause(id=name, words=note, people=people.get(cause_label(name), 0)) for name, note in words.items()]
        frequent = tuple(sorted(causes, key=lambda cause: -cause.people))[:MAX_CAUSES]
        least = frequent[-1].people if len(frequent) == MAX_CAUSES else 0
        if len(found) < _BATCH or fail - sum(people.values()) <= least or len(words) > _MOST_CAUSES:
            return frequent
        query = replace(query, without=labels, after=found[-1][1])


def _line(person: StoredPerson, view: ProfileView, today: date) -> PersonLine:
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
        cause=person.note,
        warnings=_warnings(view, today) if person.deactivated_at is None else (),
    )


def _warnings(view: ProfileView, today: date) -> tuple[str, ...]:
    """Return what is known not to work, or not for long, before anybody tests."""
    if not view.profile.is_complete:
        return ()
    mismatch = view.mismatch
    known = (mismatch.sentence if mismatch else None, provider_notice(view.account, today))
    return tuple(sentence for sentence in known if sentence)


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
        line.cause,
        " ".join(line.warnings),
    )
