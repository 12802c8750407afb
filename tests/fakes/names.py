"""Name services that answer as a test wants: the system's look-ups and those of dnspython, at one place."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import dns.asyncresolver
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest

SILENT_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Name:
    """What there is under a name: a name without anything exists all the same.

    Look-ups end in a `failure` where there is one: SERVFAIL, or TIMEOUT after a long while.
    """

    addresses: Sequence[str] = ()
    mx: Sequence[str] = ()
    txt: Sequence[str] = ()
    failure: str = ""

    def records(self, kind: str) -> list[str]:
        """Return its records of one kind, as in a zone file."""
        match kind:
            case "A" | "AAAA":
                version = 4 if kind == "A" else 6
                return [address for address in self.addresses if ip_address(address).version == version]
            case "MX":
                return [f"{10 * number} {host.removesuffix('.')}." for number, host in enumerate(self.mx, 1)]
            case "TXT":
                return [f'"{text}"' for text in self.txt]
            case _:
                return []


@contextmanager
def answering(names: Mapping[str, Name]) -> Iterator[None]:
    """Let every look-up find these names and no others; addresses lead to themselves."""
    known = {_plain(name): records for name, records in names.items()}
    over = threading.Event()

    def resolve(_self: object, *given: Any, **more: Any) -> dns.resolver.Answer:
        return _answer(known, *given, **more)

    async def resolve_later(_self: object, name: Any, *given: Any, **more: Any) -> dns.resolver.Answer:
        if _name_in(known, name).failure == "TIMEOUT":
            await asyncio.sleep(more.get("lifetime") or SILENT_SECONDS)
        return _answer(known, name, *given, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", _getaddrinfo(known, over))
        patched.setattr(dns.resolver.Resolver, "resolve", resolve)
        patched.setattr(dns.asyncresolver.Resolver, "resolve", resolve_later)
        try:
            yield
        finally:
            over.set()


def _name_in(names: Mapping[str, Name], name: Any) -> Name:
    return names.get(_plain(name if isinstance(name, str) else name.to_text()), Name())


def _plain(name: str) -> str:
    return name.removesuffix(".").lower()


def _getaddrinfo(names: Mapping[str, Name], over: threading.Event) -> Callable[..., list[Any]]:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *given: Any, **more: Any) -> list[Any]:
        text = host.decode() if isinstance(host, bytes) else host
        if text is None or text == "localhost" or _is_address(text):
            return real(host, port, *given, **more)
        found = names.get(_plain(text))
        if found is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if found.failure:
            # The system asks again and again before it gives up.
            over.wait(SILENT_SECONDS if found.failure == "TIMEOUT" else 0)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if not found.addresses:
            raise socket.gaierror(socket.EAI_NODATA, "No address associated with hostname")
        return [entry for address in found.addresses for entry in real(address, port, *given, **more)]

    return getaddrinfo


def _is_address(text: str) -> bool:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _answer(
    names: Mapping[str, Name], name: Any, kind: Any = "A", *_: Any, raise_on_no_answer: bool = True, **__: Any
) -> dns.resolver.Answer:
    asked = dns.name.from_text(name) if isinstance(name, str) else name
    kind = dns.rdatatype.RdataType.make(kind)
    response = dns.message.make_query(asked, kind)
    response.flags |= dns.flags.QR
    found = names.get(_plain(asked.to_text()))
    if found is None:
        # Its constructors have no types.
        raise dns.resolver.NXDOMAIN(qnames=[asked], responses={asked: response})  # type: ignore[no-untyped-call]
    if found.failure == "TIMEOUT":
        raise dns.resolver.LifetimeTimeout(timeout=SILENT_SECONDS, errors=[])  # type: ignore[no-untyped-call]
    if found.failure:
        raise dns.resolver.NoNameservers(request=response, errors=[])  # type: ignore[no-untyped-call]
    records = found.records(dns.rdatatype.to_text(kind))
    if records:
        response.answer.append(dns.rrset.from_text(asked, 300, "IN", kind, *records))
    elif raise_on_no_answer:
        raise dns.resolver.NoAnswer(response=response)  # type: ignore[no-untyped-call]
    return dns.resolver.Answer(asked, kind, dns.rdataclass.IN, response)
