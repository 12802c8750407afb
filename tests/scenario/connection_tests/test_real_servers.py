"""The connection test against servers that people really run: Postfix with Dovecot, and Exim."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from bot.smtp.account import Account, Encryption
from bot.smtp.check.report import Fault, Report, StageName
from bot.smtp.network.certificate import trust_store
from tests.fakes.real_servers import OTHER, SECRET, STRANGER, RealServer, exim, missing, postfix
from tests.fakes.smtp_server import OneServerNetwork
from tests.scenario.connection_tests.testers import ACCOUNT, a_tester

# The connection test alone: it knows no database.
pytestmark = pytest.mark.databases()

NEEDED = {"postfix": (postfix, ("postfix", "dovecot")), "exim": (exim, ("exim4",))}
RIGHT = replace(ACCOUNT, password=SecretStr(SECRET))


@pytest.fixture(scope="module", params=NEEDED)
def server(request: pytest.FixtureRequest) -> Iterator[RealServer]:
    start, programs = NEEDED[request.param]
    if absent := missing(*programs):
        pytest.skip(f"needs {absent}: install the packages of {request.param} to test against it")
    if os.geteuid() != 0:
        pytest.skip(f"needs root: {request.param} changes to users of its own")
    with start() as running:
        yield running


async def run(server: RealServer, account: Account) -> Report:
    port = server.tls_port if account.encryption is Encryption.SSL else server.starttls_port
    tester = a_tester(OneServerNetwork(port), trust_store(server.authority_file), timeout=10)
    return await tester.test(account, lambda _: None)


@pytest.mark.parametrize("mechanism", [None, "PLAIN", "LOGIN"])
@pytest.mark.parametrize("encryption", [Encryption.TLS, Encryption.SSL])
async def test_a_right_account_passes(server: RealServer, encryption: Encryption, mechanism: str | None) -> None:
    port = 465 if encryption is Encryption.SSL else 587
    report = await run(server, replace(RIGHT, port=port, encryption=encryption, mechanism=mechanism))
    assert report.passed, report
    assert report.fault is None, report


async def test_a_wrong_password_is_refused_at_sign_in(server: RealServer) -> None:
    report = await run(server, replace(RIGHT, password=SecretStr("wrong")))
    assert report.failed_stage is not None
    assert (report.failed_stage.name, report.fault) == (StageName.SIGN_IN, Fault.SIGN_IN_REFUSED)
    assert report.reply is not None
    assert report.reply.code == 535


async def test_a_relay_without_signing_in_is_denied_at_sender(server: RealServer) -> None:
    stranger = replace(RIGHT, authenticate=False, password=None, address=STRANGER, recipient=STRANGER)
    report = await run(server, stranger)
    assert report.failed_stage is not None
    assert (report.failed_stage.name, report.fault) == (StageName.SENDER, Fault.SIGN_IN_NEEDED)


async def test_a_sender_that_the_login_does_not_own_is_refused_at_sender(server: RealServer) -> None:
    report = await run(server, replace(RIGHT, address=OTHER))
    assert report.failed_stage is not None
    assert (report.failed_stage.name, report.fault) == (StageName.SENDER, Fault.SENDER_NOT_OWNED)


async def test_a_password_is_not_even_offered_a_way_without_encryption(server: RealServer) -> None:
    report = await run(server, replace(RIGHT, port=25, encryption=Encryption.NONE))
    assert report.fault is Fault.PASSWORD_OVER_CLEAR_TEXT
