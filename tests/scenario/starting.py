"""Starts the program in processes of their own, quickly: they are forked from one that has imported it already."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.counts import scaled

SECONDS = 30

_IMPORTED = ["bot.cli", "bot.demo.run", "bot.doctor", "bot.endings", "storage.backups", "storage.migrations.running"]
"""All that any of the program's commands imports."""


def program(folder: Path, *arguments: str, given: Mapping[str, str]) -> tuple[int, str, str]:
    """Run the program in a folder, knowing only the settings given; gives exit code, standard output and error."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **given}
    return scaled(quick=_forked, full=_fresh)(folder, arguments, environment)


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
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    out, err = folder / "said.out", folder / "said.err"
    process = context.Process(target=_become, args=(folder, arguments, environment, out, err))
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
