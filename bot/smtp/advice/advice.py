"""Advice on a finished report: the most specific row, its words filled in, with the fixes that apply."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bot.providers.providers import Provider, provider_of
from bot.smtp.account import Account, Encryption
from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.advice.rows.connection import CONNECTION_ROWS
from bot.smtp.advice.rows.encryption import ENCRYPTION_ROWS
from bot.smtp.advice.rows.names import NAMES_ROWS
from bot.smtp.advice.rows.providers import PROVIDER_ROWS
from bot.smtp.advice.rows.sender import SENDER_ROWS
from bot.smtp.advice.rows.sign_in import SIGN_IN_ROWS
from bot.smtp.check.report import Endpoint, Fault, Reply, Report, StageName
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

_UNSENT = " Your password was not sent."
_CLEAR_TEXT = " As nobody signs in with your profile, it can also go without encryption: remove the extra TLS."
_WITH_TLS = "turn encryption on with the extra configuration TLS Y, or SSL Y where the port is made for it"
_WITHOUT_TLS = "use a port that is encrypted, because port {port} offers no TLS; your mail provider names it"
_LOOKED_AT = (StageName.CONNECT, StageName.GREETING, StageName.ENCRYPTION)
"""The stages after whose failure the test looks at other ports."""
_NOTHING_ELSEWHERE = " No other usual mail port was found to answer there."

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
    if report.fault is None:
        return None
    when, row = row_for(report.fault, report.reply, provider_of(report.host))
    if _names_a_closed_port(row, report):
        when, row = row_for(report.fault, None, None)
    words = {
        # First, because it has words of its own.
        "encrypting": _WITHOUT_TLS if _without_starttls(report) else _WITH_TLS,
        "host": report.host,
        "port": str(report.port),
        "login": account.login or "an empty login",
        "address": account.address,
        "mode": {Encryption.TLS: "TLS", Encryption.SSL: "SSL", Encryption.NONE: "no encryption"}[report.encryption],
        "names": _named(report),
        "issuer": report.certificate.issuer if report.certificate else "somebody unknown",
        "clear_text": "" if account.authenticate else _CLEAR_TEXT,
        "elsewhere": "" if report.open_ports or not report.closed_ports else _NOTHING_ELSEWHERE,
    }
    # A row about a reply or a provider knows better than the code's general meaning.
    meaning = "" if when.weight else code_meaning(report.reply)
    return Advice(
        what=_filled(row.what, words),
        why=_filled(row.why if account.authenticate else row.why.replace(_UNSENT, ""), words) + meaning,
        do=_filled(row.do, words),
        field=row.field,
        fixes=tuple(fix for fix in row.fixes if applicable(fix, report, account)),
    )


def _closed(report: Report) -> tuple[int, ...]:
    """Return the ports that were found closed, by the look at others and by the test itself."""
    failed = report.failed_stage
    own = (report.port,) if failed is not None and failed.name is StageName.CONNECT else ()
    return own + report.closed_ports


def _leads_on(report: Report, other: Endpoint) -> bool:
    """Whether another endpoint may help: where other ports were looked at, it was found to answer."""
    if other in report.open_ports:
        return True
    failed = report.failed_stage
    looked = bool(report.closed_ports) or (failed is not None and failed.name in _LOOKED_AT)
    if other.port == report.port:
        return other.encryption is not report.encryption and report.port not in _closed(report)
    return not looked


def _names_a_closed_port(row: Row, report: Report) -> bool:
    return any(re.search(rf"\b{port}\b", row.do) for port in _closed(report))


def code_meaning(reply: Reply | None) -> str:
    """Return what the class of a reply's code means (RFC 5321, 4.2.1; RFC 3463); empty when nothing was refused."""
    if reply is None or reply.code < 400:
        return ""
    spelled = f"{reply.code} {reply.enhanced}".strip()
    kind = "for now; it may pass by itself" if reply.code < 500 else "for good, as things are"
    subject = _SUBJECTS.get(reply.enhanced.split(".")[1], "") if reply.enhanced else ""
    return f" Its answer {spelled} says no {kind}{subject}."


def _named(report: Report) -> str:
    if report.certificate_names:
        return f"; it names {', '.join(report.certificate_names)}"
    return "; it names no server at all" if report.certificate and not report.certificate.names else ""


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


def _without_starttls(report: Report) -> bool:
    return report.evidence is not None and report.evidence.starttls is False


def _usable_name(report: Report) -> bool:
    for name in report.certificate_names:
        with suppress(HostError):
            if "*" not in name and literal(normal_host(name)) is None:
                return True
    return False


_CONDITIONS: Mapping[Fix, Callable[[Report, Account], bool]] = {
    # Where nothing is encrypted yet, the port decides which kind fits.
    Fix.USE_TLS: lambda report, _: (
        report.encryption is not Encryption.TLS
        and not (report.encryption is Encryption.NONE and (report.port == 465 or _without_starttls(report)))
    ),
    Fix.USE_SSL: lambda report, _: (
        report.encryption is not Encryption.SSL and (report.encryption is not Encryption.NONE or report.port == 465)
    ),
    Fix.TLS_ON_587: lambda report, _: _leads_on(report, Endpoint(port=587, encryption=Encryption.TLS)),
    Fix.SSL_ON_465: lambda report, _: _leads_on(report, Endpoint(port=465, encryption=Encryption.SSL)),
    Fix.USE_OPEN_PORT: lambda report, _: bool(report.open_ports),
    Fix.ADDRESS_AS_LOGIN: lambda _, account: account.login.casefold() != account.address.casefold(),
    Fix.LOGIN_AS_ADDRESS: lambda _, account: _can_be_address(account),
    Fix.AUTHENTICATE: lambda _, account: not account.authenticate,
    Fix.DO_NOT_AUTHENTICATE: lambda _, account: account.authenticate,
    Fix.NAME_FROM_CERTIFICATE: lambda report, _: _usable_name(report),
    Fix.REMOVE_BLANKS: lambda _, account: _has_blanks_in_app_password(account),
    Fix.AUTH_LOGIN: lambda _, account: account.mechanism != "LOGIN",
    Fix.TRUST_CERTIFICATE: lambda report, _: report.certificate is not None,
}


def headline(report: Report, account: Account) -> str:
    """Return a finished report's verdict in one sentence."""
    failed = report.failed_stage
    if failed is None:
        return "Connection test passed"
    advice = advise(report, account)
    return f"Connection test failed at {failed.name}: {advice.what if advice else failed.detail}."
