"""Refusals because of what the sender's domain publishes in DNS: SPF, DKIM, DMARC."""

from collections.abc import Sequence

from bot.smtp.check.refusals.refusal import AT_MESSAGE, ENVELOPE, Refusal, any_of
from bot.smtp.check.report import Fault

_COMMANDS = (*ENVELOPE, *AT_MESSAGE)

DOMAIN_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.DMARC_FAILED,
        commands=_COMMANDS,
        enhanced=("7.20", "7.26", "7.509", "7.515"),
        says=any_of(
            r"\bdmarc\b",
            "unauthenticated (e-?mail|sender|message)s? (from|is not accepted)",
            "(spf|dkim) (or|and|nor) (spf|dkim)",
            r"\bdkim\b",
            "required authentication level",
        ),
        source="RFC 7372, 3.4",
    ),
    Refusal(
        fault=Fault.SPF_FAILED,
        commands=_COMMANDS,
        enhanced=("7.23", "7.24"),
        says=any_of(
            r"\bspf\b",
            "openspf",
            "sender policy framework",
            "permitted sender",
            "not (allowed|permitted|authori[sz]ed) to send (e-?mails? |messages? )?(from|for"
            "|on behalf of) (the )?domain",
            r"(ip|host|client)\b.{0,40}not (allowed|permitted|authori[sz]ed) to send (e-?mails? |messages? )?(from"
            "|for|as)",
        ),
        source="RFC 7372, 3.2",
    ),
)
