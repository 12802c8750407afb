"""kill -9 in the middle of saving: nothing acknowledged is lost, and SQLite's file stays whole."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from storage.database import Database
from storage.keyring import Keyring, generate_key
from tests.counts import scaled
from tests.storage import saving_until_killed
from tests.store import Store


async def test_nothing_acknowledged_is_lost_when_the_process_is_killed_while_saving(url: str) -> None:
    key = generate_key()
    for _ in range(scaled(quick=4, full=50)):
        acknowledged = _save_and_kill(url, key)
        database = Database.connect(url, Keyring.from_text(key))
        async with database.reading() as tx:
            stored = await tx.profiles.get("T1", "U1")
            audited = await tx.audit.page("T1", subject="U1", limit=100_000)
        await database.close()
        assert stored is not None
        assert stored.revision >= acknowledged
        assert stored.document == f"revision {stored.revision}".encode()
        assert len(audited) == stored.revision
        if url.startswith("sqlite:"):
            with Store.at(url) as store:
                assert await store.ask("PRAGMA integrity_check") == [("ok",)]


def _save_and_kill(url: str, key: str) -> int:
    """Let the program save for a moment, kill it, and give the last revision that it acknowledged."""
    program = [sys.executable, str(saving_until_killed.__file__), url, key]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=Path.cwd(), env=_environment()) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(random.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    # A line cut short by the kill was not acknowledged.
    lines = [line for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
    return int(lines[-1])


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": str(Path.cwd())}
