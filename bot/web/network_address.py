"""Whom a limit by network address counts: the peer of a connection, or who a trusted proxy says is behind it."""

import logging
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

log = logging.getLogger(__name__)

Network = IPv4Network | IPv6Network
_Address = IPv4Address | IPv6Address

_OF_ONE_CUSTOMER = 64
"""Bits that the addresses of one IPv6 customer have in common at least (RFC 6177)."""


_BEFORE_IPV4 = 96
"""Bits before an IPv4 address in an IPv6 one (RFC 4291, 2.5.5.2)."""


class NetworkAddresses:
    """Reads network addresses of connections and requests; `trusted_proxies` are those whose word counts."""

    def __init__(self, trusted_proxies: Sequence[Network] = ()) -> None:
        self._trusted = tuple(map(_unmapped, trusted_proxies))
        self._unheard_of = not trusted_proxies

    def is_trusted(self, peer: str) -> bool:
        """Whether a peer is one of the trusted proxies."""
        address = _read(peer)
        return address is not None and self._trusts(address)

    def counted(self, peer: str) -> str:
        """Return how a peer is counted: an IPv4 address, or the /64 that an IPv6 address belongs to."""
        address = _read(peer)
        return _counted(address) if address is not None else ""

    def of(self, request: web.Request) -> str:
        """Return how whoever sent a request is counted.

        That is the peer; behind a trusted proxy, the rightmost address of X-Forwarded-For that is not trusted, since
        each proxy appends whom it was asked by and anybody may have written what stands before. What is no address
        ends the reading: then the last proxy that was read counts.
        """
        address = _read(request.remote or "")
        lines = ",".join(request.headers.getall("X-Forwarded-For", []))
        if lines and self._unheard_of:
            self._unheard_of = False
            log.warning(
                "X-Forwarded-For does not count, since TRUSTED_PROXIES is not set: a proxy counts as one visitor."
            )
        for written in reversed(lines.split(",")):
            if address is None or not self._trusts(address):
                break
            forwarded = _read(_without_port(written.strip()))
            if forwarded is None:
                break
            address = forwarded
        return _counted(address) if address is not None else ""

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)


def _read(text: str) -> _Address | None:
    """Read an address without its zone; an IPv4 address inside an IPv6 one is that IPv4 address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _unmapped(network: Network) -> Network:
    """Return the IPv4 network that an IPv6 one stands for, as addresses are read; any other as it is."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < _BEFORE_IPV4:
        return network
    return IPv4Network((int(mapped), network.prefixlen - _BEFORE_IPV4))


def _without_port(text: str) -> str:
    """Take off the port that some proxies write: `192.0.2.1:50123`, `[2001:db8::1]:50123`."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _counted(address: _Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), _OF_ONE_CUSTOMER), strict=False))


ADDRESSES = web.AppKey("addresses", NetworkAddresses)
"""Where an application, and what is served below it, keeps them."""
