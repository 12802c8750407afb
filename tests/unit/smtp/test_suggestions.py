"""What names tell: which provider and server is meant, and what a server is for."""

from dataclasses import replace

import pytest

from bot.profiles.account.fixes import ProposedFix, fix_label, opens_form, propose_fixes
from bot.profiles.account.profile import EmailProfile
from bot.smtp.account import Encryption
from bot.smtp.advice.advice import Advice, advise
from bot.smtp.advice.row import Fix
from bot.smtp.check.report import Fault, Outcome, Reply, Report, Stage, StageName
from tests.unit.smtp.test_advice import ACCOUNT, report


def advice_on(failed: Report, address: str = "ada@example.com") -> Advice:
    found = advise(failed, replace(ACCOUNT, address=address, host=failed.host))
    assert found is not None
    return found


def at(host: str, fault: Fault, *, port: int = 587, encryption: Encryption = Encryption.TLS) -> Report:
    return report(fault, host=host, port=port, encryption=encryption, stage=StageName.RESOLVE)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("imap.corp.example", "for incoming mail (IMAP); the one for outgoing mail is often smtp.corp.example."),
        ("pop3.corp.example", "for incoming mail (POP3); the one for outgoing mail is often smtp.corp.example."),
        ("mx1.corp.example", "for mail that comes in from other servers (MX)"),
        ("autodiscover.corp.example", "where programs look for settings, not one that sends"),
        ("webmail.corp.example", "for a browser"),
    ],
)
@pytest.mark.parametrize("fault", [Fault.NAME_NOT_FOUND, Fault.TIMED_OUT, Fault.NOT_SMTP])
def test_a_name_that_tells_what_it_is_for_is_told(host: str, words: str, fault: Fault) -> None:
    assert words in advice_on(at(host, fault)).do


@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("imap.mail.yahoo.com", "smtp.mail.yahoo.com"),
        ("pop.gmx.net", "mail.gmx.net"),
        ("gmail.com", "smtp.gmail.com"),
        ("mail.gmail.com", "smtp.gmail.com"),
        ("imap.ionos.de", "smtp.ionos.de"),
        ("ionos.co.uk", "smtp.ionos.co.uk"),
        ("imap.zoho.eu", "smtppro.zoho.eu"),
        ("outlook.office365.com", ""),
        ("imap.mail.us-west-2.awsapps.com", "smtp.mail.us-west-2.awsapps.com"),
        ("www.web.de", "smtp.web.de"),
    ],
)
@pytest.mark.parametrize(
    "fault", [Fault.REFUSED, Fault.TIMED_OUT, Fault.CLOSED_AT_ONCE, Fault.NOT_SMTP, Fault.CERTIFICATE_WRONG_NAME]
)
def test_a_host_named_after_a_providers_mail_leads_to_the_one_that_sends(host: str, server: str, fault: Fault) -> None:
    failed = at(host, fault)
    advice = advice_on(failed)
    assert (advice.what == f"{host} is not the server to send through") is bool(server)
    if server:
        assert f"use {server}, port 587 with TLS" in advice.do or f"use {server}, port 465 with SSL" in advice.do
        assert advice.field == "host"
        assert Fix.USE_PROVIDER_SERVER in advice.fixes


def test_a_host_named_after_the_mail_of_a_provider_that_takes_no_passwords_leads_nowhere() -> None:
    for host in ("imap.tuta.com", "outlook.com"):
        assert Fix.USE_PROVIDER_SERVER not in advice_on(at(host, Fault.TIMED_OUT)).fixes


@pytest.mark.parametrize("domain", ["proton.me", "tuta.com", "hey.com"])
def test_of_a_provider_without_a_server_no_server_is_told(domain: str) -> None:
    for fault in (Fault.TIMED_OUT, Fault.REFUSED, Fault.NAME_NOT_FOUND):
        do = advice_on(at(f"imap.{domain}", fault), f"sam@{domain}").do
        assert f"By its name, imap.{domain} is a server for incoming mail (IMAP)." in do
        assert "outgoing mail" not in do
        assert f"smtp.{domain}" not in do


