"""Whether all records open: what does not is counted and named, and nothing of what is sealed is told."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database, OutdatedSchemaError
from storage.maintenance.rotation import reseal
from storage.maintenance.verify import EXAMPLES, SealedTable, Verdict, verify
from tests.storage.filled_database import PASSWORD, furnish, user_id
from tests.storage.progress import change, silent


def failing(verdict: Verdict) -> list[SealedTable]:
    return [table for table in verdict.tables if table.unopened]


async def test_every_table_that_seals_is_opened_and_counted_by_key(database: Database) -> None:
    await furnish(database, 30)
    verdict = await verify(database, silent)
    assert verdict.good
    sealing = {table.name for table in SQLModel.metadata.sorted_tables if "sealed" in table.columns}
    assert {table.name for table in verdict.tables} == sealing
    assert all(set(table.opened) == {database.key_ids[0]} for table in verdict.tables)
    assert {table.name: table.opened.total() for table in verdict.tables}["people"] == 31


async def test_an_edited_column_is_found_in_each_table(database: Database) -> None:
    await furnish(database, 5)
    await change(
        database,
        f"UPDATE email_profiles SET revision = 9 WHERE user_id = '{user_id(2)}'",
        f"UPDATE connection_tests SET record_id = 'x' WHERE user_id = '{user_id(2)}'",
        f"UPDATE people SET key_id = 'ffffffff' WHERE user_id = '{user_id(2)}'",
        "UPDATE workspaces SET workspace = 'T9' WHERE workspace = 'T1'",
        "UPDATE workspace_marks SET record_id = 'x' WHERE workspace = 'T1'",
        "UPDATE installations SET revision = 9 WHERE workspace = 'T1'",
        "UPDATE audit_details SET entry = 99999",
        "UPDATE audit_chains SET user_id = 'U8' WHERE user_id = 'U1'",
        "UPDATE run_results SET workspace = 'T9' WHERE record_id = (SELECT max(record_id) FROM run_results)",
        "UPDATE outbox SET ends_batch = NOT ends_batch WHERE kind = 'batch'",
        "UPDATE password_links SET ends_at = ends_at + 60",
        "UPDATE form_tests SET tester = 'U8'",
        "UPDATE address_confirmations SET ends_at = ends_at + 1 WHERE user_id = 'U1'",
        "UPDATE program_tokens SET ends_at = ends_at + 1 WHERE ends_at IS NOT NULL",
        "UPDATE idempotent_sends SET body_digest = 'x' WHERE record_id = (SELECT max(record_id) FROM idempotent_sends)",
        "UPDATE key_checks SET key_id = 'ffffffff'",
    )
    verdict = await verify(database, silent)
    assert not verdict.good
    sealing = {table.name for table in SQLModel.metadata.sorted_tables if "sealed" in table.columns}
    assert {table.name for table in verdict.tables} == sealing
    for table in verdict.tables:
        assert table.unopened == 1, table.name
        assert "edited, or moved" in table.examples[0]


async def test_flipped_bits_are_found_and_at_most_a_few_are_named(database: Database) -> None:
    await furnish(database, 12)
    async with database.writing_connection() as connection:
        for user, sealed in (await connection.execute(text("SELECT user_id, sealed FROM email_profiles"))).all():
            flipped = bytes([*sealed[:-1], sealed[-1] ^ 1])
            statement = text("UPDATE email_profiles SET sealed = :sealed WHERE user_id = :user")
            await connection.execute(statement, {"sealed": flipped, "user": user})
    (found,) = failing(await verify(database, silent))
    assert (found.unopened, len(found.examples), found.opened.total()) == (12, EXAMPLES, 0)
    assert all(example.startswith("T1 ") for example in found.examples)
    assert PASSWORD not in str(found)


async def test_a_missing_key_is_named_by_its_id(database: Database, url: str) -> None:
    await furnish(database, 3)
    stranger = Database.connect(url, Keyring.from_text(generate_key()))
    verdict = await verify(stranger, silent)
    await stranger.close()
    assert len(failing(verdict)) == len(verdict.tables)
    assert f"under key {database.key_ids[0]}, which is not configured" in failing(verdict)[0].examples[0]


async def test_values_that_somebody_else_wrote_are_cleaned_before_they_are_told(database: Database) -> None:
    await furnish(database, 3)
    await change(database, f"UPDATE email_profiles SET user_id = 'U\x1b[2J\u202e' WHERE user_id = '{user_id(0)}'")
    (found,) = failing(await verify(database, silent))
    assert found.examples[0].startswith("T1 U?[2J? (")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE email_profiles SET sealed = x''",
        "UPDATE email_profiles SET sealed = 'a text'",
        "UPDATE email_profiles SET record_id = x'ff' WHERE rowid = 2",
        "UPDATE email_profiles SET updated_at = 'yesterday'",
        "UPDATE email_profiles SET created_at = 7",
    ],
)
async def test_values_of_a_wrong_kind_are_found(sqlite: Database, statement: str) -> None:
    await furnish(sqlite, 3)
    await change(sqlite, statement)
    (found,) = failing(await verify(sqlite, silent))
    assert found.name == "email_profiles"
    assert found.examples


async def test_a_damaged_file_is_told_in_sqlites_words(sqlite: Database, tmp_path: Path, keyring: Keyring) -> None:
    await furnish(sqlite, 100)
    async with sqlite.reading_connection() as connection:
        page = await connection.scalar(text("SELECT rootpage FROM sqlite_schema WHERE name = 'search_entries'"))
    await sqlite.close()
    file = tmp_path / "profiles.db"
    content = bytearray(file.read_bytes())
    content[(page - 1) * 4096 : (page - 1) * 4096 + 64] = bytes(64)
    file.write_bytes(bytes(content))
    verdict = await verify(sqlite, silent)
    assert not verdict.good
    assert verdict.damage
    assert verdict.tables == []


async def test_a_database_of_an_older_version_is_not_verified(url: str, keyring: Keyring) -> None:
    old = Database.connect(url, keyring)
    with pytest.raises(OutdatedSchemaError, match="db upgrade"):
        await verify(old, silent)
    await old.close()


async def test_the_check_value_of_a_retired_key_is_no_record_that_has_to_open(database: Database) -> None:
    old, new = generate_key(), generate_key()
    await database.use_keys(Keyring.from_text(old))
    await furnish(database, 2)
    await database.use_keys(Keyring.from_text(f"{new},{old}"))
    async for _ in reseal(database):
        pass
    await change(database, "DELETE FROM password_links")
    await database.retire_key(Keyring.from_text(old).active)
    await database.use_keys(Keyring.from_text(new))
    assert failing(await verify(database, silent)) == []
