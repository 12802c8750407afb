"""The words in which servers refuse a sign-in, by the reason that they give: regular expressions, in any case.

They were collected from replies in public bug reports and in providers' pages; the rows that use them name some.
"""

from bot.smtp.check.refusals.refusal import any_of

_ATTEMPT = r"(auth\w*|log-?\s?[io]ns?|sign-?\s?ins?|password|credential)"
_TRIES = r"(attempts?|failures?|tries|requests?|rate|frequency)"
_TOO_FAR = r"(exceed|limit|exhaust|reach|too (many|fast|often))"

LOCKED = any_of(
    rf"too many (\w+ ){{0,3}}({_ATTEMPT}|attempts|failures|errors|tries|connections|sessions|requests|times)",
    rf"{_ATTEMPT} {_TRIES}\b.{{0,25}}{_TOO_FAR}",
    rf"{_ATTEMPT} (\w+ ){{0,2}}too (many times|often|frequent)",
    rf"(maximum|max|limit|number) (\w+ ){{0,4}}{_ATTEMPT} ({_TRIES} )?.{{0,12}}(exceed|reach)",
    r"tempor\w+ (\w+ )?(block|lock|bann|ban\b|suspend|disabl|restrict|den|reject|refus)",
    r"(locked|blocked|banned|suspended|disabled) (temporarily|until|for (a while|some|the next|\d))",
    r"(locked|blocked|banned|suspended|disabled) (due to|because of|after) (too|multiple|repeated|many|fail)",
    r"(rate|frequency|login)[- ]?limit",
    r"throttl|brute.?force|fail2ban|auth005",
    "\u9891\u7e41|\u9891\u7387",
)
"""Too many sign-ins, or a lock after failures. The Chinese words are "too often" and "frequency"."""

CREDITS = any_of(
    r"credits?\b.{0,40}(exceed|exhaust|used|deplet|insufficient|expired|left|run out|reached|zero)",
    r"(exceed\w*|insufficient|not enough|no (more )?|out of|maximum|low) (\w+ ){0,2}credits?\b",
    r"(quota|allowance)\b.{0,40}(exceed|reach|exhaust|used|hit|over\b)",
    r"(sending|daily|weekly|monthly|hourly|message|e-?mails?|plan|usage) limits?\b.{0,40}(exceed|reach|exhaust|hit)",
    r"(exceed\w*|reached|over|used up) (\w+ ){0,4}(quota|allowance|(sending|daily|monthly|e-?mail|plan) limit)",
)
"""What the account has paid for, or may send, is used up."""

PLAN = any_of(
    r"upgrade (\w+ ){0,3}(plan|account|subscription|package)",
    r"(paid|premium|pro|business) (\w+ ){0,2}(account|plan|subscri|user|member|customer)",
    r"(subscription|trial|licen[sc]e|contract|package|plan)\b.{0,30}(expired|ended|inactive|cancel|required|needed)",
    r"(subscription|package|plan)\b.{0,30}(does not|doesn't|not (include|allow|support))",
    r"(payment|invoice|billing)\b.{0,30}(required|overdue|due|failed|unpaid)",
    r"not (available|included|supported) (\w+ ){0,3}(plan|free|subscription|package)",
    r"free (accounts?|plans?|users?)\b",
)
"""The account's plan does not have it, has ended, or is not paid."""

OTHER_THAN_PASSWORDS = any_of(
    r"basic auth\w*.{0,40}(disabled|not supported|no longer|deprecated|blocked|not allowed|turned off|retired)",
    r"(modern auth\w*|o-?auth2?|xoauth2?).{0,30}(required|only|must|instead|needed)",
    r"(use|requires?|must|only) (\w+ ){0,2}(o-?auth|modern auth)",
    r"password[- ]?(based )?(auth\w*|log-?ins?|sign-?ins?)\b.{0,25}(disabled|not (allowed|permitted|supported))",
    r"password[- ]?(based )?(auth\w*|log-?ins?|sign-?ins?)\b.{0,25}(no longer|switched off)",
    r"less secure app",
)
"""No password is taken from programs at all."""

