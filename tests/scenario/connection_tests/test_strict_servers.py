"""What servers that people really run refuse, and what the bot says of it: Postfix with Dovecot, and Exim."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import SecretStr

from bot.smtp.account import Account
from bot.smtp.advice.advice import advise
from bot.smtp.check.report import Outcome, Report, StageName
from bot.smtp.network.certificate import trust_store
from tests.fakes.real_servers import OTHER, SECRET, UNKNOWN_DOMAIN, Mailbox, RealServer, exim, missing, postfix
from tests.fakes.smtp_server import LOGIN, OneServerNetwork
from tests.fakes.token_endpoint import token_endpoint
from tests.scenario.connection_tests.testers import ACCOUNT, a_tester

# The connection test alone: it knows no database.
pytestmark = pytest.mark.databases()

NOWHERE, UNNAMED, FULL = f"ada@{UNKNOWN_DOMAIN}", "unnamed@mail.test", "full@mail.test"
TOKEN = "ya29.a0AfH6SMBcanary-token"
STRICT = f"""
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname
smtpd_sender_login_maps = inline:{{
  {{ {LOGIN} = {LOGIN} }}, {{ {NOWHERE} = {LOGIN} }}, {{ {UNNAMED} = {LOGIN} }}, {{ {FULL} = {LOGIN} }},
  {{ {OTHER} = {OTHER} }} }}
smtpd_sender_restrictions = check_sender_access inline:{{
  {{ {NOWHERE} = reject_unknown_sender_domain }}, {{ {UNNAMED} = reject_unknown_client_hostname }} }},
  reject_sender_login_mismatch
smtpd_recipient_restrictions = check_recipient_access inline:{{
  {{ {FULL} = 552 5.2.2 Quota exceeded (mailbox for user is full) }} }}, permit_sasl_authenticated, reject
