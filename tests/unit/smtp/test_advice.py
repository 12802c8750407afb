"""The table of advice: complete, without ties, every row reachable, every fix sensible, hostile words inert."""

import inspect
import itertools
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from pydantic import SecretStr

from bot.smtp.account import Account, Encryption
from bot.smtp.advice.advice import PARTS, ROWS, advise, applicable, headline, row_for
from bot.smtp.advice.notice import provider_notice
from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.advice.rows import client, connection, encryption, late, message, names, providers, sender, sign_in
from bot.smtp.advice.rows.providers import PROVIDER_ROWS
from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.faults import refusal
from bot.smtp.check.refusals.table import classify
from bot.smtp.check.report import Endpoint, Fault, Outcome, Reply, Report, Stage, StageName
from tests.named import case

ACCOUNT = Account(
    address="ada@example.com",
    host="smtp.example.com",
    port=587,
    encryption=Encryption.TLS,
    authenticate=True,
    login="ada",
    password=SecretStr("x"),
)


def report(
    fault: Fault,
    reply: Reply | None = None,
    *,
    host: str = "smtp.example.com",
    port: int = 587,
    encryption: Encryption = Encryption.TLS,
    stage: StageName = StageName.SIGN_IN,
    names: tuple[str, ...] = (),
) -> Report:
    return Report(
        host=host,
        port=port,
        encryption=encryption,
        stages=(Stage(name=stage, outcome=Outcome.FAILED),),
        seconds=1,
        tested_at=datetime(2026, 11, 24, tzinfo=UTC),
        fault=fault,
        reply=reply,
        certificate_names=names,
    )


def reply_for(when: When) -> Reply | None:
    """A reply that the row was written for."""
    if not (when.codes or when.enhanced or when.says):
        return None
    return Reply(
        code=when.codes[0] if when.codes else 550,
        enhanced=when.enhanced[0] if when.enhanced else "",
        text=when.says[0] if when.says else "no",
    )


def test_every_fault_has_a_general_row() -> None:
    for fault in Fault:
        with case(fault):
            assert When(fault) in ROWS


OF_SIGN_IN = {"mechanism", "used", "others", "try_another", "other_login"}
ROW_MODULES = (names, connection, encryption, sign_in, client, sender, message, late, providers)


@pytest.mark.parametrize("rows", PARTS, ids=lambda rows: next(iter(rows)).fault)
def test_no_row_is_hidden_by_another_with_the_same_key(rows: Mapping[When, Row]) -> None:
    (module,) = {module for module in ROW_MODULES if rows in vars(module).values()}
    assert inspect.getsource(module).count("): Row(") == len(rows)
    assert all(bool(when.provider) is (rows is PROVIDER_ROWS) for when in rows)
    assert len(ROWS) == sum(map(len, PARTS))


def test_every_row_can_be_reached() -> None:
    for when in ROWS:
        with case(when):
            assert row_for(when.fault, reply_for(when), when.provider) == (when, ROWS[when])


def test_no_two_rows_tie() -> None:
    for one, other in itertools.combinations(ROWS, 2):
        if (one.provider, one.fault, one.weight) != (other.provider, other.fault, other.weight):
            continue
        for mine, theirs in ((one.codes, other.codes), (one.enhanced, other.enhanced), (one.says, other.says)):
            if mine and theirs:
                assert not set(mine) & set(theirs)
        assert (one.codes, one.enhanced, one.says) != (other.codes, other.enhanced, other.says)


def test_every_rows_words_are_short_plain_and_sourced() -> None:
    for row in ROWS.values():
        with case(row.what):
            assert len(row.what) <= 90
            assert len(row.why) + len(row.do) <= 400
            assert row.what[-1] not in ".!"
            assert row.why.removesuffix("{elsewhere}").endswith(".")
            assert row.do.removesuffix("{clear_text}").endswith(".")
            used = set(re.findall(r"{(\w+)}", row.what + row.why + row.do))
            known = {"host", "port", "login", "address", "domain", "recipient", "announced", "mode", "names", "issuer"}
            assert used <= {*known, "elsewhere", "mx", "provider", "server", "clear_text", "encrypting", *OF_SIGN_IN}
            assert row.field in (None, "address", "login", "password", "host", "port", "authenticate", "encryption")
            assert row.source
            assert date.fromisoformat(row.dated) <= datetime.now(UTC).date()


