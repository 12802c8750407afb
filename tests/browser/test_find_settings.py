"""How many values a person types until the test passes, in a browser, and what stands above them."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.demo.run import Demo
from tests.browser.conftest import refused
from tests.browser.found_places import ADDRESSES, PASSWORD, found_places, move_to
from tests.browser.test_story import field, say
from tests.counts import scaled

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTHS: list[int] = scaled(quick=[390], full=[1280, 390])
TYPED: list[tuple[str, str, Mapping[str, str]]] = [
    ("gmail.com", "gmail.com is a domain of Gmail.", {}),
    ("Google Workspace", "mail is hosted by Google.", {}),
    ("Microsoft 365", "mail is hosted by Microsoft 365.", {}),
    ("autoconfig", "From the settings that own.example publishes", {}),
    ("SRV", ": mail goes out through", {}),
    ("nothing", "No settings were found for quiet.example.", {"SMTP Server Address": "relay.quiet.example"}),
]
"""How settings are found, what the form says of it, and what has to be typed beside the password."""


@pytest_asyncio.fixture(loop_scope="session")
async def demo(browser: Browser, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo among domains whose settings are found in different ways."""
    async with found_places(tmp_path) as opened:
        yield opened
    assert not refused(opened)


@pytest.mark.parametrize("width", WIDTHS)
async def test_the_password_is_all_that_is_typed_until_the_test_passes_and_the_server_where_nobody_tells_it(
    page: Page, demo: Demo, width: int
) -> None:
    dialog = page.get_by_role("dialog")
    await page.set_viewport_size({"width": width, "height": 820})
    for way, words, also in TYPED:
        await move_to(demo, ADDRESSES[way])
        await say(page, "/email-profile edit")
        await expect(dialog.get_by_text(words)).to_be_visible()
        typed = {"Password": PASSWORD, **also}
        assert len(typed) <= (2 if way == "nothing" else 1)
        for label, value in typed.items():
            await field(page, label).fill(value)
        await dialog.get_by_role("button", name="Test connection").click()
        await expect(dialog.get_by_text("Connection test passed")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)


async def test_enter_in_the_address_finds_its_settings_and_the_form_stays_open(page: Page, demo: Demo) -> None:
    await move_to(demo, ADDRESSES["nothing"])
    await say(page, "/email-profile edit")
    await expect(page.get_by_text("No settings were found for quiet.example.")).to_be_visible()
    await field(page, "Password").fill(PASSWORD)
    await field(page, "Email Address").fill(ADDRESSES["autoconfig"])
    await page.keyboard.press("Enter")
    await expect(field(page, "SMTP Server Address")).to_have_value("smtp.own.example")
    await expect(field(page, "Port")).to_have_value("465")
    await expect(field(page, "Encryption")).to_have_value("SSL")
    # Typed before there was any server, it stays; the focus does too.
    await expect(field(page, "Password")).to_have_value(PASSWORD)
    await expect(field(page, "Email Address")).to_be_focused()
