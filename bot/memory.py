"""The heap of the C library, which many threads would let grow although nothing more is in use."""

import ctypes

_M_ARENA_MAX = -8
"""From glibc's malloc.h."""


def share_one_heap() -> None:
    """Let all threads of this process share one heap; to be called before the first of them begins.

    Each SQLite connection has a thread, and glibc would give new threads further heaps, each with room that stays
    taken when its thread ends: https://man7.org/linux/man-pages/man3/mallopt.3.html. C libraries without the option
    are left as they are.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_M_ARENA_MAX, 1)
