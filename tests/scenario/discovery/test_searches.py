"""How often the network is asked for settings: kept by domain, one search a person at a time, twenty an hour."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.demo.run import running_demo
from bot.discovery.discovery import KEPT_SECONDS, Discovery
from bot.discovery.findings import Findings, Found, MailSettings, OwnRow, Source, SourceAnswer
from bot.discovery.search import AskSource, Search, UnansweredError
from bot.profiles.account.settings_searches import SettingsSearches
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.people.access import Person
from bot.settings import DiscoverySetting
from bot.smtp.account import Encryption
from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import DnsRecords
from bot.smtp.network.guard import Guard
from tests.scenario.started_before import StartedBefore

ADA, GRACE = Person(workspace="T1", user="U1"), Person(workspace="T1", user="U2")


@dataclass
class Scripted:
    """A source of settings whose answers a test holds back or lets go; `asked` are the domains it was asked for."""

    source: Source = Source.SRV
    asked: list[str] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    finds: bool = True

    async def ask(self, search: Search) -> SourceAnswer:
        self.asked.append(search.domain)
        self.begun.set()
        await self.let_go.wait()
        host = f"{self.source.name.lower()}.{search.domain}"
        settings = MailSettings(host=host, port=465, encryption=Encryption.SSL, login="{address}")
        found = Found(source=self.source, settings=settings, provider=None) if self.finds else None
        return SourceAnswer(source=self.source, said="It answered.", found=found)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class NoDns(DnsRecords):
    """A DNS that knows nothing."""

    async def mail_servers(self, domain: str) -> tuple[str, ...]:
        return ()


def discovery(
    sources: Mapping[Source, AskSource],
    *,
    setting: DiscoverySetting = DiscoverySetting.ON,
    clock: Clock | None = None,
    ports: Sequence[int] = (465, 587),
) -> Discovery:
    return Discovery(
        guard=Guard((), ports), network=Network(), dns=NoDns(), sources=sources, setting=setting, clock=clock or Clock()
    )


def answering(source: Source = Source.SRV, *, finds: bool = True) -> Scripted:
    scripted = Scripted(source=source, finds=finds)
    scripted.let_go.set()
    return scripted


def said(findings: Findings, source: Source) -> str:
    return next(answer.said for answer in findings.answers if answer.source is source)


def host_of(findings: Findings) -> str:
    assert findings.best is not None
    assert findings.best.settings is not None
    return findings.best.settings.host


@pytest.mark.databases()
@pytest.mark.parametrize("finds", [True, False])
async def test_what_a_domain_said_is_kept_for_five_minutes_also_that_there_is_nothing(finds: bool) -> None:
    clock, source = Clock(), answering(finds=finds)
    searched = discovery({Source.SRV: source.ask}, clock=clock)
    first = await searched.find("ada@a.example", ())
    clock.now += KEPT_SECONDS - 1
    second = await searched.find("grace@A.example", ())
    assert source.asked == ["a.example"]
    clock.now += 2
    await searched.find("ada@a.example", ())
    assert source.asked == ["a.example", "a.example"]
    assert (first.best is not None) is finds
    if finds:
        # What is kept is the domain's; each person has their own login.
        assert [one.best.settings.login for one in (first, second) if one.best and one.best.settings] == [
            "ada@a.example",
            "grace@A.example",
        ]


@pytest.mark.databases()
async def test_the_domains_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.discovery.discovery.MAX_KEPT", 2)
    source = answering()
    searched = discovery({Source.SRV: source.ask})
    for domain in ("a", "b", "c", "b", "c", "a"):
        await searched.find(f"ada@{domain}.example", ())
    assert source.asked == ["a.example", "b.example", "c.example", "a.example"]


@pytest.mark.databases()
async def test_who_asks_for_a_domain_that_is_being_searched_waits_for_the_same_search() -> None:
    source = Scripted()
    searched = discovery({Source.SRV: source.ask})
    ada, grace = (asyncio.create_task(searched.find(f"{who}@a.example", ())) for who in ("ada", "grace"))
    await source.begun.wait()
    # Whoever gives up takes nothing from the other.
    ada.cancel()
    source.let_go.set()
    assert host_of(await grace) == "srv.a.example"
    assert source.asked == ["a.example"]


@pytest.mark.databases()
async def test_with_too_many_searches_under_way_only_what_is_known_at_once_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.discovery.discovery.MAX_SEARCHES", 1)
    source = Scripted()
    searched = discovery({Source.SRV: source.ask})
    first = asyncio.create_task(searched.find("ada@a.example", ()))
    await source.begun.wait()
    findings = await searched.find("grace@b.example", ())
    assert (findings.best, findings.complete) == (None, False)
    assert host_of(await searched.find("grace@gmail.com", ())) == "smtp.gmail.com"
    source.let_go.set()
    assert host_of(await first) == "srv.a.example"


@pytest.mark.databases()
async def test_the_most_trusted_source_wins_and_not_the_quickest() -> None:
    slow, quick = Scripted(source=Source.AUTOCONFIG), answering(Source.KNOCK)
    searched = discovery({Source.KNOCK: quick.ask, Source.AUTOCONFIG: slow.ask})
    finding = asyncio.create_task(searched.find("ada@a.example", ()))
    await slow.begun.wait()
    await asyncio.sleep(0)
    slow.let_go.set()
    findings = await finding
    assert host_of(findings) == "autoconfig.a.example"
    assert said(findings, Source.KNOCK) == "It was not needed, because a more trusted source knows settings."
    assert findings.others == ()


@pytest.mark.databases()
async def test_a_less_trusted_source_is_left_off_and_what_is_told_is_the_same_as_if_it_had_answered() -> None:
    slow, quick = Scripted(source=Source.KNOCK), answering(Source.AUTOCONFIG)
    sources = {Source.KNOCK: slow.ask, Source.AUTOCONFIG: quick.ask}
    without = await discovery(sources).find("ada@a.example", ())
    slow.let_go.set()
    assert await discovery(sources).find("ada@a.example", ()) == without
    assert without.complete


@pytest.mark.databases()
async def test_what_was_cut_short_is_told_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.discovery.discovery.SEARCH_SECONDS", 0.02)
    silent, quick = Scripted(source=Source.AUTOCONFIG), answering(Source.KNOCK)
    searched = discovery({Source.AUTOCONFIG: silent.ask, Source.KNOCK: quick.ask})
    for _ in range(2):
        findings = await searched.find("ada@a.example", ())
        assert (host_of(findings), findings.complete) == ("knock.a.example", False)
        assert said(findings, Source.AUTOCONFIG) == "It did not answer in time."
    assert quick.asked == ["a.example"] * 2


@pytest.mark.databases()
async def test_what_the_dns_did_not_answer_is_told_and_not_kept_unless_it_does_not_matter() -> None:
    async def ask(_search: Search) -> SourceAnswer:
        raise UnansweredError

    for unanswered, quick, complete in ((Source.SRV, Source.KNOCK, False), (Source.KNOCK, Source.SRV, True)):
        source = answering(quick)
        searched = discovery({unanswered: ask, quick: source.ask})
        for _ in range(2):
            findings = await searched.find("ada@a.example", ())
            assert (host_of(findings), findings.complete) == (f"{quick.name.lower()}.a.example", complete)
        assert len(source.asked) == (1 if complete else 2)
        if not complete:
            assert said(findings, unanswered) == "The DNS gave no answer."


@pytest.mark.databases()
async def test_a_source_that_fails_takes_nothing_from_the_others_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_search: Search) -> SourceAnswer:
        raise RuntimeError("a fault of the program")

    searched = discovery({Source.AUTOCONFIG: fail, Source.SRV: answering().ask})
    with caplog.at_level(logging.ERROR):
        findings = await searched.find("ada-canary@a.example", ())
    assert (host_of(findings), findings.complete) == ("srv.a.example", False)
    assert said(findings, Source.AUTOCONFIG) == "The bot failed to ask it."
    assert "A source of settings failed." in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.databases()
@pytest.mark.parametrize(("setting", "known"), [(DiscoverySetting.LOCAL, "smtp.gmail.com"), (DiscoverySetting.OFF, "")])
async def test_with_discovery_local_or_off_the_network_is_asked_nothing(setting: DiscoverySetting, known: str) -> None:
    source = answering()
    searched = discovery({Source.SRV: source.ask}, setting=setting)
    assert (await searched.find("ada@a.example", ())).best is None
    findings = await searched.find("ada@gmail.com", ())
    assert (host_of(findings) if findings.best else "") == known
    assert findings.complete
    assert source.asked == []


@pytest.mark.databases()
async def test_of_a_domain_in_the_table_the_mx_hosts_alone_are_asked_for_and_only_where_admins_have_rows_by_mx() -> (
    None
):
    row = OwnRow(mx="*.a.example", host="relay.a.example", port=587, encryption=Encryption.TLS)
    mx, knock = answering(Source.MX, finds=False), answering(Source.KNOCK)
    searched = discovery({Source.MX: mx.ask, Source.KNOCK: knock.ask})
    for own, asked in (((), []), ((row,), ["gmail.com"])):
        assert host_of(await searched.find("ada@gmail.com", own)) == "smtp.gmail.com"
        assert (mx.asked, knock.asked) == (asked, [])


@pytest.mark.databases()
async def test_of_a_providers_ports_one_is_proposed_that_is_allowed() -> None:
    for ports, port in (((25, 465, 587), 587), ((465,), 465), ((2525,), 587)):
        best = discovery({}, ports=ports).known("ada@gmail.com", ()).best
        assert best is not None
        assert best.settings is not None
        assert (best.settings.host, best.settings.port) == ("smtp.gmail.com", port)


@pytest.mark.databases()
@pytest.mark.parametrize(
    "address",
    ["", "ada", "ada@", "ada@localhost", "ada@127.0.0.1", "ada@[10.0.0.1]", "ada@a b.example", "ada@x..example"],
)
async def test_nothing_is_asked_for_what_is_no_domain_of_mail(address: str) -> None:
    source = answering()
    findings = await discovery({Source.SRV: source.ask}).find(address, ())
    assert (findings.best, findings.answers, source.asked) == (None, (), [])


@pytest.fixture
async def searches(started: StartedBefore, tmp_path: Path) -> AsyncIterator[SettingsSearches]:
    async with running_demo(tmp_path, encryption_keys=started.key) as demo:
        yield SettingsSearches(database=demo.bot.database, discovery=discovery({Source.SRV: answering().ask}))


async def test_a_person_searches_twenty_times_an_hour_over_all_instances(searches: SettingsSearches) -> None:
    instances = (searches, replace(searches, discovery=discovery({Source.SRV: answering().ask})))
    for number in range(20):
        await instances[number % 2].find(f"ada@{number}.a.example", (), caller=ADA)
    for instance in instances:
        with pytest.raises(RateLimitedError, match=r"You have searched for settings twenty times in an hour\."):
            await instance.find("ada@b.example", (), caller=ADA)
    # What is known without asking anybody counts for nothing, and others have searches of their own.
    assert host_of(await searches.find("ada@gmail.com", (), caller=ADA)) == "smtp.gmail.com"
    assert host_of(await searches.find("grace@b.example", (), caller=GRACE)) == "srv.b.example"


async def test_what_is_kept_or_asked_for_by_nobody_counts_for_no_limit(
    searches: SettingsSearches, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = answering()
    searched = replace(searches, discovery=discovery({Source.SRV: source.ask}))
    for _ in range(25):
        assert host_of(await searched.find("ada@a.example", (), caller=ADA)) == "srv.a.example"
    assert source.asked == ["a.example"]
    monkeypatch.setattr("bot.discovery.discovery.MAX_SEARCHES", 0)
    for _ in range(25):
        assert not (await searched.find("ada@b.example", (), caller=ADA)).complete
    assert source.asked == ["a.example"]


async def test_a_persons_searches_run_one_after_the_other(searches: SettingsSearches) -> None:
    source = Scripted()
    one_by_one = replace(searches, discovery=discovery({Source.SRV: source.ask}))
    ada = [asyncio.create_task(one_by_one.find(f"ada@{name}.example", (), caller=ADA)) for name in ("a", "b")]
    await source.begun.wait()
    assert source.asked == ["a.example"]
    grace = asyncio.create_task(one_by_one.find("grace@c.example", (), caller=GRACE))
    source.begun.clear()
    await source.begun.wait()
    assert source.asked == ["a.example", "c.example"]
    source.let_go.set()
    assert [host_of(findings) for findings in await asyncio.gather(*ada, grace)] == [
        "srv.a.example",
        "srv.b.example",
        "srv.c.example",
    ]
