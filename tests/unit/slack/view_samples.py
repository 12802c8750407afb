"""Profiles as plain, as long and as hostile as they come, and how a text is told that comes alive."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from bot.discovery.findings import OwnRow
from bot.profiles.account.drafts import FormBasis
from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import ProfileState, ProfileView
from bot.profiles.errors import ExtraConflictError
from bot.profiles.people.access import Person
from bot.profiles.people.defaults import Defaults
from bot.providers.providers import Provider
from bot.slack.views import form_state
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.views.private_metadata import ReplyAddress
from bot.smtp.account import Encryption
from bot.smtp.check.report import Fault, Outcome, Reply, Report, Stage, StageName

ADA, GRACE = "U0ADA", "U0GRACE"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECRET = "canary-7Hq2"
EVIL = "<!channel> <@U0EVE|x> <https://evil.example|ok> & *b* _i_ ~s~ `c` &lt; {host}"
LONG_HOST = ".".join(["h" * 63, "h" * 63, "h" * 63, "h" * 61])
LONG_ADDRESS = f"{'a' * 64}@{LONG_HOST[:189]}"
SENTENCE = f"There is {EVIL}."
REPLY = ReplyAddress(
    workspace="T1", user=ADA, url=f"https://hooks.slack.com/actions/T0123456789/{'x' * 60}", until=1.8e9
)
CONFLICT = ExtraConflictError(SENTENCE, wanted="SSL", present="TLS")

PLAIN = EmailProfile(
    address="ada@example.com",
    login="ada",
    password=SecretStr(SECRET),
    password_host="smtp.example.com",
    password_set_at=NOW,
    host="smtp.example.com",
    port=587,
    extras={"TLS": "Y"},
)
LONGEST = replace(
    PLAIN,
    address=LONG_ADDRESS,
    login="l" * 320,
    host=LONG_HOST,
    port=65535,
    extras={
        "SSL": "N",
        "TLS": "Y",
        "AUTH": "CRAM-MD5",
        "HELO": LONG_HOST,
        "FROM_NAME": "f" * 70,
        "REPLY_TO": LONG_ADDRESS,
    },
)
HOSTILE = replace(PLAIN, address=EVIL, login=EVIL * 2, host=EVIL, extras={"TLS": "Y", "FROM_NAME": EVIL, "HELO": EVIL})
EXTREME = replace(
    LONGEST, login="&" * 320, address="&" * 230 + "@example.com", extras={"FROM_NAME": "&" * 70, "TLS": "Y"}
)
PROFILES = {"plain": PLAIN, "longest": LONGEST, "hostile": HOSTILE, "extreme": EXTREME}
LONG_DETAIL = f"535 5.7.8 {EVIL * 3}"[:215]

DEFAULTS = Defaults(
    host=LONG_HOST,
    port=587,
    encryption=Encryption.TLS,
    login_pattern="DOMAIN\\{local}",
    domain=LONG_HOST[:180],
    rows=tuple(
        OwnRow(host="smtp.example.com", port=465, encryption=Encryption.TLS, login_pattern="{local}", **whose)
        for number in range(25)
        for whose in ({"domain": f"d{number}.example.com"}, {"mx": f"*.m{number}.example.com"})
    ),
    allowed_servers=(LONG_HOST, "smtp.example.com"),
)


def a_report(
    profile: EmailProfile,
    fault: Fault | None = None,
    *,
    outcome: Outcome = Outcome.PASSED,
    detail: str = LONG_DETAIL,
    encryption: Encryption = Encryption.TLS,
    port: int | None = None,
) -> Report:
    stages = [Stage(name=name, outcome=Outcome.PASSED, seconds=0.0234, detail=detail) for name in StageName]
    stages[4] = replace(stages[4], outcome=outcome, seconds=5.04)
    return Report(
        host=profile.host,
        port=port or profile.port or 0,
        encryption=encryption,
        stages=tuple(stages),
        seconds=5.5,
        tested_at=NOW,
        fault=fault,
        reply=Reply(code=535, enhanced="5.7.8", text=EVIL),
        certificate_names=(EVIL, LONG_HOST[:100], "", EVIL, EVIL),
    )


def a_view(profile: EmailProfile, last: Report | None = None, **changed: Any) -> ProfileView:
    owner = Person(workspace="T1", user=ADA)
    values = {"owner": owner, "profile": profile, "has_password": True, "revision": 3, "last_test": last}
    return ProfileView(**{**values, **changed})


def views_of_a_profile(profile: EmailProfile) -> dict[ProfileState, ProfileView]:
    views = (
        a_view(profile, a_report(profile)),
        a_view(profile, a_report(profile, Fault.SIGN_IN_REFUSED, outcome=Outcome.FAILED)),
        a_view(profile),
        a_view(profile, has_password=False),
        a_view(EmailProfile(extras=profile.extras), has_password=False),
        a_view(EmailProfile(), has_password=False, unreadable=True),
    )
    return {view.state: view for view in views}


def a_form(view: ProfileView, *, reader: str, entry: PasswordEntry) -> form_state.Form:
    """The form over a view, in a workspace with defaults, opened from a channel."""
    basis = FormBasis(view=view, defaults=DEFAULTS)
    return form_state.new_form(basis, slack_address="ada@example.com", reader=reader, entry=entry, reply=REPLY)


def texts(node: Any) -> Iterator[dict[str, Any]]:
    """Find every text object in a payload."""
    if isinstance(node, dict):
        if node.get("type") in ("mrkdwn", "plain_text") and isinstance(node.get("text"), str):
            yield node
        for inner in node.values():
            yield from texts(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from texts(inner)


PAGES = {page for one in Provider for page in (one.value.page, one.value.first_link) if "/" in page}
PAGES |= {one.value.ending.source for one in Provider if one.value.ending}
LINKS = "|".join(re.escape(page.removeprefix("https://")) for page in sorted(PAGES, key=len, reverse=True))
OURS = re.compile(
    rf"<@(?:{ADA}|{GRACE})>|<!date\^\d+\^[^<>|]+\|[^<>|]+>|<https://(?:{LINKS})\|[^<>|]+>|&(?:amp|lt|gt);"
)


def assert_inert(text: str) -> None:
    """Nothing but our own mentions, dates and pages of providers is alive, and no entity is broken."""
    left = OURS.sub("", text)
    assert not re.search("[<>&]", left), left
