"""Takes histories as they are found: those from before they were chains, and what a version before wrote beside this.

Their chains begin anew, with the entries that are there, under a sealed mark of how many these are.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import bindparam, col, delete, func, insert, text, tuple_, union, update

from storage.crypto.keyring import Keyring
from storage.maintenance.history import Subject, entries_with_details
from storage.models import AuditChainRow, AuditRow, ProfileRow
from storage.tables.audit_chains import ALL_CHAINS, Chain, ChainCount, content_of, moment, sealed_chain

_AT_ONCE = 200
"""Subjects whose entries are read at a time."""


async def all_subjects(connection: AsyncConnection) -> list[Subject]:
    """Return everybody and everything that has a history, or a profile."""
    entries = select(col(AuditRow.workspace), col(AuditRow.subject))
    profiles = select(col(ProfileRow.workspace), col(ProfileRow.user_id))
    return [(workspace, subject) for workspace, subject in await connection.execute(union(entries, profiles))]


async def take_as_found(connection: AsyncConnection, keyring: Keyring, subjects: Sequence[Subject]) -> None:
    """Begin the chains of these subjects anew, with the entries that are there; and count all of their workspaces."""
    if connection.dialect.name != "sqlite":
        # Nobody extends a chain meanwhile.
        await connection.execute(text("LOCK TABLE audit_chains IN EXCLUSIVE MODE"))
    people = [subject for subject in subjects if subject[1] != ALL_CHAINS]
    for begin in range(0, len(people), _AT_ONCE):
        await _begin_anew(connection, keyring, people[begin : begin + _AT_ONCE])
    for workspace in sorted({workspace for workspace, _ in subjects}):
        await _count_anew(connection, keyring, workspace)


async def _begin_anew(connection: AsyncConnection, keyring: Keyring, subjects: Sequence[Subject]) -> None:
    chains = dict.fromkeys(subjects, Chain())
    theirs = tuple_(col(AuditRow.workspace), col(AuditRow.subject)).in_(subjects)
    found = entries_with_details().where(theirs).order_by(col(AuditRow.id))
    linked = []
    for row in (await connection.execute(found)).all():
        subject = (row.workspace, row.subject)
        content = content_of(row.fields, row.details_id or "")
        chains[subject] = chain = chains[subject].extended(row._mapping, content)
        linked.append({"of_id": row.id, "position": chain.last.position, "content": content, "link": chain.last.link})
    if linked:
        place: dict[str, Any] = {name: bindparam(name) for name in ("position", "content", "link")}
        await connection.execute(update(AuditRow).where(col(AuditRow.id) == bindparam("of_id")).values(place), linked)
    ended = tuple_(col(AuditChainRow.workspace), col(AuditChainRow.user_id)).in_(subjects)
    await connection.execute(delete(AuditChainRow).where(ended))
    now = moment(datetime.now(UTC))
    found_now = {
        subject: Chain(last=chain.last, latest=max(chain.latest, now), found=chain.last.position)
        for subject, chain in chains.items()
    }
    rows = [sealed_chain(keyring, *subject, chain.to_document()) for subject, chain in found_now.items()]
    await connection.execute(insert(AuditChainRow), rows)


async def _count_anew(connection: AsyncConnection, keyring: Keyring, workspace: str) -> None:
    counted = {"workspace": workspace, "user_id": ALL_CHAINS}
    await connection.execute(delete(AuditChainRow).filter_by(**counted))
    there = select(func.count()).select_from(AuditChainRow).filter_by(workspace=workspace)
    count = ChainCount(chains=await connection.scalar(there) or 0)
    await connection.execute(
        insert(AuditChainRow).values(sealed_chain(keyring, workspace, ALL_CHAINS, count.to_document()))
    )
