"""What a domain's DNS says of its mail: MX records, with hints where a gateway hides the mailboxes, and SRV records.

DNS can be forged on its way, so whatever follows from it alone is told as that.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from bot.discovery.findings import FULL_ADDRESS, Caution, Found, MailSettings, Source, SourceAnswer
from bot.discovery.published import IMPLICIT_TLS, UnusableError, allowed_port, server_name
from bot.discovery.registered_domain import is_public_suffix, is_same_registered, registered_domain
from bot.discovery.search import NO_DNS, NowhereError, Search, UnansweredError, answered
from bot.providers.providers import Gateway, Provider
from bot.providers.recognition import (
    gateway_before,
    has_mailboxes,
    provider_behind,
    provider_in_spf,
    provider_of,
    provider_of_autodiscover,
    server_for,
)
from bot.smtp.account import Encryption
from bot.smtp.network.dns_records import Service
from bot.smtp.network.guard import MAX_HOST_LENGTH, Guard

MAX_SPF_NAMES = 10
"""RFC 7208, 4.6.4: a record with more of them is none; here the first are looked at."""

_SPF_NAMES = re.compile(r"[+?~-]?(?:include:|redirect=)([a-z0-9_.-]+)")


def provider_settings(provider: Provider, domain: str, guard: Guard, *, near: str = "") -> MailSettings | None:
    """Return a provider's server for a domain, the login as a pattern; None when the provider has none.

    Of a server's ports the first that is allowed is taken. `near` is a host of the provider's in the account's region,
    where one is known.
    """
    best = server_for(provider, f"@{domain}", near=near)
    if best is None:
        return None
    facts = provider.value
    same_host = [one for one in (*facts.own_domain_servers, *facts.servers) if one.host == best.host]
    server = next((one for one in same_host if one.port in guard.allowed_ports), best)
    encryption = Encryption(server.encryption)
    return MailSettings(host=server.host, port=server.port, encryption=encryption, login=facts.login_pattern)


# MX


async def ask_mx(search: Search) -> SourceAnswer:
    """Find the provider that takes a domain's mail in, by the preferred of its MX hosts."""
    hosts = await search.mail_servers()
    if not hosts:
        return _mx_says(f"{search.domain} has no mail server.")
    best = hosts[0]
    if provider := provider_behind([best]):
        said = f"Mail for {search.domain} comes in at {best}, which is {provider.label}."
        return _mx_says(said, _by_mx(provider, search, near=best) if has_mailboxes(provider) else None)
    if gateway := gateway_before([best]):
        return await _behind_gateway(search, gateway)
    if await _leads_somewhere(search, best):
        return _mx_says(f"Mail for {search.domain} comes in at {best}, which is no provider that the bot knows.")
    # Its name is told to nobody, for it may be one of the inside.
    return _mx_says(f"The mail server of {search.domain} does not exist, or leads where the bot may not look.")


async def _behind_gateway(search: Search, gateway: Gateway) -> SourceAnswer:
    """Look for hints at the provider behind a gateway: where autodiscover leads, and whose servers may send."""
    began = f"Mail for {search.domain} comes in at {gateway.label}, a {gateway.kind}"
    alias = await _autodiscover_alias(search)
    if alias and (provider := provider_of_autodiscover(alias)):
        said = f"{began}; autodiscover.{search.domain} leads to {provider.label}."
        return _mx_says(said, _by_mx(provider, search, Caution.GATEWAY, near=alias))
    sending = await _sending_providers(search)
    if len(sending) == 1:
        ((provider, name),) = sending.items()
        said = f"{began}; its SPF record names {provider.label}."
        return _mx_says(said, _by_mx(provider, search, Caution.GATEWAY, Caution.HINT, near=name))
    return _mx_says(f"{began}; nothing in its DNS tells whose mailboxes stand behind it.")


async def _autodiscover_alias(search: Search) -> str:
    """Return where autodiscover.DOMAIN leads; an empty text where it is no alias, or might be anybody's."""
    if is_public_suffix(search.domain):
        return ""
    return answered(await search.dns.alias(f"autodiscover.{search.domain}"))


