"""Encryption and certificates as they fail in the field: each fault by its own name, with who can mend it."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.profiles.account.profile import EmailProfile
from bot.profiles.connection_tests.results import ConnectionTestResult, interpret_report
from bot.smtp.account import Account, Encryption
from bot.smtp.advice.advice import advise
from bot.smtp.advice.row import Fix
from bot.smtp.check.report import Fault, Outcome, Report, StageName
from bot.smtp.network.certificate import trust_store
from tests.fakes.alerting_server import AlertingServer
from tests.fakes.encryption_faults import OLD_SERVER_HELLO, EncryptionFaults
from tests.fakes.smtp_server import HOST, LOGIN, PASSWORD, Act, OneServerNetwork, ScriptedServer, Silence, Then, Trickle
from tests.scenario.connection_tests.testers import ACCOUNT, a_tester

# The connection test alone: it knows no database.
pytestmark = pytest.mark.databases()

Contexts = Mapping[str, Callable[[], ssl.SSLContext]]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> EncryptionFaults:
    return EncryptionFaults(tmp_path_factory.mktemp("encryption"))


@pytest.fixture(scope="module")
def contexts(faults: EncryptionFaults) -> Contexts:
    return faults.contexts()


@pytest.fixture(scope="module")
def trust(faults: EncryptionFaults) -> ssl.SSLContext:
    return trust_store(faults.authority_file)


async def run(
    server: ScriptedServer | AlertingServer,
    trust: ssl.SSLContext,
    account: Account = ACCOUNT,
    *,
    timeout: float = 3,
    others: Mapping[int, int] | None = None,
) -> Report:
    tester = a_tester(OneServerNetwork(server.port, others), trust, timeout=timeout)
    report = await tester.test(account, lambda _: None)
    assert PASSWORD not in repr(report)
    return report


def meaning(report: Report) -> ConnectionTestResult:
    profile = EmailProfile(address=LOGIN, login=LOGIN, host=HOST, port=report.port, extras={report.encryption: "Y"})
    return interpret_report(report, ACCOUNT, profile)


def words(report: Report) -> str:
    advice = meaning(report).advice
    return f"{advice.what} {advice.why} {advice.do}" if advice else ""


HANDSHAKES = {
    "DH 1024": Fault.TLS_TOO_WEAK,
    "weak cipher": Fault.TLS_TOO_WEAK,
    "TLS 1.0": Fault.TLS_TOO_OLD,
    "client certificate": Fault.TLS_CLIENT_CERTIFICATE_WANTED,
    "client certificate, TLS 1.2": Fault.TLS_NOTHING_IN_COMMON,
    "unknown name": Fault.TLS_NAME_UNKNOWN,
}


@pytest.mark.parametrize(("name", "fault"), HANDSHAKES.items())
@pytest.mark.parametrize("encryption", [Encryption.TLS, Encryption.SSL])
async def test_weak_old_and_unsuitable_encryption_is_named_and_port_is_not_at_fault(
    contexts: Contexts, trust: ssl.SSLContext, name: str, fault: Fault, encryption: Encryption
) -> None:
    account = replace(ACCOUNT, encryption=encryption, port=465 if encryption is Encryption.SSL else 587)
    with AlertingServer(contexts[name](), implicit=encryption is Encryption.SSL) as server:
        report = await run(server, trust, account)
    assert report.failed_stage is not None
    assert (report.failed_stage.name, report.fault) == (StageName.ENCRYPTION, fault), report
    found = meaning(report)
    assert found.advice is not None
    assert found.advice.field in (None, "host")
    assert not found.fixes
    assert "provider" in words(report) or "whoever runs the mail server" in words(report)
    assert not any(port in words(report) for port in ("465", "587"))
    assert not any(b"AUTH" in line for line in server.lines)


# Fatal alerts as servers send them, RFC 8446, 6.2; and a ServerHello without renegotiation_info.
ALERTS = {
    40: Fault.TLS_NOTHING_IN_COMMON,
    42: Fault.TLS_CLIENT_CERTIFICATE_WANTED,
    70: Fault.TLS_TOO_OLD,
    71: Fault.TLS_NOTHING_IN_COMMON,
    80: Fault.TLS_FAILED,
    112: Fault.TLS_NAME_UNKNOWN,
}


@pytest.mark.parametrize(("alert", "fault"), ALERTS.items())
async def test_each_alert_of_a_server_has_its_own_meaning(
    contexts: Contexts, trust: ssl.SSLContext, alert: int, fault: Fault
) -> None:
    acts: dict[str, Act] = {"handshake": Then(b"\x15\x03\x03\x00\x02\x02" + bytes([alert]))}
    async with ScriptedServer(tls=contexts["full chain"](), acts=acts) as server:
        report = await run(server, trust)
    assert (report.failed_stage and report.failed_stage.name, report.fault) == (StageName.ENCRYPTION, fault)


async def test_a_server_without_secure_renegotiation_is_too_old(contexts: Contexts, trust: ssl.SSLContext) -> None:
    async with ScriptedServer(tls=contexts["full chain"](), acts={"handshake": Then(OLD_SERVER_HELLO)}) as server:
        report = await run(server, trust)
    assert report.fault is Fault.TLS_LEGACY_RENEGOTIATION
    assert "too old" in words(report)


async def test_what_an_old_server_speaks_is_told(contexts: Contexts, trust: ssl.SSLContext) -> None:
    with AlertingServer(contexts["TLS 1.0"]()) as alerting:
        assert "the server speaks only TLS 1.1" in str(await run(alerting, trust))
    # Some hang up without an alert.
    async with ScriptedServer(tls=contexts["TLS 1.0"]()) as silent:
        report = await run(silent, trust)
    assert report.fault is Fault.TLS_TOO_OLD
    assert "the server speaks only TLS 1.1" in str(report)
    with AlertingServer(contexts["weak cipher"]()) as alerting:
        assert "the server offers only what is too weak: AES128-SHA" in str(await run(alerting, trust))


CERTIFICATES = {
    "no intermediate": (Fault.CERTIFICATE_UNTRUSTED, "Test Intermediate", True),
    "no public intermediate": (Fault.CERTIFICATE_CHAIN_INCOMPLETE, "Test Intermediate", False),
    "no intermediate by public rules": (Fault.CERTIFICATE_CHAIN_INCOMPLETE, "Test Intermediate", False),
    "no intermediate of a known authority": (Fault.CERTIFICATE_CHAIN_INCOMPLETE, "Let's Encrypt", False),
    "own authority, not sent": (Fault.CERTIFICATE_UNTRUSTED, "Example Company", True),
    "own authority, sent": (Fault.CERTIFICATE_OF_OWN_AUTHORITY, "Example Company", True),
    "scanner": (Fault.CERTIFICATE_INTERCEPTED, "avast! Web/Mail Shield Root", False),
    "scanner, sent": (Fault.CERTIFICATE_INTERCEPTED, "avast! Web/Mail Shield Root", False),
    "self-signed": (Fault.CERTIFICATE_SELF_SIGNED, "mail.test", True),
    "self-signed, ended": (Fault.CERTIFICATE_EXPIRED, "mail.test", False),
    "expired intermediate": (Fault.CERTIFICATE_CHAIN_EXPIRED, "Old Intermediate", False),
    "for clients": (Fault.CERTIFICATE_WRONG_PURPOSE, "Test Intermediate", False),
    "short key": (Fault.CERTIFICATE_TOO_WEAK, "Test Intermediate", False),
}


@pytest.mark.parametrize(("name", "expected"), CERTIFICATES.items())
@pytest.mark.parametrize("encryption", [Encryption.TLS, Encryption.SSL])
async def test_each_reason_against_a_certificate_has_its_own_fault_and_trust_only_where_it_helps(
    contexts: Contexts, trust: ssl.SSLContext, name: str, expected: tuple[Fault, str, bool], encryption: Encryption
) -> None:
    fault, issuer, trusting = expected
    account = replace(ACCOUNT, encryption=encryption, port=465 if encryption is Encryption.SSL else 587)
    async with ScriptedServer(tls=contexts[name](), implicit=encryption is Encryption.SSL) as server:
        report = await run(server, trust, account)
    assert (report.failed_stage and report.failed_stage.name, report.fault) == (StageName.ENCRYPTION, fault), report
    assert f"issued by {issuer}; valid from " in str(report)
    kinds = [fix.kind for fix in meaning(report).fixes]
    assert (Fix.TRUST_CERTIFICATE in kinds) is trusting
    assert not any(b"AUTH" in line for line in server.lines)


async def test_the_full_chain_passes(contexts: Contexts, trust: ssl.SSLContext) -> None:
    async with ScriptedServer(tls=contexts["full chain"]()) as server:
        report = await run(server, trust)
    assert report.passed
    assert report.fault is None


@pytest.mark.parametrize(
    ("ends", "lasts", "warns"),
    [
        # Six days and 45 days are usual lifetimes (https://letsencrypt.org/docs/profiles/).
        (5.5, 6.7, False),
        (2.5, 6.7, False),
        (1.2, 6.7, True),
        (15, 45, False),
        (9, 45, True),
        (25, 90, False),
        (19, 90, True),
        (22, 365, False),
        (20, 365, True),
    ],
)
async def test_the_end_of_a_certificate_is_warned_of_by_its_lifetime(
    faults: EncryptionFaults, trust: ssl.SSLContext, ends: float, lasts: float, warns: bool
) -> None:
    context = faults.ending(timedelta(days=ends), timedelta(days=lasts))
    async with ScriptedServer(tls=context) as server:
        report = await run(server, trust)
    assert report.passed
    assert (report.fault is Fault.CERTIFICATE_ENDS_SOON) is warns


MASKS = {
    "Cisco ASA": (b"250-mail.test\r\n250-SIZE 1000\r\n250-XXXXXXXA\r\n250 XXXA\r\n", b"220 mail.test ESMTP\r\n"),
    "Cisco PIX": (b"250-mail.test\r\n250 XXXXXXXX\r\n", b"220 ****************0**2*****\r\n"),
    "a greeting alone": (b"250-mail.test\r\n250 SIZE 1000\r\n", b"220 **********************\r\n"),
    "asterisks": (b"250-mail.test\r\n250-SIZE 1000\r\n250 ********\r\n", b"220 mail.test ESMTP\r\n"),
    "one letter": (b"250-mail.test\r\n250-SIZE 1000\r\n250 STARTTLX\r\n", b"220 mail.test ESMTP\r\n"),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
async def test_a_masked_starttls_is_told_as_what_it_is_and_nothing_closed_is_offered(
    trust: ssl.SSLContext, mask: tuple[bytes, bytes]
) -> None:
    offered, greeting = mask
    async with ScriptedServer(acts={"EHLO": offered, "greeting": greeting}) as server:
        report = await run(server, trust)
    assert (report.failed_stage and report.failed_stage.name, report.fault) == (
        StageName.ENCRYPTION,
        Fault.STARTTLS_MASKED,
    )
    assert "between the bot and the server" in words(report)
    assert report.closed_ports == (465, 2525, 25)
    assert not meaning(report).fixes
    assert "465" not in words(report)


async def test_a_starttls_that_is_overwritten_on_its_way_to_the_server_is_masked_too(
    contexts: Contexts, trust: ssl.SSLContext
) -> None:
    said: dict[str, Act] = {"STARTTLS": b'500 5.5.1 Command unrecognized: "XXXXXXXX"\r\n'}
    async with ScriptedServer(tls=contexts["full chain"](), acts=said) as server:
        report = await run(server, trust)
    assert report.fault is Fault.STARTTLS_MASKED


async def test_extensions_of_servers_own_are_no_mask(trust: ssl.SSLContext) -> None:
    offered = b"250-mail.test\r\n250-XCLIENT NAME ADDR\r\n250-X-EXPS GSSAPI NTLM\r\n250-XEXCH50\r\n250 XRDST\r\n"
    greeting = b"220 mail.test *** no UCE *** ESMTP\r\n"
    async with ScriptedServer(acts={"EHLO": offered, "greeting": greeting}) as server:
        report = await run(server, trust)
    assert report.fault is Fault.STARTTLS_NOT_OFFERED


async def test_only_ports_that_answer_are_offered(contexts: Contexts, trust: ssl.SSLContext) -> None:
    good = contexts["full chain"]()
    async with (
        ScriptedServer(acts={"EHLO": b"250 mail.test\r\n"}) as stripped,
        ScriptedServer(tls=good, implicit=True) as encrypted,
    ):
        report = await run(stripped, trust, others={465: encrypted.port})
        assert [(one.port, one.encryption) for one in report.open_ports] == [(465, Encryption.SSL)]
        assert report.closed_ports == (2525, 25)
        assert [fix.kind for fix in meaning(report).fixes] == [Fix.SSL_ON_465]
        report = await run(stripped, trust)
        assert report.closed_ports == (465, 2525, 25)
        assert not meaning(report).fixes
        assert "No other usual mail port" in words(report)


async def test_a_slow_greeting_passes_within_the_whole_deadline_though_other_ports_were_looked_at(
    contexts: Contexts, trust: ssl.SSLContext
) -> None:
    slow = Trickle(b"220 ready\r\n", pause=0.3)
    async with ScriptedServer(tls=contexts["full chain"](), acts={"greeting": slow}) as server:
        report = await run(server, trust, timeout=4.3)
    assert report.passed, report
    assert report.seconds > 4.3 * 0.75
    assert (report.open_ports, report.closed_ports) == ((), ())


async def test_a_last_look_that_comes_to_no_end_changes_neither_the_fault_nor_the_wait(
    contexts: Contexts, trust: ssl.SSLContext
) -> None:
    acts: dict[str, Act] = {}
    silent = ScriptedServer(acts={"greeting": Silence()})
    async with silent, ScriptedServer(tls=contexts["own authority, sent"](), acts=acts) as server:
        # Only the first connection is answered.
        server.on_end = lambda _: acts.update(greeting=Silence())
        began = asyncio.get_running_loop().time()
        report = await run(server, trust, timeout=1, others={465: silent.port, 2525: silent.port, 25: silent.port})
        assert asyncio.get_running_loop().time() - began < 3
    assert report.fault is Fault.CERTIFICATE_OF_OWN_AUTHORITY
    assert report.certificate is None
    assert report.closed_ports == (465, 2525, 25)
    assert not meaning(report).fixes


async def test_silence_before_the_greeting_and_silence_within_tls_are_told_apart(
    contexts: Contexts, trust: ssl.SSLContext
) -> None:
    context = contexts["full chain"]()
    said = {}
    for step in ("greeting", "handshake", "EHLO encrypted"):
        async with ScriptedServer(tls=context, acts={step: Silence()}) as server:
            said[step] = words(await run(server, trust, timeout=1))
    assert "SMTP_TIMEOUT" in said["greeting"]
    assert "Port" in said["greeting"]
    assert "when the encryption should begin" in said["handshake"]
    assert "address and port are right" in said["EHLO encrypted"]
    assert not any(port in text for port in ("465", "587") for text in (said["handshake"], said["EHLO encrypted"]))


async def test_text_put_in_before_tls_is_discarded_and_warned_of(contexts: Contexts, trust: ssl.SSLContext) -> None:
    context = contexts["full chain"]()
    for injected in (b"220 2.0.0 go ahead\r\n250 evil\r\n", b"220 2.0.0 go ahead\r\nevil"):
        async with ScriptedServer(tls=context, acts={"STARTTLS": injected}) as server:
            report = await run(server, trust)
        assert report.passed
        assert report.fault is Fault.TEXT_BEFORE_TLS
        assert next(stage.outcome for stage in report.stages if stage.name is StageName.ENCRYPTION) is Outcome.WARNED
        assert "evil" not in repr(report)


async def test_what_is_refused_once_tls_is_up_is_no_fault_of_the_encryption(
    contexts: Contexts, trust: ssl.SSLContext
) -> None:
    acts: dict[str, Act] = {"EHLO encrypted": b"554 5.7.1 not you\r\n"}
    async with ScriptedServer(tls=contexts["full chain"](), acts=acts) as server:
        report = await run(server, trust)
    assert [(stage.name, stage.outcome) for stage in report.stages[2:5]] == [
        (StageName.ENCRYPTION, Outcome.PASSED),
        (StageName.GREETING, Outcome.FAILED),
        (StageName.SIGN_IN, Outcome.SKIPPED),
    ]
    assert "TLS" not in words(report)


@pytest.mark.parametrize(
    ("step", "said", "stage"),
    [
        ("EHLO encrypted", b"250-mail.test\r\n250 STARTTLS\r\n", StageName.SIGN_IN),
        ("AUTH", b"530 5.7.0 Must issue a STARTTLS command first\r\n", StageName.SIGN_IN),
        ("MAIL", b"530 5.7.0 Must issue a STARTTLS command first\r\n", StageName.SENDER),
    ],
)
async def test_a_server_that_asks_for_encryption_inside_it_is_not_told_as_unencrypted(
    contexts: Contexts, trust: ssl.SSLContext, step: str, said: bytes, stage: StageName
) -> None:
    async with ScriptedServer(tls=contexts["full chain"](), acts={step: said}) as server:
        report = await run(server, trust)
    assert (report.failed_stage and report.failed_stage.name, report.fault) == (stage, Fault.ENCRYPTION_NOT_SEEN)
    assert not meaning(report).fixes


@pytest.mark.parametrize(
    "greeting",
    [
        b"421 Cannot connect to SMTP server 203.0.113.9 (203.0.113.9:25), connect error 10060\r\n",
        b"451 Request action aborted on MFE proxy, SMTP server is not available.\r\n",
    ],
)
async def test_a_proxy_that_greets_in_the_servers_place_is_named(trust: ssl.SSLContext, greeting: bytes) -> None:
    async with ScriptedServer(acts={"greeting": Then(greeting)}) as server:
        report = await run(server, trust)
    assert report.fault is Fault.PROXY_ANSWERED
    assert "between the bot and mail.test" in words(report)


async def test_who_does_not_sign_in_hears_nothing_of_a_password_and_may_go_without_encryption(
    trust: ssl.SSLContext,
) -> None:
    relay = replace(ACCOUNT, port=25, authenticate=False, login="", password=None)
    async with ScriptedServer() as server:
        report = await run(server, trust, relay)
    advice = advise(report, relay)
    assert advice is not None
    assert "password" not in advice.why
    assert "remove the extra TLS" in advice.do
