"""“Sign in with Slack” before the private page: it must be that person, in that browser, for that link."""

import base64
import json
import logging
from collections.abc import AsyncIterator
from http.cookies import Morsel
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import aiohttp
import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import PEOPLE, DemoPerson
from bot.demo.stand_in.sign_ins import METHOD, SignIns, json_web_token
from bot.profiles.connection_tests.limits import SIGN_INS
from tests.named import case
from tests.scenario.people import ADA, GRACE
from tests.scenario.private_password.browsers import (
    PASSWORD,
    Browser,
    Reply,
    new_link,
    password_of_ada,
    sign_in,
    sign_in_link,
)
from tests.scenario.started_before import StartedBefore

APP: dict[str, Any] = {"slack_client_id": "1815.1852", "slack_client_secret": "demo"}
OTHERS = (
    DemoPerson(id="U0MEMBER", handle="member", name="A Member", address="member@demo.example"),
    DemoPerson(id="U0OWNER", handle="owner", name="An Owner", address="owner@demo.example", is_owner=True),
    DemoPerson(id="U0GUEST", handle="guest", name="A Guest", address="guest@demo.example", is_guest=True),
    DemoPerson(id="U0STRANGER", handle="stranger", name="A Stranger", address="s@demo.example", is_stranger=True),
    DemoPerson(id="U0GONE", handle="gone", name="Somebody Gone", address="g@demo.example", is_deactivated=True),
)