async def _sending_providers(search: Search) -> dict[Provider, str]:
    """Return the providers of mailboxes that the domain's SPF record names (RFC 7208), each with its first name."""
    sending: dict[Provider, str] = {}
    for name in _spf_names(answered(await search.dns.texts(search.domain))):
        provider = provider_in_spf([name])
        if provider is not None and provider.value.mx and has_mailboxes(provider):
            sending.setdefault(provider, name)
    return sending


def _spf_names(texts: Iterable[str]) -> list[str]:
    """Return the domains that an SPF record includes or leads on to, ten at most."""
    records = [text.lower() for text in texts if text.lower().startswith("v=spf1 ")]
    # RFC 7208, 4.5: with two records there is none.
    if len(records) != 1:
        return []
    found = (_SPF_NAMES.fullmatch(word) for word in records[0].split())
    names = (match[1] for match in found if match is not None and len(match[1]) <= MAX_HOST_LENGTH)
    return list(islice(names, MAX_SPF_NAMES))


def _by_mx(provider: Provider, search: Search, *cautions: Caution, near: str = "") -> Found:
    return Found(
        source=Source.MX,
        settings=provider_settings(provider, search.domain, search.guard, near=near),
        provider=provider,
        cautions=(Caution.DNS_ONLY, *cautions),
    )


def _mx_says(said: str, found: Found | None = None) -> SourceAnswer:
    return SourceAnswer(source=Source.MX, said=said, found=found)


# SRV


async def ask_srv(search: Search) -> SourceAnswer:
    """Find the server that a domain names for submission (RFC 6186 and RFC 8314): with implicit TLS before STARTTLS."""
    names = (("_submissions._tcp", Encryption.SSL), ("_submission._tcp", Encryption.TLS))
    answers = await asyncio.gather(*(search.dns.services(f"{name}.{search.domain}") for name, _ in names))
    complete = True
    for (name, encryption), services in zip(names, answers, strict=True):
        complete = complete and services is not None
        for service in services or ():
            settings = _settings_of(service, encryption, search.guard)
            leads = settings is not None and await _leads_somewhere(search, settings.host)
            if settings is not None and leads:
                return replace(_srv_found(search.domain, name, settings), complete=complete)
            complete = complete and leads is not None
    return replace(_nothing_in_srv(search.domain, answers), complete=complete)


def _nothing_in_srv(domain: str, answers: Sequence[tuple[Service, ...] | None]) -> SourceAnswer:
    if any(answers):
        return _srv_says("The SRV records name a server that does not exist, or may not be used from here.")
    return _srv_says(NO_DNS if None in answers else f"{domain} names no server for submission.")


def _settings_of(service: Service, encryption: Encryption, guard: Guard) -> MailSettings | None:
    """Return the settings that a record means; None where it names no public host, or a port that is not allowed."""
    try:
        host = server_name(service.host)
        port = allowed_port(service.port, host, guard)
    except UnusableError:
        return None
    # Many name this port in a record of _submission, which means STARTTLS.
    encryption = Encryption.SSL if port == IMPLICIT_TLS else encryption
    return MailSettings(host=host, port=port, encryption=encryption, login=FULL_ADDRESS)


async def _leads_somewhere(search: Search, host: str) -> bool | None:
    """Whether a name leads where the bot may look; None where the DNS gives no answer."""
    try:
        return bool(await search.addresses(host))
    except NowhereError:
        return False
    except UnansweredError:
        return None


def _srv_found(domain: str, name: str, settings: MailSettings) -> SourceAnswer:
    other = "" if is_same_registered(settings.host, domain) else registered_domain(settings.host)
    found = Found(
        source=Source.SRV,
        settings=settings,
        provider=provider_of(settings.host),
        other_domain=other,
        cautions=(Caution.DNS_ONLY, Caution.OTHER_DOMAIN) if other else (Caution.DNS_ONLY,),
    )
    return _srv_says(f"{name}.{domain} names {settings.host}, port {settings.port}.", found)


def _srv_says(said: str, found: Found | None = None) -> SourceAnswer:
    return SourceAnswer(source=Source.SRV, said=said, found=found)
