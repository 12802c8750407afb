"""The table of providers: complete, consistent, and found by server, by domain and by MX."""

import re
import time
import warnings
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.providers.providers import GATEWAYS, Facts, Gateway, Provider, SignIn
from bot.providers.recognition import (
    labelled,
    may_be_elsewhere,
    needs_mx,
    provider_behind,
    provider_in_spf,
    provider_in_use,
    provider_of,
    provider_of_autodiscover,
    provider_of_mailbox,
    server_for,
    takes_mail_in,
)

HOSTS = {
    "smtp.gmail.com": Provider.GMAIL,
    "smtp.office365.com": Provider.MICROSOFT_365,
    "smtp-mail.outlook.com": Provider.OUTLOOK_COM,
    "smtp.mail.yahoo.com": Provider.YAHOO,
    "smtp.aol.com": Provider.AOL,
    "p42.mail.me.com": Provider.ICLOUD,
    "smtppro.zoho.eu": Provider.ZOHO,
    "email-smtp.eu-west-1.amazonaws.com": Provider.AMAZON_SES,
    "email-smtp-fips.us-east-1.amazonaws.com": Provider.AMAZON_SES,
    "smtp.sendgrid.net": Provider.SENDGRID,
    "smtp.eu.mailgun.org": Provider.MAILGUN,
    "smtp.postmarkapp.com": Provider.POSTMARK,
    "smtp.fastmail.com": Provider.FASTMAIL,
    "mail.gmx.net": Provider.GMX,
    "smtp.web.de": Provider.WEB_DE,
    "securesmtp.t-online.de": Provider.T_ONLINE,
    "smtp.yandex.com": Provider.YANDEX,
    "smtp.126.com": Provider.NETEASE,
    "smtp.exmail.qq.com": Provider.QQ,
    "smtp.protonmail.ch": Provider.PROTON,
}
MX = {
    "aspmx.l.google.com": Provider.GMAIL,
    "alt2.gmail-smtp-in.l.google.com": Provider.GMAIL,
    "SMTP.google.com.": Provider.GMAIL,
    "corp-example.mail.protection.outlook.com": Provider.MICROSOFT_365,
    "corp-example.p-v1.mx.microsoft": Provider.MICROSOFT_365,
    "hotmail-com.olc.protection.outlook.com": Provider.OUTLOOK_COM,
    "mta5.am0.yahoodns.net": Provider.YAHOO,
    "mx.zoho.eu": Provider.ZOHO,
    "inbound-smtp.us-east-1.amazonaws.com": Provider.WORKMAIL,
    "mx00.kundenserver.de": Provider.IONOS,
    "in1-smtp.messagingengine.com": Provider.FASTMAIL,
}


@pytest.mark.parametrize("provider", Provider)
def test_each_row_says_how_one_signs_in_and_where_it_stands(provider: Provider) -> None:
    facts = provider.value
    assert facts.source.startswith("https://")
    assert facts.checked <= datetime.now(UTC).date()
    assert bool(facts.all_servers) is (facts.sign_in is not SignIn.NONE)
    assert facts.servers or facts.first
    if facts.sign_in in (SignIn.APP_PASSWORD, SignIn.MAIL_PASSWORD, SignIn.API_KEY):
        assert facts.page
    if facts.sign_in in (SignIn.OAUTH, SignIn.NONE):
        assert facts.first
    assert not facts.first.endswith(".")
    assert {(server.port, server.encryption) for server in facts.servers} <= {(465, "SSL"), (587, "TLS")}
    for server in facts.all_servers:
        assert provider_of(server.host) is provider
    for host in facts.mx:
        assert provider_behind([host.replace("*", "eu-west-1")]) is provider
    for server in facts.servers:
        assert not server.domains or set(server.domains) <= set(facts.domains)
    for domain in facts.domains:
        assert provider_of_mailbox(f"ada@{domain.replace('*', 'corp')}") is provider
    assert labelled(provider.label) is provider


def old_rows(today: date) -> list[str]:
    rows: list[Facts | Gateway] = [*(provider.value for provider in Provider), *GATEWAYS]
    return [f"{row.label}: {row.checked}" for row in rows if today - row.checked > timedelta(days=400)]


