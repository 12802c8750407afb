"""The heap of the C library, which would grow although nothing more is in use.

glibc gives threads heaps of their own, and each SQLite connection has a thread; what is freed between things that
stay, it keeps: https://man7.org/linux/man-pages/man3/mallopt.3.html and …/malloc_trim.3.html. C libraries without
these are left as they are.
"""

import asyncio
import ctypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

TRIM_SECONDS = 15.0
"""How often free memory is given back, which takes half a millisecond."""

_M_ARENA_MAX = -8
"""From glibc's malloc.h."""


@asynccontextmanager
async def keeping_memory_small() -> AsyncIterator[None]:
    """Let all threads share one heap, and give back what is free in it now and again, until the block ends.

    It is to be entered before the first thread begins.
    """
    _share_one_heap()
    trimming = asyncio.create_task(_keep_trimming(), name="giving memory back")
    try:
        yield
    finally:
        trimming.cancel()
        with suppress(asyncio.CancelledError):
            await trimming


def _share_one_heap() -> None:
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


async def _keep_trimming() -> None:
    with suppress(AttributeError, OSError, TypeError):
        malloc_trim = ctypes.CDLL(None).malloc_trim
        while True:
            await asyncio.sleep(TRIM_SECONDS)
            malloc_trim(0)
