"""What the operating system does for this process: no file holds its memory, and it may have many connections."""

import ctypes
import resource
import sys
from contextlib import suppress

_PR_SET_DUMPABLE = 4
"""https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html"""

MOST_FILES = 65_536
"""Open files at once, connections too: what strangers hold open shall not be all that there may be."""


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


def allow_many_files() -> None:
    """Raise the limit of open files as far as this process may, up to MOST_FILES; systems begin with 1024 or less."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # As above; the systemd unit sets the limit itself.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
