"""Each method of Slack's that the bot calls, failing in each way: people hear of it, or the log does; nothing storms.

A row is what a person does that makes the bot call one method. In each of its cells that method fails in one way for
as long as the cell lasts.
"""

import ast
import asyncio
import inspect
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

import bot
from bot.app import TemporaryStartError
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.platform import Message, searchable
from bot.profiles.people.retention import people_lease
from bot.slack.web_api.call_health import METHODS, RESPONSE_URL, UPLOAD
from tests.counts import scaled
from tests.scenario.people import ADA, GRACE, fill_form, set_up
from tests.store import Store

pytestmark = pytest.mark.databases("sqlite")

MOST_TRIES = 3
SILENCE = 0.6
"""Seconds; longer than the bot is patient here."""

FAULTS: dict[str, Fault] = {
    "rate limited": Fault(kind="ratelimited", seconds=1),
    "rate limited for long": Fault(kind="ratelimited", seconds=600),
    "internal error": Fault(kind="error500"),
    "silence": Fault(kind="silence", seconds=SILENCE),
    "lost connection": Fault(kind="close"),
    "garbled": Fault(kind="garbled"),
}
TRIGGERS: dict[str, Fault] = {
    name: Fault(kind="refused", error=name) for name in ("expired_trigger_id", "exchanged_trigger_id")
}
USED_UP: dict[str, Fault] = {name: Fault(kind="refused", error=name) for name in ("used_url", "expired_url")}


@pytest.fixture(autouse=True)
def brief_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack is given up on soon."""
    for name in (
        "replies.modals.MODAL_TIMEOUT_SECONDS",
        "replies.response_url.POST_TIMEOUT_SECONDS",
        "replies.direct_message.POST_TIMEOUT_SECONDS",
        "replies.posted_message.UPDATE_TIMEOUT_SECONDS",
        "background.home_tabs.PUBLISH_TIMEOUT_SECONDS",
        "workspaces.users.LOOKUP_TIMEOUT_SECONDS",
        "listeners.bulk_tests.START_TIMEOUT_SECONDS",
    ):
        monkeypatch.setattr(f"bot.slack.{name}", 0.25)
    # No report is ready so soon that the acknowledgement says it.
    monkeypatch.setattr("bot.slack.middleware.held_ack.HOLD_SECONDS", 0.0)
    # Long enough for a connection that a busy machine makes, short enough for a table.
    monkeypatch.setattr("bot.slack.web_api.clients.CALL_TIMEOUT_SECONDS", 0.4)
    monkeypatch.setattr("bot.slack.workspaces.users.PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("bot.slack.workspaces.users.CACHE_SECONDS", 0.0)
    monkeypatch.setattr("bot.slack.background.home_tabs.RETRY_SECONDS", 0.01)
    monkeypatch.setattr("bot.slack.background.home_tabs.SETTLE_SECONDS", 0.05)
    # What Slack asks to wait is waited for in full elsewhere.
    briefly = SimpleNamespace(sleep=lambda seconds: asyncio.sleep(min(seconds, 0.1)))
    monkeypatch.setattr("slack_sdk.http_retry.builtin_async_handlers.asyncio", briefly)


@pytest.fixture(autouse=True)
def no_loose_ends(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing ends unheard in the event loop."""
    yield
    loose = [record.getMessage() for record in caplog.get_records("call") if record.name == "asyncio"]
    assert loose == []


@pytest.fixture
async def furnished(tmp_path: Path) -> AsyncIterator[Demo]:
    """A demo with two profiles, and their Home tabs."""
    async with running_demo(tmp_path) as demo:
        for user in (ADA, GRACE):
            await set_up(demo, user)
            await demo.workspace.open_home(user)
        await demo.bot.housekeeping.read_people()
        # Whatever a message waits for is looked at again soon.
        demo.bot.outbox.sleep = lambda seconds: asyncio.sleep(min(seconds, 0.05))
        yield demo


Do = Callable[[Demo], Awaitable[None]]


