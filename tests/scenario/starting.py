"""Starts the program in processes of their own, quickly: they are forked from one that has imported it already."""

import asyncio
import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.counts import scaled

SECONDS = 30

_IMPORTED = [
    "bot.cli",
    "bot.demo.run",
    "bot.doctor",
    "bot.exit_codes",
    "storage.maintenance.backup",
    "storage.migrations.upgrade",
    __name__,
]
"""All that any of the program's commands imports."""

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(_IMPORTED)


def program(folder: Path, *arguments: str, given: Mapping[str, str]) -> tuple[int, str, str]:
    """Run the program in a folder, knowing only the settings given; return exit code, standard output and error."""
    return scaled(quick=_forked, full=_fresh)(folder, arguments, _environment(given))


class Running:
    """The program as it serves in a process of its own."""

    def __init__(self, folder: Path, given: Mapping[str, str]) -> None:
        """Start it in a folder, knowing only the settings given."""
        self._out, self._log = folder / "serving.out", folder / "serving.err"
        self._process = _FORKING.Process(
            target=_become, args=(folder, ("run",), _environment(given), self._out, self._log)
        )
        self._process.start()

    async def address(self) -> str:
        """Wait until it says where it serves."""
        async with asyncio.timeout(SECONDS):
            while not (found := re.search(r"health and metrics at (\S+)", self.log)):
                assert self._process.is_alive(), self.log
                await asyncio.sleep(0.01)
        return found[1]

    @property
    def pid(self) -> int | None:
        """The number of its process."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What it wrote down so far."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    async def stop(self) -> int | None:
        """End it as a supervisor does; return the exit code."""
        self._process.terminate()
        await asyncio.to_thread(self._process.join, SECONDS)
        return self._process.exitcode

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.join()


@asynccontextmanager
async def running(folder: Path, *, given: Mapping[str, str]) -> AsyncIterator[Running]:
    """Let the program serve until the block ends."""
    started = Running(folder, given)
    try:
        yield started
    finally:
        started.kill()


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **given}


def _fresh(folder: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _forked(folder: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> tuple[int, str, str]:
    out, err = folder / "said.out", folder / "said.err"
    process = _FORKING.Process(target=_become, args=(folder, arguments, environment, out, err))
    process.start()
    process.join(SECONDS)
    if process.exitcode is None:
        process.kill()
        raise AssertionError(f"the program did not end within {SECONDS} seconds")
    return process.exitcode, out.read_text(), err.read_text()


def _become(folder: Path, arguments: tuple[str, ...], environment: dict[str, str], out: Path, err: Path) -> None:
    for number, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["email-profile-bot", *arguments]

    from bot.cli import main

    main()
