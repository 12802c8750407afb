"""An admin with three hundred people, in a browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import PEOPLE
from tests.browser.conftest import refused
from tests.browser.test_story import field, say
from tests.counts import PROVE_ONLY
from tests.scenario.crowd import SECRET, crowd, give_profiles, mail_for, people_read

pytestmark = [pytest.mark.asyncio(loop_scope="session"), PROVE_ONLY]

CROWD = crowd(298)
FAILING = CROWD[3]


@pytest_asyncio.fixture(loop_scope="session")
async def demo(browser: Browser, tmp_path: Path) -> AsyncIterator[Demo]:
    """Three hundred people, all set up, of whom one has a wrong password."""
    async with running_demo(tmp_path, mail=mail_for(CROWD), people=[*PEOPLE, *CROWD]) as opened:
        await people_read(opened, 300)
        await give_profiles(opened, CROWD, failing=[FAILING])
        yield opened
    assert not refused(opened)


async def test_an_admin_finds_the_failing_one_among_three_hundred_repairs_and_sees_the_list_change(
    page: Page, demo: Demo
) -> None:
    await page.get_by_role("radio", name="Grace Hopper").click()
    await say(page, "/email-test @crowd003")
    await expect(page.get_by_role("heading", name="Connection test failed at Sign-in")).to_be_visible()
    await say(page, "/email-profile list")
    shown = page.get_by_role("article").filter(has=page.get_by_role("heading", name="Work with email"))
    await expect(shown.get_by_text("300 people · 1 fail · 297 never tested · 2 not set up")).to_be_visible()
    await expect(shown.get_by_text("Fails at Sign-in since")).to_be_visible()
    await expect(shown.get_by_text("1–5 of 300")).to_be_visible()
    await shown.get_by_label("Search").fill("chatelet")
    await shown.get_by_label("Search").press("Enter")
    await expect(shown.get_by_text("1–1 of 1 (300 in all)")).to_be_visible()
    await shown.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Edit").click()
    await expect(page.get_by_role("dialog").get_by_text("Émilie du Châtelet")).to_be_visible()
    await expect(field(page, "Password")).to_have_value("")
    await field(page, "Password").fill(SECRET)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    # The card moves the list, which closes a menu that is open.
    await expect(page.get_by_role("article").last.get_by_text("Not tested yet")).to_be_visible()
    actions = shown.get_by_role("button", name="More actions")
    await actions.scroll_into_view_if_needed()
    await expect(actions).to_be_in_viewport()
    await actions.click()
    await page.get_by_role("menuitem", name="Test connection").click()
    await expect(page.get_by_role("heading", name="Connection test passed")).to_be_visible()
    await expect(shown.get_by_text("300 people · 1 work · 297 never tested")).to_be_visible()
    await expect(shown.get_by_text("Works", exact=True)).to_be_visible()
    await shown.get_by_label("State", exact=True).select_option(label="State: Fails (0)")
    await expect(shown.get_by_text("Nobody")).to_be_visible()
    await page.get_by_role("tab", name="Home of the app").click()
    await expect(page.locator("#home").get_by_text("300 people · 1 work")).to_be_visible()
