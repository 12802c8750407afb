"""The table of messages to people: written in the transaction that they tell of, each sent by one instance.

A row is claimed before its message is sent, and ends afterwards; meanwhile no other is sent to that person. Ended rows
stay for a while without their content, because they tell who had a message lately, and what became of a batch.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Row
from sqlmodel import and_, case, col, delete, func, insert, or_, select, tuple_, update

from storage.crypto.keyring import RecordContext
from storage.models import OutboxRow
from storage.tables.table import Table, now

SENT = "sent"
"""The outcome of what was sent; every other one says why it was not."""

MOST_UNKNOWN = 2
"""How often a message may be sent without anybody knowing what became of it: so often it may come at most."""

LONGEST_PAUSE_SECONDS = 86_400.0
"""The longest that a row waits for its next try; one that is due later shows that the clock went back."""

_WAITING = ""
_NO_CONTENT = b"{}"


@dataclass(frozen=True, kw_only=True)
class StoredNotice:
    """One message that waits: to whom, of which kind; `document` is what was sealed, None when it does not open.

    It was tried without success so many times (`tries`), and sent with an `unknown` end so many times.
    """

    record_id: str
    workspace: str
    user: str
    kind: str
    batch: str
    tries: int
    unknown: int
    document: bytes | None = field(repr=False)


def outbox_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(OutboxRow, row, row.kind, str(int(row.asks)), row.batch, str(int(row.ends_batch)))


class OutboxTable(Table):
    """The messages, inside one transaction."""

    async def add(
        self,
        workspace: str,
        user: str,
        *,
        kind: str,
        document: bytes,
        asks: bool = False,
        batch: str = "",
        ends_batch: bool = False,
    ) -> None:
        """Store a message that is due now; one that `ends_batch` is due when the others of its batch have ended."""
        row = OutboxRow(
            record_id=str(uuid4()),
            workspace=workspace,
            user_id=user,
            kind=kind,
            asks=asks,
            batch=batch,
            ends_batch=ends_batch,
            created_at=0,
            due_at=0,
            tries=0,
            unknown=0,
            outcome=_WAITING,
            key_id=self._keyring.active,
            sealed=b"",
        )
        row.sealed = self._keyring.seal(document, outbox_context(row))
        time = now(self._connection)
        await self._connection.execute(
            insert(OutboxRow).values({**row.model_dump(), "created_at": time, "due_at": time})
        )

    async def waiting(self) -> dict[str, float]:
        """Return the workspaces in which a message waits, with the seconds until the next is due; 0 for now.

        What waits for another message to the same person is due no earlier than that one.
        """
        time = now(self._connection)
        person = (col(OutboxRow.workspace), col(OutboxRow.user_id))
        claimed = select(*person).where(self._is_claimed()).correlate(None)
        # A row that is due so late shows that the clock went back.
        due_at = case((self._is_due(), time), else_=col(OutboxRow.due_at))
        rows = await self._connection.execute(
            select(OutboxRow.workspace, func.min(due_at - time).label("seconds"))
            .where(
                col(OutboxRow.outcome) == _WAITING,
                self._batch_has_ended(),
                or_(~self._is_due(), tuple_(*person).not_in(claimed)),
            )
            .group_by(col(OutboxRow.workspace))
        )
        return {row.workspace: max(float(row.seconds), 0.0) for row in rows}

    async def oldest_seconds(self) -> float:
        """Return for how many seconds the oldest message has been waiting; 0 when none waits."""
        oldest = await self._connection.scalar(
            select(now(self._connection) - func.min(col(OutboxRow.created_at))).filter_by(
                outcome=_WAITING, ends_batch=False
            )
        )
        return max(float(oldest or 0), 0.0)

    async def claim(self, workspace: str, *, seconds: float, person_pace: float) -> StoredNotice | None:
        """Claim the oldest message of a workspace that is due, for so many seconds; None when none is.

        Whoever is being sent something, or was less than `person_pace` seconds ago, has to wait.
        """
        time = now(self._connection)
        row = (
            await self._connection.execute(
                select(OutboxRow)
                .filter_by(workspace=workspace, outcome=_WAITING)
                .where(
                    self._is_due(),
                    col(OutboxRow.unknown) < MOST_UNKNOWN,
                    self._batch_has_ended(),
                    ~self._is_being_told(workspace, person_pace),
                )
                .order_by(col(OutboxRow.created_at), col(OutboxRow.record_id))
                .limit(1)
                .with_for_update(skip_locked=True)
            )
        ).first()
        if row is None:
            return None
        await self._connection.execute(
            update(OutboxRow)
            .filter_by(record_id=row.record_id)
            .values(unknown=col(OutboxRow.unknown) + 1, due_at=time + seconds)
        )
        return self._opened(row)

    async def put_off(self, record_id: str, *, seconds: float) -> None:
        """Let a claimed message wait for so many seconds: it is known not to have been sent."""
        await self._wait(record_id, seconds, unknown=0)

    async def postpone(self, record_id: str, *, seconds: float) -> None:
        """Let a claimed message wait for so many seconds: it was sent with an unknown end, which stays counted."""
        await self._wait(record_id, seconds)

    async def end(self, record_id: str, outcome: str) -> bool:
        """End a message and empty it; False when it has ended already."""
        waiting = select(OutboxRow).filter_by(record_id=record_id, outcome=_WAITING).with_for_update()
        row = (await self._connection.execute(waiting)).first()
        if row is not None:
            await self._end(row, outcome)
        return row is not None

    async def end_all(self, workspace: str, user: str, outcome: str, *, but: Collection[str] = ()) -> None:
        """End every message that waits for a person, but those of some kinds."""
        waiting = select(OutboxRow).filter_by(workspace=workspace, user_id=user, outcome=_WAITING)
        for row in await self._connection.execute(
            waiting.where(col(OutboxRow.kind).not_in(but)).order_by(col(OutboxRow.record_id)).with_for_update()
        ):
            await self._end(row, outcome)

    async def lost(self, *, older_than: float) -> list[StoredNotice]:
        """Return messages that will not be sent any more.

        They were claimed again and again without anybody knowing what became of them, or have waited for longer than
        `older_than` seconds.
        """
        time = now(self._connection)
        rows = await self._connection.execute(
            select(OutboxRow)
            .filter_by(outcome=_WAITING)
            .where(
                or_(
                    and_(col(OutboxRow.unknown) >= MOST_UNKNOWN, self._is_due()),
                    col(OutboxRow.created_at) < time - older_than,
                )
            )
            .limit(100)
        )
        return [self._opened(row) for row in rows]

    async def told_lately(self, workspace: str, users: Collection[str], *, seconds: float) -> set[str]:
        """Return those of the users who had a message so lately, or are about to; one that ends a batch is none."""
        told = await self._connection.scalars(
            select(OutboxRow.user_id)
            .distinct()
            .filter_by(workspace=workspace, ends_batch=False)
            .where(
                col(OutboxRow.user_id).in_(users),
                col(OutboxRow.outcome).in_((_WAITING, SENT)),
                func.coalesce(col(OutboxRow.ended_at), col(OutboxRow.created_at)) > now(self._connection) - seconds,
            )
        )
        return set(told)

    async def outcomes(self, workspace: str, batch: str) -> Mapping[str, int]:
        """Count the messages of a batch by their outcome, but for the one that ends it."""
        counted = await self._connection.execute(
            select(OutboxRow.outcome, func.count().label("messages"))
            .filter_by(workspace=workspace, batch=batch, ends_batch=False)
            .group_by(col(OutboxRow.outcome))
        )
        return {row.outcome: row.messages for row in counted}

    async def unsent(self, workspace: str, batch: str, *, limit: int) -> list[str]:
        """Return user ids of those to whom a message of a batch could not be sent."""
        found = await self._connection.scalars(
            select(OutboxRow.user_id)
            .filter_by(workspace=workspace, batch=batch, ends_batch=False)
            .where(col(OutboxRow.outcome).not_in((_WAITING, SENT)))
            .order_by(col(OutboxRow.user_id))
            .limit(limit)
        )
        return list(found)

    async def purge(self, *, older_than: float) -> None:
        """Delete messages that ended, or still wait, since before so many seconds ago."""
        since = func.coalesce(col(OutboxRow.ended_at), col(OutboxRow.created_at))
        await self._connection.execute(delete(OutboxRow).where(since < now(self._connection) - older_than))

    async def _wait(self, record_id: str, seconds: float, **values: int) -> None:
        due_at = now(self._connection) + min(seconds, LONGEST_PAUSE_SECONDS)
        await self._connection.execute(
            update(OutboxRow)
            .filter_by(record_id=record_id, outcome=_WAITING)
            .values(tries=col(OutboxRow.tries) + 1, due_at=due_at, **values)
        )

    def _is_due(self) -> ColumnElement[bool]:
        due_at, time = col(OutboxRow.due_at), now(self._connection)
        return or_(due_at <= time, due_at > time + LONGEST_PAUSE_SECONDS + 1)

    def _is_claimed(self) -> ColumnElement[bool]:
        """Whether a message is on its way, or was sent with an unknown end and waits."""
        return and_(col(OutboxRow.outcome) == _WAITING, col(OutboxRow.unknown) > 0, ~self._is_due())

    def _batch_has_ended(self) -> ColumnElement[bool]:
        """Whether a message need not wait (any more) for the others of its batch."""
        under_way = select(OutboxRow.batch).where(col(OutboxRow.outcome) == _WAITING, ~col(OutboxRow.ends_batch))
        return or_(~col(OutboxRow.ends_batch), col(OutboxRow.batch).not_in(under_way.correlate(None)))

    def _is_being_told(self, workspace: str, seconds: float) -> ColumnElement[bool]:
        """Whether a message to the same person is claimed, or was sent so many seconds ago."""
        time = now(self._connection)
        just_sent = and_(col(OutboxRow.outcome) == SENT, col(OutboxRow.ended_at).between(time - seconds, time))
        told = select(OutboxRow.user_id).where(
            col(OutboxRow.workspace) == workspace, or_(just_sent, self._is_claimed())
        )
        return col(OutboxRow.user_id).in_(told.correlate(None))

    async def _end(self, row: Row[Any], outcome: str) -> None:
        fresh = OutboxRow(**{**row._mapping, "key_id": self._keyring.active})
        sealed = self._keyring.seal(_NO_CONTENT, outbox_context(fresh))
        await self._connection.execute(
            update(OutboxRow)
            .filter_by(record_id=row.record_id)
            .values(outcome=outcome, ended_at=now(self._connection), key_id=fresh.key_id, sealed=sealed)
        )

    def _opened(self, row: Row[Any]) -> StoredNotice:
        return StoredNotice(
            record_id=row.record_id,
            workspace=row.workspace,
            user=row.user_id,
            kind=row.kind,
            batch=row.batch,
            tries=row.tries,
            unknown=row.unknown,
            document=self._keyring.open_row(row, outbox_context),
        )
