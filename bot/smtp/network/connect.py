"""Connections to checked addresses: the first that answers is used (RFC 8305, "Happy Eyeballs")."""

import socket
from collections.abc import Mapping, Sequence

from aiohappyeyeballs import AddrInfoType, start_connection

from bot.smtp.network.guard import Address
from bot.smtp.network.resolver import Resolver

ATTEMPT_DELAY_SECONDS = 0.25
"""How long one address is waited for before the next is tried as well (RFC 8305, section 5)."""


class ConnectError(OSError):
    """No address answers, and not all for one reason; `errors` is by IP version, 4 or 6."""

    def __init__(self, errors: Mapping[int, OSError]) -> None:
        super().__init__("; ".join(f"IPv{version}: {error}" for version, error in errors.items()))
        self.errors = errors


class Network(Resolver):
    """The machine's network, as connection tests use it; the demo and tests override it."""

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        """Return a non-blocking socket that is connected to the first address that answers.

        Raises:
            OSError: none answers.
        """
        try:
            return await start_connection(
                [_addr_info(address, port) for address in addresses], happy_eyeballs_delay=ATTEMPT_DELAY_SECONDS
            )
        except OSError as error:
            if error.errno is not None:
                # Every address failed in the same way.
                raise
        return await self._connect_to_each_version(addresses, port)

    async def _connect_to_each_version(self, addresses: Sequence[Address], port: int) -> socket.socket:
        """Try the first address of each IP version by itself, because the errors of many come as one text."""
        errors: dict[int, OSError] = {}
        for address in addresses:
            if address.version in errors:
                continue
            try:
                return await start_connection([_addr_info(address, port)])
            except OSError as error:
                errors[address.version] = error
        raise ConnectError(errors)


def _addr_info(address: Address, port: int) -> AddrInfoType:
    if address.version == 4:
        return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port)
    return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port, 0, 0)
