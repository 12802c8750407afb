"""Installing through OAuth: what a person sees in the browser, what is refused, and that no secret is left anywhere."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bot.observability import log
from bot.slack.ids import OPTIONAL_SCOPES, SCOPES
from tests.fakes.many_slacks import ManySlacks
from tests.fakes.slack_places import Place, User
from tests.scenario.many import COOKIE, Browser, Many, install, many_settings, open_many, slack_link
from tests.store import Store

ADA = "U0ADA"


@pytest.fixture
async def slacks() -> AsyncIterator[ManySlacks]:
    """Slack, with one workspace."""
    async with ManySlacks().serving() as serving:
        serving.team("T0ONE", User(ADA, "Ada", "ada@one.example"))
        yield serving


@pytest.fixture
async def many(slacks: ManySlacks, store: Store) -> AsyncIterator[Many]:
    """A bot that is installed nowhere yet."""
    settings = many_settings(slacks, store.url, public_url="https://email.example.com")
    async with open_many(slacks, settings) as opened:
        yield opened


def one(slacks: ManySlacks) -> Place:
    return Place(slacks.teams["T0ONE"])


async def installations(many: Many) -> list[str]:
    async with many.bot.database.reading() as tx:
        return await tx.installations.workspaces()


async def test_an_admin_installs_the_app_from_a_page_and_it_answers_at_once(many: Many) -> None:
    browser = Browser(many)
    status, page = await browser.get("/slack/install")
    assert status == 200
    link = urlsplit(slack_link(page))
    assert f"{link.scheme}://{link.netloc}/" == f"{many.slacks.base_url}/"
    query = parse_qs(link.query)
    assert query["scope"] == [",".join([*SCOPES, *OPTIONAL_SCOPES])]
    assert "user_scope" not in query
    assert query["client_id"] == [many.slacks.client_id]
    assert query["redirect_uri"] == ["https://email.example.com/slack/oauth_redirect"]
    place = one(many.slacks)
    assert "not installed here" in await many.command(place, ADA, "/email-profile")
    status, page = await browser.end(code=many.slacks.allow(place), state=query["state"][0])
    assert (status, "Installed" in page, "<strong>Team T0ONE</strong>" in page) == (200, True, True)
    assert await installations(many) == ["T0ONE"]
    assert "no email profile yet" in await many.command(place, ADA, "/email-profile")


async def test_pages_keep_out_everything_foreign_and_the_cookie_is_the_browsers_alone(many: Many) -> None:
    browser = Browser(many)
    state = await browser.begin()
    for path in ("/slack/install", f"/slack/oauth_redirect?state={state}", "/slack/oauth_redirect"):
        await browser.get(path)
        assert "frame-ancestors 'none'" in browser.headers["Content-Security-Policy"]
        assert browser.headers["Cache-Control"] == "no-store"
        assert browser.headers["Referrer-Policy"] == "no-referrer"
        assert browser.headers["Content-Type"].startswith("text/html")
        cookie = browser.headers["Set-Cookie"]
        assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert (await many.get("/private/password.css"))[0] == 200


async def test_what_a_link_carries_is_neither_shown_nor_passed_on(many: Many) -> None:
    nasty = "%3Cscript%3Ealert(1)%3C/script%3E%26scope%3Dadmin"
    for path in (
        f"/slack/install?team={nasty}&state={nasty}",
        f"/slack/oauth_redirect?error={nasty}",
        f"/slack/oauth_redirect?code={nasty}&state={nasty}",
    ):
        _, page = await many.get(path)
        assert "alert(1)" not in page
        assert "scope=admin" not in page


MALFORMED: dict[str, tuple[str, dict[str, str], bytes]] = {
    "a body in an unknown encoding": ("", {"Content-Type": "text/plain; charset=none"}, b"x"),
    "a body that is no UTF-8": ("", {"Content-Type": "text/plain"}, b"\xff\xfe"),
    "a body that is no JSON": ("", {"Content-Type": "application/json"}, b"{"),
    "JSON that is no object": ("", {"Content-Type": "application/json"}, b"[1]"),
    "a query with a NUL": ("?code=%00&state=%00&error=%00", {}, b""),
    "a query with half a surrogate": ("?code=%ed%a0%80&state=%ed%a0%80", {"Cookie": f"{COOKIE}=%ed%a0%80"}, b""),
    "a query that says all twice": ("?code=1&code=2&state=1&state=2", {"Cookie": f"{COOKIE}=1"}, b""),
    "a state in the cookie alone": ("?code=1", {"Cookie": f"{COOKIE}=; {COOKIE}=1"}, b""),
    "cookies that are none": ("", {"Cookie": '"; =; ;;[]'}, b""),
}


async def test_no_malformed_request_is_taken_for_a_failure(many: Many, caplog: pytest.LogCaptureFixture) -> None:
    for path in ("/slack/install", "/slack/oauth_redirect"):
        for name, (query, headers, body) in MALFORMED.items():
            async with (
                aiohttp.ClientSession() as session,
                session.get(URL(f"{many.url}{path}{query}", encoded=True), headers=headers, data=body) as answer,
            ):
                assert answer.status in (200, 400), f"{name} at {path}"
    assert not any(record.levelno >= logging.ERROR for record in caplog.records)


async def test_who_presses_cancel_at_slack_reads_a_plain_sentence(many: Many) -> None:
    browser = Browser(many)
    state = await browser.begin()
    status, page = await browser.end(error="access_denied", state=state)
    assert status == 200
    assert "You chose Cancel at Slack" in page
    assert 'href="/slack/install"' in page
    assert await installations(many) == []


STATES = ("forged", "missing", "empty", "replayed", "expired", "without a cookie", "with another's cookie")


async def test_a_state_that_is_not_this_browsers_own_and_fresh_installs_nothing(many: Many, store: Store) -> None:
    for kind in STATES:
        browser, code = Browser(many), many.slacks.allow(one(many.slacks))
        query = {"code": code, "state": await browser.begin()}
        match kind:
            case "forged":
                query["state"] = browser.cookies[COOKIE] = "x" * 43
            case "missing":
                del query["state"]
            case "empty":
                query["state"] = browser.cookies[COOKIE] = ""
            case "replayed":
                # Used up by a first return, with a code that is none.
                await browser.end(code="none", state=query["state"])
                browser.cookies[COOKIE] = query["state"]
            case "expired":
                await store.edit("UPDATE oauth_states SET ends_at = ends_at - 601")
            case "without a cookie":
                browser.cookies.clear()
            case _:
                browser = Browser(many)
                await browser.begin()
        status, page = await browser.end(**query)
        assert (status, "Please begin again" in page) == (400, True), kind
        assert await installations(many) == [], kind
        assert code in many.slacks.codes, kind
    assert many.slacks.calls_of("auth.test") == []


async def test_a_state_is_stored_as_a_hash_for_ten_minutes_and_then_purged(many: Many, store: Store) -> None:
    state = await Browser(many).begin()
    assert await store.ask("SELECT count(*) FROM oauth_states") == [(1,)]
    assert state.encode() not in b"".join((await store.everything()).values())
    await store.edit("UPDATE oauth_states SET ends_at = ends_at - 601")
    await many.bot.housekeeping.retention.purge()
    assert await store.ask("SELECT count(*) FROM oauth_states") == [(0,)]


async def silent(_request: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.json_response({"ok": False})


def given(answer: object) -> Callable[[web.Request], object]:
    return lambda _: answer


LIES: dict[str, Any] = {
    "refused": {"ok": False, "error": "invalid_code", "access_token": "xoxb-canary"},
    "refused in tongues": {"ok": False, "error": "<b>xoxb-canary</b>"},
    "no token": {"ok": True, "team": {"id": "T0ONE"}, "token_type": "bot"},
    "no team": {"ok": True, "access_token": "xoxb-canary", "token_type": "bot", "team": None},
    "a team of another kind": {"ok": True, "access_token": "xoxb-canary", "token_type": "bot", "team": "T0ONE"},
    "a token that is none": {"ok": True, "access_token": ["xoxb-canary"], "token_type": "bot", "team": {"id": "T0ONE"}},
    "a person's token": {"ok": True, "access_token": "xoxp-canary", "token_type": "user", "team": {"id": "T0ONE"}},
    "no object": ["xoxb-canary"],
    "a broken answer": lambda _: web.Response(text='{"access_token": "xoxb-canary', content_type="application/json"),
    "an error of the server's": lambda _: web.Response(status=500, text="xoxb-canary"),
    "silence": silent,
}


async def test_whatever_slack_answers_instead_is_a_plain_page_and_nothing_is_stored(
    many: Many, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.workspaces.oauth.SLACK_SECONDS", 0.3)
    many.slacks.answers["auth.test"] = lambda _: {"ok": True, "team_id": "T0ONE", "user_id": "U0BOT", "bot_id": "B0"}
    for lie, answer in LIES.items():
        many.slacks.answers["oauth.v2.access"] = answer if callable(answer) else given(answer)
        browser = Browser(many)
        status, page = await browser.end(code="xoxb-canary-code", state=await browser.begin())
        assert (status, "Slack did not confirm the installation" in page) == (502, True), lie
        assert await installations(many) == [], lie
        assert "canary" not in caplog.text + page, lie
    assert "Traceback" not in caplog.text


async def test_a_token_of_another_workspace_than_slack_named_is_not_taken(many: Many) -> None:
    many.slacks.team("T0TWO")
    many.slacks.answers["auth.test"] = lambda _: {"ok": True, "team_id": "T0TWO", "user_id": "U0BOT", "bot_id": "B0"}
    browser = Browser(many)
    status, _ = await browser.end(code=many.slacks.allow(one(many.slacks)), state=await browser.begin())
    assert (status, await installations(many)) == (502, [])


async def test_installing_again_keeps_one_installation(many: Many) -> None:
    for _ in range(3):
        await install(many, one(many.slacks))
    assert await installations(many) == ["T0ONE"]
    assert "no email profile yet" in await many.command(one(many.slacks), ADA, "/email-profile")


async def test_two_who_install_the_same_workspace_at_once_both_succeed(many: Many) -> None:
    await asyncio.gather(*(install(many, one(many.slacks)) for _ in range(5)))
    assert await installations(many) == ["T0ONE"]


async def test_who_comes_again_and_again_is_asked_to_wait(many: Many) -> None:
    browser = Browser(many)
    for _ in range(60):
        await browser.get("/slack/oauth_redirect")
    for path in ("/slack/install", "/slack/oauth_redirect"):
        status, page = await browser.get(path)
        assert (status, "try again in" in page, "Retry-After" in browser.headers) == (429, True, True)


async def test_one_workspace_has_no_pages_of_installation(slacks: ManySlacks, store: Store) -> None:
    slacks.answers["auth.test"] = lambda _: {"ok": True, "team_id": "T0ONE", "user_id": "U0BOT", "bot_id": "B0"}
    given = {"slack_client_id": None, "slack_client_secret": None, "slack_bot_token": "xoxb-one"}
    settings = many_settings(slacks, store.url, **given)
    async with open_many(slacks, settings) as single:
        assert (await single.get("/slack/install"))[0] == 404
        assert (await single.get("/slack/oauth_redirect"))[0] == 404


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """All that the bot's own logging writes at debug."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in log.LIBRARY_LEVELS}
    stream = io.StringIO()
    log.set_up(level="debug", form="json", stream=stream)
    # What the filter would blank shall not even arrive.
    for handler in root.handlers:
        handler.setFormatter(logging.Formatter())
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


