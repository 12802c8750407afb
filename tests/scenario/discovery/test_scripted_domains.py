"""Settings found for some fifty domains, good, broken and hostile, on a name server with real packets and real TLS."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from ipaddress import ip_address

import pytest

from bot.discovery.findings import Findings, MailSettings, filled_login
from bot.smtp.network.guard import Verdict
from tests.counts import scaled
from tests.fakes.dns_server import Broken, Records
from tests.fakes.internet import Internet, internet
from tests.fakes.scripted_domains import (
    BROKEN,
    DOMAINS,
    ELSEWHERE,
    GOOD,
    HOSTILE,
    Expected,
    ScriptedDomain,
    certificates_of,
    pages_of,
    zone_of,
)
from tests.named import case

pytestmark = pytest.mark.databases()

RUNS = scaled(quick=2, full=20)
LOCAL_PART = "ada-canary"
NOTHING, GATEWAY = "nowhere.example", "behind-barracuda.example"


def address_at(domain: str) -> str:
    return f"{LOCAL_PART}@{domain}"


def seen(findings: Findings) -> Expected | None:
    """What was found, to compare with what is expected."""
    best = findings.best
    if best is None:
        return None
    settings = best.settings or MailSettings(host="", port=0, encryption=None, login="")  # type: ignore[arg-type]
    return Expected(
        source=best.source,
        host=settings.host,
        port=settings.port,
        encryption=settings.encryption,
        login=settings.login,
        provider=best.provider,
        other_domain=best.other_domain,
        cautions=best.cautions,
    )


def wanted(domain: ScriptedDomain) -> Expected | None:
    found = domain.found
    if found is None or not found.login:
        return found
    return replace(found, login=filled_login(found.login, address_at(domain.domain)))


async def judge(around: Internet, domain: ScriptedDomain) -> None:
    """Search again and again, and compare what is found, and what each source said."""
    with case(f"{domain.domain} {domain.story}"):
        first = None
        for _ in range(RUNS):
            findings = await around.discovery().find(address_at(domain.domain), domain.own)
            assert seen(findings) == wanted(domain), findings
            assert findings.complete is domain.complete
            first = first or findings
            assert findings == first


def nothing_else_happened(around: Internet) -> None:
    """Assert what must never be."""
    assert around.network.reached
    for address, port in around.network.reached:
        assert around.guard.verdict(ip_address(address)) is Verdict.ALLOWED, address
        assert port in (443, 465, 587)
    told = around.told.lower()
    assert "canary" not in told
    for word in ("auth ", "mail from", "@", "authorization:", "cookie:", "referer:"):
        assert word not in told, word


def everything() -> AbstractAsyncContextManager[Internet]:
    return internet(zone_of(DOMAINS), pages_of(DOMAINS), certificates=certificates_of(DOMAINS))


def test_there_are_more_than_forty_domains() -> None:
    assert len(DOMAINS) == len({domain.domain for domain in DOMAINS}) >= 40
    assert all(len(kind) >= 10 for kind in (GOOD, BROKEN, HOSTILE))


async def test_for_each_domain_the_right_source_wins_with_the_right_values_every_time() -> None:
    async with everything() as around:
        for domain in DOMAINS:
            if not domain.timed:
                await judge(around, domain)
        nothing_else_happened(around)


def addresses_of(*names: str) -> set[tuple[str, str]]:
    return {(name, kind) for name in names for kind in ("A", "AAAA")}


def asked_of(domain: str) -> set[tuple[str, str]]:
    """What every search asks the name service."""
    services = {(f"{name}._tcp.{domain}", "SRV") for name in ("_submissions", "_submission")}
    return {(domain, "MX"), *services, *addresses_of(domain)}


def asked_below(domain: str) -> set[tuple[str, str]]:
    """What it asks beside that, where nobody but the domain's owner can have such names."""
    names = (f"{name}.{domain}" for name in ("autoconfig", "smtp", "mail"))
    return {(f"_ua-auto-config.{domain}", "TXT"), *addresses_of(*names)}


async def test_the_name_service_is_asked_for_a_few_names_of_the_domain_and_its_mail_server_and_no_others() -> None:
    hints = {(f"autodiscover.{GATEWAY}", "CNAME"), (GATEWAY, "TXT")}
    expected = {
        NOTHING: asked_of(NOTHING) | asked_below(NOTHING),
        "hosted-without.example": asked_of("hosted-without.example")
        | asked_below("hosted-without.example")
        | addresses_of("mx.hosting.example"),
        GATEWAY: asked_of(GATEWAY) | asked_below(GATEWAY) | hints,
        "co.uk": asked_of("co.uk") | {("co.uk", "TXT")},
    }
    names: dict[str, Records | Broken] = {"hosted-without.example": ELSEWHERE}
    for domain, asked in expected.items():
        with case(domain):
            async with internet({**zone_of(DOMAINS), **names}) as around:
                await around.discovery().find(address_at(domain), ())
                assert set(around.dns.asked) == asked


async def test_what_never_answers_is_waited_for_no_longer_than_a_search_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    # With people three seconds.
    monkeypatch.setattr("bot.discovery.discovery.SEARCH_SECONDS", scaled(quick=2.0, full=3.0))
    monkeypatch.setattr("bot.discovery.knock.KNOCK_SECONDS", scaled(quick=1.6, full=2.5))
    async with everything() as around:
        await asyncio.gather(*(judge(around, domain) for domain in DOMAINS if domain.timed))
        nothing_else_happened(around)