"""
"""Every restriction at once: which one strikes hangs on the account."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """An account, and what has to be said of it."""

    given: Mapping[str, Any]
    stage: StageName
    outcome: Outcome = Outcome.FAILED
    says: Sequence[str]
    says_not: Sequence[str] = field(default=("first time", r"again in (a few|ten) minutes", "may pass by itself"))


SHORT_NAME = {"helo": "laptop7"}
NOT_SIGNED_IN = {"authenticate": False, "password": None}
POSTFIX: Mapping[str, Refused] = {
    "a short HELO": Refused(
        given=SHORT_NAME, stage=StageName.SENDER, says=[r"\bHELO\b", "laptop7"], says_not=["may not send as"]
    ),
    "a sender's domain that does not exist": Refused(
        given={"address": NOWHERE}, stage=StageName.SENDER, says=["domain", "not exist|not found|no such|unknown"]
    ),
    "a client without a reverse name": Refused(
        given={"address": UNNAMED}, stage=StageName.SENDER, says=[r"reverse|\bPTR\b|rDNS"]
    ),
    "a full mailbox of one's own": Refused(
        given={"address": FULL},
        stage=StageName.SENDER,
        outcome=Outcome.WARNED,
        says=["mailbox.{0,40}full|is full|quota"],
        says_not=["may not send as"],
    ),
    "a sender that the login does not own": Refused(
        given={"address": OTHER}, stage=StageName.SENDER, says=[OTHER, "may not send|not belong|not allowed"]
    ),
    "an owned sender without signing in": Refused(
        given=NOT_SIGNED_IN,
        stage=StageName.SENDER,
        says=["sign(ed|s|ing)?[ -]in|Authentication Required"],
        says_not=["login and password (may be|are) right", "does not belong"],
    ),
}
EXIM: Mapping[str, Refused] = {
    "a HELO that is no host name": Refused(
        given={"helo": "lap_top"}, stage=StageName.GREETING, says=[r"\bHELO\b"], says_not=["where it comes from"]
    ),
    "a sender's domain that does not exist": Refused(
        given={"address": NOWHERE},
        stage=StageName.SENDER,
        says=[NOWHERE, r"\bexist|not found|no such|unknown|route"],
        says_not=["own address would not arrive"],
    ),
    "a sender that the login does not own": Refused(
        given={"address": OTHER}, stage=StageName.SENDER, says=[OTHER, "may not send|not belong|not allowed"]
    ),
    "a relay without signing in": Refused(
        given={**NOT_SIGNED_IN, "address": "somebody@elsewhere.test"},
        stage=StageName.SENDER,
        says=["sign(ed|s|ing)?[ -]in|Authentication Required"],
        says_not=["login and password (may be|are) right"],
    ),
}


def needing(*programs: str) -> None:
    if absent := missing(*programs):
        pytest.skip(f"needs {absent}")
    if os.geteuid() != 0:
        pytest.skip(f"needs root: {programs[0]} changes to users of its own")


def account(**given: Any) -> Account:
    made = replace(ACCOUNT, **{"password": SecretStr(SECRET), **given})
    return replace(made, recipient=made.address)


async def run(server: RealServer, tested: Account) -> Report:
    tester = a_tester(OneServerNetwork(server.starttls_port), trust_store(server.authority_file), timeout=10)
    return await tester.test(tested, lambda _: None)


def judge(report: Report, tested: Account, wanted: Refused) -> None:
    (stage,) = (stage for stage in report.stages if stage.name is wanted.stage)
    assert stage.outcome is wanted.outcome, report
    advice = advise(report, tested)
    assert advice is not None
    words = f"{advice.what}; {advice.why} {advice.do}"
    assert [one for one in wanted.says if not re.search(one, words, re.IGNORECASE)] == [], f"{report.reply}: {words}"
    assert [one for one in wanted.says_not if re.search(one, words, re.IGNORECASE)] == [], f"{report.reply}: {words}"


@pytest.fixture(scope="module")
def strict_postfix() -> Iterator[RealServer]:
    """With passwords that are kept hashed, so that CRAM-MD5 is listed and can never work, and with tokens."""
    needing("postfix", "dovecot")
    with token_endpoint({TOKEN: LOGIN}) as url:
        mechanisms = "plain login cram-md5 xoauth2 oauthbearer"
        hashed = Mailbox(scheme="SHA512-CRYPT")
        with postfix(mailbox=hashed, mechanisms=mechanisms, restrictions=STRICT, introspection_url=url) as running:
            yield running


@pytest.fixture(scope="module")
def strict_exim() -> Iterator[RealServer]:
    needing("exim4")
    with exim() as running:
        yield running


@pytest.mark.parametrize("name", POSTFIX)
async def test_postfix_refuses(strict_postfix: RealServer, name: str) -> None:
    tested = account(mechanism="PLAIN", **POSTFIX[name].given)
    judge(await run(strict_postfix, tested), tested, POSTFIX[name])


@pytest.mark.parametrize("name", EXIM)
async def test_exim_refuses(strict_exim: RealServer, name: str) -> None:
    tested = account(**EXIM[name].given)
    judge(await run(strict_exim, tested), tested, EXIM[name])


async def test_passwords_that_are_kept_hashed_take_another_mechanism_than_the_strongest_that_is_listed(
    strict_postfix: RealServer,
) -> None:
    report = await run(strict_postfix, account())
    advice = advise(report, account())
    assert report.passed or (advice is not None and "CRAM-MD5" in f"{advice.what} {advice.why} {advice.do}"), advice


@pytest.mark.parametrize(("token", "passes"), [(TOKEN, True), ("ya29.expired", False)])
async def test_a_token_signs_in_where_the_server_takes_xoauth2(
    strict_postfix: RealServer, token: str, passes: bool
) -> None:
    async def fetch() -> SecretStr:
        return SecretStr(token)

    report = await run(strict_postfix, account(password=None, token=fetch))
    assert report.passed is passes, report
    assert token not in repr(report)
    if passes:
        assert "with XOAUTH2" in str(report)
    else:
        assert report.failed_stage is not None
        assert report.failed_stage.name is StageName.SIGN_IN
        assert report.reply is not None
        assert report.reply.code == 535
