"""Refusals of the recipient, which only warn: whoever cannot receive may still send."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import FOR_GOOD, FOR_NOW, Refusal, any_of
from bot.smtp.check.report import Fault, Outcome

_ROOM = any_of(
    r"(mailbox|folder|maildir|inbox)\b[^;]{0,40}\bfull\b",
    "full mailbox",
    r"\bis full\b",
    "over ?quota",
    "quota (is |has been |usage )?(exceeded|full|violation|reached)",
    r"exceed\w*[^.;]{0,40}(quota|storage|allocation|(disk|mailbox) (space|size))",
    "quota[^.;]{0,20}exceed",
    "mailbox (size limit|exceeded)",
    "over (the |its |their )?(allowed |disk )?quota",
    "no (more )?(room|space)",
    "not enough (disk |storage )?space",
    "pleine",
    "speicherplatz",
)
_OFF = any_of(
    "(disabled|inactive|suspended|blocked) (recipient|mailbox|account|user|address)",
    r"(mailbox|account|user|recipient|address)\b[^;]{0,40}(disabled|inactive|suspended|deactivated|not active|frozen"
    "|locked|terminated|closed|expired|archived|dormant)",
)
_NO_RECIPIENT = any_of(
    "(user|recipient|mailbox|account|address|alias|person|customer|addressee|rcpt"
    r"|e-?mail)\b[^;]{0,60}(unknown|not (be )?(found|exist|known|valid|a valid|listed|local|recogni[sz]ed"
    "|here|present)|n't (exist|have)|does not exist|no longer|undeliverable|unverified|unavailable"
    "|invalid|unroutable|nonexist|non-exist|unknow)",
    "(unknown|no such|invalid|bad|non-?existent|not a valid|not a known|undeliverable"
    r"|no valid) (\w+ )?(user|recipient|mailbox|account|address|alias|person|local|rcpt|destination)",
    r"no (mail ?box|account|one)\b[^;]{0,30}(here|by that name|found|at|with)",
    "unrout(e?)able address",
    "badrcptto",
    "validrcptto",
    "recipientnotfound",
    "unbekannt",
    "inconnu",
    "no existe",
    "nessun utente",
    "неизвестн",
    "не найден",
    "用户不存在",
    r"address rejected\.?$",
    r"recipient (address )?rejected\.?$",
    "recipient not ok",
    "not our (customer|user)",
    "domain not found",
    r"recipient\b[^;]{0,30}\bnot? ",
)
_OTHERS = r"\bsender\b|failure sending mail"
"""Words over the sender, and GMX's over its limit, beside a code or words that are the recipient's."""

MAILBOX_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.MAILBOX_FULL,
        commands=(Command.RCPT,),
        enhanced=("2.2",),
        says=_ROOM,
        outcome=Outcome.WARNED,
        source="RFC 3463, 3.3",
    ),
    Refusal(
        fault=Fault.MAILBOX_FULL,
        commands=(Command.MESSAGE,),
        says=_ROOM,
        outcome=Outcome.WARNED,
        source="RFC 3463, 3.3",
    ),
    Refusal(
        fault=Fault.TEMPORARY_REFUSAL,
        commands=(Command.RCPT,),
        says="receiving mail (at a rate|too quickly)",
        outcome=Outcome.WARNED,
        source="https://support.google.com/mail/?p=ReceivingRate",
    ),
    Refusal(
        fault=Fault.MAILBOX_DISABLED,
        commands=(Command.RCPT,),
        enhanced=("2.1", "7.13"),
        says=_OFF,
        outcome=Outcome.WARNED,
        source="RFC 3463, 3.3",
    ),
)

RECIPIENT_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.TEMPORARY_REFUSAL,
        commands=(Command.RCPT,),
        codes=FOR_NOW,
        says=r"(mailbox|user|account|recipient)\b[^;]{0,30}(unavailable|busy)|temporarily (unavailable|rejected)",
        outcome=Outcome.WARNED,
        source="RFC 5321, 4.2.3",
    ),
    Refusal(
        fault=Fault.RECIPIENT_REFUSED,
        commands=(Command.RCPT,),
        enhanced=("1.0", "1.1", "1.2", "1.3", "1.6", "1.10"),
        says=_NO_RECIPIENT,
        unless=_OTHERS,
        outcome=Outcome.WARNED,
        source="RFC 3463, 3.2",
    ),
    # What Microsoft 365 answers where it knows all mailboxes of a domain.
    Refusal(
        fault=Fault.RECIPIENT_REFUSED,
        commands=(Command.RCPT,),
        codes=FOR_GOOD,
        enhanced=("4.1",),
        outcome=Outcome.WARNED,
        source="https://learn.microsoft.com/exchange/mail-flow-best-practices/use-directory-based-edge-blocking",
    ),
    Refusal(
        fault=Fault.RECIPIENT_REFUSED,
        commands=(Command.MESSAGE,),
        says=_NO_RECIPIENT,
        unless=_OTHERS,
        outcome=Outcome.WARNED,
        source="RFC 3463, 3.2",
    ),
)
