"""Requests that arrived together go through their stages side by side."""

import asyncio


async def side_by_side() -> None:
    """Let the other requests come as far as this one, before all of them go on.

    A request that is served from end to end in one go drives the code of every stage out of the processor's nearest
    caches, and so does the next one. When those that arrived together go through one stage after the other, each stage
    finds its code where it was: at 32 at once a command takes 415 microseconds in place of 585 (`make bench`, two
    cores). Where there is only one, it costs a turn of the event loop, some ten microseconds.
    """
    await asyncio.sleep(0)
