"""The chains of the history: each entry's digest goes into the next, and both ends of a chain are sealed.

There is one chain a subject, so that nobody's save waits for somebody else's. Whoever can write to the database can
remove, edit, reorder or invent entries, and cannot make the sealed ends fit that: `db verify` compares them. How many
chains a workspace has is sealed too, so that a whole one does not vanish.

A transaction locks a person's links, tests of forms, confirmation and messages before their line in the list, that
before their chain, and a chain before the count of the workspace.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Row
from sqlmodel import col, delete, exists, or_, select, update

from storage.crypto.keyring import UNOPENED, Keyring, RecordContext
from storage.models import AuditChainRow, ProfileRow
from storage.tables.table import Table, insert_new

ALL_CHAINS = "*"
"""In place of a user id: the row that counts the chains of a workspace."""


class Place(NamedTuple):
    """A place in a chain: the number of the entry there, the first being 1, and its link; (0, "") before the first."""

    position: int
    link: str


_START = Place(0, "")


@dataclass(frozen=True, kw_only=True)
class Chain:
    """What is sealed of one chain.

    `first` is the place before the oldest entry that is kept: what was before is purged. `last` is the place of the
    newest, and `latest` the latest time of an entry, which no profile and no test is newer than; as `moment` writes it.
    Entries up to number `outlined` are outlines, because their profile was deleted since. Those up to number `found`
    were there before the chain, and are taken as they were found.
    """

    first: Place = _START
    last: Place = _START
    latest: str = ""
    outlined: int = 0
    found: int = 0

    def extended(self, entry: Mapping[Any, Any], content: str) -> "Chain":
        """Return the chain with one entry more; `entry` has the columns of its row that an outline keeps."""
        position = self.last.position + 1
        last = Place(position, link_of(self.last.link, position, entry, content))
        return replace(self, last=last, latest=max(self.latest, moment(entry["at"])))

    def to_document(self) -> bytes:
        """Return the chain as JSON for sealing."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_document(cls, document: bytes) -> "Chain":
        """Read what `to_document` wrote."""
        values = json.loads(document)
        return cls(**{**values, "first": Place(*values["first"]), "last": Place(*values["last"])})


@dataclass(frozen=True, kw_only=True)
class ChainCount:
    """How many chains a workspace has; not `whole` when it had profiles and no count, so that chains are missing."""

    chains: int
    whole: bool = True

    def to_document(self) -> bytes:
        """Return the count as JSON for sealing."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_document(cls, document: bytes) -> "ChainCount":
        """Read what `to_document` wrote."""
        return cls(**json.loads(document))


def audit_chain_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(AuditChainRow, row)


def content_of(fields: str, details_id: str) -> str:
    """Return the digest of what an entry says besides its outline.

    `details_id` is the record id of its details, empty without any. It is random, and goes with them: so the digest
    tells nothing of the fields once these are gone.
    """
    return _digest(details_id, fields)


def link_of(before: str, position: int, entry: Mapping[Any, Any], content: str) -> str:
    """Return the link of an entry: the digest of its place, of its outline and its content, and of the link before."""
    who = (entry["workspace"], entry["actor"], entry["subject"], entry["action"])
    return _digest(before, str(position), moment(entry["at"]), *who, content)


def moment(at: datetime) -> str:
    """Return a time as a text; an earlier one comes first in the order of texts."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _digest(*texts: str) -> str:
    # What is no text, somebody else wrote: it gets a digest too, which fits nothing.
    return hashlib.sha256(json.dumps(texts, default=repr).encode()).hexdigest()


