"""Starts the program in processes of its own.

Every day they are forked from one that has imported it already; with PROVE=1 each imports everything anew.
"""

import asyncio
import multiprocessing
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from tests.counts import scaled

SECONDS = 30

_IMPORTED = [
    "aiosqlite",
    "bot.cli",
    "bot.programs.sendmail.command",
    "bot.demo.run",
    "bot.doctor",
    "bot.exit_codes",
    "storage.engines.postgresql",
    "storage.maintenance.backup",
    "storage.migrations.upgrade",
    "typer.rich_utils",
    __name__,
]
"""All that any of the program's commands imports."""

_FRESH = multiprocessing.get_context("spawn")
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(_IMPORTED)


def program(folder: Path, *arguments: str, given: Mapping[str, str]) -> tuple[int, str, str]:
    """Run the program in a folder, knowing only the settings given; return exit code, standard output and error."""
    with RunningProgram(folder, *arguments, given=given) as started:
        return started.wait(), started.out, started.log


@asynccontextmanager
async def running(folder: Path, *arguments: str, given: Mapping[str, str]) -> "AsyncIterator[RunningProgram]":
    """Let the program run in a folder, knowing only the settings given, until the block ends."""
    with RunningProgram(folder, *arguments, given=given) as started:
        yield started


class RunningProgram:
    """The program in a process of its own, and what it writes; killed at the end of the block if it still runs."""

    def __init__(self, folder: Path, *arguments: str, given: Mapping[str, str]) -> None:
        self._written = tempfile.TemporaryDirectory(prefix="written")
        self._out, self._log = Path(self._written.name, "out"), Path(self._written.name, "log")
        for file in (self._out, self._log):
            file.touch()
        known = (folder, arguments, _environment(given), self._out, self._log)
        self._process = scaled(quick=_FORKING.Process, full=_FRESH.Process)(target=_become, args=known)
        self._process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._process.close()
        self._written.cleanup()

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended: its exit code, or less than 0 where a signal ended it; None while it runs."""
        return self._process.exitcode

    @property
    def out(self) -> str:
        """What it wrote to its standard output so far."""
        return self._out.read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        """What it wrote to its standard error so far."""
        return self._log.read_text(encoding="utf-8")

    async def writes(self, pattern: str, *, after: int = 0) -> re.Match[str]:
        """Wait for what it writes to match a pattern, behind the first `after` characters of its log."""
        async with asyncio.timeout(SECONDS):
            while not (found := re.search(pattern, f"{self.log[after:]}\n{self.out}")):
                assert self.exit_code is None, self.log
                await asyncio.sleep(0.01)
        return found

    async def address(self) -> str:
        """Wait until it says where it serves."""
        return (await self.writes(r"health and metrics at (\S+)"))[1]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait for its end; return its exit code."""
        self._process.join(SECONDS)
        assert self.exit_code is not None, f"the program did not end within {SECONDS} seconds: {self.log}"
        return self.exit_code

    async def stop(self) -> int:
        """End it as a supervisor does; return the exit code."""
        self.signal(signal.SIGTERM)
        return await asyncio.to_thread(self.wait)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.join()


async def start_fresh(folder: Path, *arguments: str, given: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Start the program in a process that imports all anew, as its size and times are measured; pipes are its ends."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        cwd=folder,
        env=_environment(given),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def address_of(process: asyncio.subprocess.Process) -> str:
    """Wait until such a process says where it serves."""
    assert process.stderr is not None
    async with asyncio.timeout(SECONDS):
        while line := (await process.stderr.readline()).decode():
            if "health and metrics at" in line:
                return line.rsplit(" ", 1)[1].strip()
    raise AssertionError("the program ended before it served")


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **given}


def _become(folder: Path, arguments: tuple[str, ...], environment: dict[str, str], out: Path, log: Path) -> None:
    for number, file in ((1, out), (2, log)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["email-profile-bot", *arguments]

    from bot.__main__ import main

    main()
