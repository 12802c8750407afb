"""Memory that would grow although nothing more is in use: garbage that nobody looks for, and the C library's heap.

Python looks for objects that only hold each other when many are new, on a quiet day not for hours. glibc gives
threads heaps of their own, and each SQLite connection has a thread; what is freed between things that stay, it keeps:
https://man7.org/linux/man-pages/man3/mallopt.3.html and …/malloc_trim.3.html. C libraries without these are left as
they are.
"""

import asyncio
import ctypes
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PAUSE_SECONDS = 15.0
"""How often garbage is collected, which takes some eight milliseconds, and free memory given back, which takes one."""

_M_ARENA_MAX = -8
"""From glibc's malloc.h."""


@asynccontextmanager
async def keeping_memory_small() -> AsyncIterator[None]:
    """Let all threads share one heap, and now and again give back what nobody uses, until the block ends.

    It is to be entered before the first thread begins.
    """
    _share_one_heap()
    giving_back = asyncio.create_task(_keep_giving_back(), name="giving memory back")
    try:
        yield
    finally:
        giving_back.cancel()
        with suppress(asyncio.CancelledError):
            await giving_back


def _share_one_heap() -> None:
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


async def _keep_giving_back() -> None:
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
        gc.collect()
        with suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)
