"""What a search finds: logins by pattern, and what differs from the best."""

import pytest

from bot.discovery.findings import Findings, Found, MailSettings, Source, SourceAnswer, filled_login, for_address
from bot.smtp.account import Encryption


@pytest.mark.parametrize(
    ("pattern", "login"),
    [
        ("", "ada@a.example"),
        ("{address}", "ada@a.example"),
        ("{local}", "ada"),
        ("CORP\\{local}", "CORP\\ada"),
        ("{local}+{domain}", "ada+a.example"),
        ("apikey", "apikey"),
    ],
)
def test_a_login_pattern_is_filled_with_the_address(pattern: str, login: str) -> None:
    assert filled_login(pattern, "ada@a.example") == login


def test_an_address_that_looks_like_a_pattern_is_not_filled_in_twice() -> None:
    assert filled_login("{local}", "{domain}@a.example") == "{domain}"


@pytest.mark.parametrize("pattern", ["{user}", "{address", "address}", "{}", "{address.__class__}", "{0}"])
def test_anything_else_in_braces_stays_as_it_is(pattern: str) -> None:
    assert filled_login(pattern, "ada@a.example") == pattern


def found(source: Source, host: str, login: str = "{address}") -> Found:
    settings = MailSettings(host=host, port=465, encryption=Encryption.SSL, login=login)
    return Found(source=source, settings=settings, provider=None)


def test_a_login_that_the_address_does_not_tell_stays_empty() -> None:
    settings = for_address(found(Source.MX, "smtp.a.example", ""), "ada@a.example").settings
    assert settings is not None
    assert settings.login == ""


def test_the_others_are_those_that_differ_each_once_in_the_order_of_trust() -> None:
    best, same, second, third = (
        found(Source.AUTOCONFIG, "a.example"),
        found(Source.WELL_KNOWN, "a.example"),
        found(Source.MX, "b.example"),
        found(Source.SRV, "b.example"),
    )
    answers = [SourceAnswer(source=one.source, said="", found=one) for one in (best, same, second, third)]
    findings = Findings(address="ada@a.example", best=best, answers=tuple(answers))
    assert findings.others == (second,)
    assert Findings(address="ada@a.example").others == ()
