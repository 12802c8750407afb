"""Checks that the configured keys match the stored check values; counts who needs which key; retires keys."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel, Table, col, func, select, update

from storage.crypto.keyring import UNOPENED, Keyring, RecordContext, is_key_id, key_id_of
from storage.models import KeyCheckRow, PasswordLinkRow
from storage.tables.table import insert_new, now

NO_KEY = "?"
"""In place of a key's id, where something else stands in the database."""

_CANARY = b"this key opens what it sealed"


class KeyMismatchError(Exception):
    """The configured keys do not fit the records. `str(error)` is one line that names the key id."""


class KeyRetirementError(Exception):
    """A key cannot be retired. `str(error)` is one line that says why, and what to do."""


class CheckValue(StrEnum):
    """What a key's check value says of it."""

    GOOD = "good"
    MISSING = "missing"
    BROKEN = "broken"
    UNTRIED = "untried"


@dataclass(frozen=True, kw_only=True)
class KeyState:
    """One key: what needs it, and since when it is retired; None: it is not."""

    key_id: str
    records: int
    links: int
    configured: bool
    seals: bool
    retired_at: datetime | None
    check_value: CheckValue


async def check(connection: AsyncConnection, keyring: Keyring) -> list[str]:
    """Check that a keyring matches check values and records; returns the keys that have no check value yet.

    Raises:
        KeyMismatchError: a record's key is not configured, a key was retired, or does not open its check value.
    """
    stored = await _check_rows(connection)
    for key_id in keyring.key_ids:
        if key_id in stored and stored[key_id].retired_at is not None:
            raise KeyMismatchError(
                f"ENCRYPTION_KEYS: key {key_id} was retired on {_day(stored[key_id].retired_at)}; "
                "take it out of the list."
            )
    foreign = set(await usage(connection)) - set(keyring.key_ids)
    # Every key has a check value before it seals, so an id without one is somebody else's word: the record that has it
    # opens nowhere, and nobody else's waits for that. But where no check value fits the keys, nothing does.
    if missing := sorted(foreign & set(stored) if set(stored) & set(keyring.key_ids) else foreign):
        raise KeyMismatchError(
            f"ENCRYPTION_KEYS: records are sealed under key {', '.join(missing)}, which is not "
            f"configured (configured: {', '.join(keyring.key_ids)}). Put that key back, behind the first."
        )
    for key_id in keyring.key_ids:
        if key_id in stored and not _opens(keyring, key_id, stored[key_id].sealed):
            raise KeyMismatchError(
                f"ENCRYPTION_KEYS: key {key_id} does not open the check value stored for it. "
                "The key or the database has been altered; restore both from the same time."
            )
    return [key_id for key_id in keyring.key_ids if key_id not in stored]


async def add_check_values(connection: AsyncConnection, keyring: Keyring, key_ids: list[str]) -> None:
    """Store something known, sealed under each of these keys, so that a wrong key is noticed later."""
    for key_id in key_ids:
        sealed = keyring.seal_under(key_id, _CANARY, check_context(key_id))
        # Two instances may begin with the same new key at once.
        await insert_new(connection, KeyCheckRow, {"key_id": key_id, "sealed": sealed})


async def usage(connection: AsyncConnection) -> dict[str, int]:
    """Count the records that each key seals; an id that no key has is counted as NO_KEY."""
    counts: Counter[str] = Counter()
    for table in _tables_of_records():
        found = await connection.execute(select(table.c.key_id, func.count()).group_by(table.c.key_id))
        for key_id, records in found:
            counts[key_id if is_key_id(key_id) else NO_KEY] += records
    return dict(counts)


async def states(connection: AsyncConnection, keyring: Keyring) -> list[KeyState]:
    """Describe every key that is configured, has a check value, or seals something; the configured ones first."""
    stored = await _check_rows(connection)
    records, links = await usage(connection), await _link_usage(connection)
    others = sorted({*stored, *records, *links} - set(keyring.key_ids))
    return [
        KeyState(
            key_id=key_id,
            records=records.get(key_id, 0),
            links=links.get(key_id, 0),
            configured=key_id in keyring.key_ids,
            seals=key_id == keyring.active,
            retired_at=stored[key_id].retired_at if key_id in stored else None,
            check_value=_check_value(keyring, key_id, stored),
        )
        for key_id in (*keyring.key_ids, *others)
    ]


async def retire(connection: AsyncConnection, keyring: Keyring, key_id: str) -> None:
    """Store that a key is needed no more: from now on no instance starts with it in its list.

    Raises:
        KeyRetirementError: the key is unknown, seals new records, is needed still, or was retired before.
    """
    known = {state.key_id: state for state in await states(connection, keyring)}
    if key_id not in known:
        raise KeyRetirementError(f"There is no key {key_id}; the keys are {', '.join(known)}.")
    state = known[key_id]
    if state.seals:
        raise KeyRetirementError(f"Key {key_id} seals new records; put another one in front of it first.")
    if state.retired_at is not None:
        raise KeyRetirementError(f"Key {key_id} was retired on {_day(state.retired_at)} already.")
    if state.records or state.links:
        raise KeyRetirementError(
            f"Key {key_id} is still needed (records: {state.records}, private links: {state.links}). "
            "Run `email-profile-bot keys rotate`; links end by themselves within ten minutes."
        )
    if state.configured:
        await add_check_values(connection, keyring, [key_id])
    await connection.execute(
        update(KeyCheckRow).where(col(KeyCheckRow.key_id) == key_id).values(retired_at=func.current_timestamp())
    )


def _tables_of_records() -> list[Table]:
    """Find every table of sealed records, so that none is forgotten when one is added."""
    tables = SQLModel.metadata.sorted_tables
    sealing = [table for table in tables if {"key_id", "sealed"} <= set(table.c.keys())]
    return [table for table in sealing if table.name != KeyCheckRow.__tablename__]


async def _check_rows(connection: AsyncConnection) -> dict[str, Any]:
    return {row.key_id: row for row in await connection.execute(select(KeyCheckRow))}


async def _link_usage(connection: AsyncConnection) -> Counter[str]:
    """Count the private links that are not over by their key, which only the seal itself names."""
    counts: Counter[str] = Counter()
    still_good = select(PasswordLinkRow.sealed).where(col(PasswordLinkRow.ends_at) > now(connection))
    for sealed in await connection.scalars(still_good):
        try:
            counts[key_id_of(sealed)] += 1
        except UNOPENED:
            # No key opens it, so it needs none.
            continue
    return counts


def _check_value(keyring: Keyring, key_id: str, stored: dict[str, Any]) -> CheckValue:
    if key_id not in stored:
        return CheckValue.MISSING
    if key_id not in keyring.key_ids:
        return CheckValue.UNTRIED
    return CheckValue.GOOD if _opens(keyring, key_id, stored[key_id].sealed) else CheckValue.BROKEN


def _opens(keyring: Keyring, key_id: str, sealed: bytes) -> bool:
    try:
        return keyring.open(sealed, check_context(key_id)) == _CANARY
    except UNOPENED:
        return False


def check_context(key_id: str) -> RecordContext:
    """Return what the seal of a key's check value is bound to."""
    return RecordContext(table=KeyCheckRow.__tablename__, record_id=key_id, workspace="-", user="-", revision=1)


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"
