"""Takes the README's pictures from the running demo: `python -m tests.browser.pictures`."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from playwright.async_api import Locator, Page, async_playwright

from bot.demo.run import Demo, running_demo, submission_settings
from bot.demo.stand_in.people import PEOPLE
from bot.demo.story import post_first_message
from tests.browser.conftest import QUIET, chromium
from tests.browser.test_programs import add_program, send_label
from tests.browser.test_story import field, fill, save, say
from tests.scenario.crowd import crowd, give_profiles, mail_for

NAMES = (
    "Alan Turing",
    "Barbara Liskov",
    "Edsger Dijkstra",
    "Émilie du Châtelet",
    "Frances Allen",
    "Katherine Johnson",
    "Radia Perlman",
    "Sophie Wilson",
    "Tim Paterson",
)
CROWD = tuple(replace(person, name=name) for person, name in zip(crowd(len(NAMES)), NAMES, strict=True))
PICTURES = Path(__file__).parents[2] / ".github" / "pictures"


async def take(shown: Page | Locator, name: str) -> None:
    """Write one picture, once the page is at rest."""
    await asyncio.sleep(0.4)
    await shown.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


async def tour(page: Page, demo: Demo) -> None:
    """Walk through the story, taking a picture at each station."""
    message = page.get_by_role("article")
    await say(page, "/email-profile edit")
    await fill(page, demo, "ada@demo.example", port="465")
    await field(page, "Email Address").click()
    await take(page.get_by_role("dialog"), "form")
    await field(page, "Port").fill("587")
    await field(page, "Encryption").select_option("SSL (from the first byte)")
    await save(page)
    await say(page, "/email-test")
    await page.get_by_role("heading", name="Connection test failed").wait_for()
    await take(message.last, "test-failed")
    await page.get_by_role("button", name="Use TLS on 587 and test again").click()
    await page.get_by_role("heading", name="Connection test passed").wait_for()
    await take(message.last, "test-passed")
    await say(page, "/email-profile")
    await page.get_by_text("Works — tested").wait_for()
    await take(message.last, "card")
    await label(page)
    await email(page, demo)
    await everybody(page, demo)


async def email(page: Page, demo: Demo) -> None:
    """Show the form in which a message is emailed."""
    await post_first_message(demo.workspace)
    message = page.get_by_role("article").filter(has_text="the label for crate 7 is ready")
    await message.get_by_role("button", name="More actions").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("menuitem", name="Email this message").click()
    await page.get_by_role("dialog").get_by_label("To", exact=True).fill("store@example.com")
    await take(page.get_by_role("dialog"), "email-message")
    await page.keyboard.press("Escape")


async def label(page: Page) -> None:
    """Let the demo's program send a label, and show it with the server's answer."""
    values = await add_program(page)
    await page.set_viewport_size({"width": 1000, "height": 1000})
    await send_label(page, values)
    await take(page.locator("#program form"), "program")
    await page.get_by_role("tab", name="# general").click()
    await page.set_viewport_size({"width": 1000, "height": 900})


async def everybody(page: Page, demo: Demo) -> None:
    """Show the admin's list, with somebody who fails, and the private page as a phone shows it."""
    await give_profiles(demo, CROWD[:8], failing=CROWD[3:4])
    for person in CROWD[:6]:
        await demo.workspace.command("U0GRACE", "/email-test", f"@{person.handle}")
    await asyncio.sleep(2)
    demo.workspace.all_messages.clear()
    await page.get_by_role("radio", name="Grace Hopper").click()
    await page.set_viewport_size({"width": 1000, "height": 1500})
    await say(page, "/email-profile list")
    await page.get_by_role("heading", name="Work with email").wait_for()
    await take(page.get_by_role("article").last, "list")
    await page.get_by_role("radio", name="Ada Lovelace").click()
    await say(page, "/email-profile")
    await page.get_by_role("button", name="Set the password privately").click()
    address = await page.get_by_role("link", name="Open the private page").get_attribute("href")
    await page.set_viewport_size({"width": 390, "height": 560})
    await page.goto(address or "")
    await take(page, "private-page")


async def main() -> None:
    """Start demo and browser, and walk."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        people, mail = [*PEOPLE, *CROWD], mail_for(CROWD)
        given = submission_settings(Path(folder), mail)
        async with (
            running_demo(Path(folder), mail=mail, people=people, **given) as demo,
            async_playwright() as playwright,
        ):
            browser = await playwright.chromium.launch(executable_path=chromium(), args=list(QUIET))
            page = await browser.new_page(
                viewport={"width": 1000, "height": 900}, locale="en-GB", device_scale_factor=1.25
            )
            await page.goto(demo.workspace.base_url)
            await tour(page, demo)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
