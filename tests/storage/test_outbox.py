"""The outbox: each message is claimed by one instance, sent once, and emptied when it ends."""

import asyncio
from typing import Any

from storage.crypto.keyring import Keyring
from storage.database import Database
from storage.tables.outbox import LONGEST_PAUSE_SECONDS, MOST_UNKNOWN, SENT, StoredNotice
from tests.storage.progress import change
from tests.store import Store


async def add(database: Database, user: str = "U1", **more: Any) -> None:
    async with database.writing() as tx:
        await tx.outbox.add("T1", user, **{"kind": "changed", "document": b'{"by": "U9"}', **more})


async def claim(database: Database, *, seconds: float = 60, person_pace: float = 0) -> StoredNotice | None:
    async with database.writing() as tx:
        return await tx.outbox.claim("T1", seconds=seconds, person_pace=person_pace)


async def claimed(database: Database) -> StoredNotice:
    found = await claim(database)
    assert found is not None
    return found


async def end(database: Database, outcome: str = SENT) -> None:
    one = await claimed(database)
    async with database.writing() as tx:
        assert await tx.outbox.end(one.record_id, outcome)
        assert not await tx.outbox.end(one.record_id, outcome)


async def waiting(database: Database) -> float | None:
    async with database.reading() as tx:
        return (await tx.outbox.waiting()).get("T1")


async def test_of_two_instances_one_claims_a_message(database: Database, url: str, keyring: Keyring) -> None:
    other = Database.connect(url, keyring)
    await add(database)
    found = await asyncio.gather(claim(database), claim(other))
    assert sorted(one is None for one in found) == [False, True]
    assert await claim(other) is None
    await other.close()


async def test_messages_are_claimed_in_the_order_in_which_they_were_written(database: Database) -> None:
    for user in ("U3", "U1", "U2"):
        await add(database, user)
    assert [(await claimed(database)).user for _ in range(3)] == ["U3", "U1", "U2"]


async def test_a_message_whose_sender_died_is_claimed_once_more_and_never_again(database: Database) -> None:
    await add(database)
    for _ in range(MOST_UNKNOWN):
        one = await claimed(database)
        await change(database, "UPDATE outbox SET due_at = due_at - 61")
    assert await claim(database) is None
    async with database.writing() as tx:
        (lost,) = await tx.outbox.lost(older_than=1000)
        assert lost.record_id == one.record_id
        assert await tx.outbox.end(lost.record_id, "uncertain")
        assert await tx.outbox.lost(older_than=1000) == []


async def test_what_slack_refused_for_now_is_tried_as_often_as_it_takes(database: Database) -> None:
    await add(database)
    for tries in range(5):
        one = await claimed(database)
        assert one.tries == tries
        async with database.writing() as tx:
            await tx.outbox.put_off(one.record_id, seconds=30)
        assert await claim(database) is None
        assert 29 < (await waiting(database) or 0) <= 30
        await change(database, "UPDATE outbox SET due_at = due_at - 31")
    await end(database)
    assert await waiting(database) is None


async def test_what_slack_may_have_taken_waits_and_is_tried_once_more_and_never_again(database: Database) -> None:
    await add(database)
    for unknown in range(MOST_UNKNOWN):
        one = await claimed(database)
        assert (one.unknown, one.tries) == (unknown, unknown)
        async with database.writing() as tx:
            await tx.outbox.postpone(one.record_id, seconds=900)
        assert 899 < (await waiting(database) or 0) <= 900
        await change(database, "UPDATE outbox SET due_at = due_at - 901")
    assert await claim(database) is None
    async with database.reading() as tx:
        (lost,) = await tx.outbox.lost(older_than=1000)
    assert lost.unknown == MOST_UNKNOWN


async def test_what_has_waited_too_long_is_found(database: Database) -> None:
    await add(database)
    await change(database, "UPDATE outbox SET created_at = created_at - 100")
    async with database.reading() as tx:
        assert 100 <= await tx.outbox.oldest_seconds() < 110
        assert await tx.outbox.lost(older_than=200) == []
        assert len(await tx.outbox.lost(older_than=99)) == 1


async def test_a_message_waits_no_longer_because_the_clock_was_set_back(database: Database) -> None:
    await add(database)
    await change(database, f"UPDATE outbox SET due_at = due_at + {LONGEST_PAUSE_SECONDS - 5}")
    assert await claim(database) is None
    await change(database, "UPDATE outbox SET due_at = due_at + 60")
    assert await claim(database) is not None


async def test_nobody_is_sent_two_messages_at_the_same_moment(database: Database) -> None:
    await add(database)
    await end(database)
    await add(database)
    await add(database, "U2")
    other = await claim(database, person_pace=60)
    assert other is not None
    assert other.user == "U2"
    assert await claim(database, person_pace=60) is None
    assert await claim(database, person_pace=0) is not None


