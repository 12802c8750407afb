"""The table of people: a list in the order of names, found by words and by state, in pages that stay quick.

Names are sealed. A person is found through keyed hashes of the beginnings of words (`search_entries`), and has a
position: a number that shows the order of names and nothing else, found for a new name by bisection.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, Select, Subquery
from sqlalchemy.orm import aliased
from sqlmodel import bindparam, col, delete, exists, func, insert, select, text, tuple_, union_all, update

from storage.crypto.keyring import UNOPENED, RecordContext
from storage.models import PersonRow, SearchRow, StateCountRow
from storage.tables.name_order import NameOrder, name_order
from storage.tables.people_query import Cursor, Query
from storage.tables.table import Table, insert_into, is_one_of, now

LONGEST_BEGINNING = 8
"""Characters of a word's longest beginning that is kept for finding; a longer word is found by these."""

EVERYBODY = ""

HIDDEN = -1
"""The state of somebody who is kept for a while, but is in no list and no count."""

_TOKEN_CHARACTERS = 16
"""96 bits of a keyed hash: two beginnings of words never share one."""

_FIRST, _LAST, _STEP = 0, 2**62, 2**40

# SQL for PostgreSQL's locks: https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
_LOCK_PERSON = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_LOCK_COUNTS = text("LOCK TABLE state_counts IN SHARE ROW EXCLUSIVE MODE")


@dataclass(frozen=True, kw_only=True)
class StoredPerson:
    """One person: `state` is a number whose meaning the rules know; times are aware UTC.

    They are found by the beginnings of `words`, and by `labels` as a whole; `note` is a sentence of the rules'.
    `seen_at` is when a reading of all people last met them, in seconds since 1970 by the database's clock.
    """

    user: str
    name: str
    words: tuple[str, ...]
    state: int
    state_since: datetime
    deactivated_at: datetime | None
    seen_at: float | None
    labels: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """Somebody who is not in the list yet, and the position that they get in it."""

    user: str
    name: str
    words: tuple[str, ...]
    position: int


