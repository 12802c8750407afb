"""Runs every examination: those that do not depend on each other at once, whatever else fails."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from bot import settings
from bot.doctor.finding import (
    ANNOUNCED,
    APP_TOKEN,
    CLOCK,
    DATABASE,
    DISCOVERY,
    FILE,
    MAIL_SERVER,
    METRICS,
    PROGRAMS,
    PROGRAMS_CERTIFICATE,
    PROXIES,
    PUBLIC_URL,
    SETTINGS,
    SIGN_IN,
    SIGNING_SECRET,
    SLACK,
    TOKEN,
    Finding,
    bad,
    good,
    guarded,
    in_order,
)
from bot.doctor.mail import announced_findings, discovery_finding, mail_findings
from bot.doctor.programs import program_findings
from bot.doctor.public import public_findings, served_findings
from bot.doctor.slack import clock_findings, installation_findings, sign_in_findings, socket_findings, token_findings
from bot.doctor.storing import storing_findings
from bot.doctor.verdict import verdict
from bot.settings import EXAMPLES, KEY_SETTINGS, Settings, SettingsError, SettingsFileError
from storage.database import Database

_SIGNING_SECRET = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)

_TOLD_AS = {"SLACK_SIGNING_SECRET": "SLACK_APP_TOKEN", **dict.fromkeys(KEY_SETTINGS, "ENCRYPTION_KEYS")}
"""Of settings that may stand in for each other, the one that is named when all are missing."""

_OF_MANY_WORKSPACES = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET")
_OF_PROGRAMS = (
    "PROGRAMS",
    "SUBMISSION_HOST",
    "SUBMISSION_PORT",
    "SUBMISSION_TLS_PORT",
    "SUBMISSION_CERT_FILE",
    "SUBMISSION_KEY_FILE",
    "SUBMISSION_NAME",
)

_TELLS_OF = {
    ANNOUNCED: ("SMTP_HELO",),
    DISCOVERY: ("DISCOVERY",),
    PROXIES: ("TRUSTED_PROXIES",),
    METRICS: ("HOST", "PORT", "METRICS_HOST", "METRICS_PORT"),
    **dict.fromkeys((PROGRAMS, PROGRAMS_CERTIFICATE), _OF_PROGRAMS),
}
"""Subjects that tell what settings say, and the settings: one that is malformed would be told of as its default."""

_FOR_WANT_OF_PUBLIC_URL = {"PASSWORD_ENTRY": "needs PUBLIC_URL", "SLACK_BOT_TOKEN": "Or set PUBLIC_URL"}
"""Settings that may not be as they are without a public address, and words of what is said then."""


async def examine(mail_server: str | None = None) -> list[Finding]:
    """Examine everything that serving needs; return the findings in the order of `ORDER`, and the verdict.

    `mail_server` is a host, or host:port, that connection tests shall reach; None leaves mail out. Nothing is changed:
    no file, no schema, no check value, no record.
    """
    try:
        loaded, reasons = _loaded()
    except SettingsFileError as error:
        found = [bad(SETTINGS, str(error))]
        return [*found, verdict(found, None)]
    found = _setting_findings(reasons)
    if loaded is not None:
        found += await _findings(loaded, reasons, mail_server)
    if all(finding.subject != SETTINGS for finding in found):
        found.append(good(SETTINGS, "complete and well-formed."))
    found = _with_misspelt_names(found)
    if all(finding.subject != FILE for finding in found):
        found.append(_file_finding())
    found = in_order(found)
    return [*found, verdict(found, loaded)]


async def _findings(loaded: Settings, malformed: Mapping[str, str], mail_server: str | None) -> list[Finding]:
    found = await guarded(CLOCK, clock_findings(loaded))
    slack_answers = all(finding.subject != SLACK for finding in found)
    further = partial(installation_findings, loaded) if loaded.many_workspaces and slack_answers else _nothing
    examinations = [
        guarded(DATABASE, storing_findings(loaded, malformed, further)),
        guarded(PUBLIC_URL, public_findings(loaded)),
        guarded(ANNOUNCED, announced_findings(loaded)),
    ]
    if slack_answers:
        examinations += [
            guarded(TOKEN, token_findings(loaded)),
            guarded(APP_TOKEN, socket_findings(loaded)),
            guarded(SIGN_IN, sign_in_findings(loaded)),
        ]
    if mail_server is not None:
        examinations.append(guarded(MAIL_SERVER, mail_findings(loaded, mail_server)))
    for findings in await asyncio.gather(*examinations):
        found.extend(findings)
    found += [*_signing_secret_findings(loaded), discovery_finding(loaded), *served_findings(loaded)]
    found += program_findings(loaded)
    return [finding for finding in found if malformed.keys().isdisjoint(_TELLS_OF.get(finding.subject, ()))]


async def _nothing(_database: Database) -> list[Finding]:
    return []


def _file_finding() -> Finding:
    file = settings.settings_file()
    if file is None:
        return good(FILE, f"there is none in {Path.cwd()}, so settings come from the environment alone.")
    return good(FILE, f"{file} was read; what the environment says stands above it.")


def _with_misspelt_names(found: Sequence[Finding]) -> list[Finding]:
    """Return findings with each name in `.env` that is nearly a setting's: in place of the setting that is missing."""
    named = list(found)
    for name, near in settings.misspelt_settings().items():
        missing = re.compile(rf"{_TOLD_AS.get(near, near)}: (?:it is not set|neither it)")
        place = next((place for place, one in enumerate(named) if missing.match(one.sentence)), None)
        if place is None:
            named.append(bad(FILE, settings.misspelt_line(name, near)))
        else:
            why = f"it is not set, but {name} is, in {settings.settings_file()}, and nothing reads that name."
            named[place] = bad(SETTINGS, f"{near}: {why} Correct it there.")
    return named


