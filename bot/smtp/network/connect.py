"""The way to the network: resolve a name once, connect to one checked address."""

import asyncio
import socket
from ipaddress import ip_address
from typing import Protocol

from bot.smtp.network.guard import Address, literal
from bot.smtp.network.names import Names

MOST_ADDRESSES = 8
"""Answers of one name that are looked at; more are a sign of trouble, not of service."""


class Network(Protocol):
    """What a connection test needs of the network."""

    async def resolve(self, host: str) -> list[Address]:
        """Give a host's addresses. Raises socket.gaierror when there are none."""
        ...

    async def connect(self, address: Address, port: int) -> socket.socket:
        """Give a connected, non-blocking socket. Raises OSError when it cannot be had."""
        ...


class OpenNetwork:
    """The machine's own network."""

    def __init__(self) -> None:
        """Know no name yet."""
        self._names = Names()

    async def resolve(self, host: str) -> list[Address]:
        """Resolve through the system, once; an IP literal is its own answer."""
        known = literal(host)
        if known is not None:
            return [known]
        # The final dot keeps search domains from turning a name into an internal one.
        return (await self._names.addresses(f"{host}."))[:MOST_ADDRESSES]

    async def connect(self, address: Address, port: int) -> socket.socket:
        """Connect to exactly this address."""
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        connecting = socket.socket(family, socket.SOCK_STREAM)
        try:
            connecting.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connecting, (str(address), port))
            if ip_address(connecting.getpeername()[0]) != address:
                raise OSError("connected to another address than the one that was checked")
        except BaseException:
            connecting.close()
            raise
        return connecting
