"""What a row about refusals is, and when it fits."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.report import Fault, Outcome, Reply

Condition = Callable[[Evidence], bool]

ENVELOPE = (Command.MAIL, Command.RCPT)
AT_MESSAGE = (Command.DATA, Command.MESSAGE)
OPENING = (Command.GREETING, Command.EHLO)

FOR_NOW, FOR_GOOD = range(400, 500), range(500, 600)
"""The codes of temporary and of permanent refusals (RFC 5321, 4.2.1)."""


def signed_in(evidence: Evidence) -> bool:
    """Somebody has signed in."""
    return evidence.signed_in


def not_signed_in(evidence: Evidence) -> bool:
    """Nobody has signed in."""
    return not evidence.signed_in


def could_sign_in(evidence: Evidence) -> bool:
    """Nobody has signed in, though the last EHLO offers it."""
    return not evidence.signed_in and bool(evidence.mechanisms)


def cannot_sign_in(evidence: Evidence) -> bool:
    """Nobody has signed in, and the last EHLO does not offer it."""
    return not evidence.signed_in and not evidence.mechanisms


def encrypted(evidence: Evidence) -> bool:
    """TLS was set up."""
    return evidence.encrypted


def cannot_in_clear(evidence: Evidence) -> bool:
    """Nobody has signed in, and the link is in clear text, where servers seldom offer it."""
    return cannot_sign_in(evidence) and not evidence.encrypted


def not_encrypted(evidence: Evidence) -> bool:
    """The link is in clear text."""
    return not evidence.encrypted


def own_name(evidence: Evidence) -> bool:
    """The announced name is the one of the profile's HELO."""
    return evidence.own_name


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One row: which refusals it is about, and what they mean.

    Every column that is given must fit. `enhanced` are enhanced codes without their first digit ("7.25" is 4.7.25
    and 5.7.25), and `says` is a regular expression over the words, in any case: one of the two is enough. `unless` is
    one over words that the row is not about.
    """

    fault: Fault
    commands: tuple[Command, ...]
    codes: Sequence[int] = range(400, 600)
    enhanced: tuple[str, ...] = ()
    says: str = ""
    unless: str = ""
    given: Condition = lambda _: True
    outcome: Outcome = Outcome.FAILED
    source: str
    dated: str = "2026-11-29"

    def fits(self, reply: Reply, evidence: Evidence) -> bool:
        """Whether a refusal is one of these."""
        if evidence.command not in self.commands or reply.code not in self.codes or not self.given(evidence):
            return False
        if self.unless and re.search(self.unless, reply.text, re.IGNORECASE):
            return False
        if not self.enhanced and not self.says:
            return True
        return reply.enhanced[2:] in self.enhanced or bool(
            self.says and re.search(self.says, reply.text, re.IGNORECASE)
        )


def any_of(*patterns: str) -> str:
    """Return the regular expression that any of these makes true."""
    return "|".join(patterns)
