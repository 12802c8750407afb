"""Reads the configuration that a domain publishes for mail programs, "autoconfig".

The format is that of https://datatracker.ietf.org/doc/draft-ietf-mailmaint-autoconfig/ (-06), which grew out of
https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml.common import DTDForbidden
from defusedxml.ElementTree import fromstring

from bot.discovery.fetch import FetchError, Place, Web
from bot.discovery.findings import FULL_ADDRESS, MailSettings, Source, SourceAnswer
from bot.discovery.published import UnusableError, allowed_port, found_in, server_name
from bot.discovery.registered_domain import is_public_suffix, is_same_registered
from bot.discovery.search import Search
from bot.smtp.account import Encryption
from bot.smtp.dialogue.cleaning import clean
from bot.smtp.network.guard import Guard

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_SERVERS = 5
"""Servers of a document that are looked at."""
MAX_PATTERN_LENGTH = 256
"""Characters of a login as a document has it."""

_ENCRYPTIONS = {"ssl": Encryption.SSL, "starttls": Encryption.TLS}
_USABLE = {
    "": ("password-cleartext", "plain", "password-encrypted", "secure", "oauth", "oauth2"),
    "sasl": ("plain", "login", "cram-md5", "xoauth2"),
}
"""What the bot can do of the ways to authenticate, by the system that names them; "plain" and "secure" are old."""
_LOGIN_PATTERNS = {"%EMAILADDRESS%": FULL_ADDRESS, "%EMAILLOCALPART%": "{local}", "%EMAILDOMAIN%": "{domain}"}
_PLACEHOLDER = re.compile("|".join(_LOGIN_PATTERNS))
_SHOWN_ENCRYPTION = {Encryption.SSL: "SSL", Encryption.TLS: "STARTTLS"}


@dataclass(frozen=True, kw_only=True)
class Autoconfig:
    """Asks a domain for its configuration, at the two places of the draft's section on retrieval that use https."""

    web: Web

    async def at_autoconfig_host(self, search: Search) -> SourceAnswer:
        """Ask autoconfig.DOMAIN, which may lead on to whoever takes the domain's mail in."""
        source = Source.AUTOCONFIG
        if is_public_suffix(search.domain):
            said = f"Anybody may register autoconfig.{search.domain}, so it was not asked."
            return SourceAnswer(source=source, said=said)

        async def may_lead_to(host: str) -> bool:
            """Whether a host is in the domain's registered domain, or in that of one of its MX hosts."""
            if is_same_registered(host, search.domain):
                return True
            return any(is_same_registered(host, mx) for mx in await search.mail_servers())

        host, path = f"autoconfig.{search.domain}", "/mail/config-v1.1.xml"
        return await self._ask(search, source, Place(host=host, path=path, redirects=2, may_lead_to=may_lead_to))

    async def at_well_known(self, search: Search) -> SourceAnswer:
        """Ask DOMAIN itself, which may lead on within its registered domain, say to www."""

        async def may_lead_to(host: str) -> bool:
            return is_same_registered(host, search.domain)

        path = "/.well-known/autoconfig/mail/config-v1.1.xml"
        place = Place(host=search.domain, path=path, redirects=1, may_lead_to=may_lead_to)
        return await self._ask(search, Source.WELL_KNOWN, place)

    async def _ask(self, search: Search, source: Source, place: Place) -> SourceAnswer:
        try:
            document = await self.web.document(search, place)
            settings = read_autoconfig(document.content, search.domain, search.guard)
        except FetchError as error:
            return SourceAnswer(source=source, said=str(error))
        except UnusableError as error:
            return SourceAnswer(source=source, said=f"{document.host}: {error}.")
        shown = f"{settings.host}, port {settings.port}, {_SHOWN_ENCRYPTION[settings.encryption]}"
        found = found_in(document, source, search.domain, settings)
        return SourceAnswer(source=source, said=f"{document.host} names {shown}.", found=found)


def read_autoconfig(content: bytes, domain: str, guard: Guard) -> MailSettings:
    """Return the best server of a document that can be used, its login as a pattern.

    Those with TLS from the first byte come before those with STARTTLS (RFC 8314, 3), else the document's order counts.

    Raises:
        UnusableError: there is none.
    """
    usable, refused = [], []
    for server in islice(_servers(content), MAX_SERVERS):
        try:
            usable.append(_settings(server, domain, guard))
        except UnusableError as error:
            refused.append(str(error))
    if not usable:
        raise UnusableError(refused[0] if refused else "it names no server for outgoing mail")
    return min(usable, key=lambda settings: settings.encryption is not Encryption.SSL)


def _servers(content: bytes) -> "Iterator[Element]":
    """Yield the elements for outgoing servers; the encoding is what the document's own bytes say (XML 1.0, F)."""
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DTDForbidden as error:
        if error.name.lower() == "html":
            raise UnusableError("a web page is there, and no configuration") from None
        raise UnusableError("the document has a DTD, which is refused") from None
    # An unknown encoding is a LookupError; all that defusedxml refuses is a ValueError.
    except (ParseError, ValueError, LookupError):
        raise UnusableError("what is there is no well-formed XML") from None
    if root.tag.rpartition("}")[2] != "clientConfig":
        raise UnusableError("what is there is XML, and no configuration")
    for server in root.iterfind("{*}emailProvider/{*}outgoingServer"):
        if server.get("type", "smtp").strip().lower() == "smtp":
            yield server


def _settings(server: "Element", domain: str, guard: Guard) -> MailSettings:
    """Return one server of a document. Raises UnusableError when it is none for the bot."""
    # No other placeholder: with the local part in a server's name, DNS would be told who asks.
    host = server_name(_text(server, "hostname").replace("%EMAILDOMAIN%", domain))
    encryption = _ENCRYPTIONS.get(_text(server, "socketType").lower())
    if encryption is None:
        raise UnusableError(f"{host} is offered without encryption")
    port = _port(_text(server, "port"), host, guard)
    if not any(_is_usable(way) for way in server.iterfind("{*}authentication")):
        raise UnusableError(f"{host} wants a sign-in that the bot cannot do")
    return MailSettings(host=host, port=port, encryption=encryption, login=_login(_text(server, "username")))


def _text(server: "Element", name: str) -> str:
    return (server.findtext(f"{{*}}{name}") or "").strip()


def _port(text: str, host: str, guard: Guard) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise UnusableError(f"{host} is offered at a port that is no number")
    return allowed_port(int(text), host, guard)


def _is_usable(way: "Element") -> bool:
    return (way.text or "").strip().lower() in _USABLE.get(way.get("system", "").strip().lower(), ())


def _login(text: str) -> str:
    """Return the pattern of a login; without one, it is the full address."""
    if len(text) > MAX_PATTERN_LENGTH or any(unicodedata.category(one).startswith(("C", "Z")) for one in text):
        raise UnusableError("its login has blanks or invisible characters in it, or is too long")
    if re.search("[%{}]", _PLACEHOLDER.sub("", text)):
        raise UnusableError(f"its login has a placeholder that is not known (“{clean(text, most=60)}”)")
    places = _PLACEHOLDER.findall(text)
    if repeated := next((place for place in places if places.count(place) > 1), ""):
        raise UnusableError(f"its login has {repeated} in it more than once")
    return _PLACEHOLDER.sub(lambda place: _LOGIN_PATTERNS[place[0]], text) or FULL_ADDRESS
