"""The table of workspaces: their defaults, sealed, each save against a revision; and when one left.

What admins allow must not vanish with a row, so that there is a record is sealed in another table too, the mark.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import uuid4

from sqlalchemy import Row
from sqlmodel import bindparam, col, delete, literal, select, union_all, update

from storage.crypto.keyring import RecordContext
from storage.models import (
    AddressConfirmationRow,
    AuditChainRow,
    AuditDetailRow,
    AuditRow,
    BulkRunRow,
    ConnectionTestRow,
    FormTestRow,
    HomeRow,
    IdempotentSendRow,
    InstallationRow,
    OutboxRow,
    PasswordLinkRow,
    PeopleReadingRow,
    PersonRow,
    ProfileRow,
    ProgramTokenRow,
    RunningTestRow,
    RunResultRow,
    SearchRow,
    StateCountRow,
    WorkspaceMarkRow,
    WorkspaceRow,
)
from storage.tables.table import RecordTable, StaleRevisionError, insert_new, insert_or_replace

_EVERYTHING = (
    RunResultRow,
    ProfileRow,
    ConnectionTestRow,
    ProgramTokenRow,
    IdempotentSendRow,
    PersonRow,
    SearchRow,
    StateCountRow,
    PasswordLinkRow,
    FormTestRow,
    AddressConfirmationRow,
    BulkRunRow,
    RunningTestRow,
    HomeRow,
    InstallationRow,
    OutboxRow,
    PeopleReadingRow,
    WorkspaceMarkRow,
    # Last, as whoever saves does it: two that lock the same in another order wait for each other.
    AuditChainRow,
    AuditRow,
    AuditDetailRow,
)

_RECORD, _MARK = "record", "mark"


@dataclass(frozen=True, kw_only=True)
class StoredWorkspace:
    """One workspace's own record; `document` is what was sealed.

    It is empty when it does not open, is gone (then `revision` is 0), or is another or older than its mark knows.
    """

    revision: int
    document: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Workspaces by how their records are: those whose record cannot be relied on, and those that have no mark."""

    unreadable: list[str]
    unmarked: list[str]


def workspace_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(WorkspaceRow, row)


def workspace_mark_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(WorkspaceMarkRow, row)


@dataclass(kw_only=True)
class _Pair:
    """A workspace's record and its mark, each None where there is none."""

    record: Row[Any] | None = None
    mark: Row[Any] | None = None

    @property
    def revision(self) -> int:
        """The record's revision, whether it opens or not; 0 without one, and for a value that is none."""
        return max(self.record.revision, 0) if self.record is not None else 0


