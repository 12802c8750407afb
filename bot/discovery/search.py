"""One search: the domain that it is about, and how much it may ask."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from bot.discovery.findings import SourceAnswer
from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import DnsRecords
from bot.smtp.network.guard import Address, AddressNotAllowedError, Guard

MAX_REQUESTS = 6
"""Web requests of one search, redirects among them."""

MAX_ADDRESSES = 2
"""Addresses of one name that are connected to; all are checked."""

NO_DNS = "The DNS gave no answer."

_Answer = TypeVar("_Answer")


class TooManyRequestsError(Exception):
    """The search has made all the requests that one may make."""


class NowhereError(Exception):
    """A name does not exist, or leads where the bot may not look; which of the two, nobody is told."""


class UnansweredError(Exception):
    """The DNS gave no answer, so that there may be something or nothing."""


def answered(answer: _Answer | None) -> _Answer:
    """Return what the DNS answered. Raises UnansweredError when it gave no answer."""
    if answer is None:
        raise UnansweredError
    return answer


@dataclass(eq=False, kw_only=True)
class Search:
    """A search for the settings of a `domain` (A-labels); only the domain is ever sent anywhere.

    Sources look names up with `dns` or `addresses` and connect through `network` to the addresses that `addresses`
    returned, so that the guard has seen each. Addresses and the domain's MX hosts are asked for once, whoever needs
    them.
    """

    domain: str
    dns: DnsRecords
    guard: Guard
    network: Network
    _requests: int = 0
    _addresses: dict[str, asyncio.Task[tuple[Address, ...] | None]] = field(default_factory=dict, repr=False)
    _mail_servers: asyncio.Task[tuple[str, ...] | None] | None = field(default=None, repr=False)

    def count_request(self) -> None:
        """Count one web request before it is made.

        Raises:
            TooManyRequestsError: there were MAX_REQUESTS.
        """
        if self._requests >= MAX_REQUESTS:
            raise TooManyRequestsError
        self._requests += 1

    async def addresses(self, host: str) -> list[Address]:
        """Return one or two addresses of a host name to connect to, all of its addresses checked.

        Raises:
            NowhereError: it has none, or one of them may not be reached.
            UnansweredError: the DNS gave no answer.
        """
        if host not in self._addresses:
            self._addresses[host] = asyncio.create_task(self.dns.addresses(host))
        try:
            return _few(self.guard.check_addresses(answered(await asyncio.shield(self._addresses[host]))))
        except AddressNotAllowedError:
            raise NowhereError from None

    async def mail_servers(self) -> tuple[str, ...]:
        """Return the domain's MX hosts, in lower case and the preferred first.

        Raises:
            UnansweredError: the DNS gave no answer.
        """
        if self._mail_servers is None:
            self._mail_servers = asyncio.create_task(self.dns.mail_servers(self.domain))
        return answered(await asyncio.shield(self._mail_servers))

    def end(self) -> None:
        """Leave off what nobody waits for any more."""
        for asking in (self._mail_servers, *self._addresses.values()):
            if asking is not None:
                asking.cancel()


def _few(addresses: list[Address]) -> list[Address]:
    """Return the first of the addresses and another, which is of the other IP version where there is one."""
    first, *others = addresses
    others.sort(key=lambda other: other.version == first.version)
    return [first, *others][:MAX_ADDRESSES]


AskSource = Callable[[Search], Awaitable[SourceAnswer]]
"""Asks one source about the search's domain; the login that it finds is a pattern (see `filled_login`).

What goes wrong is in the answer's words. It may raise UnansweredError; whatever else it raises is a
fault of the program.
"""
