"""Reads the configuration that a domain publishes for mail programs and vouches for in DNS, "PACC".

https://datatracker.ietf.org/doc/draft-ietf-mailmaint-pacc/ (-04): a JSON document names hosts, and nothing else of a
server; the digest of its bytes is in a TXT record.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from bot.discovery.fetch import FetchError, Place, Web
from bot.discovery.findings import FULL_ADDRESS, MailSettings, Source, SourceAnswer
from bot.discovery.published import IMPLICIT_TLS, UnusableError, allowed_port, found_in, server_name
from bot.discovery.registered_domain import is_public_suffix
from bot.discovery.search import Search, answered
from bot.smtp.account import Encryption
from bot.smtp.network.guard import Guard

_PATH = "/.well-known/user-agent-configuration.json"


@dataclass(frozen=True, kw_only=True)
class Pacc:
    """Asks for a domain's TXT record, and for its document only where there is one."""

    web: Web

    async def ask(self, search: Search) -> SourceAnswer:
        """Return what the domain's document says; it is published at one place, which leads nowhere else."""
        host = f"ua-auto-config.{search.domain}"
        try:
            digest = await _vouched_for(search, host)
            place = Place(host=host, path=_PATH, redirects=0, may_lead_to=_nowhere)
            document = await self.web.document(search, place)
            if hashlib.sha256(document.content).digest() != digest:
                raise UnusableError("the document is not the one that the TXT record vouches for")
            settings = _settings(document.content, search.guard)
        except FetchError as error:
            return SourceAnswer(source=Source.PACC, said=str(error))
        except UnusableError as error:
            return SourceAnswer(source=Source.PACC, said=f"{host}: {error}.")
        found = found_in(document, Source.PACC, search.domain, settings)
        return SourceAnswer(source=Source.PACC, said=f"{host} names {settings.host}.", found=found)


async def _nowhere(_host: str) -> bool:
    return False


async def _vouched_for(search: Search, host: str) -> bytes:
    """Return the digest of the document that a domain vouches for.

    Raises:
        UnusableError: there is none.
        UnansweredError: the DNS gave no answer.
    """
    if is_public_suffix(search.domain):
        raise UnusableError("anybody may register this name, so it was not asked")
    return _digest(answered(await search.dns.texts(f"_{host}")))


def _digest(records: Iterable[str]) -> bytes:
    found = [tags for tags in map(_tags, records) if tags.get("v") == "UAAC1"]
    if len(found) != 1 or found[0].get("a") != "sha256":
        raise UnusableError("no TXT record vouches for a document")
    try:
        return base64.b64decode(found[0].get("d", ""), validate=True)
    except ValueError:
        raise UnusableError("the digest in the TXT record is not in Base64") from None


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _settings(content: bytes, guard: Guard) -> MailSettings:
    host = server_name(_named(content))
    # The document names no port; what it means is TLS from the first byte.
    port = allowed_port(IMPLICIT_TLS, host, guard)
    return MailSettings(host=host, port=port, encryption=Encryption.SSL, login=FULL_ADDRESS)


def _named(content: bytes) -> str:
    try:
        return str(json.loads(content)["protocols"]["smtp"]["host"])
    except (LookupError, TypeError):
        raise UnusableError("it names no server for outgoing mail") from None
    # Brackets in brackets, ten thousand deep, are a RecursionError.
    except (ValueError, RecursionError):
        raise UnusableError("what is there is no JSON") from None
