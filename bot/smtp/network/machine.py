"""What this machine is called, as mail servers are greeted with it."""

import asyncio
import re
import socket
import threading
from contextlib import suppress

LOOKUP_SECONDS = 1.0
"""How long the machine's name may be looked up; its DNS may take much longer, and the name is not worth that."""

_FULL_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?")
_NO_NAMES = ("localhost", "localdomain", "arpa")
"""How names end that say nothing of the machine; .arpa is a reverse look-up that found nothing."""


async def full_host_name() -> str | None:
    """Return this machine's full host name; None where it has none, or where it cannot be found out in time."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[str] = loop.create_future()

    def look_up() -> None:
        name = socket.getfqdn()
        # The loop may be closed by now, or nobody wait any more.
        with suppress(RuntimeError, asyncio.InvalidStateError):
            loop.call_soon_threadsafe(lambda: None if found.done() else found.set_result(name))

    # A daemon thread, because the process must not wait for it when it ends.
    threading.Thread(target=look_up, name="own name look-up", daemon=True).start()
    try:
        name = (await asyncio.wait_for(found, LOOKUP_SECONDS)).lower().rstrip(".")
    except TimeoutError:
        return None
    return name if _FULL_NAME.fullmatch(name) and not name.endswith(_NO_NAMES) else None
