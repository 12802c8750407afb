"""Finds the settings for an address: all sources are asked together, and the most trusted that knows something wins."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.discovery.cautions import with_cautions
from bot.discovery.domain_names import domain_of, shown_domain
from bot.discovery.findings import (
    FULL_ADDRESS,
    Findings,
    Found,
    MailSettings,
    OwnRow,
    Source,
    SourceAnswer,
    for_address,
)
from bot.discovery.records import provider_settings
from bot.discovery.registered_domain import read_list
from bot.discovery.search import NO_DNS, AskSource, Search, UnansweredError
from bot.providers.recognition import provider_of, provider_of_mailbox
from bot.settings import DiscoverySetting
from bot.smtp.account import MAX_LOGIN_LENGTH
from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import DnsRecords
from bot.smtp.network.guard import Guard

log = logging.getLogger(__name__)

SEARCH_SECONDS = 3.0
"""How long one search takes at most."""

KEPT_SECONDS = 300.0
"""How long what a domain's sources said is kept, also when they knew nothing."""

MAX_KEPT = 1000
"""Domains whose answers are kept."""

MAX_SEARCHES = 20
"""Searches under way at once in one process; for one more, only what is known at once is returned.

One costs some 30 ms of CPU, most of it for DNS and handshakes, and all have to be done within SEARCH_SECONDS.
"""

_ORDER = {source: number for number, source in enumerate(Source)}


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What the network said of a domain; `complete` when each source that matters gave a complete answer."""

    answers: Mapping[Source, SourceAnswer]
    mail_servers: tuple[str, ...]
    complete: bool


class Discovery:
    """Proposes settings; nothing is applied by it, no password reaches it, and only the domain is sent anywhere.

    `sources` ask the network, where `setting` is ON; `clock` tells seconds.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        network: Network,
        dns: DnsRecords,
        sources: Mapping[Source, AskSource],
        setting: DiscoverySetting = DiscoverySetting.ON,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.setting = setting
        self._guard = guard
        self._network = network
        self._dns = dns
        self._sources = sources if setting is DiscoverySetting.ON else {}
        self._clock = clock
        self._kept: dict[str, tuple[float, _Asked]] = {}
        self._under_way: dict[str, asyncio.Task[_Asked]] = {}

    def known(self, address: str, own: Sequence[OwnRow]) -> Findings:
        """Return what is known of an address at once, from the admins' rows by domain and the table of providers.

        It is complete where the network would add nothing.
        """
        domain = self._asked_domain(address)
        if not domain:
            return Findings(address=address)
        answers = (_own_answer(domain, own), _table_answer(domain, self._guard))
        findings = _findings(address, domain, answers)
        by_mx = any(row.mx for row in own) and answers[0].found is None
        return replace(findings, complete=not self._sources or (findings.best is not None and not by_mx))

    async def find(self, address: str, own: Sequence[OwnRow]) -> Findings:
        """Return what all sources know of an address, in SEARCH_SECONDS at most."""
        known = self.known(address, own)
        if known.complete:
            return known
        asked = await self._asked(known.domain)
        if asked is None:
            return known
        answers = (
            _own_answer(known.domain, own, asked.mail_servers),
            _table_answer(known.domain, self._guard),
            *asked.answers.values(),
        )
        return replace(_findings(address, known.domain, answers), complete=asked.complete)

    def would_ask(self, address: str) -> bool:
        """Whether a search for an address, begun now, would be one more that asks the network."""
        domain = self._asked_domain(address)
        is_one_more = domain not in self._under_way and len(self._under_way) < MAX_SEARCHES
        return bool(domain) and is_one_more and self._kept_answer(domain) is None

    def _kept_answer(self, domain: str) -> _Asked | None:
        """Return what the network said of a domain, where that is still kept."""
        kept_until, kept = self._kept.get(domain, (0.0, None))
        return kept if self._clock() < kept_until else None

    def _asked_domain(self, address: str) -> str:
        return "" if self.setting is DiscoverySetting.OFF else domain_of(address)

    async def _asked(self, domain: str) -> _Asked | None:
        """Return what the network says of a domain, as it was kept; None when too many searches are under way."""
        if (kept := self._kept_answer(domain)) is not None:
            return kept
        search = self._under_way.get(domain)
        if search is None:
            if len(self._under_way) >= MAX_SEARCHES:
                return None
            search = self._under_way[domain] = asyncio.create_task(self._ask(domain), name="search for settings")
            search.add_done_callback(lambda _: self._under_way.pop(domain))
        # Whoever else asks for the same domain waits for the same search.
        return await asyncio.shield(search)

    async def _ask(self, domain: str) -> _Asked:
        await read_list()
        search = Search(domain=domain, dns=self._dns, guard=self._guard, network=self._network)
        # Where the table knows a domain, its MX hosts alone matter, for which admins may have a row.
        wanted = self._sources if provider_of_mailbox(f"@{domain}") is None else {Source.MX}
        tasks = {
            source: asyncio.ensure_future(_ask_one(source, ask, search))
            for source, ask in self._sources.items()
            if source in wanted
        }
        try:
            await _until_decided(tasks, SEARCH_SECONDS)
            asked = _read(tasks, await _mail_servers(search) if _is_answered(tasks.get(Source.MX)) else ())
        finally:
            search.end()
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        if asked.complete:
            self._keep(domain, asked)
        return asked

    def _keep(self, domain: str, asked: _Asked) -> None:
        # A domain that is kept anew moves to the end, so that the first is the one whose time is over first.
        self._kept.pop(domain, None)
        if len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[domain] = (self._clock() + KEPT_SECONDS, asked)


