"""Plays all cases, or those that are named, and prints how many of each kind are right; exits with 1 when one is not.

python -m tests.cases            all of them
python -m tests.cases D07 B11    these alone, with the whole of each wrong answer
"""

import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

from tests.cases.case import Case, files
from tests.cases.certificates import CaseCertificates
from tests.cases.play import Outcome, play
from tests.cases.real import lacking
from tests.databases import FolderDatabases, SQLiteMaker
from tests.postgresql import folder_in_memory


def main(names: Sequence[str]) -> int:
    """Play the cases whose names begin with one of these, or all; return the exit code."""
    named = [case for case in map(Case.read, files()) if not names or case.name.startswith(tuple(names))]
    cases = [case for case in named if not lacking(case)]
    for case in named:
        if why := lacking(case):
            print(f"{case.name}  left out: {why}")
    right: Counter[int] = Counter()
    # What the bot logs of servers like these is no finding.
    logging.disable()
    with tempfile.TemporaryDirectory(prefix="cases", dir=folder_in_memory()) as folder:
        for case, outcome, seconds in _played(cases, Path(folder)):
            right[case.kind or 0] += not outcome.wrong
            for sentence in outcome.wrong:
                print(f"{case.name} ({seconds:.1f} s)  {sentence}")
            if outcome.wrong and names:
                print("\n".join(f"    {line}" for line in outcome.answer.splitlines()))
    print(_table(cases, right))
    return int(sum(right.values()) < len(cases))


def _played(cases: Sequence[Case], folder: Path) -> Iterator[tuple[Case, Outcome, float]]:
    (folder / "certificates").mkdir()
    (folder / "template").mkdir()
    certificates, databases = (
        CaseCertificates(folder / "certificates"),
        FolderDatabases(SQLiteMaker(folder / "template")),
    )
    with patch("bot.demo.run.embedded_database", databases.at):
        for case in cases:
            own = folder / case.name
            own.mkdir()
            began = time.monotonic()
            with databases.ending():
                outcome = asyncio.run(play(case, certificates, own))
            yield case, outcome, time.monotonic() - began


def _table(cases: Sequence[Case], right: Counter[int]) -> str:
    total = Counter(case.kind or 0 for case in cases)
    rows = [f"{kind or '–':>4}  {total[kind]:>5}  {right[kind]:>5}" for kind in sorted(total)]
    return "\n".join(["kind  cases  right", *rows, f" all  {len(cases):>5}  {sum(right.values()):>5}"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
