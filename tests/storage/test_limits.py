"""Limits shared through the database: exactly so many, by its clock, under names that tell nothing."""

import asyncio

import pytest
from sqlalchemy import text

from storage.crypto.keyring import Keyring
from storage.database import Database
from storage.tables.limits import Wanted
from tests.store import Store


async def take(database: Database, name: str = "guesses on ada", *, most: int = 3, seconds: int = 60) -> float | None:
    async with database.writing() as tx:
        window = await tx.limits.take(name, most=most, seconds=seconds)
        return None if window.taken else window.wait


async def test_so_many_uses_and_then_the_time_to_wait(database: Database) -> None:
    assert [await take(database) for _ in range(3)] == [None, None, None]
    wait = await take(database)
    assert wait is not None
    assert 50 < wait <= 60
    assert await take(database, "guesses on grace") is None


async def test_two_instances_together_take_exactly_what_there_is(
    database: Database, url: str, keyring: Keyring
) -> None:
    other = Database.connect(url, keyring)
    taken = await asyncio.gather(*(take(instance, most=7) for instance in (database, other) for _ in range(25)))
    await other.close()
    assert taken.count(None) == 7


async def test_several_limits_are_taken_together_each_as_by_itself(database: Database) -> None:
    wanted = [Wanted(name="a minute", most=2, seconds=60), Wanted(name="a day", most=3, seconds=86_400)]
    async with database.writing() as tx:
        first = await tx.limits.take_each(wanted)
    assert [(window.taken, window.left) for window in first] == [(True, 1), (True, 2)]
    assert [50 < window.wait <= 60 for window in first] == [True, False]
    assert await take(database, "a minute", most=2) is None
    async with database.writing() as tx:
        second = await tx.limits.take_each(wanted)
    assert [(window.taken, window.left) for window in second] == [(False, 0), (True, 1)]
    async with database.writing() as tx:
        await tx.limits.give_back("a day", ends_at=first[1].ends_at)
        look = await tx.limits.look("a day", most=3)
    assert look is not None
    assert look.left == 2
    async with database.writing_connection() as connection:
        await connection.execute(text("UPDATE limits SET ends_at = ends_at - 61"))
    async with database.writing() as tx:
        third = await tx.limits.take_each(wanted)
    assert [(window.taken, window.left) for window in third] == [(True, 1), (True, 1)]


async def test_a_window_of_several_that_lasts_too_long_shows_that_the_clock_went_back(database: Database) -> None:
    wanted = [Wanted(name="a minute", most=1, seconds=60), Wanted(name="a day", most=9, seconds=86_400)]
    async with database.writing() as tx:
        await tx.limits.take_each(wanted)
    async with database.writing_connection() as connection:
        await connection.execute(text("UPDATE limits SET ends_at = ends_at + 3600"))
    async with database.writing() as tx:
        assert [window.taken for window in await tx.limits.take_each(wanted)] == [True, True]


async def test_two_instances_that_take_several_limits_take_exactly_what_there_is(
    database: Database, url: str, keyring: Keyring
) -> None:
    other = Database.connect(url, keyring)
    wanted = [Wanted(name=name, most=most, seconds=60) for name, most in (("a", 7), ("b", 1000), ("c", 30))]

    async def taken(instance: Database, order: int) -> bool:
        async with instance.writing() as tx:
            return all(window.taken for window in await tx.limits.take_each(wanted[::order]))

    found = await asyncio.gather(*(taken(one, order) for one in (database, other) for order in (1, -1) * 10))
    await other.close()
    assert found.count(True) == 7


async def test_a_window_ends_by_the_databases_clock(database: Database) -> None:
    assert await take(database, most=1) is None
    assert await take(database, most=1) is not None
    async with database.writing_connection() as connection:
        await connection.execute(text("UPDATE limits SET ends_at = ends_at - 61"))
    assert await take(database, most=1) is None
    assert await take(database, most=1) is not None


async def test_a_use_given_back_can_be_taken_again(database: Database) -> None:
    for _ in range(3):
        async with database.writing() as tx:
            window = await tx.limits.take("guesses on ada", most=1, seconds=60)
            assert window.taken
        assert await take(database, most=1) is not None
        async with database.writing() as tx:
            await tx.limits.give_back("guesses on ada", ends_at=window.ends_at)
            await tx.limits.give_back("never taken", ends_at=window.ends_at)
    assert await take(database, most=1) is None


async def test_a_use_given_back_late_leaves_the_next_window_as_it_is(database: Database) -> None:
    async with database.writing() as tx:
        first = await tx.limits.take("guesses on ada", most=1, seconds=60)
    async with database.writing_connection() as connection:
        await connection.execute(text("UPDATE limits SET ends_at = ends_at - 61"))
    assert await take(database, most=1) is None
    async with database.writing() as tx:
        await tx.limits.give_back("guesses on ada", ends_at=first.ends_at)
    assert await take(database, most=1) is not None


async def test_a_window_says_how_many_uses_are_left_and_when_it_ends(database: Database) -> None:
    async with database.writing() as tx:
        assert await tx.limits.look("guesses on ada", most=3) is None
        taken = await tx.limits.take("guesses on ada", most=3, seconds=60)
        await tx.limits.take("guesses on ada", most=3, seconds=60)
        seen = await tx.limits.look("guesses on ada", most=3)
    assert (taken.left, taken.taken) == (2, True)
    assert seen is not None
    assert (seen.left, seen.taken, seen.ends_at) == (1, False, taken.ends_at)
    assert 50 < seen.wait <= 60


async def test_what_is_undone_takes_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.writing() as tx:
            await tx.limits.take("guesses on ada", most=1, seconds=60)
            raise RuntimeError
    assert await take(database, most=1) is None


async def test_windows_that_are_over_are_dropped(database: Database) -> None:
    await take(database, "old")
    async with database.writing_connection() as connection:
        await connection.execute(text("UPDATE limits SET ends_at = 1"))
    await take(database, "new")
    async with database.writing() as tx:
        await tx.limits.purge()
    async with database._engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM limits"))).scalar_one() == 1


async def test_names_are_not_in_the_database(database: Database, store: Store) -> None:
    await take(database, "smtp.canary.example ada@canary.example")
    assert [name for name, content in (await store.everything()).items() if b"canary" in content] == []
