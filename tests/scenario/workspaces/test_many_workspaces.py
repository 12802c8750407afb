"""Many workspaces beside each other: each with its own people, admins and records; leaving, returning, and renewals."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import text

from bot import doctor
from bot.doctor.finding import INSTALLATIONS, Finding
from bot.profiles.people.retention import Retention, people_lease
from bot.slack.ids import SCOPES
from tests.databases import Maker, engine_at
from tests.fakes.many_slacks import ManySlacks
from tests.fakes.slack_places import Place, Team, User, as_slack
from tests.scenario.many import Many, addresses, install, many_settings, open_many, said, save

ADA, GRACE = "U0ADA", "U0GRACE"
DAY = timedelta(days=1)


def staffed(slacks: ManySlacks, key: str, *, organisation: str | None = None) -> Team:
    """A workspace with a member and an admin, whose ids are the same everywhere."""
    ada = User(ADA, f"Ada of {key}", f"ada@{key.lower()}.example")
    grace = User(GRACE, f"Grace of {key}", f"grace@{key.lower()}.example", is_admin=True)
    return slacks.team(key, ada, grace, organisation=organisation)


@pytest.fixture
async def slacks() -> AsyncIterator[ManySlacks]:
    """Slack: two workspaces, and an organisation of two more."""
    async with ManySlacks().serving() as serving:
        for key in ("T0ONE", "T0TWO"):
            staffed(serving, key)
        for key in ("T0RED", "T0BLUE"):
            staffed(serving, key, organisation="E0ORG")
        yield serving


@pytest.fixture
def url(maker: Maker, tmp_path: Path) -> Any:
    """The address of a database of the test's own, with tables."""
    with maker.upgraded(tmp_path / "x.db") as address:
        yield address


@pytest.fixture
async def many(slacks: ManySlacks, url: str) -> AsyncIterator[Many]:
    """A bot that is installed nowhere yet."""
    async with open_many(slacks, many_settings(slacks, url)) as opened:
        yield opened


def place(many: Many, key: str, *, whole: bool = False) -> Place:
    return Place(many.slacks.teams[key], whole=whole)


async def test_two_workspaces_use_one_bot_and_know_nothing_of_each_other(many: Many) -> None:
    one, two = place(many, "T0ONE"), place(many, "T0TWO")
    assert "Team T0ONE" in await install(many, one)
    assert "not installed here" in await many.command(two, ADA, "/email-profile")
    await install(many, two)
    assert await save(many, one, ADA, "ada@one.example") == {"response_action": "clear"}
    assert "no email profile yet" in await many.command(two, ADA, "/email-profile")
    assert await save(many, two, ADA, "augusta@two.example") == {"response_action": "clear"}
    assert "ada@one.example" in await many.command(one, ADA, "/email-profile")
    assert await addresses(many, "T0ONE") == {ADA: "ada@one.example"}
    assert await addresses(many, "T0TWO") == {ADA: "augusta@two.example"}
    await many.list_is_read(one, two)
    listed = await many.command(one, GRACE, "/email-profile", "list")
    assert "ada@one.example" in listed
    assert "two.example" not in listed
    assert "Only admins" in await many.command(one, ADA, "/email-profile", "list")
    for call in many.slacks.calls:
        if call.key:
            assert ("two.example" if call.key == "T0ONE" else "one.example") not in str(call.arguments)


async def test_an_organisation_and_a_workspace_of_it_live_beside_each_other(many: Many) -> None:
    whole, red = place(many, "T0BLUE", whole=True), place(many, "T0RED")
    assert "The &lt;b&gt;Org&lt;/b&gt;" in await install(many, whole)
    # Nothing falls back from the workspace to its organisation, or the other way.
    assert "not installed here" in await many.command(red, ADA, "/email-profile")
    await install(many, red)
    assert await save(many, whole, ADA, "ada@org.example") == {"response_action": "clear"}
    assert "no email profile yet" in await many.command(red, ADA, "/email-profile")
    assert await save(many, red, ADA, "ada@red.example") == {"response_action": "clear"}
    assert "ada@org.example" in await many.command(place(many, "T0RED", whole=True), ADA, "/email-profile")
    assert "ada@red.example" in await many.command(red, ADA, "/email-profile")
    assert await addresses(many, "E0ORG") == {ADA: "ada@org.example"}
    assert await addresses(many, "T0RED") == {ADA: "ada@red.example"}
    async with many.bot.database.reading() as tx:
        assert await tx.installations.workspaces() == ["E0ORG", "T0RED"]


