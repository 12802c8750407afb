"""What a domain's own DNS can try with a search, packet by packet."""

import time
from collections import UserDict
from ipaddress import ip_address

import pytest

from bot.discovery.findings import Findings, OwnRow, Source
from bot.discovery.records import ask_mx
from bot.discovery.search import Search
from bot.smtp.account import Encryption
from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import DnsRecords
from bot.smtp.network.guard import Guard, Verdict
from tests.fakes.config_documents import DOMAIN, document
from tests.fakes.config_server import page
from tests.fakes.dns_server import Broken, Records
from tests.fakes.internet import MAIL, WEB, Internet, internet
from tests.fakes.scripted_domains import AT_HOST, at, srv
from tests.named import case

pytestmark = pytest.mark.databases()

ADDRESS = f"ada-canary@{DOMAIN}"
INSIDE = "169.254.169.254"
GOOGLES = "include:_spf.google.com"


def said(findings: Findings, source: Source) -> str:
    return next(answer.said for answer in findings.answers if answer.source is source)


def reached_no_private_address(around: Internet) -> bool:
    return all(around.guard.verdict(ip_address(address)) is Verdict.ALLOWED for address, _ in around.network.reached)


class Moving(UserDict[str, Records | Broken]):
    """Names that lead to a public address when they are asked for first (A and AAAA), and inside ever after."""

    def __init__(self, names: dict[str, Records | Broken]) -> None:
        super().__init__(names)
        self._times: dict[str, int] = {}

    def get(self, name: str, default: Records | Broken | None = None) -> Records | Broken | None:  # type: ignore[override]
        self._times[name] = self._times.get(name, 0) + 1
        return at(INSIDE) if name in self and self._times[name] > 2 else super().get(name, default)


async def test_a_name_that_moves_inside_during_a_search_leads_nowhere_new() -> None:
    names = Moving({f"{name}.{DOMAIN}": at(address) for name, address in (("autoconfig", WEB), ("smtp", MAIL))})
    pages = {f"autoconfig.{DOMAIN}/{AT_HOST.partition('/')[2]}": page(document())}
    async with internet(names, pages) as around:
        findings = await around.discovery().find(ADDRESS, ())
        assert findings.best is not None
        assert findings.best.source is Source.AUTOCONFIG
        # Each is asked for once in a search, so that what was checked is what is connected to.
        asked = [one for one in around.dns.asked if one[1] in ("A", "AAAA")]
        assert len(asked) == len(set(asked))
        # The next search finds it moved.
        assert (await around.discovery().find(ADDRESS, ())).best is None
        assert reached_no_private_address(around)
        assert around.network.reached


async def test_a_name_inside_and_one_that_does_not_exist_are_told_alike() -> None:
    told: dict[str, set[str]] = {}
    row = OwnRow(mx="*.elsewhere.example", host="relay.example", port=465, encryption=Encryption.SSL)
    for name, records in (("nothing", {}), ("inside", at("10.0.0.1")), ("this machine", at("::1"))):
        with case(name):
            target = f"in.{DOMAIN}"
            names: dict[str, Records | Broken] = {
                f"_submissions._tcp.{DOMAIN}": srv(f"0 1 465 {target}."),
                **(dict.fromkeys((target, f"smtp.{DOMAIN}", f"autoconfig.{DOMAIN}"), records) if records else {}),
                DOMAIN: {"MX": [f"10 {target}."], **records},
            }
            async with internet(names) as around:
                findings = await around.discovery().find(ADDRESS, (row,))
                assert findings.best is None
                assert findings.complete
                assert around.network.reached == []
                assert target not in "".join(answer.said for answer in findings.answers)
                for answer in findings.answers:
                    told.setdefault(answer.source.value, set()).add(answer.said)
    assert all(len(sentences) == 1 for sentences in told.values()), told


async def test_what_is_no_answer_to_the_question_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.smtp.network.dns_records.DNS_TIMEOUT_SECONDS", 0.3)
    for broken in (Broken.GARBAGE, Broken.STRANGER, Broken.REFUSED, Broken.SERVFAIL, Broken.SILENT):
        with case(broken):
            async with internet({DOMAIN: broken, f"smtp.{DOMAIN}": at(MAIL)}) as around:
                findings = await around.discovery().find(ADDRESS, ())
            assert said(findings, Source.MX) == "The DNS gave no answer."
            assert findings.best is not None
            assert findings.best.source is Source.KNOCK
            assert not findings.complete


