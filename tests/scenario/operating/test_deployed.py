"""The program as containers and supervisors run it: a user who owns nothing, a folder of settings, probes, exit codes.

No container is made: what is run are the commands, variables and probes of the files that deploy the bot.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.demo.mail import DemoMail
from bot.demo.run import Demo
from storage.crypto.keyring import generate_key
from tests.deploy_files import ROOT, expressions, health_check, image, image_environment, pod
from tests.scenario.operating.test_command_line import CONFIGURATION_ERROR, GOOD, slack
from tests.scenario.people import ADA, set_up
from tests.scenario.starting import address_of, program

AWAY = 75
SECONDS = 60
_IMPORTED = f"{ROOT}{os.pathsep}{sysconfig.get_path('purelib')}"


@dataclass(frozen=True)
class Somebody:
    """Who runs Python: which one, and as the user of which number (None: as ourselves)."""

    python: str
    user: int | None = None

    async def start(self, folder: Path, *arguments: str, given: Mapping[str, str]) -> asyncio.subprocess.Process:
        """Start it in a folder, knowing only the settings given."""
        return await asyncio.create_subprocess_exec(
            self.python,
            *arguments,
            cwd=folder,
            # Whatever starts a program for another user says where that one is at home.
            env={"PATH": os.environ["PATH"], "HOME": "/", "PYTHONPATH": _IMPORTED, **given},
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, folder: Path, *arguments: str, given: Mapping[str, str]) -> tuple[int | None, str]:
        """Start it and wait for its end; gives exit code and standard error."""
        process = await self.start(folder, *arguments, given=given)
        _, err = await asyncio.wait_for(process.communicate(), SECONDS)
        return process.returncode, err.decode()

    @asynccontextmanager
    async def serving(self, folder: Path, given: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run the program as the image does, and end it as a supervisor does."""
        process = await self.start(folder, "-m", "bot", *json.loads(image()["CMD"]), given=given)
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), SECONDS) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.fixture(scope="module")
def stranger() -> Somebody:
    """The user of the image, where we may become him and a Python is there for everybody; else ourselves."""
    user = int(image()["USER"].partition(":")[0])
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{version}"):
        if os.geteuid() == 0 and _may_run(python, user):
            return Somebody(python, user)
    return Somebody(sys.executable)


def _may_run(python: str, user: int) -> bool:
    script = "import bot.settings, psycopg, cryptography.hazmat.bindings._rust"
    known = {"PYTHONPATH": _IMPORTED}
    try:
        done = subprocess.run(
            [python, "-c", script], user=user, group=user, env=known, cwd="/", capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may look into, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="deployed") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def owned(folder: Path, owner: Somebody) -> Path:
    """Make a folder that its owner alone may look into, as /data in the image."""
    folder.mkdir(mode=0o700)
    if owner.user is not None:
        os.chown(folder, owner.user, owner.user)
    return folder


