"""Refusals of where the bot comes from: its address, that address' name, and what is said of it."""

from collections.abc import Sequence

from bot.smtp.check.refusals.refusal import (
    AT_MESSAGE,
    ENVELOPE,
    OPENING,
    Refusal,
    any_of,
    cannot_sign_in,
    not_encrypted,
)
from bot.smtp.check.report import Fault

_ANYWHERE = (*OPENING, *ENVELOPE, *AT_MESSAGE)
_MICROSOFT_CODES = (
    "https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/"
    "non-delivery-reports-in-exchange-online"
)

CLIENT_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.ENCRYPTION_NEEDED,
        commands=(*ENVELOPE, *AT_MESSAGE),
        enhanced=("7.10", "7.11"),
        says=any_of(
            "start ?tls",
            r"(encrypt\w*|\btls\b|\bssl\b).{0,20}(required|needed|mandatory)",
            r"requires? .{0,20}(encrypt|\btls\b)",
            r"must (use|issue|start|first).{0,20}(\btls\b|\bssl\b|encrypt)",
        ),
        given=not_encrypted,
        source="RFC 3207, 4",
    ),
    # Both answers go on about HELO or signing in, which is not what is missing.
    Refusal(
        fault=Fault.CLIENT_NOT_ALLOWED,
        commands=(*ENVELOPE, *AT_MESSAGE),
        enhanced=("7.64",),
        says=any_of("tenantattribution", "invalid credentials for relay", "mail relay denied"),
        source=_MICROSOFT_CODES,
    ),
    Refusal(
        fault=Fault.REVERSE_NAME_MISSING,
        commands=_ANYWHERE,
        enhanced=("7.25",),
        says=any_of(
            r"\bptr\b",
            r"\brdns\b",
            "reverse[ -]?(dns|name|host|look|resol|record|ip|entry|address|pointer)",
            r"in-addr\.arpa",
            "(cannot|can't|could not|unable to) (find|resolve|determine) your (reverse|host|ip|client)",
            "ip name lookup failed",
            "forged hostname",
            "unresolvable (relay )?host",
            "no (dns|host) ?name for (your|client|ip)",
            r"(your|client) (ip|host|address|server)\b.{0,40}(does not|doesn't|cannot|not) (be )?resolv",
        ),
        source="RFC 7372, 3.3",
    ),
    Refusal(
        fault=Fault.CLIENT_NOT_ALLOWED,
        commands=_ANYWHERE,
        says=any_of(
            r"\bip( address)?\b.{0,40}not (authori[sz]ed|permitted|whitelisted|registered)(?! to send)",
            "unauthori[sz]ed ip",
        ),
        source="https://help.brevo.com/hc/en-us/articles/5740111683474",
    ),
    Refusal(
        fault=Fault.SENDER_LISTED,
        commands=(*ENVELOPE, *AT_MESSAGE),
        says=r"sender (envelope )?(address|domain)[^;]{0,80}(blocked using|\b(black|block|locally-black)[ -]?listed"
        r"|\blisted (in|on|at|by))",
        source="https://www.postfix.org/postconf.5.html#reject_rhsbl_sender",
    ),
    Refusal(
        fault=Fault.NETWORK_BLOCKED,
        commands=_ANYWHERE,
        enhanced=("7.708", "7.511"),
        says=any_of(
            "spamhaus",
            "barracuda",
            "spamcop",
            "sorbs",
            "spfbl",
            "uceprotect",
            "senderbase",
            "senderscore",
            "abuseat",
            "ipcheck",
            "cloudmark",
            r"\b(rbls?|dnsbls?|drbl|sbl|xbl|pbl|cbl)\b",
            "dt:rbl",
            r"\bhl:",
            "(block|black|deny|reject)[ -]?list",
            "blocked using",
            r"sender\.office\.com",
            r"\(s3\d{3}\)",
            r"\(as31\d\d\)",
            r"listed (at|in|on|by) \S+\.\w",
            "banned sending ip",
            r"(dynamic|residential|dial-?up)( \w+)? (ip|host|address|range)",
            "(user|spam) complaints",
            "unexpected volume",
            r"\b(ips?|ip address\w*|hosts?|client|network|mta)\b[^;:]{0,50}\b(blocked|banned|black ?listed"
            "|reputation|blacklist|(traffic|connections?) not accepted|not allowed to (connect|send))",
            r"\[[0-9a-f.:]{4,}\][^;]{0,60}(blocked|banned|listed)",
            "(poor|bad|low) reputation(?! of the sending domain)",
            "reputation of (the )?(sending )?(ip|host|server|network)",
            r"not (accepted|allowed) from (this|your) \w+",
            r"\bip[=:][0-9a-f.:]+ -",
            r"\bips?\b[^;]{0,40}\blisted\b",
            r"\bbad ip\b",
            "not allowed to connect",
            "identified as (a )?spam",
            "your access to (this|submit)",
            "too many spam",
            "bad sender ip",
            "sender ip",
        ),
        # policyd-weight names what is wrong last, and block lists before it.
        unless=r"correct (your )?helo|helo\b.{0,12}mismatch",
        source="RFC 5321, 7.9",
    ),
    Refusal(
        fault=Fault.CLIENT_NOT_ALLOWED,
        commands=_ANYWHERE,
        says=r"client host rejected|\b(ip|host|client|address)\b.{0,30}not (authori[sz]ed|allowed|permitted"
        "|registered)",
        given=cannot_sign_in,
        source="https://www.postfix.org/postconf.5.html#smtpd_client_restrictions",
    ),
)