async def nothing(_demo: Demo) -> None:
    """Have nothing to prepare."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """What `user` does; `shown` is what they see when Slack is well, or when it is told elsewhere."""

    method: str
    user: str
    shown: str
    act: Do
    before: Do = nothing
    faults: dict[str, Fault] | None = None


NOT_OPENED = "Slack did not open this in time."
TOLD_ELSEWHERE = (
    NOT_OPENED,
    "Slack did not take the bot's answer",
    "Slack did not take the change",
    "Please try again in a minute",
)


def command(user: str, name: str, text: str = "") -> Do:
    async def act(demo: Demo) -> None:
        await demo.workspace.command(user, name, text)

    return act


async def change_and_tell(demo: Demo) -> None:
    """Change a profile, and wait until the message that tells of it has been tried, with whatever came of it."""
    tried = demo.workspace.calls("chat.postMessage")
    await demo.workspace.command(GRACE, "/email-extra", "add FROM_NAME Countess @ada")
    async with asyncio.timeout(5):
        while demo.workspace.calls("chat.postMessage") == tried:
            await asyncio.sleep(0.01)
    # A silent Slack is given up on meanwhile.
    await asyncio.sleep(0.6)


def press(user: str, label: str, *, on: str = "") -> Do:
    """Press in the latest message that holds `on`, else in the modal on top."""

    async def act(demo: Demo) -> None:
        await demo.workspace.press(user, label, message=latest(demo, user, on) if on else None)

    return act


def press_home(user: str, label: str) -> Do:
    async def act(demo: Demo) -> None:
        await demo.workspace.press_home(user, label)

    return act


def latest(demo: Demo, user: str, holding: str) -> Message:
    return [message for message in demo.workspace.messages(user) if holding in searchable(message)][-1]


def all_of(*acts: Do) -> Do:
    async def act(demo: Demo) -> None:
        for one in acts:
            await one(demo)

    return act


async def save_form(demo: Demo) -> None:
    await fill_form(demo, ADA)
    assert await demo.workspace.submit(ADA) == {}


async def choose_row(demo: Demo, option: str) -> None:
    await demo.workspace.choose(GRACE, ADA, option, message=latest(demo, GRACE, "1–2 of 2"))


async def visit(demo: Demo) -> None:
    demo.workspace.homes.pop(ADA, None)
    await demo.workspace.visit(ADA, "home")


async def read_people(demo: Demo) -> None:
    async with demo.bot.database.writing() as tx:
        await tx.leases.drop(people_lease("T0DEMO"))
    # Where Slack asks for a long pause, the reading goes on after it.
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await demo.bot.housekeeping.read_people()


async def copied_to_ada(demo: Demo) -> None:
    """Show Ada a list whose buttons she may not press."""
    await LIST(demo)
    shown = latest(demo, GRACE, "1–2 of 2")
    await demo.workspace.post(
        Message(author=shown.author, channel=shown.channel, text=shown.text, blocks=shown.blocks, reader=ADA)
    )


LIST = command(GRACE, "/email-profile", "list")
FORM = command(ADA, "/email-profile", "edit")
CARD = command(ADA, "/email-profile")
EXTRAS = all_of(FORM, press(ADA, "Extra Configurations"))

ACTS: dict[str, Act] = {
    "the form, by command": Act(method="views.open", user=ADA, shown="Email profile", act=FORM, faults=TRIGGERS),
    "the defaults, by command": Act(
        method="views.open",
        user=GRACE,
        shown="Workspace defaults",
        act=command(GRACE, "/email-profile", "defaults"),
        faults=TRIGGERS,
    ),
    "the form, from a card": Act(
        method="views.open",
        user=ADA,
        shown="Email profile",
        before=CARD,
        act=press(ADA, "Edit", on="Your email profile"),
        faults=TRIGGERS,
    ),
    "the list of extras, from a card": Act(
        method="views.open",
        user=ADA,
        shown="Extra configurations",
        before=CARD,
        act=press(ADA, "Extra Configurations", on="Your email profile"),
        faults=TRIGGERS,
    ),
    "the form, from the Home tab": Act(
        method="views.open", user=ADA, shown="Email profile", act=press_home(ADA, "Edit"), faults=TRIGGERS
    ),
    "the form, from a row": Act(
        method="views.open",
        user=GRACE,
        shown="Email profile",
        before=LIST,
        act=lambda demo: choose_row(demo, "Edit"),
        faults=TRIGGERS,
    ),
    "a test, from the Home tab": Act(
        method="views.open",
        user=ADA,
        shown="Connection test passed",
        act=press_home(ADA, "Test connection"),
        faults=TRIGGERS,
    ),
    "the list of extras, on the form": Act(
        method="views.push",
        user=ADA,
        shown="Extra configurations",
        before=FORM,
        act=press(ADA, "Extra Configurations"),
        faults=TRIGGERS,
    ),
    "an extra to add, on the list": Act(
        method="views.push", user=ADA, shown="Add configuration", before=EXTRAS, act=press(ADA, "Add"), faults=TRIGGERS
    ),
    "a private link, on the form": Act(
        method="views.push",
        user=ADA,
        shown="The link works once",
        before=FORM,
        act=press(ADA, "Set the password privately"),
        faults=TRIGGERS,
    ),
    "a test, in the form": Act(
        method="views.update", user=ADA, shown="Connection test passed", before=FORM, act=press(ADA, "Test connection")
    ),
    "an extra to remove, on the list": Act(
        method="views.update",
        user=ADA,
        shown="None yet.",
        before=all_of(command(ADA, "/email-extra", "add TLS Y"), EXTRAS),
        act=press(ADA, "Remove"),
    ),
    "the Home tab": Act(method="views.publish", user=ADA, shown="ada@demo.example", act=visit),
    "the whole list, from the Home tab": Act(
        method="chat.postMessage", user=GRACE, shown="1–2 of 2", act=press_home(GRACE, "Search, filter, test, export")
    ),
    "a change by an admin": Act(
        method="chat.postMessage",
        user=ADA,
        shown="changed your email profile",
        before=command(ADA, "/email-extra", "remove FROM_NAME"),
        act=change_and_tell,
    ),
    "the card after saving": Act(
        method=RESPONSE_URL, user=ADA, shown="Your email profile", before=FORM, act=save_form, faults=USED_UP
    ),
    "a test of many": Act(
        method="chat.update",
        user=GRACE,
        shown="Of 2 tested email profiles",
        before=all_of(LIST, press(GRACE, "Test these", on="1–2 of 2")),
        act=press(GRACE, "Test 2 profiles", on="Test 2 email profiles?"),
    ),
    "a test of many, its beginning": Act(
        method="chat.postMessage",
        user=GRACE,
        shown="Of 2 tested email profiles",
        before=all_of(LIST, press(GRACE, "Test these", on="1–2 of 2")),
        act=press(GRACE, "Test 2 profiles", on="Test 2 email profiles?"),
    ),
    "an export, its address": Act(
        method="files.getUploadURLExternal",
        user=GRACE,
        shown="The table is in your messages",
        before=LIST,
        act=press(GRACE, "Export", on="1–2 of 2"),
    ),
    "an export, its bytes": Act(
        method=UPLOAD,
        user=GRACE,
        shown="The table is in your messages",
        before=LIST,
        act=press(GRACE, "Export", on="1–2 of 2"),
    ),
    "an export, its end": Act(
        method="files.completeUploadExternal",
        user=GRACE,
        shown="The table is in your messages",
        before=LIST,
        act=press(GRACE, "Export", on="1–2 of 2"),
    ),
    "somebody else's card": Act(
        method="users.info", user=GRACE, shown="ada@demo.example", act=command(GRACE, "/email-profile", "show @ada")
    ),
    "the list of people": Act(method="users.list", user=GRACE, shown="", act=read_people),
    "a test, by command": Act(
        method=RESPONSE_URL, user=ADA, shown="Connection test passed", act=command(ADA, "/email-test"), faults=USED_UP
    ),
    "a test, from a card": Act(
        method=RESPONSE_URL,
        user=ADA,
        shown="Connection test passed",
        before=CARD,
        act=press(ADA, "Test connection", on="Your email profile"),
        faults=USED_UP,
    ),
    "a deletion": Act(
        method=RESPONSE_URL,
        user=ADA,
        shown="is deleted",
        before=command(ADA, "/email-profile", "delete"),
        act=press(ADA, "Delete …", on="cannot be brought back"),
        faults=USED_UP,
    ),
    "a search": Act(
        method=RESPONSE_URL,
        user=GRACE,
        shown="1–1",
        before=LIST,
        act=lambda demo: demo.workspace.enter_in(GRACE, "Search", "lovelace", message=latest(demo, GRACE, "1–2 of 2")),
        faults=USED_UP,
    ),
    "a refusal, from an old button": Act(
        method=RESPONSE_URL,
        user=ADA,
        shown="Only admins",
        before=copied_to_ada,
        act=press(ADA, "Test these", on="1–2 of 2"),
        faults=USED_UP,
    ),
}

ELSEWHERE = {
    "api.test",
    "apps.connections.open",
    "auth.test",
    "auth.teams.list",
    "oauth.v2.access",
    "openid.connect.token",
}
"""Called by the doctor, at the start, over Socket Mode, by browsers, or for many workspaces: by no act here."""


def cells() -> list[list[tuple[str, str]]]:
    """The cells that one demo goes through: of each row all, or in the quick run one of each method's first row."""
    whole = [[(name, fault) for fault in ("none", *FAULTS, *(row.faults or {}))] for name, row in ACTS.items()]
    firsts = {row.method: cells for cells, row in zip(reversed(whole), reversed(ACTS.values()), strict=True)}
    rotated = [row[1 + index % (len(row) - 1)] for index, row in enumerate(firsts.values())]
    return scaled(quick=[rotated], full=whole)


