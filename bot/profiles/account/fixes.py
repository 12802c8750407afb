"""The fixes that a button can make: each changes one thing, says beforehand what, and can be undone."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import SecretStr

from bot.profiles.account.extras import switched_to, with_extra
from bot.profiles.account.profile import LABELS, EmailProfile, Field, check_address
from bot.profiles.errors import UserError
from bot.smtp.account import Encryption
from bot.smtp.advice.advice import Advice
from bot.smtp.advice.table import Fix
from bot.smtp.check.report import Fault, Report

_PINNABLE = (Fault.CERTIFICATE_SELF_SIGNED, Fault.CERTIFICATE_UNTRUSTED)
MOST_OFFERED = 3


@dataclass(frozen=True, kw_only=True)
class Change:
    """One fix; `to` is the door ("465 SSL"), the server's name or the key, where the fix needs one."""

    fix: Fix
    to: str = ""


class NoLongerFitsError(UserError):
    """A fix from an old report does not fit the profile as it is now."""


def offered(report: Report, advice: Advice | None, profile: EmailProfile) -> tuple[Change, ...]:
    """List the changes worth offering for a finished report, the most helpful first, at most three."""
    changes: list[Change] = []
    for fix in advice.fixes if advice else ():
        if fix is Fix.NAME_FROM_CERTIFICATE:
            changes += [Change(fix=fix, to=name) for name in report.certificate_names if "*" not in name][:1]
        else:
            changes.append(Change(fix=fix))
    changes += [Change(fix=Fix.USE_OPEN_PORT, to=f"{door.port} {door.encryption}") for door in report.open_ports]
    if may_be_trusted(report) and report.certificate is not None:
        changes.append(Change(fix=Fix.TRUST_CERTIFICATE, to=report.certificate.pin))
    return tuple(_distinct(changes, profile))[:MOST_OFFERED]


def _distinct(changes: Iterable[Change], profile: EmailProfile) -> Iterator[Change]:
    """Leave out changes that would change nothing, or the same as one before."""
    outcomes = [profile]
    for change in changes:
        if opens_form(change, profile, has_password=profile.password is not None):
            yield change
            continue
        try:
            outcome = changed(profile, change)
        except NoLongerFitsError:
            continue
        if outcome not in outcomes:
            outcomes.append(outcome)
            yield change


def may_be_trusted(report: Report) -> bool:
    """Whether the certificate may be offered for trust: privately issued, in its time, and never good before."""
    certificate = report.certificate
    return (
        certificate is not None
        and report.fault in _PINNABLE
        and not report.trusted_before
        and certificate.not_before <= report.tested_at <= certificate.not_after
    )


def opens_form(change: Change, profile: EmailProfile, *, has_password: bool) -> bool:
    """Whether a change needs something typed, so that its button opens the form instead of making it."""
    if change.fix is Fix.NAME_FROM_CERTIFICATE:
        # A password goes only to the server that it was typed for.
        return True
    return change.fix is Fix.AUTHENTICATE and not (has_password and profile.login)


def changed(profile: EmailProfile, change: Change) -> EmailProfile:
    """Give the profile with one fix made.

    Raises:
        NoLongerFitsError: the fix does not fit the profile.
    """
    try:
        return _CHANGES[change.fix](profile, change.to)
    except (KeyError, ValueError, UserError):
        raise NoLongerFitsError("This button no longer fits your profile. Test again to see what helps now.") from None


def _with_encryption(profile: EmailProfile, name: str) -> EmailProfile:
    return replace(profile, extras=switched_to(profile.extras, name))


def _through_door(profile: EmailProfile, to: str) -> EmailProfile:
    port, encryption = to.split(" ")
    return replace(_with_encryption(profile, Encryption(encryption).value), port=int(port))


def _without_blanks(profile: EmailProfile, _to: str) -> EmailProfile:
    plain = "".join(profile.password.get_secret_value().split()) if profile.password else ""
    if len(plain) != 16:
        raise NoLongerFitsError("no app password with blanks")
    return replace(profile, password=SecretStr(plain))


_CHANGES: Mapping[Fix, Callable[[EmailProfile, str], EmailProfile]] = {
    Fix.USE_TLS: lambda profile, _: _with_encryption(profile, "TLS"),
    Fix.USE_SSL: lambda profile, _: _with_encryption(profile, "SSL"),
    Fix.TLS_ON_587: lambda profile, _: _through_door(profile, "587 TLS"),
    Fix.SSL_ON_465: lambda profile, _: _through_door(profile, "465 SSL"),
    Fix.USE_OPEN_PORT: _through_door,
    Fix.ADDRESS_AS_LOGIN: lambda profile, _: replace(profile, login=profile.address),
    Fix.LOGIN_AS_ADDRESS: lambda profile, _: replace(profile, address=check_address(profile.login)),
    Fix.AUTHENTICATE: lambda profile, _: replace(profile, authenticate=True),
    Fix.DO_NOT_AUTHENTICATE: lambda profile, _: replace(profile, authenticate=False),
    Fix.REMOVE_BLANKS: _without_blanks,
    Fix.AUTH_LOGIN: lambda profile, _: replace(profile, extras=with_extra(profile.extras, "AUTH", "LOGIN")),
    Fix.TRUST_CERTIFICATE: lambda profile, to: replace(profile, extras=with_extra(profile.extras, "PIN", to)),
}


def label(change: Change, *, port: int) -> str:
    """Say on a button exactly what it will change; a test follows."""
    door_port, _, encryption = change.to.partition(" ")
    words = {
        Fix.USE_TLS: f"Use TLS on {port} and test again",
        Fix.USE_SSL: f"Use SSL on {port} and test again",
        Fix.TLS_ON_587: "Use TLS on 587 and test again",
        Fix.SSL_ON_465: "Use SSL on 465 and test again",
        Fix.USE_OPEN_PORT: f"Use {encryption} on {door_port} and test again",
        Fix.ADDRESS_AS_LOGIN: "Use the email address as login and test again",
        Fix.LOGIN_AS_ADDRESS: "Use the login as email address and test again",
        Fix.AUTHENTICATE: "Turn Authentication Required on and test again",
        Fix.DO_NOT_AUTHENTICATE: "Turn Authentication Required off and test again",
        Fix.NAME_FROM_CERTIFICATE: f"Use {change.to[:40]} as server …",
        Fix.REMOVE_BLANKS: "Remove the blanks from the password and test again",
        Fix.AUTH_LOGIN: "Sign in with LOGIN (AUTH LOGIN) and test again",
        Fix.TRUST_CERTIFICATE: "Trust this certificate",
    }
    return words[change.fix]


def difference(before: EmailProfile, after: EmailProfile) -> tuple[str, ...]:
    """Say what differs between two profiles, "Port 465 → 587"; of a password only that it changed."""
    told = []
    for name in Field:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if name is Field.PASSWORD:
            told.append("Password changed" if new else "Password removed")
        elif name is Field.AUTHENTICATE:
            told.append(f"{LABELS[name]} turned {'on' if new else 'off'}")
        else:
            told.append(f"{LABELS[name]} {old or 'empty'} → {new or 'empty'}")
    for extra in sorted({*before.extras, *after.extras}):
        had, has = before.extras.get(extra), after.extras.get(extra)
        if had != has:
            told.append(f"{extra} {had or 'not set'} → {has or 'not set'}")
    return tuple(told)