@pytest.mark.filterwarnings("always:nobody has looked over:UserWarning")
def test_rows_that_nobody_has_looked_over_for_400_days_are_warned_of() -> None:
    if old := old_rows(datetime.now(UTC).date()):
        warnings.warn(f"nobody has looked over these rows for 400 days: {', '.join(old)}", stacklevel=1)
    dates = [provider.value.checked for provider in Provider]
    assert old_rows(min(dates) + timedelta(days=400)) == []
    everything = old_rows(max(dates) + timedelta(days=401))
    assert len(everything) == len(Provider) + len(GATEWAYS)
    assert f"Gmail: {Provider.GMAIL.value.checked}" in everything


def test_what_ends_is_told_before_and_after_with_a_source() -> None:
    endings = {provider: ending for provider in Provider if (ending := provider.value.ending) is not None}
    assert {Provider.MICROSOFT_365, Provider.OUTLOOK_COM, Provider.WORKMAIL} <= set(endings)
    for provider, ending in endings.items():
        assert ending.notice(ending.on) == ending.coming
        assert ending.notice(ending.on + timedelta(days=1)) == ending.past
        for words in (ending.coming, ending.past):
            assert provider.label in words
            assert words.endswith(".")
        assert ending.source.startswith("https://")


def test_a_login_is_made_of_the_address_or_told_in_words() -> None:
    patterns = {
        "{address}": "the full address",
        "{local}": "the part of the address before the @",
        "apikey": "the word apikey",
        "SMTP_Injection": "the word SMTP_Injection",
    }
    for provider in Provider:
        facts = provider.value
        assert facts.login_words == (patterns[facts.login_pattern] if facts.login_pattern else facts.login)
        assert bool(facts.login) is not bool(facts.login_pattern)
        assert facts.shared_login in ("", "apikey", "SMTP_Injection")


def test_where_something_is_made_or_switched_on_is_a_link_wherever_it_has_an_address() -> None:
    for provider in Provider:
        facts = provider.value
        for link in (facts.page_link, facts.first_link):
            assert not link or re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]+(/[^ ]*)?", link)
        assert bool(facts.page_link) is (bool(facts.page) and " " not in facts.page)
    assert Provider.GMAIL.value.page_link == "https://myaccount.google.com/apppasswords"
    assert Provider.FASTMAIL.value.page_link == ""


def test_who_has_the_mailboxes_behind_a_gateway_is_told_by_autodiscover_and_hinted_at_by_spf() -> None:
    assert provider_of_autodiscover("autodiscover.outlook.com.") is Provider.MICROSOFT_365
    assert provider_of_autodiscover("autodiscover.corp.example") is None
    assert provider_in_spf(["spf.corp.example", "spf.protection.outlook.com"]) is Provider.MICROSOFT_365
    assert provider_in_spf(["_spf.google.com"]) is Provider.GMAIL
    assert provider_in_spf(["spf.corp.example"]) is None


def test_what_is_below_a_providers_domain_is_its_mailboxes_only_where_the_table_says_so() -> None:
    for address in ("ada@corp.onmicrosoft.com", "ada@nyc.rr.com", "ada@alabama.usa.com"):
        assert provider_of_mailbox(address) is not None
    for address in ("ada@team.telstra.com", "ada@corp.zoho.com", "ada@a.corp.onmicrosoft.com", "ada@onmicrosoft.com"):
        assert provider_of_mailbox(address) is None
    server = server_for(Provider.SPECTRUM, "ada@nyc.rr.com")
    assert server is not None
    assert server.host == "mail.twc.com"


def test_no_name_is_in_two_rows() -> None:
    assert len(Provider) >= 30
    for column in ("hosts", "mx", "domains"):
        names = [name for provider in Provider for name in getattr(provider.value, column)]
        assert sorted(set(names)) == sorted(names)
        assert all(re.fullmatch(r"[a-z0-9*.-]+", name) for name in names)


def test_providers_are_recognised_by_whole_labels_of_a_server() -> None:
    for host, provider in HOSTS.items():
        assert provider_of(host) is provider
    for host in (
        "evil-smtp.gmail.com",
        "smtp.gmail.com.evil.example",
        "gmail.com",
        "xsmtp-mail.outlook.com",
        "127.0.0.1",
    ):
        assert provider_of(host) is None