@pytest.mark.parametrize("host", ["smtp.gmail.com", "mail.gmx.net", "posteo.de", "p42.mail.me.com", "mx.freenet.de"])
def test_a_server_that_sends_is_never_told_to_be_another(host: str) -> None:
    advice = advice_on(at(host, Fault.TIMED_OUT))
    assert "not the server to send through" not in advice.what
    assert Fix.USE_PROVIDER_SERVER not in advice.fixes


@pytest.mark.parametrize("host", ["smtp.corp.example", "mail.corp.example", "imap", "mx.freenet.de", "popcorn.example"])
def test_nothing_is_made_of_a_name_that_tells_nothing(host: str) -> None:
    assert "By its name" not in advice_on(at(host, Fault.TIMED_OUT)).do


def test_a_name_for_incoming_mail_that_signs_people_in_is_not_talked_about() -> None:
    assert "By its name" not in advice_on(at("imap.corp.example", Fault.SIGN_IN_REFUSED)).do


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "::1", "bridge.localhost"])
def test_loopback_is_told_to_be_the_bots_machine_where_nothing_answers_there_either(host: str) -> None:
    refused, closed = (advice_on(at(host, fault, port=1025)) for fault in (Fault.REFUSED, Fault.CLOSED))
    assert "the machine, or the container, that the bot runs on, not your computer" in refused.why
    assert "587" not in refused.do
    assert "the machine that the bot runs on, not your computer" in closed.do


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("sam@gmail.com", "Mailboxes of gmail.com are with Gmail; people there send through smtp.gmail.com, port 587"),
        ("sam@me.com", "Mailboxes of me.com are with iCloud; people there send through smtp.mail.me.com, port 587"),
        ("sam@hotmail.com", "Outlook.com has taken no passwords from mail programs since September 2024"),
        ("sam@tuta.com", "Tuta has no server for mail programs"),
    ],
)
def test_the_right_server_of_an_address_is_named_where_the_one_typed_does_not_exist(address: str, words: str) -> None:
    assert words in advice_on(at("smtp.gmial.com", Fault.NAME_NOT_FOUND), address).do


def test_the_mx_tells_the_provider_of_a_domain_that_somebody_owns() -> None:
    failed = replace(at("smtp.corp.example", Fault.TIMED_OUT), provider="Microsoft 365")
    advice = advice_on(failed, "sam@corp.example")
    assert "Mail for corp.example comes in at Microsoft 365; people there send through smtp.office365.com" in advice.do


@pytest.mark.parametrize("provider", ["SendGrid", "Mailgun", "Postmark"])
def test_a_service_that_takes_mail_in_for_programs_is_no_provider_of_mailboxes(provider: str) -> None:
    failed = replace(at("smtp.corp.example", Fault.TIMED_OUT), provider=provider)
    assert provider not in advice_on(failed, "sam@corp.example").do


def test_a_mail_domain_is_told_as_such_with_its_mx_and_the_server_behind() -> None:
    failed = replace(at("corp.example", Fault.NAME_WITHOUT_ADDRESS), mail_servers=("aspmx.l.google.com",))
    advice = advice_on(failed, "sam@corp.example")
    assert "mail for it comes in at aspmx.l.google.com (MX)" in advice.why
    assert "Mail for corp.example comes in at Gmail; people there send through smtp.gmail.com" in advice.do
    assert "does not exist" not in advice.what + advice.why + advice.do


@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("corp-example.mail.protection.outlook.com", "smtp.office365.com, port 587 with TLS"),
        ("aspmx.l.google.com", "smtp.gmail.com, port 587 with TLS"),
        ("mx.zoho.eu", "smtppro.zoho.eu, port 587 with TLS"),
        ("mxbiz1.qq.com", "smtp.exmail.qq.com, port 587 with TLS"),
        ("mx1.mail.ovh.net", "smtp.mail.ovh.net, port 465 with SSL"),
    ],
)
@pytest.mark.parametrize("fault", [Fault.SIGN_IN_NOT_OFFERED, Fault.REFUSED, Fault.TIMED_OUT, Fault.SIGN_IN_NEEDED])
def test_a_providers_server_for_incoming_mail_leads_to_the_one_that_people_send_through(
    host: str, server: str, fault: Fault
) -> None:
    failed = at(host, fault, port=25)
    advice = advice_on(failed, "sam@corp.example")
    assert "incoming mail" in advice.what
    assert server in advice.do
    assert advice.field == "host"
    (fix,) = propose_fixes(failed, advice, EmailProfile(address="sam@corp.example", host=host, port=25))
    assert fix.target == server.split(", port ", maxsplit=1)[0] + " " + server.split()[2]
    assert fix_label(fix, port=25) == f"Use {server.partition(',')[0]} as server …"
    # A password goes only to the server that it was typed for.
    assert opens_form(fix, EmailProfile(), has_password=True)


