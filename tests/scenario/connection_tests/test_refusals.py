"""What real servers refuse with, at each step of a dialogue over real sockets, and what becomes of the test."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from bot.smtp.account import Account, Outgoing
from bot.smtp.advice.advice import Advice, advise
from bot.smtp.advice.row import Fix
from bot.smtp.check.report import Fault, Outcome, Report, StageName
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import LOGIN, Act, OneServerNetwork, ScriptedServer, Silence, Then
from tests.scenario.connection_tests.testers import ACCOUNT, a_tester

# The connection test alone: it knows no database.
pytestmark = pytest.mark.databases()

STRANGER = replace(ACCOUNT, authenticate=False, recipient=LOGIN)
OUTGOING = Outgoing(recipient=LOGIN, content=b"Subject: hello\r\n\r\n.a line that begins with a dot\r\n")


async def run(
    server: ScriptedServer, trust: ssl.SSLContext, account: Account, outgoing: Outgoing | None = None
) -> Report:
    """Test an account against a server, and send a message where there is one."""
    async with server:
        tester = a_tester(OneServerNetwork(server.port), trust, timeout=1.5)
        if outgoing is not None:
            return await tester.send(account, outgoing, lambda _: None)
        return await tester.test(account, lambda _: None)


def advice_on(report: Report, account: Account) -> Advice:
    advice = advise(report, account)
    assert advice is not None
    return advice


@dataclass(frozen=True)
class Case:
    """What a server answers, to whom, and what that is."""

    acts: Mapping[str, Act]
    fault: Fault
    stage: StageName = StageName.SENDER
    warns: bool = False
    account: Account = ACCOUNT
    mechanisms: str = "PLAIN LOGIN"
    says: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = field(default=())


CASES = {
    "a temporary code over a domain that does not exist": Case(
        {"RCPT": b"450 4.1.8 <ada@mail.test>: Sender address rejected: Domain not found\r\n"},
        Fault.SENDER_DOMAIN_UNKNOWN,
        says=("domain mail.test does not exist", "Email Address"),
    ),
    "a temporary code over a missing reverse name": Case(
        {"RCPT": b"450 4.7.25 Client host rejected: cannot find your hostname, [203.0.113.9]\r\n"},
        Fault.REVERSE_NAME_MISSING,
        account=STRANGER,
        says=("reverse", "whoever runs the bot"),
    ),
    "a temporary code over a server that is set up wrongly": Case(
        {"MAIL": b"451 4.3.5 Server configuration error\r\n"}, Fault.SERVER_MISCONFIGURED, says=("admin",)
    ),
    "real greylisting": Case(
        {"RCPT": b"450 4.2.0 Greylisted, try again in 300 seconds\r\n"},
        Fault.GREYLISTED,
        warns=True,
        says=("first time", "ten minutes"),
    ),
    "too much at once": Case(
        {"MAIL": b"450 4.7.1 Error: too much mail from 203.0.113.9\r\n"},
        Fault.RATE_LIMITED,
        warns=True,
        says=("too many",),
    ),
    "a block list, where nobody can sign in": Case(
        {"RCPT": b"554 5.7.1 Client host [203.0.113.9] blocked using zen.spamhaus.org\r\n"},
        Fault.NETWORK_BLOCKED,
        account=STRANGER,
        mechanisms="",
        says=("block list",),
    ),
    "no connector at Microsoft 365": Case(
        {"RCPT": b"550 5.7.64 TenantAttribution; Relay Access Denied\r\n"},
        Fault.CLIENT_NOT_ALLOWED,
        account=STRANGER,
        mechanisms="",
        says=("connector",),
    ),
    "relaying, where nobody can sign in": Case(
        {"RCPT": b"554 5.7.1 <ada@mail.test>: Relay access denied\r\n"},
        Fault.RELAY_DENIED_TO_STRANGER,
        account=STRANGER,
        mechanisms="",
    ),
    "relaying, where people sign in": Case(
        {"RCPT": b"554 5.7.1 <ada@mail.test>: Relay access denied\r\n"},
        Fault.SIGN_IN_NEEDED,
        account=STRANGER,
        fixes=(Fix.AUTHENTICATE,),
    ),
    "a demand to sign in at MAIL, with a code of its own": Case(
        {"MAIL": b"553 authentication is required,smtp13,token\r\n"},
        Fault.SIGN_IN_NEEDED,
        account=STRANGER,
        fixes=(Fix.AUTHENTICATE,),
    ),
    "a demand to sign in where that is not offered": Case(
        {"MAIL": b"530 5.7.0 Authentication required\r\n"},
        Fault.SIGN_IN_NEEDED_NOT_OFFERED,
        account=STRANGER,
        mechanisms="",
    ),
    "the announced name at EHLO, worded as if busy": Case(
        {"EHLO": Then(b"421 4.7.0 Try again later, closing connection. (EHLO) a1-2.3 - gsmtp\r\n")},
        Fault.DEFAULT_NAME_REFUSED,
        stage=StageName.GREETING,
        says=("HELO", "[127.0.0.1]"),
        fixes=(Fix.HELO_FROM_ADDRESS,),
    ),
    "the announced name at RCPT": Case(
        {"RCPT": b"504 5.5.2 <laptop7>: Helo command rejected: need fully-qualified hostname\r\n"},
        Fault.ANNOUNCED_NAME_REFUSED,
        account=replace(ACCOUNT, helo="laptop7"),
        says=("HELO", "laptop7"),
        fixes=(Fix.REMOVE_HELO, Fix.HELO_FROM_ADDRESS),
    ),
    "a full mailbox of the recipient": Case(
        {"RCPT": b"552 5.2.2 <ada@mail.test>: Quota exceeded (mailbox for user is full)\r\n"},
        Fault.MAILBOX_FULL,
        warns=True,
        says=("is full", "sending works"),
    ),
    "an unknown recipient": Case(
        {"RCPT": b"550 5.1.1 <ada@mail.test>: Recipient address rejected: User unknown\r\n"},
        Fault.RECIPIENT_REFUSED,
        warns=True,
        says=("you can send",),
    ),
    "an address of another login": Case(
        {"MAIL": b"553 5.7.1 Sender address rejected: not owned by auth user.\r\n"},
        Fault.SENDER_NOT_OWNED,
        says=("may not send as",),
    ),
    "an address beyond ASCII": Case(
        {"EHLO encrypted": b"250-mail.test\r\n250 AUTH PLAIN\r\n"},
        Fault.ADDRESS_NOT_ASCII,
        account=replace(ACCOUNT, address="jörg@mail.test"),
        says=("ASCII", "jörg@mail.test"),
        fixes=(Fix.LOGIN_AS_ADDRESS,),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_refusal_is_told_as_what_it_is(certificates: Certificates, trust: ssl.SSLContext, case: Case) -> None:
    server = ScriptedServer(tls=certificates.good, acts=case.acts, mechanisms=case.mechanisms)
    report = await run(server, trust, case.account)
    assert report.fault is case.fault, report
    failed = report.failed_stage
    assert (failed.name if failed else None) == (None if case.warns else case.stage)
    if case.warns:
        assert next(stage for stage in report.stages if stage.name is case.stage).outcome is Outcome.WARNED
    advice = advice_on(report, case.account)
    words = f"{advice.what} {advice.why} {advice.do}"
    assert [phrase for phrase in case.says if phrase not in words] == []
    assert advice.fixes == case.fixes


async def test_no_other_port_is_offered_where_the_announced_name_is_refused(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    refusing = {"EHLO": b"550 5.7.1 Helo command rejected: need fully-qualified hostname\r\n"}
    async with (
        ScriptedServer(tls=certificates.good) as other,
        ScriptedServer(tls=certificates.good, acts=refusing) as server,
    ):
        tester = a_tester(OneServerNetwork(server.port, {25: other.port}), trust, timeout=3)
        report = await tester.test(ACCOUNT, lambda _: None)
    assert report.fault is Fault.DEFAULT_NAME_REFUSED
    assert (report.open_ports, other.connections) == ((), 0)


AT_THE_MESSAGE = {
    "DATA is refused": ({"DATA": b"554 5.5.1 no\r\n"}, Fault.DATA_REFUSED, False),
    "the message is refused": ({"END": b"554 5.0.0 no\r\n"}, Fault.MESSAGE_REFUSED, False),
    "the sender is refused at the end": (
        {"END": b"554 5.2.252 SendAsDenied; ada not allowed to send as scanner\r\n"},
        Fault.SENDER_NOT_OWNED,
        False,
    ),
    "it is taken for spam": ({"END": b"554 5.7.1 suspicion of SPAM\r\n"}, Fault.SPAM_SUSPECTED, False),
    "it is too large": ({"END": b"552 5.3.4 Message size exceeds fixed limit\r\n"}, Fault.MESSAGE_TOO_LARGE, False),
    "the mailbox is full": ({"END": b"552 5.2.2 Mailbox full\r\n"}, Fault.MAILBOX_FULL, True),
    "nothing more is said": ({"END": Silence()}, Fault.LATE_SILENCE, False),
}  # fmt: skip


@pytest.mark.parametrize("case", AT_THE_MESSAGE.values(), ids=AT_THE_MESSAGE.keys())
async def test_what_is_refused_at_the_message_is_told_apart(
    certificates: Certificates, trust: ssl.SSLContext, case: tuple[dict[str, Act], Fault, bool]
) -> None:
    acts, fault, passes = case
    report = await run(ScriptedServer(tls=certificates.good, acts=acts), trust, ACCOUNT, OUTGOING)
    assert (report.fault, report.passed) == (fault, passes), report
    if not passes:
        assert report.failed_stage is not None
        assert report.failed_stage.name is StageName.MESSAGE
    assert "addresses are right" not in str(advice_on(report, ACCOUNT))


async def test_a_message_arrives_as_it_was_written(certificates: Certificates, trust: ssl.SSLContext) -> None:
    server = ScriptedServer(tls=certificates.good)
    report = await run(server, trust, ACCOUNT, OUTGOING)
    assert report.passed, report
    assert any(
        line.startswith(b"Subject: hello\r\n\r\n..a line") and line.endswith(b"dot\r\n.\r\n") for line in server.lines
    )


async def test_nobody_is_told_to_sign_in_again(certificates: Certificates, trust: ssl.SSLContext) -> None:
    server = ScriptedServer(tls=certificates.good, acts={"MAIL": b"530 5.7.0 Authentication required\r\n"})
    report = await run(server, trust, ACCOUNT)
    assert report.fault is Fault.SIGN_IN_ASKED_AGAIN
    assert advice_on(report, ACCOUNT).fixes == ()


async def test_a_login_that_was_not_used_is_not_spoken_of(certificates: Certificates, trust: ssl.SSLContext) -> None:
    server = ScriptedServer(tls=certificates.good, acts={"MAIL": b"550 5.7.1 no\r\n"}, mechanisms="")
    account = replace(STRANGER, login="boss@mail.test")
    report = await run(server, trust, account)
    advice = advice_on(report, account)
    assert "login" not in f"{advice.what} {advice.why} {advice.do}"
    assert advice.fixes == ()
