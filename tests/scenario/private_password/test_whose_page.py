"""The private page says whose it is and where the password goes, and dies when that is changed."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from html import unescape
from typing import cast

import pytest
from aiohttp.test_utils import make_mocked_request

from bot.demo.run import Demo
from bot.demo.stand_in.faults import Fault
from bot.profiles.account.private_links import LinkSubject, PrivateLink, PrivateLinks
from bot.profiles.people.access import Person
from bot.web.pages import HEADERS, Pages
from bot.web.password_page import PasswordPage
from tests.databases import KINDS
from tests.named import case
from tests.scenario.people import ADA, GRACE, fill_form, profile_of, set_up
from tests.scenario.private_password.browsers import (
    BUTTON,
    PASSWORD,
    Browser,
    link_from_form,
    new_link,
    open_form,
    password_of_ada,
)
from tests.store import Store

PIN = "ab" * 32


def read(page: str) -> str:
    """Return what a person reads on a page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


async def test_the_page_names_the_person_the_workspace_and_the_server_with_its_port(
    http_demo: Demo, browser: Browser
) -> None:
    shown = read((await browser.ask("GET", await new_link(http_demo))).text)
    assert "Ada Lovelace Analytical Engines The password for ada@demo.example" in shown
    assert "at the mail server mail.demo.example , port 587 . It goes nowhere else." in shown
    assert "pinned" not in shown


async def test_the_picture_that_slack_gives_is_shown_and_nothing_else_from_there(
    http_demo: Demo, browser: Browser
) -> None:
    workspace = http_demo.workspace
    workspace.people[ADA] = replace(workspace.people[ADA], picture="/pictures/U0ADA")
    url = await new_link(http_demo)
    browser.also_shown = f"; img-src {workspace.base_url}/pictures/U0ADA"
    page = (await browser.ask("GET", url)).text
    assert re.findall(r'<img src="([^"]*)"', page) == [f"{workspace.base_url}/pictures/U0ADA"]
    async with browser.session.get(f"{workspace.base_url}/pictures/U0ADA") as picture:
        assert (picture.status, picture.content_type) == (200, "image/svg+xml")
    # On a page that is served by HTTPS it has to come by HTTPS, too.
    http_demo.bot.pages.https = True
    browser.session.cookie_jar.clear()
    assert "<img" not in (await browser.ask("GET", url)).text


@pytest.mark.parametrize("https", [True, False])
def test_what_is_no_address_of_a_picture_is_not_shown(https: bool) -> None:
    page = PasswordPage(cast("PrivateLinks", None), Pages(https=https), lambda _: None)
    link = PrivateLink(
        owner=Person("T", "U"), address="", host="mail.test", port=587, pinned_by=None, view_id="", revision=0
    )

    def shown(picture: str) -> tuple[bool, str]:
        subject = LinkSubject(name="Ada", picture=picture, workspace="Engines", pinned_by="")
        answer = page._drawn(make_mocked_request("GET", "/"), link, subject, "", 200)
        return "<img" in (answer.text or ""), answer.headers["Content-Security-Policy"].removeprefix(policy)

    policy = HEADERS["Content-Security-Policy"]
    for picture in (
        "",
        "javascript:alert(1)",
        "//elsewhere.test/x",
        "https://x.test/a; script-src *",
        "https://x.test/a,b",
        'https://x.test/"onerror=',
        "https://x.test/a b",
        "https://x.test/a\n",
        "https://user@x.test/a",
        "https://x.test/'unsafe-inline'",
        "data:image/png;base64,AAAA",
        *(["http://x.test/a"] if https else []),
    ):
        assert shown(picture) == (False, ""), picture
    for picture, source in (
        (
            "https://avatars.slack-edge.com/2026-11-29/1_a-b_72.png",
            "https://avatars.slack-edge.com/2026-11-29/1_a-b_72.png",
        ),
        (
            "https://secure.gravatar.com/avatar/ab.jpg?s=72&d=https%3A%2F%2Fx",
            "https://secure.gravatar.com/avatar/ab.jpg",
        ),
    ):
        assert shown(picture) == (True, f"; img-src {source}")


async def test_the_page_says_who_pinned_the_certificate(http_demo: Demo, browser: Browser) -> None:
    workspace = http_demo.workspace
    card = await set_up(http_demo, ADA)

    async def shown() -> str:
        await workspace.press(ADA, BUTTON, message=card)
        message = await workspace.wait_message(ADA, "Open the private page to set your password.")
        url = await workspace.press_url(ADA, "Open the private page", message=message)
        workspace.all_messages.remove(message)
        return read((await browser.ask("GET", url)).text)

    await workspace.command(ADA, "/email-extra", f"add PIN {PIN}")
    assert "You pinned its certificate: " in await shown()
    await workspace.command(GRACE, "/email-extra", f"add PIN {PIN[::-1]} @ada")
    assert "Grace Hopper pinned its certificate: " in await shown()
    # A save of something else leaves it hers.
    await open_form(http_demo)
    await workspace.fill(ADA, "User/Login", "ada.else")
    await workspace.fill(ADA, "Password", "forgotten with the certificate")
    assert await workspace.submit(ADA) == {}
    page = await shown()
    assert "Grace Hopper pinned its certificate: " in page
    assert "If you do not know why, ask before you type your password." in page
    await workspace.command(ADA, "/email-extra", "remove PIN")
    assert "pinned" not in await shown()
    assert (await profile_of(http_demo)).pin_set_by == ""


