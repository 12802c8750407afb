"""Keys against records: check values, who needs which key, retirement, and another keyring while the bot runs."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from storage.crypto.key_checks import CheckValue, KeyMismatchError, KeyRetirementError, _tables_of_records
from storage.crypto.keyring import Keyring, MalformedError, RecordContext, generate_key, key_id_of
from storage.database import Database
from storage.maintenance.rotation import SEALED, reseal
from storage.tables.password_links import StoredLink

OLD, NEW = generate_key(), generate_key()
OLD_ID, NEW_ID = (Keyring.from_text(key).active for key in (OLD, NEW))


@pytest.fixture
async def opened(url: str) -> AsyncIterator[Callable[[str], Database]]:
    """The database with its tables, to be opened with one list of keys or another."""
    databases: list[Database] = []

    def connect(keys: str) -> Database:
        databases.append(Database.connect(url, Keyring.from_text(keys)))
        return databases[-1]

    await connect(generate_key()).upgrade()
    yield connect
    for database in databases:
        await database.close()


async def save(database: Database, user: str) -> None:
    async with database.writing() as tx:
        await tx.profiles.save("T1", user, b"{}", replacing=None)


async def document(database: Database, user: str) -> bytes:
    async with database.reading() as tx:
        stored = await tx.profiles.get("T1", user)
    assert stored is not None
    return stored.document


@asynccontextmanager
async def refused(error: type[Exception], why: str) -> AsyncIterator[None]:
    with pytest.raises(error, match=re.escape(why)) as caught:
        yield
    assert "\n" not in str(caught.value)
    assert OLD not in str(caught.value)
    assert NEW not in str(caught.value)


def test_every_table_that_seals_is_counted() -> None:
    assert {table.name for table in _tables_of_records()} == {row.__tablename__ for row, _ in SEALED}
    sealing = {table.name for table in SQLModel.metadata.sorted_tables if "sealed" in table.c}
    assert sealing == {table.name for table in _tables_of_records()} | {"key_checks", "password_links"}


def test_a_seal_names_its_key() -> None:
    place = RecordContext(table="t", record_id="r", workspace="w", user="u", revision=1)
    assert key_id_of(Keyring.from_text(NEW).seal(b"", place)) == NEW_ID
    with pytest.raises(MalformedError):
        key_id_of(b"\1\10short")


async def test_a_retired_key_is_refused_wherever_it_is_configured(opened: Callable[[str], Database]) -> None:
    database = opened(f"{NEW},{OLD}")
    await database.check_keys()
    await save(database, "U1")
    await database.retire_key(OLD_ID)
    today = datetime.now(UTC)
    async with refused(KeyMismatchError, f"ENCRYPTION_KEYS: key {OLD_ID} was retired on {today.day} {today:%b %Y}; "):
        await database.check_keys()
    alone = opened(NEW)
    await alone.check_keys()
    async with refused(KeyMismatchError, f"key {OLD_ID} was retired"):
        await alone.use_keys(Keyring.from_text(f"{NEW},{OLD}"))
    assert await document(alone, "U1") == b"{}"


async def test_the_time_of_a_retirement_is_the_databases(opened: Callable[[str], Database]) -> None:
    database = opened(f"{NEW},{OLD}")
    await database.retire_key(OLD_ID)
    retired = {state.key_id: state.retired_at for state in await database.key_states()}
    assert retired[NEW_ID] is None
    at = retired[OLD_ID]
    assert at is not None
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)


async def test_a_key_is_not_retired_while_a_record_of_any_table_needs_it(opened: Callable[[str], Database]) -> None:
    old = opened(OLD)
    await old.check_keys()
    await save(old, "U1")
    async with old.writing() as tx:
        await tx.tests.record("T1", "U1", record_id="r", revision=1, document=b"x", tested_at=datetime.now(UTC))
        await tx.workspaces.save("T1", b"{}", expected_revision=0)
        await tx.installations.save("T1", b"{}", expected_revision=0)
        await tx.links.add("token", StoredLink(workspace="T1", user="U1", document=b""), seconds=600)
        await tx.links.add("over", StoredLink(workspace="T1", user="U1", document=b""), seconds=-1)
    both = opened(f"{NEW},{OLD}")
    async with refused(KeyRetirementError, f"Key {OLD_ID} is still needed (records: 5, private links: 1)."):
        await both.retire_key(OLD_ID)
    assert [step async for step in reseal(both)][-1] == (5, 5)
    async with refused(KeyRetirementError, f"Key {OLD_ID} is still needed (records: 0, private links: 1)."):
        await both.retire_key(OLD_ID)
    async with both.writing() as tx:
        await tx.links.forget("T1", "U1")
    await both.retire_key(OLD_ID)
    async with refused(KeyRetirementError, f"Key {OLD_ID} was retired on "):
        await both.retire_key(OLD_ID)


async def test_the_sealing_key_and_unknown_ones_are_not_retired(opened: Callable[[str], Database]) -> None:
    database = opened(f"{NEW},{OLD}")
    await database.check_keys()
    async with refused(KeyRetirementError, f"Key {NEW_ID} seals new records"):
        await database.retire_key(NEW_ID)
    async with refused(KeyRetirementError, f"There is no key 00000000; the keys are {NEW_ID}, {OLD_ID}."):
        await database.retire_key("00000000")
    await database.check_keys()


async def test_a_key_may_leave_the_list_before_it_is_retired(opened: Callable[[str], Database]) -> None:
    await opened(f"{NEW},{OLD}").check_keys()
    alone = opened(NEW)
    await alone.retire_key(OLD_ID)
    states = {state.key_id: state for state in await alone.key_states()}
    assert not states[OLD_ID].configured
    assert states[OLD_ID].retired_at is not None


async def test_the_states_tell_what_each_key_does(opened: Callable[[str], Database]) -> None:
    stranger = generate_key()
    old = opened(OLD)
    await old.check_keys()
    await save(old, "U1")
    both = opened(f"{NEW},{stranger}")
    first, second, third = await both.key_states()
    assert (first.key_id, first.configured, first.seals, first.records) == (NEW_ID, True, True, 0)
    assert first.check_value is CheckValue.MISSING
    assert (second.configured, second.seals) == (True, False)
    assert (third.key_id, third.configured, third.records) == (OLD_ID, False, 1)
    assert third.check_value is CheckValue.UNTRIED
    async with both.writing() as tx:
        await tx.links.add("token", StoredLink(workspace="T1", user="U1", document=b""), seconds=600)
    async with old.writing_connection() as session:
        await session.execute(text("UPDATE key_checks SET sealed = substr(sealed, 2)"))
    assert next(iter(await old.key_states())).check_value is CheckValue.BROKEN
    assert {state.key_id: state.links for state in await old.key_states()} == {OLD_ID: 0, NEW_ID: 1}


async def test_another_keyring_is_used_from_the_next_transaction_on(opened: Callable[[str], Database]) -> None:
    database = opened(OLD)
    await database.check_keys()
    await save(database, "U1")
    await database.use_keys(Keyring.from_text(f"{NEW},{OLD}"))
    await save(database, "U2")
    assert await database.key_usage() == {OLD_ID: 1, NEW_ID: 1}
    assert database.key_ids == (NEW_ID, OLD_ID)
    assert await document(database, "U1") == await document(database, "U2") == b"{}"
    assert CheckValue.MISSING not in {state.check_value for state in await database.key_states()}
    async with refused(KeyMismatchError, f"records are sealed under key {OLD_ID}"):
        await database.use_keys(Keyring.from_text(NEW))
    assert database.key_ids == (NEW_ID, OLD_ID)
    async for _ in reseal(database):
        pass
    await database.use_keys(Keyring.from_text(NEW))
    assert await document(database, "U1") == b"{}"


async def test_nothing_saved_while_keys_turn_is_lost(opened: Callable[[str], Database]) -> None:
    database = opened(OLD)
    await database.check_keys()
    turning = asyncio.Event()

    async def save_many() -> None:
        for number in range(40):
            await save(database, f"U{number}")
            if number == 10:
                turning.set()

    saving = asyncio.create_task(save_many())
    await turning.wait()
    for _ in range(5):
        await database.use_keys(Keyring.from_text(f"{NEW},{OLD}"))
        await database.use_keys(Keyring.from_text(f"{OLD},{NEW}"))
    await database.use_keys(Keyring.from_text(f"{NEW},{OLD}"))
    await saving
    async for _ in reseal(database):
        pass
    alone = opened(NEW)
    await alone.check_keys()
    assert [await document(alone, f"U{number}") for number in range(40)] == [b"{}"] * 40


async def test_two_instances_begin_with_a_new_key_at_once(opened: Callable[[str], Database]) -> None:
    await asyncio.gather(*(opened(f"{NEW},{OLD}").check_keys() for _ in range(4)))
    assert all(state.check_value is CheckValue.GOOD for state in await opened(f"{NEW},{OLD}").key_states())
