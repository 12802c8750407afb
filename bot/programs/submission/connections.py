"""The bound on connections: in all, of one peer, and of those on which nobody has signed in yet."""

import asyncio
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Protocol

MOST = 1000
"""Connections at once."""

MOST_OF_A_PEER = 300
"""Of one IPv4 address, or of the /64 that an IPv6 address belongs to (RFC 6177)."""

MOST_UNKNOWN = 300
"""On which nobody has signed in yet."""

YOUNG_SECONDS = 3.0
"""In which a program that means it has signed in, over slow lines too. Its place is not taken before."""


class Connection(Protocol):
    """A connection of a program."""

    def crowd_out(self) -> None:
        """Close it, since others need its place."""

    def leave(self) -> None:
        """Close it as soon as no letter is under way."""

    def abort(self) -> None:
        """Close it without a word."""


class Connections:
    """The connections that there are."""

    def __init__(self) -> None:
        self._peers: dict[Connection, str] = {}
        self._unknown: dict[Connection, float] = {}

    def __len__(self) -> int:
        return len(self._peers)

    def all(self) -> list[Connection]:
        """Return them."""
        return list(self._peers)

    def admit(self, connection: Connection, peer: str) -> bool:
        """Count a connection; returns False where there is no place. The oldest unknown one may have to go for it.

        `peer` is as `counted` returns it.
        """
        if sum(one == peer for one in self._peers.values()) >= MOST_OF_A_PEER:
            return False
        is_full = len(self._peers) >= MOST or len(self._unknown) >= MOST_UNKNOWN
        if is_full and not self._crowd_out_oldest():
            return False
        self._peers[connection] = peer
        self._unknown[connection] = asyncio.get_running_loop().time()
        return True

    def _crowd_out_oldest(self) -> bool:
        """Close the oldest connection on which nobody has signed in; returns False where there is none but young."""
        oldest = next(iter(self._unknown), None)
        if oldest is None or asyncio.get_running_loop().time() - self._unknown[oldest] < YOUNG_SECONDS:
            return False
        self.discard(oldest)
        oldest.crowd_out()
        return True

    def sign_in(self, connection: Connection) -> None:
        """Note that a program signed in."""
        self._unknown.pop(connection, None)

    def discard(self, connection: Connection) -> None:
        """Note that a connection is gone."""
        self._peers.pop(connection, None)
        self._unknown.pop(connection, None)


def counted(address: str) -> str:
    """Return by what connections from an address are counted together."""
    read = ip_address(address.partition("%")[0])
    if isinstance(read, IPv6Address):
        return str(read.ipv4_mapped or IPv6Network((int(read), 64), strict=False))
    return str(read)
