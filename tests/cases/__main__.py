"""Plays all cases, or those that are named, and prints how many of each kind are right; exits with 1 when one is not.

python -m tests.cases            all of them
python -m tests.cases D07 B11    these alone, with the whole of each wrong answer
"""

import asyncio
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from tests.cases.case import Case, files
from tests.cases.certificates import CaseCertificates
from tests.cases.play import Outcome, play
from tests.cases.real import lacking
from tests.databases import FolderDatabases, SQLiteMaker
from tests.postgresql import folder_in_memory

CASES_OF_A_PROCESS = 8
"""So many are played before it is worth while to start one more process."""


@dataclass(frozen=True)
class Played:
    """A case, what came of it, and how long it took."""

    case: Case
    outcome: Outcome
    seconds: float


def main(names: Sequence[str]) -> int:
    """Play the cases whose names begin with one of these, or all; return the exit code."""
    cases, broken = [], []
    for file in (file for file in files() if not names or file.stem.startswith(tuple(names))):
        try:
            case = Case.read(file)
        except ValueError as error:
            broken.append(file)
            print(f"{file.stem}  is no case: {' '.join(str(error).splitlines()[1:3])}")
            continue
        if why := lacking(case):
            print(f"{case.name}  left out: {why}")
        else:
            cases.append(case)
    played = _played_in_processes(cases)
    for one in played:
        for sentence in one.outcome.wrong:
            print(f"{one.case.name} ({one.seconds:.1f} s)  {sentence}")
        if one.outcome.wrong and names:
            print("\n".join(f"    {line}" for line in one.outcome.answer.splitlines()))
    print(_table(played))
    return int(bool(broken) or any(one.outcome.wrong for one in played))


def _played_in_processes(cases: Sequence[Case]) -> list[Played]:
    count = min(2 * (os.cpu_count() or 1), 1 + len(cases) // CASES_OF_A_PROCESS)
    if count == 1:
        return _played(cases)
    with ProcessPoolExecutor(count) as pool:
        played = [one for part in pool.map(_played, [cases[first::count] for first in range(count)]) for one in part]
    return sorted(played, key=lambda one: cases.index(one.case))


def _played(cases: Sequence[Case]) -> list[Played]:
    # What the bot logs of servers like these is no finding.
    logging.disable()
    with tempfile.TemporaryDirectory(prefix="cases", dir=folder_in_memory()) as name:
        folder = Path(name)
        for part in ("certificates", "template"):
            (folder / part).mkdir()
        certificates = CaseCertificates(folder / "certificates")
        databases = FolderDatabases(SQLiteMaker(folder / "template"))
        with patch("bot.demo.run.embedded_database", databases.at):
            return [_play(case, certificates, databases, folder / case.name) for case in cases]


def _play(case: Case, certificates: CaseCertificates, databases: FolderDatabases, folder: Path) -> Played:
    folder.mkdir()
    began = time.monotonic()
    try:
        with databases.ending():
            outcome = asyncio.run(play(case, certificates, folder))
    except Exception as error:  # noqa: BLE001 - the other cases are played all the same
        outcome = Outcome([f"could not be played: {type(error).__name__}: {error}"], "")
    return Played(case, outcome, time.monotonic() - began)


def _table(played: Sequence[Played]) -> str:
    cases = Counter(one.case.kind or 0 for one in played)
    right = Counter(one.case.kind or 0 for one in played if not one.outcome.wrong)
    rows = [f"{kind or '–':>4}  {cases[kind]:>5}  {right[kind]:>5}" for kind in sorted(cases)]
    return "\n".join(["kind  cases  right", *rows, f" all  {cases.total():>5}  {right.total():>5}"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