async def test_of_likely_names_that_the_dns_tells_nothing_of_nobody_claims_that_no_server_answers_there() -> None:
    broken = dict.fromkeys((f"smtp.{DOMAIN}", DOMAIN), Broken.SERVFAIL)
    async with internet(broken) as around:
        findings = await around.discovery().find(ADDRESS, ())
    assert said(findings, Source.KNOCK) == (
        f"No mail server answers encrypted at mail.{DOMAIN}, ports 465 and 587. "
        f"It is not known whether a mail server answers encrypted at smtp.{DOMAIN}, {DOMAIN}."
    )
    assert not findings.complete


async def test_of_records_without_end_a_few_are_looked_at() -> None:
    targets = [f"{number} 0 465 host-{number}.{DOMAIN}." for number in range(300)]
    names: dict[str, Records | Broken] = {
        f"_submissions._tcp.{DOMAIN}": srv(*targets),
        DOMAIN: {"MX": [f"{number} mx-{number}.{DOMAIN}." for number in range(300)]},
        # The sixth is good, and nobody gets that far.
        f"host-5.{DOMAIN}": at(MAIL),
    }
    async with internet(names) as around:
        findings = await around.discovery().find(ADDRESS, ())
        assert findings.best is None
        assert len(around.dns.asked) < 40
        assert around.network.reached == []


class BehindGateway(DnsRecords):
    """The DNS of a domain behind a gateway, with one SPF record."""

    def __init__(self, spf: str) -> None:
        super().__init__()
        self._spf = spf

    async def mail_servers(self, domain: str) -> tuple[str, ...]:
        return ("eu-smtp-inbound-1.mimecast.com",)

    async def alias(self, host: str) -> str:
        return ""

    async def texts(self, name: str) -> tuple[str, ...]:
        return (self._spf,)


LABORIOUS = {
    "a name of thousands of labels": f"include:{'a.' * 25_000}a",
    "a name of as many labels as one may have": f"include:{'a.' * 126}a",
    "thousands of names": " ".join(f"include:{'a.' * 20}x{number}" for number in range(1_200)),
    "a provider behind ten others": " ".join([*(f"include:x{number}.example" for number in range(10)), GOOGLES]),
}


async def test_no_spf_record_keeps_the_bot_busy_for_long() -> None:
    for name, terms in LABORIOUS.items():
        with case(name):
            dns = BehindGateway(f"v=spf1 {terms} -all")
            search = Search(domain=DOMAIN, dns=dns, guard=Guard((), ()), network=Network())
            began = time.thread_time()
            answer = await ask_mx(search)
            assert time.thread_time() - began < 0.1
            assert answer.said.endswith("nothing in its DNS tells whose mailboxes stand behind it.")


async def test_of_the_addresses_of_a_name_all_are_checked_and_two_are_connected_to() -> None:
    many = [f"93.184.216.{number}" for number in range(1, 8)]
    # By IP version: one of each, where there are both.
    for addresses, versions in ((many, [4, 4]), ([*many, "2600:1::25"], [4, 6]), ([*many, INSIDE], [])):
        with case(addresses):
            names = {name: at(*addresses) for name in (f"smtp.{DOMAIN}", f"autoconfig.{DOMAIN}")}
            async with internet(names) as around:
                assert (await around.discovery().find(ADDRESS, ())).best is None
                for port in (443, 465, 587):
                    used = {address for address, reached in around.network.reached if reached == port}
                    assert sorted(ip_address(address).version for address in used) == versions


async def test_names_that_are_no_host_names_are_left_out() -> None:
    for target in ("smtp\\032host.example.", "a\\@b.example.", "-x.example.", "127.0.0.1.", "localhost.", "example."):
        with case(target):
            async with internet({f"_submissions._tcp.{DOMAIN}": srv(f"0 0 465 {target}")}) as around:
                findings = await around.discovery().find(ADDRESS, ())
            assert findings.best is None
            assert said(findings, Source.SRV).startswith("The SRV records name a server that does not exist")
