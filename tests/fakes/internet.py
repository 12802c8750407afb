"""A small internet on the loopback: name servers, web servers and mail servers of domains that a test makes up."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

from bot.demo.mail import DemoMail
from bot.discovery.discovery import Discovery
from bot.discovery.sources import network_sources
from bot.smtp.dialogue.handshakes import Handshakes
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Address, Guard
from tests.fakes.config_server import Answer, Certificate, ConfigServer, server_context
from tests.fakes.delay_proxy import DelayProxy
from tests.fakes.dns_server import LOOPBACK, Broken, DnsServer, Records
from tests.fakes.smtp_server import ScriptedServer

WEB = "93.184.215.14"
MAIL = "93.184.215.25"
"""A mail server as it should be, at ports 465 and 587."""
STARTTLS_ONLY = "93.184.215.26"
"""One with port 587 alone; at 465 it refuses."""
UNTRUSTED = "93.184.215.27"
"""One whose certificate an unknown authority has signed."""
PLAIN = "93.184.215.28"
"""One without encryption."""
RELAY = "93.184.215.29"
"""One where nobody can sign in."""
SILENT = "93.184.215.30"
"""Nothing answers there, and nothing refuses."""
CLOSED = "93.184.215.31"
"""Every port refuses."""

PORTS = (465, 587, 2525)


class InternetNetwork(Network):
    """Leads addresses and ports to those of the loopback; `reached` are those that were connected to.

    A connection, or its refusal, takes a round trip.
    """

    def __init__(self, routes: Mapping[tuple[str, int], int], *, round_trip: float = 0.0) -> None:
        super().__init__()
        self._routes = dict(routes)
        self._round_trip = round_trip
        self.reached: list[tuple[str, int]] = []

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        """Connect to the first address that has such a port."""
        for address in map(str, addresses):
            self.reached.append((address, port))
            await asyncio.sleep(self._round_trip)
            if address == SILENT:
                await asyncio.Event().wait()
            if (address, port) in self._routes:
                return await super().connect([ip_address(LOOPBACK)], self._routes[address, port])
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


class TrustingMail(DemoMail):
    """The demo's mail server, for a bot that trusts the authority of the servers here."""

    def trust(self) -> ssl.SSLContext:
        """Make the context of a client that trusts that authority and no other."""
        return ConfigServer.trust()


@dataclass(frozen=True, kw_only=True)
class Internet:
    """What a search can reach, and what it was seen to do there."""

    dns: DnsServer
    web: ConfigServer
    mail: Sequence[ScriptedServer]
    network: InternetNetwork
    guard: Guard = field(default_factory=lambda: Guard((), PORTS))

    def discovery(self) -> Discovery:
        """Return a discovery that asks this internet, and has kept nothing yet."""
        sources = network_sources(trust=self.web.trust(), handshakes=Handshakes(32), helo="bot.example.org")
        return Discovery(guard=self.guard, network=self.network, dns=self.dns.records(), sources=sources)

    @property
    def told(self) -> str:
        """Everything that was sent anywhere: names asked for, requests, hosts of certificates, lines of SMTP."""
        lines = [line.decode("utf-8", "replace") for server in self.mail for line in server.lines]
        asked = [f"{name} {kind}" for name, kind in self.dns.asked]
        return "\n".join([*asked, *(one.head for one in self.web.asked), *self.web.greeted, *lines])


@asynccontextmanager
async def internet(
    names: Mapping[str, Records | Broken],
    pages: Mapping[str, Answer] | None = None,
    *,
    certificates: Mapping[str, Certificate] | None = None,
    delay: float = 0.0,
) -> AsyncIterator[Internet]:
    """Serve these names, pages and the mail servers; each way to any of them takes `delay` seconds."""
    good, unknown = _by_name(Certificate.GOOD), _by_name(Certificate.STRANGER)
    mail = {
        (MAIL, 465): ScriptedServer(tls=good, implicit=True),
        (MAIL, 587): ScriptedServer(tls=good),
        (STARTTLS_ONLY, 587): ScriptedServer(tls=good),
        (UNTRUSTED, 465): ScriptedServer(tls=unknown, implicit=True),
        (UNTRUSTED, 587): ScriptedServer(tls=unknown),
        (PLAIN, 587): ScriptedServer(),
        (RELAY, 465): ScriptedServer(tls=good, implicit=True, mechanisms=""),
        (RELAY, 587): ScriptedServer(tls=good, mechanisms=""),
    }
    async with AsyncExitStack() as stack:
        dns = await stack.enter_async_context(DnsServer(names, delay=2 * delay))
        web = await stack.enter_async_context(ConfigServer(pages or {}, certificates or {}))
        for server in mail.values():
            await stack.enter_async_context(server)
        routes = {(WEB, 443): web.port, **{place: server.port for place, server in mail.items()}}
        if delay:
            routes = {place: await _far(stack, port, delay) for place, port in routes.items()}
        yield Internet(
            dns=dns, web=web, mail=tuple(mail.values()), network=InternetNetwork(routes, round_trip=2 * delay)
        )


async def _far(stack: AsyncExitStack, port: int, delay: float) -> int:
    return (await stack.enter_async_context(DelayProxy(port, delay))).port


def _by_name(certificate: Certificate) -> ssl.SSLContext:
    """Return a server's context with a certificate for whatever name a client asks for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def choose(encrypting: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        encrypting.context = server_context(name or "", certificate)

    context.sni_callback = choose
    return context
