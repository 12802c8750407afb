"""The whole way: signed requests, real DNS packets, real TLS, real SMTP, until one typed value has passed the test."""

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import PEOPLE
from bot.demo.stand_in.platform import searchable
from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import NameAnswer
from bot.smtp.network.guard import Address
from tests.fakes.config_documents import document, server
from tests.fakes.config_server import Answer, Certificate, page
from tests.fakes.dns_server import Broken, Records
from tests.fakes.internet import MAIL, WEB, Internet, TrustingMail, internet
from tests.fakes.scripted_domains import AT_HOST, DOMAINS, certificates_of, pages_of, srv, zone_of
from tests.fakes.smtp_server import LOGIN, PASSWORD
from tests.scenario.defaults.test_defaults import set_defaults
from tests.scenario.people import ADA, GRACE, open_form, profile_of, settled, typed
from tests.scenario.started_before import StartedBefore

DOMAIN = LOGIN.partition("@")[2]
SMTP = f"smtp.{DOMAIN}"
AT_MAIL: Records = {"A": [MAIL]}

Zone = Mapping[str, Records | Broken]


class AroundNetwork(Network):
    """Tests connections in the scripted internet too."""

    def __init__(self, around: Internet) -> None:
        super().__init__()
        self._around = around

    async def resolve(self, host: str) -> list[Address]:
        """Resolve what the scripted name server knows."""
        found = await self._around.dns.records().addresses(host)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "there is no such name")
        return list(found)

    async def name_answer(self, host: str) -> NameAnswer:
        """Return that there is no such name."""
        return NameAnswer.NO_SUCH_NAME

    async def mail_servers(self, domain: str) -> tuple[str, ...]:
        """Return what the scripted name server says."""
        return await self._around.dns.records().mail_servers(domain) or ()

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        """Connect within the scripted internet."""
        return await self._around.network.connect(addresses, port)


@asynccontextmanager
async def bot_in(
    started: StartedBefore,
    folder: Path,
    zone: Zone,
    pages: Mapping[str, Answer] | None = None,
    *,
    certificates: Mapping[str, Certificate] | None = None,
    address: str = LOGIN,
) -> AsyncIterator[tuple[Demo, Internet]]:
    """Run a bot that reaches a scripted internet alone; Ada's address in Slack is `address`."""
    people = [replace(person, address=address) if person.id == ADA else person for person in PEOPLE]
    async with (
        internet(zone, pages, certificates=certificates) as around,
        running_demo(
            folder,
            mail=TrustingMail(),
            network=AroundNetwork(around),
            dns=around.dns.records(),
            people=people,
            encryption_keys=started.key,
            discovery="on",
        ) as demo,
    ):
        yield demo, around
        assert not demo.workspace.refusals


def sign_ins(around: Internet) -> int:
    """How often anybody signed in, or began to; each has to be encrypted."""
    heard = [one for server in around.mail for one in server.heard if one.line.upper().startswith(b"AUTH")]
    assert all(one.encrypted for one in heard)
    return len(heard)


PUBLISHED: dict[str, tuple[Zone, dict[str, Answer]]] = {
    "SRV": ({f"_submissions._tcp.{DOMAIN}": srv(f"0 1 465 {SMTP}."), SMTP: AT_MAIL}, {}),
    "autoconfig": (
        {f"autoconfig.{DOMAIN}": {"A": [WEB]}, SMTP: AT_MAIL},
        {AT_HOST.replace("autoconfig/", f"autoconfig.{DOMAIN}/", 1): page(document(server(SMTP)))},
    ),
    "nothing": ({SMTP: AT_MAIL}, {}),
}


@pytest.mark.parametrize("what", PUBLISHED)
async def test_whatever_a_domain_publishes_only_the_password_is_typed_until_the_test_passes(
    started: StartedBefore, tmp_path: Path, what: str
) -> None:
    zone, pages = PUBLISHED[what]
    async with bot_in(started, tmp_path, zone, pages) as (demo, around):
        workspace = demo.workspace
        await open_form(demo, ADA)
        await settled(demo)
        assert (typed(demo, ADA, "SMTP Server Address"), typed(demo, ADA, "Port")) == (SMTP, "465")
        await workspace.fill(ADA, "Password", PASSWORD)
        assert sign_ins(around) == 0
        await workspace.press(ADA, "Test connection")
        await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
        await settled(demo)
        assert sign_ins(around) == 1
        assert await workspace.submit(ADA) == {}
        assert "Works — tested" in searchable(await workspace.wait_message(ADA, "Your email profile"))
        assert (await profile_of(demo)).login == LOGIN
        asked = "\n".join([*(f"{name} {kind}" for name, kind in around.dns.asked), *map(str, around.web.asked)])
        assert LOGIN.partition("@")[0] not in asked.replace(DOMAIN, "")
        assert PASSWORD not in asked


