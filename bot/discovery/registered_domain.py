"""Registered domains, by the public suffix list (https://publicsuffix.org), which comes with publicsuffixlist."""

import asyncio
from functools import cache

from publicsuffixlist import PublicSuffixList

from bot.smtp.network.guard import literal


def registered_domain(host: str) -> str:
    """Return the domain that somebody registered to have this host (A-labels): example.co.uk of mail.example.co.uk.

    A public suffix itself, or an IP address, is returned as it is.
    """
    return host if literal(host) else _list().privatesuffix(host) or host


def is_same_registered(host: str, other: str) -> bool:
    """Whether two hosts (A-labels) are in one registered domain."""
    return registered_domain(host) == registered_domain(other)


async def read_list() -> None:
    """Read the list, in a thread of its own, for it takes a tenth of a second; later calls return at once."""
    await asyncio.to_thread(_list)


def is_public_suffix(domain: str) -> bool:
    """Whether anybody may register names below a domain (A-labels), as below co.uk."""
    return _list().is_public(domain)


@cache
def _list() -> PublicSuffixList:
    return PublicSuffixList()
