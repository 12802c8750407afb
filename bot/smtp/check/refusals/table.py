"""What a server's refusals mean: a table from what was refused, the codes and the words to a fault.

The first row that fits is used, so what the words tell comes first, and rows about codes alone stand at the end.
Codes are those of RFC 5321, 4954 and 3463.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.smtp.check.evidence import Evidence
from bot.smtp.check.refusals.account import ACCOUNT_REFUSALS
from bot.smtp.check.refusals.announced_name import ANNOUNCED_NAME_REFUSALS
from bot.smtp.check.refusals.client import CLIENT_REFUSALS
from bot.smtp.check.refusals.domain import DOMAIN_REFUSALS
from bot.smtp.check.refusals.general import GENERAL_REFUSALS
from bot.smtp.check.refusals.greylisting import GREYLISTING_REFUSALS, LATER_REFUSALS
from bot.smtp.check.refusals.in_between import IN_BETWEEN_REFUSALS
from bot.smtp.check.refusals.message import MESSAGE_REFUSALS
from bot.smtp.check.refusals.recipient import MAILBOX_REFUSALS, RECIPIENT_REFUSALS
from bot.smtp.check.refusals.refusal import Refusal
from bot.smtp.check.refusals.sender import OWNER_REFUSALS, SENDER_REFUSALS
from bot.smtp.check.refusals.server import SERVER_REFUSALS
from bot.smtp.check.refusals.sign_in import SIGN_IN_REFUSALS
from bot.smtp.check.refusals.sign_in_needed import SIGN_IN_NEEDED_REFUSALS
from bot.smtp.check.report import Fault, Outcome, Reply

REFUSALS: Sequence[Refusal] = (
    *IN_BETWEEN_REFUSALS,
    *SIGN_IN_REFUSALS,
    *DOMAIN_REFUSALS,
    *CLIENT_REFUSALS,
    *ANNOUNCED_NAME_REFUSALS,
    *GREYLISTING_REFUSALS,
    *ACCOUNT_REFUSALS,
    *MAILBOX_REFUSALS,
    *SENDER_REFUSALS,
    *SIGN_IN_NEEDED_REFUSALS,
    *OWNER_REFUSALS,
    *RECIPIENT_REFUSALS,
    *LATER_REFUSALS,
    *SERVER_REFUSALS,
    *MESSAGE_REFUSALS,
    *GENERAL_REFUSALS,
)

_ENHANCED_WITHIN = re.compile(r"#([45]\.\d{1,3}\.\d{1,3})\b")
"""qmail and IronPort write the enhanced code with a # among the words."""

_ADDRESS = re.compile(r"[^\s<]+@[^\s>;,]+")
"""Addresses are the server's echo of what it was asked, and may hold any word."""


def classify(reply: Reply, evidence: Evidence) -> tuple[Fault, Outcome]:
    """Return what a refusal means, and whether it fails the stage or warns only."""
    if reply.code < 400:
        return Fault.GARBLED, Outcome.FAILED
    judged = _judged(reply)
    row = next(row for row in REFUSALS if row.fits(judged, evidence))
    return row.fault, row.outcome


def _judged(reply: Reply) -> Reply:
    """Return the reply without addresses, with its enhanced code, and with a permanent code where that one is."""
    within = _ENHANCED_WITHIN.search(reply.text)
    enhanced = reply.enhanced or (within.group(1) if within else "")
    permanent = enhanced.startswith("5") and reply.code < 500
    text = _ADDRESS.sub("@", reply.text)
    return replace(reply, enhanced=enhanced, code=reply.code + 100 if permanent else reply.code, text=text)