async def asked(address: str, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{address}{path}") as answer:
        return answer.status, await answer.text()


async def test_the_image_serves_writes_only_its_data_and_its_health_check_notices_the_end(
    place: Path, stranger: Somebody
) -> None:
    data = owned(place / "data", stranger)
    _, *check = health_check()
    async with slack(DemoMail()) as workspace:
        given = {
            **{name: value for name, value in image_environment().items() if name != "PATH"},
            **GOOD,
            # Tests listen on loopback alone, at whatever port is free.
            "HOST": "127.0.0.1",
            "PORT": "0",
            "ENCRYPTION_KEYS": generate_key(),
            "SLACK_API_URL": f"{workspace.base_url}/api/",
        }
        async with stranger.serving(data, given) as process:
            address = await address_of(process)
            port = {"PORT": address.rsplit(":", 1)[1]}
            assert await stranger.run(data, *check, given=port) == (0, "")
            assert await asked(address, "/readyz") == (200, "ready")
        code, err = await stranger.run(data, *check, given=port)
        assert code == 1
        assert "ConnectionRefusedError" in err
    assert {file.name for file in data.iterdir()} == {"email-profiles.db"}
    assert list(place.iterdir()) == [data]
    assert all(file.stat().st_mode & 0o077 == 0 for file in data.iterdir())


async def test_settings_and_keys_are_read_from_files_that_can_only_be_read(place: Path, stranger: Somebody) -> None:
    data, settings = owned(place / "data", stranger), place / "settings"
    settings.mkdir(mode=0o755)
    async with slack(DemoMail()) as workspace:
        lines = {
            **GOOD,
            "PORT": "0",
            "SLACK_API_URL": f"{workspace.base_url}/api/",
            "DATABASE_URL": f"sqlite:///{data}/email-profiles.db",
            "ENCRYPTION_KEYS_FILE": str(settings / "encryption-keys"),
        }
        (settings / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
        (settings / "encryption-keys").write_text(generate_key(), encoding="utf-8")
        for file in settings.iterdir():
            file.chmod(0o444)
        async with stranger.serving(settings, given={}) as process:
            address = await address_of(process)
            (container,) = pod()["containers"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert (await asked(address, container[probe]["httpGet"]["path"]))[0] == 200
            process.send_signal(signal.SIGHUP)
            assert process.stderr is not None
            async with asyncio.timeout(SECONDS):
                while b"ENCRYPTION_KEYS_FILE was read anew" not in (line := await process.stderr.readline()):
                    assert line
    assert {file.name for file in settings.iterdir()} == {".env", "encryption-keys"}


async def test_a_settings_file_of_somebody_else_is_told_in_one_line(place: Path, stranger: Somebody) -> None:
    if stranger.user is None:
        pytest.skip("no other user can be had here who may run this Python")
    (place / ".env").write_text("SLACK_BOT_TOKEN=xoxb-canary\n", encoding="utf-8")
    (place / ".env").chmod(0o600)
    code, err = await stranger.run(place, "-m", "bot", "run", given={})
    assert code == CONFIGURATION_ERROR
    assert err.startswith(".env: this file cannot be read (Permission denied). ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("command", [("run",), ("db", "upgrade"), ("keys", "status")])
def test_a_settings_file_that_is_no_text_is_told_in_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / ".env").write_bytes(b"SLACK_BOT_TOKEN=xoxb-canary\xff\n")
    code, out, err = program(tmp_path, *command, given={})
    assert (code, out) == (CONFIGURATION_ERROR, "")
    assert err.startswith(".env: this file cannot be read (it is no text in UTF-8). ")
    assert len(err.splitlines()) == 1
    assert "canary" not in err


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        (("run",), "SLACK_API_URL", "http://127.0.0.1:1/api/"),
        (("run",), "DATABASE_URL", "postgresql://bot@/profiles?host=/nowhere"),
        (("db", "upgrade"), "DATABASE_URL", "postgresql://bot@/profiles?host=/nowhere"),
    ],
)
def test_a_start_without_slack_or_the_database_is_worth_another_try(
    tmp_path: Path, command: tuple[str, ...], name: str, value: str
) -> None:
    given = {**GOOD, "ENCRYPTION_KEYS": generate_key(), name: value}
    code, out, err = program(tmp_path, *command, given=given)
    assert (code, out) == (AWAY, "")
    told = err.splitlines()[-1]
    assert "does not answer" in told
    assert "Traceback" not in err
    assert "canary" not in err


async def _connected() -> bool:
    return True


async def test_every_series_of_the_alerts_and_the_dashboard_is_one_that_the_bot_emits(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await http_demo.workspace.command(ADA, "/email-test")
    await http_demo.workspace.wait_message(ADA, "Connection test passed")
    # There is none over HTTP.
    http_demo.bot.metrics.watch_socket(_connected)
    _, text = await asked(http_demo.bot_url, "/metrics")
    emitted: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            emitted.setdefault(sample.name, {"instance", "job"}).update(sample.labels)
    # Prometheus makes this one itself, for everything that it scrapes.
    emitted["up"] = {"instance", "job"}
    for expression in expressions():
        bare = re.sub(r"by \([^)]*\)|\{[^}]*\}|\[[^\]]*\]", "", expression)
        named = set(re.findall(r"\b(up|email_profile_bot_\w+)\b", bare))
        assert named or "vector" in bare
        assert named <= set(emitted), expression
        asked_for = {
            label for part in re.findall(r"\{([^}]*)\}", expression) for label in re.findall(r"(\w+)[=!]", part)
        }
        asked_for |= {label for part in re.findall(r"by \(([^)]*)\)", expression) for label in part.split(", ")}
        assert asked_for <= {label for name in named for label in emitted[name]}, expression