def test_no_server_is_offered_where_the_provider_takes_no_passwords_or_was_tried_already() -> None:
    for host, address in (("smtp.live.example", "sam@hotmail.com"), ("smtp.gmail.com", "sam@gmail.com")):
        failed = at(host, Fault.NAME_NOT_FOUND)
        advice = advice_on(failed, address)
        assert Fix.USE_PROVIDER_SERVER not in advice.fixes
        assert propose_fixes(failed, advice, EmailProfile(address=address, host=host, port=587)) == ()


def test_a_provider_without_rows_of_its_own_still_says_how_one_signs_in() -> None:
    refused = report(Fault.SIGN_IN_REFUSED, Reply(code=535, enhanced="5.7.8", text="no"), host="smtp.mail.ru")
    assert "Mail.ru wants the full address as User/Login, with an app password, made at" in (
        advice_on(refused, "sam@bk.ru").do
    )


def test_an_organisations_address_at_google_has_an_admin_and_a_personal_one_has_none() -> None:
    refused = report(Fault.SIGN_IN_REFUSED, Reply(code=535, enhanced="5.7.8", text="no"), host="smtp.gmail.com")
    assert "Google Workspace admin" in advice_on(refused, "sam@corp.example").do
    assert "admin" not in advice_on(refused, "sam@gmail.com").do


def test_the_target_of_a_server_button_holds_no_more_than_server_and_port() -> None:
    failed = at("smtp.gmial.com", Fault.NAME_NOT_FOUND)
    profile = EmailProfile(address="sam@gmail.com", host="smtp.gmial.com", port=587)
    assert propose_fixes(failed, advice_on(failed, "sam@gmail.com"), profile) == (
        ProposedFix(kind=Fix.USE_PROVIDER_SERVER, target="smtp.gmail.com 587"),
    )


def test_a_name_of_one_word_is_told_to_be_known_in_its_own_network_alone() -> None:
    assert "the bot needs the full name" in advice_on(at("mailserver", Fault.NAME_NOT_FOUND)).do
    for host in ("host.docker.internal", "host.containers.internal"):
        assert f"{host} is known only inside containers" in advice_on(at(host, Fault.NAME_NOT_FOUND)).do
    assert "full name" not in advice_on(at("smtp.gmial.com", Fault.NAME_NOT_FOUND)).do


@pytest.mark.parametrize("fault", [Fault.SENDER_REFUSED, Fault.SIGN_IN_REFUSED, Fault.GREETING_REFUSED])
def test_a_relay_for_organisations_leads_a_personal_account_to_its_own_server(fault: Fault) -> None:
    failed = report(fault, Reply(code=550, enhanced="5.7.0", text="Mail relay denied"), host="smtp-relay.gmail.com")
    personal, organisation = advice_on(failed, "sam@gmail.com"), advice_on(failed, "sam@corp.example")
    assert "smtp.gmail.com, port 587 with TLS" in personal.do
    assert personal.fixes == (Fix.USE_PROVIDER_SERVER,)
    assert Fix.USE_PROVIDER_SERVER not in organisation.fixes
    assert "personal" not in organisation.why


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (
            "smtp.icloud.com",
            "By its name, smtp.icloud.com would be iCloud's; people there send through smtp.mail.me.com",
        ),
        ("smtp.gmx.de", "the name smtp.gmx.de does not exist"),
        ("smtp.gmial.com", "Did you mean smtp.gmail.com?"),
        ("smtp.offce365.com", "Did you mean smtp.office365.com?"),
        ("smpt.strato.de", "people there send through smtp.strato.de"),
    ],
)
def test_a_name_that_is_nearly_a_known_one_leads_there(host: str, words: str) -> None:
    advice = advice_on(at(host, Fault.NAME_NOT_FOUND), "sam@corp.example")
    assert words in f"{advice.why} {advice.do}"
    assert "Did you mean" not in advice_on(at("smtp.corp.example", Fault.NAME_NOT_FOUND), "sam@corp.example").do


