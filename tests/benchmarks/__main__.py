"""Runs benchmarks: `python -m tests.benchmarks [--runs N] [NAME …]`, all of them without a name.

Figures are told with their range and the machine's load; nothing is asserted.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence

from tests.benchmarks import (
    commands,
    connections,
    files,
    find,
    load,
    people,
    stages,
    starting,
    store,
    thousand,
    unsigned,
)
from tests.benchmarks.figures import RUNS
from tests.benchmarks.sending import run as sending

BENCHMARKS: dict[str, Callable[[int], Awaitable[None]]] = {
    "files": files.run,
    "starting": starting.run,
    "commands": commands.run,
    "stages": stages.run,
    "connections": connections.run,
    "find": find.run,
    "thousand": thousand.run,
    "load": load.run,
    "unsigned": unsigned.run,
    "people": people.run,
    "store": store.run,
    "sending": sending.run,
}


async def main(names: Sequence[str], runs: int) -> None:
    """Run them one after the other, so that they do not disturb each other."""
    for name in names or BENCHMARKS:
        await BENCHMARKS[name](runs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--runs", type=int, default=RUNS, help="how often each is measured")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}.")
    asyncio.run(main(arguments.names, arguments.runs))
