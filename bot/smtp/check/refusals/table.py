"""What a server's refusals mean: a table from what was refused, the codes and the words to a fault.

The first row that fits is used, so rows about codes alone stand at the end. Codes are those of RFC 5321, 4954 and 3463.
"""

from collections.abc import Sequence

from bot.smtp.check.evidence import Evidence
from bot.smtp.check.refusals.envelope import ENVELOPE_REFUSALS
from bot.smtp.check.refusals.greeting import GREETING_REFUSALS
from bot.smtp.check.refusals.message import MESSAGE_REFUSALS
from bot.smtp.check.refusals.refusal import Refusal
from bot.smtp.check.refusals.sign_in import SIGN_IN_REFUSALS
from bot.smtp.check.report import Fault, Outcome, Reply

REFUSALS: Sequence[Refusal] = (*GREETING_REFUSALS, *SIGN_IN_REFUSALS, *ENVELOPE_REFUSALS, *MESSAGE_REFUSALS)


def classify(reply: Reply, evidence: Evidence) -> tuple[Fault, Outcome]:
    """Return what a refusal means, and whether it fails the stage or warns only."""
    if reply.code < 400:
        return Fault.GARBLED, Outcome.FAILED
    row = next(row for row in REFUSALS if row.fits(reply, evidence))
    return row.fault, row.outcome
