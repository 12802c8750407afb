"""Runs every examination: those that do not depend on each other at once, whatever else fails."""

import asyncio
import re
from collections.abc import Mapping

from bot import settings
from bot.doctor.finding import (
    ANNOUNCED,
    APP_TOKEN,
    CLOCK,
    DATABASE,
    MAIL_SERVER,
    PUBLIC_URL,
    SETTINGS,
    SIGNING_SECRET,
    TOKEN,
    Finding,
    bad,
    good,
    guarded,
    in_order,
)
from bot.doctor.mail import announced_findings, mail_findings
from bot.doctor.public import public_findings
from bot.doctor.slack import clock_findings, socket_findings, token_findings
from bot.doctor.storing import storing_findings
from bot.settings import EXAMPLES, Settings, SettingsError, SettingsFileError

_SIGNING_SECRET = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)


async def examine(mail_server: str | None = None) -> list[Finding]:
    """Examine everything that serving needs, and return the findings in the order of `ORDER`.

    `mail_server` is a host, or host:port, that connection tests shall reach; None leaves mail out. Nothing is changed:
    no schema, no check value, no record.
    """
    try:
        loaded, reasons = _loaded()
    except SettingsFileError as error:
        return [bad(SETTINGS, str(error))]
    found = _setting_findings(reasons)
    if loaded is not None:
        examinations = [
            guarded(DATABASE, storing_findings(loaded, reasons)),
            guarded(TOKEN, token_findings(loaded)),
            guarded(APP_TOKEN, socket_findings(loaded)),
            guarded(CLOCK, clock_findings(loaded)),
            guarded(PUBLIC_URL, public_findings(loaded)),
            guarded(ANNOUNCED, announced_findings(loaded)),
        ]
        if mail_server is not None:
            examinations.append(guarded(MAIL_SERVER, mail_findings(loaded, mail_server)))
        for findings in await asyncio.gather(*examinations):
            found.extend(findings)
        found.extend(_signing_secret_findings(loaded))
    if all(finding.subject != SETTINGS for finding in found):
        found.append(good(SETTINGS, "complete and well-formed."))
    return in_order(found)


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
            return loaded, reasons
    try:
        return settings.load(**{name.lower(): _default(name) for name in reasons}), reasons
    except SettingsError:
        return None, reasons


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
