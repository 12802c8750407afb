"""The schema: up, down and up again with rows in, only ever added to, and refused when it is not this version's."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlmodel import SQLModel

from storage import migrations
from storage.crypto.keyring import Keyring
from storage.database import Database, OutdatedSchemaError, UnknownSchemaError
from storage.migrations import revisions
from storage.migrations import upgrade as running
from tests.counts import scaled

PEOPLE = scaled(quick=40, full=1_000)


async def moved(database: Database, how: str, to: str) -> None:
    move = running.upgrade if how == "up" else running.downgrade
    async with database.writing_connection() as connection:
        await connection.run_sync(move, to)


async def columns(database: Database) -> dict[str, dict[str, Any]]:
    """Describe the columns of each table: kind, and whether it may be left out."""

    def read(connection: Connection) -> dict[str, dict[str, Any]]:
        looked = inspect(connection)
        return {
            table: {
                column["name"]: (str(column["type"]), column["nullable"] or column["default"] is not None)
                for column in looked.get_columns(table)
            }
            for table in looked.get_table_names()
        }

    async with database.reading_connection() as connection:
        return await connection.run_sync(read)


async def save(database: Database, number: int) -> None:
    async with database.writing() as tx:
        await tx.profiles.save("T1", f"U{number:04}", f"document {number}".encode(), replacing=None)
        await tx.audit.append("T1", actor="U1", subject=f"U{number:04}", action="saved", fields=("Port",))
        await tx.tests.record(
            "T1", f"U{number:04}", record_id="r", revision=1, document=b"test", tested_at=datetime.now(UTC)
        )


async def test_there_is_one_line_of_revisions() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_heads() == [migrations.head_revision()]
    assert [script.revision for script in scripts.walk_revisions()][::-1] == migrations.revisions()


async def test_the_migrated_schema_is_the_one_that_the_models_declare(database: Database) -> None:
    def compared(connection: Connection) -> tuple[list[Any], dict[str, list[str]]]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        looked = inspect(connection)
        columns = {
            table: [column["name"] for column in looked.get_columns(table)] for table in looked.get_table_names()
        }
        return compare_metadata(context, SQLModel.metadata), columns

    async with database.reading_connection() as connection:
        differences, columns = await connection.run_sync(compared)
    # A partial index, which its migration alone knows.
    assert [(what, index.name) for what, index in differences] == [("remove_index", "ux_test_runs_running")]
    del columns["alembic_version"]
    assert columns == {table.name: table.columns.keys() for table in SQLModel.metadata.sorted_tables}


async def test_records_open_after_the_newest_step_was_taken_back_and_made_again(database: Database) -> None:
    await database.check_keys()
    for number in range(PEOPLE):
        await save(database, number)
    before = await columns(database)
    await moved(database, "down", revisions()[-2])
    async with database.reading() as tx:
        stored = await tx.profiles.get("T1", "U0007")
    assert stored is not None
    assert stored.document == b"document 7"
    await moved(database, "up", "head")
    assert await columns(database) == before
    await database.check_keys()
    async with database.reading() as tx:
        opened = await tx.profiles.of("T1", await tx.profiles.users("T1", limit=PEOPLE))
        tests = await tx.tests.of("T1", list(opened))
        history = await tx.audit.page("T1", subject=None, limit=PEOPLE + 1)
    assert {getattr(one, "document", None) for one in opened.values()} == {
        f"document {number}".encode() for number in range(PEOPLE)
    }
    assert (len(tests), len(history)) == (PEOPLE, PEOPLE)


async def test_all_the_way_down_and_up_again_with_rows_in(database: Database) -> None:
    await save(database, 1)
    before = await columns(database)
    await moved(database, "down", "base")
    assert set(await columns(database)) == {"alembic_version"}
    await database.upgrade()
    assert await columns(database) == before
    await save(database, 1)


async def test_each_step_only_adds_so_that_the_version_before_goes_on_beside_it(url: str, keyring: Keyring) -> None:
    database = Database.connect(url, keyring)
    await moved(database, "up", revisions()[0])
    older = await columns(database)
    for revision in revisions()[1:]:
        await moved(database, "up", revision)
        newer = await columns(database)
        for table, known in older.items():
            assert known.items() <= newer[table].items(), (revision, table)
            added = {name: may_lack for name, (_, may_lack) in newer[table].items() if name not in known}
            assert all(added.values()), (revision, table, added)
        older = newer
    await database.close()


async def test_a_schema_that_is_not_this_versions_is_refused_with_what_to_do(url: str, keyring: Keyring) -> None:
    database = Database.connect(url, keyring)
    with pytest.raises(OutdatedSchemaError, match=r"not there yet.*Run `email-profile-bot db upgrade` first"):
        await database.require_schema()
    await moved(database, "up", revisions()[-2])
    with pytest.raises(OutdatedSchemaError, match=f"at {revisions()[-2]}, and this version needs {revisions()[-1]}"):
        await database.require_schema()
    await database.upgrade()
    await database.require_schema()
    async with database.writing_connection() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refused in (database.require_schema, database.upgrade):
        with pytest.raises(UnknownSchemaError, match="at 9999, which this version of the program does not know"):
            await refused()
    await database.close()
