"""Looking up host names: through the system, as everything else on the machine does, without waiting for each other.

asyncio's own way shares a few threads among all names, Slack's and the database's too, and the system may take half a
minute over a dead one. Here each name has a thread of its own, which nobody waits for longer than they like.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from ipaddress import ip_address

from bot.smtp.network.guard import Address

MOST = 100
"""Names looked up at once; twice as many as tests can run, because the system goes on with what nobody waits for."""


class Names:
    """The lookups under way in one process."""

    def __init__(self) -> None:
        """Look nothing up yet."""
        self._under_way: dict[str, asyncio.Future[list[Address]]] = {}

    async def addresses(self, name: str) -> list[Address]:
        """Give the addresses of a name, in the system's order; the same name is looked up once for all who ask.

        Raises:
            socket.gaierror: there are none, or too many names are being looked up.
        """
        answer = self._under_way.get(name)
        if answer is None:
            if len(self._under_way) >= MOST:
                raise socket.gaierror(socket.EAI_AGAIN, "too many names are being looked up")
            answer = self._under_way[name] = self._begun(name)
        return await asyncio.shield(answer)

    def _begun(self, name: str) -> asyncio.Future[list[Address]]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Address]] = loop.create_future()

        def done(found: list[Address] | OSError | UnicodeError) -> None:
            del self._under_way[name]
            if isinstance(found, list):
                answer.set_result(found)
            else:
                answer.set_exception(found)
                # Whoever asked may have gone.
                answer.exception()

        def look_up() -> None:
            found: list[Address] | OSError | UnicodeError
            try:
                found = _looked_up(name)
            except (OSError, UnicodeError) as error:
                found = error
            # The bot may have stopped meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(done, found)

        # A daemon: the end of the process does not wait for a dead name.
        threading.Thread(target=look_up, name="looking up a name", daemon=True).start()
        return answer


def _looked_up(name: str) -> list[Address]:
    answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers))
