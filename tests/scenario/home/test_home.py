"""The Home tab: what it shows to whom, that it follows changes made elsewhere, and that it is published sparingly."""

import asyncio
from pathlib import Path
from typing import Literal

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.platform import searchable, texts
from tests.scenario.people import ADA, GRACE, fill_form, set_up


def shown(demo: Demo, user: str) -> str:
    return "\n".join(texts(demo.workspace.home(user).content["blocks"]))


async def wait_home(demo: Demo, user: str, containing: str) -> str:
    async with asyncio.timeout(10):
        while containing not in shown(demo, user):
            await asyncio.sleep(0.02)
    return shown(demo, user)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are shown soon."""
    monkeypatch.setattr("bot.slack.background.home_tabs.SETTLE_SECONDS", 0.05)


async def test_a_member_sees_their_card_and_what_to_do_next(http_demo: Demo) -> None:
    await http_demo.workspace.open_home(ADA)
    assert "You have no email profile yet" in shown(http_demo, ADA)
    await set_up(http_demo, ADA)
    assert "Next: test the connection, here or with `/email-test` in any channel." in await wait_home(
        http_demo, ADA, "Not tested yet"
    )
    await http_demo.workspace.command(ADA, "/email-test")
    home = await wait_home(http_demo, ADA, "Works")
    assert "Next:" not in home
    assert "Work with email" not in home


async def test_an_admin_sees_the_numbers_the_first_page_the_defaults_and_the_last_changes(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await http_demo.workspace.open_home(GRACE)
    home = await wait_home(http_demo, GRACE, "2 people")
    assert "1–2 of 2" in home
    assert "1 never tested · 1 not set up" in home
    assert "`ada@demo.example`" in home
    assert "No defaults yet" in home
    assert "saved: `Email Address empty → ada@demo.example`" in home
    await http_demo.workspace.command(ADA, "/email-test")
    home = await wait_home(http_demo, GRACE, "1 work")
    await http_demo.workspace.command(ADA, "/email-extra", "add FROM_NAME Ada")
    await wait_home(http_demo, GRACE, "extra configurations changed: `FROM_NAME not set → Ada`")


async def test_the_last_report_stays_with_its_advice_and_works_from_there(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, port="465")
    await workspace.open_home(ADA)
    assert "Last connection test" not in shown(http_demo, ADA)
    await workspace.command(ADA, "/email-test")
    home = await wait_home(http_demo, ADA, "Last connection test: failed at Greeting")
    assert "`mail.demo.example:465` · <!date^" in home
    assert "*Resolve* passed" in home
    assert "*Why:*" in home
    assert "`/email-test` tests again in any channel." in home
    # The report in the channel is gone; this one mends the profile, and tests again.
    await workspace.reload(ADA)
    assert not any("Connection test" in searchable(message) for message in workspace.messages(ADA))
    await workspace.press_home(ADA, "Use SSL on 465 and test again")
    await workspace.wait_view(ADA, "Connection test", containing="Connection test passed")
    await workspace.cancel(ADA)
    await wait_home(http_demo, ADA, "Last connection test: passed")
    before = workspace.calls("views.publish")
    await workspace.press_home(ADA, "Test again")
    await workspace.wait_view(ADA, "Connection test", containing="Connection test passed")
    await wait_home(http_demo, ADA, "Last connection test: passed")
    async with asyncio.timeout(5):
        while workspace.calls("views.publish") == before:
            await asyncio.sleep(0.02)
    # What was tested is no more what is stored.
    await workspace.command(ADA, "/email-extra", "add FROM_NAME Ada")
    home = await wait_home(http_demo, ADA, "Not tested yet")
    assert "Last connection test" not in home


async def test_the_latest_history_stays_and_is_ones_own(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await workspace.command(GRACE, "/email-extra", "add FROM_NAME Ada @ada")
    await workspace.open_home(ADA)
    home = await wait_home(http_demo, ADA, "FROM_NAME")
    assert "<@U0GRACE>  extra configurations changed: `FROM_NAME not set → Ada`" in home
    assert home.index("FROM_NAME not set") < home.index("TLS not set") < home.index("saved:")
    await workspace.command(ADA, "/email-test")
    home = await wait_home(http_demo, ADA, "tested: passed")
    assert "saved:" not in home
    assert "Recent changes" not in home
    # What others do with their own profiles is theirs.
    await set_up(http_demo, GRACE)
    await workspace.command(ADA, "/email-extra", "add HELO pc.example.com")
    await workspace.open_home(ADA)
    home = await wait_home(http_demo, ADA, "HELO not set")
    assert "tested: passed" in home
    assert "<@U0GRACE>  saved" not in home


async def test_the_same_content_is_published_once(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await workspace.open_home(ADA)
    before = workspace.calls("views.publish")
    for _ in range(3):
        await workspace.open_home(ADA)
        await workspace.command(ADA, "/email-profile")
    assert workspace.calls("views.publish") == before
    # What Slack lost is published again.
    del workspace.homes[ADA]
    await workspace.open_home(ADA)
    assert workspace.calls("views.publish") == before + 1


async def test_every_button_of_the_home_tab_answers(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await workspace.open_home(ADA)
    await workspace.press_home(ADA, "Test connection")
    await workspace.wait_view(ADA, "Connection test", containing="Connection test passed")
    await workspace.press(ADA, "Transcript")
    await workspace.wait_view(ADA, "Transcript", containing="The dialogue of the last test")
    await workspace.cancel(ADA)
    await workspace.press(ADA, "Edit")
    await workspace.wait_view(ADA, "Email profile")
    await workspace.cancel(ADA)
    for label, title in (
        ("Edit", "Email profile"),
        ("Extra Configurations", "Extra configurations"),
        ("Set the password privately", "Password"),
        ("History", "History"),
    ):
        await workspace.press_home(ADA, label)
        await workspace.wait_view(ADA, title)
        await workspace.cancel(ADA)


async def test_an_admin_works_from_the_home_tab(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, password="wrong")
    await workspace.open_home(GRACE)
    await wait_home(http_demo, GRACE, "`ada@demo.example`")
    await workspace.choose_home(GRACE, ADA, "Test connection")
    await workspace.wait_view(GRACE, "Work with email", containing="Connection test failed at Sign-in")
    await workspace.cancel(GRACE)
    await wait_home(http_demo, GRACE, "Fails at Sign-in")
    await workspace.choose_home(GRACE, ADA, "Edit")
    await workspace.wait_view(GRACE, "Email profile", containing="<@U0ADA>")
    await fill_form(http_demo, GRACE, owner=ADA)
    assert await workspace.submit(GRACE) == {}
    await wait_home(http_demo, GRACE, "Not tested yet")
    await workspace.press_home(GRACE, "Defaults")
    await workspace.wait_view(GRACE, "Workspace defaults")
    await workspace.cancel(GRACE)
    await workspace.press_home(GRACE, "Search, filter, test, export")
    whole = await workspace.wait_message(GRACE, "1–2 of 2")
    await workspace.enter_in(GRACE, "Search", "lovelace", message=whole)
    await workspace.wait_message(GRACE, "1–1")
    await workspace.choose_home(GRACE, ADA, "Remove …")
    await workspace.wait_view(GRACE, "Work with email", containing="cannot be brought back")
    await workspace.press(GRACE, "Delete …")
    await workspace.wait_view(GRACE, "Email profile", containing="is deleted")


async def test_guests_are_told_why_there_is_nothing(http_demo: Demo) -> None:
    await http_demo.workspace.open_home("U0GUEST")
    assert "guests, apps and people of other organisations have none" in shown(http_demo, "U0GUEST")


@pytest.mark.parametrize("kind", ["ratelimited", "error500", "close"])
async def test_a_tab_that_slack_does_not_take_is_tried_at_most_three_times_and_nothing_is_lost(
    tmp_path: Path,
    kind: Literal["ratelimited", "error500", "close"],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("bot.slack.background.home_tabs.RETRY_SECONDS", 0.01)
    async with running_demo(tmp_path) as demo:
        workspace = demo.workspace
        await workspace.open_home(ADA)
        before = workspace.calls("views.publish")
        workspace.faults["views.publish"] = [Fault(kind=kind) for _ in range(50)]
        await set_up(demo, ADA)
        async with asyncio.timeout(10):
            # The two changes (the form, TLS Y) are published each or both at once, with three tries.
            while (
                not (ended := caplog.text.count("in 3 tries")) or workspace.calls("views.publish") - before != 3 * ended
            ):
                await asyncio.sleep(0.02)
        workspace.faults["views.publish"] = []
        assert ended <= 2
        await workspace.open_home(ADA)
        assert "`ada@demo.example`" in shown(demo, ADA)


async def test_an_admin_keeps_the_admins_part_while_slack_is_silent(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await workspace.open_home(GRACE)
    await wait_home(http_demo, GRACE, "2 people")
    http_demo.bot.tabs.profiles.access._directory._known.clear()  # type: ignore[attr-defined]
    workspace.faults["users.info"] = [Fault(kind="error500") for _ in range(50)]
    await set_up(http_demo, ADA)
    await asyncio.sleep(0.3)
    await workspace.open_home(GRACE)
    assert "Work with email" in shown(http_demo, GRACE)
    # A first visit is not left empty.
    await workspace.open_home(ADA)
    assert "`ada@demo.example`" in shown(http_demo, ADA)
