"""Tables, transactions, keys and schema, on SQLite and on PostgreSQL."""

import asyncio
import itertools
import sqlite3
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from storage.crypto.key_checks import KeyMismatchError
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.maintenance.rotation import reseal
from storage.tables.profiles import StoredProfile, UnreadableRecordError
from storage.tables.table import StaleRevisionError
from tests.counts import scaled


async def save(
    database: Database,
    user: str = "U1",
    document: bytes = b"{}",
    *,
    replacing: StoredProfile | UnreadableRecordError | None = None,
) -> StoredProfile:
    async with database.writing() as tx:
        return await tx.profiles.save("T1", user, document, replacing=replacing)


async def test_a_saved_record_is_read_back_with_its_times(database: Database) -> None:
    before = datetime.now(UTC)
    await save(database, document=b'{"a": 1}')
    async with database.reading() as tx:
        stored = await tx.profiles.get("T1", "U1")
    assert stored is not None
    assert (stored.document, stored.revision) == (b'{"a": 1}', 1)
    assert before <= stored.created_at == stored.updated_at <= datetime.now(UTC)
    assert b'{"a"' not in repr(stored).encode()


async def test_what_was_acknowledged_is_there_after_a_restart(database: Database, url: str, keyring: Keyring) -> None:
    await save(database, document=b"kept")
    await database.close()
    again = Database.connect(url, keyring)
    async with again.reading() as tx:
        stored = await tx.profiles.get("T1", "U1")
    await again.close()
    assert stored is not None
    assert stored.document == b"kept"


async def test_a_save_on_an_old_revision_is_refused_and_changes_nothing(database: Database) -> None:
    first = await save(database, document=b"first")
    second = await save(database, document=b"second", replacing=first)
    for stale in (None, first, replace(second, revision=3), replace(second, record_id="another")):
        with pytest.raises(StaleRevisionError) as caught:
            await save(database, document=b"late", replacing=stale)
        assert caught.value.revision == 2
    async with database.reading() as tx:
        stored = await tx.profiles.get("T1", "U1")
    assert stored is not None
    assert (stored.document, stored.revision) == (b"second", 2)


async def test_of_two_saves_at_once_exactly_one_wins(database: Database, url: str, keyring: Keyring) -> None:
    other = Database.connect(url, keyring)
    stored = None
    for _ in range(scaled(quick=15, full=1000)):
        results = await asyncio.gather(
            save(database, document=b"ours", replacing=stored),
            save(other, document=b"theirs", replacing=stored),
            return_exceptions=True,
        )
        (stored,) = [result for result in results if isinstance(result, StoredProfile)]
        assert [type(result) for result in results if result is not stored] == [StaleRevisionError]
    await other.close()


async def test_what_a_save_returns_is_what_is_read_afterwards(database: Database) -> None:
    stored = None
    for document in (b"first", b"second"):
        stored = await save(database, document=document, replacing=stored)
        async with database.reading() as tx:
            assert await tx.profiles.get("T1", "U1") == stored


async def test_a_save_on_a_record_that_was_deleted_meanwhile_is_refused(database: Database) -> None:
    stored = await save(database)
    async with database.writing() as tx:
        await tx.profiles.delete("T1", "U1")
    with pytest.raises(StaleRevisionError) as caught:
        await save(database, document=b"late", replacing=stored)
    assert caught.value.revision == 0


async def test_workspaces_do_not_see_each_other_although_user_ids_are_equal(database: Database) -> None:
    await save(database, "U1", b"here")
    async with database.reading() as tx:
        assert await tx.profiles.get("T2", "U1") is None
        assert await tx.profiles.users("T2") == []
        assert await tx.profiles.of("T2", ["U1"]) == {}


async def test_people_with_a_record_are_given_in_order_of_their_ids(database: Database) -> None:
    for number in (3, 1, 2):
        await save(database, f"U{number}")
    async with database.reading() as tx:
        assert await tx.profiles.users("T1", after="U1", limit=5) == ["U2", "U3"]
        assert set(await tx.profiles.of("T1", ["U2", "U3", "U4"])) == {"U2", "U3"}


