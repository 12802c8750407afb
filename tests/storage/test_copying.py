"""Moving house: everything arrives, from each kind of database in each, whatever happens on the way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import StartError, prepare_database
from storage.crypto.key_checks import KeyMismatchError
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.maintenance import copy as copying
from storage.maintenance.copy import CopyError, UnfinishedCopyError, copy
from storage.migrations import upgrade as running
from storage.tables.people_query import Query
from tests.counts import scaled
from tests.databases import engine_at
from tests.storage.filled_database import contents, copied_tables, furnish, user_id
from tests.storage.progress import CutShortError, change, edit_beside, ended_at, silent

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
async def sqlite_beside(tmp_path: Path, keyring: Keyring) -> AsyncIterator[Database]:
    """A second database to move out of."""
    opened = Database.connect(f"sqlite:///{tmp_path / 'beside.db'}", keyring)
    await opened.upgrade()
    yield opened
    await opened.close()


async def test_every_row_of_every_table_arrives_as_it_is_and_is_opened(database: Database, target: Database) -> None:
    people = scaled(quick=60, full=10_000)
    await furnish(database, people)
    told: list[tuple[str, int, int]] = []
    copied = await copy(database, target, lambda *step: told.append(step))
    before, after = await contents(database), await contents(target)
    assert before == after
    assert all(before[table.name] for table in copied_tables())
    assert not before["unfinished_copies"]
    assert copied.rows == sum(map(len, before.values()))
    opened = {table.name: table.opened.total() for table in copied.sealed}
    assert opened["email_profiles"] == opened["connection_tests"] == people
    assert not any(table.unopened for table in copied.sealed)
    for part in ("Copying", "Comparing", "Opening"):
        assert [done == total for name, done, total in told if name == part][-1]


async def test_life_goes_on_in_the_new_place(database: Database, target: Database) -> None:
    await furnish(database, 5)
    await copy(database, target, silent)
    await prepare_database(target)
    async with target.writing() as tx:
        old = await tx.audit.page("T1", subject=None)
        await tx.audit.append("T1", actor="U1", subject="U1", action="saved")
        await tx.profiles.save("T1", user_id(0), b"{}", replacing=await tx.profiles.get("T1", user_id(0)))
    async with target.reading() as tx:
        newest, *rest = await tx.audit.page("T1", subject=None)
        assert rest == old[: len(rest)]
        assert newest.number > old[0].number
        assert len(await tx.people.page("T1", Query(states=(2,), words=("zoë",)), limit=9)) == 5
        link = await tx.links.find("token", "U1", seconds=600)
        assert link is not None


async def test_a_copy_cut_short_anywhere_goes_on_and_brings_what_changed_meanwhile(
    database: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 7)
    await furnish(database, 40)
    for step in range(1, 120, scaled(quick=60, full=1)):
        with pytest.raises(CutShortError):
            await copy(database, target, ended_at(step))
        with pytest.raises(StartError, match="not complete"):
            await prepare_database(target)
        # All that a unique index could stumble over: rows whose place is taken by others.
        await change(
            database,
            "UPDATE test_runs SET status = 'done' WHERE status = 'running'",
            f"INSERT INTO test_runs SELECT 'run {999 - step}', workspace, actor, channel, message_ts, 'running', "
            "done, total, alive_at FROM test_runs WHERE status = 'interrupted'",
            f"UPDATE email_profiles SET record_id = '{999 - step} anew' WHERE user_id = '{user_id(step % 40)}'",
            f"DELETE FROM audit_entries WHERE id = {step}",
            "UPDATE home_tabs SET digest = 'another', shows_everybody = NOT shows_everybody",
        )
    await copy(database, target, silent)
    assert await contents(database) == await contents(target)
    await prepare_database(target)


async def test_a_database_in_use_is_not_copied_into(sqlite: Database, target: Database) -> None:
    await furnish(sqlite, 3)
    await target.upgrade()
    async with target.writing() as tx:
        await tx.audit.append("T1", actor="U1", subject="U1", action="saved")
    before = await contents(target)
    with pytest.raises(CopyError, match="not empty: there are rows in audit_chains"):
        await copy(sqlite, target, silent)
    assert await contents(target) == before


async def test_a_database_that_was_only_looked_at_counts_as_empty(sqlite: Database, target: Database) -> None:
    await furnish(sqlite, 3)
    await target.upgrade()
    await target.check_keys()
    async with target.writing() as tx:
        await tx.leases.take("another", seconds=60)
    await copy(sqlite, target, silent)
    assert await contents(sqlite) == await contents(target)


async def test_an_older_database_in_use_is_not_even_upgraded(sqlite: Database, target: Database, address: str) -> None:
    await furnish(sqlite, 3)
    engine = engine_at(address)
    with engine.begin() as connection:
        running.upgrade(connection, "0001")
    engine.dispose()
    edit_beside(
        address,
        "INSERT INTO audit_entries (at, workspace, actor, subject, action, fields) "
        "VALUES ('2026-01-01 00:00:00', 'T1', 'U1', 'U1', 'saved', '')",
    )
    with pytest.raises(CopyError, match="not empty"):
        await copy(sqlite, target, silent)
    assert await target.schema_revision() == "0001"


async def test_tables_of_another_program_are_left_alone(sqlite: Database, target: Database) -> None:
    await furnish(sqlite, 3)
    await target.upgrade()
    await change(target, "UPDATE alembic_version SET version_num = 'another'")
    with pytest.raises(CopyError, match="another one"):
        await copy(sqlite, target, silent)


async def test_an_unfinished_copy_of_another_database_is_not_mixed_with_this_one(
    sqlite: Database, empty: Database, sqlite_beside: Database
) -> None:
    await furnish(sqlite, 20)
    await furnish(sqlite_beside, 3)
    with pytest.raises(CutShortError):
        await copy(sqlite_beside, empty, ended_at(1))
    with pytest.raises(CopyError, match="unfinished copy of another database"):
        await copy(sqlite, empty, silent)


async def test_an_unfinished_copy_is_copied_nowhere(sqlite: Database, empty: Database) -> None:
    await furnish(sqlite, 3)
    await change(sqlite, "INSERT INTO unfinished_copies (source) VALUES ('x')")
    with pytest.raises(UnfinishedCopyError):
        await copy(sqlite, empty, silent)
    assert await empty.schema_revision() is None


@pytest.mark.databases("sqlite")
async def test_of_two_copies_at_once_one_ends_and_the_other_is_whole(
    database: Database, target: Database, address: str, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 7)
    await furnish(database, 30)
    other = Database.connect(address, keyring)
    await other.upgrade()
    results = await asyncio.gather(
        copy(database, other, silent), copy(database, target, silent), return_exceptions=True
    )
    await other.close()
    assert sorted(type(result).__name__ for result in results) == ["Copied", "CopyError"], results
    assert await contents(database) == await contents(target)


async def test_with_wrong_keys_nothing_is_written(sqlite: Database, tmp_path: Path, empty: Database) -> None:
    await furnish(sqlite, 3)
    stranger = Database.connect(f"sqlite:///{tmp_path / 'profiles.db'}", Keyring.from_text(generate_key()))
    with pytest.raises(KeyMismatchError) as caught:
        await copy(stranger, empty, silent)
    assert sqlite.key_ids[0] in str(caught.value)
    assert stranger.key_ids[0] in str(caught.value)
    assert await empty.schema_revision() is None
    await stranger.close()


async def test_a_record_that_does_not_open_moves_along_and_is_told(sqlite: Database, empty: Database) -> None:
    await furnish(sqlite, 3)
    await change(sqlite, f"UPDATE email_profiles SET revision = 99 WHERE user_id = '{user_id(1)}'")
    copied = await copy(sqlite, empty, silent)
    assert await contents(sqlite) == await contents(empty)
    (broken,) = [table for table in copied.sealed if table.unopened]
    assert (broken.name, broken.unopened) == ("email_profiles", 1)
    assert broken.examples == [f"T1 {user_id(1)} (edited, or moved from another place)"]


async def test_what_writes_into_the_target_meanwhile_is_noticed(
    sqlite: Database, target: Database, address: str
) -> None:
    await furnish(sqlite, 3)
    edit = "UPDATE home_tabs SET digest = 'not ours'"

    def tell(part: str, done: int, total: int) -> None:
        if part == "Copying" and done == total:
            edit_beside(address, edit)

    with pytest.raises(CopyError, match="home_tabs came out differently"):
        await copy(sqlite, target, tell)
    with pytest.raises(StartError, match="not complete"):
        await prepare_database(target)
    await copy(sqlite, target, silent)
    assert await contents(sqlite) == await contents(target)


async def test_a_value_that_the_target_cannot_hold_is_told_without_its_words(
    sqlite: Database, target: Database
) -> None:
    await furnish(sqlite, 3)
    # SQLite takes a text of any length; PostgreSQL goes by the column's.
    await change(sqlite, f"UPDATE home_tabs SET digest = '{'canary' * 20}'")
    if target.is_sqlite:
        await copy(sqlite, target, silent)
        return
    with pytest.raises(CopyError, match="does not take a row of home_tabs") as caught:
        await copy(sqlite, target, silent)
    assert "canary" not in str(caught.value)


async def test_a_time_that_is_none_ends_a_copy_with_one_line(sqlite: Database, empty: Database) -> None:
    await furnish(sqlite, 3)
    await change(sqlite, "UPDATE people SET state_since = 'yesterday'")
    with pytest.raises(CopyError, match="people holds a value of a wrong kind"):
        await copy(sqlite, empty, silent)
