"""One search: the domain that it is about, and how much it may ask."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.discovery.findings import SourceAnswer
from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import DnsRecords
from bot.smtp.network.guard import Address, AddressNotAllowedError, Guard

MAX_REQUESTS = 6
"""Web requests of one search, redirects among them."""


class TooManyRequestsError(Exception):
    """The search has made all the requests that one may make."""


class NowhereError(Exception):
    """A name does not exist, or leads where the bot may not look; which of the two, nobody is told."""


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
        """Return the checked addresses of a host name, to connect to.

        Raises:
            NowhereError: it has none, or one of them may not be reached.
        """
        if host not in self._addresses:
            self._addresses[host] = asyncio.create_task(self.dns.addresses(host))
        try:
            found = await asyncio.shield(self._addresses[host])
            return self.guard.check_addresses(found or ())
        except AddressNotAllowedError:
            raise NowhereError from None

    async def mail_servers(self) -> tuple[str, ...] | None:
        """Return the domain's MX hosts, in lower case and the preferred first; None when the DNS gives no answer."""
        if self._mail_servers is None:
            self._mail_servers = asyncio.create_task(self.dns.mail_servers(self.domain))
        return await asyncio.shield(self._mail_servers)

    def end(self) -> None:
        """Leave off what nobody waits for any more."""
        for asking in (self._mail_servers, *self._addresses.values()):
            if asking is not None:
                asking.cancel()


AskSource = Callable[[Search], Awaitable[SourceAnswer]]
"""Asks one source about the search's domain; the login that it finds is a pattern (see `filled_login`).

What goes wrong is in the answer's words; what it raises is a fault of the program.
"""
