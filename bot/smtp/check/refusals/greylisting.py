"""Refusals of whom a server sees for the first time."""

from collections.abc import Sequence

from bot.smtp.check.refusals.refusal import AT_MESSAGE, ENVELOPE, FOR_NOW, Refusal, any_of
from bot.smtp.check.report import Fault, Outcome

_GREYLIST = "gr[ea]y[ -]?list|postgrey"
_LATER = any_of(
    r"(try|come) (again|back)[^.;]{0,20} (in|after) (\w+ )?[0-9]+",
    "first time",
    "deferred",
    "delay(ed|ing)? ",
    "temporarily (rejected|deferred)",
    "retry (in|after|later)",
    "early retry",
)

GREYLISTING_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.GREYLISTED,
        commands=ENVELOPE,
        codes=FOR_NOW,
        says=_GREYLIST,
        outcome=Outcome.WARNED,
        source="RFC 6647",
    ),
    Refusal(fault=Fault.GREYLISTED, commands=AT_MESSAGE, codes=FOR_NOW, says=_GREYLIST, source="RFC 6647"),
)

LATER_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.GREYLISTED, commands=ENVELOPE, codes=FOR_NOW, says=_LATER, outcome=Outcome.WARNED, source="RFC 6647"
    ),
    Refusal(fault=Fault.GREYLISTED, commands=AT_MESSAGE, codes=FOR_NOW, says=_LATER, source="RFC 6647"),
)
