"""The staged connection test against real sockets: servers that are right, broken and hostile."""

import asyncio
import base64
import re
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.smtp.account import Account, Encryption
from bot.smtp.check.report import Fault, Outcome, Report, StageName
from bot.smtp.network.certificate import trust_store
from bot.smtp.network.guard import Address
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import (
    LOGIN,
    PASSWORD,
    Act,
    Endless,
    HangUp,
    OneServerNetwork,
    ScriptedServer,
    Silence,
    Then,
    Trickle,
)
from tests.scenario.connection_tests.testers import ACCOUNT, a_tester

# The connection test alone: it knows no database.
pytestmark = pytest.mark.databases()

TIMEOUT = 1.5


@asynccontextmanager
async def running(
    server: ScriptedServer, trust: ssl.SSLContext, account: Account = ACCOUNT, timeout: float = TIMEOUT
) -> AsyncIterator[Report]:
    """Run one test against a server; nothing may be left open or running afterwards."""
    async with server:
        tester = a_tester(OneServerNetwork(server.port), trust, timeout=timeout)
        loop = asyncio.get_running_loop()
        began = loop.time()
        report = await tester.test(account, lambda _: None)
        assert loop.time() - began < timeout + 0.5
        yield report
    assert PASSWORD not in repr(report)


def outcome(report: Report, name: StageName) -> Outcome:
    return next(stage.outcome for stage in report.stages if stage.name is name)


@pytest.mark.parametrize("encryption", [Encryption.TLS, Encryption.SSL])
async def test_a_server_that_does_pipelining_is_connected_and_signed_in_to_just_once(
    certificates: Certificates, trust: ssl.SSLContext, encryption: Encryption
) -> None:
    server = ScriptedServer(tls=certificates.good, implicit=encryption is Encryption.SSL, pipelining=True)
    account = replace(ACCOUNT, encryption=encryption, port=465 if encryption is Encryption.SSL else 587)
    async with running(server, trust, account) as report:
        assert report.passed
    assert server.connections == 1
    assert [line.split(b" ")[0] for line in server.lines].count(b"AUTH") == 1
    assert report.transcript[-4:] == ("S: 250 2.1.0 OK", "S: 250 2.1.5 OK", "S: 250 2.0.0 OK", "S: 221 2.0.0 Bye")


@pytest.mark.parametrize(
    ("mechanisms", "used"),
    [
        ("PLAIN LOGIN", "PLAIN"),
        ("LOGIN", "LOGIN"),
        ("LOGIN CRAM-MD5 PLAIN", "PLAIN"),
        ("CRAM-MD5 LOGIN", "LOGIN"),
        ("CRAM-MD5", "CRAM-MD5"),
        ("XOAUTH2 login", "LOGIN"),
    ],
)
@pytest.mark.parametrize("encryption", [Encryption.TLS, Encryption.SSL])
async def test_a_right_account_passes_with_the_best_mechanism_inside_tls_and_one_attempt(
    certificates: Certificates, trust: ssl.SSLContext, mechanisms: str, used: str, encryption: Encryption
) -> None:
    server = ScriptedServer(tls=certificates.good, implicit=encryption is Encryption.SSL, mechanisms=mechanisms)
    async with running(server, trust, replace(ACCOUNT, encryption=encryption)) as report:
        assert report.passed, report
        assert f"with {used}" in str(report)
        assert re.search(r"TLS 1\.[23] · valid until \d+ \w{3} \d{4} \(\d+ days?\)", str(report))
    assert not server.said_in_clear(b"AUTH")
    assert sum(line.startswith(b"AUTH") for line in server.lines) == 1
    assert not any(line.startswith((b"DATA", b"BDAT")) for line in server.lines)
    assert server.lines[-1] == b"QUIT\r\n"
    assert server.connections == 1


async def test_the_chosen_mechanism_and_helo_are_used(certificates: Certificates, trust: ssl.SSLContext) -> None:
    server = ScriptedServer(tls=certificates.good, mechanisms="PLAIN LOGIN CRAM-MD5")
    chosen = replace(ACCOUNT, mechanism="LOGIN", helo="pc17.example.com")
    async with running(server, trust, chosen) as report:
        assert report.passed
        assert "with LOGIN" in str(report)
    assert server.lines.count(b"EHLO pc17.example.com\r\n") == 2