@pytest.mark.parametrize(("host", "provider"), MX.items())
def test_providers_are_recognised_by_their_mx(host: str, provider: Provider) -> None:
    assert provider_behind(["mx.unknown.example", host]) is provider
    assert takes_mail_in(host.lower().rstrip(".")) is provider


@pytest.mark.parametrize("name", ["a." * 126 + "a", "a." * 30_000 + "a", "." * 60_000, "*." * 120 + "smtp.gmail.com"])
def test_a_name_of_many_labels_is_looked_up_at_once(name: str) -> None:
    began = time.thread_time()
    for _ in range(10):
        assert provider_behind([name]) is None
        assert provider_in_spf([name]) is None
        assert provider_of_autodiscover(name) is None
        provider_of(name)
    assert time.thread_time() - began < 0.1


def test_a_server_that_people_send_through_takes_no_mail_in_whatever_it_is_called() -> None:
    for host in ("mx.freenet.de", "smtp.gmail.com", "smtp.office365.com", "mail.corp.example"):
        assert takes_mail_in(host) is None


@pytest.mark.parametrize(
    ("host", "address", "behind", "provider"),
    [
        ("smtp.office365.com", "sam@hotmail.com", None, Provider.OUTLOOK_COM),
        ("smtp.office365.com", "sam@live.co.uk", None, Provider.OUTLOOK_COM),
        ("smtp-mail.outlook.com", "sam@MSN.com", None, Provider.OUTLOOK_COM),
        ("smtp.office365.com", "sam@corp.example", None, Provider.MICROSOFT_365),
        ("smtp-mail.outlook.com", "sam@corp.example", Provider.MICROSOFT_365, Provider.MICROSOFT_365),
        ("smtp-mail.outlook.com", "sam@corp.example", None, Provider.OUTLOOK_COM),
        ("smtp.office365.com", "sam@corp.example", Provider.GMAIL, Provider.MICROSOFT_365),
        ("smtp.corp.example", "sam@corp.example", Provider.GMAIL, None),
        ("smtp.gmail.com", "sam@corp.example", None, Provider.GMAIL),
    ],
)
def test_a_servers_answers_are_its_providers_and_microsofts_depend_on_the_address(
    host: str, address: str, behind: Provider | None, provider: Provider | None
) -> None:
    assert provider_in_use(host, address, behind) is provider


def test_mx_records_are_asked_for_only_where_they_tell_something() -> None:
    assert needs_mx("smtp.corp.example", "sam@corp.example")
    assert needs_mx("smtp.office365.com", "sam@corp.example")
    assert not needs_mx("smtp.office365.com", "sam@hotmail.com")
    assert not needs_mx("smtp.gmail.com", "sam@corp.example")
    assert may_be_elsewhere("smtp.gmail.com", "sam@corp.example")
    assert not may_be_elsewhere("smtp.gmail.com", "sam@gmx.net")
    assert not may_be_elsewhere("smtp.sendgrid.net", "sam@corp.example")


def test_the_server_of_ones_own_domain_is_preferred() -> None:
    for address, host in (
        ("sam@126.com", "smtp.126.com"),
        ("sam@vip.163.com", "smtp.vip.163.com"),
        ("sam@vip.126.com", "smtp.vip.126.com"),
        ("sam@188.com", "smtp.188.com"),
        ("sam@zoho.eu", "smtp.zoho.eu"),
        ("sam@gmx.com", "mail.gmx.com"),
        ("sam@gmx.co.uk", "mail.gmx.com"),
        ("sam@zohomail.eu", "smtp.zoho.eu"),
        ("sam@online.de", "smtp.ionos.de"),
        ("sam@embarqmail.com", "smtp.centurylink.net"),
        ("sam@corp.example", "mail.gmx.net"),
    ):
        provider = provider_of_mailbox(address) or Provider.GMX
        server = server_for(provider, address)
        assert server is not None
        assert server.host == host
    assert server_for(Provider.TUTA, "sam@tuta.com") is None
