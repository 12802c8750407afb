"""Advice on a finished report: the most specific row, its words filled in, with the fixes that apply."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bot.providers.providers import Provider
from bot.smtp.account import Account, Encryption
from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.advice.rows.connection import CONNECTION_ROWS
from bot.smtp.advice.rows.encryption import ENCRYPTION_ROWS
from bot.smtp.advice.rows.names import NAMES_ROWS
from bot.smtp.advice.rows.providers import PROVIDER_ROWS
from bot.smtp.advice.rows.sender import SENDER_ROWS
from bot.smtp.advice.rows.sign_in import SIGN_IN_ROWS
from bot.smtp.advice.suggestions import (
    about_passwords,
    described,
    fault_of,
    provider_for,
    provider_meant,
    server_meant,
    suggestions,
)
from bot.smtp.check.report import Fault, Reply, Report
from bot.smtp.network.guard import HostError, literal, normal_host

PARTS: Sequence[Mapping[When, Row]] = (
    NAMES_ROWS,
    CONNECTION_ROWS,
    ENCRYPTION_ROWS,
    SIGN_IN_ROWS,
    SENDER_ROWS,
    PROVIDER_ROWS,
)
ROWS: Mapping[When, Row] = {when: row for part in PARTS for when, row in part.items()}

_APP_PASSWORD_LETTERS = 16

_SUBJECTS = {
    "0": "",
    "1": ", about an address",
    "2": ", about a mailbox",
    "3": ", about the mail system",
    "4": ", about the network or the way there",
    "5": ", about the protocol",
    "6": ", about the content",
    "7": ", about security or a policy",
}
"""The subject in an enhanced code (RFC 3463, 3)."""


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
    fault = fault_of(report, account.address)
    if fault is None:
        return None
    provider = provider_for(report, account.address)
    when, row = row_for(fault, report.reply, provider)
    meant = provider or provider_meant(report, account.address)
    words = {
        "host": report.host,
        "port": str(report.port),
        "login": account.login or "an empty login",
        "address": account.address,
        "mode": {Encryption.TLS: "TLS", Encryption.SSL: "SSL", Encryption.NONE: "no encryption"}[report.encryption],
        "names": f"; it names {', '.join(report.certificate_names)}" if report.certificate_names else "",
        "mx": _mail_domain(report),
        "provider": meant.label if meant else "your mail provider",
        "server": described(server_meant(report, account.address)),
    }
    added = [*suggestions(report, account)]
    if provider is not None and fault is Fault.SIGN_IN_REFUSED and row.field == "password":
        added += about_passwords(provider, account.address, has_row=when.provider is not None)
    # A row about a reply or a provider knows better than the code's general meaning.
    meaning = "" if when.weight else code_meaning(report.reply)
    return Advice(
        what=_filled(row.what, words),
        why=_filled(row.why, words) + meaning,
        do=" ".join([_filled(row.do, words), *added]),
        field=row.field,
        fixes=tuple(fix for fix in row.fixes if applicable(fix, report, account)),
    )


def code_meaning(reply: Reply | None) -> str:
    """Return what the class of a reply's code means (RFC 5321, 4.2.1; RFC 3463); empty when nothing was refused."""
    if reply is None or reply.code < 400:
        return ""
    spelled = f"{reply.code} {reply.enhanced}".strip()
    kind = "for now; it may pass by itself" if reply.code < 500 else "for good, as things are"
    subject = _SUBJECTS.get(reply.enhanced.split(".")[1], "") if reply.enhanced else ""
    return f" Its answer {spelled} says no {kind}{subject}."


def _mail_domain(report: Report) -> str:
    """Return what the MX records of a name without an address say; empty without any."""
    if not report.mail_servers:
        return ""
    return f". It is a mail domain, not a server: mail for it comes in at {report.mail_servers[0]} (MX)"


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


def _has_blanks_in_app_password(account: Account) -> bool:
    plain = account.password.get_secret_value() if account.password else ""
    letters = "".join(plain.split())
    return letters != plain and len(letters) == _APP_PASSWORD_LETTERS and letters.isascii() and letters.isalpha()


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
    Fix.REMOVE_BLANKS: lambda _, account: _has_blanks_in_app_password(account),
    Fix.AUTH_LOGIN: lambda _, account: account.mechanism != "LOGIN",
    Fix.USE_PROVIDER_SERVER: lambda report, account: server_meant(report, account.address) is not None,
    Fix.TRUST_CERTIFICATE: lambda report, _: report.certificate is not None,
}


def headline(report: Report, account: Account) -> str:
    """Return a finished report's verdict in one sentence."""
    failed = report.failed_stage
    if failed is None:
        return "Connection test passed"
    advice = advise(report, account)
    return f"Connection test failed at {failed.name}: {advice.what if advice else failed.detail}."
