"""What DNS says of a sender's domain: one line each about SPF, DKIM and DMARC."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from unittest.mock import AsyncMock

import dns.asyncresolver
import dns.exception
import dns.resolver
import pytest

from bot.smtp.advice.domain import dmarc_names, judge
from bot.smtp.network.resolver import Resolver


class Records(Resolver):
    """Canned TXT records; None means a DNS that does not answer."""

    def __init__(self, records: Mapping[str, list[str] | None]) -> None:
        super().__init__()
        self._records = records

    async def txt_records(self, name: str) -> list[str] | None:
        return self._records.get(name, [])

    async def is_used(self, domain: str) -> bool:
        return domain in self._records


@pytest.mark.parametrize(
    ("records", "wanted"),
    [
        ({}, "SPF: none."),
        ({"a.example": ["v=spf1 -all"]}, "SPF: there is one (v=spf1 -all)."),
        ({"a.example": ["v=spf1 +all"]}, "it protects nothing"),
        ({"a.example": ["v=spf1 -all", "v=spf1 ~all"]}, "more than one record"),
        ({"a.example": ["v=spf10 -all", "google-site-verification=x"]}, "SPF: none."),
        ({}, "DKIM: no key under the usual names"),
        ({"google._domainkey.a.example": ["v=DKIM1; p=abc"]}, "DKIM: a key is published under google."),
        ({}, "DMARC: none."),
        ({"_dmarc.a.example": ["v=DMARC1; p=reject"]}, "are refused"),
        ({"_dmarc.a.example": ["v=DMARC1;p = quarantine; pct=10"]}, "go to spam"),
        ({"_dmarc.a.example": ["V=DMARC1; p=none"]}, "only reported"),
    ],
)
async def test_each_record_is_judged(records: dict[str, list[str] | None], wanted: str) -> None:
    lines = await judge("A.example", "mail.a.example", Records(records))
    assert len(lines) == 3
    assert any(wanted in line for line in lines)


async def test_without_an_answer_nothing_is_said() -> None:
    assert await judge("a.example", "mail.a.example", Records({"a.example": None})) == ()
    assert await judge("not a domain \u202e", "mail.a.example", Records({})) == ()


async def test_a_slow_name_service_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Records):
        async def txt_records(self, name: str) -> list[str] | None:
            await asyncio.sleep(60)
            return []

    monkeypatch.setattr("bot.smtp.advice.domain.DNS_TIMEOUT_SECONDS", 0.05)
    assert await judge("a.example", "mail.a.example", Slow({})) == ()


async def test_an_international_domain_is_looked_up_in_its_ascii_form() -> None:
    lines = await judge("müller.example", "mail.a.example", Records({"xn--mller-kva.example": ["v=spf1 -all"]}))
    assert "SPF: there is one" in lines[0]


@pytest.mark.parametrize(
    ("answer", "records"),
    [
        (
            [SimpleNamespace(strings=(b"v=spf1 ", b"-all")), SimpleNamespace(strings=(b"\xff",))],
            ["v=spf1 -all", "\ufffd"],
        ),
        (dns.resolver.NXDOMAIN, []),
        (dns.resolver.NoAnswer, []),
        (dns.exception.Timeout, None),
        (OSError("no network"), None),
    ],
)
async def test_txt_records_are_read_through_the_systems_dns(
    monkeypatch: pytest.MonkeyPatch, answer: object, records: list[str] | None
) -> None:
    query = AsyncMock(side_effect=[answer])
    monkeypatch.setattr(dns.asyncresolver, "Resolver", lambda: SimpleNamespace(resolve=query))
    assert await Resolver().txt_records("a.example") == records
    # The final dot keeps search domains away.
    query.assert_awaited_once_with("a.example.", "TXT", lifetime=3.0)


@pytest.mark.parametrize(
    ("host", "zone", "wanted"),
    [
        ("smtp.gmail.com", {"a.example": ["v=spf1 include:_spf.google.com ~all"]}, "names the servers of Gmail."),
        ("smtp.office365.com", {"a.example": ["v=spf1 +include:SPF.protection.outlook.com -all"]}, "of Microsoft 365."),
        (
            "smtp.gmail.com",
            {"a.example": ["v=spf1 include:spf.b.example -all"], "spf.b.example": ["v=spf1 redirect=_spf.google.com"]},
            "names the servers of Gmail.",
        ),
        (
            "smtp.gmail.com",
            {"a.example": ["v=spf1 include:spf.protection.outlook.com -all"]},
            "does not name Gmail (include:_spf.google.com)",
        ),
        ("smtp.gmail.com", {"a.example": ["v=spf1 include:a.example -all"]}, "does not name Gmail"),
        ("email-smtp.eu-west-1.amazonaws.com", {"a.example": ["v=spf1 mx -all"]}, "Your mail server must be in it."),
    ],
)
async def test_spf_is_held_against_the_provider_that_messages_go_through(
    host: str, zone: dict[str, list[str] | None], wanted: str
) -> None:
    spf, *_ = await judge("a.example", host, Records(zone))
    assert wanted in spf


async def test_spf_asks_for_ten_other_records_at_most() -> None:
    asked: list[str] = []

    class Endless(Records):
        async def txt_records(self, name: str) -> list[str] | None:
            asked.append(name)
            return [f"v=spf1 include:1.{name} include:2.{name} -all"] if name.endswith("loop.example") else []

    await judge("loop.example", "smtp.gmail.com", Endless({}))
    spf = [name for name in asked if not name.startswith("_") and "_domainkey" not in name and name != "loop.example"]
    assert len(spf) == 10


@pytest.mark.parametrize(
    ("zone", "wanted"),
    [
        # RFC 9989: the domain's own record, else that of the organisational domain, whose sp is for what is below it.
        ({"_dmarc.a.example": ["v=DMARC1; p=reject; sp=none"]}, "that of a.example counts here; failures are only"),
        (
            {"_dmarc.a.example": ["v=DMARC1; p=reject"]},
            "that of a.example counts here; messages that fail SPF and DKIM",
        ),
        (
            {"_dmarc.m.a.example": ["v=DMARC1"], "_dmarc.a.example": ["v=DMARC1; p=reject"]},
            "there is one; failures are",
        ),
        ({"_dmarc.example": ["v=DMARC1; p=reject; psd=y"]}, "that of example counts here; messages that fail"),
        (
            {"_dmarc.a.example": ["v=DMARC1; p=quarantine"], "_dmarc.example": ["v=DMARC1; p=reject; psd=y"]},
            "that of a.example counts here; messages that fail SPF and DKIM go to spam",
        ),
        (
            {"_dmarc.a.example": ["v=DMARC1; p=none; psd=n"], "_dmarc.example": ["v=DMARC1; p=reject"]},
            "that of a.example counts here; failures are only reported",
        ),
        ({"_dmarc.a.example": ["v=DMARC1; p=none; np=reject"]}, "that of a.example counts here; messages that fail"),
        (
            {"_dmarc.a.example": ["v=DMARC1; p=none; np=reject"], "m.a.example": []},
            "that of a.example counts here; failures are only reported",
        ),
        ({"_dmarc.m.a.example": ["v=DMARC1; p=reject; t=y"]}, "is in test (t=y) and not applied"),
        ({"_dmarc.m.a.example": ["v=DMARC1; p=none; t=y"]}, "there is one; failures are only reported"),
        ({"_dmarc.m.a.example": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]}, "DMARC: none."),
        ({"_dmarc.m.a.example": ["v=DMARC10; p=reject"]}, "DMARC: none."),
    ],
)
async def test_dmarc_walks_up_the_tree(zone: dict[str, list[str] | None], wanted: str) -> None:
    *_, dmarc = await judge("m.a.example", "mail.a.example", Records(zone))
    assert wanted in dmarc


def test_dmarc_asks_at_most_eight_times() -> None:
    assert dmarc_names("a.example") == ["a.example", "example"]
    assert len(dmarc_names("1.2.3.4.5.6.7.8")) == 8
    long = dmarc_names("1.2.3.4.5.6.7.8.9.10")
    assert (len(long), long[0], long[1], long[-1]) == (8, "1.2.3.4.5.6.7.8.9.10", "4.5.6.7.8.9.10", "10")
