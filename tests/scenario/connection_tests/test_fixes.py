"""Each fix pressed on a failing report leads to a passing test against the server that it was made for."""

import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import Message, searchable
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Address
from tests.fakes.smtp_server import LOGIN, PASSWORD, ScriptedServer
from tests.scenario.people import ADA, run_test

GMAIL_PASSWORD = "abcd efgh ijkl mnop"


class Ports(Network):
    """Every name leads to the loopback, and each port to a server of one's choice."""

    def __init__(self, ports: Mapping[int, int]) -> None:
        super().__init__()
        self._ports = dict(ports)

    async def resolve(self, host: str) -> list[Address]:
        return [ip_address("127.0.0.1")]

    async def mail_servers(self, domain: str) -> tuple[str, ...]:
        return ()

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        if port not in self._ports:
            raise ConnectionRefusedError(111, "Connection refused")
        return await super().connect(addresses, self._ports[port])


@dataclass(frozen=True)
class Case:
    """A profile that fails, the servers behind its ports, and the button that fixes it."""

    button: str
    form: Mapping[str, object]
    extras: tuple[str, ...] = ("TLS Y",)
    tls: Mapping[str, object] = field(default_factory=dict)
    ssl: Mapping[str, object] | None = None
    host: str = "mail.test"
    password: str = PASSWORD


def wants_full_name(line: bytes) -> bytes:
    """EHLO at a server that takes neither a short name nor an address."""
    if b"." in line and b"[" not in line:
        return b"250-mail.test\r\n250 STARTTLS\r\n"
    return b"501 5.5.4 Invalid domain name\r\n"


def wants_no_short_name(line: bytes) -> bytes:
    """EHLO at a server that takes an address, but no short name."""
    if b"[" in line:
        return b"250-mail.test\r\n250 STARTTLS\r\n"
    return b"550 5.7.1 Invalid HELO name\r\n"


CASES = {
    "the domain as HELO": Case("Set HELO to mail.test and test again", {}, tls={"acts": {"EHLO": wants_full_name}}),
    "remove HELO": Case(
        "Remove HELO and test again", {}, extras=("TLS Y", "HELO laptop7"), tls={"acts": {"EHLO": wants_no_short_name}}
    ),
    "use TLS": Case("Use TLS on 587 and test again", {}, extras=("SSL Y",)),
    "use SSL": Case("Use SSL on 465 and test again", {"Port": "465"}, ssl={}),
    "TLS on 587": Case("Use TLS on 587 and test again", {"Port": "25"}),
    "SSL on 465": Case("Use SSL on 465 and test again", {}, tls={"acts": {"EHLO": b"250 mail.test\r\n"}}, ssl={}),
    "the address as login": Case("Use the email address as login and test again", {"User/Login": "ada"}),
    "the login as address": Case("Use the login as email address and test again", {"Email Address": "boss@mail.test"}),
    "sign in": Case("Turn Authentication Required on and test again", {"Authentication Required": False}),
    "do not sign in": Case("Turn Authentication Required off and test again", {}, tls={"mechanisms": ""}),
    "remove blanks": Case(
        "Remove the blanks from the password and test again", {}, host="smtp.gmail.com", password=GMAIL_PASSWORD
    ),
    "LOGIN": Case(
        "Sign in with LOGIN (AUTH LOGIN) and test again",
        {},
        extras=("TLS Y", "AUTH PLAIN"),
        tls={"mechanisms": "LOGIN XOAUTH2"},
        host="smtp.office365.com",
    ),
}


async def set_up(demo: Demo, case: Case) -> None:
    workspace = demo.workspace
    for extra in case.extras:
        await workspace.command(ADA, "/email-extra", f"add {extra}")
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    usual = {
        "Email Address": LOGIN,
        "User/Login": LOGIN,
        "Password": case.password,
        "SMTP Server Address": case.host,
        "Port": "587",
    }
    for label, value in {**usual, **case.form}.items():
        await workspace.fill(ADA, label, value)
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "Not tested yet")


def words(message: Message) -> str:
    return searchable(message)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_pressing_the_fix_leads_to_a_passing_test(tmp_path: Path, case: Case) -> None:
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(case.host).configure_cert(context)
    accepted = "".join(case.password.split()) if case.password == GMAIL_PASSWORD else case.password
    relays: ScriptedServer = RelayForSignedIn(context, accepted)
    if not case.button.startswith("Turn Authentication Required on"):
        relays = ScriptedServer(tls=context, password=accepted, **case.tls)  # type: ignore[arg-type]
    encrypted = ScriptedServer(tls=context, implicit=True, password=accepted, **(case.ssl or {}))  # type: ignore[arg-type]
    async with relays, encrypted:
        ports = {587: relays.port, **({465: encrypted.port} if case.ssl is not None else {})}
        async with running_demo(tmp_path, network=Ports(ports), smtp_ca_file=file, smtp_timeout=3.0) as demo:
            await set_up(demo, case)
            failed = await run_test(demo, ADA)
            verdict = words(failed).splitlines()[0]
            assert verdict.startswith("Connection test failed")
            await demo.workspace.press(ADA, case.button, message=failed)
            passed = await demo.workspace.wait_message(ADA, "Connection test passed")
            assert "Changed: " in words(passed)
            assert case.password not in words(passed)
            await demo.workspace.press(ADA, "Undo", message=passed)
            await demo.workspace.wait_message(ADA, "Undone: ")
            assert words(await run_test(demo, ADA)).splitlines()[0] == verdict
            assert not demo.workspace.refusals


class RelayForSignedIn(ScriptedServer):
    """Takes mail only from those who signed in."""

    def __init__(self, context: ssl.SSLContext, password: str) -> None:
        super().__init__(tls=context, password=password, acts={"MAIL": self._judge})

    def _judge(self, _line: bytes) -> bytes:
        last = self.heard[-1].connection
        signed_in = any(heard.line.startswith(b"AUTH") for heard in self.heard if heard.connection == last)
        return b"250 2.1.0 OK\r\n" if signed_in else b"530 5.7.0 Authentication required\r\n"
