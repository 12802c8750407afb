"""Histories are chains: whoever writes to the database changes none of them without `db verify` seeing it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import insert

from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.maintenance.history import examine
from storage.maintenance.rotation import reseal
from storage.maintenance.verify import accept_histories, verify
from storage.migrations import revisions
from storage.migrations import upgrade as running
from storage.models import AuditRow
from storage.tables.audit import AuditEntry
from storage.tables.audit_chains import content_of, link_of
from tests.counts import scaled
from tests.storage.progress import change, silent
from tests.store import Store

VERSION_BEFORE = """
    INSERT INTO audit_entries (at, workspace, actor, subject, action, fields)
    SELECT max(at), 'T1', 'U1', '{subject}', 'saved', 'Port' FROM audit_entries
"""
"""What the version before writes, whose entries know of no chain; and what anybody else can write."""


async def save(database: Database, user: str = "U1", *, times: int = 1) -> None:
    """Save a profile with its entry, as a change of a port."""
    for _ in range(times):
        async with database.writing() as tx:
            before = await tx.profiles.get("T1", user)
            await tx.profiles.save("T1", user, b"{}", replacing=before)
            await tx.audit.append(
                "T1", actor="U9", subject=user, action="saved", fields=["Port"], details=["Port 465 → 587"]
            )


async def entries_of(database: Database, user: str = "U1") -> list[AuditEntry]:
    async with database.reading() as tx:
        return await tx.audit.page("T1", subject=user, limit=1_000)


async def purge(database: Database, *, before: datetime) -> None:
    async with database.reading() as tx:
        older = await tx.audit.older(before)
    for workspace, subject in older:
        async with database.writing() as tx:
            await tx.audit.purge(workspace, subject, before=before)


async def broken(database: Database) -> list[str]:
    """Return the histories that `db verify` names."""
    async with database.snapshot() as connection:
        return [str(one) for one in (await examine(connection, database.keyring, silent)).broken]


@pytest.fixture
async def two(database: Database) -> Database:
    """A database with the histories of two people, five entries each."""
    await database.check_keys()
    for user in ("U1", "U2"):
        await save(database, user, times=5)
    assert (await verify(database, silent)).good
    return database


EDITS = [
    ("DELETE FROM audit_entries WHERE id = 3", "before entry 4 others are missing"),
    ("DELETE FROM audit_entries WHERE id = 1", "before entry 2 others are missing"),
    ("DELETE FROM audit_entries WHERE id = 5", "its newest entries are gone"),
    ("DELETE FROM audit_entries WHERE subject = 'U1'", "all its entries are gone"),
    ("UPDATE audit_entries SET action = 'tested' WHERE id = 3", "entry 3 was edited"),
    ("UPDATE audit_entries SET actor = 'U1' WHERE id = 5", "entry 5 was edited"),
    ("UPDATE audit_entries SET at = (SELECT min(at) FROM audit_entries) WHERE id = 5", "entry 5 was edited"),
    ("UPDATE audit_entries SET fields = 'Password' WHERE id = 3", "what entry 3 says was edited"),
    ("UPDATE audit_entries SET fields = '', content = NULL WHERE id = 3", "entry 3 was edited"),
    ("UPDATE audit_entries SET position = NULL WHERE id = 5", "its newest entries are gone"),
    ("UPDATE audit_entries SET position = 7 - position WHERE id IN (3, 4)", "entry 4 was edited"),
    ("UPDATE audit_entries SET id = id + 100 WHERE id = 3", "what entry 103 says was edited, or is gone"),
    ("UPDATE audit_entries SET subject = 'U2' WHERE id = 3", "before entry 4 others are missing"),
    ("DELETE FROM audit_details WHERE entry = 3", "what entry 3 says was edited, or is gone"),
    ("DELETE FROM audit_chains WHERE user_id = 'U1'", "its end is gone"),
    ("UPDATE audit_chains SET user_id = 'U3' WHERE user_id = 'U1'", "its end is gone"),
    (VERSION_BEFORE.format(subject="U1"), "1 entry is in no place of the chain"),
]
"""What somebody does by hand to the history of U1, and what `db verify` says of it."""


async def test_what_somebody_else_changes_in_a_history_is_seen_and_the_other_history_holds(
    two: Database, store: Store
) -> None:
    tables = ("audit_entries", "audit_details", "audit_chains", "email_profiles")
    kept = {name: rows for name, rows in (await store.contents()).items() if name in tables}
    for statement, why in EDITS if two.is_sqlite else scaled(quick=EDITS[::4], full=EDITS):
        await change(two, statement)
        found = await broken(two)
        assert any(one.startswith("T1 U1") and why in one for one in found), (statement, found)
        # Nor does the bot cover it up by what it writes after it.
        await save(two)
        assert [one for one in await broken(two) if one.startswith("T1 U1")], statement
        await store.put_back(kept)
    assert await broken(two) == []


async def test_an_entry_that_is_shown_in_another_order_is_seen(two: Database) -> None:
    for _ in range(2):
        async with two.writing() as tx:
            await tx.audit.append("T1", actor="U9", subject="U1", action="reminded")
    await change(two, "UPDATE audit_entries SET id = 99 WHERE id = 11")
    assert await broken(two) == ["T1 U1 (entry 12 was moved)"]


async def test_an_invented_entry_with_a_link_that_fits_is_seen(two: Database, store: Store) -> None:
    (last,) = await store.ask("SELECT * FROM audit_entries WHERE id = 5")
    at, content = datetime(2026, 11, 30, tzinfo=UTC), content_of("", "")
    invented: dict[str, Any] = {**last._mapping, "id": 99, "at": at, "action": "deleted", "fields": "", "position": 6}
    invented |= {"content": content, "link": link_of(last.link, 6, invented, content)}
    async with two.writing_connection() as connection:
        await connection.execute(insert(AuditRow).values(**invented))
    assert await broken(two) == ["T1 U1 (entry 99 was added)"]


@pytest.mark.parametrize("user", ["U1", "U2"])
async def test_a_whole_history_that_is_removed_is_missed_also_after_the_next_entry(two: Database, user: str) -> None:
    await change(
        two, f"DELETE FROM audit_entries WHERE subject = '{user}'", f"DELETE FROM audit_chains WHERE user_id = '{user}'"
    )
    assert f"T1 {user} (there is a profile, and its whole history is gone)" in await broken(two)
    assert "T1 (of 2 histories 1 are there)" in await broken(two)
    await save(two, user)
    # As if it had just begun; but one more was counted.
    assert await broken(two) == ["T1 (of 3 histories 2 are there)"]


async def test_all_histories_that_are_removed_are_missed_also_after_the_next_entries(two: Database) -> None:
    await change(two, "DELETE FROM audit_entries", "DELETE FROM audit_chains", "DELETE FROM audit_details")
    assert len(await broken(two)) == 2
    await save(two, "U1")
    await save(two, "U2")
    assert await broken(two) == ["T1 (histories are gone)"]


async def test_a_count_of_the_histories_that_is_removed_or_altered_is_missed(two: Database) -> None:
    await change(
        two,
        "UPDATE audit_chains SET sealed = x'00' WHERE user_id = '*'"
        if two.is_sqlite
        else "UPDATE audit_chains SET sealed = decode('00', 'hex') WHERE user_id = '*'",
    )
    assert await broken(two) == ["T1 (the count of its histories does not open)"]
    await change(two, "DELETE FROM audit_chains WHERE user_id = '*'")
    assert await broken(two) == ["T1 (the count of its histories is gone)"]


async def test_what_is_purged_by_its_age_leaves_a_history_that_holds(two: Database) -> None:
    middle = (await entries_of(two))[2].at
    await purge(two, before=middle)
    assert [len(await entries_of(two, user)) for user in ("U1", "U2")] == [3, 5]
    assert await broken(two) == []
    await save(two)
    await purge(two, before=datetime.now(UTC) + timedelta(seconds=1))
    assert await entries_of(two) == []
    assert await broken(two) == []
    await save(two)
    assert (await verify(two, silent)).good


async def test_an_entry_is_not_purged_unseen_because_somebody_made_it_older(two: Database, store: Store) -> None:
    await change(two, f"UPDATE audit_entries SET at = {store.earlier('at', timedelta(days=400))} WHERE id <= 4")
    await purge(two, before=datetime.now(UTC) - timedelta(days=365))
    assert len(await entries_of(two)) == 1
    assert await broken(two) == ["T1 U1 (before entry 5 others are missing)"]


async def test_of_nobody_is_anything_left_once_profile_and_history_are_gone(two: Database, store: Store) -> None:
    async with two.writing() as tx:
        await tx.profiles.delete("T1", "U1")
        await tx.audit.outline("T1", "U1")
    await purge(two, before=datetime.now(UTC) + timedelta(seconds=1))
    assert [row.user_id for row in await store.ask("SELECT user_id FROM audit_chains ORDER BY user_id")] == ["*", "U2"]
    assert (await verify(two, silent)).good


async def test_of_a_deleted_profile_the_outline_holds_and_what_it_said_is_gone(two: Database, store: Store) -> None:
    before = await entries_of(two)
    async with two.writing() as tx:
        await tx.profiles.delete("T1", "U1")
        await tx.audit.outline("T1", "U1")
        await tx.audit.append("T1", actor="U9", subject="U1", action="deleted")
    after = await entries_of(two)
    assert [(one.at, one.actor, one.action) for one in after[1:]] == [(one.at, one.actor, one.action) for one in before]
    assert not any(one.fields or one.details for one in after)
    assert len(await store.ask("SELECT 1 FROM audit_details")) == 5
    assert (await verify(two, silent)).good
    await change(two, "UPDATE audit_entries SET fields = 'Port' WHERE id = 3")
    assert await broken(two) == ["T1 U1 (what entry 3 says was edited, or is gone)"]


async def test_two_instances_that_save_for_one_person_at_once_make_one_chain(
    database: Database, url: str, keyring: Keyring
) -> None:
    await database.check_keys()
    other = Database.connect(url, keyring)

    async def append(instance: Database) -> None:
        async with instance.writing() as tx:
            await tx.audit.append("T1", actor="U9", subject="U1", action="tested", details=["on mail.example:587"])

    for _ in range(scaled(quick=2, full=50)):
        await asyncio.gather(*(append(instance) for instance in (database, other) * 5))
    await other.close()
    found = await verify(database, silent)
    assert found.good, found.histories.broken
    assert found.histories.subjects == 1


async def test_a_save_does_not_wait_for_somebody_elses(two: Database, url: str, keyring: Keyring) -> None:
    if two.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    other = Database.connect(url, keyring)
    async with two.writing() as tx, asyncio.timeout(1.5):
        await tx.audit.append("T1", actor="U9", subject="U1", action="tested")
        await save(other, "U2")
    await other.close()
    assert (await verify(two, silent)).good


async def test_an_entry_costs_two_statements_for_its_place_in_the_chain(two: Database) -> None:
    with statements(two) as heard:
        async with two.writing() as tx:
            await tx.audit.append("T1", actor="U9", subject="U1", action="saved", details=["Port 465 → 587"])
    about = [statement for statement in heard if "audit_" in statement]
    assert len(about) == (5 if two.is_sqlite else 4), about
    assert sum("audit_chains" in statement for statement in about) == 2


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", hear)


async def test_entries_from_before_the_chains_begin_under_a_sealed_mark(database: Database) -> None:
    await database.check_keys()
    async with database.writing_connection() as connection:
        await connection.run_sync(running.downgrade, revisions()[revisions().index("0010") - 1])
    async with database.writing_connection() as connection:
        row = {"workspace": "T1", "actor": "U9", "action": "saved", "fields": "Port", "at": datetime.now(UTC)}
        for user in ("U1", "U2", "U1"):
            await connection.execute(insert(AuditRow).values(**row, subject=user))
    await database.upgrade()
    found = await verify(database, silent)
    assert found.good, found.histories.broken
    assert (found.histories.entries, found.histories.found) == (3, 3)
    await save(database)
    found = await verify(database, silent)
    assert found.good
    assert (found.histories.entries, found.histories.found) == (4, 3)
    await change(database, "UPDATE audit_entries SET actor = 'U1' WHERE id = 1")
    assert await broken(database) == ["T1 U1 (entry 1 was edited, or is in another's place)"]


async def test_keys_that_do_not_fit_make_no_mark(database: Database, url: str) -> None:
    await database.check_keys()
    await save(database)
    async with database.writing_connection() as connection:
        await connection.run_sync(running.downgrade, revisions()[revisions().index("0010") - 1])
    stranger = Database.connect(url, Keyring.from_text(generate_key()))
    with pytest.raises(Exception, match="not configured"):
        await stranger.upgrade()
    await stranger.close()
    await database.upgrade()
    assert (await verify(database, silent)).good


async def test_what_the_version_before_wrote_beside_this_one_is_taken_as_found_when_an_operator_says_so(
    two: Database,
) -> None:
    await change(two, VERSION_BEFORE.format(subject="U1"), VERSION_BEFORE.format(subject="U3"))
    assert len(await broken(two)) == 2
    assert len(await accept_histories(two, silent)) == 2
    found = await verify(two, silent)
    assert found.good, found.histories.broken
    assert found.histories.found == 7
    await save(two)
    assert (await verify(two, silent)).good
    assert await accept_histories(two, silent) == []
    await change(two, "DELETE FROM audit_entries WHERE id = 2")
    assert await broken(two) == ["T1 U1 (before entry 3 others are missing)"]


async def test_an_end_that_does_not_open_keeps_nobody_from_saving_and_is_seen(two: Database) -> None:
    await change(
        two,
        "UPDATE audit_chains SET workspace = 'T2' WHERE user_id = 'U1'",
        "UPDATE audit_chains SET workspace = 'T1' WHERE user_id = 'U1'",
        "UPDATE audit_chains SET record_id = 'x' WHERE user_id = 'U1'",
    )
    await save(two)
    assert len(await entries_of(two)) == 6
    assert await broken(two) == ["T1 U1 (its end does not open)"]
    await accept_histories(two, silent)
    assert (await verify(two, silent)).good


async def test_histories_hold_after_a_change_of_keys(two: Database) -> None:
    new = Keyring.from_text(generate_key())
    old = two.keyring
    await two.use_keys(Keyring([*new._roots.values(), *old._roots.values()]))
    await save(two)
    assert [step async for step in reseal(two)][-1][0] > 0
    await two.use_keys(new)
    await save(two, "U2")
    found = await verify(two, silent)
    assert found.histories.broken == []
    # The check value of the old key needs that key.
    assert [table.name for table in found.tables if table.unopened] == ["key_checks"]


async def test_a_history_that_is_put_back_is_missed_while_its_profile_is_newer(
    two: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.maintenance.history._CLOCK_STEP", timedelta(0))
    before = await store.contents()
    await save(two)
    assert await broken(two) == []
    await store.put_back({name: before[name] for name in ("audit_entries", "audit_details", "audit_chains")})
    assert await broken(two) == ["T1 U1 (its newest entries are gone: the profile was saved or tested since)"]


async def test_the_first_time_that_there_is_hides_no_other_history(two: Database) -> None:
    await change(
        two,
        "UPDATE email_profiles SET updated_at = '0001-01-01 00:00:00' WHERE user_id = 'U1'",
        "DELETE FROM audit_chains WHERE user_id = '*'",
    )
    put_back = "the profile is older than its history: it was put back after a change or a deletion"
    assert await broken(two) == [f"T1 U1 ({put_back})", "T1 (the count of its histories is gone)"]


@pytest.mark.parametrize("statement", ["SET position = 'third'", "SET at = 'yesterday'", "SET fields = x'ff'"])
async def test_a_value_of_a_wrong_kind_in_a_history_is_seen(sqlite: Database, statement: str) -> None:
    await sqlite.check_keys()
    await save(sqlite, times=3)
    await change(sqlite, f"UPDATE audit_entries {statement} WHERE id = 2")
    assert await broken(sqlite)
    assert not (await verify(sqlite, silent)).good


async def test_a_value_of_a_wrong_kind_hides_no_other_history(sqlite: Database) -> None:
    await sqlite.check_keys()
    for user in ("U1", "U2"):
        await save(sqlite, user, times=3)
    await change(
        sqlite, "UPDATE audit_entries SET actor = x'ff' WHERE id = 2", "DELETE FROM audit_entries WHERE id = 5"
    )
    assert await broken(sqlite) == [
        "T1 U1 (entry 2 was edited, or is in another's place)",
        "T1 U2 (before entry 6 others are missing)",
    ]
    assert len(await accept_histories(sqlite, silent)) == 2
    assert (await verify(sqlite, silent)).good
