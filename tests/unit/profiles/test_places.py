"""Places for letters: as many as promised, and in fair shares."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from bot.profiles.people.access import Person
from bot.profiles.sending.letters import MAX_LETTER_BYTES, MAX_RECIPIENTS
from bot.profiles.sending.places import MOST_WAITING, BytesInFlight, NoPlaceError, Place, Places

ADA = Person("T1", "U0ADA")
MB = 1_000_000


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
    bounds = (held.most, held.most_of_a_profile, MOST_WAITING, MAX_RECIPIENTS)
    assert bounds == (256_000_000, 70_000_000, 10, 100)
    assert held.most_of_a_profile >= 2 * MAX_LETTER_BYTES


def test_letters_hold_so_many_bytes_in_sum_and_of_one_profile() -> None:
    held, grace = BytesInFlight(most=100 * MB, most_of_a_profile=70 * MB), Person("T1", "U0GRACE")
    assert held.change(ADA, 0, 60 * MB)
    assert not held.change(ADA, 0, 11 * MB)
    assert held.change(ADA, 60 * MB, 70 * MB)
    assert held.change(grace, 0, 30 * MB)
    assert not held.change(grace, 30 * MB, 31 * MB)
    assert held.change(ADA, 70 * MB, 0)
    assert held.change(grace, 30 * MB, 31 * MB)
    assert held.held == 31 * MB


def test_large_letters_leave_memory_for_those_of_other_workspaces_and_for_small_ones() -> None:
    held = BytesInFlight()

    def letters(person: Person, size: int = MAX_LETTER_BYTES) -> int:
        """Count how many letters somebody gets in, up to forty."""
        return sum(held.change(person, 0, size) for _ in range(40))

    assert [letters(Person("T1", user)) for user in ("U1", "U2", "U3")] == [2, 2, 0]
    assert letters(Person("T2", "U1")) == 2
    assert letters(Person("T2", "U2")) == 0
    assert letters(Person("T1", "U3"), 1_000_000) == 40
    # One that grew large counts as large from then on.
    assert not held.change(Person("T1", "U3"), 1_000_000, 1_000_001)


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
