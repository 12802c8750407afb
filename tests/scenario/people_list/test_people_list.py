"""“Work with email”: an admin finds who fails among many, repairs, tests all, and takes the table away."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.demo.people import PEOPLE
from bot.demo.platform import Message, searchable
from bot.demo.run import Office, open_office
from bot.profiles.people.people_list import escape_formula
from bot.slack.background.housekeeping import Housekeeping
from tests.databases import KINDS
from tests.scenario.crowd import SECRET, crowd, give_profiles, mail_for, people_read
from tests.scenario.people import ADA, GRACE, run_test, set_up
from tests.store import Store

pytestmark = pytest.mark.databases(*KINDS)

CROWD = crowd(40)
BAD = {person.id for person in CROWD[7:10]}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Forty people more, thirty of them set up, of whom three have a wrong password."""
    async with open_office(tmp_path, mail=mail_for(CROWD), people=[*PEOPLE, *CROWD]) as opened:
        await people_read(opened, 42)
        await give_profiles(opened, CROWD[:30], failing=CROWD[7:10])
        yield opened
    assert not opened.workspace.refusals


def lines(message: Message) -> list[str]:
    return [block["text"]["text"] for block in message.blocks if block.get("accessory", {}).get("type") == "overflow"]


def users(message: Message) -> list[str]:
    return [line.partition("<@")[2].partition(">")[0] for line in lines(message)]


async def listed(office: Office) -> Message:
    office.workspace.all_messages.clear()
    await office.workspace.command(GRACE, "/email-profile", "list")
    return await office.workspace.wait_message(GRACE, "Work with email")


async def test_the_list_sums_everybody_up_and_shows_fifteen_a_page(office: Office) -> None:
    workspace = office.workspace
    shown = await listed(office)
    assert "42 people · 30 never tested · 12 not set up" in searchable(shown)
    seen = users(shown)
    assert len(seen) == 15
    assert "1–15 of 42" in searchable(shown)
    while "Next" in searchable(shown):
        await workspace.press(GRACE, "Next", message=shown)
        seen += users(shown)
    assert len(seen) == len(set(seen)) == 42
    assert "31–42 of 42" in searchable(shown)
    await workspace.press(GRACE, "Previous", message=shown)
    assert users(shown) == seen[15:30]
    await workspace.press(GRACE, "Previous", message=shown)
    assert users(shown) == seen[:15]
    assert "1–15 of 42" in searchable(shown)
    assert "Previous" not in searchable(shown)


FOUND_BY = {
    "liskov": [CROWD[1].id],
    "Barb": [CROWD[1].id],
    "EMILIE chat": [CROWD[3].id],
    "zoe": [CROWD[4].id],
    "crowd017@demo.example": [CROWD[17].id],
    "nobody at all": [],
    "'; DROP TABLE people --": [],
    "<!channel> | [1,2]": [],
}


async def test_people_are_found_by_name_and_address(office: Office) -> None:
    shown = await listed(office)
    for words, found in FOUND_BY.items():
        await office.workspace.enter_in(GRACE, "Search", words, message=shown)
        assert users(shown) == found, words
        if not found:
            assert "Nobody is found by" in searchable(shown)
        await office.workspace.enter_in(GRACE, "Search", "", message=shown)
        assert len(users(shown)) == 15


async def test_search_filter_and_order_go_together(office: Office) -> None:
    workspace = office.workspace
    shown = await listed(office)
    await workspace.select(GRACE, "people_order", "Sort: by name", message=shown)
    assert users(shown)[:3] == [ADA, CROWD[0].id, CROWD[1].id]
    await workspace.enter_in(GRACE, "Search", "crowd", message=shown)
    await workspace.select(GRACE, "people_state", "State: Not set up (12)", message=shown)
    assert users(shown) == [person.id for person in CROWD[30:]]
    await workspace.select(GRACE, "people_state", "State: Fails (0)", message=shown)
    assert "Nobody" in searchable(shown)


async def test_the_failing_one_comes_first_is_repaired_and_the_list_changes(office: Office) -> None:
    workspace = office.workspace
    bad = next(person for person in CROWD if person.id in BAD)
    await run_test(office, GRACE, f"@{bad.handle}")
    shown = await listed(office)
    assert users(shown)[0] == bad.id
    assert "Fails at Sign-in since" in lines(shown)[0]
    await workspace.choose(GRACE, bad.id, "Edit", message=shown)
    await workspace.wait_view(GRACE, "Email profile", containing=bad.id)
    await workspace.fill(GRACE, "Password", SECRET)
    assert await workspace.submit(GRACE) == {}
    message = searchable(await workspace.wait_message(bad.id, "changed your email profile"))
    assert "Password changed" in message
    assert SECRET not in message
    await workspace.choose(GRACE, bad.id, "Test connection", message=shown)
    await workspace.wait_message(GRACE, "Connection test passed")
    async with asyncio.timeout(5):
        while "1 work" not in searchable(shown):
            await asyncio.sleep(0.02)
    assert bad.id not in users(shown)


