"""One value that no driver can read, or a key's id that nobody has, is that row's own trouble and nobody else's."""

from datetime import timedelta

from sqlmodel import SQLModel

from storage.database import Database
from storage.maintenance.verify import verify
from storage.tables.people_query import Query
from tests.counts import scaled
from tests.storage.filled_database import furnish, user_id
from tests.storage.progress import change, silent
from tests.store import Store

PEOPLE = [user_id(number) for number in range(3)]
ALTERED = PEOPLE[1]
SQLITE = ("x'ff'", "'yesterday'", "7")
POSTGRESQL = {"UTCDateTime": "'infinity'", "Float": "'Infinity'", "AutoString": "'?'", "LargeBinary": "'\\x00'"}


def altered(table: str, column: str, *, sqlite: bool) -> list[str]:
    """Give what somebody writes into a column."""
    kind = type(SQLModel.metadata.tables[table].c[column].type).__name__
    return [*SQLITE] if sqlite else [POSTGRESQL.get(kind, "7")]


async def read_everybody(database: Database) -> set[str]:
    """Read all people with their profiles and tests as the list does; give those whose profile opens."""
    async with database.reading() as tx:
        assert set(await tx.people.of("T1", PEOPLE)) == set(PEOPLE)
        await tx.tests.of("T1", PEOPLE)
        listed = await tx.people.page("T1", Query(states=(2,)), limit=15)
        assert {*PEOPLE} - {person.user for person, _ in listed} <= {ALTERED}
        profiles = await tx.profiles.of("T1", PEOPLE)
    return {user for user, profile in profiles.items() if not isinstance(profile, Exception)}


async def test_what_stands_in_one_row_keeps_nobody_else_from_theirs(database: Database, store: Store) -> None:
    await furnish(database, len(PEOPLE))
    tables = ("people", "email_profiles", "connection_tests")
    kept = {name: rows for name, rows in (await store.contents()).items() if name in tables}
    columns = [(table, column) for table in tables for column in kept_columns(table)]
    for table, column in columns if database.is_sqlite else scaled(quick=columns[::6], full=columns):
        for value in altered(table, column, sqlite=database.is_sqlite):
            what = f"UPDATE {table} SET {column} = {value} WHERE user_id = '{ALTERED}'"
            await change(database, what)
            assert {*PEOPLE} - await read_everybody(database) <= {ALTERED}, what
            await database.check_keys()
            await database.check_workspaces()
        await store.put_back(kept)
    assert (await verify(database, silent)).good


def kept_columns(table: str) -> list[str]:
    """Give the columns whose row is still that person's when they hold something else."""
    return [column.name for column in SQLModel.metadata.tables[table].c if column.name not in ("workspace", "user_id")]


async def test_a_time_that_nobody_can_read_is_named_and_hides_no_other_row(database: Database) -> None:
    await furnish(database, len(PEOPLE))
    value = "'yesterday'" if database.is_sqlite else "'infinity'"
    await change(
        database,
        f"UPDATE email_profiles SET updated_at = {value} WHERE user_id = '{ALTERED}'",
        f"UPDATE email_profiles SET revision = 99 WHERE user_id = '{PEOPLE[2]}'",
    )
    (found,) = [table for table in (await verify(database, silent)).tables if table.unopened]
    assert found.name == "email_profiles"
    assert sorted(found.examples) == sorted(f"T1 {user} (edited, or moved from another place)" for user in PEOPLE[1:])


async def test_a_record_with_the_id_of_no_key_stops_nothing_else_and_is_named(database: Database) -> None:
    await furnish(database, len(PEOPLE))
    await change(database, f"UPDATE people SET key_id = 'ffffffff' WHERE user_id = '{ALTERED}'")
    assert await database.compare_keys() == []
    await change(database, f"UPDATE people SET key_id = 'not a key' WHERE user_id = '{PEOPLE[2]}'")
    assert await database.compare_keys() == []
    assert (await database.key_usage())["?"] == 1
    (found,) = [table for table in (await verify(database, silent)).tables if table.unopened]
    assert (found.name, found.unopened) == ("people", 2)


async def test_a_lease_that_nobody_takes_for_so_long_holds_nothing_up(database: Database) -> None:
    async with database.writing() as tx:
        await tx.leases.take("people of T1", seconds=60)
        await tx.leases.take("people of T2", seconds=timedelta(days=400).total_seconds())
        assert await tx.leases.held(longest=timedelta(days=1).total_seconds()) == {"people of T1"}
