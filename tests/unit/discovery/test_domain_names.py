"""Domains as DNS knows them and as people read them, and whose they are."""

import pytest

from bot.discovery.domain_names import domain_of, may_deceive, shown_domain
from bot.discovery.registered_domain import is_same_registered, registered_domain

BUECHER, APPLE_WITH_CYRILLIC, ALL_CYRILLIC_APPLE = "xn--bcher-kva.example", "xn--pple-43d.com", "xn--80ak6aa92e.com"
TOKYO, MOSCOW = "xn--1lqs71d.jp", "xn--80adxhks.xn--p1ai"


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("ada@Example.COM", "example.com"),
        ("ada@bücher.example", BUECHER),
        ("ada@example.com.", "example.com"),
        ("a@b@example.com", "example.com"),
        ("example.com", "example.com"),
        ("ada@", ""),
        ("ada@localhost", ""),
        ("ada@127.0.0.1", ""),
        ("ada@[192.168.0.1]", ""),
        ("ada@[IPv6:::1]", ""),
        ("ada@exa mple.com", ""),
        ("ada@example.com:25", ""),
        ("ada@example.com/x", ""),
        ("ada@ex\u202eample.com", ""),
        ("ada@" + "a" * 64 + ".com", ""),
    ],
)
def test_the_domain_of_an_address_is_asked_for_in_a_labels_or_not_at_all(address: str, domain: str) -> None:
    assert domain_of(address) == domain


@pytest.mark.parametrize(
    ("domain", "shown"),
    [
        ("example.com", "example.com"),
        (BUECHER, "bücher.example"),
        (TOKYO, f"東京.jp ({TOKYO})"),
        (MOSCOW, "москва.рф"),
        (APPLE_WITH_CYRILLIC, f"аpple.com ({APPLE_WITH_CYRILLIC})"),
        (ALL_CYRILLIC_APPLE, f"аррӏе.com ({ALL_CYRILLIC_APPLE})"),
        ("xn--99999999.example", "xn--99999999.example"),
    ],
)
def test_a_domain_is_shown_as_people_read_it_and_with_its_a_labels_when_alphabets_mix(domain: str, shown: str) -> None:
    assert shown_domain(domain) == shown


@pytest.mark.parametrize(
    ("domain", "deceives"),
    [
        ("example.com", False),
        (BUECHER, False),
        (TOKYO, False),
        (MOSCOW, False),
        (APPLE_WITH_CYRILLIC, True),
        (ALL_CYRILLIC_APPLE, True),
    ],
)
def test_a_domain_may_deceive_when_a_word_mixes_alphabets_or_only_looks_latin(domain: str, deceives: bool) -> None:
    assert may_deceive(domain) is deceives


@pytest.mark.parametrize(
    ("host", "registered"),
    [
        ("smtp.example.com", "example.com"),
        ("mail.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("a.b.github.io", "b.github.io"),
        ("smtp.xn--bcher-kva.example", BUECHER),
        ("93.184.215.14", "93.184.215.14"),
        ("2600:1::1", "2600:1::1"),
    ],
)
def test_whose_a_host_is_follows_from_the_public_suffix_list(host: str, registered: str) -> None:
    assert registered_domain(host) == registered


def test_two_companies_below_one_public_suffix_are_not_the_same() -> None:
    assert is_same_registered("smtp.example.co.uk", "example.co.uk")
    assert not is_same_registered("smtp.other.co.uk", "example.co.uk")
    assert not is_same_registered("evil-example.com", "example.com")