async def test_without_authentication_and_encryption_only_the_sender_is_tried(trust: ssl.SSLContext) -> None:
    server = ScriptedServer(mechanisms="")
    plain = replace(ACCOUNT, port=25, encryption=Encryption.NONE, authenticate=False, password=None)
    plain = replace(plain, recipient=LOGIN)
    async with running(server, trust, plain) as report:
        assert report.passed
        assert outcome(report, StageName.ENCRYPTION) is Outcome.SKIPPED
        assert outcome(report, StageName.SIGN_IN) is Outcome.SKIPPED


STAGE_OF_A_FAULT: dict[str, tuple[StageName, Fault, dict[str, Act]]] = {
    "greeting silent": (StageName.GREETING, Fault.NO_GREETING, {"greeting": Silence()}),
    "greeting trickles": (StageName.GREETING, Fault.NO_GREETING, {"greeting": Trickle(b"220 " + b"a" * 99)}),
    "greeting endless": (StageName.GREETING, Fault.NOT_SMTP, {"greeting": Endless(b"a" * 1000)}),
    "greeting multi-line endless": (StageName.GREETING, Fault.NOT_SMTP, {"greeting": Endless(b"220-more\r\n")}),
    "greeting closes": (StageName.GREETING, Fault.CLOSED_AT_ONCE, {"greeting": HangUp()}),
    "greeting refuses": (StageName.GREETING, Fault.GREETING_REFUSED, {"greeting": b"554 5.7.1 not you\r\n"}),
    "greeting busy": (StageName.GREETING, Fault.BUSY, {"greeting": b"421 4.3.2 too many\r\n"}),
    "greeting of IMAP": (StageName.GREETING, Fault.NOT_SMTP, {"greeting": b"* OK IMAP4rev1 ready\r\n"}),
    "greeting of POP3": (StageName.GREETING, Fault.NOT_SMTP, {"greeting": b"+OK ready\r\n"}),
    "greeting of HTTP": (StageName.GREETING, Fault.NOT_SMTP, {"greeting": Then(b"HTTP/1.1 400 Bad\r\n\r\n")}),
    "greeting of SSH": (StageName.GREETING, Fault.NOT_SMTP, {"greeting": b"SSH-2.0-OpenSSH_9\r\n"}),
    "greeting garbage": (StageName.GREETING, Fault.NOT_SMTP, {"greeting": b"\x00\xff\xfe\x80\r\n"}),
    "greeting odd code": (StageName.GREETING, Fault.GARBLED, {"greeting": b"2_2 hello\r\n"}),
    "EHLO silent": (StageName.GREETING, Fault.FELL_SILENT, {"EHLO": Silence()}),
    "EHLO closes": (StageName.GREETING, Fault.HUNG_UP, {"EHLO": HangUp()}),
    "EHLO refused": (StageName.GREETING, Fault.GREETING_REFUSED, {"EHLO": b"550 go away\r\n"}),
    "EHLO endless": (StageName.GREETING, Fault.GARBLED, {"EHLO": Endless(b"250-x\r\n")}),
    "EHLO unknown, HELO too": (
        StageName.GREETING,
        Fault.GREETING_REFUSED,
        {"EHLO": b"502 ?\r\n", "HELO": b"502 ?\r\n"},
    ),
    "STARTTLS stripped": (StageName.ENCRYPTION, Fault.STARTTLS_NOT_OFFERED, {"EHLO": b"250 mail.test\r\n"}),
    "STARTTLS refused": (StageName.ENCRYPTION, Fault.STARTTLS_REFUSED, {"STARTTLS": b"454 4.7.0 not now\r\n"}),
    "STARTTLS silent": (StageName.ENCRYPTION, Fault.TLS_TIMED_OUT, {"STARTTLS": Silence()}),
    "handshake silent": (StageName.ENCRYPTION, Fault.TLS_TIMED_OUT, {"handshake": Silence()}),
    "handshake closes": (StageName.ENCRYPTION, Fault.TLS_CLOSED, {"handshake": HangUp()}),
    "handshake garbage": (StageName.ENCRYPTION, Fault.TLS_FAILED, {"handshake": Then(b"\x16\x03\x03\x00\x05junk!")}),
    # The fatal alert protocol_version, RFC 8446 section 6.
    "handshake too old": (
        StageName.ENCRYPTION,
        Fault.TLS_TOO_OLD,
        {"handshake": Then(b"\x15\x03\x01\x00\x02\x02\x46")},
    ),
    "handshake in clear": (StageName.ENCRYPTION, Fault.TLS_FAILED, {"handshake": Then(b"250 what?\r\n" * 3)}),
    "EHLO after TLS silent": (StageName.GREETING, Fault.FELL_SILENT, {"EHLO encrypted": Silence()}),
    "EHLO after TLS closes": (StageName.GREETING, Fault.HUNG_UP_IN_TLS, {"EHLO encrypted": HangUp()}),
    "EHLO after TLS refused": (StageName.GREETING, Fault.GREETING_REFUSED, {"EHLO encrypted": b"550 go away\r\n"}),
    "no AUTH": (StageName.SIGN_IN, Fault.SIGN_IN_NOT_OFFERED, {"EHLO encrypted": b"250 mail.test\r\n"}),
    "AUTH silent": (StageName.SIGN_IN, Fault.SIGN_IN_SILENT, {"AUTH": Silence()}),
    "AUTH closes": (StageName.SIGN_IN, Fault.SIGN_IN_CLOSED, {"AUTH": HangUp()}),
    "AUTH refused": (StageName.SIGN_IN, Fault.SIGN_IN_REFUSED, {"AUTH": b"535 5.7.8 no\r\n"}),
    "AUTH busy": (StageName.SIGN_IN, Fault.SIGN_IN_UNAVAILABLE, {"AUTH": b"454 4.7.0 later\r\n"}),
    "AUTH new password": (StageName.SIGN_IN, Fault.PASSWORD_EXPIRED, {"AUTH": b"432 4.7.12 change it\r\n"}),
    "AUTH mechanism": (StageName.SIGN_IN, Fault.MECHANISM_BROKEN, {"AUTH": b"504 5.7.4 not that\r\n"}),
    "AUTH encryption": (StageName.SIGN_IN, Fault.ENCRYPTION_NOT_SEEN, {"AUTH": b"538 5.7.11 encrypt\r\n"}),
    "AUTH out of order": (StageName.SIGN_IN, Fault.MECHANISM_BROKEN, {"AUTH": b"503 5.5.1 order\r\n"}),
    "AUTH garbage": (StageName.SIGN_IN, Fault.MECHANISM_BROKEN, {"AUTH": b"hello there\r\n"}),
    "MAIL refused": (StageName.SENDER, Fault.SENDER_NOT_OWNED, {"MAIL": b"553 5.7.1 not owned by user\r\n"}),
    "MAIL wants sign-in again": (
        StageName.SENDER,
        Fault.SIGN_IN_ASKED_AGAIN,
        {"MAIL": b"530 5.7.57 not authenticated\r\n"},
    ),
    "MAIL silent": (StageName.SENDER, Fault.LATE_SILENCE, {"MAIL": Silence()}),
    "RCPT relay denied": (StageName.SENDER, Fault.RELAY_DENIED, {"RCPT": b"550 5.7.1 relaying denied\r\n"}),
}


