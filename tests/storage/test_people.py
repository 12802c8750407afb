"""The list of people: in order, found by words, in pages, on both databases; and a dump that tells no names."""

import asyncio
import random
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from bot.profiles.people.access import Member, Person
from bot.profiles.people.members import restore_order, upsert_member
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.maintenance.rotation import reseal
from storage.tables.name_order import name_order
from storage.tables.people import Newcomer, evenly_spread
from storage.tables.people_query import Cursor, Query
from tests.counts import scaled
from tests.store import Store

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
STATES = (0, 1, 2, 3)
BY_NAME = Query(states=STATES, by_name=True)


async def put(database: Database, user: str, name: str, state: int = 0, words: Collection[str] = ()) -> None:
    async with database.writing() as tx:
        await tx.people.put("T1", user, name, words or name.casefold().split(), state, NOW)


async def names(database: Database, query: Query, limit: int = 100) -> list[str]:
    async with database.reading() as tx:
        return [person.name for person, _ in await tx.people.page("T1", query, limit=limit)]


async def counts(database: Database) -> dict[int, int]:
    async with database.reading() as tx:
        return await tx.people.counts("T1")


async def test_names_that_come_in_any_order_stand_in_the_order_of_the_alphabet(database: Database) -> None:
    chance = random.Random(4)
    everybody = sorted({"".join(chance.choices("abcdef", k=4)).title() for _ in range(scaled(quick=60, full=150))})
    shuffled = random.Random(5).sample(everybody, len(everybody))
    for number, name in enumerate(shuffled):
        await put(database, f"U{number}", name)
    assert await names(database, Query(states=STATES, by_name=True), 200) == everybody


@pytest.mark.parametrize("downward", [False, True])
async def test_names_that_come_in_order_stand_in_order_too(database: Database, downward: bool) -> None:
    everybody = [f"Name {number:03}" for number in range(scaled(quick=60, full=120))]
    for name in reversed(everybody) if downward else everybody:
        await put(database, name, name)
    assert await names(database, Query(states=STATES, by_name=True), 200) == everybody


async def test_pages_forward_and_back_meet_everybody_once_in_either_order(database: Database) -> None:
    chance = random.Random(6)
    spread = evenly_spread((f"U{number:03}", f"N{number:03}", [f"n{number:03}"]) for number in range(100))
    for newcomer in spread:
        async with database.writing() as tx:
            await tx.people.add_many("T1", [newcomer], chance.choice(STATES), NOW)
    for by_name in (False, True):
        forward: list[str] = []
        after: Cursor | None = None
        async with database.reading() as tx:
            while page := await tx.people.page("T1", Query(states=STATES, by_name=by_name, after=after), limit=7):
                forward += [person.user for person, _ in page]
                after = page[-1][1]
            assert len(set(forward)) == len(forward) == 100
            backward: list[str] = []
            before: Cursor | None = after
            while page := await tx.people.page("T1", Query(states=STATES, by_name=by_name, before=before), limit=7):
                backward = [person.user for person, _ in page] + backward
                before = page[0][1]
        assert backward == forward[:-1]


async def test_everybody_is_found_by_the_beginnings_of_their_words(database: Database) -> None:
    await put(database, "U1", "Grace Hopper", words=["grace", "hopper", "navy"])
    await put(database, "U2", "Grace Slick", words=["grace", "slick"])
    await put(database, "U3", "Ada Lovelace", words=["ada", "wolfeschlegelsteinhausen"])
    for words, found in (
        (("gr",), ["Grace Hopper", "Grace Slick"]),
        (("grace", "h"), ["Grace Hopper"]),
        (("navy", "gra"), ["Grace Hopper"]),
        (("wolfeschlegelstein",), ["Ada Lovelace"]),
        (("race",), []),
        (("grace", "ada"), []),
    ):
        assert await names(database, Query(states=STATES, words=words, by_name=True)) == found


async def test_a_change_of_name_words_or_state_is_found_and_counted_at_once(database: Database) -> None:
    await put(database, "U1", "Ada Byron")
    await put(database, "U2", "Zoe")
    assert await counts(database) == {0: 2}
    await put(database, "U1", "Zuleika King", state=2)
    assert await names(database, Query(states=STATES, words=("byron",))) == []
    assert await names(database, Query(states=(2,), words=("king",))) == ["Zuleika King"]
    assert await names(database, Query(states=STATES, by_name=True)) == ["Zoe", "Zuleika King"]
    assert await counts(database) == {0: 1, 2: 1}
    async with database.writing() as tx:
        await tx.people.remove("T1", "U1")
        await tx.people.remove("T1", "U1")
    assert await counts(database) == {0: 1}
    assert await names(database, Query(states=STATES)) == ["Zoe"]