NEW_PASSWORD = any_of(
    r"password\b.{0,30}(expired|(must|has to|needs to) be (changed|reset)|change (is )?required|outdated)",
    r"password\b.{0,30}too (simple|weak|short|old)",
    r"(expired|change|update|renew) (your |the )?password",
)
"""The password has to be changed first."""

APP_PASSWORD = any_of(
    r"app(lication)?s?[-\s]*(specific)?[-\s]*passwords?\b",
    r"app-?passwort|anwendungsspezifisch|parol prilozheniya",
    "\u043f\u0430\u0440\u043e\u043b\\w* \u0434\u043b\u044f \u0432\u043d\u0435\u0448\u043d",
    "\u043f\u0430\u0440\u043e\u043b\\w* \u043f\u0440\u0438\u043b\u043e\u0436",
    "authori[sz]ation code|\u6388\u6743\u7801",
    r"invalidsecondfactor|\b[2m]fa\b",
    r"\b(2|two|second|multi)[-\s]?(step|factor)s?\b",
    r"(device|generated|client|external|separate|dedicated) passwords?\b.{0,20}(required|needed|must|instead)",
    r"(use|enter|with|requires?|need) (\w+ ){0,3}(device|generated|client|separate|dedicated|smtp) password",
)
"""Another password than the account's: made for programs, as with a second factor. In Russian "password for outside
programs" and "of a program", in Chinese "authorisation code"."""

NOT_VERIFIED = any_of(
    r"(account|user|e-?mail|address|phone|domain|identity|mailbox|sender)\b.{0,30}"
    r"(not (yet )?(been )?(verified|activated|confirmed|approved|validated)|unverified|unconfirmed)",
    r"(account|user|verification|activation)\b.{0,30}(pending|under review|awaiting)",
    r"(verify|activate|confirm|validate) (your|the|this) (\w+ )?(account|e-?mail|phone|identity|domain)",
    r"(phone|account|e-?mail|identity) (number )?(verification|activation|confirmation)",
    r"mbr1240",
)
"""The account, its phone number or its domain has to be confirmed."""

ON_THE_WEB = any_of(
    r"(log|sign)[-\s]?(ged |ning )?in (\w+ ){0,2}(via|with|through|using|on|at|from) (\w+ ){0,2}(web|browser)",
    r"(via|with|using|use) (your |a |the )?(web|browser)\b",
    r"web ?(login|mail|interface|site|browser).{0,30}(first|required|needed|before)",
    r"captcha|not a robot|webloginrequired",
    r"(unusual|suspicious) (activity|sign|log)",
    r"(accept|agree).{0,20}(terms|agreement|conditions)",
)
"""The provider wants the person on its web page first."""

_PLACE = r"(ip\b|ip.?address|ipv[46]|(client|host|your) address|(client|remote) host|country|location|region|network)"
_NOT_WELCOME = any_of(
    r"(not|n't) (\w+ )?(allowed|authori[sz]ed|permitted|white-?listed|allow-?listed|trusted|listed|recogni[sz]ed)",
    r"(not|n't) (\w+ )?(registered|in (the|your) )",
    r"un-?authori[sz]ed|denied|blocked|forbidden|restricted|rejected|banned|black-?listed|untrusted",
    r"listed (in|on|at|by)",
)
PLACE = any_of(
    rf"\b{_PLACE}.{{0,40}}({_NOT_WELCOME})",
    rf"(un-?authori[sz]ed|blocked|unknown|forbidden|restricted|untrusted|invalid|disallowed) (\w+ ){{0,2}}{_PLACE}",
    rf"(not (allowed|authori[sz]ed|permitted)|un-?recogni[sz]ed|unusual|new) (\w+ ){{0,2}}{_PLACE}",
    rf"(from|for|by) (this|your|that|the) (client )?({_PLACE}|host\b|place\b)",
    r"(ip|country|geo).?(restriction|block|filter|fenc|whitelist|allow.?list)",
    r"locationnotallowed",
)
"""The address, the country or the network that the client is in is not let in."""

