"""What the operating system may do with this process: never write its memory, which holds secrets, to a file."""

import ctypes
import resource
import sys
from contextlib import suppress

_PR_SET_DUMPABLE = 4
"""https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html"""


def forbid_core_dumps() -> None:
    """Let no core of this process be written, and on Linux let nobody but root look into its memory.

    The limit of zero holds for files, and for what this process starts. A core that is piped to a program, as systemd
    and crash reporters have it, does not mind that limit (https://man7.org/linux/man-pages/man5/core.5.html), but it
    minds whether the process is dumpable.
    """
    if resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
        # A sandbox may forbid the call; it is an addition to what follows.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