# knowledge of replies: (stage, reply, host) → (field, first fix)
REPLIES = [
    (StageName.GREETING, Reply(code=554, enhanced="5.7.1", text="not you"), "", None, None),
    (StageName.GREETING, Reply(code=421, enhanced="4.3.2", text="busy"), "", None, None),
    (StageName.ENCRYPTION, Reply(code=454, enhanced="4.7.0", text="no TLS"), "", None, None),
    (StageName.SIGN_IN, Reply(code=432, enhanced="4.7.12", text="change it"), "", "password", None),
    (StageName.SIGN_IN, Reply(code=454, enhanced="4.7.0", text="later"), "", None, None),
    (StageName.SIGN_IN, Reply(code=504, enhanced="5.7.4", text="mechanism"), "", None, None),
    (StageName.SIGN_IN, Reply(code=534, enhanced="5.7.9", text="too weak"), "", "password", None),
    (StageName.SIGN_IN, Reply(code=530, enhanced="5.7.0", text="Must issue STARTTLS"), "", "encryption", None),
    (StageName.SIGN_IN, Reply(code=535, enhanced="5.7.8", text="no"), "", "password", Fix.ADDRESS_AS_LOGIN),
    (StageName.SIGN_IN, Reply(code=535, enhanced="5.7.3", text="no"), "", "password", Fix.ADDRESS_AS_LOGIN),
    (StageName.SIGN_IN, Reply(code=538, enhanced="5.7.11", text="encrypt"), "", "encryption", None),
    (StageName.SENDER, Reply(code=530, enhanced="5.7.0", text="authenticate"), "", "authenticate", None),
    (StageName.SENDER, Reply(code=553, enhanced="5.7.1", text="not owned by user"), "", "address", None),
    (StageName.SENDER, Reply(code=550, enhanced="5.7.60", text="SendAsDenied"), "", "address", None),
    (StageName.SENDER, Reply(code=554, enhanced="5.7.1", text="Relay access denied"), "", "address", None),
    (StageName.SENDER, Reply(code=550, enhanced="5.4.5", text="quota"), "", None, None),
    (StageName.SENDER, Reply(code=554, enhanced="5.7.1", text="blocked using zen.spamhaus.org"), "", None, None),
    (StageName.SENDER, Reply(code=451, enhanced="4.7.1", text="greylisted"), "", None, None),
    (StageName.SIGN_IN, Reply(code=535, enhanced="5.7.8", text="BadCredentials"), "smtp.gmail.com", "password", None),
    (StageName.SIGN_IN, Reply(code=534, enhanced="5.7.9", text="app"), "smtp.gmail.com", "password", None),
    (StageName.SIGN_IN, Reply(code=534, enhanced="5.7.14", text="browser"), "smtp.gmail.com", None, None),
    (
        StageName.SIGN_IN,
        Reply(code=535, enhanced="5.7.139", text="SmtpClientAuthentication is disabled for the Tenant."),
        "smtp.office365.com",
        None,
        None,
    ),
    (
        StageName.SIGN_IN,
        Reply(code=535, enhanced="5.7.139", text="basic authentication is disabled"),
        "smtp-mail.outlook.com",
        None,
        None,
    ),
    (StageName.SENDER, Reply(code=530, enhanced="5.7.57", text="x"), "smtp.office365.com", "authenticate", None),
    (StageName.SIGN_IN, Reply(code=535, enhanced="5.7.0", text="(#AUTH005)"), "smtp.mail.yahoo.com", "password", None),
    (StageName.SENDER, Reply(code=553, enhanced="", text="Relaying disallowed"), "smtp.zoho.com", "address", None),
    (StageName.SIGN_IN, Reply(code=535, enhanced="", text="x"), "email-smtp.us-east-1.amazonaws.com", "login", None),
    (StageName.SENDER, Reply(code=554, enhanced="", text="x"), "email-smtp.us-east-1.amazonaws.com", "address", None),
    (StageName.SIGN_IN, Reply(code=535, enhanced="", text="x"), "smtp.sendgrid.net", "login", None),
    (StageName.SIGN_IN, Reply(code=535, enhanced="", text="x"), "securesmtp.t-online.de", "password", None),
]


COMMANDS = {
    StageName.GREETING: Command.GREETING,
    StageName.ENCRYPTION: Command.STARTTLS,
    StageName.SIGN_IN: Command.AUTH,
    StageName.SENDER: Command.MAIL,
    StageName.MESSAGE: Command.MESSAGE,
}


@pytest.mark.parametrize(("stage", "reply", "host", "field", "fix"), REPLIES, ids=lambda value: str(value)[:60])
def test_a_reply_leads_to_the_right_field_and_fix(
    stage: StageName, reply: Reply, host: str, field: str | None, fix: Fix | None
) -> None:
    signed_in = (stage, field) != (StageName.SENDER, "authenticate")
    evidence = Evidence(command=COMMANDS[stage], mechanisms=("PLAIN",), signed_in=signed_in)
    fault = refusal(reply, evidence).fault
    advice = advise(report(fault, reply, host=host or "smtp.example.com", stage=stage), ACCOUNT)
    assert advice is not None
    assert advice.field == field
    if fix is not None:
        assert advice.fixes[0] is fix


