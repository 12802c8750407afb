"""Domains whose mail settings are found in different ways, all of which lead to the demo's mail server."""

import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bot.demo.mail import LOOPBACK, DemoAccount, DemoMail, DemoNetwork
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import PEOPLE
from bot.smtp.network.guard import Address
from tests.fakes.config_documents import document, server
from tests.fakes.config_server import ConfigServer, page
from tests.fakes.dns_server import DnsServer, Records

PASSWORD = "analytical engine 1843"
SERVERS = ("smtp.gmail.com", "smtp.office365.com", "smtp.own.example", "smtp.records.example", "relay.quiet.example")
"""The names under which the one mail server is found."""

PAGES = {"autoconfig.own.example/mail/config-v1.1.xml": page(document(server("smtp.own.example")))}
ZONE: dict[str, Records] = {
    **{name: {"A": [str(LOOPBACK)]} for name in (*SERVERS, "autoconfig.own.example")},
    "workspace.example": {"MX": ["1 aspmx.l.google.com."]},
    "office.example": {"MX": ["0 office-example.mail.protection.outlook.com."]},
    "own.example": {"MX": ["10 smtp.own.example."]},
    "_submission._tcp.records.example": {"SRV": ["0 1 587 smtp.records.example."]},
    "quiet.example": {"MX": ["10 in.quiet.example."]},
}
ADDRESSES = {
    "gmail.com": "ada@gmail.com",
    "Google Workspace": "ada@workspace.example",
    "Microsoft 365": "ada@office.example",
    "autoconfig": "ada@own.example",
    "SRV": "ada@records.example",
    "nothing": "ada@quiet.example",
}
"""An address for each way in which settings are found."""


class _Mail(DemoMail):
    """The demo's mail server under all these names, with an account for each address."""

    def __init__(self) -> None:
        addresses = ("ada@demo.example", "grace@demo.example", *ADDRESSES.values())
        super().__init__([DemoAccount(address=one, login=one, password=PASSWORD) for one in addresses])

    def renew(self, *, until: datetime) -> None:
        self._authority.issue_cert(*SERVERS, "mail.demo.example", not_after=until).configure_cert(self._tls)

    def trust(self) -> ssl.SSLContext:
        trusted = ConfigServer.trust()
        trusted.load_verify_locations(cadata=self.ca_pem.decode())
        return trusted


class _Network(DemoNetwork):
    def __init__(self, mail: DemoMail, web: ConfigServer) -> None:
        super().__init__(mail, names=dict.fromkeys(SERVERS, str(LOOPBACK)))
        self._web = web

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        return await super().connect(addresses, self._web.port if port == 443 else port)


@asynccontextmanager
async def found_places(folder: Path) -> AsyncIterator[Demo]:
    """Run the demo among these domains."""
    mail = _Mail()
    async with (
        ConfigServer(PAGES) as web,
        DnsServer(ZONE) as dns,
        running_demo(folder, mail=mail, network=_Network(mail, web), dns=dns.records()) as demo,
    ):
        yield demo


async def move_to(demo: Demo, address: str) -> None:
    """Give Ada another address in the workspace."""
    ada = next(person for person in PEOPLE if person.handle == "ada")
    await demo.workspace.change_person(replace(ada, address=address))