async def test_since_when_a_state_lasts_is_kept_while_it_lasts(database: Database) -> None:
    for state, hours in ((1, 0), (1, 5), (2, 7)):
        async with database.writing() as tx:
            await tx.people.put("T1", "U1", "Ada", ["ada"], state, NOW + timedelta(hours=hours))
    async with database.reading() as tx:
        person = await tx.people.get("T1", "U1")
    assert person is not None
    assert person.state_since == NOW + timedelta(hours=7)


async def test_counts_that_drifted_are_counted_anew(database: Database) -> None:
    await put(database, "U1", "Ada", state=3)
    async with database.writing_connection() as connection:
        await connection.execute(text("UPDATE state_counts SET people = 99"))
    async with database.writing() as tx:
        await tx.people.recount("T1")
    assert await counts(database) == {3: 1}


async def test_workspaces_do_not_find_each_others_people(database: Database) -> None:
    await put(database, "U1", "Ada Lovelace")
    async with database.reading() as tx:
        assert await tx.people.page("T2", Query(states=STATES, words=("ada",)), limit=5) == []
        assert await tx.people.counts("T2") == {}


async def test_a_page_takes_the_same_number_of_queries_whatever_the_size(database: Database) -> None:
    statements: list[str] = []
    engine = database._engine.sync_engine

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            statements.append(statement)

    seen = []
    for size in (3, 200):
        newcomers = evenly_spread((f"U{size}-{n}", f"Name {n}", ["name"]) for n in range(size))
        async with database.writing() as tx:
            await tx.people.add_many("T1", newcomers, 1, NOW)
        statements.clear()
        await names(database, Query(states=STATES, words=("name",)), 16)
        seen.append(len(statements))
    assert seen == [1, 1]


async def test_the_database_tells_no_name_and_no_word(database: Database, store: Store) -> None:
    await put(database, "U1", "Grace Hopper", words=["grace", "hopper", "navysecret"])
    content = b"".join((await store.everything()).values()).lower()
    assert b"u1" in content
    for word in (b"grace", b"hopper", b"navysec"):
        assert word not in content
    tokens = {token for (token,) in await store.ask("SELECT token FROM search_entries")}
    # One for everybody, and one a beginning: g to grace, h to hopper, n to navysecr.
    assert len(tokens) == 1 + 5 + 6 + 8


async def test_after_the_keys_turned_everybody_is_found_as_before(url: str) -> None:
    old, new = generate_key(), generate_key()
    first = Database.connect(url, Keyring.from_text(old))
    await first.upgrade()
    await put(first, "U1", "Ada Lovelace")
    await first.close()
    both = Database.connect(url, Keyring.from_text(f"{new},{old}"))
    await put(both, "U2", "Ada Byron")
    query = Query(states=STATES, words=("ada",), by_name=True)
    assert await names(both, query) == ["Ada Byron", "Ada Lovelace"]
    async for _ in reseal(both):
        pass
    await both.close()
    alone = Database.connect(url, Keyring.from_text(new))
    assert await names(alone, query) == ["Ada Byron", "Ada Lovelace"]
    await alone.close()


async def test_counting_anew_while_people_change_their_states_makes_nobody_wait_in_a_circle(database: Database) -> None:
    for user, state in zip("DCBA", (3, 2, 1, 0), strict=True):
        # Where the rows of the counts lie is not the order in which they are changed.
        await put(database, user, user, state)

    async def change(user: str) -> None:
        chance = random.Random(user)
        for _ in range(25):
            await put(database, user, user, chance.choice(STATES))

    async def count_anew() -> None:
        for _ in range(25):
            async with database.writing() as tx:
                await tx.people.recount("T1")

    await asyncio.gather(*map(change, "ABCD"), count_anew(), count_anew())
    assert sum((await counts(database)).values()) == 4


ALPHABET = (
    "Adam",
    "Ægir",
    "Ångström",
    "de Vries",
    "Émile",
    "Emma",
    "Łukasz",
    "Møller",
    "Muller",
    "Müller",
    "Zoe",
    "Zoë",
    "Zoe B",
)


def test_names_stand_in_the_alphabet_with_accents_beside_their_letters() -> None:
    shuffled = random.Random(3).sample(ALPHABET, len(ALPHABET))
    assert tuple(sorted(shuffled, key=name_order)) == ALPHABET


async def test_people_put_one_by_one_stand_in_the_alphabet(database: Database) -> None:
    for name in random.Random(4).sample(ALPHABET, len(ALPHABET)):
        async with database.writing() as tx:
            await tx.people.put("T1", f"U {name}", name, [], 1, NOW)
    assert await names(database, BY_NAME) == list(ALPHABET)


