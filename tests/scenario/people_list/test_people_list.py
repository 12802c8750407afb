"""“Work with email”: an admin finds who fails among many, repairs, and takes the table away."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.controls import beside
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from bot.profiles.people.access import Person
from bot.profiles.people.people_list import escape_formula
from tests.databases import KINDS
from tests.scenario.crowd import BAD, CROWD, SECRET, crowded_demo, give_profiles, lines, listed, users
from tests.scenario.people import ADA, GRACE, run_test, set_up, settled
from tests.scenario.started_before import StartedBefore

pytestmark = pytest.mark.databases(*KINDS)


@pytest.fixture
async def demo(crowded: StartedBefore, tmp_path: Path) -> AsyncIterator[Demo]:
    async with crowded_demo(tmp_path, crowded) as opened:
        yield opened


async def test_the_list_sums_everybody_up_and_shows_few_a_page_with_the_controls_below(demo: Demo) -> None:
    workspace = demo.workspace
    shown = await listed(demo)
    assert "42 people · 12 never tested · 30 not set up" in searchable(shown)
    assert [block["type"] for block in shown.blocks] == [
        *("header", "context"),
        *["section"] * 5,
        *("context", "input", "actions", "actions"),
    ]
    seen = users(shown)
    assert "1–5 of 42" in searchable(shown)
    while "Next" in searchable(shown):
        await workspace.press(GRACE, "Next", message=shown)
        seen += users(shown)
    assert len(seen) == len(set(seen)) == 42
    assert "41–42 of 42" in searchable(shown)
    for page in range(7, -1, -1):
        await workspace.press(GRACE, "Previous", message=shown)
        assert users(shown) == seen[5 * page : 5 * page + 5]
    assert "1–5 of 42" in searchable(shown)
    assert "Previous" not in searchable(shown)


FOUND_BY = {
    "liskov": [CROWD[1].id],
    "Barb": [CROWD[1].id],
    "EMILIE chat": [CROWD[3].id],
    "zoe": [CROWD[4].id],
    "crowd011@demo.example": [CROWD[11].id],
    "nobody at all": [],
    "'; DROP TABLE people --": [],
    "<!channel> | [1,2]": [],
}


async def test_people_are_found_by_name_and_address(demo: Demo) -> None:
    shown = await listed(demo)
    for words, found in FOUND_BY.items():
        await demo.workspace.enter_in(GRACE, "Search", words, message=shown)
        assert users(shown) == found, words
        if found:
            assert f"1–1 of 1 (42 in all) · found by “{words}”" in searchable(shown)
        else:
            assert "Nobody is found by" in searchable(shown)
            assert "0 of 0 (42 in all)" in searchable(shown)
        await demo.workspace.enter_in(GRACE, "Search", "", message=shown)
        assert "found by" not in searchable(shown)
        assert len(users(shown)) == 5


async def test_search_filter_and_order_go_together(demo: Demo) -> None:
    workspace = demo.workspace
    shown = await listed(demo)
    await workspace.select(GRACE, "people_order", "Sort: by name", message=shown)
    assert users(shown)[:3] == [ADA, CROWD[0].id, CROWD[1].id]
    await workspace.enter_in(GRACE, "Search", "crowd", message=shown)
    await workspace.select(GRACE, "people_state", "State: Not set up (30)", message=shown)
    assert users(shown) == [person.id for person in CROWD[12:17]]
    assert "1–5 of 28 (42 in all)" in searchable(shown)
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
    assert "31 not set up" in searchable(again)


async def test_those_who_fail_are_filtered_by_stage_and_by_cause(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first ones fail alike; the others count too.
    monkeypatch.setattr("bot.profiles.people.people_list._BATCH", 2)
    workspace = demo.workspace
    await give_profiles(demo, CROWD[30:32], port=465)
    for person in (*CROWD[7:10], *CROWD[30:32]):
        await demo.bot.connections.test_in_bulk(caller=Person(TEAM, GRACE), owner=Person(TEAM, person.id))
    shown = await listed(demo)
    assert "Cause: all" not in searchable(shown)
    await workspace.select(GRACE, "people_state", "Fails at Sign-in (3)", message=shown)
    assert set(users(shown)) == BAD
    assert "1–3 of 3 (42 in all)" in searchable(shown)
    await workspace.select(GRACE, "people_state", "State: Fails (5)", message=shown)
    assert len(users(shown)) == 5
    assert "Greeting on mail.demo.example: port 465 expects SSL" in searchable(shown)
    await workspace.select(
        GRACE, "people_cause", "Sign-in on mail.demo.example: the server refused login or password (3)", message=shown
    )
    assert set(users(shown)) == BAD
    assert "the server refused login or password" in lines(shown)[0]
    await workspace.enter_in(GRACE, "Search", "crowd008", message=shown)
    assert users(shown) == [CROWD[8].id]
    await workspace.enter_in(GRACE, "Search", "", message=shown)
    await workspace.select(GRACE, "people_cause", "Cause: all", message=shown)
    assert len(users(shown)) == 5
    await workspace.select(GRACE, "people_state", "Fails at Greeting (2)", message=shown)
    assert set(users(shown)) == {person.id for person in CROWD[30:32]}
    # Whoever mends theirs is in no such list any more.
    await workspace.command(CROWD[30].id, "/email-extra", "remove TLS")
    await workspace.select(GRACE, "people_order", "Sort: by name", message=shown)
    assert users(shown) == [CROWD[31].id]


async def test_what_cannot_work_is_told_before_anybody_tests(demo: Demo) -> None:
    workspace = demo.workspace
    await give_profiles(demo, CROWD[30:31], port=465)
    await workspace.command(CROWD[1].id, "/email-extra", "remove TLS")
    shown = await listed(demo)
    for words, warning in (
        ("crowd030", ":warning: Port 465 goes with SSL, and the profile says TLS."),
        ("crowd001", ":warning: Port 587 goes with TLS, and the profile says neither SSL nor TLS."),
    ):
        await workspace.enter_in(GRACE, "Search", words, message=shown)
        assert warning in lines(shown)[0]
    await workspace.enter_in(GRACE, "Search", "crowd002", message=shown)
    assert ":warning:" not in lines(shown)[0]
    await workspace.command(CROWD[1].id, "/email-profile", "edit")
    await workspace.fill(CROWD[1].id, "SMTP Server Address", "smtp.office365.com")
    await workspace.fill(CROWD[1].id, "Password", "a password")
    assert await workspace.submit(CROWD[1].id) == {}
    await workspace.enter_in(GRACE, "Search", "crowd001", message=shown)
    assert "Microsoft 365" in lines(shown)[0]
    assert "signing in with a password" in lines(shown)[0]


async def test_names_stand_in_the_alphabet_with_accents_beside_their_letters(demo: Demo) -> None:
    shown = await listed(demo)
    await demo.workspace.select(GRACE, "people_order", "Sort: by name", message=shown)
    names = [beside(shown.blocks, user)[1]["options"][0]["description"]["text"] for user in users(shown)]
    assert names == ["Ada Lovelace", "Alan Turing", "Barbara Liskov", "Crowd 005", "Crowd 006"]
    await demo.workspace.change_person(replace(CROWD[35], name="Øyvind Ek"))
    everybody = users(shown)
    while "Next" in searchable(shown):
        await demo.workspace.press(GRACE, "Next", message=shown)
        everybody += users(shown)
    assert everybody[-5:] == [CROWD[2].id, CROWD[3].id, GRACE, CROWD[35].id, CROWD[4].id]


async def test_the_menu_of_a_row_offers_what_helps_there_and_names_the_person_in_each_option(demo: Demo) -> None:
    workspace = demo.workspace
    bad, works, nothing = CROWD[7], CROWD[1], CROWD[38]
    await run_test(demo, GRACE, f"@{bad.handle}")
    await run_test(demo, GRACE, f"@{works.handle}")
    shown = await listed(demo)
    for person, labels in (
        (bad, ["Edit", "Last report", "Test connection", "Remind", "History"]),
        (works, ["Edit", "Test connection", "Extra configurations", "History", "Remove …"]),
        (nothing, ["Set up", "Extra configurations", "Remind", "History"]),
    ):
        await workspace.enter_in(
            GRACE, "Search", person.handle if person is not nothing else person.name, message=shown
        )
        options = beside(shown.blocks, person.id)[1]["options"]
        assert [option["text"]["text"] for option in options] == labels
        assert {option["description"]["text"] for option in options} == {person.name}
    await workspace.enter_in(GRACE, "Search", bad.handle, message=shown)
    await workspace.choose(GRACE, bad.id, "Last report", message=shown)
    report = await workspace.wait_message(GRACE, "Connection test failed at Sign-in")
    assert SECRET not in searchable(report)
    last = report.revision
    await workspace.press(GRACE, "Test again", message=report)
    await settled(demo)
    assert report.revision > last
    assert searchable(report).startswith("Connection test failed at Sign-in")


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
    assert rows[ADA]["Warning"] == rows[ADA]["Cause"] == ""
    assert "Grace" in rows[GRACE]["Name"]


@pytest.mark.databases("sqlite")
async def test_an_export_that_slack_takes_too_long_for_is_given_up_and_the_admin_told(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.replies.direct_message.UPLOAD_TIMEOUT_SECONDS", 0.2)
    shown = await listed(demo)
    demo.workspace.faults["files.getUploadURLExternal"] = [Fault(kind="silence", seconds=0.6)]
    await demo.workspace.press(GRACE, "Export", message=shown)
    told = await demo.workspace.wait_message(GRACE, "Slack did not take the bot's answer")
    assert "Please look how things stand before you try again." in searchable(told)
    assert demo.workspace.files == []


@pytest.mark.databases()
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n@x", "＝1"])
def test_no_cell_becomes_a_formula(text: str) -> None:
    assert escape_formula(text) == f"'{text}"


@pytest.mark.databases()
@pytest.mark.parametrize("text", ["Ada", "ada@x.example", "1-2", "", "O'Neill"])
def test_plain_cells_stay_as_they_are(text: str) -> None:
    assert escape_formula(text) == text
