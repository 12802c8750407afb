"""Refusals of what an account has sent already, or is not let send at all."""

from collections.abc import Sequence

from bot.smtp.check.refusals.refusal import AT_MESSAGE, ENVELOPE, FOR_GOOD, Refusal, any_of, signed_in
from bot.smtp.check.report import Fault

_COMMANDS = (*ENVELOPE, *AT_MESSAGE)
_LIMIT = any_of(
    "(daily|hourly|monthly|weekly|per[ -](day|hour|month)|an hour|a day|24 ?h|sending|submission|outgoing"
    "|outbound)[^.;]{0,50}(limit|quota|exceed|maximum)",
    r"(limit|quota|exceed\w*|maximum|reached)[^.;]{0,50}(daily|hourly|monthly|per[ -](day|hour|month)"
    "|for today|for sending|sending|submission|outgoing|outbound)",
    "submissionquota",
    "max(imum)? (e-?mails|messages)",
    "(message|e-?mail|mail|recipients?) (count )?(limit|quota)",
    r"(credit|plan|balance|subscription|trial|allowance|funds)\w*[^.;]{0,40}(exceed|exhaust|used up"
    "|insufficient|expired|limit|not enough|ended)",
    r"(exceed|no|insufficient|out of)\w* \w* ?credits",
)
_BLOCKED = any_of(
    r"\byour (\w+ ){0,2}(account|mailbox|user|e-?mail|address|domain|access"
    r"|service)\b[^.;]{0,40}(suspended|disabled|blocked|locked|banned|restricted|deactivated|frozen"
    "|terminated|compromised|paused|on hold)",
    r"(account|user|sender|outgoing|outbound|sending|submission)\b[^.;]{0,40}(suspended|blocked|locked"
    "|banned|restricted|deactivated|frozen|terminated|compromised|paused)",
    "(suspended|blocked|disabled|restricted|prevented) from sending",
    "sending[^.;]{0,30}(disabled|not enabled)",
    r"(account|domain|user)\b[^.;]{0,30}not (yet )?(been )?(activated|active|enabled|approved)",
    "bad outbound sender",
    "unusual sending activity",
    "outboundspam",
    "spam abuse detected",
)
_GOOGLE = "https://support.google.com/a/answer/3726730"
_MICROSOFT = "https://learn.microsoft.com/defender-office-365/outbound-spam-restore-restricted-users"

ACCOUNT_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.LIMIT_REACHED,
        commands=_COMMANDS,
        enhanced=("1.90",),
        says=_LIMIT,
        unless=r"\brate\b",
        source=_GOOGLE,
    ),
    # 4.4.5 is congestion.
    Refusal(fault=Fault.LIMIT_REACHED, commands=_COMMANDS, codes=FOR_GOOD, enhanced=("4.5",), source=_GOOGLE),
    Refusal(
        fault=Fault.ACCOUNT_BLOCKED,
        commands=_COMMANDS,
        enhanced=("7.501", "7.502", "7.503", "7.705"),
        says=_BLOCKED,
        unless="recipient|destinataire",
        given=signed_in,
        source=_MICROSOFT,
    ),
)