async def test_places_for_many_are_found_by_opening_few_names(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [(f"U{number:03}", f"Name {number * 317 % 512:03}", ()) for number in range(512)]
    coming = [(f"V{number:03}", f"Name {number * 37 % 530:03} {number % 2}", ()) for number in range(16)]
    coming += [("V first", "A", ()), ("V last", "Z", ()), ("V same", "Name 100", ()), ("V same too", "Name 100", ())]
    async with database.writing() as tx:
        await tx.people.add_many("T1", evenly_spread(listed), 1, NOW)
    opened, opening = [], Keyring.open

    def counted(keyring: Keyring, *sealed: Any) -> bytes:
        opened.append(sealed)
        return opening(keyring, *sealed)

    with monkeypatch.context() as watched:
        watched.setattr(Keyring, "open", counted)
        async with database.reading() as tx:
            placed = await tx.people.place("T1", coming)
    # Of 512 names a bisection meets ten.
    assert len(opened) <= 10 * len(coming)
    async with database.writing() as tx:
        assert await tx.people.add_many("T1", placed, 1, NOW) == len(coming)
    assert await names(database, BY_NAME, limit=999) == sorted(name for _, name, _ in listed + coming)
    async with database.reading() as tx:
        assert await tx.people.place("T2", coming) == evenly_spread(coming)


async def test_who_was_sorted_by_an_older_order_is_moved_to_where_their_name_belongs(database: Database) -> None:
    before = sorted(ALPHABET, key=str.casefold)
    newcomers = [
        Newcomer(user=f"U {name}", name=name, words=("word",), position=1000 * number)
        for number, name in enumerate(before, 1)
    ]
    async with database.writing() as tx:
        await tx.people.add_many("T1", newcomers, 1, NOW)
    assert await names(database, BY_NAME) == before
    await restore_order(database, "T1")
    assert await names(database, BY_NAME) == list(ALPHABET)
    assert await names(database, replace(BY_NAME, words=("word",))) == list(ALPHABET)
    async with database.reading() as tx:
        assert await tx.people.out_of_order("T1", batch=3) == []


async def test_people_are_found_and_counted_by_labels_as_a_whole_and_by_ids(database: Database, url: str) -> None:
    labels = {"U1": ["stage Sign-in", "cause 1"], "U2": ["stage Sign-in", "cause 2"], "U3": []}
    for user, theirs in labels.items():
        async with database.writing() as tx:
            await tx.people.put("T1", user, user, ["grace", user], 1, NOW, labels=theirs, note=f"why {user}")

    async def found(**query: Any) -> list[str]:
        asked = Query(states=(0, 1), **query)
        async with database.reading() as tx:
            people = await tx.people.page("T1", asked, limit=9)
            assert await tx.people.count("T1", asked) == len(people)
        return [person.user for person, _ in people]

    async def check() -> None:
        assert await found(labels=("stage Sign-in",)) == ["U1", "U2"]
        assert await found(labels=("stage Sign-in", "cause 2")) == ["U2"]
        assert await found(labels=("stage",)) == []
        assert await found(words=("stage",)) == []
        assert await found(words=("gra",), labels=("cause 1",)) == ["U1"]
        assert await found(users=("U3", "U1")) == ["U1", "U3"]
        assert await found(users=("U3",), labels=("cause 1",)) == []
        assert await found(users=()) == []
        # More than either database takes parameters in one statement.
        assert await found(users=("U3", "U1", *map(str, range(70_000)))) == ["U1", "U3"]
        async with database.reading() as tx:
            counts = await tx.people.label_counts("T1", 1, ["stage Sign-in", "cause 1", "cause 9"])
        assert counts == {"stage Sign-in": 2, "cause 1": 1}

    await check()
    new = Keyring.from_text(generate_key())
    await database.use_keys(Keyring([*new._roots.values(), *database.keyring._roots.values()]))
    await check()
    async for _ in reseal(database):
        pass
    await check()
    # Whoever passes now is found by no cause any more.
    async with database.writing() as tx:
        await tx.people.put("T1", "U1", "U1", ["grace"], 1, NOW)
    assert await found(labels=("stage Sign-in",)) == ["U2"]
    async with database.reading() as tx:
        second = await tx.people.get("T1", "U2")
    assert second is not None
    assert (second.labels, second.note) == (("cause 2", "stage Sign-in"), "why U2")


async def test_a_deletion_and_a_reading_that_meets_the_person_no_more_do_not_wait_for_each_other(
    database: Database, url: str, keyring: Keyring, store: Store
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    await put(database, "U1", "Ada")
    async with database.writing() as tx:
        await tx.outbox.add("T1", "U1", kind="changed", document=b"{}")
        await tx.confirmations.put("T1", "U1", b"{}", seconds=None)
    other = Database.connect(url, keyring)
    gone = Member(person=Person("T1", "U1"), name="Ada", address="", is_admin=False, is_deactivated=True)
    async with database.writing() as tx:
        await tx.confirmations.forget("T1", "U1")
        reading = asyncio.create_task(upsert_member(other, gone, at=NOW))
        await store.until("SELECT 1 FROM pg_locks WHERE NOT granted")
        await tx.outbox.end_all("T1", "U1", "profile_deleted")
        await tx.people.lock_for_update("T1", "U1")
    assert await reading
    await other.close()