@pytest.mark.parametrize("case", STAGE_OF_A_FAULT.values(), ids=STAGE_OF_A_FAULT.keys())
async def test_each_fault_is_named_at_its_stage_in_time_and_nothing_leaks(
    certificates: Certificates, trust: ssl.SSLContext, case: tuple[StageName, Fault, dict[str, Act]]
) -> None:
    stage, fault, acts = case
    before = asyncio.all_tasks()
    server = ScriptedServer(tls=certificates.good, acts=acts)
    async with running(server, trust) as report:
        failed = report.failed_stage
        assert failed is not None
        assert (failed.name, report.fault) == (stage, fault), report
        assert [s.name for s in report.stages if s.outcome is Outcome.RUNNING] == []
        assert asyncio.all_tasks() - before - server._tasks == set()
    assert not server.said_in_clear(b"AUTH")
    assert sum(line.startswith(b"AUTH") for line in server.lines) <= 1


CERTIFICATE_FAULTS = {
    "expired": Fault.CERTIFICATE_EXPIRED,
    "not_yet": Fault.CERTIFICATE_NOT_YET_VALID,
    "wrong_name": Fault.CERTIFICATE_WRONG_NAME,
    "self_signed": Fault.CERTIFICATE_SELF_SIGNED,
    "stranger": Fault.CERTIFICATE_UNTRUSTED,
}


