"""The fixes that buttons under a report offer: each changes one thing in the profile, and can be undone."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import SecretStr

from bot.profiles.account.extras import with_encryption, with_extra, without_extra
from bot.profiles.account.profile import EmailProfile, check_address, parse_port
from bot.profiles.errors import UserError
from bot.smtp.account import Encryption
from bot.smtp.advice.advice import Advice
from bot.smtp.advice.row import Fix
from bot.smtp.advice.suggestions import server_meant
from bot.smtp.check.report import Fault, Report
from bot.smtp.typed import is_invisible, without_blanks

_PINNABLE = (Fault.CERTIFICATE_SELF_SIGNED, Fault.CERTIFICATE_OF_OWN_AUTHORITY, Fault.CERTIFICATE_UNTRUSTED)
MAX_PROPOSED_FIXES = 3

OF_THE_PASSWORD = frozenset({Fix.REMOVE_BLANKS, Fix.REMOVE_INVISIBLE})
"""What they take away tells what the password is like, so they are for its owner alone."""

FIXES_FOR_MANY = frozenset(
    {
        Fix.USE_TLS,
        Fix.USE_SSL,
        Fix.TLS_ON_587,
        Fix.SSL_ON_465,
        Fix.USE_OPEN_PORT,
        Fix.DO_NOT_AUTHENTICATE,
        Fix.AUTH_PLAIN,
        Fix.AUTH_LOGIN,
        Fix.AUTH_CRAM_MD5,
        Fix.REMOVE_HELO,
        Fix.HELO_FROM_ADDRESS,
    }
)
"""What may be changed for many people at once: it keeps address, login, password, server and trusted certificate."""


@dataclass(frozen=True, kw_only=True)
class ProposedFix:
    """A fix for one profile.

    `target` is, where it needs one, the endpoint ("465 SSL"), the server ("smtp.example.com", with "587" behind it if
    the port changes too), or the key.
    """

    kind: Fix
    target: str = ""


class OutdatedFixError(UserError):
    """A fix from an old report does not fit the profile as it is now."""


def propose_fixes(report: Report, advice: Advice | None, profile: EmailProfile) -> tuple[ProposedFix, ...]:
    """Return the fixes worth offering for a finished report, the most helpful first, three at most."""
    fixes: list[ProposedFix] = []
    for kind in advice.fixes if advice else ():
        if kind is Fix.NAME_FROM_CERTIFICATE:
            fixes += [ProposedFix(kind=kind, target=name) for name in report.certificate_names if "*" not in name][:1]
        elif kind is Fix.HELO_FROM_ADDRESS:
            fixes.append(ProposedFix(kind=kind, target=profile.address.rpartition("@")[2]))
        elif kind is Fix.USE_PROVIDER_SERVER:
            server = server_meant(report, profile.address)
            fixes += [ProposedFix(kind=kind, target=f"{server.host} {server.port}")] if server else []
        else:
            fixes.append(ProposedFix(kind=kind))
    fixes += [ProposedFix(kind=Fix.USE_OPEN_PORT, target=f"{one.port} {one.encryption}") for one in report.open_ports]
    if may_be_trusted(report) and report.certificate is not None:
        fixes.append(ProposedFix(kind=Fix.TRUST_CERTIFICATE, target=report.certificate.pin))
    return tuple(_distinct(fixes, profile))[:MAX_PROPOSED_FIXES]


def _distinct(fixes: Iterable[ProposedFix], profile: EmailProfile) -> Iterator[ProposedFix]:
    """Leave out fixes that would change nothing, or the same as one before."""
    results = [profile]
    for fix in fixes:
        if opens_form(fix, profile, has_password=profile.password is not None):
            yield fix
            continue
        try:
            result = apply_fix(profile, fix)
        except OutdatedFixError:
            continue
        if result not in results:
            results.append(result)
            yield fix


def may_be_trusted(report: Report) -> bool:
    """Return whether trusting the certificate may be offered: privately issued, in date, and never good before."""
    certificate = report.certificate
    return (
        certificate is not None
        and report.fault in _PINNABLE
        and not report.trusted_before
        and certificate.not_before <= report.tested_at <= certificate.not_after
    )


def opens_form(fix: ProposedFix, profile: EmailProfile, *, has_password: bool) -> bool:
    """Return whether a fix needs something typed, so that its button opens the form instead of applying it."""
    if fix.kind in (Fix.NAME_FROM_CERTIFICATE, Fix.USE_PROVIDER_SERVER):
        # A password goes only to the server that it was typed for.
        return True
    return fix.kind is Fix.AUTHENTICATE and not (has_password and profile.login)


def filled_in(profile: EmailProfile, fix: ProposedFix) -> EmailProfile:
    """Return the profile that a form begins with for a fix that needs something typed; the password is as it was."""
    if fix.kind is Fix.NAME_FROM_CERTIFICATE:
        return replace(profile, host=fix.target)
    if fix.kind is Fix.USE_PROVIDER_SERVER:
        host, _, port = fix.target.partition(" ")
        return replace(profile, host=host, port=parse_port(port) or profile.port)
    return replace(profile, authenticate=True)


def apply_fix(profile: EmailProfile, fix: ProposedFix) -> EmailProfile:
    """Return the profile with one fix applied.

    Raises:
        OutdatedFixError: the fix does not fit the profile.
    """
    try:
        return _FIXES[fix.kind].apply(profile, fix.target)
    except (KeyError, ValueError, UserError):
        raise OutdatedFixError("This button no longer fits your profile. Test again to see what helps now.") from None


def apply_fix_for_many(profile: EmailProfile, fix: ProposedFix) -> EmailProfile:
    """Return one of many profiles with the fix applied.

    Raises:
        OutdatedFixError: the fix does not fit the profile, changes nothing, or would change who signs in where.
    """
    fixed = apply_fix(profile, fix) if fix.kind in FIXES_FOR_MANY else profile
    if fixed == profile or _who_and_where(fixed) != _who_and_where(profile):
        raise OutdatedFixError("The change does not fit the profile as it is now.")
    return fixed


def _who_and_where(profile: EmailProfile) -> tuple[object, ...]:
    return (
        profile.address,
        profile.login,
        profile.password,
        profile.host,
        profile.password_host,
        profile.extras.get("PIN"),
    )


def fix_label(fix: ProposedFix, *, port: int) -> str:
    """Return the text of a fix's button, which says exactly what it changes; `port` is the one that was tested."""
    first, _, encryption = fix.target.partition(" ")
    return _FIXES[fix.kind].label.format(port=port, new_port=first, encryption=encryption, name=first[:40])


