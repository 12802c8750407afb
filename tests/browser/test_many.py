"""What an admin does with many profiles at once, in a browser: test, look at the failing, fix, undo, remind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import PEOPLE
from tests.browser.conftest import refused
from tests.browser.test_reports import CUT
from tests.browser.test_story import say
from tests.counts import PROVE_ONLY
from tests.scenario.crowd import crowd, give_profiles, mail_for, people_read

pytestmark = pytest.mark.asyncio(loop_scope="session")

CROWD = crowd(8)
WRONG_PASSWORD = CROWD[2:3]
WRONG_PORT = CROWD[3:6]
"""Their port wants SSL from the first byte, and their profile says TLS."""


@pytest_asyncio.fixture(loop_scope="session")
async def demo(browser: Browser, tmp_path: Path) -> AsyncIterator[Demo]:
    """Six people who are set up, of whom four fail, and four who are not."""
    async with running_demo(tmp_path, mail=mail_for(CROWD), people=[*PEOPLE, *CROWD]) as opened:
        opened.bot.outbox.pace = 0.0
        await people_read(opened, len(CROWD) + 2)
        await give_profiles(opened, CROWD[:3], failing=WRONG_PASSWORD)
        await give_profiles(opened, WRONG_PORT, port=465)
        yield opened
    assert not refused(opened)


def message(page: Page, text: str) -> Locator:
    """The last message that says something."""
    return page.get_by_role("article").filter(has_text=text).last


async def press(shown: Locator, name: str) -> None:
    """Press the first button of a name in a message, which is drawn whole."""
    await expect(shown).to_be_visible()
    await drawn_whole(shown)
    await shown.get_by_role("button", name=name, exact=True).first.click()


async def drawn_whole(shown: Locator) -> None:
    assert await shown.evaluate_all(CUT) == []


async def answer(page: Page, question: str, name: str) -> None:
    """Press a button of the question that a press has opened."""
    asked = page.get_by_role("alertdialog")
    await expect(asked).to_contain_text(question)
    await expect(asked.get_by_role("button", name=name, exact=True)).to_be_in_viewport()
    await asked.get_by_role("button", name=name, exact=True).click()


async def go(page: Page, tab: str) -> None:
    await page.get_by_role("tab", name=tab).click()


@pytest.mark.parametrize("width", [1280, pytest.param(390, marks=PROVE_ONLY)])
async def test_an_admin_tests_many_looks_at_the_failing_fixes_undoes_and_reminds(
    page: Page, demo: Demo, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 820})
    await page.get_by_role("radio", name="Grace Hopper").click()
    await say(page, "/email-profile list")
    await press(message(page, "Work with email"), "Test these")
    await press(message(page, "Test 6 email profiles?"), "Test 6 profiles")
    await expect(message(page, "Testing 6 email profiles. Follow it in your messages with the bot.")).to_be_visible()

    await go(page, "Messages of the app")
    summary = message(page, "Of 6 tested email profiles 2 work and 4 fail.")
    await press(summary, "Show these")
    await expect(message(page, "Only who was found to fail at Greeting")).to_contain_text("1–3 of 3 (10 in all)")

    await go(page, "# general")
    await say(page, "/email-profile list")
    shown = message(page, "10 people · 2 work · 4 fail · 4 not set up")
    await press(shown, "Fix these")
    await press(message(page, "Why 4 people fail, as the last tests say."), "Fix these")
    await answer(page, "Change 3 email profiles?", "Fix these 3")
    await expect(message(page, "Changing 3 email profiles. Follow it in your messages with the bot.")).to_be_visible()

    await go(page, "Messages of the app")
    fixed = message(page, "Of 3 tested email profiles 3 work and 0 fail.")
    await expect(fixed).to_contain_text("Changed for 3 people: SSL not set → Y; TLS Y → not set")
    await press(fixed, "Undo for 3 people")
    await answer(page, "Put 3 email profiles back?", "Undo for 3")
    await expect(message(page, "Put back for 3 people")).to_be_visible()
    await expect(fixed.locator("button:not(.more)")).to_have_count(0)

    await go(page, "# general")
    await press(shown, "Remind")
    await press(message(page, "Remind 5 people?"), "Remind 5 people")
    await expect(message(page, "Reminded 5 people. 5 are left out: ")).to_be_visible()
    await go(page, "Messages of the app")
    await expect(message(page, "The people whom you reminded have been told: 5 of 5.")).to_be_visible()
    await drawn_whole(page.get_by_role("article"))
