"""The README's story by keyboard alone, as member and as admin, on a desk and on a phone, by day and by night."""

from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from bot.demo.run import Demo
from tests.browser.keyboard import Keyboard
from tests.browser.test_story import field
from tests.counts import scaled

pytestmark = pytest.mark.asyncio(loop_scope="session")

Scheme = Literal["light", "dark"]

SCREENS: list[tuple[int, Scheme]] = scaled(
    quick=[(390, "dark")], full=[(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
)


@pytest_asyncio.fixture(loop_scope="session")
async def keys(page: Page) -> Keyboard:
    """The keyboard; the mouse is not touched."""
    return Keyboard(page)


async def fits(page: Page) -> bool:
    """Return whether nothing stands out to the side."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
async def test_the_story_can_be_lived_by_keyboard_alone(
    page: Page, demo: Demo, keys: Keyboard, width: int, scheme: Scheme
) -> None:
    await page.set_viewport_size({"width": width, "height": 820})
    await page.emulate_media(color_scheme=scheme)
    account = demo.mail.account("ada@demo.example")
    dialog, composer = page.get_by_role("dialog"), page.get_by_label("Message", exact=True)

    await page.keyboard.type("/email-pr")
    await expect(page.get_by_role("option").first).to_contain_text("/email-profile")
    await keys.press("Tab")
    await page.keyboard.type("edit")
    await keys.press("Enter")
    await expect(field(page, "Email Address")).to_be_focused()
    assert await fits(page)
    await keys.enter(field(page, "Password"), account.password)
    await keys.enter(field(page, "SMTP Server Address"), demo.mail.host)
    await keys.use(dialog.get_by_role("button", name="Test connection"))
    await expect(dialog.get_by_text("Connection test passed").first).to_be_visible()
    extras = dialog.get_by_role("button", name="Extra Configurations")
    await keys.use(extras)
    await expect(dialog.get_by_role("heading", name="Extra configurations")).to_be_visible()
    await keys.press("Escape")
    await expect(extras).to_be_focused()
    await keys.use(dialog.get_by_role("button", name="Save"))
    await expect(dialog).to_have_count(0)
    await expect(composer).to_be_focused()
    # One's own domain, no workspace defaults: the address, the login, the port and the encryption are there already.
    assert keys.typed == [account.password, demo.mail.host]

    await keys.say("/email-extra add TLS Y")
    await keys.say("/email-test")
    report = page.get_by_role("article").last
    await expect(report.get_by_role("heading", name="Connection test passed")).to_be_visible()
    edit = report.get_by_role("button", name="Edit", exact=True)
    await keys.use(edit)
    await expect(field(page, "Email Address")).to_be_focused()
    await keys.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(edit).to_be_focused()
    await keys.choose(page.get_by_role("tab", name="Home of the app"))
    await expect(page.locator("#home").get_by_text("Works")).to_be_visible()
    assert await fits(page)

    await keys.choose(page.get_by_role("tab", name="# general"))
    await keys.choose(page.get_by_role("radio", name="Grace Hopper"))
    await keys.reach(composer)
    await page.keyboard.type("/email-test @lov")
    await expect(page.get_by_role("option")).to_have_count(1)
    await keys.press("Tab")
    await expect(composer).to_have_value("/email-test @ada")
    await page.keyboard.press("ControlOrMeta+a")
    await keys.say("/email-profile list")
    listed = page.get_by_role("article").last
    await expect(listed.get_by_role("heading", name="Work with email")).to_be_visible()
    if width == 1280:
        await expect(listed.get_by_role("heading", name="Work with email")).to_be_in_viewport()
    assert await fits(page)
    more = listed.get_by_role("button", name="More actions: Ada Lovelace")
    await keys.use(more)
    await expect(page.get_by_role("menuitem").first).to_be_focused()
    await keys.press("Escape")
    await expect(more).to_be_focused()
    await keys.press("Enter")
    await keys.reach(page.get_by_role("menuitem", name="Edit"), by="ArrowDown")
    await keys.press("Enter")
    await expect(dialog.get_by_text("Ada Lovelace").first).to_be_visible()
    await keys.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(more).to_be_focused()


async def test_with_workspace_defaults_the_password_alone_is_typed(page: Page, demo: Demo, keys: Keyboard) -> None:
    await keys.choose(page.get_by_role("radio", name="Grace Hopper"))
    await keys.say("/email-profile defaults")
    await keys.enter(field(page, "SMTP Server Address"), demo.mail.host)
    await keys.use(page.get_by_role("dialog").get_by_role("button", name="Save"))
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await keys.choose(page.get_by_role("radio", name="Ada Lovelace"))
    keys.typed.clear()
    await keys.say("/email-profile edit")
    await keys.enter(field(page, "Password"), demo.mail.account("ada@demo.example").password)
    await keys.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await keys.say("/email-test")
    await expect(page.get_by_role("heading", name="Connection test passed")).to_be_visible()
    assert len(keys.typed) == 1


async def test_a_question_is_answered_by_keyboard_and_the_focus_returns(page: Page, demo: Demo, keys: Keyboard) -> None:
    await keys.say("/email-profile edit")
    await keys.use(page.get_by_role("button", name="Fill in the account"))
    await expect(page.get_by_role("dialog").get_by_role("button", name="Save")).to_be_focused()
    await keys.press("Enter")
    await keys.say("/email-profile delete")
    delete = page.get_by_role("button", name="Delete …")
    await keys.use(delete)
    await expect(page.get_by_role("alertdialog").get_by_role("button", name="Keep")).to_be_focused()
    await keys.press("Escape")
    await expect(page.get_by_role("alertdialog")).to_have_count(0)
    await expect(delete).to_be_focused()
