"""Advice on a finished report: the most specific row, its words filled in, with the fixes that apply."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bot.providers.providers import Provider
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
from bot.smtp.advice.rows.client import CLIENT_ROWS
from bot.smtp.advice.rows.connection import CONNECTION_ROWS
from bot.smtp.advice.rows.encryption import ENCRYPTION_ROWS
from bot.smtp.advice.rows.late import LATE_ROWS
from bot.smtp.advice.rows.message import MESSAGE_ROWS
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
from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.report import Endpoint, Fault, Reply, Report, StageName
from bot.smtp.dialogue.session import DEFAULT_HELO
from bot.smtp.network.guard import HostError, literal, normal_host

PARTS: Sequence[Mapping[When, Row]] = (
    NAMES_ROWS,
    CONNECTION_ROWS,
    ENCRYPTION_ROWS,
    SIGN_IN_ROWS,
    CLIENT_ROWS,
    SENDER_ROWS,
    MESSAGE_ROWS,
    LATE_ROWS,
    PROVIDER_ROWS,
)
ROWS: Mapping[When, Row] = {when: row for part in PARTS for when, row in part.items()}

_UNSENT = " Your password was not sent."
_CLEAR_TEXT = " As nobody signs in with your profile, it can also go without encryption: remove the extra TLS."
_WITH_TLS = "turn encryption on with the extra configuration TLS Y, or SSL Y where the port is made for it"
_WITHOUT_TLS = "use a port that is encrypted, because port {port} offers no TLS; your mail provider names it"
_LOOKED_AT = (StageName.CONNECT, StageName.GREETING, StageName.ENCRYPTION)
"""The stages after whose failure the test looks at other ports."""
_NOTHING_ELSEWHERE = " No other usual mail port was found to answer there."


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
    fault = known_better(fault, report.evidence, provider)
    # The words of a server choose among the bot's own, and are not among them.
    when, row = row_for(fault, report.in_full.reply, provider)
    if _names_a_closed_port(row, report):
        when, row = row_for(fault, None, None)
    words = _words(report, account, provider)
    added = [*suggestions(report, account)]
    if provider is not None and fault is Fault.SIGN_IN_REFUSED and row.field == "password":
        added += about_passwords(provider, account.address, has_row=when.provider is not None)
    advice = Advice(
        what=_filled(row.what, words),
        why=_filled(row.why if account.authenticate else row.why.replace(_UNSENT, ""), words),
        do=" ".join([_filled(row.do, words), *added]),
        field=row.field,
        fixes=tuple(fix for fix in row.fixes if applicable(fix, report, account)),
    )
    if at_own_exchange(report.evidence, provider):
        advice = replace(advice, do=to_its_admin(advice.do))
    return _with_hints(advice, report, account) if report.fault in ABOUT_CREDENTIALS else advice


def _words(report: Report, account: Account, provider: Provider | None) -> Mapping[str, str]:
    """Return what a row's placeholders stand for."""
    meant = provider or provider_meant(report, account.address)
    evidence = report.evidence or Evidence(command=Command.GREETING)
    return {
        # First, because it has words of its own.
        "encrypting": _WITHOUT_TLS if _without_starttls(report) else _WITH_TLS,
        "host": report.host,
        "port": str(report.port),
        "login": account.login or "an empty login",
        "address": account.address,
        "domain": account.address.rpartition("@")[2],
        "recipient": evidence.recipient or account.address,
        "announced": evidence.announced or account.helo or DEFAULT_HELO,
        "mode": {Encryption.TLS: "TLS", Encryption.SSL: "SSL", Encryption.NONE: "no encryption"}[report.encryption],
        "names": _named(report),
        "issuer": report.certificate.issuer if report.certificate else "somebody unknown",
        "clear_text": "" if account.authenticate else _CLEAR_TEXT,
        "elsewhere": "" if report.open_ports or not report.closed_ports else _NOTHING_ELSEWHERE,
        "mx": _mail_domain(report),
        "provider": meant.label if meant else "your mail provider",
        "server": described(server_meant(report, account.address)),
        "other_login": other_login(account),
        **_mechanism_words(report, account),
    }


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


def _mail_domain(report: Report) -> str:
    """Return what the MX records of a name without an address say; empty without any."""
    if not report.mail_servers:
        return ""
    return f". It is a mail domain, not a server: mail for it comes in at {report.mail_servers[0]} (MX)"


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


def _login_would_do(report: Report, account: Account) -> bool:
    """Whether the login is an address, and one without what is wrong with the sender's."""
    local, _, domain = account.login.rpartition("@")
    match report.fault:
        case Fault.ADDRESS_NOT_ASCII if not local.isascii():
            return False
        case Fault.SENDER_DOMAIN_UNKNOWN if domain.casefold() == account.address.rpartition("@")[2].casefold():
            return False
    return _can_be_address(account)


def _other_mechanism(name: str) -> Callable[[Report, Account], bool]:
    """Return the condition of a fix towards a mechanism: it is listed, and neither used nor chosen already."""

    def applies(report: Report, account: Account) -> bool:
        evidence = report.evidence
        return account.mechanism != name and (evidence is None or name in evidence.other_mechanisms)

    return applies


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
    Fix.LOGIN_AS_ADDRESS: lambda report, account: account.authenticate and _login_would_do(report, account),
    # Reports of before hold no evidence.
    Fix.AUTHENTICATE: lambda report, account: (
        not account.authenticate and (report.evidence is None or bool(report.evidence.mechanisms))
    ),
    Fix.DO_NOT_AUTHENTICATE: lambda _, account: account.authenticate,
    Fix.NAME_FROM_CERTIFICATE: lambda report, _: _usable_name(report),
    Fix.REMOVE_BLANKS: lambda _, account: has_blanks(account),
    Fix.REMOVE_INVISIBLE: lambda _, account: has_invisible(account),
    Fix.AUTH_PLAIN: _other_mechanism("PLAIN"),
    Fix.AUTH_LOGIN: _other_mechanism("LOGIN"),
    Fix.AUTH_CRAM_MD5: _other_mechanism("CRAM-MD5"),
    Fix.USE_PROVIDER_SERVER: lambda report, account: server_meant(report, account.address) is not None,
    Fix.TRUST_CERTIFICATE: lambda report, _: report.certificate is not None,
    Fix.REMOVE_HELO: lambda _, account: account.helo is not None,
    Fix.HELO_FROM_ADDRESS: lambda _, account: "." in account.address.rpartition("@")[2],
}


def headline(report: Report, account: Account) -> str:
    """Return a finished report's verdict in one sentence."""
    failed = report.failed_stage
    if failed is None:
        return "Connection test passed"
    advice = advise(report, account)
    return f"Connection test failed at {failed.name}: {advice.what if advice else failed.detail}."
