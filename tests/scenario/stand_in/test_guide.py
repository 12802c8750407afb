"""What the demo tells a newcomer: lines to type, how far they came, and a workspace in which there is much to see."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.colleagues import Colleague, Way, accounts_with, colleagues, settle_in
from bot.demo.mail import DemoMail
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import PEOPLE, TEAM
from bot.demo.story import ADMIN_STEPS, MEMBER_STEPS
from bot.profiles.account.records import ProfileState
from bot.profiles.people.members import state_from_number
from tests.counts import scaled
from tests.scenario.people import ADA, GRACE, fill_form, settled

# What the page shows is the same on every database.
pytestmark = pytest.mark.databases("sqlite")

ROOT = Path(__file__).parents[3]


async def story(session: aiohttp.ClientSession, user: str = ADA) -> dict[str, Any]:
    async with session.get("/state", params={"user": user}) as answer:
        told: dict[str, Any] = (await answer.json())["story"]
        return told


async def act(session: aiohttp.ClientSession, user: str = ADA, **what: Any) -> dict[str, Any]:
    async with session.post("/act", json={"user": user, **what}, headers={"X-Demo": "page"}) as answer:
        outcome: dict[str, Any] = await answer.json()
        return outcome


def done(told: dict[str, Any]) -> list[bool]:
    return [step["done"] for step in told["steps"]]


async def typed(session: aiohttp.ClientSession, line: str, user: str = ADA) -> dict[str, Any]:
    command, _, text = line.partition(" ")
    return await act(session, user, act="command", command=command, text=text)


def test_the_page_tells_the_lines_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\n".join(step.line for step in MEMBER_STEPS) in readme


async def test_a_line_stays_suggested_until_it_has_done_what_it_is_for(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo, aiohttp.ClientSession(demo.workspace.base_url) as session:
        assert done(await story(session)) == [False, False, False]
        await typed(session, "/email-profile edit")
        await demo.workspace.wait_view(ADA, "Email profile")
        await act(session, act="cancel")
        assert done(await story(session)) == [False, False, False]
        await typed(session, "/email-profile edit")
        await demo.workspace.wait_view(ADA, "Email profile")
        await fill_form(demo, ADA, password="not the password")
        await act(session, act="submit")
        assert done(await story(session)) == [True, False, False]
        await typed(session, "/email-extra  ADD tls Y")
        assert done(await story(session)) == [True, True, False]
        await typed(session, "/email-test")
        await demo.workspace.wait_message(ADA, "Connection test failed")
        told = await story(session)
        assert (done(told), told["over"]) == ([True, True, False], False)


async def test_the_story_is_through_when_a_test_has_passed_and_stays_so_when_the_report_is_gone(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo, aiohttp.ClientSession(demo.workspace.base_url) as session:
        await demo.workspace.command(ADA, "/email-profile", "edit")
        await demo.workspace.wait_view(ADA, "Email profile")
        await fill_form(demo, ADA)
        assert await demo.workspace.submit(ADA) == {}
        await demo.workspace.command(ADA, "/email-extra", "add TLS Y")
        await demo.workspace.command(ADA, "/email-test")
        await demo.workspace.wait_message(ADA, "Connection test passed")
        assert (await story(session))["over"]
        demo.workspace.all_messages.clear()
        assert (await story(session))["over"]
        assert not (await story(session, GRACE))["over"]


async def test_an_admin_is_shown_the_way_to_everybodys_accounts(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo, aiohttp.ClientSession(demo.workspace.base_url) as session:
        told = await story(session, GRACE)
        assert [step["line"] for step in told["steps"]] == [step.line for step in ADMIN_STEPS]
        assert all(step["shows"].endswith(".") for step in told["steps"])
        for step in ADMIN_STEPS:
            assert not (await story(session, GRACE))["over"]
            await typed(session, step.line, GRACE)
        assert (await story(session, GRACE))["over"]
        assert demo.workspace.refusals == []


def one_of_each_way() -> tuple[Colleague, ...]:
    """Fewer people, for every day; the one whom a server lets wait for seconds only with all of them."""
    first = {one.way: one for one in reversed(colleagues()) if one.way is not Way.WRONG_PORT}
    admin = next(one for one in colleagues() if one.person.is_admin)
    return (*first.values(), admin)


async def states(demo: Demo) -> Counter[ProfileState]:
    async with demo.bot.database.reading() as tx:
        counts = await tx.people.counts(TEAM)
    return Counter({state_from_number(number): count for number, count in counts.items() if count})


def expected(people: tuple[Colleague, ...]) -> Counter[ProfileState]:
    told = {
        Way.WORKS: ProfileState.WORKS,
        Way.UNTESTED: ProfileState.NOT_TESTED,
        Way.WITHOUT_PASSWORD: ProfileState.PASSWORD_MISSING,
        Way.NOTHING: ProfileState.NOT_SET_UP,
        Way.LEFT: ProfileState.DEACTIVATED,
    }
    personas = Counter({ProfileState.NOT_SET_UP: 2})
    return personas + Counter(told.get(one.way, ProfileState.FAILS) for one in people)


def test_the_workspace_has_forty_people_in_every_state_that_a_person_can_bring_about() -> None:
    counts = expected(colleagues())
    assert sum(counts.values()) == 40
    assert set(counts) == set(ProfileState) - {ProfileState.UNREADABLE}
    assert {one.way for one in colleagues()} == set(Way)


async def test_the_colleagues_come_as_far_as_their_ways_lead(tmp_path: Path) -> None:
    people = scaled(quick=one_of_each_way(), full=colleagues())
    everybody = [*PEOPLE, *(one.person for one in people)]
    mail = DemoMail(accounts_with(people))
    async with running_demo(tmp_path, mail=mail, people=everybody) as demo:
        await settle_in(demo.workspace, people, asyncio.Event())
        await settled(demo)
        async with asyncio.timeout(20):
            while await states(demo) != expected(people):
                await asyncio.sleep(0.02)
        demo.workspace.all_messages.clear()
        await demo.workspace.command(GRACE, "/email-profile", "list")
        listed = json.dumps((await demo.workspace.wait_message(GRACE, "Work with email")).blocks)
        for stage in ("Resolve", "Connect", "Encryption", "Sign-in", "Sender"):
            assert f"Fails at {stage}" in listed
        assert demo.workspace.refusals == []


async def test_nobody_begins_any_more_once_the_demo_ends(tmp_path: Path) -> None:
    async with running_demo(tmp_path, people=[*PEOPLE, *(one.person for one in colleagues())]) as demo:
        stop = asyncio.Event()
        stop.set()
        await settle_in(demo.workspace, colleagues(), stop)
        assert demo.workspace.all_messages == []
