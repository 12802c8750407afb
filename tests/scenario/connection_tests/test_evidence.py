"""What a report keeps of a dialogue beside its fault: advice is chosen by it after the connection has ended."""

import ssl

import pytest

from bot.smtp.check.evidence import Command, Evidence
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import Act, OneServerNetwork, ScriptedServer
from tests.scenario.connection_tests.testers import ACCOUNT, a_tester

# The connection test alone: it knows no database.
pytestmark = pytest.mark.databases()

KNOWN_AT: dict[str, tuple[dict[str, Act], Evidence]] = {
    "STARTTLS": ({"STARTTLS": b"454 4.7.0 not now\r\n"}, Evidence(command=Command.STARTTLS, announced="[127.0.0.1]")),
    "AUTH": (
        {"AUTH": b"535 5.7.8 no\r\n"},
        Evidence(
            command=Command.AUTH,
            mechanisms=("PLAIN", "LOGIN"),
            mechanism="PLAIN",
            encrypted=True,
            announced="[127.0.0.1]",
        ),
    ),
    "RCPT": (
        {"RCPT": b"550 5.7.1 no\r\n"},
        Evidence(
            command=Command.RCPT,
            mechanisms=("PLAIN", "LOGIN"),
            mechanism="PLAIN",
            signed_in=True,
            encrypted=True,
            announced="[127.0.0.1]",
        ),
    ),
    "RCPT, with a warning": (
        {"RCPT": b"550 5.1.1 no such mailbox\r\n"},
        Evidence(
            command=Command.RCPT,
            mechanisms=("PLAIN", "LOGIN"),
            mechanism="PLAIN",
            signed_in=True,
            encrypted=True,
            announced="[127.0.0.1]",
        ),
    ),
}


def known(evidence: Evidence) -> tuple[object, ...]:
    return (
        evidence.command,
        evidence.mechanisms,
        evidence.mechanism,
        evidence.signed_in,
        evidence.encrypted,
        evidence.announced,
    )


@pytest.mark.parametrize("refused", KNOWN_AT)
async def test_a_report_keeps_what_was_known_when_something_was_refused(
    certificates: Certificates, trust: ssl.SSLContext, refused: str
) -> None:
    acts, evidence = KNOWN_AT[refused]
    async with ScriptedServer(tls=certificates.good, acts=acts) as server:
        tester = a_tester(OneServerNetwork(server.port), trust, timeout=2)
        report = await tester.test(ACCOUNT, lambda _: None)
    assert report.evidence is not None
    assert known(report.evidence) == known(evidence)
