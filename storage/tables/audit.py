"""The audit table: who changed or tested whose profile, which fields, when; and, sealed, from what to what.

The entries of each subject are a chain (`storage.tables.audit_chains`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, Select
from sqlmodel import col, delete, exists, func, insert, select, update

from storage.crypto.keyring import UNOPENED, RecordContext
from storage.models import AuditDetailRow, AuditRow
from storage.tables.audit_chains import AuditChainTable, Place, content_of, link_of
from storage.tables.table import Table

SAVED = "saved"
EXTRAS_CHANGED = "extra configurations changed"
FIXED = "fixed"
FIXED_WITH_OTHERS = "fixed with others"
UNDONE = "undone"
MOVED = "moved to new defaults"
PASSWORD_SET = "password set privately"  # noqa: S105 - an action, not a password
PASSWORD_PURGED = "password purged"  # noqa: S105 - as above
DELETED = "deleted"

PROGRAM_ADDED = "added a program"
PROGRAM_REMOVED = "removed a program"
PROGRAM_IN_NETWORK = "signed in from a new network"

BY_PROGRAM = "program"
"""The actor of what a program does by itself, which is no user id."""

STORING = (SAVED, EXTRAS_CHANGED, FIXED, FIXED_WITH_OTHERS, UNDONE, MOVED, PASSWORD_SET, PASSWORD_PURGED, DELETED)
"""The actions of which each entry is written with the profile as it is then, or without it any more."""

TESTED = "tested"
TESTED_FORM = "tested a form"
SENT_MESSAGE = "sent a test message"
TRIED_TO_SEND = "tried to send a test message"
MAILED_CODE = "mailed a code"
TRIED_TO_MAIL_CODE = "tried to mail a code"
COULD_NOT_SIGN_IN = "could not sign in"
SENT = "sent"
EMAILED = "emailed a message"
REMINDED = "reminded"

TESTS = (TESTED, TESTED_FORM, SENT_MESSAGE, TRIED_TO_SEND, MAILED_CODE, TRIED_TO_MAIL_CODE, COULD_NOT_SIGN_IN)
"""The actions whose fields are an outcome."""
_NO_CHANGES = (*TESTS, SENT, EMAILED, REMINDED)

_BATCH = 500
"""Entries that are deleted at a time."""


def audit_detail_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(AuditDetailRow, row, str(row.entry))


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One change or test. `actor` and `subject` are user ids, `fields` are names.

    `details` say from what to what, a line each, and on which server with which login. An outline has neither: the
    profile was deleted since.
    """

    number: int
    at: datetime
    actor: str
    subject: str
    action: str
    fields: tuple[str, ...]
    details: tuple[str, ...] = ()