def test_microsofts_endings_lead_to_different_headlines() -> None:
    tails = [
        "SmtpClientAuthentication is disabled for the Tenant",
        "SmtpClientAuthentication is disabled for the Mailbox",
        "user is locked by your organization's security defaults policy",
        "the request did not meet the criteria to be authenticated successfully",
        "Authentication unsuccessful, basic authentication is disabled",
    ]
    replies = [Reply(code=535, enhanced="5.7.139", text=tail) for tail in tails]
    faults = [refusal(reply, Evidence(command=Command.AUTH, mechanism="LOGIN")).fault for reply in replies]
    headlines = {
        headline(report(fault, reply, host="smtp.office365.com"), ACCOUNT)
        for fault, reply in zip(faults, replies, strict=True)
    }
    assert len(headlines) == len(tails)


def test_an_unknown_recipient_only_warns() -> None:
    for code in (550, 577):
        refused = Reply(code=code, enhanced="5.1.1", text="x")
        assert classify(refused, Evidence(command=Command.RCPT, signed_in=True)) == (
            Fault.RECIPIENT_REFUSED,
            Outcome.WARNED,
        )


def test_a_reply_that_no_row_knows_leads_to_whoever_knows_it() -> None:
    reply = Reply(code=550, enhanced="5.3.9", text="the moon is full")
    for stage, fault in ((StageName.GREETING, Fault.GREETING_REFUSED), (StageName.SENDER, Fault.SENDER_REFUSED)):
        advice = advise(report(fault, reply, stage=stage), ACCOUNT)
        assert advice is not None
        assert "5.3.9" not in advice.why
        assert "ask your mail provider" in advice.do


def test_words_from_outside_are_no_templates() -> None:
    account = replace(ACCOUNT, login="{host}{address}", address="{login}@example.com")
    advice = advise(report(Fault.SIGN_IN_REFUSED, host="smtp.example.com"), account)
    assert advice is not None
    assert "(host)(address)" in advice.why


@pytest.mark.parametrize(
    ("fix", "good", "bad"),
    [
        (Fix.ADDRESS_AS_LOGIN, ACCOUNT, replace(ACCOUNT, login="ADA@example.com")),
        (Fix.LOGIN_AS_ADDRESS, replace(ACCOUNT, login="boss@example.com"), ACCOUNT),
        (
            Fix.LOGIN_AS_ADDRESS,
            replace(ACCOUNT, login="boss@example.com"),
            replace(ACCOUNT, login="boss@example.com", authenticate=False),
        ),
        (Fix.AUTHENTICATE, replace(ACCOUNT, authenticate=False), ACCOUNT),
        (Fix.DO_NOT_AUTHENTICATE, ACCOUNT, replace(ACCOUNT, authenticate=False)),
        (Fix.REMOVE_HELO, replace(ACCOUNT, helo="laptop7"), ACCOUNT),
        (Fix.HELO_FROM_ADDRESS, ACCOUNT, replace(ACCOUNT, address="ada@localhost")),
        (Fix.AUTH_LOGIN, ACCOUNT, replace(ACCOUNT, mechanism="LOGIN")),
        (Fix.REMOVE_BLANKS, replace(ACCOUNT, password=SecretStr("abcd efgh ijkl mnop")), ACCOUNT),
        (
            Fix.REMOVE_BLANKS,
            replace(ACCOUNT, password=SecretStr(" abcdefghijklmnop")),
            replace(ACCOUNT, password=SecretStr("correct horse battery")),
        ),
        (
            Fix.REMOVE_BLANKS,
            replace(ACCOUNT, password=SecretStr("abc1 efgh\u00a0ijkl 1nop")),
            replace(ACCOUNT, password=None),
        ),
        (
            Fix.REMOVE_BLANKS,
            replace(ACCOUNT, password=SecretStr("Tr0ub4dor ")),
            replace(ACCOUNT, password=SecretStr("  ")),
        ),
        (Fix.REMOVE_INVISIBLE, replace(ACCOUNT, password=SecretStr("Tr0ub\u200b4dor")), ACCOUNT),
    ],
)
def test_a_fix_is_offered_only_where_it_changes_something(fix: Fix, good: Account, bad: Account) -> None:
    assert applicable(fix, report(Fault.SIGN_IN_REFUSED), good)
    assert not applicable(fix, report(Fault.SIGN_IN_REFUSED), bad)


