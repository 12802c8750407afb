"""Turning keys as an operator does it: commands on keys, and a running program that reads its key file anew."""

import asyncio
import logging
import re
import signal
from pathlib import Path

import aiohttp
import pytest

from bot.demo.mail import DemoMail
from bot.demo.stand_in.platform import searchable
from bot.demo.stand_in.workspace import Workspace
from bot.encryption_keys import reload_keys
from bot.settings import GivenSettings
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from tests.scenario.operating.test_command_line import GOOD, slack
from tests.scenario.people import ADA
from tests.scenario.starting import RunningProgram, program, running
from tests.store import Store

OLD, NEW, OTHER = (generate_key() for _ in range(3))
OLD_ID, NEW_ID = (Keyring.from_text(key).active for key in (OLD, NEW))


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


async def hang_up(bot: RunningProgram, wanted: str) -> str:
    """Send SIGHUP, and wait for the line that says how it went."""
    before = len(bot.log)
    bot.signal(signal.SIGHUP)
    line = (await bot.writes(r".*eys.*\n", after=before))[0]
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
    async with slack(DemoMail()) as workspace:
        given = {
            **GOOD,
            "ENCRYPTION_KEYS_FILE": str(file),
            "DATABASE_URL": store.url,
            "PORT": "0",
            "SLACK_API_URL": f"{workspace.base_url}/api/",
        }
        async with running(tmp_path, "run", given=given) as bot:
            address = await bot.address()
            workspace.delivery.events_url = f"{address}/slack/events"
            await fill_in(workspace)

            file.write_text(f"{NEW}\n{OLD}\n")
            await hang_up(bot, f"ENCRYPTION_KEYS_FILE was read anew; keys, the sealing one first: {NEW_ID}, {OLD_ID}\n")
            code, _, err = await asyncio.to_thread(program, tmp_path, "keys", "retire", OLD_ID, given=given)
            assert code == 1
            assert f"Key {OLD_ID} is still needed (records: " in err
            assert (await asyncio.to_thread(program, tmp_path, "keys", "rotate", given=given))[0] == 0
            await still_reads(workspace, address)

            file.write_text(f"{NEW}\n")
            await hang_up(bot, f"read anew; keys, the sealing one first: {NEW_ID}\n")
            assert (await asyncio.to_thread(program, tmp_path, "keys", "retire", OLD_ID, given=given))[0] == 0
            await still_reads(workspace, address)

            for content, why in (
                (f"{OLD},{NEW}", f"key {OLD_ID} was retired"),
                (OTHER, f"records are sealed under key {NEW_ID}"),
                ("canary", "ENCRYPTION_KEYS_FILE: key 1 is not url-safe base64"),
                ("", "ENCRYPTION_KEYS_FILE: there is no key in it"),
            ):
                file.write_text(content)
                assert why in await hang_up(bot, "The keys stay as they were.")
            file.write_bytes(b"\xff\xfe")
            await hang_up(bot, "is no text")
            file.unlink()
            await hang_up(bot, "cannot be read")
            await still_reads(workspace, address)
            assert await bot.stop() == 0
            logged = bot.log
    assert "Stopped." in logged
    assert "Traceback" not in logged
    assert not any(secret in logged for secret in ("canary", OLD, NEW, OTHER))


async def test_keys_of_the_settings_themselves_are_not_read_anew(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database.connect(store.url, Keyring.from_text(OLD))
    await reload_keys(GivenSettings.model_validate({"encryption_keys": NEW}), database)
    assert caplog.messages == [
        "SIGHUP: neither ENCRYPTION_KEYS_FILE nor ENCRYPTION_KEYS_COMMAND is set; the keys stay as they are."
    ]
    assert database.key_ids == (OLD_ID,)
    await database.close()


async def test_a_database_that_does_not_answer_keeps_its_keys(
    tmp_path: Path, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "keys").write_text(NEW)
    settings = GivenSettings.model_validate({"encryption_keys_file": tmp_path / "keys"})
    database = Database.connect(url, Keyring.from_text(OLD))
    with caplog.at_level(logging.INFO):
        await reload_keys(settings, database)
    (message,) = caplog.messages
    assert re.fullmatch(r"The keys stay as they were: the database does not answer \(\w+\)\.", message)
    assert database.key_ids == (OLD_ID,)
    await database.close()
