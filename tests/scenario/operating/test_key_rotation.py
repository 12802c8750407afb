"""Turning keys as an operator does it: commands on keys, and a running program that reads its key file anew."""

import asyncio
import logging
import re
import signal
import stat
from pathlib import Path

import aiohttp
import pytest

from bot.demo.mail import DemoMail
from bot.demo.platform import searchable
from bot.demo.workspace import Workspace
from bot.keys import read_keys_anew
from bot.settings import GivenSettings
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.key_sources.local import local_address
from storage.key_sources.opening import wrap_new_key
from storage.key_sources.source import Credentials
from tests.scenario.operating.test_command_line import GOOD, slack, start
from tests.scenario.people import ADA
from tests.scenario.starting import program
from tests.store import Store

PASSPHRASE = "correct horse battery canary"
OLD, NEW = generate_key(), generate_key()
OLD_ID, NEW_ID = (Keyring.from_text(key).active for key in (OLD, NEW))


def test_a_key_is_generated_sealed_in_a_file_of_its_owner(tmp_path: Path, url: str) -> None:
    given = {"ENCRYPTION_PASSPHRASE": PASSPHRASE}
    code, out, err = program(tmp_path, "keys", "generate", "--sealed", "a key", given=given)
    assert (code, err) == (0, "")
    assert out.strip() == local_address(tmp_path / "a key")
    assert stat.S_IMODE((tmp_path / "a key").stat().st_mode) == 0o600
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    sealed = {"ENCRYPTION_KEYS": out.strip(), "ENCRYPTION_PASSPHRASE_FILE": str(tmp_path / "passphrase")}
    given = {**sealed, "DATABASE_URL": url}
    assert program(tmp_path, "db", "upgrade", given=given)[0] == 0
    code, out, err = program(tmp_path, "keys", "status", given=given)
    assert (code, err) == (0, "")
    assert "seals and opens" in out
    code, _, err = program(tmp_path, "keys", "generate", "--sealed", "a key", given=given)
    assert code == 78
    assert err == f"No key was made: the file {tmp_path / 'a key'} cannot be written (File exists).\n"
    code, _, err = program(tmp_path, "keys", "wrap", "awskms://", given=given)
    assert (code, err) == (78, "No key was made: its address names no key of AWS KMS.\n")


def test_status_and_retirement_speak_plainly(tmp_path: Path, url: str) -> None:
    given = {"ENCRYPTION_KEYS": f"{NEW},{OLD}", "DATABASE_URL": url}
    code, _, err = program(tmp_path, "keys", "status", given=given)
    assert code == 78
    assert err.startswith("DATABASE_URL: the database's schema is not there yet")
    assert program(tmp_path, "db", "upgrade", given=given)[0] == 0
    code, _, err = program(tmp_path, "keys", "retire", "00000000", given=given)
    assert (code, err) == (1, f"There is no key 00000000; the keys are {NEW_ID}, {OLD_ID}.\n")
    code, out, err = program(tmp_path, "keys", "retire", OLD_ID, given=given)
    assert (code, err) == (0, "")
    assert f"Key {OLD_ID} is retired: take it out of the list" in out
    assert "backups" in out
    code, out, _ = program(tmp_path, "keys", "status", given=given)
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == [NEW_ID, "0", *["records", "seals", "and", "opens", "check", "value", "missing"]]
    assert lines[1].startswith(f"{OLD_ID}        0 records  retired on ")
    assert lines[1].endswith(", but still configured  check value good")
    code, out, _ = program(tmp_path, "keys", "status", given={**given, "ENCRYPTION_KEYS": NEW})
    assert out.splitlines()[1].endswith(" check value untried")


