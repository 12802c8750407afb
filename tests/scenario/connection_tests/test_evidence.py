"""What a report keeps of a dialogue beside its fault: advice is chosen by it after the connection has ended."""

import ssl
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.smtp.account import Account, Encryption
from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.tester import ConnectionTester
from bot.smtp.network.certificate import trust_store
from bot.smtp.network.guard import Guard
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import HOST, LOGIN, PASSWORD, Act, OneServerNetwork, ScriptedServer

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


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def trust(certificates: Certificates) -> ssl.SSLContext:
    return trust_store(Path(certificates.authority_file))


@pytest.mark.parametrize("refused", KNOWN_AT)
async def test_a_report_keeps_what_was_known_when_something_was_refused(
    certificates: Certificates, trust: ssl.SSLContext, refused: str
) -> None:
    acts, evidence = KNOWN_AT[refused]
    account = Account(
        address=LOGIN,
        host=HOST,
        port=587,
        encryption=Encryption.TLS,
        authenticate=True,
        login=LOGIN,
        password=SecretStr(PASSWORD),
    )
    async with ScriptedServer(tls=certificates.good, acts=acts) as server:
        tester = ConnectionTester(
            guard=Guard([ip_network("127.0.0.0/8")], (587,)),
            network=OneServerNetwork(server.port),
            trust=trust,
            timeout=2,
            handshakes=1,
        )
        report = await tester.test(account, lambda _: None)
    assert report.evidence is not None
    assert known(report.evidence) == known(evidence)
