"""A domain that publishes documents for mail programs, and a search that reads them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.discovery.autoconfig import Autoconfig
from bot.discovery.discovery import Discovery
from bot.discovery.fetch import Web
from bot.discovery.findings import Found, MailSettings, Source, SourceAnswer
from bot.discovery.pacc import Pacc
from bot.smtp.network.guard import Guard, IpNetwork
from tests.fakes.config_documents import DOMAIN
from tests.fakes.config_server import Answer, Certificate, ConfigServer
from tests.fakes.dns_server import DnsServer, Records
from tests.fakes.internet import PORTS, WEB, InternetNetwork
from tests.fakes.scripted_domains import at

LOCAL_PART = "ada-canary"
ADDRESS = f"{LOCAL_PART}@{DOMAIN}"
FORBIDDEN = (
    "127.0.0.1",
    "10.0.0.7",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "::1",
    "fd00:ec2::254",
    "::ffff:127.0.0.1",
    "64:ff9b::a9fe:a9fe",
)
AT_HOST = f"autoconfig.{DOMAIN}/mail/config-v1.1.xml"
AT_WELL_KNOWN = f"{DOMAIN}/.well-known/autoconfig/mail/config-v1.1.xml"
PACC_HOST = f"ua-auto-config.{DOMAIN}"
AT_PACC = f"{PACC_HOST}/.well-known/user-agent-configuration.json"


@dataclass(frozen=True, kw_only=True)
class World:
    """A web server that publishes, a name server that leads to it, and what a search did there."""

    web: ConfigServer
    dns: DnsServer
    network: InternetNetwork
    allowed: Sequence[IpNetwork]
    seconds: float

    def publish(
        self,
        pages: Mapping[str, Answer],
        *,
        names: Mapping[str, Records] | None = None,
        certificates: Mapping[str, Certificate] | None = None,
    ) -> None:
        """Publish pages and no others; their hosts have a public address, unless `names` say something else."""
        self.web.pages, self.web.certificates = pages, certificates or {}
        self.dns.names = {**{url.partition("/")[0]: at(WEB) for url in pages}, **(names or {})}
        for noted in (self.web.asked, self.web.greeted, self.dns.asked, self.network.reached):
            noted.clear()

    async def answers(self, address: str = ADDRESS) -> Mapping[Source, SourceAnswer]:
        """Search for an address where documents are published, and return what each source said."""
        web = Web(trust=self.web.trust(), seconds=self.seconds)
        autoconfig = Autoconfig(web=web)
        discovery = Discovery(
            guard=Guard(self.allowed, PORTS),
            network=self.network,
            dns=self.dns.records(),
            sources={
                Source.AUTOCONFIG: autoconfig.at_autoconfig_host,
                Source.WELL_KNOWN: autoconfig.at_well_known,
                Source.PACC: Pacc(web=web).ask,
            },
        )
        answers = (await discovery.find(address, ())).answers
        self.nothing_else_happened()
        return {answer.source: answer for answer in answers}

    async def said(self, source: Source = Source.AUTOCONFIG) -> str:
        """Search, and return what one source said that found nothing."""
        answer = (await self.answers())[source]
        assert answer.found is None, answer
        return answer.said

    async def found(self, source: Source = Source.AUTOCONFIG) -> Found:
        """Search, and return what one source found."""
        answer = (await self.answers())[source]
        assert answer.found is not None, answer.said
        return answer.found

    async def settings(self, source: Source = Source.AUTOCONFIG) -> MailSettings:
        """Search, and return the settings that one source found."""
        settings = (await self.found(source)).settings
        assert settings is not None
        return settings

    def nothing_else_happened(self) -> None:
        """Assert what must never be: another port, a word about the person."""
        assert {port for _, port in self.network.reached} <= {443}
        names = [name for name, _ in self.dns.asked]
        told = "\n".join([*(one.head for one in self.web.asked), *self.web.greeted, *names]).lower()
        for word in ("canary", "@", "%40", "cookie:", "referer:", "authorization:"):
            assert word not in told


@asynccontextmanager
async def world(
    pages: Mapping[str, Answer] | None = None, *, allowed: Sequence[IpNetwork] = (), seconds: float = 5.0
) -> AsyncIterator[World]:
    """Begin with some pages; forbidden addresses lead to the web server, too, if somebody connects to them."""
    async with ConfigServer({}) as web, DnsServer({}) as dns:
        network = InternetNetwork({(address, 443): web.port for address in (WEB, *FORBIDDEN)})
        around = World(web=web, dns=dns, network=network, allowed=allowed, seconds=seconds)
        around.publish(pages or {})
        yield around
