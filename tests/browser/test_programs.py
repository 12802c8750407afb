"""From nothing to a delivered label, and a message that is emailed, as a person lives it in a browser."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from bot.demo.mail import DemoMail
from bot.demo.run import Demo, running_demo, submission_settings
from bot.demo.story import post_first_message
from tests.browser.conftest import refused
from tests.browser.keyboard import Keyboard
from tests.browser.test_story import field, fill, save, say
from tests.scenario.people import ADA, set_up

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTHS = (1280, 390)


@pytest_asyncio.fixture(loop_scope="session")
async def demo(browser: Browser, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo with its submission server, and with a message in the channel."""
    mail = DemoMail()
    async with running_demo(tmp_path, mail=mail, **submission_settings(tmp_path, mail)) as opened:
        await post_first_message(opened.workspace)
        yield opened
    assert not refused(opened)


async def shown_values(page: Page) -> dict[str, str]:
    """Read the values that the modal shows, by their labels."""
    lines = await page.get_by_role("dialog").locator(".section .text").all_inner_texts()
    rows = "\n".join(lines).splitlines()
    labels = ("Email Address", "User/Login", "Password", "SMTP Server Address", "Port", "Encryption")
    return {label: row.removeprefix(label).strip() for label in labels for row in rows if row.startswith(label)}


async def mailbox(page: Page) -> None:
    """Open the guide, where the mailbox is, unless it stands beside the channel."""
    tab = page.get_by_role("tab", name="Guide")
    if await tab.is_visible():
        await tab.click()


async def add_program(page: Page) -> dict[str, str]:
    """Add a program by command and form; return the values that are shown for it."""
    await say(page, "/email-profile programs add Label program")
    await expect(field(page, "Name of the program")).to_have_value("Label program")
    await page.get_by_role("dialog").get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("dialog").get_by_text("is added.")).to_be_visible()
    values = await shown_values(page)
    await page.get_by_role("dialog").get_by_role("button", name="Done").click()
    return values


async def send_label(page: Page, values: dict[str, str]) -> Locator:
    """Type the six values into the program, and let it send; return the program."""
    await page.get_by_role("tab", name="Label program").click()
    form = page.locator("#program")
    await form.get_by_label("Email Address", exact=True).fill(values["Email Address"])
    await form.get_by_label("Login", exact=True).fill(values["User/Login"])
    await form.get_by_label("Password", exact=True).fill(values["Password"])
    await form.get_by_label("SMTP Server Address", exact=True).fill(values["SMTP Server Address"])
    await form.get_by_label("Port", exact=True).fill(values["Port"])
    await expect(form.get_by_label("Authentication", exact=True)).to_be_checked()
    await form.get_by_label("Type", exact=True).select_option(values["Encryption"].split()[0])
    await expect(form.get_by_label("Value", exact=True)).to_have_value("Y")
    await form.get_by_role("button", name="Add", exact=True).click()
    await expect(form.get_by_text(values["Encryption"])).to_be_visible()
    await form.get_by_role("button", name="Send the label").click()
    await expect(form.get_by_role("status")).to_contain_text(re.compile("server answered|Not sent"))
    return form


async def delivered(page: Page) -> None:
    """See that the label is in the mailbox."""
    await mailbox(page)
    mailed = page.locator(".mailbox li", has_text="Label for crate 7")
    await expect(mailed.get_by_text("ada@demo.example → grace@demo.example")).to_be_visible()
    await expect(mailed.get_by_text("| CRATE 7")).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS)
async def test_from_nothing_to_a_delivered_label(page: Page, demo: Demo, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 820})
    await say(page, "/email-profile edit")
    await fill(page, demo, "ada@demo.example", port="587")
    await save(page)
    values = await add_program(page)
    assert re.fullmatch(r"epb_\w{8}_\w{49}", values["Password"])
    answer = (await send_label(page, values)).get_by_role("status")
    await expect(answer).to_contain_text("Sent. The server answered: 250 2.0.0 mail.demo.example")
    await expect(answer).to_be_in_viewport()
    await delivered(page)


