"""What DNS says of a sender's domain: one line each about SPF, DKIM and DMARC."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from unittest.mock import AsyncMock

import dns.asyncresolver
import dns.exception
import dns.resolver
import pytest

from bot.smtp.advice.domain import judge
from bot.smtp.network.resolver import Resolver


class Records(Resolver):
    """Canned TXT records; None means a DNS that does not answer."""

    def __init__(self, records: Mapping[str, list[str] | None]) -> None:
        super().__init__()
        self._records = records

    async def txt_records(self, name: str) -> list[str] | None:
        return self._records.get(name, [])


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
    lines = await judge("A.example", Records(records))
    assert len(lines) == 3
    assert any(wanted in line for line in lines)


async def test_without_an_answer_nothing_is_said() -> None:
    assert await judge("a.example", Records({"a.example": None})) == ()
    assert await judge("not a domain \u202e", Records({})) == ()


async def test_a_slow_name_service_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Records):
        async def txt_records(self, name: str) -> list[str] | None:
            await asyncio.sleep(60)
            return []

    monkeypatch.setattr("bot.smtp.advice.domain.DNS_TIMEOUT_SECONDS", 0.05)
    assert await judge("a.example", Slow({})) == ()


async def test_an_international_domain_is_looked_up_in_its_ascii_form() -> None:
    lines = await judge("müller.example", Records({"xn--mller-kva.example": ["v=spf1 -all"]}))
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
