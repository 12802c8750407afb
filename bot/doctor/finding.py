"""The findings of an examination, their subjects and their order."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

FILE = ".env"
SETTINGS = "Settings"
KEYS = "Keys"
DATABASE = "Database"
POLICIES = "Policies"
SLACK = "Slack"
TOKEN = "Slack token"  # noqa: S105 - a subject, not a token
IN_WORKSPACE = "Slack in"
INSTALLATIONS = "Installations"
APP_TOKEN = "Slack app token"  # noqa: S105 - a subject, not a token
SIGNING_SECRET = "Signing secret"  # noqa: S105 - a subject, not a secret
SCOPES = "Slack scopes"
SOCKET_MODE = "Socket Mode"
ANNOUNCED = "EHLO"
DISCOVERY = "DISCOVERY"
DNS = "DNS"
MAIL_SERVER = "Mail server"
CLOCK = "Clock"
PUBLIC_URL = "PUBLIC_URL"
SIGN_IN = "Sign in with Slack"
PROXIES = "Proxies"
METRICS = "Metrics"
PROGRAMS = "Programs"
PROGRAMS_CERTIFICATE = "Programs' certificate"
VERDICT = "Verdict"

ORDER = (
    FILE,
    SETTINGS,
    KEYS,
    DATABASE,
    POLICIES,
    SLACK,
    TOKEN,
    IN_WORKSPACE,
    INSTALLATIONS,
    APP_TOKEN,
    SIGNING_SECRET,
    SCOPES,
    SOCKET_MODE,
    ANNOUNCED,
    DISCOVERY,
    DNS,
    MAIL_SERVER,
    CLOCK,
    PUBLIC_URL,
    SIGN_IN,
    PROXIES,
    METRICS,
    PROGRAMS,
    PROGRAMS_CERTIFICATE,
)
"""Subjects, or how they begin, in the order of the report; the verdict ends it."""

ANSWER_TIMEOUT_SECONDS = 4.0
"""How long each answer from the network is waited for."""


@dataclass(frozen=True)
class Finding:
    """The result for one subject: whether it is good, and a sentence with what was found and, if bad, what to do."""

    subject: str
    good: bool
    sentence: str


def good(subject: str, sentence: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(subject, good=True, sentence=sentence)


def bad(subject: str, sentence: str) -> Finding:
    """Return a finding that something is wrong; the sentence says what to do."""
    return Finding(subject, good=False, sentence=sentence)


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Sort findings by their subjects."""
    return sorted(findings, key=_place)


def _place(finding: Finding) -> int:
    # "Slack token" begins like "Slack", too.
    return ORDER.index(max((subject for subject in ORDER if finding.subject.startswith(subject)), key=len))


async def guarded(subject: str, examination: Awaitable[list[Finding]]) -> list[Finding]:
    """Return the findings of an examination; when it raises, that is the finding."""
    try:
        return await examination
    except Exception as error:  # noqa: BLE001 - one examination that fails shall not hide the others
        # Its text may name credentials, its type does not.
        why = f"it could not be examined ({type(error).__name__}); the log of `run` may tell more."
        return [bad(subject, why)]