async def test_a_form_names_the_port_and_the_pin_that_wait_for_its_save(http_demo: Demo, browser: Browser) -> None:
    workspace = http_demo.workspace
    await open_form(http_demo)
    await fill_form(http_demo, ADA, port="465", encryption="SSL")
    await workspace.fill(ADA, "Password", "")
    await workspace.press(ADA, "Extra Configurations")
    await workspace.wait_view(ADA, "Extra configurations")
    await workspace.press(ADA, "Add")
    await workspace.wait_view(ADA, "Add configuration")
    await workspace.fill(ADA, "Configuration", "PIN")
    await workspace.wait_view(ADA, "Add configuration", containing="hexadecimal")
    await workspace.fill(ADA, "Value", PIN)
    assert await workspace.submit(ADA) == {}
    await workspace.cancel(ADA)
    page = read((await browser.ask("GET", await link_from_form(http_demo))).text)
    assert "mail.demo.example , port 465" in page
    assert "You pinned its certificate: " in page


async def test_without_an_answer_of_slack_ids_stand_for_names(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    http_demo.bot.page.links.access._directory._known.clear()  # type: ignore[union-attr]
    http_demo.workspace.faults["users.info"] = [Fault(kind="error500")] * 9
    page = await browser.ask("GET", url)
    assert (page.status, "<strong>U0ADA</strong>" in page.text) == (200, True)
    http_demo.workspace.faults.clear()


async def by_form(demo: Demo, user: str, label: str, value: str) -> None:
    await open_form(demo, user, "edit" if user == ADA else "edit @ada")
    await demo.workspace.fill(user, label, value)
    if label == "SMTP Server Address" and user == ADA:
        await demo.workspace.fill(user, "Password", "for the new server")
    assert await demo.workspace.submit(user) == {}


async def by_command(demo: Demo, user: str, text: str) -> None:
    await demo.workspace.command(user, "/email-extra", text if user == ADA else f"{text} @ada")


Change = Callable[[Demo, str], Awaitable[None]]
CHANGES: dict[str, tuple[Change, Change]] = {
    "server": (
        lambda demo, user: by_form(demo, user, "SMTP Server Address", "smtp.demo.example"),
        lambda demo, user: by_form(demo, user, "SMTP Server Address", "mail.demo.example"),
    ),
    "port": (
        lambda demo, user: by_form(demo, user, "Port", "2525"),
        lambda demo, user: by_form(demo, user, "Port", "587"),
    ),
    "login": (
        lambda demo, user: by_form(demo, user, "User/Login", "somebody.else"),
        lambda demo, user: by_form(demo, user, "User/Login", "ada@demo.example"),
    ),
    "certificate": (
        lambda demo, user: by_command(demo, user, f"add PIN {PIN}"),
        lambda demo, user: by_command(demo, user, "remove PIN"),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_link_dies_for_good_when_anybody_changes_what_it_was_made_for(
    http_demo: Demo, browser: Browser, what: str
) -> None:
    change, back = CHANGES[what]
    for user in (GRACE, ADA):
        with case(user):
            url = await new_link(http_demo)
            mark = await browser.mark(url)
            http_demo.workspace.all_messages.clear()
            await change(http_demo, user)
            before = await password_of_ada(http_demo)
            for _ in range(2):
                late = await browser.ask("POST", url, data={"mark": mark, "password": PASSWORD})
                assert (late.status, "was changed since it was made" in late.text) == (404, True)
                assert (await browser.ask("GET", url)).status == 404
                assert await password_of_ada(http_demo) == before
                # Putting it back brings no link back.
                await back(http_demo, user)
                before = await password_of_ada(http_demo)


async def test_what_a_link_was_made_for_is_looked_at_once_more_when_it_is_used(
    http_demo: Demo, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await new_link(http_demo)
    mark = await browser.mark(url)
    links = http_demo.bot.page.links  # type: ignore[union-attr]
    require_member, changed = links.access.require_member, asyncio.Event()

    async def meanwhile(person: Person) -> None:
        if not changed.is_set():
            changed.set()
            await by_command(http_demo, GRACE, f"add PIN {PIN}")
        await require_member(person)

    monkeypatch.setattr(links.access, "require_member", meanwhile)
    late = await browser.ask("POST", url, data={"mark": mark, "password": PASSWORD})
    assert (late.status, changed.is_set()) == (404, True)
    assert await password_of_ada(http_demo) != PASSWORD


async def test_what_has_nothing_to_do_with_where_the_password_goes_leaves_a_link(
    http_demo: Demo, browser: Browser
) -> None:
    url = await new_link(http_demo)
    await by_command(http_demo, GRACE, "add FROM_NAME Countess")
    await by_command(http_demo, ADA, "add HELO pc.example.com")
    assert (await browser.set(url, PASSWORD)).status == 200


@pytest.mark.databases(*KINDS)
async def test_whoever_writes_to_the_database_lengthens_no_link_and_brings_none_back(
    http_demo: Demo, browser: Browser, store: Store
) -> None:
    url = await new_link(http_demo)
    await store.edit("UPDATE password_links SET ends_at = ends_at - 1")
    assert (await browser.ask("GET", url)).status == 404
    await store.edit("UPDATE password_links SET ends_at = ends_at + 1")
    assert (await browser.ask("GET", url)).status == 200
    await store.edit("UPDATE password_links SET ends_at = ends_at + 60")
    assert (await browser.ask("GET", url)).status == 404
    await store.edit("UPDATE password_links SET ends_at = ends_at - 60")
    kept = (await store.contents())["password_links"]
    assert (await browser.set(url, PASSWORD)).status == 200
    await store.put_back({"password_links": kept})
    assert len((await store.contents())["password_links"]) == 1
    again = await browser.ask("GET", url)
    assert (again.status, "is used up" in again.text) == (404, True)
