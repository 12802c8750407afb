"""Recognises a provider: by a server's name, by the domain of an address, by the names of its MX records."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from bot.providers.providers import GATEWAYS, Gateway, Provider, Server, SignIn

_BY_HOST = {name: provider for provider in Provider for name in provider.value.hosts}
_BY_MX = {name: provider for provider in Provider for name in provider.value.mx}
_BY_DOMAIN = {domain: provider for provider in Provider for domain in provider.value.domains}
_BY_SPF = {name: provider for provider in Provider for name in provider.value.spf}
_BY_AUTODISCOVER = {name: provider for provider in Provider for name in provider.value.autodiscover}
_GATEWAY_BY_MX = {name: gateway for gateway in GATEWAYS for name in gateway.mx}
_SENDING = {server.host: provider for provider in Provider for server in provider.value.all_servers}
_BY_SERVERS_DOMAIN = {host.partition(".")[2]: provider for host, provider in _SENDING.items() if host.count(".") > 1}
_MOST_LABELS = max(
    name.count(".") + 1
    for names in (_BY_HOST, _BY_MX, _BY_DOMAIN, _BY_SPF, _BY_AUTODISCOVER, _GATEWAY_BY_MX)
    for name in names
)
_BY_LABEL = {provider.label: provider for provider in Provider}
_FOR_READING = re.compile(r"imaps?\d*|pops?\d*s?|mx\d*|inbound|incoming|mail|(web|e)mail|owa|www|auto(discover|config)")
"""What a name begins with that mail is read at, or taken in; many servers for sending are called mail, too."""

_Listed = TypeVar("_Listed")
_MICROSOFT = (Provider.OUTLOOK_COM, Provider.MICROSOFT_365)


def provider_of(host: str) -> Provider | None:
    """Return the provider that people send through at a server (a normalised host name); None for an unknown one."""
    return _listed(host, _BY_HOST)


def provider_behind(mx: Iterable[str]) -> Provider | None:
    """Return the provider that takes mail in at one of these hosts; None when none is known."""
    return _first_listed(mx, _BY_MX)


def has_mailboxes(provider: Provider) -> bool:
    """Whether people have mailboxes there; to a service that sends for programs, mail comes for programs, too."""
    return provider.value.sign_in is not SignIn.API_KEY or bool(provider.value.domains)


def gateway_before(mx: Iterable[str]) -> Gateway | None:
    """Return the gateway that takes mail in at one of these hosts for mailboxes elsewhere; None when none is known."""
    return _first_listed(mx, _GATEWAY_BY_MX)


def provider_in_spf(included: Iterable[str]) -> Provider | None:
    """Return the provider whose servers an SPF record includes; a hint, for services that only send are included too.

    `included` are the domains after include: and redirect=.
    """
    return _first_listed(included, _BY_SPF)


def provider_of_autodiscover(target: str) -> Provider | None:
    """Return the provider that has the mailboxes of a domain, by the host to which its autodiscover leads (CNAME)."""
    return _first_listed([target], _BY_AUTODISCOVER)


def provider_of_mailbox(address: str) -> Provider | None:
    """Return the provider that gives out the mailboxes of an address' domain; None for a domain that somebody owns.

    What is below such a domain may well be its company's own, and counts only where the table says so.
    """
    found = (_BY_DOMAIN.get(name) for name in _with_pattern(address.rpartition("@")[2].lower()))
    return next((provider for provider in found if provider is not None), None)


def provider_above(host: str) -> Provider | None:
    """Return the provider below whose mailbox domain a host's name stands, as in smtp.icloud.com; None for others."""
    return _listed(host, _BY_DOMAIN)


def labelled(label: str) -> Provider | None:
    """Return the provider with this label."""
    return _BY_LABEL.get(label)


def provider_in_use(host: str, address: str, behind_domain: Provider | None = None) -> Provider | None:
    """Return whose answers a server gives: those of the host's provider.

    Microsoft has personal accounts and organisations behind the same servers, so there the address decides: by its
    domain, else by `behind_domain`, the provider that takes mail in for it.
    """
    provider = provider_of(host)
    if provider not in _MICROSOFT:
        return provider
    by_address = provider_of_mailbox(address) or behind_domain
    return by_address if by_address in _MICROSOFT else provider


