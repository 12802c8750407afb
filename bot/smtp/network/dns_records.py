"""What the DNS itself says of names: asked with dnspython, without hosts files and search domains."""

import asyncio
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import TYPE_CHECKING

from bot.smtp.network.guard import Address

if TYPE_CHECKING:
    from dns.resolver import Answer, NoNameservers

DNS_TIMEOUT_SECONDS = 3.0

MAX_MAIL_SERVERS = 5
"""MX records of one domain that are used."""

MAX_SERVICES = 5
"""SRV records of one name that are used."""

MAX_ADDRESSES = 8
"""Addresses of one name that are used; a mail server has fewer."""

DNS_PORT = 53


class NameAnswer(Enum):
    """What DNS says of a name that leads to no address."""

    NO_SUCH_NAME = "there is no such name"
    NO_ADDRESS = "the name exists, but has no address"
    ZONE_FAILS = "the name servers of this name's domain fail"
    NO_ANSWER = "the name service does not answer"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A server that offers a service (RFC 2782); `host` is as it stands in the record, in lower case."""

    host: str
    port: int


class DnsRecords:
    """Asks the machine's name servers, or the `servers` (IP addresses) that are given.

    Of whatever there is none, an empty answer tells; None tells that the DNS gives no answer.
    """

    def __init__(self, servers: Sequence[str] = (), *, port: int = DNS_PORT) -> None:
        self._servers = tuple(servers)
        self._port = port

    async def mail_servers(self, domain: str) -> tuple[str, ...] | None:
        """Return a domain's MX hosts, in lower case and the preferred first; none when it has none (RFC 7505, too)."""
        answer = await self._ask(domain, "MX")
        if isinstance(answer, NameAnswer):
            return _nothing(answer)
        records = sorted((record.preference, record.exchange.to_text().lower().rstrip(".")) for record in answer)
        return tuple(host for _, host in records if host)[:MAX_MAIL_SERVERS]

    async def services(self, name: str) -> tuple[Service, ...] | None:
        """Return the servers of a service, the preferred first: by priority, of these the heaviest, then by name.

        RFC 2782 has clients choose among the weights by lot; here one question has one answer. None are returned when
        the service is decidedly not offered (a target of ".").
        """
        answer = await self._ask(name, "SRV")
        if isinstance(answer, NameAnswer):
            return _nothing(answer)
        records = sorted(
            (record.priority, -record.weight, record.target.to_text().lower().rstrip("."), record.port)
            for record in answer
        )
        return tuple(Service(host=host, port=port) for _, _, host, port in records if host)[:MAX_SERVICES]

    async def texts(self, name: str) -> tuple[str, ...] | None:
        """Return a name's TXT records, the strings of each joined."""
        answer = await self._ask(name, "TXT")
        if isinstance(answer, NameAnswer):
            return _nothing(answer)
        return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in answer)

    async def alias(self, host: str) -> str | None:
        """Return the host that a host is an alias of (CNAME), in lower case; an empty text for one that is none."""
        answer = await self._ask(host, "CNAME")
        if isinstance(answer, NameAnswer):
            return None if _nothing(answer) is None else ""
        return str(answer[0].target.to_text()).lower().rstrip(".")

    async def addresses(self, host: str) -> tuple[Address, ...] | None:
        """Return a host's addresses, IPv4 first."""
        answers = await asyncio.gather(self._ask(host, "A"), self._ask(host, "AAAA"))
        records = [record for answer in answers if not isinstance(answer, NameAnswer) for record in answer]
        if not records and any(isinstance(answer, NameAnswer) and _nothing(answer) is None for answer in answers):
            return None
        return tuple(ip_address(record.address) for record in records)[:MAX_ADDRESSES]

    async def _ask(self, name: str, kind: str) -> "Answer | NameAnswer":
        return await ask_dns(name, kind, servers=self._servers, port=self._port)


def _nothing(answer: NameAnswer) -> tuple[()] | None:
    """Return the empty answer for a name without such records; None where the DNS gives no answer."""
    return () if answer in (NameAnswer.NO_SUCH_NAME, NameAnswer.NO_ADDRESS) else None


async def ask_dns(name: str, kind: str, *, servers: Sequence[str] = (), port: int = DNS_PORT) -> "Answer | NameAnswer":
    """Return a name's records of one kind, or why there are none; NO_ADDRESS stands for none of this kind.

    The machine's name servers are asked unless `servers` (IP addresses) are given.
    """
    if "dns.asyncresolver" not in sys.modules:
        # It takes a fifth of a second, and is needed only after a failure or a sent message.
        await asyncio.to_thread(importlib.import_module, "dns.asyncresolver")
    import dns.asyncresolver  # noqa: PLC0415
    import dns.exception  # noqa: PLC0415
    import dns.resolver  # noqa: PLC0415

    try:
        if servers:
            resolver = dns.asyncresolver.Resolver(configure=False)
            resolver.nameservers, resolver.port = list(servers), port
        else:
            resolver = dns.asyncresolver.Resolver()
        return await resolver.resolve(f"{name}.", kind, lifetime=DNS_TIMEOUT_SECONDS)
    except dns.resolver.NXDOMAIN:
        return NameAnswer.NO_SUCH_NAME
    except dns.resolver.NoAnswer:
        return NameAnswer.NO_ADDRESS
    except dns.resolver.NoNameservers as error:
        return NameAnswer.ZONE_FAILS if _says_servfail(error) else NameAnswer.NO_ANSWER
    except (dns.exception.DNSException, OSError):
        return NameAnswer.NO_ANSWER


def _says_servfail(error: "NoNameservers") -> bool:
    """Whether a name server answered that it failed over this name, and did not merely stay silent or refuse us."""
    import dns.rcode  # noqa: PLC0415

    replies = (failure[4] for failure in error.kwargs.get("errors", ()))
    return any(reply is not None and reply.rcode() == dns.rcode.SERVFAIL for reply in replies)