def _setting_findings(reasons: Mapping[str, str]) -> list[Finding]:
    lines = str(SettingsError(reasons)).splitlines()
    return [bad(SETTINGS, line) for line in lines]


def _loaded() -> tuple[Settings | None, dict[str, str]]:
    """Load the settings with defaults for those that are malformed, and return what is wrong with each of these.

    The settings are None when even so they do not load, because malformed ones depend on each other.

    Raises:
        SettingsFileError: the file `.env` cannot be read.
    """
    reasons: dict[str, str] = {}
    for _ in Settings.model_fields:
        known = len(reasons)
        try:
            loaded = settings.load(**{name.lower(): _default(name) for name in reasons})
            loaded.require_slack()
        except SettingsFileError:
            raise
        except SettingsError as error:
            # A malformed setting that its default replaced may now count as missing; its first reason is kept.
            reasons = {**error.reasons, **reasons}
            if len(reasons) == known:
                break
        else:
            return loaded, _causes(reasons)
    # Of those that belong together one is missing: the rest is examined without all of them.
    for left_out in (_OF_MANY_WORKSPACES, (*_OF_MANY_WORKSPACES, *_OF_PROGRAMS)):
        try:
            return settings.load(**{name.lower(): _default(name) for name in (*reasons, *left_out)}), _causes(reasons)
        except SettingsError:
            continue
    return None, _causes(reasons)


def _causes(reasons: Mapping[str, str]) -> dict[str, str]:
    """Return reasons without those that follow from others, in the order of the settings."""
    # What is only for want of PUBLIC_URL, which is malformed.
    follows = {name for name, words in _FOR_WANT_OF_PUBLIC_URL.items() if words in reasons.get(name, "")}
    kept = reasons.keys() - (follows if "PUBLIC_URL" in reasons else set())
    return {name: reasons[name] for name in EXAMPLES if name in kept}


def _default(name: str) -> object:
    return Settings.model_fields[name.lower()].get_default(call_default_factory=True)


def _signing_secret_findings(loaded: Settings) -> list[Finding]:
    secret = loaded.slack_signing_secret
    if secret is None:
        return []
    if _SIGNING_SECRET.fullmatch(secret.get_secret_value()):
        return [good(SIGNING_SECRET, "it has the shape of one.")]
    why = "SLACK_SIGNING_SECRET: it is not 32 hexadecimal digits, so no request of Slack's would be believed; copy it"
    return [bad(SIGNING_SECRET, f"{why} again. Example: {EXAMPLES['SLACK_SIGNING_SECRET']}")]