async def test_an_error_inside_a_transaction_undoes_all_of_it(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.writing() as tx:
            await tx.profiles.save("T1", "U1", b"{}", replacing=None)
            await tx.audit.append("T1", actor="U1", subject="U1", action="saved")
            raise RuntimeError
    async with database.reading() as tx:
        assert await tx.profiles.get("T1", "U1") is None
        assert await tx.audit.page("T1", subject="U1") == []


async def test_audit_entries_tell_who_whose_what_and_when(database: Database) -> None:
    async with database.writing() as tx:
        await tx.audit.append("T1", actor="U9", subject="U1", action="saved", fields=("Port", "Password"))
    async with database.reading() as tx:
        (entry,) = await tx.audit.page("T1", subject="U1")
    assert (entry.actor, entry.subject, entry.action, entry.fields) == ("U9", "U1", "saved", ("Port", "Password"))


async def test_the_last_test_is_kept_sealed_and_goes_with_the_profile(database: Database) -> None:
    now = datetime.now(UTC)
    async with database.writing() as tx:
        for document in (b"first", b"second"):
            await tx.tests.record("T1", "U1", record_id="r", revision=4, document=document, tested_at=now)
    async with database.reading() as tx:
        last = await tx.tests.last("T1", "U1")
    assert last is not None
    assert (last.document, last.revision, last.tested_at) == (b"second", 4, now)
    async with database.writing() as tx:
        await tx.tests.delete("T1", "U1")
    async with database.reading() as tx:
        assert await tx.tests.last("T1", "U1") is None


async def edit(database: Database, statement: str) -> None:
    async with database.writing_connection() as connection:
        await connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE email_profiles SET user_id = 'U2'",
        "UPDATE email_profiles SET workspace = 'T2'",
        "UPDATE email_profiles SET revision = 9",
        "UPDATE email_profiles SET record_id = 'another'",
        "UPDATE email_profiles SET key_id = 'ffffffff'",
        "UPDATE email_profiles SET created_at = '2020-01-01 00:00:00+00'",
        "UPDATE email_profiles SET updated_at = '2020-01-01 00:00:00+00'",
    ],
)
async def test_a_record_with_any_clear_column_edited_does_not_open(database: Database, statement: str) -> None:
    await save(database)
    await edit(database, statement)
    async with database.reading() as tx:
        for workspace, user in itertools.product(("T1", "T2"), ("U1", "U2")):
            try:
                assert await tx.profiles.get(workspace, user) is None
            except UnreadableRecordError as error:
                assert error.cause == "TamperedError"


async def test_ciphertexts_swapped_between_any_two_of_100_rows_do_not_open(database: Database) -> None:
    for number in range(100):
        await save(database, f"U{number:02}")
    async with database.writing_connection() as connection:
        # Every row gets the ciphertext of the row a changing distance away: all pairs within the rounds.
        rows = await connection.execute(text("SELECT user_id, sealed FROM email_profiles"))
        original = {row.user_id: row.sealed for row in rows}
    users = sorted(original)
    for distance in range(1, scaled(quick=8, full=100)):
        async with database.writing_connection() as connection:
            for place, user in enumerate(users):
                await connection.execute(
                    text("UPDATE email_profiles SET sealed = :sealed WHERE user_id = :user"),
                    {"sealed": original[users[(place + distance) % 100]], "user": user},
                )
        async with database.reading() as tx:
            opened = await tx.profiles.of("T1", users)
            assert {type(record) for record in opened.values()} == {UnreadableRecordError}
            with pytest.raises(UnreadableRecordError):
                await tx.profiles.get("T1", users[distance])


async def test_an_unreadable_record_can_be_replaced_on_its_revision(database: Database) -> None:
    await save(database)
    await edit(database, "UPDATE email_profiles SET revision = 5")
    with pytest.raises(UnreadableRecordError) as caught:
        async with database.reading() as tx:
            await tx.profiles.get("T1", "U1")
    assert (await save(database, document=b"typed again", replacing=caught.value)).revision == 6
    async with database.reading() as tx:
        stored = await tx.profiles.get("T1", "U1")
    assert stored is not None
    assert stored.document == b"typed again"


