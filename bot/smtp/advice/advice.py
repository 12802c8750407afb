"""Advice on a finished report: the most specific row, its words filled in, with the fixes that apply."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bot.providers.providers import Provider, provider_of
from bot.smtp.account import Account, Encryption
from bot.smtp.advice.hints import (
    ABOUT_CREDENTIALS,
    REMOVING,
    at_own_exchange,
    beyond_ascii,
    has_blanks,
    has_invisible,
    known_better,
    other_login,
    to_its_admin,
    what_nobody_sees,
)
from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.advice.rows.connection import CONNECTION_ROWS
from bot.smtp.advice.rows.encryption import ENCRYPTION_ROWS
from bot.smtp.advice.rows.late import LATE_ROWS
from bot.smtp.advice.rows.names import NAMES_ROWS
from bot.smtp.advice.rows.providers import PROVIDER_ROWS
from bot.smtp.advice.rows.sender import SENDER_ROWS
from bot.smtp.advice.rows.sign_in import SIGN_IN_ROWS
from bot.smtp.check.report import Fault, Reply, Report
from bot.smtp.network.guard import HostError, literal, normal_host

PARTS: Sequence[Mapping[When, Row]] = (
    NAMES_ROWS,
    CONNECTION_ROWS,
    ENCRYPTION_ROWS,
    SIGN_IN_ROWS,
    SENDER_ROWS,
    LATE_ROWS,
    PROVIDER_ROWS,
)
ROWS: Mapping[When, Row] = {when: row for part in PARTS for when, row in part.items()}


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What happened in one short clause, why, what to do, which form field is at fault, which fixes help.

    `field` is as in a row of the table; None when no field is at fault.
    """

    what: str
    why: str
    do: str
    field: str | None = None
    fixes: tuple[Fix, ...] = ()


def row_for(fault: Fault, reply: Reply | None, provider: Provider | None) -> tuple[When, Row]:
    """Return the most specific row about a failure, and when it applies."""
    when = max((when for when in ROWS if when.matches(fault, reply, provider)), key=lambda when: when.weight)
    return when, ROWS[when]


def advise(report: Report, account: Account) -> Advice | None:
    """Return what a report's fault (or warning) means for this account; None when there is none."""
    if report.fault is None:
        return None
    provider = provider_of(report.host)
    fault = known_better(report.fault, report.evidence, provider)
    _, row = row_for(fault, report.reply, provider)
    words = {
        "host": report.host,
        "port": str(report.port),
        "login": account.login or "an empty login",
        "address": account.address,
        "mode": {Encryption.TLS: "TLS", Encryption.SSL: "SSL", Encryption.NONE: "no encryption"}[report.encryption],
        "names": f"; it names {', '.join(report.certificate_names)}" if report.certificate_names else "",
        "other_login": other_login(account),
        **_mechanism_words(report, account),
    }
    advice = Advice(
        what=_filled(row.what, words),
        why=_filled(row.why, words),
        do=_filled(row.do, words),
        field=row.field,
        fixes=tuple(fix for fix in row.fixes if applicable(fix, report, account)),
    )
    if at_own_exchange(report.evidence, provider):
        advice = replace(advice, do=to_its_admin(advice.do))
    return _with_hints(advice, report, account) if report.fault in ABOUT_CREDENTIALS else advice


def _with_hints(advice: Advice, report: Report, account: Account) -> Advice:
    """Return advice on login and password with what is odd about them, which then is the first thing to mend."""
    odd = what_nobody_sees(account)
    first = "if that was pasted along, take it away; otherwise " if odd else ""
    removing = tuple(fix for fix in REMOVING if applicable(fix, report, account))
    return replace(
        advice,
        why=advice.why + (odd or beyond_ascii(account)),
        do=f"{first}{advice.do}",
        fixes=(*removing, *(fix for fix in advice.fixes if fix not in removing)),
    )


def _mechanism_words(report: Report, account: Account) -> Mapping[str, str]:
    evidence = report.evidence
    others = " or ".join(evidence.other_mechanisms) if evidence else ""
    return {
        "mechanism": (evidence.mechanism if evidence else "") or account.mechanism or "this way of signing in",
        "used": f", sent by AUTH {evidence.mechanism}" if evidence and evidence.mechanism else "",
        "others": others or "others",
        "try_another": f"; or try {others} once, which the server lists too" if others else "",
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Fill the words in without reading them as templates themselves."""
    for name, word in words.items():
        text = text.replace(f"{{{name}}}", word.replace("{", "(").replace("}", ")"))
    return text


def applicable(fix: Fix, report: Report, account: Account) -> bool:
    """Whether a fix would change something in this account and could help."""
    return _CONDITIONS[fix](report, account)


def _can_be_address(account: Account) -> bool:
    local, _, domain = account.login.rpartition("@")
    return bool(local) and "." in domain and account.login.casefold() != account.address.casefold()


def _other_mechanism(name: str) -> Callable[[Report, Account], bool]:
    """Return the condition of a fix towards a mechanism: it is listed, and neither used nor chosen already."""

    def applies(report: Report, account: Account) -> bool:
        evidence = report.evidence
        return account.mechanism != name and (evidence is None or name in evidence.other_mechanisms)

    return applies


def _usable_name(report: Report) -> bool:
    for name in report.certificate_names:
        with suppress(HostError):
            if "*" not in name and literal(normal_host(name)) is None:
                return True
    return False


_CONDITIONS: Mapping[Fix, Callable[[Report, Account], bool]] = {
    # Where nothing is encrypted yet, the port decides which kind fits.
    Fix.USE_TLS: lambda report, _: (
        report.encryption is not Encryption.TLS and not (report.encryption is Encryption.NONE and report.port == 465)
    ),
    Fix.USE_SSL: lambda report, _: (
        report.encryption is not Encryption.SSL and (report.encryption is not Encryption.NONE or report.port == 465)
    ),
    Fix.TLS_ON_587: lambda report, _: (report.port, report.encryption) != (587, Encryption.TLS),
    Fix.SSL_ON_465: lambda report, _: (report.port, report.encryption) != (465, Encryption.SSL),
    Fix.USE_OPEN_PORT: lambda report, _: bool(report.open_ports),
    Fix.ADDRESS_AS_LOGIN: lambda _, account: account.login.casefold() != account.address.casefold(),
    Fix.LOGIN_AS_ADDRESS: lambda _, account: _can_be_address(account),
    Fix.AUTHENTICATE: lambda _, account: not account.authenticate,
    Fix.DO_NOT_AUTHENTICATE: lambda _, account: account.authenticate,
    Fix.NAME_FROM_CERTIFICATE: lambda report, _: _usable_name(report),
    Fix.REMOVE_BLANKS: lambda _, account: has_blanks(account),
    Fix.REMOVE_INVISIBLE: lambda _, account: has_invisible(account),
    Fix.AUTH_PLAIN: _other_mechanism("PLAIN"),
    Fix.AUTH_LOGIN: _other_mechanism("LOGIN"),
    Fix.AUTH_CRAM_MD5: _other_mechanism("CRAM-MD5"),
    Fix.TRUST_CERTIFICATE: lambda report, _: report.certificate is not None,
}


def headline(report: Report, account: Account) -> str:
    """Return a finished report's verdict in one sentence."""
    failed = report.failed_stage
    if failed is None:
        return "Connection test passed"
    advice = advise(report, account)
    return f"Connection test failed at {failed.name}: {advice.what if advice else failed.detail}."
