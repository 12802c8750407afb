"""What lies around the bot while a case is played: names, ports, mail servers, whom to trust."""

import errno
import re
import socket
import ssl
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import idna

from bot.demo.mail import DemoMail
from bot.smtp.network.connect import ConnectError, Network
from bot.smtp.network.guard import Address
from tests.cases.case import Case, Records
from tests.cases.certificates import CaseCertificates
from tests.cases.server import CaseServer
from tests.fakes.names import Name

LOOPBACK = "127.0.0.1"

Ports = Mapping[tuple[str, int], int]
"""Where an address and the port of a profile lead: to a port of this machine."""


class CaseNetwork(Network):
    """The machine's network, where ports of this machine stand in place of those of mail servers."""

    def __init__(self, ports: Ports) -> None:
        super().__init__()
        self._ports = ports

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        """Connect to the first address that has such a port: others of the loopback refuse, and no way leads out."""
        errors: dict[int, OSError] = {}
        for address in addresses:
            local = self._ports.get((str(address), port))
            if local is not None:
                return await super().connect([address], local)
            errors.setdefault(address.version, _refused() if address.is_loopback else _no_route())
        if len(errors) == 1:
            raise next(iter(errors.values()))
        raise ConnectError(errors)


def _refused() -> OSError:
    return ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


def _no_route() -> OSError:
    return OSError(errno.ENETUNREACH, "Network is unreachable")


class TrustedMail(DemoMail):
    """In place of the demo's mail server: nothing listens, and the bot trusts another authority."""

    def __init__(self, authority: str) -> None:
        super().__init__()
        self._authority_pem = authority

    def trust(self) -> ssl.SSLContext:
        """Make the context of a client that trusts that authority and no other."""
        return ssl.create_default_context(cadata=self._authority_pem)

    async def start(self) -> None:
        """Listen nowhere."""

    async def stop(self) -> None:
        """Close nothing."""


@dataclass(frozen=True)
class World:
    """Everything around the bot; whoever listened says what came unencrypted."""

    names: Mapping[str, Name]
    ports: Ports
    authority: str
    servers: Sequence[CaseServer] = ()

    @property
    def in_clear(self) -> bytes:
        """All that came to the servers unencrypted."""
        return b"".join(line for server in self.servers for line in server.in_clear)


@asynccontextmanager
async def scripted(case: Case, certificates: CaseCertificates) -> AsyncIterator[World]:
    """Let the case's servers run until the block ends."""
    host = seen_host(case)
    ports: dict[tuple[str, int], int] = {}
    servers = []
    async with AsyncExitStack() as stack:
        for script in case.servers:
            encrypts = script.tls != "none" and script.cert != "tls10"
            tls = certificates.context(script.cert, host) if encrypts else None
            server = await stack.enter_async_context(CaseServer(script, host, tls))
            ports[script.ip, script.port] = server.port
            servers.append(server)
        yield World(names_of(case), ports, certificates.authority, servers)


def names_of(case: Case) -> dict[str, Name]:
    """Return what DNS answers: what the case says, beside the server's name and the domain of the address."""
    host = seen_host(case)
    domain = case.profile.address.rpartition("@")[2].strip(" >")
    address = case.servers[0].ip if case.servers else LOOPBACK
    usual = {_ascii(domain): Name(mx=[host])}
    if case.servers or case.real or host not in case.dns:
        usual[host] = Name(addresses=[address], mx=usual[host].mx if host in usual else ())
    given = {name: _records(records) for name, records in case.dns.items() if records is not None}
    left = {name: records for name, records in usual.items() if name not in case.dns}
    return left | given


def _records(given: Records | str) -> Name:
    if isinstance(given, str):
        return Name(failure=given)
    return Name(addresses=given.addresses, mx=given.mx, txt=given.txt)


def seen_host(case: Case) -> str:
    """Return the server's name that is meant, as DNS and certificates have it: without what was typed around it."""
    visible = "".join(letter for letter in case.profile.host if unicodedata.category(letter) not in ("Cf", "Cc"))
    name = re.sub(r"^\w+://|[/;,].*$|\s", "", visible).strip("[]").removesuffix(".")
    without_port = re.sub(r"(?<=[^:]):\d+$", "", name) if name.count(":") == 1 else name
    return _ascii(without_port or "mail.example")


def _ascii(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name.lower()