def test_the_login_is_no_address_where_it_has_the_same_fault() -> None:
    account = replace(ACCOUNT, address="müller@corp.lan", login="sam@corp.example")
    for fault, login in (
        (Fault.ADDRESS_NOT_ASCII, "möller@corp.example"),
        (Fault.SENDER_DOMAIN_UNKNOWN, "sam@corp.lan"),
    ):
        assert applicable(Fix.LOGIN_AS_ADDRESS, report(fault), account)
        assert not applicable(Fix.LOGIN_AS_ADDRESS, report(fault), replace(account, login=login))


def test_the_recipient_is_named_where_it_is_not_the_profiles_own_address() -> None:
    evidence = Evidence(command=Command.RCPT, signed_in=True, recipient="boss@example.com")
    for fault in (Fault.RECIPIENT_REFUSED, Fault.MAILBOX_FULL, Fault.MAILBOX_DISABLED):
        warned = replace(report(fault, stage=StageName.SENDER), evidence=evidence)
        advice = advise(warned, ACCOUNT)
        assert advice is not None
        assert "boss@example.com" in advice.what
        assert "boss@example.com" in advice.why


def test_signing_in_is_offered_only_where_the_server_offers_it() -> None:
    account = replace(ACCOUNT, authenticate=False)
    for mechanisms in ((), ("PLAIN",)):
        evidence = Evidence(command=Command.MAIL, mechanisms=mechanisms)
        failed = replace(report(Fault.SIGN_IN_NEEDED), evidence=evidence)
        assert applicable(Fix.AUTHENTICATE, failed, account) is bool(mechanisms)


def test_another_port_is_offered_only_when_it_was_found_to_answer_where_others_were_looked_at() -> None:
    open_port = Endpoint(port=465, encryption=Encryption.SSL)
    refused = report(Fault.STARTTLS_REFUSED, stage=StageName.ENCRYPTION)
    assert not applicable(Fix.SSL_ON_465, refused, ACCOUNT)
    assert applicable(Fix.SSL_ON_465, replace(refused, open_ports=(open_port,)), ACCOUNT)
    not_looked = report(Fault.PORT_NOT_ALLOWED, port=2526, stage=StageName.RESOLVE)
    assert applicable(Fix.SSL_ON_465, not_looked, ACCOUNT)
    assert applicable(Fix.TLS_ON_587, report(Fault.TLS_TO_PLAIN_PORT, encryption=Encryption.SSL), ACCOUNT)


def test_a_row_about_a_provider_gives_way_when_it_names_a_port_that_was_found_closed() -> None:
    microsoft = replace(ACCOUNT, host="smtp.office365.com")
    refused = report(Fault.REFUSED, host=microsoft.host, port=465, encryption=Encryption.SSL, stage=StageName.CONNECT)
    advice = advise(replace(refused, open_ports=(Endpoint(port=587, encryption=Encryption.TLS),)), microsoft)
    assert advice is not None
    assert "587" in advice.do
    advice = advise(replace(refused, closed_ports=(587, 2525, 25)), microsoft)
    assert advice is not None
    assert "587" not in advice.do
    assert not advice.fixes


def test_a_name_from_the_certificate_is_offered_only_when_it_is_a_plain_host_name() -> None:
    for certified, usable in (
        ((), False),
        (("*.example.com",), False),
        (("10.0.0.1", "bad name"), False),
        (("mx.a.b",), True),
    ):
        failed = report(Fault.CERTIFICATE_WRONG_NAME, names=certified, stage=StageName.ENCRYPTION)
        assert applicable(Fix.NAME_FROM_CERTIFICATE, failed, ACCOUNT) is usable


def test_what_ends_with_a_provider_is_shown_beside_the_accounts_that_it_concerns() -> None:
    account = replace(ACCOUNT, host="smtp.office365.com")
    assert "end of December 2026" in (provider_notice(account, date(2026, 11, 24)) or "")
    assert (provider_notice(account, date(2027, 1, 1)) or "").startswith("Since the end of December 2026")
    assert provider_notice(replace(account, authenticate=False), date(2026, 11, 24)) is None
    assert provider_notice(ACCOUNT, date(2026, 11, 24)) is None
    personal = replace(account, address="sam@hotmail.com")
    assert "takes no passwords from mail programs" in (provider_notice(personal, date(2026, 11, 24)) or "")
    workmail = replace(ACCOUNT, host="smtp.mail.eu-west-1.awsapps.com")
    assert "ends on 31 March 2027" in (provider_notice(workmail, date(2027, 3, 31)) or "")
    assert "ended on 31 March 2027" in (provider_notice(workmail, date(2027, 4, 1)) or "")