@pytest.mark.parametrize(("name", "fault"), CERTIFICATE_FAULTS.items())
@pytest.mark.parametrize("encryption", [Encryption.TLS, Encryption.SSL])
async def test_each_certificate_fault_is_named_apart_and_no_credentials_leave(
    certificates: Certificates, trust: ssl.SSLContext, name: str, fault: Fault, encryption: Encryption
) -> None:
    server = ScriptedServer(tls=getattr(certificates, name), implicit=encryption is Encryption.SSL)
    async with running(server, trust, replace(ACCOUNT, encryption=encryption)) as report:
        assert report.failed_stage is not None
        assert (report.failed_stage.name, report.fault) == (StageName.ENCRYPTION, fault)
        if name == "wrong_name":
            assert set(report.certificate_names) == {"smtp.other.test", "mx.other.test"}
    assert not any(line.startswith(b"AUTH") for line in server.lines)


async def test_ssl_on_a_plain_port_is_named(certificates: Certificates, trust: ssl.SSLContext) -> None:
    server = ScriptedServer(tls=certificates.good)
    async with running(server, trust, replace(ACCOUNT, encryption=Encryption.SSL)) as report:
        assert report.fault is Fault.TLS_TO_PLAIN_PORT


@pytest.mark.parametrize("port", [465, 587])
async def test_plain_on_a_tls_port_is_named_after_one_look_without_credentials(
    certificates: Certificates, trust: ssl.SSLContext, port: int
) -> None:
    server = ScriptedServer(tls=certificates.good, implicit=True)
    async with running(server, trust, replace(ACCOUNT, port=port), timeout=3) as report:
        assert report.failed_stage is not None
        assert (report.failed_stage.name, report.fault) == (StageName.GREETING, Fault.PLAIN_TO_TLS_PORT)
    assert not any(b"AUTH" in line for line in server.lines)


