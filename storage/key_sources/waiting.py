"""Waiting for what cannot be stopped: blocking work that the program's end does not wait for."""

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from aiohttp.abc import AbstractResolver, ResolveResult

Result = TypeVar("Result")


async def in_a_thread(work: Callable[[], Result]) -> Result:
    """Do blocking work in a thread of its own.

    asyncio's own threads are waited for when the program ends, and a look-up of a name can take half a minute.
    """
    future: Future[Result] = Future()

    def settle() -> None:
        future.set_running_or_notify_cancel()
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - whoever awaits the future gets it
            future.set_exception(error)

    threading.Thread(target=settle, name="key source", daemon=True).start()
    return await asyncio.wrap_future(future)


class Resolver(AbstractResolver):
    """Looks up names as the system does, in threads that nobody has to wait for."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up the addresses of a host. Raises OSError when there are none."""
        found = await in_a_thread(lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Nothing is kept open."""
