"""Refusals that ask for encryption over a link that is encrypted already."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import ENVELOPE, Refusal, encrypted
from bot.smtp.check.report import Fault

ENCRYPTION_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.ENCRYPTION_NOT_SEEN,
        commands=(Command.AUTH, *ENVELOPE),
        codes=(530, 538, 554),
        says=r"starttls|must .*\b(tls|ssl)\b|encryption (is )?(required|needed)",
        given=encrypted,
        source="RFC 3207, 4",
    ),
)
