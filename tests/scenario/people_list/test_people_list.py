"""“Work with email”: an admin finds who fails among many, repairs, and takes the table away."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.demo.platform import searchable
from bot.demo.run import Demo
from bot.profiles.people.people_list import escape_formula
from tests.databases import KINDS
from tests.scenario.crowd import BAD, CROWD, SECRET, crowded_demo, lines, listed, users
from tests.scenario.people import ADA, GRACE, run_test, set_up

pytestmark = pytest.mark.databases(*KINDS)


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    async with crowded_demo(tmp_path) as opened:
        yield opened


async def test_the_list_sums_everybody_up_and_shows_fifteen_a_page(demo: Demo) -> None:
    workspace = demo.workspace
    shown = await listed(demo)
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


async def test_people_are_found_by_name_and_address(demo: Demo) -> None:
    shown = await listed(demo)
    for words, found in FOUND_BY.items():
        await demo.workspace.enter_in(GRACE, "Search", words, message=shown)
        assert users(shown) == found, words
        if not found:
            assert "Nobody is found by" in searchable(shown)
        await demo.workspace.enter_in(GRACE, "Search", "", message=shown)
        assert len(users(shown)) == 15


async def test_search_filter_and_order_go_together(demo: Demo) -> None:
    workspace = demo.workspace
    shown = await listed(demo)
    await workspace.select(GRACE, "people_order", "Sort: by name", message=shown)
    assert users(shown)[:3] == [ADA, CROWD[0].id, CROWD[1].id]
    await workspace.enter_in(GRACE, "Search", "crowd", message=shown)
    await workspace.select(GRACE, "people_state", "State: Not set up (12)", message=shown)
    assert users(shown) == [person.id for person in CROWD[30:]]
    await workspace.select(GRACE, "people_state", "State: Fails (0)", message=shown)
    assert "Nobody" in searchable(shown)


async def test_the_failing_one_comes_first_is_repaired_and_the_list_changes(demo: Demo) -> None:
    workspace = demo.workspace
    bad = next(person for person in CROWD if person.id in BAD)
    await run_test(demo, GRACE, f"@{bad.handle}")
    shown = await listed(demo)
    assert users(shown)[0] == bad.id
    assert "Fails at Sign-in since" in lines(shown)[0]
    await workspace.choose(GRACE, bad.id, "Edit", message=shown)
    await workspace.wait_view(GRACE, "Email profile", containing=bad.id)
    await workspace.fill(GRACE, "Password", SECRET)
    assert await workspace.submit(GRACE) == {}
    told = searchable(await workspace.wait_message(bad.id, "changed your email profile"))
    assert "Password changed" in told
    assert SECRET not in told
    await workspace.choose(GRACE, bad.id, "Test connection", message=shown)
    await workspace.wait_message(GRACE, "Connection test passed")
    async with asyncio.timeout(5):
        while "1 work" not in searchable(shown):
            await asyncio.sleep(0.02)
    assert bad.id not in users(shown)


async def test_each_line_opens_what_its_menu_says(demo: Demo) -> None:
    workspace = demo.workspace
    someone = CROWD[3]
    await run_test(demo, GRACE, f"@{someone.handle}")
    shown = await listed(demo)
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
    again = await listed(demo)
    assert "13 not set up" in searchable(again)


async def test_members_see_no_list(demo: Demo) -> None:
    workspace = demo.workspace
    shown = await listed(demo)
    for text in ("list", "defaults"):
        await workspace.command(ADA, "/email-profile", text)
        assert "Only admins" in searchable(workspace.messages(ADA)[-1])
    assert users(shown)


def table(demo: Demo) -> list[dict[str, Any]]:
    (file,) = demo.workspace.files
    assert file.channel == "D0GRACE"
    text = file.content.decode("utf-8-sig")
    assert SECRET not in text
    return list(csv.DictReader(io.StringIO(text)))


async def test_the_list_is_exported_to_the_admin_alone_without_secrets(demo: Demo) -> None:
    evil = replace(CROWD[35], name='=HYPERLINK("http://evil.example","x")')
    await demo.workspace.change_person(evil)
    await set_up(demo, ADA)
    shown = await listed(demo)
    await demo.workspace.press(GRACE, "Export", message=shown)
    await demo.workspace.wait_message(GRACE, "The table is in your messages")
    rows = {row["User id"]: row for row in table(demo)}
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
