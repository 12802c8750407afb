"""Finds the settings for an address: all sources are asked together, and the most trusted that knows something wins."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.discovery.findings import (
    FULL_ADDRESS,
    Findings,
    Found,
    MailSettings,
    OwnRow,
    Source,
    SourceAnswer,
    for_address,
)
from bot.discovery.search import AskSource
from bot.providers.providers import Provider
from bot.providers.recognition import provider_of, provider_of_mailbox, server_for
from bot.settings import DiscoverySetting
from bot.smtp.account import Encryption
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import HostError, normal_host

SEARCH_SECONDS = 3.0
"""How long one search takes at most."""


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """Proposes settings; nothing is applied by it, no password reaches it, and only the domain is sent anywhere.

    `sources` ask the network, and are asked where `setting` is ON.
    """

    network: Network
    setting: DiscoverySetting = DiscoverySetting.ON
    sources: Sequence[AskSource] = ()

    def known(self, address: str, own: Sequence[OwnRow]) -> Findings:
        """Return what is known of an address at once, from the admins' rows by domain and the table of providers."""
        domain = _domain(address)
        if not domain or self.setting is DiscoverySetting.OFF:
            return Findings(address=address, domain=domain, shown_domain=domain)
        answers = (_own_answer(domain, own), _table_answer(domain))
        filled = tuple(_filled(answer, address) for answer in answers)
        best = next((answer.found for answer in filled if answer.found is not None), None)
        return Findings(
            address=address,
            domain=domain,
            shown_domain=domain,
            best=best,
            answers=filled,
            complete=best is not None or not self.sources,
        )

    async def find(self, address: str, own: Sequence[OwnRow]) -> Findings:
        """Return what all sources know of an address, in SEARCH_SECONDS at most."""
        return self.known(address, own)


def _domain(address: str) -> str:
    """Return the domain of an address as DNS knows it; an empty text where there is none that mail could go to."""
    try:
        domain = normal_host(address.rpartition("@")[2].strip())
    except HostError:
        return ""
    return domain if "." in domain and not domain.rpartition(".")[2].isdigit() and ":" not in domain else ""


def _own_answer(domain: str, own: Sequence[OwnRow]) -> SourceAnswer:
    row = next((row for row in own if row.domain == domain), None)
    if row is None:
        return SourceAnswer(source=Source.OWN, said=f"Your workspace's defaults have no row for {domain}.")
    settings = MailSettings(
        host=row.host, port=row.port, encryption=row.encryption, login=row.login_pattern or FULL_ADDRESS
    )
    found = Found(source=Source.OWN, settings=settings, provider=provider_of(row.host))
    return SourceAnswer(source=Source.OWN, said=f"Your workspace's defaults have a row for {domain}.", found=found)


def _table_answer(domain: str) -> SourceAnswer:
    provider = provider_of_mailbox(f"@{domain}")
    if provider is None:
        return SourceAnswer(source=Source.TABLE, said=f"No provider is known that gives out mailboxes of {domain}.")
    found = Found(source=Source.TABLE, settings=provider_settings(provider, domain), provider=provider)
    return SourceAnswer(source=Source.TABLE, said=f"{domain} is a domain of {provider.label}.", found=found)


def provider_settings(provider: Provider, domain: str) -> MailSettings | None:
    """Return a provider's server for a domain, the login as a pattern; None when it has none."""
    server = server_for(provider, f"@{domain}")
    if server is None:
        return None
    encryption = Encryption(server.encryption)
    return MailSettings(host=server.host, port=server.port, encryption=encryption, login=FULL_ADDRESS)


def _filled(answer: SourceAnswer, address: str) -> SourceAnswer:
    if answer.found is None:
        return answer
    return SourceAnswer(source=answer.source, said=answer.said, found=for_address(answer.found, address))
