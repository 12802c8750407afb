"""Refusals of the sender: its letters, its domain, its mailbox, and whether the login may send as it."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import AT_MESSAGE, ENVELOPE, Refusal, any_of, signed_in
from bot.smtp.check.refusals.sign_in_needed import DEMAND
from bot.smtp.check.report import Fault

_COMMANDS = (*ENVELOPE, *AT_MESSAGE)
_ASCII = any_of(
    "smtputf8", "non-?ascii", "not ascii", "8-?bit (char|address)", "international(i[sz]ed)? (e-?mail|address)"
)
_NO_DOMAIN = any_of(
    r"(sender|from|envelope|origin)\b[^;]{0,60}\bdomain\b[^;]{0,60}(unknown|invalid|must (be|exist|resolve)|fail"
    "|unresolv|exist|resolv|malformed|not (be )?(found|valid|known|accept mail)|does not accept|no (mx|a|dns)|missing)",
    r"\bdomain\b[^;]{0,30}\b(sender|from)\b[^;]{0,80}(exist|resolv|unknown|invalid|fail|not (be )?found)",
    "sender address rejected: (domain|malformed dns|host)",
    r"domain (name )?(is )?(not found|unknown|non-?exist\w*|invalid)",
    "domain (does not|doesn't) (exist|resolve|have)",
    r"(no such|unknown|unresolvable|non-?exist\w*|invalid) (\w+ )?domain",
    r"\bmx\b(?![.-])",
    "null ?mx",
    "unrout(e?)able (sender|domain)",
    r"(cannot|can't|could not|unable to|fail\w* to) (validate|verify|resolve|find|check|look ?up)[^;]{0,40}\bdomain\b",
    "domain missing",
    "(no|without) (a )?valid (dns|sender domain)",
    "name service error",
)
_NO_SENDER = any_of(
    "sender verif",
    "verif(y|ication|ying) (the |of )?(sender|for)",
    "(return|sender)[- ]?(path|address)? (callout|verification)",
    "callout",
    "sender address rejected: (user|undeliverable|unverified|unknown|invalid|no such|mailbox|need)",
    r"(unknown|invalid|bad|no such|non-?exist\w*|undeliverable|bogus) (sender|mail ?from|return)",
    "need fully-qualified address",
    r"sender\b(?! (signature|identity))[^;]{0,40}(unknown|does not exist|doesn't exist|not found"
    "|undeliverable|is invalid|not exist)",
)
_NOT_OWNED = any_of(
    "not owned",
    r"send ?as\b",
    "sendasdenied",
    "send on behalf",
    "as this sender",
    r"not (be )?(allowed|permitted|authori[sz]ed|entitled) to (send(?! to\b)|use)",
    r"(not|n't) (allow|permit|have)\w*( \w+){0,6} (sender|from|as)\b",
    "may not (send|use)",
    "(not|n't) match",
    "mismatch",
    "must (be|match|equal|belong)",
    "same as",
    "not (one of|among|part of) your",
    "not belong",
    r"(not|n't|un|non)[ -]?( \w+)?( )?(verified|confirmed|validated|registered|approved|configured"
    "|recogni[sz]ed|authori[sz]ed|activated|whitelisted)",
    "sender (identity|signature)",
    "not (a )?local sender",
    "spoof",
    "impersonat",
    "dt:sum",
    r"(sender|from|envelope|mail from)\b[^;]{0,40}(not (allowed|permitted|accepted|valid|authori[sz]ed"
    "|acceptable)|disallowed|forbidden|prohibited)",
    "发件人",
    "不一致",
    "absender",
)

SENDER_REFUSALS: Sequence[Refusal] = (
    Refusal(fault=Fault.ADDRESS_NOT_ASCII, commands=_COMMANDS, enhanced=("6.7",), says=_ASCII, source="RFC 6531, 3.5"),
    # RFC 7505 gives 7.27 to a sender's domain that takes no mail.
    Refusal(fault=Fault.SENDER_DOMAIN_UNKNOWN, commands=_COMMANDS, enhanced=("1.8", "7.27"), source="RFC 7505, 4.2"),
    Refusal(
        fault=Fault.SENDER_DOMAIN_UNKNOWN,
        commands=_COMMANDS,
        says=_NO_DOMAIN,
        unless=r"recipient|destination|\brelay",
        source="https://www.postfix.org/postconf.5.html#reject_unknown_sender_domain",
    ),
    Refusal(
        fault=Fault.SENDER_UNKNOWN,
        commands=_COMMANDS,
        enhanced=("1.7",),
        says=_NO_SENDER,
        source="https://www.postfix.org/ADDRESS_VERIFICATION_README.html",
    ),
)

OWNER_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.SENDER_NOT_OWNED,
        commands=_COMMANDS,
        enhanced=("7.60", "2.252"),
        says=_NOT_OWNED,
        unless="recipient address",
        given=signed_in,
        source="https://www.postfix.org/SASL_README.html",
    ),
    Refusal(
        fault=Fault.SIGN_IN_ASKED_AGAIN,
        commands=_COMMANDS,
        enhanced=("7.57",),
        says=DEMAND,
        given=signed_in,
        source="RFC 4954, 6",
    ),
    Refusal(
        fault=Fault.SENDER_UNKNOWN,
        commands=(Command.MAIL,),
        enhanced=("1.0", "1.1", "1.3"),
        says="user unknown|unknown user|no such user|(invalid|bad|malformed|illegal) (e-?mail )?address"
        "|address (syntax|format)",
        source="RFC 3463, 3.2",
    ),
)