def _between(low: int, high: int, people: Sequence[tuple[str, str, Collection[str]]]) -> Iterator[Newcomer]:
    """Spread people, in the order of their names, between two positions."""
    count = len(people)
    if (low, high) == (_FIRST, _LAST):
        yield from evenly_spread(people)
        return
    gap = min(_STEP, (high - low) // (count + 1))
    begin = high - gap * (count + 1) if low == _FIRST else low
    for number, (user, name, words) in enumerate(people, start=1):
        yield Newcomer(user=user, name=name, words=tuple(words), position=begin + gap * number)


def evenly_spread(people: Iterable[tuple[str, str, Collection[str]]]) -> list[Newcomer]:
    """Return (user id, name, words) with their positions in a list that is empty yet."""
    ordered = sorted(people, key=lambda one: (name_order(one[1]), one[0]))
    gap = min(_STEP, _LAST // (len(ordered) + 1))
    begin = (_LAST - gap * len(ordered)) // 2
    return [
        Newcomer(user=user, name=name, words=tuple(words), position=begin + number * gap)
        for number, (user, name, words) in enumerate(ordered)
    ]


def _sorted(words: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))


def person_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(PersonRow, row)


class PeopleTable(Table):
    """The people, inside one transaction."""

    async def get(self, workspace: str, user: str) -> StoredPerson | None:
        """Read one person; None when the list does not know them."""
        row = await self._first(self._of(workspace, user))
        return None if row is None else self._opened(row)

    async def of(self, workspace: str, users: Collection[str]) -> dict[str, StoredPerson]:
        """Read several people, by user id; those whom the list does not know are left out."""
        rows = await self._connection.execute(
            select(PersonRow).filter_by(workspace=workspace).where(col(PersonRow.user_id).in_(users))
        )
        return {row.user_id: self._opened(row) for row in rows}

    async def mark_seen(self, workspace: str, users: Collection[str]) -> None:
        """Store that a reading of all people has just met these."""
        await self._connection.execute(
            update(PersonRow)
            .filter_by(workspace=workspace)
            .where(col(PersonRow.user_id).in_(users))
            .values(seen_at=now(self._connection))
        )

    async def not_seen_since(self, workspace: str, at: float, *, after: str = "", limit: int = 200) -> list[str]:
        """Return user ids of those whom earlier readings met, but none since a time; in their own order.

        The deactivated are left out: it is known that they are gone.
        """
        found = await self._connection.scalars(
            select(PersonRow.user_id)
            .filter_by(workspace=workspace, deactivated_at=None)
            .where(col(PersonRow.seen_at) < at, col(PersonRow.user_id) > after)
            .order_by(col(PersonRow.user_id))
            .limit(limit)
        )
        return list(found)

    async def place(self, workspace: str, people: Iterable[tuple[str, str, Collection[str]]]) -> list[Newcomer]:
        """Return (user id, name, words) of many who are not in the list with their positions in it.

        Of the list all positions are read, and the names that a bisection meets; for a few, `put` is quicker.
        """
        ordered = sorted(people, key=lambda one: (name_order(one[1]), one[0]))
        positions = await self._positions(workspace)
        ranks = await self._ranks(workspace, positions, [name_order(name) for _, name, _ in ordered])
        bounds = [_FIRST, *positions, _LAST]
        newcomers: list[Newcomer] = []
        for rank, ranked in groupby(zip(ranks, ordered, strict=True), key=itemgetter(0)):
            newcomers += _between(bounds[rank], bounds[rank + 1], [person for _, person in ranked])
        return newcomers

    async def _positions(self, workspace: str) -> list[int]:
        position = col(PersonRow.position)
        found = select(PersonRow.position).filter_by(workspace=workspace).order_by(position)
        return list(await self._connection.scalars(found))

    async def _ranks(self, workspace: str, positions: Sequence[int], names: Sequence[NameOrder]) -> list[int]:
        """Return how many of the positions come before each name, by bisections that ask for all their next at once."""
        low, high = [0] * len(names), [len(positions)] * len(names)
        while undecided := [number for number in range(len(names)) if low[number] < high[number]]:
            middle = {number: (low[number] + high[number]) // 2 for number in undecided}
            there = await self._names_at(workspace, {positions[rank] for rank in middle.values()})
            for number, rank in middle.items():
                name = there.get(positions[rank])
                # Whoever has left their position meanwhile says nothing; the end of a reading restores the order.
                if name is not None and name <= names[number]:
                    low[number] = rank + 1
                else:
                    high[number] = rank
        return low

    async def _names_at(self, workspace: str, positions: Collection[int]) -> dict[int, NameOrder]:
        rows = await self._connection.execute(
            select(PersonRow).filter_by(workspace=workspace).where(col(PersonRow.position).in_(positions))
        )
        return {row.position: name_order(self._opened(row).name) for row in rows}

    async def lock_for_update(self, workspace: str, user: str) -> StoredPerson | None:
        """Read one person as `get` does, and lock them until the transaction ends.

        What depends on what is known of a person is written under this lock: else a name learnt meanwhile, of
        somebody who was not in the list before, would be lost. On SQLite there is one writer at a time anyway.
        """
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(_LOCK_PERSON, {"name": f"people\n{workspace}\n{user}"})
        return await self.get(workspace, user)

    async def put(  # noqa: PLR0917 - each is of its own kind
        self,
        workspace: str,
        user: str,
        name: str,
        words: Collection[str],
        state: int,
        at: datetime,
        *,
        labels: Collection[str] = (),
        note: str = "",
    ) -> None:
        """Store what is known of a person: name, words and labels they are found by, state; `at` is the time now."""
        row = await self._locked(workspace, user)
        if row is None:
            newcomer = Newcomer(
                user=user, name=name, words=tuple(words), position=await self._position_of(workspace, name)
            )
            if await self.add_many(workspace, [newcomer], state, at) and not labels:
                return
            # They have labels, or another instance inserted them after our read.
            row = await self._locked(workspace, user)
        if row is not None:
            document = _Document(name=name, words=_sorted(words), labels=_sorted(labels), note=note)
            await self._change(row, document, state, at)

    async def _change(self, row: PersonRow, document: "_Document", state: int, at: datetime) -> None:
        known = self._document(row)
        if (row.state, known) == (state, document):
            return
        found_by = (row.key_id, row.state, row.position, known.words, known.labels)
        if row.state != state:
            await self._count(row.workspace, {row.state: -1, state: 1})
            row.state, row.state_since = state, at
        if known != document:
            same = known.name == document.name
            row.position = row.position if same else await self._position_of(row.workspace, document.name)
            row.sealed = self._sealed(row, document)
        await self._store(row)
        if found_by != (row.key_id, row.state, row.position, document.words, document.labels):
            await self._replace_entries(row, document)

    async def set_aside(self, workspace: str, users: Sequence[str]) -> None:
        """Take people out of the order, so that the rest is one in which places can be found; `move` brings them back.

        Until then they stand at the end.
        """
        await self._connection.execute(
            update(PersonRow)
            .filter_by(workspace=workspace)
            .where(col(PersonRow.user_id).in_(users))
            .values(position=_LAST)
        )

    async def move(self, workspace: str, user: str) -> None:
        """Give a person the position that belongs to their name."""
        row = await self._locked(workspace, user)
        if row is not None:
            document = self._document(row)
            row.position = await self._position_of(workspace, document.name)
            await self._store(row)
            await self._replace_entries(row, document)

    async def out_of_order(self, workspace: str, *, batch: int = 500) -> list[str]:
        """Return the ids of people whose names belong before somebody who stands before them."""
        found: list[str] = []
        last: NameOrder = ("", "", "")
        here = (-1, "")
        while True:
            rows = await self._connection.execute(
                select(PersonRow)
                .filter_by(workspace=workspace)
                .where(tuple_(col(PersonRow.position), col(PersonRow.user_id)) > here)
                .order_by(col(PersonRow.position), col(PersonRow.user_id))
                .limit(batch)
            )
            some = rows.all()
            for row in some:
                order = name_order(self._opened(row).name)
                if order < last:
                    found.append(row.user_id)
                last = max(last, order)
            if len(some) < batch:
                return found
            here = (some[-1].position, some[-1].user_id)

    async def add_many(self, workspace: str, newcomers: Sequence[Newcomer], state: int, at: datetime) -> int:
        """Add people as `evenly_spread` returns them; whoever is in the list already is left as they are.

        Returns how many were added.
        """
        words = {newcomer.user: newcomer.words for newcomer in newcomers}
        rows = {newcomer.user: self._row(workspace, newcomer, state, at) for newcomer in newcomers}
        if not rows:
            return 0
        added = await self._connection.scalars(
            insert_into(self._connection, PersonRow).on_conflict_do_nothing().returning(col(PersonRow.user_id)),
            [row.model_dump() for row in rows.values()],
        )
        fresh = [rows[user] for user in added]
        entries = [entry for row in fresh for entry in self._entries_of(row, _Document(words=words[row.user_id]))]
        if entries and state != HIDDEN:
            await self._connection.execute(insert(SearchRow), entries)
        if fresh:
            await self._count(workspace, {state: len(fresh)})
        return len(fresh)

    async def set_deactivated(self, workspace: str, user: str, at: datetime | None) -> None:
        """Store since when a person is deactivated; None: they are not."""
        await self._connection.execute(
            update(PersonRow).filter_by(workspace=workspace, user_id=user).values(deactivated_at=at)
        )

    async def deactivated_before(self, at: datetime) -> list[tuple[str, str]]:
        """Return (workspace, user id) of people deactivated before a time."""
        rows = await self._connection.execute(
            select(PersonRow.workspace, PersonRow.user_id)
            .where(col(PersonRow.deactivated_at) < at)
            .order_by(col(PersonRow.deactivated_at))
        )
        return [(workspace, user) for workspace, user in rows]

    async def remove(self, workspace: str, user: str) -> None:
        """Remove a person from the list."""
        row = await self._locked(workspace, user)
        if row is None:
            return
        await self._connection.execute(delete(PersonRow).filter_by(record_id=row.record_id))
        await self._forget_entries(workspace, user)
        await self._count(workspace, {row.state: -1})

    async def counts(self, workspace: str) -> dict[int, int]:
        """Return how many people are in each state."""
        rows = await self._connection.execute(
            select(StateCountRow.state, StateCountRow.people)
            .filter_by(workspace=workspace)
            .where(col(StateCountRow.people) > 0, col(StateCountRow.state) != HIDDEN)
        )
        return {row.state: row.people for row in rows}

    async def recount(self, workspace: str) -> None:
        """Count everybody again, whatever was counted before."""
        if self._connection.dialect.name == "postgresql":
            # A transaction that changes two counts could wait for one that is deleted here, so none may be under way.
            await self._connection.execute(_LOCK_COUNTS)
        await self._connection.execute(delete(StateCountRow).filter_by(workspace=workspace))
        counted = await self._connection.execute(
            select(PersonRow.state, func.count().label("people"))
            .filter_by(workspace=workspace)
            .group_by(col(PersonRow.state))
        )
        await self._count(workspace, {row.state: row.people for row in counted})

    async def users(self, workspace: str, *, after: str = "", limit: int = 500) -> list[str]:
        """Return user ids, in their own order."""
        found = await self._connection.scalars(
            select(PersonRow.user_id)
            .filter_by(workspace=workspace)
            .where(col(PersonRow.user_id) > after)
            .order_by(col(PersonRow.user_id))
            .limit(limit)
        )
        return list(found)

    async def page(self, workspace: str, query: Query, *, limit: int) -> list[tuple[StoredPerson, Cursor]]:
        """Read one page of the list, in its order, each person with the cursor behind them."""
        found = self._found(workspace, query, limit)
        rows = await self._connection.execute(
            select(PersonRow)
            .join(found, col(PersonRow.user_id) == found.c.user_id)
            .where(col(PersonRow.workspace) == workspace)
        )
        listed = [(self._opened(row), Cursor(state=row.state, position=row.position, user=row.user_id)) for row in rows]
        return sorted(listed, key=lambda one: query.key_of(one[1]))

    async def count(self, workspace: str, query: Query) -> int:
        """Count everybody whom a query finds, whatever its page."""
        found = select(func.count()).select_from(SearchRow).where(*self._matching(workspace, query))
        return await self._connection.scalar(found.where(col(SearchRow.state).in_(query.states))) or 0

    async def label_counts(self, workspace: str, state: int, labels: Collection[str]) -> dict[str, int]:
        """Count the people in a state who have each of these labels."""
        label_of = {token: label for label in labels for token in self._label_tokens(workspace, label)}
        rows = await self._connection.execute(
            select(SearchRow.token, func.count().label("people"))
            .filter_by(workspace=workspace, state=state)
            .where(col(SearchRow.token).in_(label_of))
            .group_by(col(SearchRow.token))
        )
        counts: dict[str, int] = {}
        for token, people in rows:
            counts[label_of[token]] = counts.get(label_of[token], 0) + people
        return counts

    async def rehash(self, people: Sequence[tuple[Row[Any], bytes]]) -> None:
        """Hash the words of people of one or several workspaces, as in their opened documents, under the first key."""
        gone = [{"of_workspace": row.workspace, "of_user": row.user_id} for row, _ in people]
        entries = [
            entry for row, document in people if row.state != HIDDEN for entry in self._entries_of(row, _read(document))
        ]
        await self._connection.execute(
            delete(SearchRow).filter_by(workspace=bindparam("of_workspace"), user_id=bindparam("of_user")), gone
        )
        if entries:
            await self._connection.execute(insert(SearchRow), entries)

    # Finding

    def _found(self, workspace: str, query: Query, limit: int) -> Subquery:
        """Return the query for the next of each state, which one index gives in order, and of all those the next."""
        parts = [self._entries(workspace, query, state, limit).subquery() for state in query.states]
        merged = union_all(*(part.select() for part in parts)).subquery()
        order = query.order(merged.c.state, merged.c.position, merged.c.user_id)
        return select(merged.c.user_id).order_by(*order).limit(limit).subquery()

    def _entries(self, workspace: str, query: Query, state: int, limit: int) -> Select[int, int, str]:
        statement = select(col(SearchRow.state), col(SearchRow.position), col(SearchRow.user_id)).where(
            *self._matching(workspace, query), col(SearchRow.state) == state
        )
        columns = (col(SearchRow.state), col(SearchRow.position), col(SearchRow.user_id))
        here = query.key(*columns)
        if query.after is not None:
            statement = statement.where(tuple_(*here) > query.key_of(query.after))
        elif query.before is not None:
            statement = statement.where(tuple_(*here) < query.key_of(query.before))
        return statement.order_by(*query.order(*columns)).limit(limit)

    def _matching(self, workspace: str, query: Query) -> list[ColumnElement[bool]]:
        """Return the conditions of the entries that a query finds, in whatever state: one entry a person."""
        labels = [self._label_tokens(workspace, label) for label in query.labels]
        words = [self._tokens(workspace, word) for word in sorted(query.words, key=len, reverse=True)]
        first, *others = [*labels, *words] or [(EVERYBODY,)]
        conditions = [col(SearchRow.workspace) == workspace, col(SearchRow.token).in_(first)]
        if query.users is not None:
            conditions.append(is_one_of(self._connection, col(SearchRow.user_id), query.users))
        if query.without:
            tokens = [token for label in query.without for token in self._label_tokens(workspace, label)]
            conditions.append(~self._has(workspace, tokens))
        return [*conditions, *(self._has(workspace, tokens) for tokens in others)]

    def _has(self, workspace: str, tokens: Sequence[str]) -> ColumnElement[bool]:
        other = aliased(SearchRow)
        return exists().where(
            col(other.workspace) == workspace,
            col(other.token).in_(tokens),
            col(other.state) == SearchRow.state,
            col(other.position) == SearchRow.position,
            col(other.user_id) == SearchRow.user_id,
        )

    def _tokens(self, workspace: str, word: str) -> Sequence[str]:
        return self._hashes(f"{workspace}\n{word[:LONGEST_BEGINNING]}")

    def _label_tokens(self, workspace: str, label: str) -> Sequence[str]:
        # No word begins with a line break, so no label is ever found by words.
        return self._hashes(f"{workspace}\n\n{label}")

    def _hashes(self, name: str) -> Sequence[str]:
        return tuple(token[:_TOKEN_CHARACTERS] for token in self._keyring.keyed_hashes(name))

    # Writing

    def _row(self, workspace: str, newcomer: Newcomer, state: int, at: datetime) -> PersonRow:
        row = PersonRow(
            record_id=str(uuid4()),
            workspace=workspace,
            user_id=newcomer.user,
            position=newcomer.position,
            state=state,
            state_since=at,
            deactivated_at=None,
            key_id=self._keyring.active,
            sealed=b"",
        )
        row.sealed = self._sealed(row, _Document(name=newcomer.name, words=_sorted(newcomer.words)))
        return row

    async def _store(self, row: PersonRow) -> None:
        await self._connection.execute(update(PersonRow).filter_by(record_id=row.record_id).values(row.model_dump()))

    async def _replace_entries(self, row: PersonRow, document: "_Document") -> None:
        await self._forget_entries(row.workspace, row.user_id)
        if row.state != HIDDEN:
            await self._connection.execute(insert(SearchRow), self._entries_of(row, document))

    def _entries_of(self, row: PersonRow | Row[Any], document: "_Document") -> list[dict[str, Any]]:
        words = document.words
        beginnings = {word[:length] for word in words for length in range(1, min(len(word), LONGEST_BEGINNING) + 1)}
        found_by = (self._tokens(row.workspace, beginning)[0] for beginning in beginnings)
        labels = (self._label_tokens(row.workspace, label)[0] for label in document.labels)
        tokens = {EVERYBODY, *found_by, *labels}
        same = {"workspace": row.workspace, "state": row.state, "position": row.position, "user_id": row.user_id}
        return [{**same, "token": token} for token in sorted(tokens)]

    async def _forget_entries(self, workspace: str, user: str) -> None:
        await self._connection.execute(delete(SearchRow).filter_by(workspace=workspace, user_id=user))

    async def _count(self, workspace: str, changes: Mapping[int, int]) -> None:
        # In one order everywhere, so that two instances never wait for each other.
        for state, change in sorted(changes.items()):
            insert_count = insert_into(self._connection, StateCountRow).values(
                workspace=workspace, state=state, people=change
            )
            await self._connection.execute(
                insert_count.on_conflict_do_update(
                    index_elements=["workspace", "state"], set_={"people": col(StateCountRow.people) + change}
                )
            )

    async def _position_of(self, workspace: str, name: str) -> int:
        """Find a name's position by bisection between its neighbours."""
        low, high = _FIRST, _LAST
        while high - low > 1:
            row = await self._near_middle(workspace, low, high)
            if row is None:
                break
            if name_order(self._opened(row).name) <= name_order(name):
                low = row.position
            else:
                high = row.position
        if high == _LAST and low != _FIRST:
            return min(low + _STEP, (low + high) // 2)
        if low == _FIRST and high != _LAST:
            return max(high - _STEP, (low + high) // 2)
        return (low + high) // 2

    async def _near_middle(self, workspace: str, low: int, high: int) -> PersonRow | None:
        """Return a person between two positions, near the middle; None when nobody is there."""
        position = col(PersonRow.position)
        middle = (low + high) // 2
        between = select(PersonRow).filter_by(workspace=workspace)
        above = between.where(position >= middle, position > low, position < high).order_by(position).limit(1)
        below = between.where(position < middle, position > low).order_by(position.desc()).limit(1)
        return await self._first(above) or await self._first(below)

    async def _locked(self, workspace: str, user: str) -> PersonRow | None:
        return await self._first(self._of(workspace, user).with_for_update())

    async def _first(self, statement: Select[PersonRow]) -> PersonRow | None:
        row = (await self._connection.execute(statement)).first()
        return None if row is None else PersonRow(**row._mapping)

    def _of(self, workspace: str, user: str) -> Select[PersonRow]:
        return select(PersonRow).filter_by(workspace=workspace, user_id=user)

    def _sealed(self, row: PersonRow, document: "_Document") -> bytes:
        row.key_id = self._keyring.active
        return self._keyring.seal(json.dumps(asdict(document)).encode(), person_context(row))

    def _document(self, row: PersonRow | Row[Any]) -> "_Document":
        try:
            return _read(self._keyring.open(row.sealed, person_context(row)))
        except UNOPENED:
            # A name that does not open is asked of the workspace again; until then the person has none.
            return _Document()

    def _opened(self, row: PersonRow | Row[Any]) -> StoredPerson:
        document = self._document(row)
        return StoredPerson(
            user=row.user_id,
            name=document.name,
            words=document.words,
            state=row.state,
            state_since=row.state_since,
            deactivated_at=row.deactivated_at,
            labels=document.labels,
            note=document.note,
            seen_at=row.seen_at,
        )


@dataclass(frozen=True, kw_only=True)
class _Document:
    """What is sealed of a person."""

    name: str = ""
    words: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    note: str = ""


def _read(document: bytes) -> _Document:
    """Read a sealed document; the version before wrote neither labels nor note."""
    read = json.loads(document)
    return _Document(
        name=read["name"], words=tuple(read["words"]), labels=tuple(read.get("labels", ())), note=read.get("note", "")
    )
