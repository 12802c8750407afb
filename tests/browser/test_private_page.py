"""A member who keeps the password out of Slack, in a browser."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import PEOPLE
from tests.browser.conftest import refused
from tests.browser.test_story import add_extra, field, fill, say
from tests.scenario.people import ADA, set_up

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_member_sets_the_password_on_the_private_page_on_a_phone(
    page: Page, demo: Demo, browser: Browser
) -> None:
    await page.get_by_role("tab", name="Home of the app").click()
    await page.get_by_role("button", name="Set up").click()
    await fill(page, demo, "ada@demo.example", port="587")
    await field(page, "Password").fill("")
    await page.get_by_role("dialog").get_by_role("button", name="Set the password privately").click()
    link = page.get_by_role("link", name="Open the private page")
    address = await link.get_attribute("href")
    assert address is not None
    phone = await browser.new_context(
        viewport={"width": 390, "height": 760}, has_touch=True, is_mobile=True, java_script_enabled=False
    )
    private = await phone.new_page()
    await private.goto(address)
    await expect(private.get_by_role("heading", name="Set the password")).to_be_visible()
    typed = private.get_by_label("Password", exact=True)
    await expect(typed).to_have_attribute("type", "password")
    # Without a script there is nothing to show it with, and everything else works.
    await expect(private.get_by_role("button", name="Show")).to_be_hidden()
    assert await private.evaluate_handle("document.documentElement.scrollWidth <= innerWidth")
    await typed.fill(demo.mail.account("ada@demo.example").password)
    await private.get_by_role("button", name="Set the password").click()
    await expect(private.get_by_role("heading", name="Your password is set")).to_be_visible()
    await phone.close()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog").get_by_text("Your password is set.")).to_be_visible()
    await expect(field(page, "SMTP Server Address")).to_have_value(demo.mail.host)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_role("tab", name="# general").click()
    await add_extra(page, "TLS Y")
    await say(page, "/email-test")
    await expect(page.get_by_role("heading", name="Connection test passed")).to_be_visible()


async def test_the_owner_signs_in_with_slack_on_a_phone_and_somebody_else_does_not_get_in(
    browser: Browser, tmp_path: Path
) -> None:
    people = [replace(person, picture=f"/pictures/{person.id}") for person in PEOPLE]
    app: dict[str, Any] = {"slack_client_id": "1815.1852", "slack_client_secret": "demo"}
    async with running_demo(tmp_path, people=people, **app) as demo:
        card = await set_up(demo, ADA, password="wrong")
        await demo.workspace.press(ADA, "Set the password privately", message=card)
        link = await demo.workspace.wait_message(ADA, "Open the private page to set your password.")
        address = await demo.workspace.press_url(ADA, "Open the private page", message=link)
        phone = await browser.new_context(viewport={"width": 390, "height": 760}, has_touch=True, is_mobile=True)
        private = await phone.new_page()
        troubles: list[str] = []
        private.on("console", lambda line: troubles.append(line.text) if "Security Policy" in line.text else None)
        for name in ("Grace Hopper", "Ada Lovelace"):
            await private.goto(address)
            await expect(private.get_by_role("heading", name="Is it you?")).to_be_visible()
            assert await private.evaluate("document.documentElement.scrollWidth <= innerWidth")
            await private.get_by_role("link", name="Sign in with Slack").click()
            await private.get_by_role("link", name=f"Continue as {name}").click()
            if name != "Ada Lovelace":
                await expect(private.get_by_role("heading", name="Not your page")).to_be_visible()
                await expect(private.get_by_text(f"You signed in to Slack as {name}")).to_be_visible()
        await expect(private.get_by_role("heading", name="Set the password")).to_be_visible()
        await expect(private.get_by_text("Ada Lovelace")).to_be_visible()
        await expect(private.get_by_text("Analytical Engines")).to_be_visible()
        picture = private.locator("img")
        await expect(picture).to_have_js_property("complete", value=True)
        assert await picture.evaluate("picture => picture.naturalWidth") == 72
        assert await private.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await private.get_by_label("Password", exact=True).fill(demo.mail.account("ada@demo.example").password)
        await private.get_by_role("button", name="Set the password").click()
        await expect(private.get_by_role("heading", name="Your password is set")).to_be_visible()
        await phone.close()
        assert troubles == []
        assert not refused(demo)


async def test_what_is_typed_on_the_private_page_can_be_shown_and_hidden(
    page: Page, demo: Demo, browser: Browser
) -> None:
    await say(page, "/email-profile edit")
    await fill(page, demo, "ada@demo.example", port="587")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_role("button", name="Set the password privately").last.click()
    address = await page.get_by_role("link", name="Open the private page").get_attribute("href")
    private = await browser.new_page()
    await private.goto(address or "")
    typed = private.get_by_label("Password", exact=True)
    await expect(typed).to_be_focused()
    await typed.fill("  blanks count ")
    await private.get_by_role("button", name="Show").click()
    await expect(typed).to_have_attribute("type", "text")
    await expect(typed).to_have_value("  blanks count ")
    await private.get_by_role("button", name="Hide").click()
    await expect(typed).to_have_attribute("type", "password")
    await private.get_by_role("button", name="Set the password").click()
    await expect(private.get_by_role("heading", name="Your password is set")).to_be_visible()
    await private.go_back()
    await private.reload()
    await expect(private.get_by_role("heading", name="This link does not work")).to_be_visible()
    await private.close()
