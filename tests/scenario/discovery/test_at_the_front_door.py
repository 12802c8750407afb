"""The same domains met through the form and the command, with a password typed: it reaches no socket of theirs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from tests.fakes.internet import Internet, TrustingMail, internet
from tests.fakes.scripted_domains import DOMAINS, certificates_of, pages_of, zone_of
from tests.named import case
from tests.scenario.discovery.test_scripted_domains import LOCAL_PART, address_at, nothing_else_happened
from tests.scenario.people import ADA, GRACE, open_form, settled, typed
from tests.scenario.started_before import StartedBefore

PASSWORD = "canary 1843 of Ada"

PUT_INTO_THE_FORM = {
    "published.example": "smtp.published.example",
    "at-google.example": "smtp.gmail.com",
    "submissions.example": "smtp.submissions.example",
    "quiet.example": "smtp.quiet.example",
    "behind-proofpoint.example": "smtp.office365.com",
    "behind-gateway-us.example": "smtp.office365.us",
    "taken-over.example": "smtp.office365.com",
}
"""Domains whose settings are put into an empty form, and the server that stands there then."""

NOT_PUT_THERE = {
    "hosted.example": "This comes from hosting.example",
    "moved.example": "its mail comes in at another",
    "srv-stranger.example": "This comes from submissions.example",
    "behind-mimecast.example": "only among those that may send mail for it",
    "co.uk": "No settings were found for co.uk.",
    "inside.example": "No settings were found for inside.example.",
    "clear-text.example": "No settings were found for clear-text.example.",
    "untrusted.example": "No settings were found for untrusted.example.",
    "nowhere.example": "No settings were found for nowhere.example.",
}
"""Domains for which somebody has to decide, or nothing may be used, and what is said."""


@dataclass(frozen=True)
class World:
    """A bot, and the internet that it looks for settings in."""

    demo: Demo
    around: Internet

    async def find(self, domain: str) -> None:
        """Have Ada's form look for the settings of her address at a domain."""
        await self.demo.workspace.fill(ADA, "Email Address", address_at(domain))
        await self.demo.workspace.press(ADA, "Find settings")
        await settled(self.demo)

    def told(self) -> str:
        """Everything that stands in Ada's form."""
        view = self.demo.workspace.view(ADA)
        assert view is not None
        return str(view.content)


@pytest.fixture
async def world(started: StartedBefore, tmp_path: Path) -> AsyncIterator[World]:
    async with _world(started, tmp_path) as made:
        yield made
        nothing_else_happened(made.around)
        assert "1843" not in made.around.told


@asynccontextmanager
async def _world(started: StartedBefore, folder: Path) -> AsyncIterator[World]:
    scripted = internet(zone_of(DOMAINS), pages_of(DOMAINS), certificates=certificates_of(DOMAINS))
    async with (
        scripted as around,
        running_demo(
            folder,
            mail=TrustingMail(),
            network=around.network,
            dns=around.dns.records(),
            discovery="on",
            smtp_allowed_networks=(),
            encryption_keys=started.key,
        ) as demo,
    ):
        yield World(demo, around)


async def test_what_is_found_stands_in_the_form_and_the_typed_password_stays_there_alone(world: World) -> None:
    workspace = world.demo.workspace
    workspace.people[ADA] = replace(workspace.people[ADA], address=address_at("well-known.example"))
    await open_form(world.demo, ADA)
    await settled(world.demo)
    assert typed(world.demo, ADA, "SMTP Server Address") == "smtp.well-known.example"
    assert typed(world.demo, ADA, "User/Login") == LOCAL_PART
    await workspace.fill(ADA, "Password", PASSWORD)
    for domain, host in PUT_INTO_THE_FORM.items():
        with case(domain):
            await world.find(domain)
            assert typed(world.demo, ADA, "SMTP Server Address") == host


async def test_what_has_to_be_decided_or_may_not_be_used_is_put_nowhere_and_told(world: World) -> None:
    workspace = world.demo.workspace
    await open_form(world.demo, ADA)
    await settled(world.demo)
    await workspace.fill(ADA, "Password", PASSWORD)
    for domain, words in NOT_PUT_THERE.items():
        with case(domain):
            await world.find(domain)
            assert not typed(world.demo, ADA, "SMTP Server Address")
            assert words in world.told()


async def test_the_command_tells_admins_what_each_source_said(world: World) -> None:
    workspace = world.demo.workspace
    for domain, words in (
        (
            "published.example",
            (
                "autoconfig.published.example names smtp.published.example, port 465, SSL.",
                "Mail for published.example comes in at mx.hosting.example, which is no provider that the bot knows.",
                "It was not needed, because a more trusted source knows settings.",
            ),
        ),
        (
            "behind-proofpoint.example",
            ("a security gateway; autodiscover.behind-proofpoint.example leads to Microsoft 365.",),
        ),
        (
            "mail-inside.example",
            ("The mail server of mail-inside.example does not exist, or leads where the bot may not look.",),
        ),
        ("untrusted.example", ("No mail server answers encrypted at smtp.untrusted.example, mail.untrusted.example",)),
    ):
        with case(domain):
            await workspace.command(GRACE, "/email-profile", f"find {address_at(domain)}")
            await settled(world.demo)
            answer = searchable(workspace.messages(GRACE)[-1])
            for sentence in words:
                assert sentence in answer