@pytest.mark.parametrize("some", cells(), ids=lambda some: some[0][0])
async def test_whoever_meets_a_failing_slack_hears_of_it_or_the_log_does_and_nothing_storms(
    furnished: Demo, store: Store, caplog: pytest.LogCaptureFixture, some: list[tuple[str, str]]
) -> None:
    for name, fault in some:
        # Nothing waits any more because of the cell before.
        for table in ("limits", "outbox", "leases"):
            await store.edit(f"DELETE FROM {table}")
        row = ACTS[name]
        faults: dict[str, Fault | None] = {"none": None, **FAULTS, **(row.faults or {})}
        await _cell(furnished, caplog, row, f"{name}, {fault}", faults[fault])


async def _cell(demo: Demo, caplog: pytest.LogCaptureFixture, row: Act, cell: str, fault: Fault | None) -> None:
    workspace = demo.workspace
    workspace.stacks.clear()
    workspace.all_messages.clear()
    await ada_has_a_profile(demo)
    await row.before(demo)
    await _settled(demo)
    caplog.clear()
    kept = _shown(demo, row.user)
    workspace.faults[row.method] = [fault] * 50 if fault else []
    before = workspace.calls(row.method)
    with caplog.at_level(logging.INFO):
        await row.act(demo)
        await _settled(demo)
        if row.method == "views.publish":
            # A tab that was not taken is published again in the background, twice.
            await asyncio.sleep(0.8)
    tries = workspace.calls(row.method) - before
    workspace.faults[row.method] = []
    seen = "\n".join(said for key, said in _shown(demo, row.user).items() if key not in kept)
    if fault is None:
        assert row.shown in seen, (cell, seen)
    else:
        heard = any(sentence in seen for sentence in (row.shown, *TOLD_ELSEWHERE))
        assert heard or _losses(caplog), (cell, seen, caplog.text)
        # A tab that the act before changed may be published again meanwhile.
        times = 2 if row.method == "views.publish" else 1
        assert 1 <= tries <= MOST_TRIES * times, (cell, tries)
    assert "Task exception was never retrieved" not in caplog.text, cell


