"""Whether each history is as the bot wrote it.

What nobody without a key can do unseen: remove, edit, reorder or invent entries, remove a whole history, or put a
profile back that was changed or deleted since. What cannot be seen is a history put back together with its sealed ends,
where the profile and its test are put back with it, or nothing was done since but what leaves no other trace.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, func

from storage.crypto.keyring import WRONG_KIND, Keyring
from storage.maintenance.row_batches import OnProgress, batches, in_order
from storage.models import AuditChainRow, AuditDetailRow, AuditRow, ConnectionTestRow, ProfileRow
from storage.tables.audit import STORING
from storage.tables.audit_chains import ALL_CHAINS, Chain, ChainCount, Place, audit_chain_context, content_of, link_of

Subject = tuple[str, str]
"""A workspace, and in it a person or the workspace's defaults."""

SOME_WORKSPACE = "?"
"""In place of a workspace, where a value that cannot be read hides which one it is."""

_CLOCK_STEP = timedelta(seconds=1)
"""So much a clock may be set back between a save and its entry."""

_LONGEST_SAVE = timedelta(seconds=15)
"""So long a transaction may take between a save and its entry: it waits for locks."""

_LONGEST_ID = 64


def shown_id(written: object) -> str:
    """Return an id as it is shown: somebody else may have written it, so it is cleaned and cut."""
    return "".join(c if c.isprintable() else "?" for c in str(written)[:_LONGEST_ID])


@dataclass(frozen=True, kw_only=True)
class BrokenHistory:
    """A history that is not as the bot wrote it, and why; `subject` is `ALL_CHAINS` for those of a whole workspace."""

    workspace: str
    subject: str
    why: str

    def __str__(self) -> str:
        ids = (self.workspace,) if self.subject == ALL_CHAINS else (self.workspace, self.subject)
        return f"{' '.join(map(shown_id, ids))} ({self.why})"


@dataclass(kw_only=True)
class Histories:
    """What was found: how many entries of how many subjects, how many were taken as found, and what does not hold."""

    entries: int = 0
    subjects: int = 0
    found: int = 0
    broken: list[BrokenHistory] = field(default_factory=list)


async def examine(connection: AsyncConnection, keyring: Keyring, on_progress: OnProgress) -> Histories:
    """Compare the entries of a snapshot with the sealed ends of their chains."""
    histories = Histories()
    try:
        ends = await _ends(connection, keyring)
        seen = await _follow(connection, ends, histories, on_progress)
        for subject, chain in ends.chains.items():
            if subject not in seen and (chain is None or chain.first != chain.last):
                why = "its end does not open" if chain is None else "all its entries are gone"
                histories.broken.append(BrokenHistory(workspace=subject[0], subject=subject[1], why=why))
        histories.broken += await _not_of_their_time(connection, ends, seen)
        histories.broken += _miscounted(ends)
    except WRONG_KIND:
        why = "a value is of a wrong kind, and the rest could not be read"
        histories.broken.append(BrokenHistory(workspace=SOME_WORKSPACE, subject=ALL_CHAINS, why=why))
    return histories


@dataclass(frozen=True, kw_only=True)
class _Ends:
    """The sealed ends of all chains, and the counts; None where they do not open."""

    chains: dict[Subject, Chain | None] = field(default_factory=dict)
    counts: dict[str, ChainCount | None] = field(default_factory=dict)


async def _ends(connection: AsyncConnection, keyring: Keyring) -> _Ends:
    ends = _Ends()
    async with aclosing(batches(connection, select(AuditChainRow.__table__))) as several:  # type: ignore[attr-defined]
        async for some in several:
            for row in some:
                document = keyring.open_row(row, audit_chain_context)
                if row.user_id == ALL_CHAINS:
                    ends.counts[row.workspace] = ChainCount.from_document(document) if document else None
                else:
                    key = (row.workspace, row.user_id)
                    ends.chains[key] = Chain.from_document(document) if document else None
    return ends


async def _follow(
    connection: AsyncConnection, ends: _Ends, histories: Histories, on_progress: OnProgress
) -> dict[Subject, datetime | None]:
    """Go along every chain; return the subjects that have entries, and when their profile was last stored by these."""
    total = await connection.scalar(select(func.count()).select_from(AuditRow)) or 0
    seen: dict[Subject, datetime | None] = {}
    walk: _Walk | None = None
    async for some in _entries(connection):
        for row in some:
            subject = (row.workspace, row.subject)
            if walk is None or walk.subject != subject:
                walk = _started(walk, subject, ends, histories)
            walk.take(row)
            seen[subject] = walk.stored_at
        histories.entries += len(some)
        on_progress("Following the history", histories.entries, total)
    _started(walk, ("", ""), ends, histories)
    histories.subjects = len(seen)
    return seen


async def _entries(connection: AsyncConnection) -> AsyncIterator[Sequence[Row[Any]]]:
    order = [in_order(column, connection) for column in (AuditRow.workspace, AuditRow.subject)]
    entries = entries_with_details().order_by(*order, col(AuditRow.position), col(AuditRow.id))
    async with aclosing(batches(connection, entries)) as several:
        async for some in several:
            yield some