@pytest.mark.parametrize("host", ["imap.corp.example", "aspmx.l.google.com", "localhost"])
def test_a_late_silence_says_nothing_against_the_servers_name(host: str) -> None:
    for fault in (Fault.TIMED_OUT, Fault.CLOSED):
        late = report(fault, host=host, stage=StageName.SIGN_IN)
        assert advice_on(late) == replace(advice_on(report(fault, stage=StageName.SIGN_IN)), what=advice_on(late).what)


def test_a_provider_that_takes_no_passwords_is_told_to_where_no_mechanism_for_one_is_offered() -> None:
    failed = report(Fault.MECHANISM_NOT_OFFERED, host="smtp-mail.outlook.com")
    assert "has taken no passwords from mail programs" in advice_on(failed, "sam@hotmail.com").do
    assert "passwords" not in advice_on(report(Fault.MECHANISM_NOT_OFFERED), "sam@corp.example").do


@pytest.mark.parametrize(
    ("host", "address", "login", "told"),
    [
        ("smtp.gmail.com", "sam@yahoo.com", "sam@yahoo.com", True),
        ("mail.corp.example", "sam@yahoo.com", "sam", True),
        ("smtp.gmail.com", "sam@yahoo.com", "sam@gmail.com", False),
        ("smtp.sendgrid.net", "sam@yahoo.com", "apikey", False),
        ("smtp.mail.yahoo.com", "sam@ymail.com", "sam@ymail.com", False),
    ],
)
def test_a_mailbox_that_is_with_another_provider_than_the_server_is_told(
    host: str, address: str, login: str, told: bool
) -> None:
    refused = report(Fault.SIGN_IN_REFUSED, Reply(code=535, enhanced="5.7.8", text="no"), host=host)
    advice = advise(refused, replace(ACCOUNT, address=address, login=login, host=host))
    assert advice is not None
    assert ("are with Yahoo; people there send through smtp.mail.yahoo.com" in advice.do) is told


@pytest.mark.parametrize(
    ("login", "mx", "told"),
    [
        ("sam@corp.example", "Microsoft 365", True),
        ("sam@corp.example", "Gmail", False),
        ("sam@corp.example", "", False),
        ("sam@gmail.com", "Microsoft 365", False),
        ("relay-user", "Microsoft 365", False),
    ],
)
def test_a_domain_whose_mail_comes_in_elsewhere_is_told_where_its_own_login_is_refused(
    login: str, mx: str, told: bool
) -> None:
    refused = report(Fault.SIGN_IN_REFUSED, Reply(code=535, enhanced="5.7.8", text="no"), host="smtp.gmail.com")
    account = replace(ACCOUNT, address="sam@corp.example", login=login, host="smtp.gmail.com")
    advice = advise(replace(refused, provider=mx), account)
    assert advice is not None
    sentence = "Mail for corp.example comes in at Microsoft 365; people there send through smtp.office365.com"
    assert (sentence in advice.do) is told


def test_the_server_of_the_provider_that_the_mx_names_is_offered_where_the_one_typed_does_not_answer() -> None:
    failed = replace(at("smtp.corp.example", Fault.TIMED_OUT), provider="Microsoft 365")
    advice = advice_on(failed, "sam@corp.example")
    assert advice.fixes == (Fix.USE_PROVIDER_SERVER,)
    assert advice_on(at("smtp.corp.example", Fault.TIMED_OUT), "sam@corp.example").fixes == ()


def test_a_relay_for_organisations_that_only_warns_is_left_as_it_is() -> None:
    warned = replace(
        report(Fault.RECIPIENT_REFUSED, Reply(code=552, enhanced="5.2.2", text="full"), host="smtp-relay.gmail.com"),
        stages=(Stage(name=StageName.SENDER, outcome=Outcome.WARNED),),
    )
    assert "personal" not in advice_on(warned, "sam@gmail.com").what
