"""What is said of settings that were found, for every provider."""

import re
from datetime import date

import pytest

from bot.discovery.findings import Findings, Found, MailSettings, Source, SourceAnswer
from bot.profiles.account.settings_finder import FoundForPerson
from bot.providers.providers import Provider, SignIn
from bot.providers.recognition import server_for
from bot.slack.views.discovery import MAX_VALUE_LENGTH, Proposal, answer
from bot.slack.views.private_metadata import length
from bot.smtp.account import Encryption

TODAY = date(2026, 11, 30)


def told(provider: Provider, domain: str, *, source: Source = Source.TABLE, login: str | None = None) -> str:
    address = f"ada@{domain}"
    settings = None
    if server := server_for(provider, address):
        encryption = Encryption(server.encryption)
        settings = MailSettings(
            host=server.host, port=server.port, encryption=encryption, login=address if login is None else login
        )
    found = Found(source=source, settings=settings, provider=provider)
    answered = SourceAnswer(source=source, said="It is known.", found=found)
    findings = Findings(address=address, domain=domain, shown_domain=domain, best=found, answers=(answered,))
    found_for_ada = FoundForPerson(findings=findings, tells_sources=False, judge_server=lambda _host: "")
    return str(answer(found_for_ada, today=TODAY).blocks)


@pytest.mark.parametrize("provider", Provider)
def test_how_one_signs_in_is_told_with_links_that_lead_somewhere(provider: Provider) -> None:
    facts = provider.value
    text = told(provider, "corp.example")
    for link, shown in re.findall(r"<([^|>]+)\|([^>]*)>", text):
        assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]+(/[^ ]*)?", link)
        assert shown
    if facts.sign_in in (SignIn.APP_PASSWORD, SignIn.MAIL_PASSWORD, SignIn.API_KEY):
        assert facts.sign_in.value in text
        assert ("|make one>" in text) is bool(facts.page_link)
    if facts.ending is not None:
        assert text.count(facts.ending.notice(TODAY)) == 1


def test_no_credentials_are_asked_for_where_a_provider_has_no_server_for_its_own_domains() -> None:
    own, others = told(Provider.PROTON, "proton.me"), told(Provider.PROTON, "corp.example")
    assert "credentials made for SMTP" in others
    assert "credentials made for SMTP" not in own
    assert "a domain of one's own with a paid plan" in own


@pytest.mark.parametrize("source", [Source.OWN, Source.AUTOCONFIG, Source.WELL_KNOWN, Source.PACC, Source.SRV])
def test_a_server_that_is_named_tells_by_whom_mail_goes_out_and_not_who_hosts_it(source: Source) -> None:
    text = told(Provider.GMAIL, "corp.example", source=source)
    assert "mail goes out through `smtp.gmail.com` (Google)." in text
    assert "hosted" not in text
    assert "mail is hosted by Google." in told(Provider.GMAIL, "corp.example", source=Source.MX)


def test_a_domain_in_the_table_is_told_as_its_providers_whatever_that_is_called() -> None:
    assert "gmail.com is a domain of Gmail." in told(Provider.GMAIL, "gmail.com")
    assert "gmx.de is a domain of GMX." in told(Provider.GMX, "gmx.de")


@pytest.mark.parametrize("provider", [one for one in Provider if one.value.login])
def test_a_login_that_the_address_does_not_tell_is_said_in_words(provider: Provider) -> None:
    assert f"The login is {provider.value.login}." in told(provider, "corp.example", login="")
    assert "The login is" not in told(provider, "corp.example")
    assert "—" not in told(provider, "corp.example", login="")


def test_that_a_provider_takes_no_passwords_is_told_once() -> None:
    assert told(Provider.OUTLOOK_COM, "outlook.com").count("passwords from mail programs") == 1


def test_a_button_remembers_no_more_than_slack_takes_of_letters_that_are_two_units_each() -> None:
    ways = [Found(source=source, settings=None, provider=None, other_domain="𠮷" * 100) for source in Source]
    proposal = Proposal(address="ada@corp.example", domain="corp.example", shown="𠮷", found=ways[0], others=(*ways,))
    value = proposal.to_value()
    assert length(value) <= MAX_VALUE_LENGTH
    assert Proposal.from_value(value).others
