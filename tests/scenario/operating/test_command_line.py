"""The program as an operator runs it: every command, bad settings, a stop in the middle of a test."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from bot.demo.mail import DemoMail
from bot.demo.serve import serving_workspace
from bot.demo.stand_in.platform import searchable
from bot.demo.stand_in.workspace import Workspace
from storage.crypto.keyring import Keyring, generate_key
from tests.fakes.smtp_server import ScriptedServer, Silence
from tests.scenario.people import ADA
from tests.scenario.starting import program, running
from tests.store import Store

CONFIGURATION_ERROR = 78
GOOD = {"SLACK_BOT_TOKEN": "xoxb-canary-token", "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef"}


async def run(folder: Path, *arguments: str, given: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run the program to its end; gives exit code, standard output and error."""
    return await asyncio.to_thread(program, folder, *arguments, given=given or {})


@pytest.mark.databases()
async def test_help_manifest_and_keys(tmp_path: Path) -> None:
    code, out, _ = await run(tmp_path, "--version")
    assert (code, out) == (0, f"{version('email-profile-bot')}\n")
    code, out, _ = await run(tmp_path, "--help")
    assert code == 0
    assert all(command in out for command in ("run", "demo", "check", "keys", "db", "manifest"))
    code, out, _ = await run(tmp_path, "manifest", "--url", "https://email.example.com")
    assert code == 0
    assert "https://email.example.com/slack/events" in out
    code, out, _ = await run(tmp_path, "keys", "generate")
    assert code == 0
    assert len(Keyring.from_text(out.strip()).key_ids) == 1


async def test_the_database_is_upgraded_described_and_its_keys_turned(tmp_path: Path, url: str) -> None:
    old, new = generate_key(), generate_key()
    given = {**GOOD, "ENCRYPTION_KEYS": old, "DATABASE_URL": url}
    assert "no schema yet" in (await run(tmp_path, "db", "current", given=given))[1]
    assert (await run(tmp_path, "db", "upgrade", given=given))[0] == 0
    assert "up to date" in (await run(tmp_path, "db", "current", given=given))[1]
    assert "seals and opens" in (await run(tmp_path, "keys", "status", given=given))[1]
    code, out, _ = await run(tmp_path, "keys", "rotate", given={**given, "ENCRYPTION_KEYS": f"{new},{old}"})
    assert code == 0
    assert "sealed under the first key" in out


@pytest.mark.databases()
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", ""),
        ("SLACK_BOT_TOKEN", "canary"),
        ("SLACK_SIGNING_SECRET", ""),
        ("ENCRYPTION_KEYS", ""),
        ("ENCRYPTION_KEYS", "canary"),
        ("DATABASE_URL", "mysql://canary@db/x"),
        ("PORT", "canary"),
        ("SMTP_ALLOWED_NETWORKS", "canary"),
        ("SMTP_TIMEOUT", "-1"),
        ("LOG_LEVEL", "canary"),
    ],
)
async def test_a_bad_setting_ends_the_start_with_one_line_and_an_example(tmp_path: Path, name: str, value: str) -> None:
    code, out, err = await run(tmp_path, "run", given={**GOOD, "ENCRYPTION_KEYS": generate_key(), name: value})
    assert code == CONFIGURATION_ERROR
    lines = [line for line in err.splitlines() if line.strip()]
    assert len(lines) == 1
    # Without a signing secret the other way in is named first.
    assert lines[0].startswith(f"{name}: ") or (name in lines[0] and not value)
    assert "xample" in lines[0]
    if name in ("SLACK_BOT_TOKEN", "ENCRYPTION_KEYS", "DATABASE_URL"):
        assert "canary" not in err
    assert "Traceback" not in out + err


@asynccontextmanager
async def slack(mail: DemoMail) -> AsyncIterator[Workspace]:
    workspace = Workspace(signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"])
    async with serving_workspace(workspace, mail, port=0):
        yield workspace


async def test_a_wrong_key_is_told_and_nothing_starts(tmp_path: Path, store: Store) -> None:
    given = {**GOOD, "DATABASE_URL": store.url, "PORT": "0"}
    async with slack(DemoMail()) as workspace:
        given["SLACK_API_URL"] = f"{workspace.base_url}/api/"
        first = generate_key()
        async with running(tmp_path, "run", given={**given, "ENCRYPTION_KEYS": first}) as bot:
            await bot.address()
            assert await bot.stop() == 0
        code, _, err = await run(tmp_path, "check", given={**given, "ENCRYPTION_KEYS": first})
        assert code == 0, err
        swapped = Keyring.from_text(first).active
        # The same id with other bytes: the check value does not open.
        await store.edit("UPDATE key_checks SET sealed = :sealed", sealed=bytes(200))
        code, _, err = await run(tmp_path, "run", given={**given, "ENCRYPTION_KEYS": first})
        assert code == CONFIGURATION_ERROR
        assert swapped in err
        assert len(err.strip().splitlines()) == 1


async def test_a_port_in_use_is_told_in_one_line(tmp_path: Path, store: Store) -> None:
    async with slack(DemoMail()) as workspace:
        given = {
            **GOOD,
            "ENCRYPTION_KEYS": generate_key(),
            "DATABASE_URL": store.url,
            "PORT": workspace.base_url.rsplit(":", 1)[1],
            "SLACK_API_URL": f"{workspace.base_url}/api/",
        }
        code, _, err = await run(tmp_path, "run", given=given)
    assert code == CONFIGURATION_ERROR
    assert err.startswith("PORT: nothing can be served on 127.0.0.1:")
    assert len(err.strip().splitlines()) == 1


async def test_sigterm_lets_a_running_test_end_or_tells_its_owner(tmp_path: Path, store: Store) -> None:
    async with ScriptedServer(acts={"greeting": Silence()}) as server, slack(DemoMail()) as workspace:
        given = {
            **GOOD,
            "ENCRYPTION_KEYS": generate_key(),
            "DATABASE_URL": store.url,
            "PORT": "0",
            "SLACK_API_URL": f"{workspace.base_url}/api/",
            "SMTP_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SMTP_ALLOWED_PORTS": str(server.port),
            "SMTP_TIMEOUT": "3",
        }
        async with running(tmp_path, "run", given=given) as bot:
            workspace.delivery.events_url = f"{await bot.address()}/slack/events"
            await workspace.command(ADA, "/email-profile", "edit")
            await workspace.wait_view(ADA, "Email profile")
            for label, value in (
                ("User/Login", "ada"),
                ("Password", "secret"),
                ("SMTP Server Address", "127.0.0.1"),
                ("Port", str(server.port)),
            ):
                await workspace.fill(ADA, label, value)
            assert await workspace.submit(ADA) == {}
            await workspace.command(ADA, "/email-extra", "add TLS Y")
            await workspace.command(ADA, "/email-test")
            await workspace.wait_message(ADA, "Testing")
            bot.signal(signal.SIGTERM)
            report = searchable(await workspace.wait_message(ADA, "Connection test failed at Greeting"))
            assert "did not answer in time" in report
            assert await asyncio.to_thread(bot.wait) == 0