class WorkspaceTable(RecordTable):
    """The workspaces, inside one transaction."""

    model = WorkspaceRow

    async def get(self, workspace: str) -> StoredWorkspace | None:
        """Read a workspace's record; None when there is none yet."""
        pair = await self._pair(workspace)
        if pair.record is None and pair.mark is None:
            return None
        return StoredWorkspace(revision=pair.revision, document=self._relied_on(pair) or b"")

    async def save(self, workspace: str, document: bytes, *, expected_revision: int) -> int:
        """Seal and store `document` as the next revision, with its mark; returns the revision.

        0 expects that there is none yet. In place of what cannot be relied on comes a new record, so that nothing of
        the old one counts any more. Whoever saves is there, so the workspace has not left.

        Raises:
            StaleRevisionError: another revision is stored than the expected one.
        """
        pair = await self._pair(workspace)
        record, stored = pair.record, pair.revision
        if stored != expected_revision:
            raise StaleRevisionError(revision=stored)
        if record is not None and self._relied_on(pair) is None:
            await self._connection.execute(delete(WorkspaceRow).filter_by(record_id=record.record_id))
            record = None
        saved = await self._save({"workspace": workspace}, document, before=record, first=stored + 1)
        await self._put_mark(saved)
        return saved.revision

    async def survey(self) -> Survey:
        """Open every record and every mark."""
        pairs = defaultdict[str, _Pair](_Pair)
        for row in await self._connection.execute(_records_and_marks()):
            setattr(pairs[row.workspace], row.kind, row)
        unreadable = {workspace for workspace, pair in pairs.items() if self._relied_on(pair) is None}
        unmarked = {workspace for workspace, pair in pairs.items() if pair.mark is None}
        return Survey(unreadable=sorted(unreadable), unmarked=sorted(unmarked - unreadable))

    async def add_marks(self) -> None:
        """Make the marks of the records that a version without them wrote."""
        for workspace in (await self.survey()).unmarked:
            record = (await self._pair(workspace)).record
            if record is not None:
                await self._put_mark(record)

    async def drop_marks_of_nothing(self) -> None:
        """Delete the marks of workspaces of which nothing is left: a version that knows no marks purged them."""
        left = (WorkspaceRow, ProfileRow, PersonRow, InstallationRow)
        everywhere = union_all(*(select(table.workspace) for table in left)).subquery()
        nothing_left = col(WorkspaceMarkRow.workspace).not_in(select(everywhere.c.workspace))
        await self._connection.execute(delete(WorkspaceMarkRow).where(nothing_left))

    async def set_left(self, workspace: str, at: datetime | None) -> None:
        """Store since when the bot is no longer installed in a workspace; None: it is installed.

        What waits to be told there ends: the bot can tell nobody, and after its return it would be out of date.
        """
        if at is not None:
            await self._note_known(workspace)
            await self._connection.execute(delete(OutboxRow).filter_by(workspace=workspace))
        await self._connection.execute(update(WorkspaceRow).filter_by(workspace=workspace).values(left_at=at))

    async def left_before(self, at: datetime) -> list[str]:
        """Return the workspaces that left before a time."""
        return list(
            await self._connection.scalars(select(WorkspaceRow.workspace).where(col(WorkspaceRow.left_at) < at))
        )

    async def purge(self, workspace: str, *, left_before: datetime) -> bool:
        """Delete everything that is stored of a workspace; False when it has not left before that time (any more)."""
        gone = await self._connection.execute(
            delete(WorkspaceRow).filter_by(workspace=workspace).where(col(WorkspaceRow.left_at) < left_before)
        )
        if gone.rowcount == 0:
            return False
        for table in _EVERYTHING:
            await self._connection.execute(delete(table).filter_by(workspace=workspace))
        return True

    async def _note_known(self, workspace: str) -> None:
        """Store that a workspace is known; where its record is gone, nothing that opens takes its place."""
        pair = await self._pair(workspace)
        if pair.record is None and pair.mark is None:
            await self.save(workspace, b"{}", expected_revision=0)
        elif pair.record is None:
            empty = {"record_id": str(uuid4()), "revision": 0, "key_id": self._keyring.active, "sealed": b""}
            await insert_new(self._connection, WorkspaceRow, {"workspace": workspace, **empty})

    async def _pair(self, workspace: str) -> _Pair:
        pair = _Pair()
        for row in await self._connection.execute(_of_one_workspace(), {"workspace": workspace}):
            setattr(pair, row.kind, row)
        return pair

    def _relied_on(self, pair: _Pair) -> bytes | None:
        """Return what is sealed in a record, if it opens and is the one that its mark knows, or a later state of it."""
        record, mark = pair.record, pair.mark
        document = self._keyring.open_row(record, workspace_context) if record is not None else None
        if record is None or document is None or mark is None:
            return document
        is_known = self._keyring.open_row(mark, workspace_mark_context) == record.record_id.encode()
        return document if is_known and record.revision >= mark.revision else None

    async def _put_mark(self, record: Any) -> None:
        mark = WorkspaceMarkRow(
            record_id=str(uuid4()),
            workspace=record.workspace,
            revision=record.revision,
            key_id=self._keyring.active,
            sealed=b"",
        )
        mark.sealed = self._keyring.seal(record.record_id.encode(), workspace_mark_context(mark))
        await insert_or_replace(self._connection, WorkspaceMarkRow, mark.model_dump(), key=["workspace"])


@cache
def _records_and_marks() -> Any:
    """Return the statement that reads every record and every mark; `kind` tells which is which."""
    return union_all(*_both())


@cache
def _of_one_workspace() -> Any:
    """Return the same statement for one `workspace`; making it takes as long as what it reads."""
    return union_all(*(rows.where(rows.selected_columns.workspace == bindparam("workspace")) for rows in _both()))


def _both() -> list[Any]:
    def rows(kind: str, table: type[WorkspaceRow | WorkspaceMarkRow]) -> Any:
        columns: tuple[Any, ...] = (table.record_id, table.workspace, table.revision, table.key_id, table.sealed)
        return select(literal(kind).label("kind")).add_columns(*columns)

    return [rows(_RECORD, WorkspaceRow), rows(_MARK, WorkspaceMarkRow)]
