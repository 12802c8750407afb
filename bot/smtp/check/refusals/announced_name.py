"""Refusals of the name that EHLO announces, at whichever command a server says so."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import AT_MESSAGE, ENVELOPE, FOR_NOW, OPENING, Refusal, any_of, own_name
from bot.smtp.check.report import Fault

_ANYWHERE = (*OPENING, *ENVELOPE, *AT_MESSAGE)
_NAMED = any_of(
    r"\b(he|eh)lo\b(?!=).{0,60}(reject|invalid|refus|denied|\bnot\b|n't|\bbad\b|must|requir|need|should"
    "|argument|syntax|malformed|forged|fully|fqdn|bare|literal|resolv|unknown|mismatch|match|name|host"
    r"|domain|dns|\bip\b)",
    r"(invalid|\bbad\b|bare|bogus|malformed|forged|fake|incorrect|wrong|illegal|unqualified|\bneed|your"
    r"|reject\w*|refus\w*|dynamic|numeric|missing|valid|proper|unresolv\w*|spoof\w*)\b.{0,40}\b(he"
    r"|eh)lo\b(?!=)",
    r"\((he|eh)lo\)",
    "fully[- ]qualified (host|domain)",
    r"\bbare ip\b",
    r"\braw ip\b",
    "(address|ip|domain)[ -]literal",
)
# These refuse what stands behind EHLO, which is a name and nothing else.
_ARGUMENT = (501, 504, 553)
_SAYS_NAME = any_of("host ?name", "domain", "fqdn", "literal", "argument", "syntax", "localhost", "resolv", r"\bname\b")
# Asks for EHLO or AUTH, which is a matter of order.
_ORDER = r"\bfirst\b"
_POSTFIX = "https://www.postfix.org/postconf.5.html#smtpd_helo_restrictions"
_BUSY = any_of(
    "too (many|much)",
    r"\b(rate|load|busy|local|system|internal|limit|connections)\b",
    "concurrent",
    "gr[ea]y",
    "unavailable",
    "overload",
    "shutting",
)
_GOOGLE = "https://support.google.com/a/answer/2956491"
_RFC = "RFC 5321, 4.1.1.1"

ANNOUNCED_NAME_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.ANNOUNCED_NAME_REFUSED,
        commands=_ANYWHERE,
        says=_NAMED,
        unless=_ORDER,
        given=own_name,
        source=_POSTFIX,
    ),
    Refusal(fault=Fault.DEFAULT_NAME_REFUSED, commands=_ANYWHERE, says=_NAMED, unless=_ORDER, source=_POSTFIX),
    Refusal(fault=Fault.ANNOUNCED_NAME_REFUSED, commands=(Command.EHLO,), codes=_ARGUMENT, given=own_name, source=_RFC),
    Refusal(fault=Fault.DEFAULT_NAME_REFUSED, commands=(Command.EHLO,), codes=_ARGUMENT, source=_RFC),
    Refusal(fault=Fault.ANNOUNCED_NAME_REFUSED, commands=(Command.EHLO,), says=_SAYS_NAME, given=own_name, source=_RFC),
    Refusal(fault=Fault.DEFAULT_NAME_REFUSED, commands=(Command.EHLO,), says=_SAYS_NAME, source=_RFC),
    # A policy that is called temporary: nothing but the name was said until then.
    Refusal(
        fault=Fault.ANNOUNCED_NAME_REFUSED,
        commands=(Command.EHLO,),
        codes=FOR_NOW,
        enhanced=("7.0", "7.1"),
        unless=_BUSY,
        given=own_name,
        source=_GOOGLE,
    ),
    Refusal(
        fault=Fault.DEFAULT_NAME_REFUSED,
        commands=(Command.EHLO,),
        codes=FOR_NOW,
        enhanced=("7.0", "7.1"),
        unless=_BUSY,
        source=_GOOGLE,
    ),
)
