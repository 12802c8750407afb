"""That a workspace has a record is sealed beside it: that it was taken away, or another put there, is noticed."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.maintenance.rotation import reseal
from storage.maintenance.verify import verify
from storage.tables.table import StaleRevisionError
from tests.storage.progress import change, silent

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


async def document(database: Database, workspace: str = "T1") -> bytes | None:
    async with database.reading() as tx:
        stored = await tx.workspaces.get(workspace)
    return stored.document if stored else None


async def marked(database: Database) -> list[str]:
    async with database.reading_connection() as connection:
        return sorted(await connection.scalars(text("SELECT workspace FROM workspace_marks")))


async def save(database: Database, content: bytes, *, expected: int, workspace: str = "T1") -> int:
    async with database.writing() as tx:
        return await tx.workspaces.save(workspace, content, expected_revision=expected)


async def test_a_record_that_is_gone_is_no_record_of_a_new_workspace(database: Database) -> None:
    assert await document(database) is None
    await save(database, b"one", expected=0)
    assert await database.check_workspaces() == []
    await change(database, "DELETE FROM workspaces")
    assert await document(database) == b""
    assert await database.check_workspaces() == ["T1"]
    assert await document(database, "T2") is None


async def test_a_record_in_place_of_one_that_is_gone_is_saved_once_and_the_old_one_counts_no_more(
    database: Database,
) -> None:
    await save(database, b"one", expected=0)
    async with database.reading_connection() as connection:
        (old,) = (await connection.execute(text("SELECT record_id, revision, key_id, sealed FROM workspaces"))).all()
    await change(database, "DELETE FROM workspaces")
    assert await save(database, b"two", expected=0) == 1
    with pytest.raises(StaleRevisionError):
        await save(database, b"three", expected=0)
    assert await document(database) == b"two"
    async with database.writing_connection() as connection:
        columns = ("record_id", "revision", "key_id", "sealed")
        changed = ", ".join(f"{name} = :{name}" for name in columns)
        values = dict(zip(columns, old, strict=True))
        await connection.execute(text(f"UPDATE workspaces SET {changed}"), values)
    assert await document(database) == b""


async def test_a_record_that_does_not_open_is_replaced_on_its_revision(database: Database) -> None:
    await save(database, b"one", expected=0)
    await change(database, "UPDATE workspaces SET revision = 7")
    assert await document(database) == b""
    assert await save(database, b"two", expected=7) == 8
    assert await document(database) == b"two"
    assert await save(database, b"three", expected=8) == 9


@pytest.mark.parametrize("altered", ["revision = 'no number'", "left_at = 'no time'", "record_id = 7"])
async def test_a_value_of_a_wrong_kind_is_no_record_and_is_replaced(sqlite: Database, altered: str) -> None:
    await save(sqlite, b"one", expected=0)
    await change(sqlite, f"UPDATE workspaces SET {altered}")
    revision = 0 if "revision" in altered else 1
    assert await document(sqlite) == (b"one" if "left_at" in altered else b"")
    assert await save(sqlite, b"two", expected=revision) == revision + 1
    assert await document(sqlite) == b"two"


async def test_that_the_bot_was_removed_does_not_take_the_place_of_a_record_that_is_gone(database: Database) -> None:
    await save(database, b"one", expected=0)
    await change(database, "DELETE FROM workspaces")
    for left_at in (NOW, None):
        async with database.writing() as tx:
            await tx.workspaces.set_left("T1", left_at)
        assert await document(database) == b""
    assert await save(database, b"two", expected=0) == 1
    assert await document(database) == b"two"


async def test_a_workspace_that_is_purged_takes_its_mark_along_whoever_purges_it(database: Database) -> None:
    for workspace in ("T1", "T2", "T3"):
        await save(database, b"one", expected=0, workspace=workspace)
    async with database.writing() as tx:
        await tx.profiles.save("T3", "U1", b"{}", replacing=None)
        await tx.workspaces.set_left("T1", NOW)
        assert await tx.workspaces.purge("T1", left_before=NOW.replace(year=NOW.year + 1))
    assert await marked(database) == ["T2", "T3"]
    # The version before knows no marks; and somebody else took a record away where people have profiles.
    await change(database, "DELETE FROM workspaces")
    async with database.writing() as tx:
        await tx.workspaces.drop_marks_of_nothing()
    assert await marked(database) == ["T3"]
    assert await database.check_workspaces() == ["T3"]


async def test_records_without_a_mark_get_theirs_and_those_that_do_not_open_none(database: Database) -> None:
    for workspace in ("T1", "T2"):
        await save(database, b"one", expected=0, workspace=workspace)
    await change(database, "DELETE FROM workspace_marks")
    await change(database, "UPDATE workspaces SET revision = 7 WHERE workspace = 'T2'")
    assert await database.check_workspaces() == ["T2"]
    assert await marked(database) == ["T1"]
    assert await document(database) == b"one"


async def test_marks_are_rotated_with_the_records_and_verified(database: Database, url: str) -> None:
    await save(database, b"one", expected=0)
    new = Keyring([*Keyring.from_text(generate_key())._roots.values(), *database.keyring._roots.values()])
    rotating = Database.connect(url, new)
    await rotating.check_keys()
    assert [step async for step in reseal(rotating, pause=0)][-1] == (2, 2)
    assert await document(rotating) == b"one"
    assert (await verify(rotating, silent)).workspaces == []
    await change(rotating, "DELETE FROM workspaces")
    verdict = await verify(rotating, silent)
    await rotating.close()
    assert (verdict.good, verdict.workspaces) == (False, ["T1"])