async def test_each_line_opens_what_its_menu_says(office: Office) -> None:
    workspace = office.workspace
    someone = CROWD[3]
    shown = await listed(office)
    await workspace.enter_in(GRACE, "Search", "emilie", message=shown)
    await workspace.choose(GRACE, someone.id, "Extra configurations", message=shown)
    await workspace.wait_view(GRACE, "Extra configurations", containing="TLS Y")
    await workspace.cancel(GRACE)
    await workspace.choose(GRACE, someone.id, "History", message=shown)
    await workspace.wait_message(GRACE, "History of")
    await workspace.choose(GRACE, someone.id, "Remove …", message=shown)
    question = await workspace.wait_message(GRACE, "It cannot be brought back")
    await workspace.press(GRACE, "Delete …", message=question)
    await workspace.wait_message(GRACE, "The email profile is deleted.")
    await workspace.wait_message(someone.id, "deleted your email profile")
    again = await listed(office)
    assert "13 not set up" in searchable(again)


async def test_members_see_no_list(office: Office) -> None:
    workspace = office.workspace
    shown = await listed(office)
    for text in ("list", "defaults"):
        await workspace.command(ADA, "/email-profile", text)
        assert "Only admins" in searchable(workspace.messages(ADA)[-1])
    assert users(shown)


# Tests of many


async def run_all(office: Office, shown: Message) -> str:
    await office.workspace.press(GRACE, "Test these", message=shown)
    return searchable(await office.workspace.wait_message(GRACE, "tested email profiles", timeout=30))


async def test_all_are_tested_and_summed_up_by_cause(office: Office) -> None:
    summary = await run_all(office, await listed(office))
    assert "Of 30 tested email profiles 27 work and 3 fail." in summary
    assert "3 fail at Sign-in on mail.demo.example: the server refused login or password" in summary
    assert all(f"<@{user}>" in summary for user in BAD)
    shown = await listed(office)
    assert "27 work · 3 fail · 12 not set up" in searchable(shown)
    assert set(users(shown)[:3]) == BAD


async def test_only_the_filtered_are_tested(office: Office) -> None:
    shown = await listed(office)
    await office.workspace.enter_in(GRACE, "Search", "crowd007", message=shown)
    assert "Of 1 tested email profiles 0 work and 1 fail." in await run_all(office, shown)


async def test_a_run_can_be_stopped_and_tells_how_far_it_came(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.profiles.tests.bulk_tests.PROGRESS_INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr("bot.profiles.tests.bulk_tests.CONCURRENT_TESTS", 1)
    workspace = office.workspace
    shown = await listed(office)
    await workspace.press(GRACE, "Test these", message=shown)
    progress = await workspace.wait_message(GRACE, "░")
    assert "Testing 30 email profiles" in searchable(progress)
    await workspace.press(GRACE, "Stop", message=progress)
    summary = searchable(await workspace.wait_message(GRACE, "Stopped after", timeout=20))
    assert "of 30" in summary
    # And another can begin.
    shown = await listed(office)
    await workspace.enter_in(GRACE, "Search", "crowd007", message=shown)
    assert "Of 1 tested" in await run_all(office, shown)


async def test_one_run_at_a_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.profiles.tests.bulk_tests.CONCURRENT_TESTS", 1)
    shown = await listed(office)
    await office.workspace.press(GRACE, "Test these", message=shown)
    await office.workspace.press(GRACE, "Test these", message=shown)
    await office.workspace.wait_message(GRACE, "is running already")


async def test_a_run_that_died_with_its_process_is_told_as_interrupted(office: Office, store: Store) -> None:
    posted = await office.workspace.post(Message(author="U0BOT", channel="D0GRACE", text="Testing 30 email profiles"))
    async with office.bot.database.writing() as tx:
        run = await tx.runs.add(workspace="T0DEMO", actor=GRACE, channel="D0GRACE", message_ts=posted.ts, total=30)
        assert run is not None
        await tx.runs.step(run.run_id, done=12)
    await store.edit("UPDATE test_runs SET alive_at = alive_at - 100")
    await office.bot.housekeeping.round()
    message = searchable(await office.workspace.wait_message(GRACE, "was interrupted after 12"))
    assert "Start it again" in message
    assert isinstance(office.bot.housekeeping, Housekeeping)


# The table


def table(office: Office) -> list[dict[str, Any]]:
    (file,) = office.workspace.files
    assert file.channel == "D0GRACE"
    text = file.content.decode("utf-8-sig")
    assert SECRET not in text
    return list(csv.DictReader(io.StringIO(text)))


async def test_the_list_is_exported_to_the_admin_alone_without_secrets(office: Office) -> None:
    evil = replace(CROWD[35], name='=HYPERLINK("http://evil.example","x")')
    await office.workspace.change_person(evil)
    await set_up(office, ADA)
    shown = await listed(office)
    await office.workspace.press(GRACE, "Export", message=shown)
    await office.workspace.wait_message(GRACE, "The table is in your messages")
    rows = {row["User id"]: row for row in table(office)}
    assert len(rows) == 42
    assert rows[ADA]["Email Address"] == "ada@demo.example"
    assert rows[ADA]["Encryption"] == "TLS (STARTTLS, required)"
    assert rows[evil.id]["Name"].startswith("'=HYPERLINK")
    assert "Grace" in rows[GRACE]["Name"]


@pytest.mark.databases()
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n@x", "＝1"])
def test_no_cell_becomes_a_formula(text: str) -> None:
    assert escape_formula(text) == f"'{text}"


@pytest.mark.databases()
@pytest.mark.parametrize("text", ["Ada", "ada@x.example", "1-2", "", "O'Neill"])
def test_plain_cells_stay_as_they_are(text: str) -> None:
    assert escape_formula(text) == text