class AuditTable(Table):
    """The audit entries, inside one transaction."""

    async def append(
        self,
        workspace: str,
        *,
        actor: str,
        subject: str,
        action: str,
        fields: Sequence[str] = (),
        details: Sequence[str] = (),
    ) -> None:
        """Add one entry, now, to the chain of its subject; `details` are sealed, and hold no secret.

        It is the last that a transaction does about a person: it locks their chain, and others lock the person's line
        in the list before that.
        """
        details_id = str(uuid4()) if details else ""
        said = ", ".join(fields)
        entry = {
            "at": datetime.now(UTC),
            "workspace": workspace,
            "actor": actor,
            "subject": subject,
            "action": action,
            "fields": said,
        }
        content = content_of(said, details_id)
        place = await self._chains.extend(entry, content)
        # Without a place it is stored all the same: `db verify` tells of it, and nobody is kept from saving.
        linked = {"position": place.position, "content": content, "link": place.link} if place else {}
        statement = insert(AuditRow).values(**entry, **linked)
        number = await self._connection.scalar(statement.returning(col(AuditRow.id))) or 0
        if self._connection.dialect.name == "sqlite":
            # It gives numbers of deleted entries again, and others may delete entries without their details.
            await self._connection.execute(delete(AuditDetailRow).filter_by(entry=number))
        if details:
            sealed = self._sealed(workspace, number, details_id, details)
            await self._connection.execute(insert(AuditDetailRow).values(sealed))

    @cached_property
    def _chains(self) -> AuditChainTable:
        return AuditChainTable(self._connection, self._keyring)

    async def page(
        self, workspace: str, *, subject: str | None, before: int | None = None, limit: int = 15
    ) -> list[AuditEntry]:
        """Read entries about one person, or about everybody, newest first, older than entry `before`."""
        statement = select(AuditRow).filter_by(workspace=workspace)
        if subject is not None:
            statement = statement.filter_by(subject=subject)
        if before is not None:
            statement = statement.where(col(AuditRow.id) < before)
        return await self._entries(statement.order_by(col(AuditRow.id).desc()).limit(limit))

    async def changes(self, workspace: str, *, limit: int) -> list[AuditEntry]:
        """Read the latest changes of a workspace's profiles and defaults, newest first: nothing else."""
        statement = select(AuditRow).filter_by(workspace=workspace)
        changed = statement.where(col(AuditRow.action).not_in(_NO_CHANGES))
        return await self._entries(changed.order_by(col(AuditRow.id).desc()).limit(limit))

    async def outline(self, workspace: str, subject: str) -> None:
        """Leave the outline of all entries about one person: who, when, what kind, how many."""
        chain = await self._chains.change(workspace, subject)
        theirs = select(AuditRow.id).filter_by(workspace=workspace, subject=subject)
        await self._connection.execute(delete(AuditDetailRow).where(col(AuditDetailRow.entry).in_(theirs)))
        await self._connection.execute(
            update(AuditRow).filter_by(workspace=workspace, subject=subject).values(fields="")
        )
        if chain is not None:
            await self._chains.put(workspace, subject, replace(chain, outlined=chain.last.position))

    async def older(self, than: datetime) -> list[tuple[str, str]]:
        """Return whose entries are older than a time: workspace and subject of each."""
        found = select(AuditRow.workspace, AuditRow.subject).distinct().where(col(AuditRow.at) < than)
        return [(row.workspace, row.subject) for row in await self._connection.execute(found)]

    async def purge(self, workspace: str, subject: str, *, before: datetime) -> None:
        """Delete what is older than a time of one subject's entries; where their chain begins now is sealed.

        Nothing counts as purged that does not fit the chain: an entry whose time somebody else changed is missed.
        """
        chain = await self._chains.change(workspace, subject)
        theirs = select(AuditRow).filter_by(workspace=workspace, subject=subject)
        kept = theirs.with_only_columns(func.min(col(AuditRow.position))).where(col(AuditRow.at) >= before)
        first_kept = await self._connection.scalar(kept)
        due = theirs.where(col(AuditRow.at) < before).order_by(col(AuditRow.position), col(AuditRow.id))
        rows = (await self._connection.execute(due)).all()
        # Times are those of several instances, so that one may be a little older than the one before it.
        rows = [row for row in rows if row.position is None or first_kept is None or row.position < first_kept]
        await self._delete([row.id for row in rows])
        if chain is None:
            return
        chain = replace(chain, first=_behind(chain.first, [row for row in rows if row.position is not None]))
        await self._chains.put(workspace, subject, chain)
        if chain.first == chain.last and not await self._chains.has_profile(workspace, subject):
            await self._chains.end(workspace, subject)

    async def purge_details(self) -> None:
        """Delete details whose entry is gone."""
        is_there = exists().where(col(AuditRow.id) == AuditDetailRow.entry)
        await self._connection.execute(delete(AuditDetailRow).where(~is_there))

    async def _delete(self, numbers: Sequence[int]) -> None:
        for begin in range(0, len(numbers), _BATCH):
            some = numbers[begin : begin + _BATCH]
            await self._connection.execute(delete(AuditDetailRow).where(col(AuditDetailRow.entry).in_(some)))
            await self._connection.execute(delete(AuditRow).where(col(AuditRow.id).in_(some)))

    async def _entries(self, statement: Select[AuditRow]) -> list[AuditEntry]:
        rows = (await self._connection.execute(statement)).all()
        details = await self._details([row.id for row in rows])
        return [_entry(row, details.get(row.id, ())) for row in rows]

    async def _details(self, entries: Sequence[int]) -> dict[int, tuple[str, ...]]:
        rows = await self._connection.execute(select(AuditDetailRow).where(col(AuditDetailRow.entry).in_(entries)))
        return {row.entry: self._opened(row) for row in rows}

    def _sealed(self, workspace: str, entry: int, record_id: str, details: Sequence[str]) -> dict[str, Any]:
        row = AuditDetailRow(
            record_id=record_id, workspace=workspace, entry=entry, key_id=self._keyring.active, sealed=b""
        )
        row.sealed = self._keyring.seal(json.dumps(list(details)).encode(), audit_detail_context(row))
        return row.model_dump()

    def _opened(self, row: Row[Any]) -> tuple[str, ...]:
        try:
            return tuple(json.loads(self._keyring.open(row.sealed, audit_detail_context(row))))
        except UNOPENED:
            # Who changed which fields is told all the same.
            return ()


def _entry(row: Row[Any], details: tuple[str, ...]) -> AuditEntry:
    return AuditEntry(
        number=row.id or 0,
        at=row.at,
        actor=row.actor,
        subject=row.subject,
        action=row.action,
        fields=tuple(row.fields.split(", ")) if row.fields else (),
        details=details,
    )


def _behind(first: Place, purged: Sequence[Row[Any]]) -> Place:
    """Return the place of the last of these entries that, one after the other, fit the chain behind `first`."""
    for row in purged:
        position = first.position + 1
        place = Place(position, link_of(first.link, position, row._mapping, row.content or ""))
        if Place(row.position, row.link) != place:
            break
        first = place
    return first