@pytest.fixture
async def http_demo(started: StartedBefore, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo, whose people sign in with Slack before a private page."""
    async with running_demo(tmp_path, encryption_keys=started.key, people=[*PEOPLE, *OTHERS], **APP) as opened:
        yield opened
    assert not opened.workspace.refusals


@pytest.fixture
async def another() -> AsyncIterator[Browser]:
    """Somebody else's browser."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(session)


def tells_nothing(page: str) -> bool:
    """Whether a page tells neither whose it is nor where a password goes."""
    return not any(word in page for word in ("Ada", "demo.example", "Analytical Engines", 'type="password"'))


async def test_who_signs_in_as_the_person_sets_the_password_there(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    first = await browser.ask("GET", url)
    assert (first.status, tells_nothing(first.text)) == (200, True)
    asked = urlsplit(sign_in_link(first.text))
    assert f"{asked.scheme}://{asked.netloc}{asked.path}" == f"{http_demo.workspace.base_url}/openid/connect/authorize"
    query = {name: value for name, (value,) in parse_qs(asked.query).items()}
    assert query == {
        "response_type": "code",
        "scope": "openid profile",
        "client_id": APP["slack_client_id"],
        "team": "T0DEMO",
        "redirect_uri": f"{http_demo.bot_url}/slack/oauth_redirect/sign_in",
        "state": query["state"],
        "nonce": query["nonce"],
    }
    assert len({query["state"], query["nonce"], url.rpartition("/")[2]}) == 3
    back = await sign_in(http_demo, browser, url)
    assert (back.status, back.headers["Location"]) == (303, urlsplit(url).path)
    page = await browser.ask("GET", url)
    assert "<strong>Ada Lovelace</strong>" in page.text
    assert (await browser.set(url, PASSWORD)).status == 200
    assert await password_of_ada(http_demo) == PASSWORD


async def test_whoever_else_signs_in_learns_nothing_and_sets_nothing(
    http_demo: Demo, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    url, mark = await new_link(http_demo), "0" * 32
    for user in (GRACE, *(person.id for person in OTHERS)):
        with case(user):
            refused = await sign_in(http_demo, browser, url, user)
            name = http_demo.workspace.people[user].name
            assert (refused.status, f"You signed in to Slack as {name}" in refused.text) == (403, True)
            assert tells_nothing(refused.text)
            assert f"A private page of {ADA} was refused to {user}." in caplog.text
            assert tells_nothing((await browser.ask("GET", url)).text)
            browser.session.cookie_jar.update_cookies({"password-form": mark})
            forged = await browser.ask("POST", url, data={"mark": mark, "password": "stolen"})
            assert (forged.status, "Sign in with Slack" in forged.text) == (403, True)
            assert await password_of_ada(http_demo) == "wrong"
    # From that very page the person can sign in with another account.
    refused = await sign_in(http_demo, browser, url, GRACE)
    assert (await browser.ask("GET", http_demo.workspace.sign_in(ADA, sign_in_link(refused.text)))).status == 303


async def test_a_form_that_is_posted_without_having_signed_in_stores_nothing(
    http_demo: Demo, browser: Browser, another: Browser
) -> None:
    url = await new_link(http_demo)
    await sign_in(http_demo, browser, url)
    mark = await browser.mark(url)
    sent = {"mark": mark, "password": "stolen"}
    forged = await another.ask("POST", url, data=sent, headers={"Cookie": f"password-form={mark}"})
    assert (forged.status, "Sign in with Slack" in forged.text) == (403, True)
    assert tells_nothing(forged.text)
    assert await password_of_ada(http_demo) == "wrong"


async def with_cookie(browser: Browser, url: str, cookie: Morsel[str]) -> Reply:
    """Look at a page with one cookie and no other."""
    browser.session.cookie_jar.clear()
    return await browser.ask("GET", url, headers={"Cookie": f"{cookie.key}={cookie.value}"})


async def test_what_comes_back_in_another_browser_or_for_another_link_opens_nothing(
    http_demo: Demo, browser: Browser, another: Browser
) -> None:
    workspace = http_demo.workspace
    url = await new_link(http_demo)
    asked = sign_in_link((await browser.ask("GET", url)).text)
    for name in ("another browser", "a browser that began by itself", "another state", "no state", "an older link"):
        with case(name):
            back, used = workspace.sign_in(ADA, asked), browser
            match name:
                case "another browser":
                    used = another
                case "a browser that began by itself":
                    await another.ask("GET", url)
                    used = another
                case "another state":
                    back = back.replace("state=", "state=x")
                case "no state":
                    back = back.partition("&state=")[0]
                case _:
                    await browser.ask("GET", await new_link(http_demo))
            refused = await used.ask("GET", back)
            assert (refused.status, "Please begin again" in refused.text) == (400, True)
            assert tells_nothing((await used.ask("GET", url)).text)
    browser.session.cookie_jar.clear()
    assert (await browser.ask("GET", back)).status == 400


async def test_what_slack_sent_back_once_opens_nothing_a_second_time(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    back = http_demo.workspace.sign_in(ADA, sign_in_link((await browser.ask("GET", url)).text))
    (cookie,) = browser.session.cookie_jar
    assert (await browser.ask("GET", back)).status == 303
    assert (await browser.ask("GET", back)).status == 400
    # With the cookie of before, too: the code is used, and the browser has another secret since.
    again = await with_cookie(browser, back, cookie)
    assert (again.status, "Slack did not confirm who you are." in again.text) == (502, True)
    assert http_demo.workspace.refusals.pop() == ("openid.connect.token", "invalid_code")


async def test_the_cookie_of_before_the_sign_in_opens_nothing(
    http_demo: Demo, browser: Browser, another: Browser
) -> None:
    url = await new_link(http_demo)
    asked = sign_in_link((await browser.ask("GET", url)).text)
    (planted,) = browser.session.cookie_jar
    assert (await browser.ask("GET", http_demo.workspace.sign_in(ADA, asked))).status == 303
    page = await with_cookie(another, url, planted)
    assert tells_nothing(page.text)


async def test_a_sign_in_holds_for_one_link_alone(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    await sign_in(http_demo, browser, url)
    assert (await browser.set(url, PASSWORD)).status == 200
    assert tells_nothing((await browser.ask("GET", await new_link(http_demo))).text)


async def test_who_presses_cancel_reads_a_plain_sentence_and_can_begin_again(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    asked = sign_in_link((await browser.ask("GET", url)).text)
    refused = await browser.ask("GET", http_demo.workspace.cancel_sign_in(asked))
    assert (refused.status, "You chose Cancel at Slack" in refused.text) == (403, True)
    assert tells_nothing(refused.text)
    assert (await browser.ask("GET", http_demo.workspace.sign_in(ADA, sign_in_link(refused.text)))).status == 303


async def test_a_link_that_is_gone_asks_nobody_to_sign_in(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    back = http_demo.workspace.sign_in(ADA, sign_in_link((await browser.ask("GET", url)).text))
    asked = http_demo.workspace.calls("openid.connect.token")
    await http_demo.workspace.command(GRACE, "/email-extra", f"add PIN {'cd' * 32} @ada")
    gone = await browser.ask("GET", back)
    assert (gone.status, "This link does not work" in gone.text) == (404, True)
    assert http_demo.workspace.calls("openid.connect.token") == asked
    assert (await browser.ask("GET", url)).status == 404


async def test_who_comes_back_again_and_again_is_asked_to_wait(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    asked = sign_in_link((await browser.ask("GET", url)).text)
    back = http_demo.workspace.cancel_sign_in(asked)
    (cookie,) = browser.session.cookie_jar
    (limit,) = SIGN_INS
    replies = [await with_cookie(browser, back, cookie) for _ in range(limit.max_uses + 1)]
    assert [reply.status for reply in replies[-2:]] == [403, 429]
    assert "Retry-After" in replies[-1].headers


def edited(change: dict[str, Any]) -> Any:
    """Return a token with other claims; None takes a claim out."""

    def token(claims: dict[str, Any]) -> str:
        return json_web_token({name: value for name, value in {**claims, **change}.items() if value is not None})

    return token


LIES: dict[str, Any] = {
    "another issuer": edited({"iss": "https://slack.example"}),
    "for another app": edited({"aud": "1.2"}),
    "for another sign-in": edited({"nonce": "x"}),
    "no nonce": edited({"nonce": None}),
    "too old": edited({"exp": 1}),
    "no end": edited({"exp": None}),
    "an end that is none": edited({"exp": "soon"}),
    "no person": edited({"https://slack.com/user_id": None}),
    "no workspace": edited({"https://slack.com/team_id": None}),
    "a person of another kind": edited({"https://slack.com/user_id": ["U0ADA"]}),
    "no object": lambda _: f"x.{base64.urlsafe_b64encode(b'[]').decode()}.x",
    "no JSON": lambda _: "x.canary.x",
    "no token": lambda _: "canary",
    "nothing": lambda _: None,
}


FAULTS = (
    Fault(kind="error500"),
    Fault(kind="ratelimited", seconds=1),
    Fault(kind="garbled"),
    Fault(kind="close"),
    Fault(kind="refused", error="canary"),
    Fault(kind="silence", seconds=0.4),
)


async def test_whatever_slack_answers_instead_is_a_plain_page_and_tells_nothing(
    http_demo: Demo, browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = SignIns.exchange
    url = await new_link(http_demo)
    for lie, token in LIES.items():
        with case(lie):

            def lied(sign_ins: SignIns, arguments: Any, authorization: str, token: Any = token) -> dict[str, Any]:
                answer = exchange(sign_ins, arguments, authorization)
                payload = answer["id_token"].split(".")[1]
                claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
                return {**answer, "id_token": token(claims)}

            with monkeypatch.context() as patched:
                patched.setattr(SignIns, "exchange", lied)
                refused = await sign_in(http_demo, browser, url)
            assert (refused.status, "Slack did not confirm who you are." in refused.text) == (502, True)
            assert tells_nothing((await browser.ask("GET", url)).text)
    monkeypatch.setattr("bot.slack.workspaces.sign_in.SLACK_SECONDS", 0.2)
    for fault in FAULTS:
        with case(fault.kind):
            http_demo.workspace.faults[METHOD] = [fault]
            refused = await sign_in(http_demo, browser, url)
            assert (refused.status, "Slack did not confirm who you are." in refused.text) == (502, True)
    assert caplog.text.count("canary") == 1, "the name of an error is told, and nothing else that Slack says"
    assert "Traceback" not in caplog.text
    monkeypatch.setattr("bot.slack.workspaces.sign_in.SLACK_SECONDS", 15.0)
    assert (await sign_in(http_demo, browser, url)).status == 303


async def test_somebody_of_the_same_id_in_another_workspace_is_somebody_else(
    http_demo: Demo, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = SignIns._claims
    elsewhere = {"https://slack.com/team_id": "T0OTHER"}
    monkeypatch.setattr(SignIns, "_claims", lambda *given: {**claims(*given), **elsewhere})
    refused = await sign_in(http_demo, browser, await new_link(http_demo))
    assert (refused.status, tells_nothing(refused.text.replace("as Ada Lovelace", ""))) == (403, True)


async def test_slacks_page_lets_people_choose_and_refuses_what_slack_refuses(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    asked = sign_in_link((await browser.ask("GET", url)).text)
    async with browser.session.get(asked) as page:
        shown = await page.text()
    assert "Continue as Ada Lovelace" in shown
    assert "Somebody Gone" not in shown
    address, _, query = asked.partition("?")
    for name, value in (
        ("client_id", "1.2"),
        ("redirect_uri", "https://elsewhere.example/slack/oauth_redirect"),
        ("scope", "openid users:read"),
        ("response_type", "token"),
    ):
        other = urlencode({**dict(parse_qsl(query)), name: value})
        async with browser.session.get(f"{address}?{other}") as page:
            assert page.status == 400
    async with browser.session.get(f"{address}/{ADA}?{query}", allow_redirects=False) as chosen:
        back = chosen.headers["Location"]
    reply: Reply = await browser.ask("GET", back)
    assert reply.status == 303