async def test_an_edited_test_counts_as_no_test(database: Database) -> None:
    async with database.writing() as tx:
        await tx.tests.record("T1", "U1", record_id="r", revision=1, document=b"x", tested_at=datetime.now(UTC))
    await edit(database, "UPDATE connection_tests SET revision = 2")
    async with database.reading() as tx:
        assert await tx.tests.last("T1", "U1") is None


async def test_deleting_takes_the_bytes_out_of_file_and_log(sqlite: Database, tmp_path: Path) -> None:
    await save(sqlite)
    async with sqlite._engine.connect() as connection:
        sealed = (await connection.execute(text("SELECT sealed FROM email_profiles"))).scalar_one()
    async with sqlite.writing() as tx:
        assert await tx.profiles.delete("T1", "U1")
        assert not await tx.profiles.delete("T1", "U1")
    await sqlite.forget_deleted()
    for file in tmp_path.iterdir():
        assert sealed[:40] not in file.read_bytes(), file.name


async def test_the_sqlite_file_and_its_companions_are_the_owners_alone(sqlite: Database, tmp_path: Path) -> None:
    await save(sqlite)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert set(modes) == {"profiles.db", "profiles.db-wal", "profiles.db-shm"}
    assert set(modes.values()) == {0o600}


async def test_a_sqlite_file_is_made_when_it_is_first_used_and_an_unused_new_one_does_not_stay(
    tmp_path: Path, keyring: Keyring
) -> None:
    file = tmp_path / "profiles.db"

    def opened() -> Database:
        return Database.connect(f"sqlite:///{file}", keyring)

    looking = opened()
    assert not file.exists()
    assert await looking.schema_revision() is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await looking.close()
    assert list(tmp_path.iterdir()) == []

    beginning = opened()
    await beginning.upgrade()
    await beginning.check_keys()
    await beginning.close_failed()
    assert list(tmp_path.iterdir()) == []

    upgraded = opened()
    await upgraded.upgrade()
    await upgraded.close()
    assert file.exists()
    later = opened()
    assert await later.schema_revision() == later.head_revision
    await later.close_failed()
    assert file.exists()


async def test_a_new_sqlite_file_with_a_record_or_with_another_user_stays(tmp_path: Path, keyring: Keyring) -> None:
    for other_user in (False, True):
        file = tmp_path / f"{other_user}.db"
        database = Database.connect(f"sqlite:///{file}", keyring)
        await database.upgrade()
        if other_user:
            other = Database.connect(f"sqlite:///{file}", keyring)
            assert await other.schema_revision()
            await database.close_failed()
            await save(other)
            await other.close()
        else:
            await save(database)
            await database.close_failed()
        again = Database.connect(f"sqlite:///{file}", keyring)
        assert sum((await again.key_usage()).values()) == 1
        await again.close()


@pytest.mark.parametrize("where", ["folder/profiles.db", "."])
def test_a_sqlite_file_that_cannot_be_is_told_before_it_is_used(tmp_path: Path, keyring: Keyring, where: str) -> None:
    with pytest.raises(ValueError, match="cannot be opened"):
        Database.connect(f"sqlite:///{tmp_path / where}", keyring)
    assert list(tmp_path.iterdir()) == []


async def test_sqlite_runs_with_the_pragmas_that_keep_promises(sqlite: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 5000, "secure_delete": 1, "foreign_keys": 1}
    async with sqlite._engine.connect() as connection:
        for pragma, value in wanted.items():
            assert (await connection.execute(text(f"PRAGMA {pragma}"))).scalar_one() == value


async def test_the_migrations_build_exactly_the_models(database: Database) -> None:
    def differences(connection: Connection) -> list[tuple[Any, ...]]:
        return list(compare_metadata(MigrationContext.configure(connection), SQLModel.metadata))

    async with database._engine.connect() as connection:
        [(kind, index)] = await connection.run_sync(differences)
    # The one thing that the models leave to its migration.
    assert (kind, index.name, index.unique) == ("remove_index", "ux_test_runs_running", True)


