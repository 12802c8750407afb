"""Runs every benchmark: `make bench`. Figures are ratios within one run; nothing is asserted."""

import asyncio

from tests.benchmarks import commands, connections, people


async def main() -> None:
    """Run them one after the other, so that they do not disturb each other."""
    await commands.run()
    await connections.run()
    await people.run()


if __name__ == "__main__":
    asyncio.run(main())