def _with_encryption(profile: EmailProfile, name: str) -> EmailProfile:
    return replace(profile, extras=with_encryption(profile.extras, name))


def _with_endpoint(profile: EmailProfile, target: str) -> EmailProfile:
    port, encryption = target.split(" ")
    return replace(_with_encryption(profile, Encryption(encryption).value), port=int(port))


def _without_blanks(profile: EmailProfile, _target: str) -> EmailProfile:
    return _with_password(profile, without_blanks)


def _without_invisible(profile: EmailProfile, _target: str) -> EmailProfile:
    return _with_password(
        profile, lambda plain: "".join(character for character in plain if not is_invisible(character))
    )


def _with_password(profile: EmailProfile, change: Callable[[str], str]) -> EmailProfile:
    plain = profile.password.get_secret_value() if profile.password else ""
    changed = change(plain)
    if not changed or changed == plain:
        raise ValueError("there is nothing to remove")
    return replace(profile, password=SecretStr(changed))


def _with_mechanism(name: str) -> Callable[[EmailProfile, str], EmailProfile]:
    return lambda profile, _: replace(profile, extras=with_extra(profile.extras, "AUTH", name))


def _not_applicable(_profile: EmailProfile, _target: str) -> EmailProfile:
    raise ValueError("it opens the form")


@dataclass(frozen=True)
class _FixKind:
    label: str
    apply: Callable[[EmailProfile, str], EmailProfile]


_FIXES: Mapping[Fix, _FixKind] = {
    Fix.USE_TLS: _FixKind("Use TLS on {port} and test again", lambda profile, _: _with_encryption(profile, "TLS")),
    Fix.USE_SSL: _FixKind("Use SSL on {port} and test again", lambda profile, _: _with_encryption(profile, "SSL")),
    Fix.TLS_ON_587: _FixKind("Use TLS on 587 and test again", lambda profile, _: _with_endpoint(profile, "587 TLS")),
    Fix.SSL_ON_465: _FixKind("Use SSL on 465 and test again", lambda profile, _: _with_endpoint(profile, "465 SSL")),
    Fix.USE_OPEN_PORT: _FixKind("Use {encryption} on {new_port} and test again", _with_endpoint),
    Fix.ADDRESS_AS_LOGIN: _FixKind(
        "Use the email address as login and test again", lambda profile, _: replace(profile, login=profile.address)
    ),
    Fix.LOGIN_AS_ADDRESS: _FixKind(
        "Use the login as email address and test again",
        lambda profile, _: replace(profile, address=check_address(profile.login)),
    ),
    Fix.AUTHENTICATE: _FixKind(
        "Turn Authentication Required on and test again", lambda profile, _: replace(profile, authenticate=True)
    ),
    Fix.DO_NOT_AUTHENTICATE: _FixKind(
        "Turn Authentication Required off and test again", lambda profile, _: replace(profile, authenticate=False)
    ),
    Fix.NAME_FROM_CERTIFICATE: _FixKind("Use {name} as server …", _not_applicable),
    Fix.USE_PROVIDER_SERVER: _FixKind("Use {name} as server …", _not_applicable),
    Fix.REMOVE_BLANKS: _FixKind("Remove the blanks from the password and test again", _without_blanks),
    Fix.REMOVE_INVISIBLE: _FixKind(
        "Remove the invisible characters from the password and test again", _without_invisible
    ),
    Fix.AUTH_PLAIN: _FixKind("Sign in with PLAIN (AUTH PLAIN) and test again", _with_mechanism("PLAIN")),
    Fix.AUTH_LOGIN: _FixKind("Sign in with LOGIN (AUTH LOGIN) and test again", _with_mechanism("LOGIN")),
    Fix.AUTH_CRAM_MD5: _FixKind("Sign in with CRAM-MD5 (AUTH CRAM-MD5) and test again", _with_mechanism("CRAM-MD5")),
    Fix.TRUST_CERTIFICATE: _FixKind(
        "Trust this certificate", lambda profile, pin: replace(profile, extras=with_extra(profile.extras, "PIN", pin))
    ),
    Fix.REMOVE_HELO: _FixKind(
        "Remove HELO and test again", lambda profile, _: replace(profile, extras=without_extra(profile.extras, "HELO"))
    ),
    Fix.HELO_FROM_ADDRESS: _FixKind(
        "Set HELO to {name} and test again",
        lambda profile, name: replace(profile, extras=with_extra(profile.extras, "HELO", name)),
    ),
}