_WAY_IN = r"(smtp|imap|pop3?|third.?party|external|remote|mail client|client|program|submission)"
_OFF = any_of(
    r"disabled|(switched|turned) off|deactivated|prohibited|forbidden",
    r"not (been )?(enabled|active|activated|switched on|turned on|open|opened|allowed|permitted)",
    r"deaktiviert|nicht (aktiviert|erlaubt|freigeschaltet)",
)
SWITCHED_OFF = any_of(
    rf"{_WAY_IN}\w*\b.{{0,40}}({_OFF})",
    r"(smtp|imap|pop3?|external|remote) (access|service|login) (is |was |has been )?(denied|restricted|blocked)",
    r"auth\w* (\w+ )?(is |are |has been |was )?(disabled|not enabled|switched off|turned off) for",
    r"(does ?n[o']t have|has no) (access |sending )?(rights|permission)",
    r"not (allowed|enabled|permitted|authori[sz]ed|entitled) (to|for) (\w+ ){0,3}(smtp|relay|submission|external|send)",
    r"(enable|activate|switch on|turn on|open|allow) (\w+ ){0,3}(smtp|imap|pop3?|access)",
    r"security defaults",
    "service is not open|\u672a\u5f00\u542f|\u672a\u5f00\u901a",
)
"""Programs are not let in, or not by SMTP. The Chinese words are "not switched on"."""

DISABLED = any_of(
    r"(account|user|mailbox|login|domain|customer|sender|mail service|mailgun)\b.{0,30}"
    r"\b(disabled|inactive|not active|de-?activated|suspended|blocked|banned|terminated|closed|frozen|deleted)",
    r"(account|user|mailbox|login|domain|customer|sender)\b.{0,30}\b(on hold|locked|abuse|compromised)",
    r"(disabled|suspended|blocked|inactive|de-?activated|locked|frozen|compromised|terminated) "
    r"(user|account|mailbox|domain|login|customer)",
    r"(compte|cuenta|conta|konto|account)\b.{0,30}(bloqu|suspen|d[e\u00e9]sactiv|deaktiv)",
    "gesperrt|\u0437\u0430\u0431\u043b\u043e\u043a\u0438\u0440\u043e\u0432\u0430\u043d",
)
"""The account is blocked, suspended or gone. The German, the Romance and the Russian words are "blocked"
and "suspended"."""

NO_SUCH_LOGIN = any_of(
    r"(unknown|no such|non-?existent) (user|account|login|mailbox)\b(?!.{0,15}passw)",
    r"(user|account|login|mailbox)(name)? (is |was )?(unknown|not found|not exist)(?!.{0,15}passw)",
    r"(user|account|login|mailbox)(name)? does(n't| not) exist",
    r"(full|complete|entire|whole) e-?mail|e-?mail address as (\w+ ){0,2}(user|login)",
)
"""There is no such login, or it is written otherwise."""

ENCRYPTION = r"starttls|\btls\b|\bssl\b|encrypt|secure (connection|channel)"

NO_SUCH_MECHANISM = any_of(
    r"(unsupported|unrecogni[sz]ed|unknown|invalid) auth\w* (type|method|scheme|mechanism)",
    r"mechanism|bad protocol|\bno mech",
    r"not (implemented|recogni[sz]ed|supported)|unrecogni[sz]ed (command|auth)",
)
"""The mechanism is at fault."""

OUT_OF_ORDER = any_of(
    r"generic failure|saslauthd|system error|configuration error|internal (\w+ )?error",
    r"(auth\w*|directory|database|ldap|backend|radius) (server|service|backend|daemon|database)\b.{0,30}"
    r"(unavailable|down|not available|error|fail|not respond|lost|unreachable)",
    r"(unable|failed|could not|cannot|can't) to (connect|contact|reach)",
    r"connection (to (\w+ ){0,3})?(refused|lost|timed out)",
    r"mechanism (is )?not|no (\w+ )?mech\w* available|bad protocol",
    r"(unsupported|unrecogni[sz]ed|unknown|invalid) auth\w* (type|method|scheme|mechanism)",
)
"""Something on the server is broken, and no password helps."""

FOR_A_MOMENT = r"tempor|at present|at the moment|try (again )?later"

WRONG = any_of(
    r"authentication failed|could not authenticate|not accepted|do(es)? not match",
    r"(incorrect|invalid|wrong|bad) (user|login|password|credential|auth)",
)
"""Login or password is wrong, whatever the code."""
