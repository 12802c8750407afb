"""Refusals by something in between: a scanner that answers in the server's place, encryption that is not seen."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import ENVELOPE, OPENING, Refusal, encrypted
from bot.smtp.check.report import Fault

IN_BETWEEN_REFUSALS: Sequence[Refusal] = (
    # The words are those of Avast's mail shield and of McAfee's proxy.
    Refusal(
        fault=Fault.PROXY_ANSWERED,
        commands=OPENING,
        says=r"(cannot|can't|could not|unable to|failed to) connect to (the )?(smtp|mail|remote|destination|upstream) "
        r"?(server|host)|connect error \d|\b(mfe|smtp|mail|ssl|tls|transparent) ?proxy\b|proxy (error|failed)",
        source="https://github.com/nodemailer/nodemailer/issues/855",
        dated="2026-11-30",
    ),
    Refusal(
        fault=Fault.ENCRYPTION_NOT_SEEN,
        commands=(Command.AUTH, *ENVELOPE),
        codes=(530, 538, 554),
        says=r"starttls|must .*\b(tls|ssl)\b|encryption (is )?(required|needed)",
        given=encrypted,
        source="RFC 3207, 4",
    ),
)
