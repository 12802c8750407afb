"""What a server offers: its software, its limits, its mechanisms, and what of that is used for an account."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

import idna

from bot.smtp.account import Account
from bot.smtp.check.evidence import EXCHANGE, OF_WINDOWS, PASSWORD_MECHANISMS
from bot.smtp.check.faults import StageFailedError
from bot.smtp.check.report import Fault
from bot.smtp.dialogue.redaction import Redaction

_OF_OAUTH = {"XOAUTH2", "OAUTHBEARER", "XOAUTH", "PLAIN-CLIENTTOKEN"}
_OF_EXCHANGE = ("x-anonymoustls", "x-exps", "xexch50", "xrdst", "xshadow", "xshadowrequest")
_SOFTWARE = ("Postfix", "Exim", "OpenSMTPD", "Sendmail", "Microsoft ESMTP", "gsmtp", "Haraka", "Zimbra", "qmail")


def software(greeting: str) -> str:
    """Return the server's software where its greeting names it; empty otherwise."""
    return next((name for name in _SOFTWARE if name.lower() in greeting.lower()), "")


def software_by_extensions(extensions: Mapping[str, str]) -> str:
    """Return Exchange's name in greetings where only its extensions tell it (admins hide the greeting); else nothing.

    https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-xloginsmtp
    """
    return EXCHANGE if any(name in extensions for name in _OF_EXCHANGE) else ""


def limits(extensions: Mapping[str, str]) -> tuple[str, ...]:
    """Return the limits of EHLO that matter to a person: the largest message (RFC 1870), addresses beyond ASCII."""
    facts = []
    size = extensions.get("size", "").strip()
    if size.isascii() and size.isdigit() and int(size[:12]):
        facts.append(f"Largest message: {int(size[:12]) / 1_000_000:.1f} MB")
    if "smtputf8" in extensions:
        facts.append("Addresses beyond ASCII: taken")
    return tuple(facts)


_OVERWRITTEN = re.compile(r"x{3,}[a-z]?|[*#?_~-]{3,}", re.IGNORECASE)


def masked(greeting: str, offered: Sequence[str]) -> str:
    """Return what a device that inspects SMTP made of a keyword, or of the greeting; empty when nothing is masked.

    Cisco's firewalls overwrite the greeting with asterisks and a keyword that they do not let through with X's
    (https://www.cisco.com/c/en/us/td/docs/security/asa/asa918/configuration/firewall/asa-918-firewall-config.html);
    others put one X into STARTTLS.
    """
    for line in offered:
        keyword = line.split(" ")[0].strip()
        if _OVERWRITTEN.fullmatch(keyword) or _is_masked(keyword.upper(), "STARTTLS"):
            return keyword
    visible = "".join(greeting.split())
    return "*" * 8 if visible.count("*") * 2 > len(visible) and "*" * 5 in visible else ""


def echoes_mask(text: str) -> bool:
    """Whether a server's answer repeats a command that was overwritten with X's on its way there."""
    return re.search(r"\bX{4,}[A-Z]?\b", text) is not None


def _is_masked(keyword: str, original: str) -> bool:
    if len(keyword) != len(original) or keyword == original:
        return False
    return all(shown in (letter, "X", "*", "#") for shown, letter in zip(keyword, original, strict=True))


def mechanism_for(
    account: Account, offered: tuple[str, ...], extensions: Mapping[str, str], redaction: Redaction
) -> tuple[str, tuple[str, ...]]:
    """Return the one mechanism to sign in with, and the offered ones as a fact.

    Raises:
        StageFailedError: none is offered, or none that can be used (it says which are offered).
    """
    if not offered and "starttls" in extensions:
        # Inside TLS only a server that does not know of it offers STARTTLS (RFC 3207, 4.2).
        raise StageFailedError(Fault.ENCRYPTION_NOT_SEEN, "inside TLS the server offers STARTTLS, and no sign-in")
    if not offered:
        raise StageFailedError(Fault.SIGN_IN_NOT_OFFERED, "the server offers no sign-in")
    names = redaction.text(", ".join(offered))
    if account.token is not None:
        usable: tuple[str, ...] = ("XOAUTH2",)
    else:
        usable = (account.mechanism,) if account.mechanism else PASSWORD_MECHANISMS
    for mechanism in usable:
        if mechanism in offered:
            return mechanism, (f"Ways of signing in offered: {names}",)
    raise StageFailedError(_why_none_is_usable(account, set(offered)), f"the server offers {names}")


def _why_none_is_usable(account: Account, offered: set[str]) -> Fault:
    if account.token is not None:
        return Fault.MECHANISM_NOT_OFFERED
    if offered.intersection(PASSWORD_MECHANISMS):
        return Fault.CHOSEN_MECHANISM_NOT_OFFERED
    if offered <= OF_WINDOWS:
        return Fault.ONLY_WINDOWS_SIGN_IN
    return Fault.ONLY_OAUTH if offered <= OF_WINDOWS | _OF_OAUTH else Fault.MECHANISM_NOT_OFFERED


def envelope_path(address: str, extensions: Mapping[str, str]) -> tuple[bytes, tuple[bytes, ...]]:
    """Return an address in angle brackets, and the parameter that a non-ASCII one needs (RFC 6531).

    Raises:
        StageFailedError: the address is not ASCII, and the server accepts only ASCII.
    """
    local, _, domain = address.rpartition("@")
    with suppress(idna.IDNAError):
        domain = idna.encode(domain, uts46=True).decode("ascii")
    path = f"<{local}@{domain}>".encode()
    if path.isascii():
        return path, ()
    if "smtputf8" not in extensions:
        raise StageFailedError(Fault.ADDRESS_NOT_ASCII, "the server takes only ASCII addresses")
    return path, (b"SMTPUTF8",)


def envelope(sender: bytes, recipient: bytes | None, parameters: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the commands MAIL and RCPT; MAIL alone where there is no recipient."""
    commands = (b" ".join((b"MAIL FROM:" + sender, *parameters)),)
    return commands if recipient is None else (*commands, b"RCPT TO:" + recipient)
