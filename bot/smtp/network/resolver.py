"""Name look-ups: addresses through the system, as for every program on the machine, and TXT records from its DNS."""

import asyncio
import socket
import threading
from contextlib import suppress
from ipaddress import ip_address

from bot.smtp.network.guard import Address, literal

MAX_ADDRESSES = 8
"""Addresses of one name that are used; a mail server has fewer."""

MAX_LOOKUPS = 100
"""Look-ups at once; twice as many as tests can run, because the system goes on with those that nobody awaits."""

DNS_TIMEOUT_SECONDS = 3.0


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
        # The final dot keeps search domains from turning a name into an internal one.
        name = f"{host}."
        lookup = self._lookups.get(name)
        if lookup is None:
            if len(self._lookups) >= MAX_LOOKUPS:
                raise socket.gaierror(socket.EAI_AGAIN, "too many names are being looked up")
            lookup = self._lookups[name] = self._start_lookup(name)
        return (await asyncio.shield(lookup))[:MAX_ADDRESSES]

    def _start_lookup(self, name: str) -> asyncio.Future[list[Address]]:
        loop = asyncio.get_running_loop()
        lookup: asyncio.Future[list[Address]] = loop.create_future()

        def finish(found: list[Address] | Exception) -> None:
            del self._lookups[name]
            if isinstance(found, list):
                lookup.set_result(found)
            else:
                lookup.set_exception(found)
                # Marks it as retrieved: every test that awaited it may have ended.
                lookup.exception()

        def look_up() -> None:
            found = _getaddrinfo(name)
            # The loop may be closed by now.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(finish, found)

        # A daemon thread, because the process must not wait for it when it ends.
        threading.Thread(target=look_up, name="name look-up", daemon=True).start()
        return lookup

    async def txt_records(self, name: str) -> list[str] | None:
        """Return a name's TXT records, an empty list when there are none; None when the DNS does not answer."""
        import dns.asyncresolver  # noqa: PLC0415 - slow to import, and needed only after a sent message
        import dns.exception  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        try:
            answer = await dns.asyncresolver.Resolver().resolve(f"{name}.", "TXT", lifetime=DNS_TIMEOUT_SECONDS)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError):
            return None
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def _getaddrinfo(name: str) -> list[Address] | Exception:
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return error
    return list(dict.fromkeys(ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers))
