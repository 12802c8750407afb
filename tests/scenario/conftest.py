"""The whole bot, its stand-in workspace and a local mail server, started afresh for each test on each database."""

import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo, demo_settings, running_demo
from bot.demo.stand_in.people import PEOPLE
from bot.demo.stand_in.platform import Message, Platform, searchable
from bot.demo.stand_in.views import PlatformError
from bot.demo.stand_in.workspace import Workspace
from bot.observability import log
from bot.settings import Settings
from tests.databases import FolderDatabases, Maker
from tests.scenario.crowd import CROWD, mail_for, set_up_crowd
from tests.scenario.started_before import StartedBefore, started_before
from tests.store import Store


@pytest.fixture(scope="package", autouse=True)
def databases(maker: Maker) -> Iterator[FolderDatabases]:
    """Open every demo of this package on a database of each kind in turn; other tests keep the file of the demo."""
    made = FolderDatabases(maker)
    with pytest.MonkeyPatch.context() as patched, made.ending():
        patched.setattr("bot.demo.run.embedded_database", made.at)
        # Slack is asked for pages at leisure, for which no test has the time.
        patched.setattr("bot.slack.background.user_sync.SECONDS_PER_PAGE", 0.0)
        # What becomes of a database is seen at once.
        patched.setattr("bot.health.LOOK_SECONDS", 0.0)
        # Forms fill themselves only where a test is about that.
        patched.setattr("bot.demo.run.demo_settings", _settings_that_find_nothing_elsewhere)
        yield made


def _settings_that_find_nothing_elsewhere(folder: Path, workspace: Workspace, **given: Any) -> Settings:
    return demo_settings(folder, workspace, **{"discovery": "local", **given})


@pytest.fixture(scope="package")
def started(databases: FolderDatabases, tmp_path_factory: pytest.TempPathFactory) -> StartedBefore:
    """A bot that has started before; a test's folder then holds a copy of its database."""
    return started_before(databases, tmp_path_factory.mktemp("started"))


@pytest.fixture(scope="package")
def crowded(databases: FolderDatabases, tmp_path_factory: pytest.TempPathFactory) -> StartedBefore:
    """As `started`, with the crowd: forty people more, twelve of them set up, of whom three have a wrong password."""
    folder = tmp_path_factory.mktemp("crowded")
    return started_before(databases, folder, mail=mail_for(CROWD), people=[*PEOPLE, *CROWD], then=set_up_crowd)


@pytest.fixture(autouse=True)
def _new_databases(request: pytest.FixtureRequest, databases: FolderDatabases) -> Iterator[None]:
    """Drop a test's databases at its end."""
    with databases.ending():
        for before in {"started", "crowded"}.intersection(request.fixturenames):
            databases.copy(request.getfixturevalue("tmp_path"), request.getfixturevalue(before).address)
        yield


@pytest.fixture(autouse=True)
def _what_the_bot_shows_is_valid(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test at its end if a view or message that the bot sent anywhere was none that Slack takes.

    The bot answers by itself when Slack refuses one, so what a test waits for may well appear nevertheless.
    """
    refused: list[str] = []

    def noting(check: Callable[[Platform, str, Any], Any]) -> Callable[[Platform, str, Any], Any]:
        def checked(workspace: Platform, method: str, shown: Any) -> Any:
            try:
                return check(workspace, method, shown)
            except PlatformError as error:
                refused.append(f"{method}: {error} {error.messages}")
                raise

        return checked

    monkeypatch.setattr(Platform, "checked_view", noting(Platform.checked_view))
    monkeypatch.setattr(Platform, "checked_message", noting(Platform.checked_message))
    yield
    assert refused == []


@pytest.fixture
def shown_in_place(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What messages said in place of what they said before; how far something is, is shown at once and at each step."""
    shown: list[str] = []
    replace = Message.replace

    def noting(message: Message, text: str, blocks: list[dict[str, Any]]) -> None:
        replace(message, text, blocks)
        shown.append(searchable(message))

    monkeypatch.setattr(Message, "replace", noting)
    monkeypatch.setattr("bot.slack.replies.reply.FIRST_PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr("bot.slack.listeners.bulk_tests.PROGRESS_INTERVAL_SECONDS", 0.0)
    return shown


@pytest.fixture
def store(databases: FolderDatabases, tmp_path: Path) -> Iterator[Store]:
    """The database of the demo in tmp_path, read and edited past the bot."""
    with Store.at(databases.at(tmp_path)) as looked_into:
        yield looked_into


@pytest.fixture(params=["http", "socket"])
async def demo(request: pytest.FixtureRequest, started: StartedBefore, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo over signed HTTP, and again over Socket Mode."""
    given: dict[str, Any] = {"slack_app_token": "xapp-demo"} if request.param == "socket" else {}
    async with running_demo(tmp_path, encryption_keys=started.key, **given) as opened:
        yield opened
    assert not opened.workspace.refusals


@pytest.fixture
async def http_demo(started: StartedBefore, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo over signed HTTP alone, where the way in makes no difference."""
    async with running_demo(tmp_path, encryption_keys=started.key) as opened:
        yield opened
    assert not opened.workspace.refusals


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """All that the bot's own logging writes at debug, as JSON lines with tracebacks."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in log.LIBRARY_LEVELS}
    stream = io.StringIO()
    log.set_up(level="debug", form="json", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
