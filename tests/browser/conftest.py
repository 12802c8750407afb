"""A real Chromium in front of the stand-in workspace; skipped by name where there is none."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.demo.run import Demo, running_demo

# A worker may have to share its core; what never appears is still found out.
expect.set_options(timeout=15_000)

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """The browser's program."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    pytest.skip("needs Chromium: install the package chromium to run the browser tests")


def refused(demo: Demo) -> list[tuple[str, str]]:
    """What Slack refused, but for a form that the person changed while the bot drew it: then nothing is drawn."""
    return [refusal for refusal in demo.workspace.refusals if refusal != ("views.update", "hash_conflict")]


# A browser takes two seconds to start, so a worker's tests share one, in an event loop that lasts as long.
@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A headless browser."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium(), args=list(QUIET))
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def demo(browser: Browser, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo behind the page; whatever Slack would refuse fails the test."""
    async with running_demo(tmp_path) as opened:
        yield opened
    assert not refused(opened)


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, demo: Demo) -> AsyncIterator[Page]:
    """The demo's page; any error in its console fails the test."""
    context = await browser.new_context(viewport={"width": 1280, "height": 820}, locale="en-GB")
    opened = await context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
    await opened.goto(demo.workspace.base_url)
    await opened.get_by_role("button", name="/email-profile edit").wait_for()
    yield opened
    await context.close()
    assert troubles == []
