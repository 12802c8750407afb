"""The demo's page keeps up with the stand-in, whatever the order in which answers come."""

import asyncio
from typing import Literal

import pytest
from playwright.async_api import Page, Route, expect

from bot.demo.run import Demo
from bot.demo.stand_in.people import BOT_USER
from bot.demo.stand_in.platform import Message, direct_channel
from tests.browser.test_story import say

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_screen_that_comes_late_does_not_replace_a_newer_one(page: Page, demo: Demo) -> None:
    asked, may_come = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        answer = await route.fetch()
        asked.set()
        await may_come.wait()
        await route.fulfill(response=answer)

    await page.route("**/state?*", hold, times=1)
    await say(page, "the first line")
    await asked.wait()
    await say(page, "the second line")
    await expect(page.get_by_role("article")).to_have_count(2)
    async with page.expect_response("**/state?*"):
        may_come.set()
    await page.wait_for_timeout(100)
    assert await page.get_by_role("article").count() == 2


@pytest.mark.parametrize(
    ("role", "name", "shows"),
    [
        ("radio", "Grace Hopper", "[role=radio][aria-checked=true]:has-text('Grace')"),
        ("tab", "Home of the app", "#home"),
        ("button", "/email-test", "#menu"),
    ],
)
async def test_a_press_counts_although_something_changes_while_it_lasts(
    page: Page, demo: Demo, role: Literal["radio", "tab", "button"], name: str, shows: str
) -> None:
    await page.get_by_role(role, name=name).hover()
    await page.mouse.down()
    await demo.workspace.post(Message(author=BOT_USER, channel=direct_channel("U0ADA"), text="Something happened"))
    await expect(page.get_by_role("tab", name="Messages of the app (1)")).to_be_visible()
    await page.mouse.up()
    await expect(page.locator(shows)).to_be_visible()
