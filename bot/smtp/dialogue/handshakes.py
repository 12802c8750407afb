"""Places for TLS handshakes: so many begin at once, and one that only waits for its server keeps nobody out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PLACE_SECONDS = 0.1
"""How long a handshake keeps its place: what it costs is some milliseconds of CPU, and the rest of it is waiting."""


class Handshakes:
    """Bounds how many TLS handshakes begin at once, so that the event loop does not compute many in a row.

    A place is free again when its handshake is over, or after `PLACE_SECONDS`: servers that stall delay no other.
    """

    def __init__(self, most: int) -> None:
        self._places = asyncio.Semaphore(most)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, and run the block, which may take longer than it keeps the place."""
        await self._places.acquire()
        is_kept = True

        def give_back() -> None:
            nonlocal is_kept
            if is_kept:
                is_kept = False
                self._places.release()

        timer = asyncio.get_running_loop().call_later(PLACE_SECONDS, give_back)
        try:
            yield
        finally:
            timer.cancel()
            give_back()
