"""The manifest, the names in the code, and what the bot listens to are the same."""

from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest
import yaml
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.manifest import http_manifest
from bot.slack.app import register_listeners
from bot.slack.command_text import SUBCOMMANDS, Invocation
from bot.slack.ids import COMMANDS, EVENTS, OPTIONAL_SCOPES, SCOPES, SUBSCRIPTIONS, ActionId, ShortcutId, ViewId
from bot.slack.workspaces.sign_in import SIGN_IN_PATH

ROOT = Path(__file__).parents[3]


class RecordingApp(AsyncApp):
    """Bolt's app, which also remembers what was registered on it."""

    def __init__(self) -> None:
        async def authorize(**_: Any) -> AuthorizeResult:
            raise NotImplementedError

        super().__init__(signing_secret="x", client=AsyncWebClient(), authorize=authorize)
        self.subcommands: list[tuple[str, Callable[[Invocation], Awaitable[bool]]]] = []
        self.registered: list[tuple[str, str]] = []
        self.handles_errors = False

    def command(self, *args: Any, **kwargs: Any) -> Any:
        (matcher,) = kwargs["matchers"]
        self.subcommands.append((args[0], matcher))
        return super().command(*args, **kwargs)

    def event(self, *args: Any, **kwargs: Any) -> Any:
        self.registered.append(("event", args[0]))
        return super().event(*args, **kwargs)

    def action(self, *args: Any, **kwargs: Any) -> Any:
        self.registered.append(("action", str(args[0])))
        return super().action(*args, **kwargs)

    def view(self, *args: Any, **kwargs: Any) -> Any:
        self.registered.append(("view", str(args[0])))
        return super().view(*args, **kwargs)

    def shortcut(self, *args: Any, **kwargs: Any) -> Any:
        self.registered.append(("shortcut", str(args[0])))
        return super().shortcut(*args, **kwargs)

    def error(self, *args: Any, **kwargs: Any) -> Any:
        self.handles_errors = True
        return super().error(*args, **kwargs)

    def names(self, kind: str) -> list[str]:
        return sorted(name for other, name in self.registered if other == kind)