async def test_a_label_is_sent_by_the_keyboard_alone_on_a_phones_screen(page: Page, demo: Demo) -> None:
    await page.set_viewport_size({"width": 390, "height": 820})
    keys = Keyboard(page)
    await set_up(demo, "U0ADA")
    await keys.say("/email-profile programs add Label program")
    dialog = page.get_by_role("dialog")
    await keys.use(dialog.get_by_role("button", name="Add", exact=True))
    await expect(dialog.get_by_text("is added.")).to_be_visible()
    values = await shown_values(page)
    await keys.press("Escape")
    await expect(dialog).to_have_count(0)
    await keys.choose(page.get_by_role("tab", name="Label program"))
    form = page.locator("#program")
    for label in ("Email Address", "Login", "Password", "SMTP Server Address", "Port"):
        await keys.enter(form.get_by_label(label, exact=True), values.get(label, values["User/Login"]))
    await keys.reach(form.get_by_label("Type", exact=True))
    await keys.press("ArrowDown")
    await keys.use(form.get_by_role("button", name="Add", exact=True))
    await expect(form.get_by_text("SSL Y")).to_be_visible()
    await keys.use(form.get_by_role("button", name="Send the label"))
    await expect(form.get_by_role("status")).to_contain_text("Sent. The server answered: 250 2.0.0")
    await delivered(page)


async def test_a_removed_program_sends_no_label_any_more_and_keeps_what_was_typed(page: Page, demo: Demo) -> None:
    await say(page, "/email-profile edit")
    await fill(page, demo, "ada@demo.example", port="587")
    await save(page)
    values = await add_program(page)
    await say(page, "/email-profile programs remove Label program")
    await expect(page.get_by_text("None yet. A program").last).to_be_visible()
    form = await send_label(page, values)
    await expect(form.get_by_role("status")).to_contain_text("Not sent: 535 5.7.8")
    await page.get_by_role("tab", name="# general").click()
    await page.get_by_role("tab", name="Label program").click()
    await expect(form.get_by_label("Password", exact=True)).to_have_value(values["Password"])
    assert demo.mail.mailbox == []


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_message_is_emailed_by_the_keyboard_alone(page: Page, demo: Demo, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 820})
    keys = Keyboard(page)
    await say(page, "/email-profile edit")
    await fill(page, demo, "ada@demo.example", port="587")
    await save(page)
    message = page.get_by_role("article").filter(has_text="the label for crate 7 is ready")
    await expect(message.get_by_text("label-7.pdf")).to_be_visible()
    await keys.use(message.get_by_role("button", name="More actions"))
    item = page.get_by_role("menuitem", name="Email this message")
    await expect(item).to_be_focused()
    await expect(item).to_be_in_viewport()
    await keys.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("To", exact=True)).to_be_focused()
    await keys.enter(dialog.get_by_label("To", exact=True), "nobody@demo.example")
    await keys.enter(dialog.get_by_label("Subject", exact=True), "Crate 7")
    await keys.use(dialog.get_by_role("button", name="Send", exact=True))
    alert = dialog.get_by_role("alert")
    await expect(alert).to_contain_text("does not take it for every address")
    await expect(alert).to_be_in_viewport()
    await expect(dialog.get_by_label("Subject", exact=True)).to_have_value("Crate 7")
    await keys.enter(dialog.get_by_label("To", exact=True), "grace@demo.example")
    await keys.use(dialog.get_by_role("button", name="Send again"))
    await expect(dialog.get_by_text("Your email “Crate 7” was sent.")).to_be_visible()
    await keys.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(message.get_by_role("button", name="More actions")).to_be_focused()
    await mailbox(page)
    await expect(page.locator(".mailbox li", has_text="Crate 7")).to_contain_text("Grace Hopper wrote in #general")


async def test_a_message_for_oneself_alone_has_no_menu(page: Page, demo: Demo) -> None:
    await say(page, "/email-profile")
    private = page.get_by_role("article").filter(has_text="Only visible to you")
    await expect(private).to_be_visible()
    await expect(private.get_by_role("button", name="More actions")).to_have_count(0)
    assert demo.mail.mailbox == []


async def test_a_program_is_added_with_a_last_day_and_removed_again(page: Page, demo: Demo) -> None:
    await set_up(demo, ADA)
    await say(page, "/email-profile programs add Label printer")
    await expect(field(page, "Name of the program")).to_have_value("Label printer")
    day = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    await field(page, "Ends on").fill(day)
    await page.get_by_role("dialog").get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("dialog")).to_contain_text(re.compile(r"epb_\w{8}_\w{49}"))
    await page.get_by_role("dialog").get_by_role("button", name="Done").click()
    await expect(page.get_by_text(f"never used · ends on {day}")).to_be_visible()
    # Read aloud, each says whose it is.
    await page.get_by_role("button", name="Remove Label printer").click()
    await page.get_by_role("button", name="Remove", exact=True).click()
    await expect(page.get_by_text("The program Label printer is removed")).to_be_visible()
    await expect(page.get_by_text(re.compile(r"epb_\w{8}_\w{49}"))).to_have_count(0)
