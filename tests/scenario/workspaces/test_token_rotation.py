"""Tokens that end: renewed once over all instances, never lost, and one workspace's trouble is no other's."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from storage.engines.transactions import DatabaseFault, DatabaseUnavailableError
from storage.tables.installations import InstallationTable
from tests.databases import Maker
from tests.fakes.many_slacks import ManySlacks
from tests.fakes.slack_places import Place, User
from tests.scenario.many import Many, install, many_settings, open_many

ADA = "U0ADA"
ENDS_SOON, OVER, FULL = 3600, 30, 43_200
REFUSED = {"ok": False, "error": "invalid_refresh_token"}


@pytest.fixture(autouse=True)
def _read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each request read its installation, as it does a minute later."""
    monkeypatch.setattr("bot.slack.workspaces.installations.CACHE_SECONDS", 0.0)


@pytest.fixture
async def slacks() -> AsyncIterator[ManySlacks]:
    """Slack with two workspaces, and tokens that end."""
    async with ManySlacks().serving() as serving:
        serving.rotates = True
        for key in ("T0ONE", "T0TWO"):
            serving.team(key, User(ADA, "Ada", f"ada@{key.lower()}.example"))
        yield serving


@pytest.fixture
def url(maker: Maker, tmp_path: Path) -> Iterator[str]:
    """The address of a database of the test's own, with tables."""
    with maker.upgraded(tmp_path / "x.db") as address:
        yield address


@pytest.fixture
async def many(slacks: ManySlacks, url: str) -> AsyncIterator[Many]:
    """A bot that is installed nowhere yet."""
    async with open_many(slacks, many_settings(slacks, url)) as opened:
        yield opened


async def installed(many: Many, key: str = "T0ONE", *, seconds: int) -> Place:
    """Install with a token that lives so many seconds; later ones live as long as Slack's do."""
    place = Place(many.slacks.teams[key])
    many.slacks.token_seconds = seconds
    await install(many, place)
    many.slacks.token_seconds = FULL
    return place


def on_refresh(slacks: ManySlacks, answer: Callable[[], Any]) -> None:
    """Answer each request for a new token otherwise; None lets it be answered as usual, after a wait perhaps.

    It has to be said before the bot is installed, for the bot itself reads the people of a new workspace soon.
    """

    async def answered(request: web.Request) -> Any:
        if "grant_type" not in await request.post():
            return None
        given = answer()
        return await given if asyncio.iscoroutine(given) else given

    slacks.answers["oauth.v2.access"] = answered


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.01)


def refreshes(slacks: ManySlacks) -> int:
    return sum(call.arguments.get("grant_type") == "refresh_token" for call in slacks.calls_of("oauth.v2.access"))


async def stored_token(many: Many, key: str = "T0ONE") -> str:
    async with many.bot.database.reading() as tx:
        stored = await tx.installations.get(key)
    assert stored is not None
    return str(json.loads(stored.document)["bot_token"])


def newest(slacks: ManySlacks) -> str:
    return list(slacks.tokens)[-1]


ANSWERED = "no email profile yet"


@pytest.mark.parametrize("seconds", [ENDS_SOON, OVER])
async def test_a_token_that_ends_is_renewed_once_by_two_instances_and_both_go_on(
    slacks: ManySlacks, url: str, seconds: int
) -> None:
    settings = many_settings(slacks, url)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(open_many(slacks, settings))
        second = await stack.enter_async_context(open_many(slacks, settings))
        place = await installed(first, seconds=seconds)
        told = await asyncio.gather(
            *(one.command(place, ADA, "/email-profile") for one in (first, second) for _ in range(5))
        )
        assert all(ANSWERED in text for text in told)
        await until(lambda: len(slacks.tokens) == 2)
        while await stored_token(second) != newest(slacks):
            await asyncio.sleep(0.01)
        # The old one ends now.
        slacks.tokens[next(iter(slacks.tokens))].works = False
        for one in (first, second):
            assert ANSWERED in await one.command(place, ADA, "/email-profile")
            await one.list_is_read(place)
        assert refreshes(slacks) == 1


async def test_a_token_that_works_for_a_while_keeps_nobody_waiting(many: Many) -> None:
    may_answer = asyncio.Event()

    async def slow() -> None:
        await may_answer.wait()

    on_refresh(many.slacks, slow)
    place = await installed(many, seconds=ENDS_SOON)
    assert ANSWERED in await many.command(place, ADA, "/email-profile")
    may_answer.set()
    await until(lambda: len(many.slacks.tokens) == 2)