async def test_while_a_message_is_on_its_way_the_next_to_the_same_person_waits(database: Database) -> None:
    for user in ("U1", "U1", "U2"):
        await add(database, user)
    first = await claimed(database)
    assert (first.user, (await claimed(database)).user) == ("U1", "U2")
    assert await claim(database) is None
    async with database.writing() as tx:
        await tx.outbox.end(first.record_id, SENT)
    await change(database, "UPDATE outbox SET ended_at = ended_at - 1")
    second = await claimed(database)
    assert second.user == "U1"
    # Whoever sends it died, or the clock went back: it keeps nobody waiting.
    await add(database)
    for late in (61, -LONGEST_PAUSE_SECONDS - 90):
        await change(database, f"UPDATE outbox SET unknown = 1, due_at = due_at - {late} WHERE unknown > 0")
        assert (await claimed(database)).record_id == second.record_id


async def test_a_message_that_waits_for_another_to_the_same_person_is_due_with_that_one(database: Database) -> None:
    await add(database)
    await add(database)
    first = await claimed(database)
    assert 59 < (await waiting(database) or 0) <= 60
    async with database.writing() as tx:
        await tx.outbox.postpone(first.record_id, seconds=900)
    assert await claim(database) is None
    assert 899 < (await waiting(database) or 0) <= 900
    await add(database, "U2")
    assert await waiting(database) == 0
    await end(database)
    async with database.writing() as tx:
        await tx.outbox.end(first.record_id, "uncertain")
    assert await waiting(database) == 0


async def test_what_slack_refused_keeps_no_other_message_to_the_same_person(database: Database) -> None:
    await add(database)
    first = await claimed(database)
    await add(database)
    async with database.writing() as tx:
        await tx.outbox.put_off(first.record_id, seconds=30)
    assert (await claimed(database)).record_id != first.record_id


async def test_what_ended_tells_nothing_any_more(database: Database, store: Store) -> None:
    await add(database)
    ((before,),) = await store.ask("SELECT sealed FROM outbox")
    await end(database)
    (after,) = await store.ask("SELECT sealed, outcome FROM outbox")
    assert (before == after.sealed, after.outcome) == (False, SENT)
    async with database.writing() as tx:
        await tx.outbox.purge(older_than=60)
        assert len(await store.ask("SELECT 1 FROM outbox")) == 1
    await change(database, "UPDATE outbox SET ended_at = ended_at - 61")
    async with database.writing() as tx:
        await tx.outbox.purge(older_than=60)
    assert await store.ask("SELECT 1 FROM outbox") == []


async def test_the_last_of_a_batch_waits_for_all_others_of_it(database: Database) -> None:
    await add(database, "U9", kind="batch", batch="b", ends_batch=True)
    for user in ("U1", "U2", "U3"):
        await add(database, user, batch="b")
    await add(database, "U4", batch="another")
    for outcome in (SENT, "user_disabled", SENT):
        await end(database, outcome)
    assert (await claimed(database)).user == "U9"
    async with database.reading() as tx:
        assert await tx.outbox.outcomes("T1", "b") == {SENT: 2, "user_disabled": 1}
        assert await tx.outbox.unsent("T1", "b", limit=9) == ["U2"]
        assert await tx.outbox.outcomes("T2", "b") == {}


async def test_while_a_batch_goes_on_its_last_message_is_not_due(database: Database) -> None:
    await add(database, "U9", kind="batch", batch="b", ends_batch=True)
    await add(database, "U1", batch="b")
    one = await claimed(database)
    async with database.writing() as tx:
        await tx.outbox.put_off(one.record_id, seconds=30)
    async with database.reading() as tx:
        assert (await tx.outbox.waiting())["T1"] > 29


async def test_who_had_a_message_lately_is_known_until_the_time_is_over(database: Database) -> None:
    await add(database, "U1")
    await end(database)
    await add(database, "U2")
    await end(database, "user_disabled")
    await add(database, "U3", kind="reminder")
    await add(database, "U4", kind="batch", ends_batch=True)

    async def told(workspace: str = "T1") -> set[str]:
        async with database.reading() as tx:
            return await tx.outbox.told_lately(workspace, ["U1", "U2", "U3", "U4"], seconds=60)

    assert await told() == {"U1", "U3"}
    assert await told("T2") == set()
    await change(database, "UPDATE outbox SET ended_at = ended_at - 61")
    assert await told() == {"U3"}


async def test_everything_that_waits_for_a_person_ends_but_for_some_kinds(database: Database) -> None:
    for kind in ("changed", "deleted"):
        await add(database, kind=kind)
    await add(database, "U2")
    async with database.writing() as tx:
        await tx.outbox.end_all("T1", "U1", "profile_deleted", but=("deleted",))
    assert {(one.user, one.kind) for one in (await claimed(database), await claimed(database))} == {
        ("U1", "deleted"),
        ("U2", "changed"),
    }
    assert await claim(database) is None


async def test_a_message_that_was_edited_or_moved_does_not_open(database: Database) -> None:
    for column in (
        "user_id = 'U9'",
        "kind = 'deleted'",
        "asks = NOT asks",
        "batch = 'b'",
        "ends_batch = NOT ends_batch",
    ):
        await add(database)
        await change(database, f"UPDATE outbox SET {column}")
        one = await claimed(database)
        assert one.document is None, column
        await change(database, "DELETE FROM outbox")
