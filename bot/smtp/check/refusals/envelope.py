"""Refusals of sender and recipient, whether MAIL, RCPT or the message is what the server refuses."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import (
    AT_MESSAGE,
    ENVELOPE,
    FOR_GOOD,
    FOR_NOW,
    Refusal,
    any_of,
    cannot_sign_in,
    could_sign_in,
    signed_in,
)
from bot.smtp.check.report import Fault, Outcome

_COMMANDS = (*ENVELOPE, *AT_MESSAGE)
_RECIPIENT = (Command.RCPT, *AT_MESSAGE)

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
    "bad outbound sender",
    "unusual sending activity",
    "outboundspam",
    "spam abuse detected",
)
_ROOM = any_of(
    r"mailbox[^;]{0,40}\bfull\b",
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
_NO_DOMAIN = any_of(
    r"(sender|from|envelope|origin)\b[^;]{0,60}\bdomain\b[^;]{0,60}(\bnot?\b|n't|unknown|invalid|must|fail"
    "|unresolv|exist|resolv|malformed)",
    r"\bdomain\b[^;]{0,30}\b(sender|from)\b[^;]{0,80}(\bnot?\b|n't|unknown|invalid|fail|unresolv)",
    "sender address rejected: (domain|malformed dns|host)",
    r"domain (name )?(is )?(not found|unknown|non-?exist\w*|invalid)",
    "domain (does not|doesn't) (exist|resolve|have)",
    r"(no such|unknown|unresolvable|non-?exist\w*|invalid) (\w+ )?domain",
    r"\bmx\b(?![.-])",
    "null ?mx",
    "unrout(e?)able (sender|domain)",
    "domain missing",
    "(no|without) (a )?valid (dns|sender domain)",
    "host (not found|unknown)",
    "name service error",
)
_NO_SENDER = any_of(
    "sender verif",
    "verif(y|ication|ying) (the |of )?(sender|for)",
    "(return|sender)[- ]?(path|address)? (callout|verification)",
    "callout",
    "sender address rejected: (user|undeliverable|unverified|unknown|invalid|no such|mailbox|need)",
    r"(unknown|invalid|bad|no such|non-?exist\w*|undeliverable|bogus) (sender|mail ?from|return)",
    r"sender\b(?! (signature|identity))[^;]{0,40}(unknown|does not exist|doesn't exist|not found"
    "|undeliverable|is invalid|not exist)",
)
_DEMAND = any_of(
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
    "anonymous",
    "(user ?name|login|credentials?)( and password)? (is |are )?(required|needed|missing)",
    "no credentials",
    r"(provide|supply|need|enter|give)( \w+){0,3} (credentials|password)",
    "(permissions?|rights?) to submit",
    "authentifizier",
    "anmeld(ung|en)",
    "angemeldet",
    "authentifi(cation|er|é)",
    "identifier",
    "identification requise",
    "autentica",
    "autentifica",
    "uwierzyteln",
    "autoryzac",
    "aanmelden",
    "authenticatie",
    "авториз",
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
_RELAY = any_of(
    r"\brelay(ing|ed)?\b[^;]{0,40}(den(y|ied)|not (permitted|allowed|possible|available|authori[sz]ed)"
    "|disallowed|prohibited|refused|rejected|forbidden|restricted|disabled)",
    r"(not|never|unable|cannot|can't|don't|doesn't|won't|refus\w+|den(y|ied|ying)|reject\w*|\bno\b"
    r"|prohibit\w*)( \w+){0,4} relay(?! (recipient|rcpt))",
    "rcpthosts",
    "not a gateway",
    "not (a )?local (host|domain)",
    "as a relay",
    "open relay",
    "domain of forward path",
)
_NOT_OWNED = any_of(
    "not owned",
    r"send ?as\b",
    "sendasdenied",
    "send on behalf",
    "as this sender",
    "not (be )?(allowed|permitted|authori[sz]ed|entitled) to (send|use)",
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
)
_GREYLIST = any_of(
    "gr[ea]y[ -]?list",
    "postgrey",
    r"(try|come) (again|back)[^.;]{0,20} (in|after) (\w+ )?[0-9]+",
    "first time",
    "deferred",
    "delay(ed|ing)? ",
    "temporarily (rejected|deferred)",
    "retry (in|after|later)",
    "early retry",
)
ENVELOPE_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.LIMIT_REACHED,
        commands=_COMMANDS,
        enhanced=("1.90",),
        says=_LIMIT,
        unless=r"\brate\b",
        source="https://support.google.com/a/answer/3726730",
    ),
    # 4.4.5 is congestion.
    Refusal(
        fault=Fault.LIMIT_REACHED,
        commands=_COMMANDS,
        codes=FOR_GOOD,
        enhanced=("4.5",),
        source="https://support.google.com/a/answer/3726730",
    ),
    Refusal(
        fault=Fault.ACCOUNT_BLOCKED,
        commands=_COMMANDS,
        enhanced=("7.501", "7.502", "7.503", "7.705"),
        says=_BLOCKED,
        unless="recipient|destinataire",
        given=signed_in,
        source="https://learn.microsoft.com/defender-office-365/outbound-spam-restore-restricted-users",
    ),
    Refusal(
        fault=Fault.MAILBOX_FULL,
        commands=_RECIPIENT,
        enhanced=("2.2",),
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
        says="(disabled|inactive|suspended|blocked) (recipient|mailbox|account|user|address)|(mailbox|account|user"
        r"|recipient|address)\b[^;]{0,40}(disabled|inactive|suspended|deactivated|not active"
        r"|frozen|locked|terminated|closed|expired|archived|dormant)",
        outcome=Outcome.WARNED,
        source="RFC 3463, 3.3",
    ),
    Refusal(
        fault=Fault.ADDRESS_NOT_ASCII,
        commands=_COMMANDS,
        enhanced=("6.7",),
        says=any_of(
            "smtputf8", "non-?ascii", "not ascii", "8-?bit (char|address)", "international(i[sz]ed)? (e-?mail|address)"
        ),
        source="RFC 6531, 3.5",
    ),
    # RFC 7505 gives 7.27 to a sender's domain that takes no mail.
    Refusal(
        fault=Fault.SENDER_DOMAIN_UNKNOWN,
        commands=_COMMANDS,
        enhanced=("1.8", "7.27"),
        says=_NO_DOMAIN,
        unless=r"recipient|\brelay",
        source="https://www.postfix.org/postconf.5.html#reject_unknown_sender_domain",
    ),
    Refusal(
        fault=Fault.SENDER_UNKNOWN,
        commands=_COMMANDS,
        enhanced=("1.7",),
        says=_NO_SENDER,
        source="https://www.postfix.org/ADDRESS_VERIFICATION_README.html",
    ),
    Refusal(
        fault=Fault.SIGN_IN_NEEDED,
        commands=_COMMANDS,
        enhanced=("7.57",),
        says=_DEMAND,
        given=could_sign_in,
        source="RFC 4954, 6",
    ),
    Refusal(
        fault=Fault.SIGN_IN_NEEDED_NOT_OFFERED,
        commands=_COMMANDS,
        codes=(530,),
        given=cannot_sign_in,
        source="RFC 4954, 6",
    ),
    Refusal(
        fault=Fault.SIGN_IN_NEEDED_NOT_OFFERED,
        commands=_COMMANDS,
        enhanced=("7.57",),
        says=_DEMAND,
        given=cannot_sign_in,
        source="RFC 4954, 6",
    ),
    # Nobody passes on mail for strangers, so signing in is what is missing where it is offered.
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
    Refusal(
        fault=Fault.SENDER_NOT_OWNED,
        commands=_COMMANDS,
        enhanced=("7.60", "2.252"),
        says=_NOT_OWNED,
        given=signed_in,
        source="https://www.postfix.org/SASL_README.html",
    ),
    Refusal(
        fault=Fault.SIGN_IN_ASKED_AGAIN,
        commands=_COMMANDS,
        enhanced=("7.57",),
        says=_DEMAND,
        given=signed_in,
        source="RFC 4954, 6",
    ),
    Refusal(
        fault=Fault.SENDER_UNKNOWN,
        commands=(Command.MAIL,),
        enhanced=("1.0", "1.1"),
        says=any_of("user unknown", "unknown user", "no such user"),
        source="RFC 3463, 3.2",
    ),
    Refusal(fault=Fault.SIGN_IN_NEEDED, commands=_COMMANDS, codes=(530,), given=could_sign_in, source="RFC 4954, 6"),
    Refusal(
        fault=Fault.RECIPIENT_REFUSED,
        commands=_RECIPIENT,
        enhanced=("1.0", "1.1", "1.2", "1.3", "1.6", "1.10", "4.1"),
        says=_NO_RECIPIENT,
        outcome=Outcome.WARNED,
        source="RFC 3463, 3.2",
    ),
    Refusal(
        fault=Fault.GREYLISTED,
        commands=ENVELOPE,
        codes=FOR_NOW,
        says=_GREYLIST,
        outcome=Outcome.WARNED,
        source="RFC 6647",
    ),
    Refusal(fault=Fault.GREYLISTED, commands=AT_MESSAGE, codes=FOR_NOW, says=_GREYLIST, source="RFC 6647"),
)