async def test_two_instances_upgrade_at_once(url: str, keyring: Keyring) -> None:
    databases = [Database.connect(url, keyring) for _ in range(3)]
    assert await databases[0].schema_revision() is None
    await asyncio.gather(*(database.upgrade() for database in databases))
    assert await databases[1].schema_revision() == databases[0].head_revision
    for database in databases:
        await database.close()


async def test_a_missing_key_is_named_in_one_line(database: Database, url: str, keyring: Keyring) -> None:
    await database.check_keys()
    await save(database)
    stranger = Database.connect(url, Keyring.from_text(generate_key()))
    with pytest.raises(KeyMismatchError, match=keyring.active) as caught:
        await stranger.check_keys()
    await stranger.close()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("ENCRYPTION_KEYS: ")


async def test_an_altered_check_value_is_noticed(database: Database, keyring: Keyring) -> None:
    await database.check_keys()
    await database.check_keys()
    await edit(database, "UPDATE key_checks SET key_id = 'ffffffff'")
    await database.check_keys()
    await edit(database, f"DELETE FROM key_checks WHERE key_id = '{keyring.active}'")
    await edit(database, f"UPDATE key_checks SET key_id = '{keyring.active}', sealed = sealed")
    sealed_elsewhere = Keyring.from_text(generate_key())
    database._keyring._roots = {keyring.active: next(iter(sealed_elsewhere._roots.values()))}
    with pytest.raises(KeyMismatchError, match="does not open the check value"):
        await database.check_keys()


async def test_rotation_seals_everything_anew_and_the_old_key_may_go(
    database: Database, url: str, keyring: Keyring
) -> None:
    for number in range(25):
        await save(database, f"U{number}", str(number).encode())
    async with database.writing() as tx:
        await tx.tests.record("T1", "U1", record_id="r", revision=1, document=b"x", tested_at=datetime.now(UTC))
    new = generate_key()
    both = Database.connect(url, Keyring([*Keyring.from_text(new)._roots.values(), *keyring._roots.values()]))
    steps = [step async for step in reseal(both, batch=10)]
    assert steps[0] == (0, 26)
    assert steps[-1] == (26, 26)
    await both.close()
    only_new = Database.connect(url, Keyring.from_text(new))
    await only_new.check_keys()
    assert await only_new.key_usage() == {only_new.key_ids[0]: 26}
    async with only_new.reading() as tx:
        stored = await tx.profiles.get("T1", "U24")
        assert stored is not None
        assert (stored.document, stored.revision) == (b"24", 1)
        assert await tx.tests.last("T1", "U1") is not None
    await only_new.close()


async def test_rotation_leaves_what_does_not_open(database: Database, url: str, keyring: Keyring) -> None:
    await save(database)
    await edit(database, "UPDATE email_profiles SET revision = 3")
    both = Database.connect(url, Keyring([bytes(range(32)), *keyring._roots.values()]))
    assert [step async for step in reseal(both, pause=0.0)][-1] == (0, 1)
    assert await both.key_usage() == {keyring.active: 1}
    await both.close()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("mysql://db/x", "neither"),
        ("sqlite://", "names a file"),
        ("sqlite:////nowhere/at/all.db", "cannot be opened"),
        ("no address", "not a database address"),
    ],
)
def test_an_unusable_address_is_refused_with_a_sentence(address: str, why: str, keyring: Keyring) -> None:
    with pytest.raises(ValueError, match=why):
        Database.connect(address, keyring)


async def test_a_naive_time_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="must have timezone information"):
        async with database.writing() as tx:
            await tx.tests.record(
                "T1",
                "U1",
                record_id="r",
                revision=1,
                document=b"",
                tested_at=datetime(2026, 1, 1),  # noqa: DTZ001
            )


async def test_another_program_can_check_the_file(sqlite: Database, tmp_path: Path) -> None:
    await save(sqlite)
    with sqlite3.connect(tmp_path / "profiles.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
