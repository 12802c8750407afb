"""Name look-ups: addresses through the system, as for every program on the machine; what else DNS says from its DNS."""

import asyncio
import socket
import threading
from contextlib import suppress
from ipaddress import ip_address

from bot.smtp.network.dns_records import DNS_TIMEOUT_SECONDS, MAX_ADDRESSES, DnsRecords, NameAnswer, ask_dns
from bot.smtp.network.guard import Address, literal

MAX_LOOKUPS = 100
"""Look-ups at once; twice as many as tests can run, because the system goes on with those that nobody awaits."""

_BY_ERROR = {socket.EAI_NONAME: NameAnswer.NO_SUCH_NAME, socket.EAI_NODATA: NameAnswer.NO_ADDRESS}


class Resolver:
    """Looks names up through the system, each in a thread of its own.

    asyncio's getaddrinfo shares a few threads among all names, those of Slack and the database too, and the system
    may take half a minute over a name whose DNS does not answer.
    """

    def __init__(self) -> None:
        self._lookups: dict[str, asyncio.Future[list[Address]]] = {}

    async def resolve(self, host: str) -> list[Address]:
        """Return a host's addresses in the system's order; an IP literal is its own answer.

        Raises:
            socket.gaierror: there are none, or too many names are being looked up.
        """
        known = literal(host)
        if known is not None:
            return [known]
        lookup = self._lookups.get(host)
        if lookup is None:
            if len(self._lookups) >= MAX_LOOKUPS:
                raise socket.gaierror(socket.EAI_AGAIN, "too many names are being looked up")
            lookup = self._lookups[host] = self._start_lookup(host)
        return (await asyncio.shield(lookup))[:MAX_ADDRESSES]

    def _start_lookup(self, host: str) -> asyncio.Future[list[Address]]:
        loop = asyncio.get_running_loop()
        lookup: asyncio.Future[list[Address]] = loop.create_future()

        def finish(found: list[Address] | Exception) -> None:
            del self._lookups[host]
            if isinstance(found, list):
                lookup.set_result(found)
            else:
                lookup.set_exception(found)
                # Marks it as retrieved: every test that awaited it may have ended.
                lookup.exception()

        def look_up() -> None:
            found = _system_addresses(host)
            # The loop may be closed by now.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(finish, found)

        # A daemon thread, because the process must not wait for it when it ends.
        threading.Thread(target=look_up, name="name look-up", daemon=True).start()
        return lookup

    async def unresolved(self, host: str, error: socket.gaierror) -> tuple[NameAnswer, tuple[str, ...]]:
        """Return what DNS says of a name that `resolve` raised for, and its MX hosts when it has no address.

        Where the DNS cannot be asked, the system's error decides. Takes DNS_TIMEOUT_SECONDS at most.
        """
        by_error = _BY_ERROR.get(error.errno or 0, NameAnswer.NO_ANSWER)
        try:
            async with asyncio.timeout(DNS_TIMEOUT_SECONDS):
                answer, mx = await asyncio.gather(self.name_answer(host), self.mail_servers(host))
        except TimeoutError:
            return by_error, ()
        if answer is NameAnswer.NO_ANSWER or by_error is NameAnswer.NO_ADDRESS:
            answer = by_error
        return answer, mx if answer is NameAnswer.NO_ADDRESS else ()

    async def name_answer(self, host: str) -> NameAnswer:
        """Return what the machine's DNS says of a name without an address."""
        answer = await ask_dns(host, "A")
        return answer if isinstance(answer, NameAnswer) else NameAnswer.NO_ANSWER

    async def is_used(self, domain: str) -> bool:
        """Whether a domain has an address or an MX record, so that it exists in the sense of RFC 9989."""
        answers = await asyncio.gather(*(ask_dns(domain, kind) for kind in ("A", "AAAA", "MX")))
        return not all(answer in (NameAnswer.NO_SUCH_NAME, NameAnswer.NO_ADDRESS) for answer in answers)

    async def mail_servers(self, domain: str) -> tuple[str, ...]:
        """Return a domain's MX hosts, in lower case and the preferred first; none when it has none (RFC 7505, too)."""
        return await DnsRecords().mail_servers(domain) or ()

    async def txt_records(self, name: str) -> list[str] | None:
        """Return a name's TXT records, an empty list when there are none; None when the DNS does not answer."""
        texts = await DnsRecords().texts(name)
        return None if texts is None else list(texts)


def _system_addresses(host: str) -> list[Address] | Exception:
    """Return what the system resolves a name to, or its error.

    A name with a dot is asked for as it stands first: search domains, which Kubernetes tries before the name itself,
    could turn a public name into an internal one. The system's own way, with its hosts file and search domains,
    follows; a name without a dot is always meant that way.
    """
    if "." not in host:
        return _getaddrinfo(host)
    absolute = _getaddrinfo(f"{host}.")
    if isinstance(absolute, list):
        return absolute
    by_system = _getaddrinfo(host)
    return by_system if isinstance(by_system, list) else absolute


def _getaddrinfo(name: str) -> list[Address] | Exception:
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return error
    return list(dict.fromkeys(ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers))
