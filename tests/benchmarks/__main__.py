"""Runs every benchmark: `make bench`. Figures are ratios within one run; nothing is asserted."""

import asyncio

from tests.benchmarks import commands, connections, load, people, stages, starting, store


async def main() -> None:
    """Run them one after the other, so that they do not disturb each other."""
    await starting.run()
    await commands.run()
    await stages.run()
    await connections.run()
    await load.run()
    await people.run()
    await store.run()


if __name__ == "__main__":
    asyncio.run(main())
