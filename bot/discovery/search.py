"""One search: the domain that it is about, and how much it may ask."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.discovery.findings import SourceAnswer
from bot.smtp.network.connect import Network

MAX_REQUESTS = 6
"""Web requests of one search, redirects among them."""


class TooManyRequestsError(Exception):
    """The search has made all the requests that one may make."""


@dataclass(eq=False)
class Search:
    """A search for the settings of a `domain` (A-labels); only the domain is ever sent anywhere.

    Its MX hosts are asked for once, whoever needs them.
    """

    domain: str
    network: Network
    _requests: int = 0
    _mail_servers: asyncio.Task[tuple[str, ...]] | None = field(default=None, repr=False)

    def count_request(self) -> None:
        """Count one web request before it is made.

        Raises:
            TooManyRequestsError: there were MAX_REQUESTS.
        """
        if self._requests >= MAX_REQUESTS:
            raise TooManyRequestsError
        self._requests += 1

    async def mail_servers(self) -> tuple[str, ...]:
        """Return the domain's MX hosts, in lower case and the preferred first; none when it has none."""
        if self._mail_servers is None:
            self._mail_servers = asyncio.create_task(self.network.mail_servers(self.domain))
        return await asyncio.shield(self._mail_servers)


AskSource = Callable[[Search], Awaitable[SourceAnswer]]
"""Asks one source about the search's domain; the login that it finds is a pattern (see `filled_login`).

What goes wrong is in the answer's words; what it raises is a fault of the program.
"""
