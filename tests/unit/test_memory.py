"""Threads share one heap once that was asked for."""

import ctypes
import subprocess
import sys

import pytest

pytestmark = pytest.mark.databases()

COUNTING = """
import asyncio, contextlib, ctypes, sys, threading
from bot.memory import keeping_memory_small
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(4)
def take():
    libc.malloc(100_000)
    together.wait()
async def main():
    async with {within}:
        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
asyncio.run(main())
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def heaps(within: str) -> int:
    if not hasattr(ctypes.CDLL(None), "malloc_info"):
        pytest.skip("this C library does not tell of its heaps")
    done = subprocess.run(
        [sys.executable, "-c", COUNTING.format(within=within)], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.count("<heap nr=")


def test_all_threads_take_from_one_heap() -> None:
    assert heaps("contextlib.nullcontext()") > 1
    assert heaps("keeping_memory_small()") == 1
