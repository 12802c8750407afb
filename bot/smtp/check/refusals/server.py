"""Trouble of the server's own, whatever was asked of it."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import AT_MESSAGE, ENVELOPE, FOR_NOW, OPENING, Refusal, any_of
from bot.smtp.check.report import Fault, Outcome

_ANYWHERE = (*OPENING, *ENVELOPE, *AT_MESSAGE)
_TOO_MANY = any_of(
    "failure sending mail",
    r"\brate\b",
    "too (many|much|fast|quick|frequent)(?! hops)",
    "throttl",
    "slow(er| down)",
    "concurrent",
    "simultaneous",
    "frequen(cy|tly)",
    "flood",
    "connection limit",
    "limit of connections",
)

SERVER_REFUSALS: Sequence[Refusal] = (
    # A temporary code, though nothing changes until somebody mends the server.
    Refusal(
        fault=Fault.SERVER_MISCONFIGURED,
        commands=_ANYWHERE,
        enhanced=("3.5",),
        says=any_of(
            "config(uration)? (error|problem|fail)",
            "misconfigur",
            "configured (wrong|incorrect)",
            "incorrectly configured",
            "lookup (failure|error|failed)",
            "queue file write",
            "mail loop",
            "loops? back to",
            "read-only",
            "permission denied",
        ),
        source="RFC 3463, 3.4",
    ),
    Refusal(
        fault=Fault.SERVER_FULL,
        commands=_ANYWHERE,
        enhanced=("3.1",),
        says=any_of(
            "insufficient (system |disk )?(storage|disk|resource|space)",
            "out of (disk|space|storage|memory)",
            "no space left",
            "disk (is )?full",
            "mail ?system (is )?full",
            "not enough (disk|storage|space)",
        ),
        source="RFC 3463, 3.4",
    ),
    Refusal(
        fault=Fault.RATE_LIMITED,
        commands=ENVELOPE,
        codes=FOR_NOW,
        says=_TOO_MANY,
        outcome=Outcome.WARNED,
        source="https://www.postfix.org/anvil.8.html",
    ),
    Refusal(
        fault=Fault.RATE_LIMITED,
        commands=(Command.MAIL, Command.RCPT, *AT_MESSAGE),
        says=_TOO_MANY,
        source="https://www.postfix.org/anvil.8.html",
    ),
)
