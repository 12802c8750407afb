"""Places for letters: as many as promised, and in fair shares."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from bot.profiles.people.access import Person
from bot.profiles.sending.letters import MAX_RECIPIENTS
from bot.profiles.sending.places import MOST_BYTES, MOST_WAITING, BytesInFlight, NoPlaceError, Place, Places

ADA = Person("T1", "U0ADA")


def place(person: Person = ADA, program: str = "printer", host: str = "mail.test", *, is_large: bool = False) -> Place:
    return Place(person=person, program=program, host=host, is_large=is_large)


async def taken(places: Places, stack: AsyncExitStack, wanted: Place, *, most: int = 50) -> int:
    """Take places of one kind until there is none, and return how many there were."""
    for number in range(most):
        try:
            async with asyncio.timeout(0.01):
                await stack.enter_async_context(places.place(wanted))
        except TimeoutError:
            return number
    return most


@pytest.mark.parametrize(
    ("host", "most"),
    [("mail.test", 10), ("smtp.office365.com", 3), ("smtp-mail.outlook.com", 3), ("smtp.gmail.com", 10)],
)
async def test_a_mailbox_at_microsoft_has_three_places_and_others_ten(host: str, most: int) -> None:
    places = Places()
    async with AsyncExitStack() as stack:
        assert await taken(places, stack, place(host=host, is_large=True)) == most - 1
        assert await taken(places, stack, place(host=host)) == 1
        assert await taken(places, stack, place(Person("T1", "U0GRACE"), host=host)) == most
    assert places.taken == 0


def test_the_bounds_are_those_that_are_promised() -> None:
    held = BytesInFlight()
    assert (held.most, MOST_BYTES, MOST_WAITING, MAX_RECIPIENTS) == (256_000_000, 256_000_000, 10, 100)
    assert held.change(ADA, 0, 128_000_000)
    assert not held.change(ADA, 0, 1)
    assert held.change(ADA, 128_000_000, 127_999_998)
    assert held.change(ADA, 0, 1)
    assert held.held == 127_999_999


def test_the_bytes_that_letters_hold_are_never_more_than_is_promised() -> None:
    held = BytesInFlight()
    profiles = [Person(f"T{number % 5}", f"U{number}") for number in range(60)]
    for person in profiles:
        while held.change(person, 0, 1_000_000):
            pass
    assert 250_000_000 < held.held <= held.most


async def test_a_workspace_takes_no_more_than_its_share_of_all_places() -> None:
    places = Places(most_of_a_workspace=4, most_at_once=6)
    async with AsyncExitStack() as stack:
        for workspace in ("T1", "T2"):
            for user in range(2):
                await taken(places, stack, place(Person(workspace, f"U{user}")), most=2)
        assert places.taken == 6
        assert await taken(places, stack, place(Person("T3", "U0"))) == 0


async def test_who_has_the_fewest_places_gets_the_next_one_that_is_free() -> None:
    places = Places(most_at_once=4)
    order: list[str] = []

    async def send(name: str, wanted: Place) -> None:
        async with places.place(wanted):
            order.append(name)
            await asyncio.sleep(0)

    greedy, modest, other = place(), place(Person("T1", "U0GRACE")), place(Person("T2", "U0ALAN"))
    async with AsyncExitStack() as stack:
        for _ in range(4):
            held = await stack.enter_async_context(AsyncExitStack())
            await held.enter_async_context(places.place(greedy))
        waiting = [("greedy", greedy)] * 3 + [("modest", modest)] + [("other", other)]
        tasks = [asyncio.create_task(send(name, wanted)) for name, wanted in waiting]
        await asyncio.sleep(0)
        assert places.waiting == 5
        await held.aclose()
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks)
    assert order == ["other", "modest", "greedy", "greedy", "greedy"]


async def test_programs_of_one_profile_take_turns() -> None:
    places = Places(most_at_once=2)
    order: list[str] = []

    async def send(program: str) -> None:
        async with places.place(place(program=program)):
            order.append(program)
            await asyncio.sleep(0)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(places.place(place(program="flood")))
        last = await stack.enter_async_context(AsyncExitStack())
        await last.enter_async_context(places.place(place(program="flood")))
        tasks = [asyncio.create_task(send(program)) for program in ("flood", "flood", "labels")]
        await asyncio.sleep(0)
        await last.aclose()
        await asyncio.gather(*tasks)
    assert order[0] == "labels"


async def test_whoever_stops_waiting_leaves_the_place_to_the_next() -> None:
    places = Places(most_at_once=1, wait_seconds=0.02)
    async with places.place(place()):
        gone = asyncio.create_task(taken(places, AsyncExitStack(), place()))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(NoPlaceError):
            async with places.place(place(Person("T1", "U0GRACE"))):
                pass
        assert places.waiting == 0
    for cancel_first in (True, False):
        async with AsyncExitStack() as stack:
            held = await stack.enter_async_context(AsyncExitStack())
            await held.enter_async_context(places.place(place()))
            granted = asyncio.create_task(taken(places, stack, place(), most=1))
            await asyncio.sleep(0)
            # Granted and cancelled in the same moment, in either order.
            if cancel_first:
                granted.cancel()
                await held.aclose()
            else:
                await held.aclose()
                granted.cancel()
            await asyncio.gather(granted, return_exceptions=True)
        assert (places.taken, places.waiting) == (0, 0)


async def test_eleven_that_wait_for_one_profile_are_one_too_many_and_large_ones_wait_apart() -> None:
    places = Places(most_at_once=1)
    async with places.place(place()):
        tasks = [asyncio.create_task(taken(places, AsyncExitStack(), place(), most=1)) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(NoPlaceError):
            async with places.place(place()):
                pass
        large = asyncio.create_task(taken(places, AsyncExitStack(), place(is_large=True), most=1))
        other = asyncio.create_task(taken(places, AsyncExitStack(), place(Person("T1", "U0GRACE")), most=1))
        await asyncio.sleep(0)
        assert places.waiting == MOST_WAITING + 2
        for task in (*tasks, large, other):
            task.cancel()
        await asyncio.gather(*tasks, large, other, return_exceptions=True)
    assert (places.taken, places.waiting) == (0, 0)
