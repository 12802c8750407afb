"""The program within the process of a test."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bot.cli import main

Program = Callable[..., tuple[int, str, str]]


@pytest.fixture
def program_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Program]:
    """The program within this process, for what ends at once; gives exit code, standard output and errors."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.chdir(tmp_path)

    def run_here(given: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["email-profile-bot", *arguments])
        with monkeypatch.context() as patch, pytest.raises(SystemExit) as ended:
            for name, value in given.items():
                patch.setenv(name, value)
            main()
        written = capsys.readouterr()
        return int(ended.value.code or 0), written.out, written.err

    yield run_here
    root.handlers[:] = handlers
    root.setLevel(level)
