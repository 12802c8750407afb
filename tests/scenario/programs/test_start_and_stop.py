"""The submission server as an operator starts and stops it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.demo.mail import DemoMail
from bot.demo.serve import serving_workspace
from bot.demo.stand_in.workspace import Workspace
from bot.exit_codes import EX_CONFIG
from storage.crypto.keyring import generate_key
from tests.fakes.certificate_files import NAME, CertificateFiles
from tests.fakes.smtp_client import RawClient
from tests.scenario.starting import program, running

pytestmark = pytest.mark.databases("sqlite")

GOOD = {"SLACK_BOT_TOKEN": "xoxb-canary-token", "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef", "PORT": "0"}


@asynccontextmanager
async def slack(folder: Path) -> AsyncIterator[dict[str, str]]:
    """A stand-in for Slack; gives the settings with which a start is good."""
    workspace = Workspace(signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"])
    async with serving_workspace(workspace, DemoMail(), port=0):
        yield {
            **GOOD,
            "SLACK_API_URL": f"{workspace.base_url}/api/",
            "ENCRYPTION_KEYS": generate_key(),
            "DATABASE_URL": f"sqlite:///{folder / 'programs.db'}",
        }


async def refusal(folder: Path, given: Mapping[str, str]) -> str:
    """Return the one line with which a start is refused."""
    code, out, err = await asyncio.to_thread(program, folder, "run", given=given)
    assert code == EX_CONFIG, err
    assert "Traceback" not in out + err
    (line,) = (line for line in err.splitlines() if line.strip() and "INFO" not in line)
    return line


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"SUBMISSION_TLS_PORT": "0"},
            "SUBMISSION_CERT_FILE: it is not set, and SUBMISSION_TLS_PORT needs a certificate. Example: ",
        ),
        (
            {"SUBMISSION_HOST": "0.0.0.0", "SUBMISSION_PORT": "0"},
            "SUBMISSION_CERT_FILE: it is not set, and beyond the loopback (SUBMISSION_HOST) nobody signs in without",
        ),
        (
            {"SUBMISSION_HOST": "::", "SUBMISSION_PORT": "0", "SUBMISSION_CERT_FILE": "", "SUBMISSION_KEY_FILE": ""},
            "SUBMISSION_CERT_FILE: it is not set, and beyond the loopback",
        ),
    ],
)
async def test_a_server_that_anybody_could_read_ends_the_start(
    tmp_path: Path, given: dict[str, str], line: str
) -> None:
    assert (await refusal(tmp_path, {**GOOD, "ENCRYPTION_KEYS": generate_key(), **given})).startswith(line)


async def test_beyond_the_loopback_a_name_is_needed(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path)
    given = {
        **GOOD,
        "ENCRYPTION_KEYS": generate_key(),
        "SUBMISSION_HOST": "0.0.0.0",
        "SUBMISSION_PORT": "0",
        "SUBMISSION_CERT_FILE": str(files.certificate),
        "SUBMISSION_KEY_FILE": str(files.key),
    }
    assert (await refusal(tmp_path, given)).startswith("SUBMISSION_NAME: it is not set, and beyond the loopback")


async def test_files_that_do_not_belong_together_and_ports_in_use_end_the_start_with_their_setting(
    tmp_path: Path,
) -> None:
    files, others = CertificateFiles(tmp_path), CertificateFiles(tmp_path / "others")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with slack(tmp_path) as given:
            wrong = {
                "SUBMISSION_TLS_PORT": "0",
                "SUBMISSION_CERT_FILE": str(files.certificate),
                "SUBMISSION_KEY_FILE": str(others.key),
            }
            assert (await refusal(tmp_path, {**given, **wrong})).startswith(
                "SUBMISSION_CERT_FILE: certificate and key (SUBMISSION_KEY_FILE) cannot be used: the key is not that of"
            )
            port = taken.getsockname()[1]
            assert (await refusal(tmp_path, {**given, "SUBMISSION_PORT": str(port)})).startswith(
                f"SUBMISSION_PORT: nothing can be served on 127.0.0.1:{port} (Address already in use). Example: "
            )


async def test_the_server_stops_with_the_bot_and_tells_programs_so(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path)
    served = {
        "SUBMISSION_PORT": "0",
        "SUBMISSION_TLS_PORT": "0",
        "SUBMISSION_NAME": NAME,
        "SUBMISSION_CERT_FILE": str(files.certificate),
        "SUBMISSION_KEY_FILE": str(files.key),
    }
    async with slack(tmp_path) as given, running(tmp_path, "run", given={**given, **served}) as bot:
        found = await bot.writes(r"Serving programs at 127.0.0.1, port (\d+) \(TLS\) and (\d+) \(STARTTLS\)")
        async with RawClient(int(found[2])) as client:
            assert await client.reply() == f"220 {NAME} ESMTP"
            assert "STARTTLS" in await client.say("EHLO client.test")
            ended = asyncio.create_task(bot.stop())
            assert (await client.rest()).startswith("421 4.3.2 The server is about to stop")
            assert await ended == 0
        assert "Stopped." in bot.log
