"""Name services that answer as a test wants: the system's look-ups and those of dnspython, at one place."""

import socket
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


@dataclass(frozen=True, kw_only=True)
class Name:
    """What there is under a name: a name without anything exists all the same."""

    addresses: Sequence[str] = ()
    mx: Sequence[str] = ()
    txt: Sequence[str] = ()

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
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", _getaddrinfo(known))
        patched.setattr(dns.resolver.Resolver, "resolve", lambda _self, *given, **more: _answer(known, *given, **more))

        async def resolve(_self: object, *given: Any, **more: Any) -> dns.resolver.Answer:
            return _answer(known, *given, **more)

        patched.setattr(dns.asyncresolver.Resolver, "resolve", resolve)
        yield


def _plain(name: str) -> str:
    return name.removesuffix(".").lower()


def _getaddrinfo(names: Mapping[str, Name]) -> Callable[..., list[Any]]:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *given: Any, **more: Any) -> list[Any]:
        text = host.decode() if isinstance(host, bytes) else host
        if text is None or text == "localhost" or _is_address(text):
            return real(host, port, *given, **more)
        found = names.get(_plain(text))
        if found is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
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
    records = found.records(dns.rdatatype.to_text(kind))
    if records:
        response.answer.append(dns.rrset.from_text(asked, 300, "IN", kind, *records))
    elif raise_on_no_answer:
        raise dns.resolver.NoAnswer(response=response)  # type: ignore[no-untyped-call]
    return dns.resolver.Answer(asked, kind, dns.rdataclass.IN, response)
