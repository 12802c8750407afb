"""Reading everybody from Slack: no quicker than Slack allows, page by page, and on from where it was cut short."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import PEOPLE, TEAM, DemoPerson
from bot.demo.stand_in.platform import searchable
from bot.profiles.people.retention import people_lease
from bot.slack.background import user_sync
from bot.slack.background.user_sync import UserSync
from storage.tables.name_order import name_order
from storage.tables.people_query import Query
from tests.counts import scaled
from tests.scenario.people import ADA, GRACE, PEOPLE_READ, set_up
from tests.store import Store

A_MINUTE, PAGES_A_MINUTE = 60.0, 20
PAGE = scaled(quick=20, full=200)
EVERYBODY = scaled(quick=500, full=15_000)
EVERYBODY_BY_NAME = Query(states=tuple(range(7)), by_name=True)
KNOWN = (ADA, GRACE)


@dataclass
class Clock:
    """A clock that moves while somebody sleeps, and by nothing else."""

    time: float = 0.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.slept.append(seconds)
        await asyncio.sleep(0)


@dataclass
class Slack:
    """users.list of a workspace that is larger than the demo's: Ada and Grace, who are in the list, are on no page."""

    clock: Clock
    people: int
    calls: list[float] = field(default_factory=list)
    refused: int = 0
    largest: int = 0
    before_page: Callable[[int], None] = lambda _number: None

    async def users_list(self, *, limit: int, cursor: str | None, team_id: str | None) -> dict[str, Any]:
        assert team_id is None
        self.calls = [at for at in self.calls if at > self.clock.time - A_MINUTE]
        if len(self.calls) >= PAGES_A_MINUTE:
            self.refused += 1
            raise ratelimited("30")
        self.calls.append(self.clock.time)
        first = int(cursor or 0)
        self.before_page(first // limit)
        self.largest = max(self.largest, limit)
        following = first + limit
        return {
            "members": [described(number) for number in range(first, min(following, self.people))],
            "response_metadata": {"next_cursor": str(following) if following < self.people else ""},
        }

    # As `Workspaces`

    async def client_for(self, _workspace: str) -> "Slack":
        return self

    async def teams_of(self, _workspace: str) -> tuple[None]:
        return (None,)


def described(number: int) -> dict[str, Any]:
    # Their ids are in another order than their names.
    name = f"Person {number * 7919 % 100_003:06}"
    return DemoPerson(id=f"U{number:06}", handle=f"u{number}", name=name, address="").slack_user()


def ratelimited(seconds: str) -> SlackApiError:
    answer = AsyncSlackResponse(
        client=None,
        http_verb="GET",
        api_url="users.list",
        req_args={},
        data={"ok": False, "error": "ratelimited"},
        headers={"Retry-After": seconds},
        status_code=429,
    )
    return SlackApiError("ratelimited", answer)  # type: ignore[no-untyped-call]


@pytest.fixture(autouse=True)
def _at_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pages be asked for as slowly as they are."""
    monkeypatch.setattr("bot.slack.background.user_sync.SECONDS_PER_PAGE", 3.0)
    assert user_sync.USERS_PER_PAGE == 200
    monkeypatch.setattr("bot.slack.background.user_sync.USERS_PER_PAGE", PAGE)


@pytest.fixture
async def demo(tmp_path: Path, store: Store) -> AsyncIterator[Demo]:
    """The demo, when its people have been read."""
    async with running_demo(tmp_path) as opened:
        await store.until(PEOPLE_READ)
        yield opened


def syncing(demo: Demo, slack: Slack) -> UserSync:
    """Return what keeps the demo's list in step with another Slack, as another instance would."""
    of_demo = demo.bot.user_sync
    return UserSync(
        database=of_demo.database,
        workspaces=slack,  # type: ignore[arg-type]
        directory=of_demo.directory,
        clock=of_demo.clock,
        on_change=lambda _: None,
        sleep=slack.clock.sleep,
    )


async def names(demo: Demo, workspace: str) -> list[str]:
    """Return everybody's name, in the order of the list."""
    async with demo.bot.database.reading() as tx:
        found = await tx.people.page(workspace, EVERYBODY_BY_NAME, limit=2 * EVERYBODY)
    return [name_order(person.name)[0] for person, _ in found]


async def test_everybody_is_read_although_slack_takes_twenty_pages_a_minute(demo: Demo) -> None:
    slack = Slack(Clock(), EVERYBODY)
    assert await syncing(demo, slack).read_everybody(TEAM)
    async with demo.bot.database.reading() as tx:
        assert sum((await tx.people.counts(TEAM)).values()) == EVERYBODY + len(KNOWN)
    assert slack.refused == 0
    assert slack.largest == PAGE
    assert slack.clock.time >= (EVERYBODY / PAGE - PAGES_A_MINUTE) * A_MINUTE / PAGES_A_MINUTE
    listed = await names(demo, TEAM)
    assert listed == sorted(listed)


async def test_a_pause_that_slack_asks_for_is_kept_in_full_and_the_same_page_is_asked_for_again(demo: Demo) -> None:
    slack, asked = Slack(Clock(), 3 * PAGE), iter(["95", "7"])

    def busy(number: int) -> None:
        if number == 1 and (seconds := next(asked, "")):
            raise ratelimited(seconds)

    slack.before_page = busy
    kept: list[float] = []

    async def keep(seconds: float) -> None:
        kept.append(seconds)

    assert await syncing(demo, slack).read_everybody(TEAM, keep_lease=keep)
    assert [seconds for seconds in slack.clock.slept if seconds not in (0.6, 3.0)] == [95, 7]
    assert kept == slack.clock.slept
    assert len(await names(demo, TEAM)) == 3 * PAGE + len(KNOWN)


async def test_a_reading_that_was_cut_short_goes_on_with_the_next_page_on_another_instance(demo: Demo) -> None:
    slack, pages = Slack(Clock(), 5 * PAGE), list[int]()

    def dies(number: int) -> None:
        pages.append(number)
        if pages == [0, 1, 2]:
            raise ConnectionResetError

    slack.before_page = dies
    with pytest.raises(ConnectionResetError):
        await syncing(demo, slack).read_everybody(TEAM)
    # What came before is in the list already.
    assert len(await names(demo, TEAM)) == 2 * PAGE + len(KNOWN)
    assert await syncing(demo, slack).read_everybody(TEAM)
    assert pages == [0, 1, 2, 2, 3, 4]
    assert len(await names(demo, TEAM)) == 5 * PAGE + len(KNOWN)
    # What is complete begins anew the next time.
    assert await syncing(demo, slack).read_everybody(TEAM)
    assert pages == [0, 1, 2, 2, 3, 4, 0, 1, 2, 3, 4]


async def test_a_cursor_that_slack_takes_no_more_begins_the_reading_anew(demo: Demo, store: Store) -> None:
    async with demo.bot.database.writing() as tx:
        reading = await tx.readings.begin(TEAM)
        await tx.readings.go_on(reading, team="", cursor="made up")
    assert await demo.bot.user_sync.read_everybody(TEAM)
    assert ("users.list", "invalid_cursor") in demo.workspace.refusals
    assert await store.ask("SELECT 1 FROM people_readings") == []
    assert len(await names(demo, TEAM)) == 2


async def test_of_two_instances_that_read_the_same_page_one_stops(demo: Demo) -> None:
    slack = Slack(Clock(), 5 * PAGE)
    first, second = syncing(demo, slack), syncing(demo, slack)
    assert sorted(await asyncio.gather(first.read_everybody(TEAM), second.read_everybody(TEAM)))[1]
    assert len(await names(demo, TEAM)) == 5 * PAGE + len(KNOWN)


async def test_while_people_are_read_the_lease_is_short_and_afterwards_it_lasts_a_day(demo: Demo, store: Store) -> None:
    left: list[float] = []
    read = demo.bot.user_sync.read_everybody

    async def watched(workspace: str, **more: Any) -> bool:
        left.append(await seconds_left(demo))
        await more["keep_lease"](95.0)
        left.append(await seconds_left(demo))
        return await read(workspace, **more)

    await store.edit("DELETE FROM leases")
    demo.bot.user_sync.read_everybody = watched  # type: ignore[method-assign]
    await demo.bot.housekeeping.read_people()
    left.append(await seconds_left(demo))
    assert [wanted - seconds < 20 for seconds, wanted in zip(left, (120, 215, 86_400), strict=True)] == [True] * 3
    assert left == sorted(left)


async def seconds_left(demo: Demo) -> float:
    async with demo.bot.database.reading() as tx:
        return await tx.leases.seconds_left(people_lease(TEAM))


async def test_who_is_on_no_page_is_looked_up_at_the_end_and_only_then_counts_as_gone(demo: Demo) -> None:
    await set_up(demo, ADA)
    workspace = demo.workspace
    await demo.bot.user_sync.read_everybody(TEAM)
    gone = workspace.people.pop(ADA)
    began = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        began.set()
        async with demo.bot.database.reading() as tx:
            still = await tx.people.get(TEAM, ADA)
        assert still is not None
        assert still.deactivated_at is None

    demo.bot.user_sync.sleep = sleep
    await demo.bot.user_sync.read_everybody(TEAM)
    assert began.is_set()
    assert "1 deactivated" in await shown_list(demo)
    workspace.people[ADA] = gone
    await demo.bot.user_sync.read_everybody(TEAM)
    assert "deactivated" not in (await shown_list(demo)).split("\n")[0]
    assert workspace.refusals == [("users.info", "user_not_found")]


async def test_nobody_counts_as_gone_while_slack_does_not_say_so(demo: Demo) -> None:
    await set_up(demo, ADA)
    workspace = demo.workspace
    await demo.bot.user_sync.read_everybody(TEAM)
    del workspace.people[ADA]
    demo.bot.user_sync.sleep = Clock().sleep
    workspace.faults["users.info"] = [Fault(kind="error500")]
    await demo.bot.user_sync.read_everybody(TEAM)
    assert workspace.faults["users.info"] == []
    async with demo.bot.database.reading() as tx:
        still = await tx.people.get(TEAM, ADA)
    assert still is not None
    assert still.deactivated_at is None


async def shown_list(demo: Demo) -> str:
    demo.workspace.all_messages.clear()
    await demo.workspace.command(GRACE, "/email-profile", "list")
    return searchable(demo.workspace.messages(GRACE)[-1])


async def test_who_acts_before_they_are_read_is_looked_up_alone(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_later(*_: Any, **__: Any) -> bool:
        await asyncio.Event().wait()
        return False

    monkeypatch.setattr("bot.slack.background.user_sync.UserSync.read_everybody", read_later)
    async with running_demo(tmp_path, people=PEOPLE) as demo:
        await set_up(demo, ADA)
        async with asyncio.timeout(5):
            while await names(demo, TEAM) != ["ada lovelace"]:
                await asyncio.sleep(0.01)
        demo.workspace.all_messages.clear()
        await demo.workspace.command(GRACE, "/email-profile", "list")
        shown = demo.workspace.messages(GRACE)[-1]
        await demo.workspace.enter_in(GRACE, "Search", "lovel", message=shown)
        assert f"<@{ADA}>" in searchable(shown)
        assert demo.workspace.calls("users.list") == 0


async def test_an_older_version_beside_this_one_makes_nobody_count_as_gone(demo: Demo) -> None:
    await set_up(demo, ADA)
    # As it writes people: without when they were seen.
    async with demo.bot.database.writing() as tx:
        await tx.people.put(TEAM, "U0NEW", "New Person", ["new"], 4, datetime.now(UTC))
    before = demo.workspace.calls("users.info")
    demo.bot.user_sync.sleep = Clock().sleep
    await demo.bot.user_sync.read_everybody(TEAM)
    assert demo.workspace.calls("users.info") == before
    assert "3 people" in await shown_list(demo)
