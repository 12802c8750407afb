"""The first two minutes: what the page tells, suggests, fills in and copies."""

import pytest
from playwright.async_api import Page, expect

from bot.demo.run import Demo
from bot.demo.story import ADMIN_STEPS, MEMBER_STEPS
from tests.browser.test_story import field

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_suggestions_lead_through_the_story_and_on_to_the_admins_view(page: Page, demo: Demo) -> None:
    guide, chips = page.get_by_label("About this demo"), page.get_by_role("group", name="Suggested commands")
    await expect(guide.get_by_text("a stand-in for a Slack workspace of forty people")).to_be_visible()
    for step in MEMBER_STEPS:
        await expect(guide.get_by_text(step.shows, exact=True)).to_be_visible()
    for step in MEMBER_STEPS:
        await expect(chips.get_by_text(step.shows)).to_be_visible()
        await chips.get_by_role("button", name=step.line).click()
        await page.keyboard.press("Enter")
        if step.opens:
            await page.get_by_role("button", name="Fill in the account").click()
            await expect(field(page, "SMTP Server Address")).to_have_value(demo.mail.host)
            await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="Connection test passed")).to_be_visible()
    await expect(guide.get_by_text("done")).to_have_count(len(MEMBER_STEPS))
    await expect(chips.get_by_role("button")).to_have_count(3)
    await chips.get_by_role("button", name="Act as Grace Hopper, an admin").click()
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()
    for step in ADMIN_STEPS:
        await chips.get_by_role("button", name=step.line).click()
        await page.keyboard.press("Enter")
        await page.get_by_text("Work with email").or_(page.get_by_role("dialog")).first.wait_for()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(chips).to_be_hidden()


async def test_each_value_of_the_account_is_copied_with_one_press(page: Page, demo: Demo) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    account = demo.mail.account("ada@demo.example")
    values = {
        "Email Address": account.address,
        "User/Login": account.login,
        "Password": account.password,
        "SMTP Server Address": demo.mail.host,
        "Port": "587",
    }
    for name, value in values.items():
        await page.get_by_role("button", name=f"Copy {name}", exact=True).click()
        await expect(page.get_by_role("status")).to_have_text(f"{name} is copied.")
        assert await page.evaluate("navigator.clipboard.readText()") == value


async def test_where_the_browser_forbids_copying_the_value_is_selected(page: Page, demo: Demo) -> None:
    await page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('forbidden')); }")
    await page.get_by_role("button", name="Copy Password").click()
    await expect(page.get_by_role("status")).to_contain_text("Copy it with Ctrl+C")
    assert await page.evaluate("getSelection().toString()") == demo.mail.account("ada@demo.example").password


async def test_the_account_is_offered_in_the_form_of_ones_own_profile_alone(page: Page, demo: Demo) -> None:
    await page.get_by_role("radio", name="Grace Hopper").click()
    await page.get_by_label("Message", exact=True).fill("/email-profile edit @ada")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog").get_by_text("Ada Lovelace").first).to_be_visible()
    await expect(page.get_by_role("button", name="Fill in the account")).to_have_count(0)


async def test_on_a_phone_the_channel_has_the_screen_and_the_guide_a_tab_of_its_own(page: Page, demo: Demo) -> None:
    await page.set_viewport_size({"width": 390, "height": 800})
    await expect(page.get_by_label("About this demo")).to_be_hidden()
    channel = await page.locator("main").bounding_box()
    assert channel is not None
    assert channel["height"] > 0.85 * 800
    await page.get_by_role("tab", name="Guide").click()
    await expect(page.get_by_text("The account to use")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_be_hidden()
    await page.get_by_role("tab", name="# general").click()
    await expect(page.get_by_label("Message", exact=True)).to_be_visible()
    await page.set_viewport_size({"width": 1280, "height": 800})
    await expect(page.get_by_label("About this demo")).to_be_visible()
    await expect(page.get_by_role("tab", name="Guide")).to_be_hidden()


async def test_loaded_anew_the_page_knows_who_was_chosen_and_shows_no_private_answer_any_more(
    page: Page, demo: Demo
) -> None:
    await page.get_by_role("radio", name="Grace Hopper").click()
    await page.get_by_label("Message", exact=True).fill("/email-profile")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("You have no email profile yet.")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("radio", name="Grace Hopper")).to_be_checked()
    await expect(page.get_by_text("is gone when you load the page anew")).to_be_visible()
    await expect(page.get_by_role("article")).to_have_count(0)
