"""What a search for the settings of an address finds: plain data."""

import re
from dataclasses import dataclass, replace
from enum import Enum

from bot.providers.providers import Provider
from bot.smtp.account import Encryption


class Source(Enum):
    """Where settings come from, the most trusted first: of two that know settings, the earlier wins."""

    OWN = "workspace defaults"
    TABLE = "table of providers"
    AUTOCONFIG = "autoconfig"
    WELL_KNOWN = "autoconfig below .well-known"
    PACC = "user-agent configuration"
    MX = "MX records"
    SRV = "SRV records"
    KNOCK = "likely names"


class Caution(Enum):
    """What a person has to be told before settings are used."""

    OTHER_DOMAIN = "the server, or what names it, is in another registered domain"
    DNS_ONLY = "DNS alone says so, which can be forged"
    DISAGREEMENT = "what the domain publishes and its MX records name different providers"
    GATEWAY = "a security gateway takes mail in, so the provider behind it follows from hints"
    HINT = "the provider is only one of those whose servers may send for the domain"
    GUESSED = "no one names this server; it answers under a likely name"
    MIXED_SCRIPTS = "letters of several alphabets stand in the domain, or ones that look like others"


@dataclass(frozen=True, kw_only=True)
class OwnRow:
    """An admin's row: for a `domain`, or for all whose preferred MX host fits the pattern `mx`, the server to use.

    `domain` and `host` are normalised; of a pattern "*.gateway.example" the rest fits everything below it. An empty
    `login_pattern` is the full address.
    """

    domain: str = ""
    mx: str = ""
    host: str
    port: int
    encryption: Encryption
    login_pattern: str = ""


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """A server for outgoing mail (normalised host), its encryption (TLS or SSL), and the login for an address.

    The login is empty where the address does not tell it. Sources give it as a pattern, because their answers are kept
    by domain; Discovery fills it in.
    """

    host: str
    port: int
    encryption: Encryption
    login: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one source knows of an address.

    `settings` is None for a provider that has no server for mail programs. `other_domain` is the registered domain
    that Caution.OTHER_DOMAIN is about, in lower-case ASCII.
    """

    source: Source
    settings: MailSettings | None
    provider: Provider | None
    other_domain: str = ""
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourceAnswer:
    """What one source `said`, as a short sentence for admins; `found` is None where it knows nothing usable.

    It is `complete` unless something was cut short or not answered that could have led to something else.
    """

    source: Source
    said: str
    found: Found | None = None
    complete: bool = True


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What is known of an address: the `best`, and what each source said that was asked, in the order of trust.

    `domain` is the address' domain in lower-case ASCII (A-labels), and `shown_domain` as people read it; both are
    empty where no domain could be read. The search is `complete` when no source that matters was left out, cut
    short or without an answer.
    """

    address: str
    domain: str = ""
    shown_domain: str = ""
    best: Found | None = None
    answers: tuple[SourceAnswer, ...] = ()
    complete: bool = True

    @property
    def others(self) -> tuple[Found, ...]:
        """What other sources found that differs from the best, in the order of trust."""
        known = [self.best.settings] if self.best else []
        differing = []
        for answer in self.answers:
            if answer.found is not None and answer.found.settings not in known:
                known.append(answer.found.settings)
                differing.append(answer.found)
        return tuple(differing)


FULL_ADDRESS = "{address}"
"""The login pattern of most providers."""

_PLACE = re.compile(r"\{(?:address|local|domain)\}")


def filled_login(pattern: str, address: str) -> str:
    """Return the login for an address; an empty pattern is the full address, and all else in braces stays as it is."""
    local, _, domain = address.rpartition("@")
    values = {"{address}": address, "{local}": local, "{domain}": domain}
    return _PLACE.sub(lambda place: values[place[0]], pattern or FULL_ADDRESS)


def for_address(found: Found, address: str) -> Found:
    """Return what a source found for a domain with the login of one address of it."""
    if found.settings is None or not found.settings.login:
        return found
    return replace(found, settings=replace(found.settings, login=filled_login(found.settings.login, address)))
