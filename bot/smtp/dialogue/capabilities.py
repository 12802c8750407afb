"""What a server says of itself: its software, its limits, its ways of signing in, and which of them is used."""

from collections.abc import Mapping

from bot.smtp.account import Account
from bot.smtp.check.faults import StageFailedError
from bot.smtp.check.report import Fault
from bot.smtp.dialogue.replies import Redaction

STRONGEST_FIRST = ("CRAM-MD5", "PLAIN", "LOGIN")
"""The mechanisms spoken here; the first that the server offers is used unless the profile's AUTH says which."""

_SOFTWARE = ("Postfix", "Exim", "OpenSMTPD", "Sendmail", "Microsoft ESMTP", "gsmtp", "Haraka", "Zimbra", "qmail")
_MEGABYTE = 1_000_000


def software(greeting: str) -> str:
    """Name the server's software where its greeting does; empty otherwise."""
    return next((name for name in _SOFTWARE if name.lower() in greeting.lower()), "")


def capabilities(extensions: Mapping[str, str]) -> tuple[str, ...]:
    """Say which limits of EHLO matter to a person: the largest message (RFC 1870), addresses beyond ASCII."""
    facts = []
    size = extensions.get("size", "").strip()
    if size.isascii() and size.isdigit() and int(size[:12]):
        facts.append(f"Largest message: {int(size[:12]) / _MEGABYTE:.1f} MB")
    if "smtputf8" in extensions:
        facts.append("Addresses beyond ASCII: taken")
    return tuple(facts)


def mechanism_for(account: Account, offered: tuple[str, ...], redaction: Redaction) -> tuple[str, tuple[str, ...]]:
    """Choose the one mechanism for an account; gives it, and what was offered as a fact.

    Raises:
        StageFailedError: none is offered, or none that both sides know (it says which are offered).
    """
    if not offered:
        raise StageFailedError(Fault.SIGN_IN_NOT_OFFERED, "the server offers no sign-in")
    named = redaction.text(", ".join(offered))
    for mechanism in _wanted(account):
        if mechanism in offered:
            return mechanism, (f"Ways of signing in offered: {named}",)
    raise StageFailedError(Fault.MECHANISM_NOT_OFFERED, f"the server offers {named}")


def _wanted(account: Account) -> tuple[str, ...]:
    if account.token is not None:
        return ("XOAUTH2",)
    return (account.mechanism,) if account.mechanism else STRONGEST_FIRST
