"""The story as a person lives it, in a browser."""

import pytest
from playwright.async_api import Locator, Page, expect

from bot.demo.run import Demo

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def say(page: Page, line: str) -> None:
    await page.get_by_label("Message", exact=True).fill(line)
    await page.get_by_role("button", name="Send", exact=True).click()


async def add_extra(page: Page, line: str) -> None:
    """Add SSL or TLS, and wait until it is stored: what is typed meanwhile may overtake it."""
    await say(page, f"/email-extra add {line}")
    await expect(page.get_by_text("Encryption now:")).to_be_visible()


def field(page: Page, label: str) -> Locator:
    """An input of the open form."""
    return page.get_by_role("dialog").get_by_label(label, exact=True)


async def fill(page: Page, demo: Demo, address: str, *, port: str, password: str = "") -> None:
    account = demo.mail.account(address)
    await page.get_by_role("dialog").wait_for()
    await field(page, "Email Address").fill(account.address)
    await field(page, "User/Login").fill(account.login)
    await field(page, "Password").fill(password or account.password)
    await field(page, "SMTP Server Address").fill(demo.mail.host)
    await field(page, "Port").fill(port)


async def save(page: Page) -> None:
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_text("Not tested yet").last).to_be_visible()


async def test_587_with_tls_passes(page: Page, demo: Demo) -> None:
    await say(page, "/email-profile edit")
    await expect(field(page, "Email Address")).to_have_value("ada@demo.example")
    await expect(field(page, "Port")).to_have_value("587")
    await expect(field(page, "Encryption")).to_have_value("TLS")
    await fill(page, demo, "ada@demo.example", port="587")
    await save(page)
    await add_extra(page, "TLS Y")
    await expect(page.get_by_text("Encryption now: TLS (STARTTLS, required)")).to_be_visible()
    await say(page, "/email-test")
    await expect(page.get_by_role("heading", name="Connection test passed")).to_be_visible()
    await expect(page.get_by_text("Sender passed").last).to_be_visible()
    await expect(page.get_by_text("Empty. A connection test sends no message.")).to_be_visible()


async def test_a_wrong_password_fails_with_words_and_a_way_on(page: Page, demo: Demo) -> None:
    await say(page, "/email-profile edit")
    await fill(page, demo, "ada@demo.example", port="587", password="not the password")
    await field(page, "Encryption").select_option("None")
    await save(page)
    await page.get_by_role("button", name="Add TLS Y", exact=True).click()
    await expect(page.get_by_text("TLS (STARTTLS, required)").last).to_be_visible()
    await page.get_by_role("button", name="Test connection").last.click()
    await expect(page.get_by_role("heading", name="Connection test failed at Sign-in")).to_be_visible()
    await expect(page.get_by_text("type the password again").last).to_be_visible()
    await page.get_by_role("button", name="Edit", exact=True).last.click()
    await expect(field(page, "Password")).to_have_value("")
    await field(page, "Password").fill(demo.mail.account("ada@demo.example").password)
    await save(page)
    await page.get_by_role("button", name="Test connection").last.click()
    await expect(page.get_by_role("heading", name="Connection test passed")).to_be_visible()


async def test_a_failed_test_in_the_form_is_seen_at_once_and_its_button_mends_the_form(page: Page, demo: Demo) -> None:
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 800})
        await say(page, "/email-profile edit")
        await fill(page, demo, "ada@demo.example", port="465")
        await page.get_by_role("button", name="Test connection").click()
        alert = page.get_by_role("dialog").get_by_role("alert")
        await expect(alert).to_contain_text("Connection test failed at Greeting")
        await expect(alert).to_be_in_viewport()
        await expect(field(page, "Password")).to_have_value(demo.mail.account("ada@demo.example").password)
        fix = page.get_by_role("button", name="Use SSL on 465 and test again")
        await expect(fix).to_be_in_viewport()
        await fix.click()
        passed = page.get_by_role("dialog").get_by_text("nothing is saved yet")
        await expect(passed).to_be_in_viewport()
        await expect(field(page, "Encryption")).to_have_value("SSL")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
    await say(page, "/email-profile")
    await expect(page.get_by_text("You have no email profile yet").last).to_be_visible()


async def test_465_with_ssl_from_the_forms_own_buttons_passes(page: Page, demo: Demo) -> None:
    await say(page, "/email-profile edit")
    await fill(page, demo, "ada@demo.example", port="465")
    await page.get_by_role("button", name="Extra Configurations").click()
    await page.get_by_role("button", name="Remove", exact=True).click()
    await expect(page.get_by_role("button", name="Remove", exact=True)).to_have_count(0)
    await page.get_by_role("button", name="Add", exact=True).click()
    # It begins with what fits the port.
    await expect(page.get_by_role("dialog").get_by_text("for example SSL Y")).to_be_visible()
    await page.get_by_label("Value", exact=True).select_option("Y")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("heading", name="Extra configurations")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(field(page, "Port")).to_have_value("465")
    await expect(field(page, "Encryption")).to_have_value("SSL")
    await page.get_by_role("button", name="Test connection").click()
    await expect(page.get_by_text("nothing is saved yet")).to_be_visible()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Works — tested").last).to_be_visible()
    await say(page, "/email-test")
    await expect(page.get_by_role("heading", name="Connection test passed")).to_be_visible()


async def test_an_admin_sets_up_another_person(page: Page, demo: Demo) -> None:
    await page.get_by_role("radio", name="Grace Hopper").click()
    await say(page, "/email-profile edit @ada")
    await expect(page.get_by_role("dialog").get_by_text("Ada Lovelace")).to_be_visible()
    await fill(page, demo, "ada@demo.example", port="587")
    await save(page)
    await add_extra(page, "TLS Y @ada")
    await say(page, "/email-test @ada")
    await expect(page.get_by_role("heading", name="Connection test passed")).to_be_visible()
    await page.get_by_role("radio", name="Ada Lovelace").click()
    await page.get_by_role("tab", name="Home of the app").click()
    await expect(page.get_by_text("Works — tested")).to_be_visible()


async def test_errors_stand_at_their_fields_and_nothing_typed_is_lost(page: Page, demo: Demo) -> None:
    await say(page, "/email-profile edit")
    await fill(page, demo, "ada@demo.example", port="465x")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("465x is not a port. Use a number from 1 to 65535")).to_be_visible()
    await expect(field(page, "Port")).to_have_attribute("aria-invalid", "true")
    await expect(field(page, "Port")).to_be_focused()
    await expect(field(page, "SMTP Server Address")).to_have_value(demo.mail.host)
    await field(page, "Port").fill("587")
    await save(page)


async def test_deleting_asks_first(page: Page, demo: Demo) -> None:
    await say(page, "/email-profile edit")
    await fill(page, demo, "ada@demo.example", port="587")
    await save(page)
    await say(page, "/email-profile delete")
    await page.get_by_role("button", name="Delete …").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Keep").click()
    await page.get_by_role("button", name="Delete …").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Your email profile is deleted.")).to_be_visible()
