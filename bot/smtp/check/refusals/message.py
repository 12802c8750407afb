"""Refusals of what a message says, at its end or before it."""

from collections.abc import Sequence

from bot.smtp.check.refusals.refusal import AT_MESSAGE, ENVELOPE, FOR_GOOD, FOR_NOW, Refusal, any_of
from bot.smtp.check.report import Fault

MESSAGE_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.MESSAGE_TOO_LARGE,
        commands=(*ENVELOPE, *AT_MESSAGE),
        enhanced=("3.4", "2.3"),
        says=any_of(
            r"(message|mail|data)\b[^;]{0,40}(too (large|big|long)|size|exceeds)",
            "too (large|big)",
            "size limit",
            "maximum size",
        ),
        source="RFC 1870, 6",
    ),
    Refusal(
        fault=Fault.SPAM_SUSPECTED,
        commands=(*ENVELOPE, *AT_MESSAGE),
        says=any_of(
            r"\bspam\w*",
            "unsolicited",
            r"\bbulk\b",
            r"\bjunk\b",
            "suspicious",
            "suspected",
            "virus",
            "malware",
            "phish",
            "dt:spm",
            "content",
            "reputation of the sending domain",
            "message filtered",
            "垃圾",
        ),
        source="RFC 3463, 3.8",
    ),
    Refusal(
        fault=Fault.POLICY_REFUSED,
        commands=(*ENVELOPE, *AT_MESSAGE),
        codes=FOR_NOW,
        says="polic(y|ies)",
        unless="later|again|temporar|moment",
        source="https://www.ionos.de/hilfe/e-mail/postmaster/smtp-fehlermeldungen-der-11-ionos-mailserver",
    ),
    Refusal(
        fault=Fault.POLICY_REFUSED,
        commands=(*ENVELOPE, *AT_MESSAGE),
        codes=FOR_GOOD,
        says=any_of("polic(y|ies)", "security (reason|setting)", r"\brules?\b"),
        source="RFC 3463, 3.8",
    ),
)
