"""Threads share one heap once that was asked for."""

import ctypes
import subprocess
import sys

import pytest

pytestmark = pytest.mark.databases()

COUNTING = """
import ctypes, sys, threading
from bot.memory import share_one_heap
{asked}
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(4)
def take():
    libc.malloc(100_000)
    together.wait()
threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def heaps(asked: str) -> int:
    if not hasattr(ctypes.CDLL(None), "malloc_info"):
        pytest.skip("this C library does not tell of its heaps")
    done = subprocess.run(
        [sys.executable, "-c", COUNTING.format(asked=asked)], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.count("<heap nr=")


def test_all_threads_take_from_one_heap() -> None:
    assert heaps("") > 1
    assert heaps("share_one_heap()") == 1