async def test_nothing_that_was_said_before_tls_counts_after_it(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    injected = b"220 2.0.0 go ahead\r\n250-evil.test\r\n250 AUTH PLAIN\r\n235 2.7.0 welcome\r\n250 ok\r\n250 ok\r\n"
    server = ScriptedServer(tls=certificates.good, acts={"STARTTLS": injected, "EHLO encrypted": b"250 mail.test\r\n"})
    async with running(server, trust) as report:
        assert not report.passed
        assert "evil" not in str(report)
    assert not any(line.startswith(b"AUTH") for line in server.lines)


async def test_a_password_never_travels_in_clear_even_when_the_server_asks(trust: ssl.SSLContext) -> None:
    server = ScriptedServer(mechanisms="PLAIN LOGIN")
    async with running(server, trust, replace(ACCOUNT, port=25, encryption=Encryption.NONE)) as report:
        assert report.fault is Fault.PASSWORD_OVER_CLEAR_TEXT
    assert not any(line.startswith(b"AUTH") for line in server.lines)


async def test_a_missing_password_is_named_before_anything_is_asked(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    async with running(ScriptedServer(tls=certificates.good), trust, replace(ACCOUNT, password=None)) as report:
        assert report.fault is Fault.PASSWORD_MISSING


async def test_an_echoed_password_is_never_shown(certificates: Certificates, trust: ssl.SSLContext) -> None:
    server = ScriptedServer(
        tls=certificates.good, acts={"AUTH": f"535 5.7.8 bad password {PASSWORD} for you\r\n".encode()}
    )
    async with running(server, trust) as report:
        assert report.reply is not None
        assert report.reply.text == "(the server repeated the password, so its answer is not shown)"


@pytest.mark.parametrize(
    "reply", [b"550 5.1.1 no such mailbox\r\n", b"577 5.1.1 unknown\r\n", b"450 4.2.0 greylisted\r\n"]
)
async def test_an_unknown_recipient_and_a_pause_only_warn(
    certificates: Certificates, trust: ssl.SSLContext, reply: bytes
) -> None:
    async with running(ScriptedServer(tls=certificates.good, acts={"RCPT": reply}), trust) as report:
        assert report.passed
        assert outcome(report, StageName.SENDER) is Outcome.WARNED
        assert report.fault in (Fault.RECIPIENT_REFUSED, Fault.GREYLISTED)


async def test_another_sender_than_the_logins_is_refused_at_sender(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    account = replace(ACCOUNT, address="boss@mail.test")
    async with running(ScriptedServer(tls=certificates.good), trust, account) as report:
        assert report.failed_stage is not None
        assert (report.failed_stage.name, report.fault) == (StageName.SENDER, Fault.SENDER_NOT_OWNED)


async def test_a_server_that_only_hangs_up_on_quit_still_passes(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    for act in (HangUp(), Silence(), b"nonsense\r\n"):
        async with running(ScriptedServer(tls=certificates.good, acts={"RSET": act}), trust, timeout=3) as report:
            assert report.passed


async def test_a_refused_port_is_named_at_connect(trust: ssl.SSLContext) -> None:
    async with ScriptedServer() as gone:
        port = gone.port
    network = OneServerNetwork(port)
    tester = a_tester(network, trust, timeout=2)
    report = await tester.test(ACCOUNT, lambda _: None)
    assert report.failed_stage is not None
    assert (report.failed_stage.name, report.fault) == (StageName.CONNECT, Fault.REFUSED)


async def test_a_connection_that_is_reset_at_once_fails_at_connect_and_is_closed(trust: ssl.SSLContext) -> None:
    class Reset(OneServerNetwork):
        async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
            # As after a reset, the socket has no peer any more.
            self.sock = socket.socket()
            return self.sock

    network = Reset(0)
    tester = a_tester(network, trust, timeout=2)
    report = await tester.test(ACCOUNT, lambda _: None)
    assert report.failed_stage is not None
    assert report.failed_stage.name is StageName.CONNECT
    assert network.sock.fileno() == -1


async def test_an_international_address_needs_a_server_with_smtputf8(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    account = replace(ACCOUNT, address="jörg@mail.test")
    server = ScriptedServer(tls=certificates.good, owned="jörg@mail.test")
    async with running(server, trust, account) as report:
        assert report.passed
    assert any(line.endswith(b"SMTPUTF8\r\n") for line in server.lines if line.startswith(b"MAIL"))
    plain = ScriptedServer(tls=certificates.good, acts={"EHLO encrypted": b"250-mail.test\r\n250 AUTH PLAIN\r\n"})
    async with running(plain, trust, account) as report:
        assert report.fault is Fault.ADDRESS_NOT_ASCII
        assert "ASCII" in str(report)


async def test_the_trust_store_reads_a_companys_own_authority(certificates: Certificates, tmp_path: Path) -> None:
    async with running(ScriptedServer(tls=certificates.good), trust_store(None)) as report:
        assert report.fault is Fault.CERTIFICATE_UNTRUSTED
    async with running(ScriptedServer(tls=certificates.good), trust_store(certificates.authority_file)) as report:
        assert report.passed


async def test_a_token_signs_in_with_xoauth2_and_is_never_written_down(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    token = "ya29.canary-token"

    async def fetch() -> SecretStr:
        return SecretStr(token)

    def judge(line: bytes) -> bytes:
        blob = base64.b64decode(line.split()[2])
        good = blob == f"user={LOGIN}\x01auth=Bearer {token}\x01\x01".encode()
        return b"235 2.7.0 welcome\r\n" if good else b"535 5.7.8 no\r\n"

    server = ScriptedServer(tls=certificates.good, mechanisms="PLAIN XOAUTH2", acts={"AUTH": judge})
    async with running(server, trust, replace(ACCOUNT, password=None, token=fetch)) as report:
        assert report.passed, report
        assert "with XOAUTH2" in str(report)
        assert token not in repr(report)
        assert "C: AUTH XOAUTH2 (credentials)" in report.transcript
    echo = f"535 5.7.8 bad {token}\r\n".encode()
    server = ScriptedServer(tls=certificates.good, mechanisms="XOAUTH2", acts={"AUTH": echo})
    async with running(server, trust, replace(ACCOUNT, password=None, token=fetch)) as report:
        assert report.fault is Fault.TOKEN_REFUSED
        assert token not in repr(report)


async def test_ways_of_signing_in_that_are_not_spoken_here_are_named(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    server = ScriptedServer(tls=certificates.good, mechanisms="GSSAPI NTLM")
    async with running(server, trust) as report:
        assert report.fault is Fault.ONLY_WINDOWS_SIGN_IN
        assert "the server offers GSSAPI, NTLM" in str(report)