class Serving:
    """The program at work, with what it logs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.logged: list[str] = []

    async def says(self, wanted: str) -> str:
        """Wait for a line that holds a text."""
        assert self.process.stderr is not None
        async with asyncio.timeout(30):
            while line := (await self.process.stderr.readline()).decode():
                self.logged.append(line)
                if wanted in line:
                    return line
        raise AssertionError("".join(self.logged))

    async def hang_up(self, wanted: str) -> str:
        """Send SIGHUP, and wait for the line that tells how it went."""
        self.process.send_signal(signal.SIGHUP)
        line = await self.says("eys")
        assert wanted in line
        return line


async def fill_in(workspace: Workspace) -> None:
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    for label, value in (
        ("User/Login", "ada.login"),
        ("Password", "secret"),
        ("SMTP Server Address", "mail.example.com"),
        ("Port", "587"),
    ):
        await workspace.fill(ADA, label, value)
    assert await workspace.submit(ADA) == {}


async def still_reads(workspace: Workspace, address: str) -> None:
    workspace.all_messages.clear()
    await workspace.command(ADA, "/email-profile")
    assert "ada.login" in searchable(await workspace.wait_message(ADA, "Your email profile"))
    async with aiohttp.ClientSession() as session, session.get(f"{address}/readyz") as ready:
        assert (ready.status, await ready.text()) == (200, "ready")


async def test_keys_turn_while_the_bot_runs_and_a_broken_list_changes_nothing(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{OLD}\n")
    sealed = await wrap_new_key(local_address(tmp_path / "sealed"), Credentials(passphrase=PASSPHRASE))
    async with slack(DemoMail()) as workspace:
        given = {
            **GOOD,
            "ENCRYPTION_KEYS_FILE": str(file),
            "ENCRYPTION_PASSPHRASE": PASSPHRASE,
            "DATABASE_URL": store.url,
            "PORT": "0",
            "SLACK_API_URL": f"{workspace.base_url}/api/",
        }
        bot = Serving(await start(tmp_path, "run", given=given))
        try:
            address = (await bot.says("health and metrics at")).rsplit(" ", 1)[1].strip()
            workspace.delivery.events_url = f"{address}/slack/events"
            await fill_in(workspace)

            file.write_text(f"{sealed}\n{OLD}\n")
            line = await bot.hang_up("ENCRYPTION_KEYS_FILE was read anew")
            sealed_id, _, old_id = line.strip().rsplit(": ", 1)[1].partition(", ")
            assert old_id == OLD_ID
            code, _, err = await asyncio.to_thread(program, tmp_path, "keys", "retire", OLD_ID, given=given)
            assert code == 1
            assert f"Key {OLD_ID} is still needed (records: " in err
            assert (await asyncio.to_thread(program, tmp_path, "keys", "rotate", given=given))[0] == 0
            await still_reads(workspace, address)

            file.write_text(f"{sealed}\n")
            await bot.hang_up(f"read anew; keys, the sealing one first: {sealed_id}\n")
            assert (await asyncio.to_thread(program, tmp_path, "keys", "retire", OLD_ID, given=given))[0] == 0
            await still_reads(workspace, address)

            for content, why in (
                (f"{OLD},{sealed}", f"key {OLD_ID} was retired"),
                (NEW, f"records are sealed under key {sealed_id}"),
                ("canary", "ENCRYPTION_KEYS_FILE: key 1 is not url-safe base64"),
                ("", "ENCRYPTION_KEYS_FILE: there is no key in it"),
            ):
                file.write_text(content)
                assert why in await bot.hang_up("The keys stay as they were.")
            file.write_bytes(b"\xff\xfe")
            await bot.hang_up("is no text")
            file.unlink()
            await bot.hang_up("cannot be read")
            await still_reads(workspace, address)
            bot.process.send_signal(signal.SIGTERM)
            await bot.says("Stopped.")
            assert await asyncio.wait_for(bot.process.wait(), 30) == 0
        finally:
            if bot.process.returncode is None:
                bot.process.kill()
                await bot.process.wait()
    logged = "".join(bot.logged)
    assert "Traceback" not in logged
    assert not any(secret in logged for secret in ("canary", OLD, NEW, PASSPHRASE))


async def test_without_a_key_file_there_is_nothing_to_read_anew(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    database = Database.connect(store.url, Keyring.from_text(OLD))
    await read_keys_anew(GivenSettings.model_validate({"encryption_keys": NEW}), database)
    assert caplog.messages == ["SIGHUP: there is no ENCRYPTION_KEYS_FILE to read anew; the keys stay as they are."]
    assert database.key_ids == (OLD_ID,)
    await database.close()


async def test_a_database_that_does_not_answer_keeps_its_keys(
    tmp_path: Path, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "keys").write_text(NEW)
    settings = GivenSettings.model_validate({"encryption_keys_file": tmp_path / "keys"})
    database = Database.connect(url, Keyring.from_text(OLD))
    with caplog.at_level(logging.INFO):
        await read_keys_anew(settings, database)
    (message,) = caplog.messages
    assert re.fullmatch(r"The keys stay as they were: the database does not answer \(\w+\)\.", message)
    assert database.key_ids == (OLD_ID,)
    await database.close()