# Asking the network


async def _ask_one(source: Source, ask: AskSource, search: Search) -> SourceAnswer:
    try:
        return await ask(search)
    except UnansweredError:
        return SourceAnswer(source=source, said=NO_DNS, complete=False)


async def _mail_servers(search: Search) -> tuple[str, ...]:
    """Return the domain's MX hosts; none where the DNS gave no answer."""
    try:
        return await search.mail_servers()
    except UnansweredError:
        return ()


async def _until_decided(tasks: Mapping[Source, asyncio.Future[SourceAnswer]], seconds: float) -> None:
    """Wait until no source that is still silent could change the outcome, or the time is over."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while (silent := _mattering(tasks)) and (left := ends - loop.time()) > 0:
        await asyncio.wait(silent.values(), timeout=left, return_when=asyncio.FIRST_COMPLETED)


def _mattering(tasks: Mapping[Source, asyncio.Future[SourceAnswer]]) -> dict[Source, asyncio.Future[SourceAnswer]]:
    """Return the silent sources that are trusted more than the best that has found something.

    MX records matter beside whatever is published, because the two may disagree.
    """
    return {source: task for source, task in tasks.items() if not task.done() and _matters(source, tasks)}


def _matters(source: Source, tasks: Mapping[Source, asyncio.Future[SourceAnswer]]) -> bool:
    finders = [other for other, task in tasks.items() if _is_answered(task) and task.result().found is not None]
    return source is Source.MX or all(_ORDER[source] <= _ORDER[finder] for finder in finders)


def _is_answered(task: asyncio.Future[SourceAnswer] | None) -> bool:
    return task is not None and task.done() and not task.cancelled() and task.exception() is None


def _is_complete(task: asyncio.Future[SourceAnswer]) -> bool:
    return _is_answered(task) and task.result().complete


def _read(tasks: Mapping[Source, asyncio.Future[SourceAnswer]], mail_servers: tuple[str, ...]) -> _Asked:
    """Return what the sources said, each that came too late or is of no matter with a sentence about that."""
    answers = {source: _read_one(source, tasks) for source in sorted(tasks, key=_ORDER.__getitem__)}
    complete = all(_is_complete(task) or not _matters(source, tasks) for source, task in tasks.items())
    return _Asked(answers=answers, mail_servers=mail_servers, complete=complete)


def _read_one(source: Source, tasks: Mapping[Source, asyncio.Future[SourceAnswer]]) -> SourceAnswer:
    task = tasks[source]
    if not _matters(source, tasks):
        # Also one that has answered by chance: the same search gives the same answer every time.
        return SourceAnswer(source=source, said="It was not needed, because a more trusted source knows settings.")
    if not task.done():
        return SourceAnswer(source=source, said="It did not answer in time.")
    if error := task.exception():
        log.error("A source of settings failed.", exc_info=error)
        return SourceAnswer(source=source, said="The bot failed to ask it.")
    return task.result()


# What is known without the network


def _own_answer(domain: str, own: Sequence[OwnRow], mail_servers: Sequence[str] = ()) -> SourceAnswer:
    """Return the admins' row for a domain; where there is none, the one for its preferred MX host."""
    row = next((row for row in own if row.domain == domain), None)
    if row is not None:
        return _own_says(f"There is a row for {domain}.", row)
    for best in mail_servers[:1]:
        row = next((row for row in own if row.mx and _fits(best, row.mx)), None)
        if row is not None:
            return _own_says(f"There is a row for {row.mx}, where mail for {domain} comes in.", row)
    return SourceAnswer(source=Source.OWN, said=f"There is no row for {domain}.")


def _fits(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _own_says(said: str, row: OwnRow) -> SourceAnswer:
    settings = MailSettings(
        host=row.host, port=row.port, encryption=row.encryption, login=row.login_pattern or FULL_ADDRESS
    )
    found = Found(source=Source.OWN, settings=settings, provider=provider_of(row.host))
    return SourceAnswer(source=Source.OWN, said=said, found=found)


def _table_answer(domain: str, guard: Guard) -> SourceAnswer:
    provider = provider_of_mailbox(f"@{domain}")
    if provider is None:
        return SourceAnswer(source=Source.TABLE, said=f"No provider gives out mailboxes of {domain}.")
    found = Found(source=Source.TABLE, settings=provider_settings(provider, domain, guard), provider=provider)
    return SourceAnswer(source=Source.TABLE, said=f"{domain} is a domain of {provider.label}.", found=found)


# What a person gets


def _findings(address: str, domain: str, answers: Sequence[SourceAnswer]) -> Findings:
    """Return what the sources said, in the order of trust, filled in for one address."""
    filled = [_filled(answer, address) for answer in with_cautions(domain, answers)]
    best = next((answer.found for answer in filled if answer.found is not None), None)
    return Findings(address=address, domain=domain, shown_domain=shown_domain(domain), best=best, answers=tuple(filled))


def _filled(answer: SourceAnswer, address: str) -> SourceAnswer:
    """Return what a source said with the login of one address; nothing is found where that would be too long."""
    if answer.found is None:
        return answer
    found = for_address(answer.found, address)
    if found.settings is not None and len(found.settings.login) > MAX_LOGIN_LENGTH:
        said = f"Its login for this address would be longer than {MAX_LOGIN_LENGTH} characters."
        return replace(answer, said=said, found=None)
    return replace(answer, found=found)
