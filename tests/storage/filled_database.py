"""A database with rows in every table, as a large and lively workspace leaves them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import Table, delete, insert, select
from sqlmodel import SQLModel

from storage.crypto.keyring import Keyring
from storage.database import Database, Transaction
from storage.maintenance.histories_as_found import all_subjects, take_as_found
from storage.models import AuditRow, ConnectionTestRow, HomeRow, ProfileRow, UnfinishedCopyRow
from storage.tables.password_links import StoredLink
from storage.tables.people import evenly_spread
from storage.tables.profiles import connection_test_context, profile_context
from storage.tables.running_tests import StoredRunningTest

PASSWORD = "canary-Pa55-wörd"
LONG_AGO = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)


async def furnish(database: Database, people: int) -> None:
    """Fill every table that is copied; `people` have a profile, a test, history, a place in the list and a Home tab."""
    await database.check_keys()
    users = [user_id(number) for number in range(people)]
    profiles = [_profile(database.keyring, user, number) for number, user in enumerate(users)]
    tests = [_test(database.keyring, profile) for profile in profiles]
    listed = evenly_spread((user, f"Zoë {user}", ["zoë", user.casefold()]) for user in users)
    async with database.writing_connection() as connection:
        await connection.execute(insert(ProfileRow), profiles)
        await connection.execute(insert(ConnectionTestRow), tests)
        await connection.execute(insert(AuditRow), [entry for profile in profiles for entry in _history(profile)])
        await connection.execute(insert(HomeRow), [_home(profile) for profile in profiles])
        await take_as_found(connection, database.keyring, await all_subjects(connection))
    for begin in range(0, people, 500):
        async with database.writing() as tx:
            await tx.people.add_many("T1", listed[begin : begin + 500], 2, LONG_AGO)
    async with database.writing() as tx:
        await tx.people.set_deactivated("T1", users[0], LONG_AGO)
        await _settle_in(tx)


def _profile(keyring: Keyring, user: str, number: int) -> dict[str, Any]:
    row = {
        "record_id": str(uuid4()),
        "workspace": "T1",
        "user_id": user,
        "revision": 1 + number % 3,
        "key_id": keyring.active,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO + timedelta(microseconds=number),
    }
    document = f'{{"password": "{PASSWORD}", "number": {number}}}'.encode()
    return {**row, "sealed": keyring.seal(document, profile_context(cast("ProfileRow", SimpleNamespace(**row))))}


def _test(keyring: Keyring, profile: Mapping[str, Any]) -> dict[str, Any]:
    names = ("workspace", "user_id", "record_id", "revision", "key_id")
    row = {**{name: profile[name] for name in names}, "tested_at": profile["updated_at"]}
    place = connection_test_context(cast("ConnectionTestRow", SimpleNamespace(**row)))
    return {**row, "sealed": keyring.seal(b'{"stages": []}', place)}


def _history(profile: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give one entry for each revision."""
    who = {"workspace": "T1", "actor": "U9", "subject": profile["user_id"], "action": "saved"}
    return [
        {**who, "at": profile["updated_at"], "fields": ", ".join(("Port", "Größe")[:revision])}
        for revision in range(profile["revision"])
    ]


def _home(profile: Mapping[str, Any]) -> dict[str, Any]:
    shows_everybody = profile["revision"] == 1
    return {"workspace": "T1", "user_id": profile["user_id"], "digest": "…", "shows_everybody": shows_everybody}


async def _settle_in(tx: Transaction) -> None:
    """Leave one of everything else."""
    await tx.people.put("E2", "W1", "Grace Hopper", ["grace"], -1, LONG_AGO)
    await tx.workspaces.save("T1", b'{"port": 587}', expected_revision=0)
    await tx.workspaces.set_left("E2", LONG_AGO)
    for workspace in ("T1", "E2"):
        await tx.installations.save(workspace, b'{"token": "xoxb-canary"}', expected_revision=0)
    await tx.links.add("token", StoredLink(workspace="T1", user="U1", document=b"{}"), seconds=600)
    await tx.form_tests.keep("T1", "U1", tester="U9", document=b"{}", seconds=600)
    await tx.confirmations.put("T1", "U1", b'{"code": "canary"}', seconds=600)
    await tx.confirmations.put("T1", "U2", b'{"code": null}', seconds=None)
    for number, ends_at in enumerate((None, 4e9)):
        added = await tx.program_tokens.add(
            "T1", "U1", token_id=f"aB{number:06}", digest="0f" * 32, ends_at=ends_at, document=b'{"name": "Printer"}'
        )
        assert added is not None
        if ends_at:
            await tx.program_tokens.save_use(added, b'{"name": "Printer"}', at=1_764_500_000.125)
    for key in ("answered", "under way"):
        await tx.idempotent_sends.begin("T1", "U1", token_id="aB000000", key=key, body_digest="f0" * 32)
    await tx.idempotent_sends.finish("aB000000", "answered", b'{"id": "1"}')
    for end in ("ended", "untold", None):
        run = await tx.runs.add(workspace="T1", actor="U1", channel="D1", message_ts="1.2", total=2**31 - 1)
        assert run is not None
        if end:
            await tx.runs.end(run.run_id, end)
            await tx.runs.told(run.run_id)
        await tx.runs.save_result("T1", run.run_id, b'{"passed": 3}')
    await tx.audit.append("T1", actor="U9", subject="U1", action="fixed", fields=["Port"], details=["Port 465 → 587"])
    running = StoredRunningTest(test_id="test", workspace="T1", actor="U1", subject="U2")
    await tx.running_tests.add(running, seconds=600)
    await tx.outbox.add("T1", "U1", kind="changed", document=b'{"by": "U9"}', asks=True, batch="b")
    await tx.outbox.add("T1", "U9", kind="batch", document=b"{}", batch="b", ends_batch=True)
    await tx.outbox.add("T1", "U2", kind="deleted", document=b"{}")
    sent = await tx.outbox.claim("T1", seconds=60, person_pace=0)
    assert sent is not None
    await tx.outbox.end(sent.record_id, "sent")
    await tx.readings.go_on(await tx.readings.begin("T1"), team="T1", cursor="dXNlcjpVMQ==")
    await tx.people.mark_seen("T1", [user_id(0)])
    await tx.leases.take("purge", seconds=60)
    await tx.limits.take("U1 tests mail.example", most=3, seconds=3600)
    await tx.oauth_states.add("state", seconds=600)
    await tx.requests.take("trigger", seconds=600)


def user_id(number: int) -> str:
    """Give ids that languages sort in another order than their code points: a, B, ä, Z."""
    return f"{'aBäZ'[number % 4]}{number:05}"


def copied_tables() -> list[Table]:
    """Give every table that a copy brings along: all, but the mark of an unfinished copy."""
    tables = SQLModel.metadata.sorted_tables
    return [table for table in tables if table.name != UnfinishedCopyRow.__tablename__]


async def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Give all rows of every table, unordered ones in the order of their texts."""
    async with database.reading_connection() as connection:
        return {
            table.name: sorted((tuple(row) for row in await connection.execute(select(table))), key=repr)
            for table in SQLModel.metadata.sorted_tables
        }


async def make_empty(database: Database) -> None:
    """Delete every row."""
    async with database.writing_connection() as connection:
        for table in reversed(SQLModel.metadata.sorted_tables):
            await connection.execute(delete(table))