@pytest.fixture(scope="module")
def app() -> RecordingApp:
    """The app with every listener."""
    recording = RecordingApp()
    nobody: Any = AsyncMock()
    register_listeners(recording, nobody, tabs=nobody, conversation=nobody, user_sync=nobody)
    return recording


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """The manifest as an operator pastes it."""
    return cast(dict[str, Any], yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8")))


def commands(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["command"]: entry for entry in manifest["features"]["slash_commands"]}


def test_the_manifest_declares_the_commands_in_the_code(manifest: dict[str, Any]) -> None:
    assert [entry["command"] for entry in manifest["features"]["slash_commands"]] == list(COMMANDS)


def test_the_manifest_asks_for_the_scopes_in_the_code_and_no_more(manifest: dict[str, Any]) -> None:
    # What is optional is asked for, too: https://docs.slack.dev/changelog/2026/03/16/optional-scopes
    scopes = {"bot": [*SCOPES, *OPTIONAL_SCOPES], "bot_optional": list(OPTIONAL_SCOPES)}
    assert manifest["oauth_config"]["scopes"] == scopes


def test_the_manifest_subscribes_to_the_events_in_the_code(manifest: dict[str, Any]) -> None:
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == list(SUBSCRIPTIONS)
    assert sorted(name.partition(".")[0] for name in SUBSCRIPTIONS) == sorted(EVENTS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_described_with_a_hint_and_escaped(name: str, manifest: dict[str, Any]) -> None:
    entry = commands(manifest)[name]
    assert entry["should_escape"] is True
    assert len(entry["description"].split()) >= 3
    assert entry["usage_hint"].endswith("[@user]")
    assert "url" not in entry


@pytest.mark.parametrize("name", COMMANDS)
def test_each_hint_names_the_subcommands_in_the_code_in_their_order(name: str, manifest: dict[str, Any]) -> None:
    named = [
        f"{entry.name} {entry.arguments}".strip()
        for entry in SUBCOMMANDS[name]
        if name != "/email-test" or entry.name != "test"
    ]
    assert commands(manifest)[name]["usage_hint"] == f"[{' | '.join(named)}] [@user]"


def test_the_home_tab_and_buttons_are_on_and_direct_messages_can_arrive(manifest: dict[str, Any]) -> None:
    home = manifest["features"]["app_home"]
    assert home["home_tab_enabled"] is True
    assert home["messages_tab_enabled"] is True
    # Read-only, the conversation with the app would take no commands either.
    assert home["messages_tab_read_only_enabled"] is False
    assert manifest["settings"]["interactivity"] == {"is_enabled": True}


def test_the_manifest_is_for_socket_mode(manifest: dict[str, Any]) -> None:
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["token_rotation_enabled"] is False
    assert "request_url" not in str(manifest)


def test_names_and_descriptions_keep_to_slacks_limits(manifest: dict[str, Any]) -> None:
    # https://docs.slack.dev/reference/app-manifest
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140
    assert len(manifest["features"]["bot_user"]["display_name"]) <= 80
    for entry in manifest["features"]["slash_commands"]:
        assert len(entry["command"]) <= 32
        assert len(entry["description"]) <= 2000
        assert len(entry["usage_hint"]) <= 1000
    for entry in manifest["features"]["shortcuts"]:
        assert len(entry["name"]) <= 24
        assert len(entry["description"]) <= 150


def test_the_manifest_in_the_package_is_the_same_text() -> None:
    packaged = resources.files("bot").joinpath("manifest.yml").read_text(encoding="utf-8")
    assert packaged == (ROOT / "manifest.yml").read_text(encoding="utf-8")


def test_the_manifest_for_http_differs_only_in_addresses_and_in_being_for_many(manifest: dict[str, Any]) -> None:
    url = "https://email.example.com/slack/events"
    over_http = yaml.safe_load(http_manifest("https://email.example.com"))
    assert over_http["settings"].pop("socket_mode_enabled") is False
    assert over_http["settings"]["event_subscriptions"].pop("request_url") == url
    assert over_http["settings"]["interactivity"].pop("request_url") == url
    assert [entry.pop("url") for entry in over_http["features"]["slash_commands"]] == [url] * len(COMMANDS)
    (redirect,) = over_http["oauth_config"].pop("redirect_urls")
    assert redirect == "https://email.example.com/slack/oauth_redirect"
    # Slack sends browsers to what lies below a redirect address too: nothing more has to be registered.
    assert f"https://email.example.com{SIGN_IN_PATH}".startswith(f"{redirect}/")
    assert over_http["settings"].pop("org_deploy_enabled") is True
    expected = yaml.safe_load(yaml.safe_dump(manifest))
    del expected["settings"]["socket_mode_enabled"]
    assert expected["settings"].pop("org_deploy_enabled") is False
    assert over_http == expected


@pytest.mark.parametrize(("command", "name"), [(one, entry.name) for one in COMMANDS for entry in SUBCOMMANDS[one]])
async def test_every_subcommand_has_one_listener(app: RecordingApp, command: str, name: str) -> None:
    matchers = [matches for of, matches in app.subcommands if of == command]
    assert [await matches(Invocation(subcommand=name)) for matches in matchers].count(True) == 1


def test_every_event_is_listened_to(app: RecordingApp) -> None:
    assert app.names("event") == sorted(EVENTS)


def test_every_shortcut_of_the_manifest_has_one_listener(app: RecordingApp, manifest: dict[str, Any]) -> None:
    shortcuts = manifest["features"]["shortcuts"]
    assert app.names("shortcut") == sorted(ShortcutId) == [entry["callback_id"] for entry in shortcuts]
    # Messages of whole channels are read by no scope: the message comes with the shortcut.
    assert {entry["type"] for entry in shortcuts} == {"message"}


def test_every_button_and_menu_has_one_listener(app: RecordingApp) -> None:
    assert app.names("action") == sorted(ActionId)


def test_every_modal_that_can_be_submitted_has_one_listener(app: RecordingApp) -> None:
    # The list of extra configurations has only buttons.
    assert app.names("view") == sorted(view for view in ViewId if view is not ViewId.EXTRAS)


def test_whatever_a_listener_raises_is_handled(app: RecordingApp) -> None:
    assert app.handles_errors
