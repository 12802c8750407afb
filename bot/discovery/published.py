"""What a document may name that a domain publishes, and what is found with it."""

from bot.discovery.fetch import Document
from bot.discovery.findings import Caution, Found, MailSettings, Source
from bot.discovery.registered_domain import is_same_registered, registered_domain
from bot.providers.recognition import provider_of
from bot.smtp.dialogue.cleaning import clean
from bot.smtp.network.guard import (
    MAX_HOST_LENGTH,
    Guard,
    HostError,
    PortNotAllowedError,
    is_own_name,
    literal,
    normal_host,
)

IMPLICIT_TLS = 465
"""The port of submission with TLS from the first byte (RFC 8314, 3.3)."""


class UnusableError(ValueError):
    """A document or a server in it cannot be used; the message is a sentence for admins, without its full stop."""


def server_name(text: str) -> str:
    """Return the name of a server, normalised. Raises UnusableError when it is no name that is good everywhere."""
    # Bounded before anything looks at each letter: thousands of them would hold up the loop.
    shown = clean(text[:MAX_HOST_LENGTH], most=60)
    try:
        host = normal_host(text) if len(text) <= MAX_HOST_LENGTH else ""
    except HostError:
        host = ""
    if not host:
        raise UnusableError(f"“{shown}” is no name of a server")
    if literal(host) is not None or is_own_name(host) or "." not in host:
        raise UnusableError(f"“{shown}” is not the public name of a server")
    return host


def allowed_port(port: int, host: str, guard: Guard) -> int:
    """Return the port of a server. Raises UnusableError unless it is on the guard's list."""
    try:
        guard.check_port(port)
    except PortNotAllowedError:
        raise UnusableError(f"{host} is offered at port {port}, which is not among the allowed ones") from None
    return port


def found_in(document: Document, source: Source, domain: str, settings: MailSettings) -> Found:
    """Return what a document says of a domain, with a caution where it or its server is in another one."""
    strangers = [host for host in (settings.host, document.host) if not is_same_registered(host, domain)]
    return Found(
        source=source,
        settings=settings,
        provider=provider_of(settings.host),
        other_domain=registered_domain(strangers[0]) if strangers else "",
        cautions=(Caution.OTHER_DOMAIN,) if strangers else (),
    )
