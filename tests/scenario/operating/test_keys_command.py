"""A command hands the keys over: as any secrets manager's would, slowly, badly, or not at all."""

import os
import re
import shlex
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.demo.mail import DemoMail
from storage.crypto.keyring import Keyring, generate_key
from tests.counts import scaled
from tests.scenario.operating.conftest import Program
from tests.scenario.operating.test_command_line import CONFIGURATION_ERROR, GOOD, slack
from tests.scenario.starting import program, running
from tests.store import Store

NEW, OLD = generate_key(), generate_key()
NEW_ID, OLD_ID = (Keyring.from_text(key).active for key in (NEW, OLD))
CANARY = "canary of an error"

pytestmark = pytest.mark.databases("sqlite")


def printing(folder: Path, *lines: str) -> Mapping[str, str]:
    """Write a small program that stands for a secrets manager's, and give the settings that name it."""
    file = folder / "secrets manager"
    file.write_text("\n".join(["#!/bin/sh", f"echo {CANARY} >&2", *lines, ""]), encoding="utf-8")
    file.chmod(0o700)
    return {"ENCRYPTION_KEYS_COMMAND": f"{shlex.quote(str(file))} read 'the keys'"}


def test_a_command_prints_the_list_and_knows_the_environment_and_its_arguments(tmp_path: Path, store: Store) -> None:
    printed = f'[ "$VAULT_TOKEN, $2" = "hvs.canary, the keys" ] && echo "{NEW}" && echo && echo "{OLD}"'
    given = {**printing(tmp_path, printed), "VAULT_TOKEN": "hvs.canary", "DATABASE_URL": store.url}
    code, out, err = program(tmp_path, "keys", "status", given=given)
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == [NEW_ID, OLD_ID]
    assert "canary" not in out


def test_a_pipeline_of_a_shell_may_stand_in_the_settings_file(tmp_path: Path, store: Store) -> None:
    (tmp_path / "keys").write_text(f"{OLD}\n", encoding="utf-8")
    (tmp_path / ".env").write_text("ENCRYPTION_KEYS_COMMAND=sh -c 'cat keys | head -n 1'\n", encoding="utf-8")
    code, out, err = program(tmp_path, "keys", "status", given={"DATABASE_URL": store.url})
    assert (code, err) == (0, "")
    assert out.startswith(OLD_ID)


def test_the_doctor_examines_the_command(tmp_path: Path, store: Store) -> None:
    given = {**GOOD, "DATABASE_URL": store.url, "SLACK_API_URL": "http://127.0.0.1:9/api/"}
    _, out, err = program(tmp_path, "check", given={**given, **printing(tmp_path, f"echo {OLD}")})
    assert f"ok     Keys: they open what they sealed; {OLD_ID} seals" in out
    _, failed, more = program(tmp_path, "check", given={**given, **printing(tmp_path, f"echo {OLD}", "exit 2")})
    assert "FAILED Settings: ENCRYPTION_KEYS_COMMAND: the command failed (exit code 2). Example: " in failed
    assert not any(secret in out + err + failed + more for secret in (OLD, CANARY))


def test_a_command_that_hangs_is_ended_with_all_that_it_started(
    program_here: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.encryption_keys.COMMAND_TIMEOUT_SECONDS", scaled(quick=1.0, full=30.0))
    stubborn = 'sh -c "trap : TERM HUP; echo \\$\\$ > child; while :; do sleep 1; done" &'
    began = time.monotonic()
    code, out, err = program_here(printing(tmp_path, f"echo {OLD}", stubborn, "wait"), "db", "current")
    assert time.monotonic() - began < scaled(quick=10, full=40)
    assert (code, out) == (CONFIGURATION_ERROR, "")
    seconds = scaled(quick=1, full=30)
    assert err.startswith(f"ENCRYPTION_KEYS_COMMAND: the command did not end within {seconds} seconds. Example: ")
    assert len(err.splitlines()) == 1
    assert not any(secret in err for secret in (OLD, CANARY))
    child = int((tmp_path / "child").read_text(encoding="utf-8"))
    until = time.monotonic() + 10
    while alive(child):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_what_a_command_leaves_running_with_its_output_open_is_not_waited_for_forever(
    program_here: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.encryption_keys.COMMAND_TIMEOUT_SECONDS", 1.0)
    # In a session of its own, as daemons are, where nothing finds it.
    daemon = "setsid sh -c 'echo $$ > daemon; exec sleep 60' &"
    began = time.monotonic()
    code, _, err = program_here(printing(tmp_path, daemon, f"echo {OLD}"), "db", "current")
    os.kill(int((tmp_path / "daemon").read_text(encoding="utf-8")), signal.SIGKILL)
    assert time.monotonic() - began < 20
    assert (code, "did not end within 1 seconds" in err) == (CONFIGURATION_ERROR, True)


def alive(pid: int) -> bool:
    """Whether a process is there, and more than a name that its parent has not asked for yet."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


async def test_a_hangup_runs_the_command_again_and_a_bad_answer_changes_nothing(tmp_path: Path, store: Store) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"{OLD}\n", encoding="utf-8")
    async with slack(DemoMail()) as workspace:
        given = {
            **GOOD,
            **printing(tmp_path, 'cat keys; echo canary "$(cat keys)" >&2; [ ! -e broken ] || exit 9'),
            "DATABASE_URL": store.url,
            "PORT": "0",
            "SLACK_API_URL": f"{workspace.base_url}/api/",
        }
        async with running(tmp_path, "run", given=given) as bot:
            await bot.address()

            async def hang_up(wanted: str) -> None:
                bot.signal(signal.SIGHUP)
                await bot.writes(re.escape(wanted))

            keys.write_text(f"{NEW}\n{OLD}\n", encoding="utf-8")
            await hang_up(f"ENCRYPTION_KEYS_COMMAND was read anew; keys, the sealing one first: {NEW_ID}, {OLD_ID}\n")
            (tmp_path / "broken").touch()
            await hang_up("The keys stay as they were. ENCRYPTION_KEYS_COMMAND: the command failed (exit code 9).")
            (tmp_path / "broken").unlink()
            keys.write_text("canary\n", encoding="utf-8")
            await hang_up("The keys stay as they were. ENCRYPTION_KEYS_COMMAND: key 1 is not url-safe base64")
            assert await bot.stop() == 0
            log = bot.log
    assert not any(secret in log for secret in (NEW, OLD, "canary"))
