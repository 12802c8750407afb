"""Refusals of whoever has not signed in: demands to do so, and mail that nobody passes on for strangers."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import (
    AT_MESSAGE,
    ENVELOPE,
    Refusal,
    any_of,
    cannot_in_clear,
    cannot_sign_in,
    could_sign_in,
)
from bot.smtp.check.report import Fault

_COMMANDS = (*ENVELOPE, *AT_MESSAGE)
DEMAND = any_of(
    r"\bauth (is )?(needed|required)",
    r"log ?in (fail|denied|error)",
    r"auth(ent|ori[sz])\w*( \w+){0,2} (required|needed|mandatory|necessary|compulsory)",
    "(must|needs? to|have to|has to|please|should|required to|are to|before"
    r"|first)( \w+){0,3} (authenticat|log ?in|log[ -]?on|sign[ -]?in|identify)",
    "(requires?|require|without|needs?|enable|turn on|wants?|use|using|missing|lacks?|no|send"
    r"|issue)( \w+){0,2} (smtp )?(smtp[ -])?auth(enticat\w*)?\b",
    "not (yet )?(been )?(logged[ -]?(in|on)|signed[ -]?in|authenticated|identified)",
    "unauthenticated",
    "un-authenticated",
    "non-?authenticated",
    "smtp[ -]?auth",
    "smtp[ -]authenti",
    r"auth\w*( command)? first",
    "(log|sign)[ -]?(in|on) (first|required|needed)",
    "pop3?[ -]?(before|first|auth)",
    "check (for )?(your )?(new )?mail first",
    "authenticated (users|senders|clients|sessions|submission)",
    "(only|for|from) authenticated",
    r"anonymous (client|user|sender|mail|access|login|submission|relay|send)|not allow anonymous",
    "(user ?name|login|credentials?)( and password)? (is |are )?(required|needed|missing)",
    "no credentials",
    r"(provide|supply|need|enter|give)( \w+){0,3} (credentials|password)",
    "(permissions?|rights?) to submit",
    "authentifizier",
    "anmeld(ung|en)",
    "angemeldet",
    "authentifi(cation|er|é)",
    "(vous |s')identifi",
    "identification requise",
    "autentica",
    "autentifica",
    "uwierzyteln",
    "autoryzac",
    "aanmelden",
    "authenticatie",
    "авториз",
    "войти",
    "войдите",
    "аутентифи",
    "认证",
    "認證",
    "验证",
    "驗證",
    "登录",
    "登錄",
    "登入",
    "認証",
)
"""A demand to sign in, in the words of servers."""

_RELAY = any_of(
    r"\brelay(ing|ed)?\b[^;]{0,40}(den(y|ied)|not (permitted|allowed|possible|available|authori[sz]ed)"
    "|disallowed|prohibited|refused|rejected|forbidden|restricted|disabled)",
    r"(not|never|unable|cannot|can't|don't|doesn't|won't|refus\w+|den(y|ied|ying)|reject\w*|\bno\b"
    r"|prohibit\w*)( \w+){0,4} relay(?! (recipient|rcpt))",
    "rcpthosts",
    "user not local",
    r"relay(ing)? (restrict|polic)",
    "not a gateway",
    "not (a )?local (host|domain)",
    "as a relay",
    "open relay",
    "domain of forward path",
)

SIGN_IN_NEEDED_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.SIGN_IN_NEEDED,
        commands=_COMMANDS,
        enhanced=("7.57",),
        says=DEMAND,
        given=could_sign_in,
        source="RFC 4954, 6",
    ),
    Refusal(fault=Fault.SIGN_IN_NEEDED, commands=ENVELOPE, codes=(530,), given=could_sign_in, source="RFC 4954, 6"),
    # MAIL comes out of order where what is missing before it is the sign-in.
    Refusal(
        fault=Fault.SIGN_IN_NEEDED,
        commands=(Command.MAIL,),
        codes=(503,),
        given=could_sign_in,
        source="https://github.com/forkcms/forkcms/issues/666",
    ),
    Refusal(
        fault=Fault.SIGN_IN_NEEDED_IN_CLEAR,
        commands=_COMMANDS,
        enhanced=("7.57",),
        says=DEMAND,
        given=cannot_in_clear,
        source="RFC 4954, 6",
    ),
    Refusal(
        fault=Fault.SIGN_IN_NEEDED_IN_CLEAR,
        commands=ENVELOPE,
        codes=(530,),
        given=cannot_in_clear,
        source="RFC 4954, 6",
    ),
    Refusal(
        fault=Fault.SIGN_IN_NEEDED_NOT_OFFERED,
        commands=_COMMANDS,
        enhanced=("7.57",),
        says=DEMAND,
        given=cannot_sign_in,
        source="RFC 4954, 6",
    ),
    Refusal(
        fault=Fault.SIGN_IN_NEEDED_NOT_OFFERED,
        commands=ENVELOPE,
        codes=(530,),
        given=cannot_sign_in,
        source="RFC 4954, 6",
    ),
    # Where signing in is offered, it is what is missing.
    Refusal(
        fault=Fault.SIGN_IN_NEEDED,
        commands=_COMMANDS,
        enhanced=("7.54",),
        says=_RELAY,
        given=could_sign_in,
        source="RFC 5321, 3.6.2",
    ),
    Refusal(
        fault=Fault.RELAY_DENIED_TO_STRANGER,
        commands=_COMMANDS,
        enhanced=("7.54",),
        says=_RELAY,
        given=cannot_sign_in,
        source="RFC 5321, 3.6.2",
    ),
    Refusal(fault=Fault.RELAY_DENIED, commands=_COMMANDS, enhanced=("7.54",), says=_RELAY, source="RFC 5321, 3.6.2"),
)