async def test_a_row_of_the_admins_is_used_before_all_that_a_domain_publishes_and_leads_to_a_passed_test(
    started: StartedBefore, tmp_path: Path
) -> None:
    zone, pages = PUBLISHED["autoconfig"]
    relay = f"relay.{DOMAIN}"
    async with bot_in(started, tmp_path, {**zone, relay: AT_MAIL}, pages) as (demo, around):
        workspace = demo.workspace
        await set_defaults(demo, Defaults_by_domain=f"{DOMAIN} = {relay}:587 TLS")
        await open_form(demo, ADA)
        await settled(demo)
        assert (typed(demo, ADA, "SMTP Server Address"), typed(demo, ADA, "Port")) == (relay, "587")
        assert around.dns.asked == []
        await workspace.fill(ADA, "Password", PASSWORD)
        await workspace.press(ADA, "Test connection")
        await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
        assert sign_ins(around) == 1


TOLD = {
    "at-google.example": ("mail is hosted by Google", "DNS alone says so, and it can be forged"),
    "behind-proofpoint.example": ("mail is hosted by Microsoft 365", "A filter takes the mail of"),
    "hosted.example": ("smtp.hosting.example", "This comes from hosting.example, not from hosted.example."),
    "moved.example": ("moved.example publishes one provider's settings, and its mail comes in at another's.",),
    "srv-stranger.example": ("This comes from submissions.example, not from srv-stranger.example.",),
    "quiet.example": ("`smtp.quiet.example`", "quiet.example names no server; this one answered."),
    "xn--pple-43d.example": ("look like others. In DNS it is xn--pple-43d.example",),
    "at-tuta.example": ("Tuta",),
    "to-http.example": ("No settings were found for to-http.example.",),
    "inside.example": ("No settings were found for inside.example.",),
    "bomb.example": ("No settings were found for bomb.example.",),
    "untrusted.example": ("No settings were found for untrusted.example.",),
}
"""What a member has to read of a domain, and which warnings."""


async def test_of_domains_that_are_not_what_they_seem_each_warning_is_told_and_nothing_inside_is_reached(
    started: StartedBefore, tmp_path: Path
) -> None:
    zone, pages = zone_of(DOMAINS), pages_of(DOMAINS)
    async with bot_in(started, tmp_path, zone, pages, certificates=certificates_of(DOMAINS)) as (demo, around):
        workspace = demo.workspace
        for domain, sentences in TOLD.items():
            workspace.all_messages.clear()
            await workspace.command(ADA, "/email-profile", f"find ada-canary@{domain}")
            told = searchable(await workspace.wait_message(ADA, domain.partition(".")[0].removeprefix("xn--pple")))
            for sentence in sentences:
                assert sentence in told, (domain, told)
        assert "canary" not in around.told
        assert sign_ins(around) == 0
        assert {port for _, port in around.network.reached} <= {443, 465, 587}


async def test_what_only_a_stranger_vouches_for_is_put_nowhere_and_no_password_goes_there(
    started: StartedBefore, tmp_path: Path
) -> None:
    zone, pages = zone_of(DOMAINS), pages_of(DOMAINS)
    whole = bot_in(
        started, tmp_path, zone, pages, certificates=certificates_of(DOMAINS), address="ada@srv-stranger.example"
    )
    async with whole as (demo, around):
        workspace = demo.workspace
        await open_form(demo, ADA)
        await settled(demo)
        form = await workspace.wait_view(ADA, "Email profile", containing="This comes from submissions.example")
        assert typed(demo, ADA, "SMTP Server Address") is None
        assert "Use these" in str(form.content)
        await workspace.fill(ADA, "Password", PASSWORD)
        await workspace.press(ADA, "Test connection")
        await settled(demo)
        assert sign_ins(around) == 0
        await workspace.cancel(ADA)
        await workspace.command(GRACE, "/email-profile", "show @ada")
        await workspace.wait_message(GRACE, "no email profile")
