"""Threads share one heap once that was asked for, and garbage does not pile up."""

import asyncio
import ctypes
import gc
import subprocess
import sys
import threading
import weakref

import pytest

from bot.memory import keeping_memory_small

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


async def test_what_only_holds_itself_is_given_back_though_python_looks_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.memory.PAUSE_SECONDS", 0.01)
    gone = threading.Event()
    gc.disable()
    try:
        async with keeping_memory_small():
            _leave_garbage(gone)
            async with asyncio.timeout(10):
                while not gone.is_set():
                    await asyncio.sleep(0.01)
    finally:
        gc.enable()


def _leave_garbage(gone: threading.Event) -> None:
    class Holding:
        itself: "Holding"

    holding = Holding()
    holding.itself = holding
    weakref.finalize(holding, gone.set)
