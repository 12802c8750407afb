"""Tokens of programs: of each the public id and a digest of the secret; what it may do is sealed.

What is in the clear beside the seal is bound by it, so that nobody who writes to the database gives a program another
secret, another owner or a later end.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Row
from sqlmodel import bindparam, col, delete, exists, or_, select, update

from storage.crypto.keyring import RecordContext
from storage.models import IdempotentSendRow, PersonRow, ProfileRow, ProgramTokenRow, WorkspaceRow
from storage.tables.table import Table, insert_new, now, now_in

_KEPT_SECONDS = 7 * 24 * 3600
"""How long a token that is over is kept, so that its owner sees why a program sends no more."""


@dataclass(frozen=True, kw_only=True)
class StoredToken:
    """One token; times are seconds since 1970, UTC. `document` is what was sealed, None when it does not open."""

    token_id: str
    workspace: str
    user: str
    digest: str = field(repr=False)
    created_at: float
    ends_at: float | None
    last_used_at: float | None
    revision: int
    document: bytes | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ShownToken:
    """A token as somebody shows it, and the time by the database's clock: seconds since 1970, UTC.

    `is_alive` is whether token and profile are there, and neither the token's end, nor its owner's in the workspace,
    nor the bot's there has come. `profile_id` is the record id of the profile that its owner has now; empty: none.
    """

    stored: StoredToken
    profile_id: str
    is_alive: bool
    now: float


def program_token_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    beside = (row.digest, *(_written(time) for time in (row.created_at, row.ends_at, row.last_used_at)))
    return RecordContext.of_row(ProgramTokenRow, row, *beside)


def _written(time: float | None) -> str:
    return "never" if time is None else repr(float(time))


class ProgramTokenTable(Table):
    """The tokens, inside one transaction."""

    async def add(
        self, workspace: str, user: str, *, token_id: str, digest: str, ends_at: float | None, document: bytes
    ) -> StoredToken | None:
        """Seal and store a token that is made now; None when another has its id."""
        row = ProgramTokenRow(
            record_id=token_id,
            workspace=workspace,
            user_id=user,
            revision=1,
            digest=digest,
            created_at=await self._now(),
            ends_at=ends_at,
            key_id=self._keyring.active,
            sealed=b"",
        )
        row.sealed = self._keyring.seal(document, program_token_context(row))
        added = await insert_new(self._connection, ProgramTokenRow, row.model_dump())
        return self._stored(row) if added else None

    async def of(self, workspace: str, user: str) -> list[StoredToken]:
        """Read the tokens of a person, in the order in which they were made."""
        rows = await self._connection.execute(
            select(ProgramTokenRow)
            .filter_by(workspace=workspace, user_id=user)
            .order_by(col(ProgramTokenRow.created_at), col(ProgramTokenRow.record_id))
        )
        return [self._stored(row) for row in rows]

    async def shown(self, token_id: str) -> ShownToken | None:
        """Read a token by the id that somebody shows; None when there is none."""
        statement = _with_owner(self._connection.dialect.name)
        found = await self._connection.execute(statement, {"of_token": token_id})
        row = found.first()
        if row is None:
            return None
        is_there = row.profile is not None and row.person is not None
        is_over = row.ends_at is not None and row.ends_at <= row.time
        stored = self._stored(row)
        is_alive = is_there and not is_over and row.deactivated_at is None and row.left_at is None
        return ShownToken(
            stored=stored, profile_id=row.profile or "", is_alive=is_alive and stored.document is not None, now=row.time
        )

    async def lock(self, token_id: str) -> StoredToken | None:
        """Read a token to write down its use, so that whoever else does so meanwhile waits; None when it is gone."""
        found = select(ProgramTokenRow).filter_by(record_id=token_id).with_for_update()
        row = (await self._connection.execute(found)).first()
        return self._stored(row) if row is not None else None

    async def save_use(self, stored: StoredToken, document: bytes, *, at: float) -> None:
        """Seal and store that a token which was locked is used at a time, and what is to be known of that."""
        row = ProgramTokenRow(
            record_id=stored.token_id,
            workspace=stored.workspace,
            user_id=stored.user,
            revision=stored.revision + 1,
            digest=stored.digest,
            created_at=stored.created_at,
            ends_at=stored.ends_at,
            last_used_at=at,
            key_id=self._keyring.active,
            sealed=b"",
        )
        row.sealed = self._keyring.seal(document, program_token_context(row))
        await self._connection.execute(
            update(ProgramTokenRow).filter_by(record_id=stored.token_id).values(row.model_dump())
        )

    async def remove(self, workspace: str, user: str, token_id: str) -> StoredToken | None:
        """Delete a token of a person, and what its program sent with a key; returns it, None when there is none."""
        found = select(ProgramTokenRow).filter_by(workspace=workspace, user_id=user, record_id=token_id)
        row = (await self._connection.execute(found.with_for_update())).first()
        if row is None:
            return None
        await self._connection.execute(delete(ProgramTokenRow).filter_by(record_id=token_id))
        await self._connection.execute(delete(IdempotentSendRow).filter_by(token_id=token_id))
        return self._stored(row)

    async def forget(self, workspace: str, user: str) -> bool:
        """Delete all tokens of a person, and what their programs sent with a key; returns whether there was one."""
        gone = await self._connection.execute(delete(ProgramTokenRow).filter_by(workspace=workspace, user_id=user))
        await self._connection.execute(delete(IdempotentSendRow).filter_by(workspace=workspace, user_id=user))
        return gone.rowcount > 0

    async def used_within(self, seconds: float) -> list[StoredToken]:
        """Read the tokens that were last used within so many seconds."""
        rows = await self._connection.execute(
            select(ProgramTokenRow)
            .where(col(ProgramTokenRow.last_used_at) > now(self._connection) - seconds)
            .order_by(col(ProgramTokenRow.record_id))
        )
        return [self._stored(row) for row in rows]

    async def purge(self) -> None:
        """Delete tokens that were over a week ago, and what the version before leaves of profiles that are gone."""
        over = now(self._connection) - _KEPT_SECONDS
        has_profile = exists().where(_is_owner(ProfileRow))
        await self._connection.execute(
            delete(ProgramTokenRow).where(or_(col(ProgramTokenRow.ends_at) <= over, ~has_profile))
        )

    async def _now(self) -> float:
        return float(await self._connection.scalar(select(now(self._connection))) or 0)

    def _stored(self, row: ProgramTokenRow | Row[Any]) -> StoredToken:
        return StoredToken(
            token_id=row.record_id,
            workspace=row.workspace,
            user=row.user_id,
            digest=row.digest,
            created_at=row.created_at,
            ends_at=row.ends_at,
            last_used_at=row.last_used_at,
            revision=row.revision,
            document=self._keyring.open_row(row, program_token_context),
        )


@cache
def _with_owner(dialect: str) -> Any:
    """Return the statement that reads a token, and whether its profile, its owner and the bot there are there still.

    It is kept, since making it takes as long as what it reads, and each sign-in of a program needs it.
    """
    beside: tuple[Any, ...] = (
        now_in(dialect).label("time"),
        col(ProfileRow.record_id).label("profile"),
        col(PersonRow.record_id).label("person"),
        col(PersonRow.deactivated_at).label("deactivated_at"),
        col(WorkspaceRow.left_at).label("left_at"),
    )
    return (
        select(ProgramTokenRow)
        .add_columns(*beside)
        .join(ProfileRow, _is_owner(ProfileRow), isouter=True)
        .join(PersonRow, _is_owner(PersonRow), isouter=True)
        .join(WorkspaceRow, col(WorkspaceRow.workspace) == col(ProgramTokenRow.workspace), isouter=True)
        .where(col(ProgramTokenRow.record_id) == bindparam("of_token"))
    )


def _is_owner(table: type[ProfileRow | PersonRow]) -> Any:
    return (col(table.workspace) == col(ProgramTokenRow.workspace)) & (
        col(table.user_id) == col(ProgramTokenRow.user_id)
    )