class AuditChainTable(Table):
    """The ends of the chains, inside one transaction."""

    async def extend(self, entry: Mapping[Any, Any], content: str) -> Place | None:
        """Take the next place in the chain of an entry's subject; None when the chain's end does not open.

        Two that extend one chain at once do so one after the other.
        """
        workspace, subject = entry["workspace"], entry["subject"]
        row = await self._locked(workspace, subject)
        if row is None:
            begun = Chain().extended(entry, content)
            if await self._begin(workspace, subject, begun):
                return begun.last
            row = await self._locked(workspace, subject)
        chain = self._opened(row)
        if row is None or chain is None:
            return None
        extended = chain.extended(entry, content)
        await self._seal(row, extended.to_document())
        return extended.last

    async def change(self, workspace: str, subject: str) -> Chain | None:
        """Read a chain, which nobody else extends until the transaction ends; None without one that opens."""
        return self._opened(await self._locked(workspace, subject))

    async def put(self, workspace: str, subject: str, chain: Chain) -> None:
        """Store a chain that `change` returned, changed."""
        row = await self._locked(workspace, subject)
        if row is not None:
            await self._seal(row, chain.to_document())

    async def end(self, workspace: str, subject: str) -> None:
        """Delete a chain of which no entry is left."""
        gone = await self._connection.execute(delete(AuditChainRow).filter_by(workspace=workspace, user_id=subject))
        if gone.rowcount:
            await self._count(workspace, subject, by=-1)

    async def _begin(self, workspace: str, subject: str, chain: Chain) -> bool:
        if not await self._insert(workspace, subject, chain.to_document()):
            return False
        await self._count(workspace, subject, by=1)
        return True

    async def _count(self, workspace: str, subject: str, *, by: int) -> None:
        row = await self._locked(workspace, ALL_CHAINS)
        if row is None:
            first = ChainCount(chains=max(by, 0), whole=not await self._has_older_profiles(workspace, subject))
            if await self._insert(workspace, ALL_CHAINS, first.to_document()):
                return
            row = await self._locked(workspace, ALL_CHAINS)
        if row is None:
            return
        try:
            count = ChainCount.from_document(self._keyring.open(row.sealed, audit_chain_context(row)))
        except UNOPENED:
            # It stays as it is, for `db verify` to see.
            return
        await self._seal(row, replace(count, chains=count.chains + by).to_document())

    async def _has_older_profiles(self, workspace: str, subject: str) -> bool:
        """Whether there are profiles whose history should have been counted before this subject's began."""
        older = or_(col(ProfileRow.user_id) != subject, col(ProfileRow.revision) > 1)
        there = select(ProfileRow.record_id).filter_by(workspace=workspace).where(older).limit(1)
        return await self._connection.scalar(there) is not None

    async def has_profile(self, workspace: str, subject: str) -> bool:
        """Whether a subject has a profile, whose chain stays also when it is empty."""
        return bool(
            await self._connection.scalar(
                select(exists(select(ProfileRow.record_id).filter_by(workspace=workspace, user_id=subject)))
            )
        )

    async def _locked(self, workspace: str, subject: str) -> Row[Any] | None:
        found = select(AuditChainRow).filter_by(workspace=workspace, user_id=subject).with_for_update()
        return (await self._connection.execute(found)).first()

    async def _insert(self, workspace: str, subject: str, document: bytes) -> bool:
        return await insert_new(
            self._connection, AuditChainRow, sealed_chain(self._keyring, workspace, subject, document)
        )

    async def _seal(self, row: Row[Any], document: bytes) -> None:
        fresh = AuditChainRow(**{**row._mapping, "key_id": self._keyring.active})
        sealed = self._keyring.seal(document, audit_chain_context(fresh))
        await self._connection.execute(
            update(AuditChainRow).filter_by(record_id=row.record_id).values(key_id=fresh.key_id, sealed=sealed)
        )

    def _opened(self, row: Row[Any] | None) -> Chain | None:
        if row is None:
            return None
        try:
            return Chain.from_document(self._keyring.open(row.sealed, audit_chain_context(row)))
        except UNOPENED:
            return None


def sealed_chain(keyring: Keyring, workspace: str, subject: str, document: bytes) -> dict[str, Any]:
    """Return the columns of a new row."""
    row = AuditChainRow(record_id=str(uuid4()), workspace=workspace, user_id=subject, key_id=keyring.active, sealed=b"")
    row.sealed = keyring.seal(document, audit_chain_context(row))
    return row.model_dump()