async def test_tokens_and_secrets_stand_nowhere_in_clear(
    slacks: ManySlacks, store: Store, everything_logged: io.StringIO
) -> None:
    # They end so soon that each look at one has it renewed.
    slacks.rotates, slacks.token_seconds = True, 3600
    place, shown = one(slacks), []
    settings = many_settings(slacks, store.url, log_level="debug")
    async with open_many(slacks, settings) as many:
        shown.append(await install(many, place))
        shown.append(await many.command(place, ADA, "/email-profile"))
        async with asyncio.timeout(10):
            while len(slacks.tokens) < 2:
                await asyncio.sleep(0.01)
        slacks.answers["users.info"] = lambda _: web.Response(status=500, text="xoxb-canary")
        shown.append(await many.command(place, "U0OTHER", "/email-profile"))
        shown += [(await many.get(path))[1] for path in ("/metrics", "/readyz", "/slack/install")]
        stored = await store.everything()
        assert b"T0ONE" in b"".join(stored.values())
    everywhere = {
        **stored,
        **{f"{name} after": content for name, content in (await store.everything()).items()},
        "rows": str(await store.contents()).encode(),
        "log": everything_logged.getvalue().encode(),
        "shown": str(shown).encode(),
    }
    assert len(slacks.secrets) >= 6
    for name, content in everywhere.items():
        for secret in slacks.secrets:
            assert secret.encode() not in content, name
            assert secret.encode().hex().encode() not in content.lower(), name
    assert "canary" not in everything_logged.getvalue()
