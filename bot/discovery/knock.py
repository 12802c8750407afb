"""Knocking: likely names of a domain's mail server are tried, without a password and without the address."""

import asyncio
import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile

from bot.discovery.findings import FULL_ADDRESS, Caution, Found, MailSettings, Source, SourceAnswer
from bot.discovery.registered_domain import is_public_suffix
from bot.discovery.search import NowhereError, Search, UnansweredError
from bot.providers.recognition import provider_of
from bot.smtp.account import Account, Encryption
from bot.smtp.check.probe import PortProbe
from bot.smtp.check.report import Endpoint
from bot.smtp.dialogue.handshakes import Handshakes

KNOCK_SECONDS = 2.5
"""How long the tries are waited for: less than a search takes, so that one that succeeds counts although another gets
no answer."""

ENDPOINTS = (Endpoint(port=465, encryption=Encryption.SSL), Endpoint(port=587, encryption=Encryption.TLS))
"""The preferred first (RFC 8314, 3.3)."""


def likely_hosts(domain: str) -> tuple[str, ...]:
    """Return the names under which a domain's mail server is likely, the likeliest first.

    Below a public suffix there is none of its own: anybody may register smtp.co.uk.
    """
    return (domain,) if is_public_suffix(domain) else (f"smtp.{domain}", f"mail.{domain}", domain)


@dataclass(frozen=True, kw_only=True)
class Knock:
    """Tries likely names, with the trust of connection tests and the name that these announce.

    Only a server counts that shows a certificate for its name, and offers a sign-in after it.
    """

    trust: ssl.SSLContext
    handshakes: Handshakes
    helo: str

    async def ask(self, search: Search) -> SourceAnswer:
        """Return the likeliest server that answers, whichever is the quickest."""
        tries = {
            asyncio.create_task(self._answers(search, host, endpoint)): (host, endpoint)
            for host in likely_hosts(search.domain)
            for endpoint in ENDPOINTS
            if endpoint.port in search.guard.allowed_ports
        }
        try:
            await _until_decided(list(tries))
        finally:
            late = [task for task in tries if not task.done()]
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        outcomes = [(place, None if task in late else task.result()) for task, place in tries.items()]
        return _answer(search.domain, outcomes)

    async def _answers(self, search: Search, host: str, endpoint: Endpoint) -> bool | None:
        """Whether a mail server answers; None where the DNS gives no answer."""
        try:
            addresses = await search.addresses(host)
        except NowhereError:
            return False
        except UnansweredError:
            return None
        return await self._probe(search, host).answers(addresses, endpoint)

    def _probe(self, search: Search, host: str) -> PortProbe:
        nobody = Account(address="", host=host, port=0, encryption=Encryption.TLS, authenticate=True, helo=self.helo)
        return PortProbe(search.guard, search.network, self.trust, self.handshakes, nobody)


async def _until_decided(tasks: Sequence[asyncio.Task[bool | None]]) -> None:
    """Wait until it is certain which is the first of the tasks, in their order, that returns True, or time is over."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + KNOCK_SECONDS
    for task in tasks:
        await asyncio.wait([task], timeout=max(ends - loop.time(), 0))
        if task.done() and task.result():
            return


def _answer(domain: str, outcomes: Sequence[tuple[tuple[str, Endpoint], bool | None]]) -> SourceAnswer:
    """Return the likeliest server that answers, where the outcome of a try is None if nobody knows it."""
    before = list(takewhile(lambda outcome: not outcome[1], outcomes))
    complete = all(succeeded is not None for _, succeeded in before)
    answering = [place for place, succeeded in outcomes if succeeded]
    if not answering:
        unknown = {host for (host, _), succeeded in outcomes if succeeded is None}
        return SourceAnswer(source=Source.KNOCK, said=_none_answers(likely_hosts(domain), unknown), complete=complete)
    host, endpoint = answering[0]
    settings = MailSettings(host=host, port=endpoint.port, encryption=endpoint.encryption, login=FULL_ADDRESS)
    found = Found(source=Source.KNOCK, settings=settings, provider=provider_of(host), cautions=(Caution.GUESSED,))
    said = f"{host} answers at port {endpoint.port}."
    return SourceAnswer(source=Source.KNOCK, said=said, found=found, complete=complete)


def _none_answers(hosts: Sequence[str], unknown: Collection[str]) -> str:
    """Return at which hosts nothing answers, and of which that is unknown: no DNS told of them, or time was over."""
    sentences = []
    if silent := ", ".join(host for host in hosts if host not in unknown):
        sentences.append(f"No mail server answers encrypted at {silent}, ports 465 and 587.")
    if untold := ", ".join(host for host in hosts if host in unknown):
        sentences.append(f"It is not known whether a mail server answers encrypted at {untold}.")
    return " ".join(sentences)
