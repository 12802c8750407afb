"""kill -9 in the middle of saving: nothing acknowledged is lost, and everything that is there opens."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from storage.crypto.keyring import Keyring
from storage.database import Database, Transaction
from storage.maintenance.verify import verify
from tests.counts import scaled
from tests.storage import saving_until_killed

ROOT = Path(saving_until_killed.__file__).parents[2]


async def test_nothing_acknowledged_is_lost_when_the_process_is_killed_while_saving(
    database: Database, url: str, keyring: Keyring, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_bytes(keyring._roots[keyring.active])
    for _ in range(scaled(quick=2, full=100)):
        acknowledged = _save_and_kill(url, key)
        # PostgreSQL may still be committing what the killed process asked for; both are read as of one moment.
        async with database.snapshot() as connection:
            tx = Transaction(connection, keyring)
            stored = await tx.profiles.get("T1", "U1")
            audited = await tx.audit.page("T1", subject="U1", limit=1_000_000)
        assert stored is not None
        assert stored.revision >= acknowledged
        assert stored.document == f"revision {stored.revision}".encode()
        assert len(audited) == stored.revision
        verdict = await verify(database, lambda *_: None)
        assert verdict.good, verdict


def _save_and_kill(url: str, key: Path) -> int:
    """Let the program save for a moment, kill it, and give the last revision that it acknowledged."""
    program = [sys.executable, saving_until_killed.__file__, url, str(key)]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(random.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    # A line cut short by the kill was not acknowledged.
    lines = [line for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
    return int(lines[-1])