async def ada_has_a_profile(demo: Demo) -> None:
    """Bring back what a cell before has deleted."""
    await CARD(demo)
    if "no email profile yet" in searchable(demo.workspace.messages(ADA)[-1]):
        await set_up(demo, ADA)
    demo.workspace.all_messages.clear()


def _shown(demo: Demo, user: str) -> dict[tuple[str, object], str]:
    """Everything that a person sees: each message, modal and Home tab as it is now, with its words."""
    workspace = demo.workspace
    views = [*workspace.stacks.get(user, []), *([workspace.homes[user]] if user in workspace.homes else [])]
    shown: dict[tuple[str, object], str] = {(view.id, view.hash): str(view.content) for view in views}
    for message in workspace.messages(user):
        shown[f"{id(message)}", message.revision] = searchable(message)
    return shown


def _losses(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log tells as lost, with a reference, or as put off; that a request was served is no loss."""
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    waits = [record.getMessage() for record in caplog.records if record.name == "bot.slack.background.outbox"]
    return [line for line in told if re.search(r"reference [0-9A-F]{8}|^Housekeeping failed", line)] + waits


async def _settled(demo: Demo) -> None:
    async with asyncio.timeout(20):
        while demo.bot.jobs.running:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)


def called() -> set[str]:
    """Every method of the Web API that the program calls, by what its source names."""
    methods = {
        name
        for name, member in inspect.getmembers(AsyncWebClient, inspect.iscoroutinefunction)
        if not name.startswith("_") and name not in ("api_call", "files_upload_v2")
    }
    found = set()
    for file in Path(bot.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in methods:
                found.add(node.attr)
            assert not (isinstance(node, ast.Attribute) and node.attr == "api_call"), file
    return found


def test_the_table_knows_every_method_that_the_bot_calls() -> None:
    # files_upload_v2 is these two, and the upload itself.
    upload = {"files.getUploadURLExternal", "files.completeUploadExternal"}
    spelled = {method.replace(".", "").lower() for method in METHODS - upload}
    assert {name.replace("_", "").lower() for name in called()} == spelled
    assert {row.method for row in ACTS.values()} | ELSEWHERE == {*METHODS, UPLOAD, RESPONSE_URL}


@pytest.mark.parametrize("name", scaled(quick=["internal error", "garbled"], full=[*FAULTS]))
async def test_a_start_without_slacks_answer_ends_with_one_line(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(dict[str, list[Fault]]):
        def get(self, key: str, default: Any = None) -> Any:
            return [FAULTS[name]] if key == "auth.test" else default

    from bot.demo.stand_in import platform

    made = platform.Platform.__init__

    def failing(self: Any, **given: Any) -> None:
        made(self, **given)
        self.faults = Failing()

    monkeypatch.setattr(platform.Platform, "__init__", failing)
    with pytest.raises(TemporaryStartError, match=r"^SLACK_API_URL: http\S+ does not answer"):
        async with running_demo(tmp_path):
            pass
