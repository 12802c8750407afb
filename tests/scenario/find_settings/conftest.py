"""A bot that finds what a test says, when the test lets it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.discovery.discovery import Discovery
from bot.discovery.findings import Caution, Findings, Found, MailSettings, OwnRow, Source, SourceAnswer, for_address
from bot.providers.providers import Provider
from bot.smtp.account import Encryption
from tests.scenario.started_before import StartedBefore


def settings(
    host: str, *, port: int = 587, encryption: Encryption = Encryption.TLS, login: str = "{address}"
) -> MailSettings:
    """Settings as a source knows them for a whole domain."""
    return MailSettings(host=host, port=port, encryption=encryption, login=login)


def found(
    source: Source,
    of: MailSettings | None,
    *cautions: Caution,
    provider: Provider | None = None,
    other_domain: str = "",
) -> Found:
    """What a source found."""
    return Found(source=source, settings=of, provider=provider, cautions=cautions, other_domain=other_domain)


@dataclass
class Script:
    """What the network knows, by domain, the most trusted source first; searches wait while `may_answer` is not set."""

    known: dict[str, tuple[Found, ...]] = field(default_factory=dict)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)

    async def find(self, local: Findings) -> Findings:
        """Answer a search beyond what is known without the network."""
        self.asked.append(local.address)
        await self.may_answer.wait()
        ways = [for_address(way, local.address) for way in self.known.get(local.domain, ())]
        answers = [SourceAnswer(source=way.source, said=f"{way.source.value} knows it.", found=way) for way in ways]
        best = ways[0] if ways else None
        return replace(local, best=best, answers=(*local.answers, *answers), complete=True)


async def cut_short(discovery: Discovery, address: str, own: tuple[OwnRow, ...]) -> Findings:
    """Answer a search, in place of `Discovery.find`, with what is known at once and that the rest was left off."""
    return discovery.known(address, own)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """What is found on the network, at once unless the test clears `may_answer`."""
    scripted, known = Script(), Discovery.known
    scripted.may_answer.set()

    def known_locally(self: Discovery, address: str, own: tuple[OwnRow, ...]) -> Findings:
        local = known(self, address, own)
        return replace(local, complete=local.best is not None or not local.domain)

    async def find(self: Discovery, address: str, own: tuple[OwnRow, ...]) -> Findings:
        return await scripted.find(known(self, address, own))

    monkeypatch.setattr(Discovery, "known", known_locally)
    monkeypatch.setattr(Discovery, "find", find)
    return scripted


@pytest.fixture
async def finding_demo(script: Script, started: StartedBefore, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo over signed HTTP, in which settings are found as the script says."""
    async with running_demo(tmp_path, encryption_keys=started.key, discovery="on") as opened:
        yield opened
    assert not opened.workspace.refusals