def entries_with_details() -> Select[Any]:
    """Return the statement that reads entries, each with the record id of its details."""
    details_id: Any = col(AuditDetailRow.record_id).label("details_id")
    entries = select(*AuditRow.__table__.columns, details_id)  # type: ignore[attr-defined]
    return entries.join(AuditDetailRow, col(AuditDetailRow.entry) == col(AuditRow.id), isouter=True)


def _started(before: "_Walk | None", subject: Subject, ends: _Ends, histories: Histories) -> "_Walk":
    """End the walk before, and begin the next."""
    if before is not None:
        histories.found += before.found
        why = before.verdict()
        if why:
            workspace, user = before.subject
            histories.broken.append(BrokenHistory(workspace=workspace, subject=user, why=why))
    return _Walk(subject, ends.chains.get(subject), has_end=subject in ends.chains)


class _Walk:
    """Goes along the entries of one subject in their order."""

    def __init__(self, subject: Subject, chain: Chain | None, *, has_end: bool) -> None:
        self.subject = subject
        self.found = 0
        self.stored_at: datetime | None = None
        self._chain = chain or Chain()
        self._place = self._chain.first
        self._number = 0
        self._unlinked = 0
        self._has_end = has_end
        self._why = "its end does not open" if has_end and chain is None else ""

    def take(self, row: Row[Any]) -> None:
        """Compare the next entry with its place."""
        if row.position is None:
            self._unlinked += 1
            return
        self.found += int(row.position <= self._chain.found)
        if row.action in STORING and row.position > self._chain.found:
            self.stored_at = row.at
        self._why = self._why or (self._fault(row) if self._has_end else "its end is gone")
        self._place, self._number = Place(row.position, row.link), row.id

    def _fault(self, row: Row[Any]) -> str:
        expected = self._place.position + 1
        if row.position > expected:
            return f"before entry {row.id} others are missing"
        if row.position < expected or row.position > self._chain.last.position:
            return f"entry {row.id} was added"
        if row.link != link_of(self._place.link, row.position, row._mapping, row.content or ""):
            return f"entry {row.id} was edited, or is in another's place"
        if row.id <= self._number:
            return f"entry {row.id} was moved"
        return "" if self._says_what_it_said(row) else f"what entry {row.id} says was edited, or is gone"

    def _says_what_it_said(self, row: Row[Any]) -> bool:
        if row.position <= self._chain.outlined:
            return not row.fields and row.details_id is None
        return bool(row.content == content_of(row.fields, row.details_id or ""))

    def verdict(self) -> str:
        """Return what does not hold; empty when all does."""
        if not self._why and self._place != self._chain.last:
            self._why = "its newest entries are gone"
        if self._why or not self._unlinked:
            return self._why
        entries = "1 entry is" if self._unlinked == 1 else f"{self._unlinked} entries are"
        return (
            f"{entries} in no place of the chain: a version before this one wrote beside it, or somebody who is not "
            "the bot"
        )


async def _not_of_their_time(
    connection: AsyncConnection, ends: _Ends, seen: Mapping[Subject, datetime | None]
) -> list[BrokenHistory]:
    """Return the histories that do not fit their profile.

    They know nothing of its last save or test, or of it at all, although each was saved once; or they know that it was
    stored or deleted since.
    """
    found = []
    columns = (ProfileRow.workspace, ProfileRow.user_id, ProfileRow.updated_at, ConnectionTestRow.tested_at)
    same = [col(getattr(ConnectionTestRow, name)) == getattr(ProfileRow, name) for name in ("workspace", "user_id")]
    profiles: Any = select(*map(col, columns)).join(ConnectionTestRow, and_(*same), isouter=True)
    async with aclosing(batches(connection, profiles)) as several:
        async for some in several:
            for row in some:
                subject = (row.workspace, row.user_id)
                chain = ends.chains.get(subject)
                newest = max(row.updated_at, row.tested_at or row.updated_at)
                if subject not in ends.chains and subject not in seen:
                    why = "there is a profile, and its whole history is gone"
                elif chain is not None and newest - datetime.fromisoformat(chain.latest) > _CLOCK_STEP:
                    why = "its newest entries are gone: the profile was saved or tested since"
                elif (stored_at := seen.get(subject)) is not None and stored_at - row.updated_at > _LONGEST_SAVE:
                    why = "the profile is older than its history: it was put back after a change or a deletion"
                else:
                    continue
                found.append(BrokenHistory(workspace=row.workspace, subject=row.user_id, why=why))
    return found


def _miscounted(ends: _Ends) -> Iterator[BrokenHistory]:
    chains = Counter(workspace for workspace, _ in ends.chains)
    for workspace in sorted({*chains, *ends.counts}, key=str):
        count = ends.counts.get(workspace)
        if workspace not in ends.counts:
            why = "the count of its histories is gone"
        elif count is None:
            why = "the count of its histories does not open"
        elif not count.whole or count.chains != chains[workspace]:
            why = f"of {count.chains} histories {chains[workspace]} are there" if count.whole else "histories are gone"
        else:
            continue
        yield BrokenHistory(workspace=workspace, subject=ALL_CHAINS, why=why)