async def test_of_an_organisation_only_its_own_admins_reach_everybodys_accounts(many: Many) -> None:
    whole, red = place(many, "T0RED", whole=True), place(many, "T0RED")
    many.slacks.teams["T0BLUE"].add(User("U0ORG", "Org admin", "", organisation_admin=True))
    for where in (whole, red):
        await install(many, where)
    await many.list_is_read(whole, red)
    assert "Work with email" in await many.command(red, GRACE, "/email-profile", "list")
    assert "Only admins" in await many.command(whole, GRACE, "/email-profile", "list")
    assert "Only admins" in await many.command(whole, GRACE, "/email-profile", f"show <@{ADA}>")
    listed = await many.command(whole, "U0ORG", "/email-profile", "list")
    # Ada and Grace are members of both workspaces, and one person each.
    assert "3 people" in listed


async def test_the_people_of_an_organisation_are_those_of_all_its_workspaces_once(many: Many) -> None:
    slacks = many.slacks
    for number in range(5):
        slacks.team(f"T0MORE{number}", User(f"U{number}", f"Person {number}"), organisation="E0ORG")
    gone_in_one = User("U0MOVED", "Moved", is_deactivated=True)
    slacks.teams["T0RED"].add(gone_in_one)
    slacks.teams["T0BLUE"].add(User("U0MOVED", "Moved"))
    whole = place(many, "T0RED", whole=True)
    await install(many, whole)
    await many.list_is_read(whole)
    async with many.bot.database.reading() as tx:
        assert await tx.people.users("E0ORG") == sorted([ADA, GRACE, "U0MOVED", *(f"U{number}" for number in range(5))])
        assert sum((await tx.people.counts("E0ORG")).values()) == 8
        moved = await tx.people.get("E0ORG", "U0MOVED")
    assert moved is not None
    assert moved.deactivated_at is None


BROKEN: dict[str, Callable[[], Any]] = {
    "rate limited": lambda: web.json_response({"ok": False}, status=429, headers={"Retry-After": "99"}),
    "an error of the server's": lambda: web.Response(status=500),
    "a broken answer": lambda: web.Response(text='{"ok": tr', content_type="application/json"),
    "refused": lambda: {"ok": False, "error": "internal_error"},
    "silence": lambda: asyncio.sleep(0.6),
}


