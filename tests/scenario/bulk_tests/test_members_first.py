"""A test of many stands in nobody's way: members test at any moment, and what it waits for is told."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import PEOPLE, TEAM
from bot.demo.stand_in.platform import searchable
from bot.profiles.connection_tests import bulk_progress, counted_tests
from bot.profiles.connection_tests.limits import Limit
from bot.profiles.people.access import Person
from bot.profiles.people.members import update_person
from tests.counts import scaled
from tests.scenario.crowd import (
    BAD,
    CROWD,
    begin_run,
    crowd,
    crowded_demo,
    give_profiles,
    listed,
    mail_for,
    people_read,
)
from tests.scenario.people import GRACE, run_test, settled
from tests.scenario.started_before import StartedBefore

STARTS_WITHIN_SECONDS = 5.0


@pytest.fixture
def slow_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may test one server five times in a second and a half, and shows itself often."""
    pace = (Limit("a quick pace for a test", 5, 1, "A test of many asks one server at most five times a second."),)
    for module in (counted_tests, bulk_progress):
        monkeypatch.setattr(module, "TESTS_OF_A_TARGET_IN_BULK", pace)
    monkeypatch.setattr("bot.profiles.connection_tests.bulk_tests.PROGRESS_INTERVAL_SECONDS", 0.1)


async def own_test(demo: Demo, user: str) -> None:
    """Let a member test, and wait for their report, which is soon there."""

    def passed() -> int:
        return sum("Connection test passed" in searchable(one) for one in demo.workspace.messages(user))

    before = passed()
    await demo.workspace.command(user, "/email-test")
    async with asyncio.timeout(STARTS_WITHIN_SECONDS):
        while passed() == before:
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("slow_pace")
async def test_members_test_at_any_moment_while_many_on_the_same_server_are_tested(
    tmp_path: Path, shown_in_place: list[str]
) -> None:
    people = crowd(scaled(quick=15, full=300))
    members = people[-6:]
    async with running_demo(tmp_path, mail=mail_for(people), people=[*PEOPLE, *people]) as demo:
        await people_read(demo, len(people) + 2)
        await give_profiles(demo, people)
        await begin_run(demo.workspace, await listed(demo))
        turn, next_turn = 0, 0.0
        while not any("tested email profiles" in searchable(one) for one in demo.workspace.messages(GRACE)):
            # Each may test six times in a minute.
            if turn < scaled(quick=4, full=20) * len(members) and time.monotonic() >= next_turn:
                await own_test(demo, members[turn % len(members)].id)
                turn, next_turn = turn + 1, time.monotonic() + scaled(quick=0.0, full=2.5)
            await asyncio.sleep(0.05)
        assert turn >= 4
        summary = searchable(await demo.workspace.wait_message(GRACE, "tested email profiles"))
        assert f"Of {len(people)} tested email profiles {len(people)} work and 0 fail." in summary
        seen = {line for text in shown_in_place for line in text.splitlines()}
        assert any("left" in line and f"of {len(people)}" in line for line in seen), seen
        assert any("`mail.demo.example:587` waits until <!date^" in line for line in seen), seen
        assert any(line.endswith("A test of many asks one server at most five times a second.") for line in seen), seen
    assert not demo.workspace.refusals


async def test_a_member_who_tests_a_profile_that_the_run_is_at_goes_first_and_their_result_counts(
    crowded: StartedBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with crowded_demo(tmp_path, crowded) as demo:
        member, tester = CROWD[0], demo.bot.connections._tester
        held, test = asyncio.Event(), tester.test
        begun: list[str] = []

        async def slow_once(account: Any, progress: Any) -> Any:
            if account.address == member.address and not begun:
                begun.append(account.address)
                held.set()
                await asyncio.sleep(60)
            return await test(account, progress)

        monkeypatch.setattr(tester, "test", slow_once)
        shown = await listed(demo)
        await demo.workspace.enter_in(GRACE, "Search", member.handle, message=shown)
        await demo.workspace.press(GRACE, "Test these", message=shown)
        async with asyncio.timeout(5):
            await held.wait()
        await demo.workspace.command(member.id, "/email-test")
        report = searchable(await demo.workspace.wait_message(member.id, "Connection test passed", timeout=5))
        assert "running already" not in report
        summary = await demo.workspace.wait_message(GRACE, "tested email profiles", timeout=10)
        assert "Of 1 tested email profiles 1 work and 0 fail." in searchable(summary)
        await settled(demo)
        async with demo.bot.database.reading() as tx:
            entries = await tx.audit.page(TEAM, subject=member.id)
        assert [entry.actor for entry in entries if entry.action == "tested"] == [member.id]


async def test_what_many_tests_have_refused_keeps_nobody_from_trying_their_own_login(
    crowded: StartedBefore, tmp_path: Path
) -> None:
    async with crowded_demo(tmp_path, crowded) as demo:
        bad = [person for person in CROWD if person.id in BAD]
        for wanted in ("0 work and 1 fail", "0 work and 1 fail", "1 not tested: Their login was refused twice"):
            shown = await listed(demo)
            await demo.workspace.enter_in(GRACE, "Search", bad[0].handle, message=shown)
            await demo.workspace.press(GRACE, "Test these", message=shown)
            await demo.workspace.wait_message(GRACE, wanted, timeout=20)
            await settled(demo)
        for _ in range(2):
            assert "failed at Sign-in" in searchable(await run_test(demo, bad[0].id))


async def test_many_people_with_one_login_are_signed_in_one_after_the_other(
    crowded: StartedBefore, tmp_path: Path
) -> None:
    async with crowded_demo(tmp_path, crowded) as demo:
        shared = CROWD[30:38]
        account = demo.mail.account(CROWD[1].address)
        async with demo.bot.database.writing() as tx:
            one = await tx.profiles.get(TEAM, CROWD[1].id)
            assert one is not None
            for person in shared:
                await tx.profiles.save(TEAM, person.id, one.document, replacing=None)
                await update_person(tx, Person(TEAM, person.id), at=datetime.now(UTC))
        shown = await listed(demo)
        await demo.workspace.enter_in(GRACE, "Search", account.address, message=shown)
        await begin_run(demo.workspace, shown)
        summary = await demo.workspace.wait_message(GRACE, "tested email profiles", timeout=30)
        # At once they would count as refused, until each is known to be taken.
        assert "Of 9 tested email profiles 9 work and 0 fail." in searchable(summary)
        assert "not tested" not in searchable(summary)
