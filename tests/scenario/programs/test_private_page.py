"""Where secrets are kept out of Slack, a program is added on the private page, which shows its values once."""

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from tests.benchmarks.program import free_port
from tests.scenario.people import ADA, GRACE
from tests.scenario.private_password.browsers import Browser
from tests.scenario.private_password.browsers import sign_in as sign_in_to
from tests.scenario.programs.people import TOKEN, listed, on_top, sign_in
from tests.scenario.started_before import StartedBefore
from tests.store import Store


@pytest.fixture
async def private(started: StartedBefore, tmp_path: Path) -> AsyncIterator[Demo]:
    """A demo in which secrets are typed and shown on private pages alone, and a submission server is told."""
    given: dict[str, Any] = {"password_entry": "private", "submission_port": free_port()}
    async with running_demo(tmp_path, encryption_keys=started.key, **given) as opened:
        yield opened
    assert not opened.workspace.refusals


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """A browser without cookies."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def link(demo: Demo, name: str = "Label printer") -> str:
    """Fill in the form, and return the address that its answer leads to."""
    await demo.workspace.command(ADA, "/email-profile", f"programs add {name}")
    await demo.workspace.wait_view(ADA, "Add a program")
    assert await demo.workspace.submit(ADA) == {}
    assert not TOKEN.search(on_top(demo))
    return await demo.workspace.press_url(ADA, "Open the private page")


async def ask(browser: aiohttp.ClientSession, method: str, url: str, **given: Any) -> tuple[int, str]:
    async with browser.request(method, url, allow_redirects=False, **given) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        return answer.status, unescape(await answer.text())


async def mark(browser: aiohttp.ClientSession, url: str) -> str:
    _, page = await ask(browser, "GET", url)
    return str(re.findall(r'name="mark" value="([0-9a-f]{32})"', page)[0])


async def fill_profile(demo: Demo) -> None:
    """Set up a profile; its password is not typed in Slack, and a program needs none to be added."""
    workspace = demo.workspace
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    for label, value in (
        ("Email Address", "ada@demo.example"),
        ("User/Login", "ada@demo.example"),
        ("SMTP Server Address", demo.mail.host),
        ("Port", "587"),
    ):
        await workspace.fill(ADA, label, value)
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "Your email profile")


async def test_the_values_are_shown_on_the_page_this_once_and_never_in_slack(
    private: Demo, browser: aiohttp.ClientSession, store: Store
) -> None:
    await fill_profile(private)
    url = await link(private)
    status, page = await ask(browser, "GET", url)
    assert status == 200
    assert "The program <strong>Label printer</strong> gets a token of its own" in page
    assert "to anyone, 500 messages a day, until you remove it" in page
    # A program that previews links adds nothing.
    assert await store.ask("SELECT 1 FROM program_tokens") == []
    status, shown = await ask(browser, "POST", url, data={"mark": await mark(browser, url), "program": "add"})
    assert status == 200
    assert "Label printer is added" in shown
    assert "Type these six values into the program:" in shown
    (token,) = TOKEN.findall(shown)
    for label, value in (
        ("Email Address", "ada@demo.example"),
        ("Password", token),
        ("SMTP Server Address", "127.0.0.1"),
        ("Port", str(private.settings.submission_port)),
        ("Encryption", "None"),
    ):
        assert f"<dt>{label}</dt><dd><code>{value}</code></dd>" in shown
    assert (await sign_in(private, token)).program.name == "Label printer"
    status, again = await ask(browser, "GET", url)
    assert (status, TOKEN.search(again)) == (404, None)
    assert token.split("_")[2] not in str(private.workspace.received)
    assert "Label printer" in searchable(await listed(private))


async def test_what_is_wrong_in_the_form_is_said_in_slack(private: Demo, browser: aiohttp.ClientSession) -> None:
    await fill_profile(private)
    url = await link(private)
    await ask(browser, "POST", url, data={"mark": await mark(browser, url), "program": "add"})
    await private.workspace.cancel(ADA)
    await private.workspace.command(ADA, "/email-profile", "programs add label printer")
    await private.workspace.wait_view(ADA, "Add a program")
    assert "you have a program with the name label printer already" in str(await private.workspace.submit(ADA))


async def test_a_link_for_a_program_sets_no_password_and_one_for_a_password_adds_no_program(
    private: Demo, browser: aiohttp.ClientSession, store: Store
) -> None:
    await fill_profile(private)
    url = await link(private)
    data = {"mark": await mark(browser, url), "password": "analytical engine 1843"}
    assert (await ask(browser, "POST", url, data=data))[0] == 404
    await private.workspace.cancel(ADA)
    await private.workspace.command(ADA, "/email-profile")
    await private.workspace.press(ADA, "Set the password privately", message=private.workspace.messages(ADA)[-1])
    message = await private.workspace.wait_message(ADA, "Open the private page to set your password.")
    other = await private.workspace.press_url(ADA, "Open the private page", message=message)
    status, shown = await ask(browser, "POST", other, data={"mark": await mark(browser, other), "program": "add"})
    assert (status, TOKEN.search(shown)) == (404, None)
    assert await store.ask("SELECT 1 FROM program_tokens") == []
    # Both links are good for what they were made for.
    assert (await ask(browser, "POST", url, data={"mark": await mark(browser, url), "program": "add"}))[0] == 200


async def test_a_form_that_is_not_from_the_page_adds_nothing(
    private: Demo, browser: aiohttp.ClientSession, store: Store
) -> None:
    await fill_profile(private)
    url = await link(private)
    for given in ({}, {"program": "add"}, {"mark": "0" * 32, "program": "add"}):
        assert (await ask(browser, "POST", url, data=given))[0] == 403
    assert await store.ask("SELECT 1 FROM program_tokens") == []


async def test_two_presses_at_once_add_one_program(private: Demo, browser: aiohttp.ClientSession, store: Store) -> None:
    await fill_profile(private)
    url = await link(private)
    data = {"mark": await mark(browser, url), "program": "add"}
    answers = await asyncio.gather(*(ask(browser, "POST", url, data=data) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 404, 404, 404]
    assert len(await store.ask("SELECT 1 FROM program_tokens")) == 1


async def test_a_profile_that_was_changed_since_ends_the_link(
    private: Demo, browser: aiohttp.ClientSession, store: Store
) -> None:
    await fill_profile(private)
    url = await link(private)
    await private.workspace.cancel(ADA)
    await change_login(private)
    assert (await ask(browser, "GET", url))[0] == 404


async def change_login(demo: Demo) -> None:
    """Change the login."""
    await demo.workspace.command(ADA, "/email-profile", "edit")
    await demo.workspace.wait_view(ADA, "Email profile")
    await demo.workspace.fill(ADA, "User/Login", "another")
    assert await demo.workspace.submit(ADA) == {}


async def test_where_people_sign_in_first_the_page_of_a_program_is_its_owners_alone(
    started: StartedBefore, tmp_path: Path, browser: aiohttp.ClientSession, store: Store
) -> None:
    app: dict[str, Any] = {"slack_client_id": "1815.1852", "slack_client_secret": "demo"}
    async with running_demo(tmp_path, encryption_keys=started.key, password_entry="private", **app) as demo:
        await fill_profile(demo)
        url = await link(demo)
        _, before = await ask(browser, "GET", url)
        assert "Sign in with Slack" in before
        assert "Label printer" not in before
        page = Browser(browser)
        assert (await sign_in_to(demo, page, url, GRACE)).status == 403
        browser.cookie_jar.update_cookies({"password-form": "0" * 32})
        status, forged = await ask(browser, "POST", url, data={"mark": "0" * 32, "program": "add"})
        assert (status, TOKEN.search(forged)) == (403, None)
        assert await store.ask("SELECT 1 FROM program_tokens") == []
        browser.cookie_jar.clear()
        assert (await sign_in_to(demo, page, url, ADA)).status == 303
        status, shown = await ask(browser, "POST", url, data={"mark": await mark(browser, url), "program": "add"})
        assert status == 200
        assert TOKEN.search(shown)