async def test_a_refused_renewal_is_logged_and_counted_and_troubles_no_other_workspace(
    many: Many, caplog: pytest.LogCaptureFixture
) -> None:
    on_refresh(many.slacks, lambda: REFUSED)
    one, two = await installed(many, seconds=ENDS_SOON), await installed(many, "T0TWO", seconds=FULL)
    for _ in range(3):
        assert ANSWERED in await many.command(one, ADA, "/email-profile")
    await until(lambda: "Slack refuses to renew the token of T0ONE (invalid_refresh_token)" in caplog.text)
    assert refreshes(many.slacks) == 1
    assert ANSWERED in await many.command(two, ADA, "/email-profile")
    assert await many.get("/readyz") == (200, "ready")
    assert 'token_renewals_total{ended="refused"} 1.0' in (await many.get("/metrics"))[1]
    assert not any(secret in caplog.text for secret in many.slacks.secrets)


async def test_a_token_that_is_over_for_good_is_told_and_installing_again_mends_it(many: Many) -> None:
    on_refresh(many.slacks, lambda: REFUSED)
    one, two = await installed(many, seconds=OVER), await installed(many, "T0TWO", seconds=FULL)
    for _ in range(2):
        assert "install it again" in await many.command(one, ADA, "/email-profile")
    assert ANSWERED in await many.command(two, ADA, "/email-profile")
    assert await many.get("/readyz") == (200, "ready")
    await install(many, one)
    assert ANSWERED in await many.command(one, ADA, "/email-profile")


@pytest.mark.parametrize(
    "broken",
    [
        {"ok": False, "error": "internal_error"},
        {"ok": False, "error": "bad_client_secret"},
        {"ok": True},
        ["no object"],
    ],
)
async def test_a_renewal_that_fails_is_tried_again(many: Many, monkeypatch: pytest.MonkeyPatch, broken: object) -> None:
    monkeypatch.setattr("bot.slack.workspaces.token_rotation.FAILED_PAUSE_SECONDS", 0.05)
    on_refresh(many.slacks, lambda: broken)
    one = await installed(many, seconds=OVER)
    assert "has not given the bot a new token yet" in await many.command(one, ADA, "/email-profile")
    del many.slacks.answers["oauth.v2.access"]
    # The bot reads the people meanwhile, and who comes while that waits for a token is told to try again.
    async with asyncio.timeout(10):
        while ANSWERED not in await many.command(one, ADA, "/email-profile"):
            await asyncio.sleep(0.05)


async def test_a_new_token_is_kept_though_the_bot_stops_while_slack_gives_it(slacks: ManySlacks, url: str) -> None:
    settings = many_settings(slacks, url)

    async def slow() -> None:
        await asyncio.sleep(0.3)

    on_refresh(slacks, slow)
    async with open_many(slacks, settings) as many:
        place = await installed(many, seconds=ENDS_SOON)
        assert ANSWERED in await many.command(place, ADA, "/email-profile")
        assert len(slacks.tokens) == 1
    async with open_many(slacks, settings) as many:
        assert len(slacks.tokens) == 2
        assert await stored_token(many) == newest(slacks)


async def test_who_installs_again_while_a_token_is_renewed_keeps_the_new_installation(many: Many) -> None:
    may_answer = asyncio.Event()

    async def slow() -> None:
        await may_answer.wait()

    on_refresh(many.slacks, slow)
    place = await installed(many, seconds=ENDS_SOON)
    await many.command(place, ADA, "/email-profile")
    await until(lambda: refreshes(many.slacks) == 1)
    await install(many, place)
    again = newest(many.slacks)
    may_answer.set()
    await until(lambda: len(many.slacks.tokens) == 3)
    assert many.bot.installations is not None
    await many.bot.installations.finish()
    assert await stored_token(many) == again
    assert ANSWERED in await many.command(place, ADA, "/email-profile")


async def test_a_new_token_is_stored_though_the_database_hesitates(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.slack.workspaces.token_rotation.SAVE_RETRY_SECONDS", 0.01)
    save, refused = InstallationTable.save, iter([DatabaseFault.BUSY, DatabaseFault.SILENT])

    async def hesitating(self: InstallationTable, *args: Any, **kwargs: Any) -> None:
        renewing = kwargs["expected_revision"] > 0
        if renewing and (trouble := next(refused, None)) is not None:
            raise DatabaseUnavailableError(trouble)
        await save(self, *args, **kwargs)

    monkeypatch.setattr(InstallationTable, "save", hesitating)
    place = await installed(many, seconds=ENDS_SOON)
    await many.command(place, ADA, "/email-profile")
    await until(lambda: len(many.slacks.tokens) == 2)
    assert many.bot.installations is not None
    await many.bot.installations.finish()
    assert await stored_token(many) == newest(many.slacks)