def needs_mx(host: str, address: str) -> bool:
    """Whether only the MX of an address' domain can tell the provider, or which of Microsoft's two it is."""
    return provider_of(host) in (None, *_MICROSOFT) and provider_of_mailbox(address) is None


def may_be_elsewhere(host: str, address: str) -> bool:
    """Whether the mailboxes of an address' domain may be with another provider than the server's, as its MX tells.

    Programs send through services with credentials of their own for mailboxes wherever they are.
    """
    provider = provider_of(host)
    for_programs = provider is not None and provider.value.sign_in is SignIn.API_KEY
    return not for_programs and provider_of_mailbox(address) is None


def takes_mail_in(host: str) -> Provider | None:
    """Return the provider whose server this is for mail that comes in, where nobody signs in; None for all others."""
    return None if host in _BY_HOST else provider_behind([host])


def provider_by_name(host: str) -> Provider | None:
    """Return the provider after whose mail a host is named that is none of its servers for sending; None for others.

    Such are the domain of its mailboxes or servers itself (gmail.com), and what begins with a name for reading mail or
    taking it in (imap.gmail.com, mail.gmail.com).
    """
    if host in _SENDING:
        return None
    first, _, rest = host.partition(".")
    bare = _BY_DOMAIN.get(host) or _BY_SERVERS_DOMAIN.get(host)
    if bare is not None or host in _BY_HOST or not _FOR_READING.fullmatch(first):
        return bare
    return _BY_DOMAIN.get(rest) or _BY_SERVERS_DOMAIN.get(rest) or provider_of(host)


def server_for(provider: Provider, address: str, *, near: str = "") -> Server | None:
    """Return the server to send through with an address; None when the provider has none.

    Where a provider has several, for its domains, countries or regions, that of the address' domain is returned, else
    the one whose name has most labels in common with another host of the provider, `near`, such as its MX.
    """
    facts = provider.value
    own = facts.own_domain_servers if provider_of_mailbox(address) is not provider else ()
    domains = set(_with_pattern(address.rpartition("@")[2].lower()))
    alike = set(near.lower().split("."))

    def fits(server: Server) -> tuple[bool, int]:
        is_its_own = not domains.isdisjoint((*server.domains, server.host.partition(".")[2]))
        return is_its_own, len(alike & set(server.host.split(".")))

    return max(own or facts.servers, key=fits, default=None)


def sends_through(host: str, provider: Provider, address: str) -> bool:
    """Whether an address of a provider may send through this server of it."""
    reads = takes_mail_in(host) or provider_by_name(host)
    return provider_of(host) is provider and not reads and not is_for_organisations(host, address)


def is_for_organisations(host: str, address: str) -> bool:
    """Whether a server sends for organisations alone, and the address is somebody's own."""
    provider = provider_of(host)
    return (
        provider is not None and host in provider.value.organisation_hosts and provider_of_mailbox(address) is provider
    )


def _with_pattern(domain: str) -> tuple[str, str]:
    """Return a domain, then the pattern for all that stand beside it."""
    return domain, f"*.{domain.partition('.')[2]}"


def _first_listed(hosts: Iterable[str], names: Mapping[str, _Listed]) -> _Listed | None:
    found = (_listed(host.lower().removesuffix("."), names) for host in hosts)
    return next((one for one in found if one is not None), None)


def _listed(host: str, names: Mapping[str, _Listed]) -> _Listed | None:
    """Return what is listed for a host, a domain above it, or a pattern for either; the longest name decides."""
    # What stands before these is in no listed name, and may be thousands of labels: strangers write such names.
    labels = host.rsplit(".", _MOST_LABELS)
    for first in range(len(labels)):
        rest = labels[first:]
        for place in (None, *range(len(rest))):
            name = ".".join("*" if place == number else label for number, label in enumerate(rest))
            if name in names:
                return names[name]
    return None