@pytest.mark.databases("sqlite")
async def test_while_slack_does_not_name_the_workspaces_of_an_organisation_the_log_does_and_it_is_asked_seldom(
    slacks: ManySlacks, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.slack.web_api.clients.CALL_TIMEOUT_SECONDS", 0.3)
    async with open_many(slacks, many_settings(slacks, url)) as many:
        whole = place(many, "T0RED", whole=True)
        await install(many, whole)
        # The reading that the installation begins is over.
        await many.list_is_read(whole)
        for name, broken in BROKEN.items():
            caplog.clear()
            slacks.answers["auth.teams.list"] = lambda _, broken=broken: broken()  # type: ignore[misc]
            async with many.bot.database.writing() as tx:
                await tx.leases.drop(people_lease("E0ORG"))
            before = len(slacks.calls_of("auth.teams.list"))
            await many.bot.housekeeping.read_people()
            assert 1 <= len(slacks.calls_of("auth.teams.list")) - before <= 3, name
            assert "Housekeeping failed: people" in caplog.text, name
        del slacks.answers["auth.teams.list"]
        await many.list_is_read(whole)


async def test_somebody_of_another_workspace_of_the_organisation_is_a_stranger_in_this_one(many: Many) -> None:
    red = place(many, "T0RED")
    await install(many, red)
    many.slacks.answers["users.info"] = lambda _: {
        "ok": True,
        "user": as_slack(many.slacks.teams["T0BLUE"], many.slacks.teams["T0BLUE"].users[ADA]),
    }
    assert "for members of this workspace" in await many.command(red, ADA, "/email-profile")


async def test_a_change_of_a_person_is_learnt_by_the_workspace_that_tells_of_it(many: Many) -> None:
    one, two = place(many, "T0ONE"), place(many, "T0TWO")
    for where in (one, two):
        await install(many, where)
    await many.list_is_read(one, two)
    gone = User(ADA, "Ada", is_deactivated=True)
    await many.slacks.event(many.url, one, {"type": "user_change", "user": as_slack(one.team, gone)})
    async with many.bot.database.reading() as tx:
        assert await tx.people.users("T0ONE") == [GRACE]
        assert await tx.people.users("T0TWO") == [ADA, GRACE]


async def test_what_an_event_tells_while_people_are_read_is_not_undone_by_what_was_read_before(many: Many) -> None:
    one = place(many, "T0ONE")
    await install(many, one)
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(_request: object) -> dict[str, Any]:
        members = [as_slack(one.team, user) for user in one.team.users.values()]
        asked.set()
        await may_answer.wait()
        return {"ok": True, "members": members}

    many.slacks.answers["users.list"] = slow
    reading = asyncio.create_task(many.list_is_read(one))
    await asked.wait()
    gone = User(ADA, "Ada", is_deactivated=True)
    await many.slacks.event(many.url, one, {"type": "user_change", "user": as_slack(one.team, gone)})
    may_answer.set()
    await reading
    async with many.bot.database.reading() as tx:
        known = await tx.people.get("T0ONE", ADA)
    assert known is None


UNINSTALLED: list[dict[str, Any]] = [
    {"type": "app_uninstalled"},
    {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0BOT"]}},
]


async def removed(many: Many, where: Place) -> None:
    """Remove the app at Slack, which tells of it twice."""
    many.slacks.remove(where)
    for event in UNINSTALLED:
        await many.slacks.event(many.url, where, event)


async def purge_after(many: Many, passed: timedelta) -> None:
    async def later() -> Any:
        return await many.bot.database.now() + passed

    await Retention(database=many.bot.database, history=3650 * DAY, clock=later, on_change=lambda _: None).purge()


async def installed(many: Many) -> list[str]:
    async with many.bot.database.reading() as tx:
        return await tx.installations.workspaces()


@pytest.mark.parametrize("whole", [False, True])
async def test_who_removes_the_app_takes_its_token_at_once_and_the_records_after_thirty_days(
    many: Many, whole: bool
) -> None:
    gone, stays = place(many, "T0RED", whole=whole), place(many, "T0BLUE")
    for where in (gone, stays):
        await install(many, where)
        await save(many, where, ADA, f"ada@{where.key.lower()}.example")
    await removed(many, gone)
    assert await installed(many) == ["T0BLUE"]
    for command in ("/email-profile", "/email-extra", "/email-test"):
        told = await many.command(gone, ADA, command)
        assert "not installed here any more" in told
        assert "install it again" in told
    assert "ada@t0blue.example" in await many.command(stays, ADA, "/email-profile")
    await purge_after(many, 30 * DAY - timedelta(minutes=1))
    assert await addresses(many, gone.key) == {ADA: f"ada@{gone.key.lower()}.example"}
    await purge_after(many, 30 * DAY + timedelta(minutes=1))
    assert await addresses(many, gone.key) == {}
    assert await addresses(many, "T0BLUE") == {ADA: "ada@t0blue.example"}
    await install(many, gone)
    assert "no email profile yet" in await many.command(gone, ADA, "/email-profile")


async def test_who_returns_in_time_finds_everything_and_is_not_purged(many: Many) -> None:
    one = place(many, "T0ONE")
    await install(many, one)
    await save(many, one, ADA, "ada@one.example")
    await removed(many, one)
    await install(many, one)
    await purge_after(many, 400 * DAY)
    assert "ada@one.example" in await many.command(one, ADA, "/email-profile")


async def test_a_removal_that_is_told_after_the_app_was_installed_again_changes_nothing(many: Many) -> None:
    one = place(many, "T0ONE")
    await install(many, one)
    many.slacks.remove(one)
    await install(many, one)
    for event in UNINSTALLED:
        await many.slacks.event(many.url, one, event)
    assert await installed(many) == ["T0ONE"]
    await purge_after(many, 400 * DAY)
    assert "no email profile yet" in await many.command(one, ADA, "/email-profile")


async def test_a_removal_that_nothing_told_of_is_found_by_the_daily_reading(many: Many) -> None:
    one, two = place(many, "T0ONE"), place(many, "T0TWO")
    for where in (one, two):
        await install(many, where)
    many.slacks.remove(one)
    async with many.bot.database.writing() as tx:
        for where in (one, two):
            await tx.leases.drop(f"people of {where.key}")
    await many.bot.housekeeping.read_people()
    assert await installed(many) == ["T0TWO"]


async def test_tokens_that_were_exchanged_in_the_database_open_nothing(many: Many, url: str) -> None:
    one, two = place(many, "T0ONE"), place(many, "T0TWO")
    for where in (one, two):
        await install(many, where)
    assert many.bot.installations is not None
    many.bot.installations._known.clear()

    def exchange() -> None:
        engine = engine_at(url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE installations SET workspace = 'T0NONE' WHERE workspace = 'T0ONE'"))
            connection.execute(text("UPDATE installations SET workspace = 'T0ONE' WHERE workspace = 'T0TWO'"))
            connection.execute(text("UPDATE installations SET workspace = 'T0TWO' WHERE workspace = 'T0NONE'"))
        engine.dispose()

    await asyncio.to_thread(exchange)
    many.slacks.calls.clear()
    for where in (one, two):
        assert "not installed here" in await many.command(where, ADA, "/email-profile")
    assert [call for call in many.slacks.calls if call.key] == []
    await install(many, one)
    assert "no email profile yet" in await many.command(one, ADA, "/email-profile")


async def test_every_kind_of_request_without_an_installation_is_answered_by_a_sentence(many: Many) -> None:
    one = place(many, "T0ONE")
    assert "not installed here" in await many.command(one, ADA, "/email-profile")
    where = {"response_url": f"{many.slacks.base_url}/respond/T0ONE", "channel": {"id": "C0", "name": "x"}}
    action = {"type": "button", "action_id": "edit_profile", "value": ADA, "block_id": "b"}
    await many.slacks.interact(many.url, one, ADA, "block_actions", actions=[action], **where)
    (answer,) = many.slacks.calls_of("response_url")
    assert "not installed here" in str(answer.arguments)
    block = {"type": "input", "block_id": "address", "label": {"type": "plain_text", "text": "x"}, "element": {}}
    view = {"type": "modal", "callback_id": "email_profile", "blocks": [block], "state": {"values": {}}}
    refused = await many.slacks.interact(many.url, one, ADA, "view_submission", view={**view, "private_metadata": ""})
    assert "not installed here" in refused["errors"]["address"]
    home = {"type": "app_home_opened", "user": ADA, "tab": "home", "channel": "D0"}
    assert await many.slacks.event(many.url, one, home) == {}
    nowhere = await many.slacks.send(many.url, "slash_commands", {"command": "/email-profile", "user_id": ADA})
    assert "not installed here" in said(nowhere)


async def test_over_socket_mode_too_and_installed_from_the_same_page(slacks: ManySlacks, url: str) -> None:
    settings = many_settings(slacks, url, slack_app_token="xapp-many", slack_signing_secret=None)
    async with open_many(slacks, settings) as many:
        one, two = place(many, "T0ONE"), place(many, "T0TWO")
        async with asyncio.timeout(10):
            while not slacks.sockets:
                await asyncio.sleep(0.01)
        assert "not installed here" in await many.command(one, ADA, "/email-profile")
        await install(many, one)
        assert await save(many, one, ADA, "ada@one.example") == {"response_action": "clear"}
        assert "ada@one.example" in await many.command(one, ADA, "/email-profile")
        assert "not installed here" in await many.command(two, ADA, "/email-profile")


async def examined() -> list[doctor.Finding]:
    """Examine everything, and leave out what is told behind the installations: nothing is served here, for one."""
    later = ("Signing secret", "Clock", "PUBLIC_URL", "Verdict")
    return [finding for finding in await doctor.examine() if finding.subject not in later]


def about_installations(found: list[Finding]) -> str:
    return next(finding.sentence for finding in found if finding.subject == INSTALLATIONS)


async def test_the_doctor_tries_a_few_installations_and_counts_the_rest(
    slacks: ManySlacks, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = many_settings(slacks, url, public_url="http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    for name in ("slack_client_id", "slack_api_url", "public_url"):
        monkeypatch.setenv(name.upper(), getattr(settings, name))
    for name in ("slack_client_secret", "slack_signing_secret", "database_url", "encryption_keys"):
        monkeypatch.setenv(name.upper(), getattr(settings, name).get_secret_value())
    async with open_many(slacks, settings) as many:
        found = await examined()
        assert [finding for finding in found if not finding.good] == []
        assert "none yet; the app is installed at http://127.0.0.1:9/slack/install" in about_installations(found)
        for number in range(6):
            await install(many, Place(staffed(slacks, f"T{number}")))
        slacks.remove(Place(slacks.teams["T3"]))
        found = await examined()
        slacks.scopes = list(SCOPES)
        (first, *_) = [finding for finding in await examined() if finding.subject == "Slack in T0"]
    asked = {finding.subject: finding for finding in found if finding.subject.startswith("Slack in ")}
    assert sorted(asked) == [f"Slack in T{number}" for number in range(5)]
    assert [subject for subject, finding in asked.items() if not finding.good] == ["Slack in T3"]
    assert "the token works in Team T0 with every scope" in asked["Slack in T0"].sentence
    assert about_installations(found) == "6 in all; the other 1 were not asked."
    assert first.good
    assert "works in Team T0 without im:history, which is optional: plain messages" in first.sentence
    assert not any(secret in str(found) for secret in slacks.secrets)
