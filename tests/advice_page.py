"""Writes docs/advice.md, every row of advice as a person reads it: `.venv/bin/python -m tests.advice_page`."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from pydantic import SecretStr

from bot.profiles.account.fixes import ProposedFix, fix_label
from bot.profiles.account.profile import LABELS, Field
from bot.smtp.account import Account, Encryption
from bot.smtp.advice.advice import PARTS, advise, row_for
from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.advice.suggestions import server_meant
from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.report import Certificate, Endpoint, Fault, Outcome, Reply, Report, Stage, StageName
from tests.documents import ROOT
from tests.unit.smtp.test_advice import reply_for

PAGE = ROOT / "docs" / "advice.md"

_TITLES = (
    "Names, addresses and ports",
    "Connecting",
    "Encryption",
    "Signing in",
    "Where the bot comes from",
    "Sender and recipient",
    "The message",
    "What breaks late in the dialogue",
    "Providers",
)
_INTRODUCTION = (
    "# Advice\n\n"
    "What a failed connection test says, row by row, with examples in place of names: what happened, why, what to do, "
    "who can do it, the field that is marked, and the buttons that are offered where they apply. Below that stand the "
    "refusal that the row was written for, and where the fact is written, with the day on which it was read there. "
    "What is known of single providers stands in [providers.md](providers.md). This page is generated from "
    "`bot/smtp/advice/rows/`; write it anew with `.venv/bin/python -m tests.advice_page`.\n"
)
_PARTIES = {
    "whoever runs the bot": ("whoever runs the bot",),
    "an admin of the mail system": ("admin", "whoever runs the mail server", "whoever runs the domain"),
    "the mail provider": ("mail provider",),
}
_HOSTS = {
    Fault.SERVER_TAKES_MAIL_IN: "corp-example.mail.protection.outlook.com",
    Fault.SERVER_DOES_NOT_SEND: "imap.gmail.com",
    Fault.NAME_NOT_FOUND: "smtp.gmial.com",
    Fault.NAME_WITHOUT_ADDRESS: "example.com",
    Fault.LOOPBACK_NOT_ALLOWED: "127.0.0.1",
    Fault.NOTHING_ON_LOOPBACK: "127.0.0.1",
    Fault.SERVER_FOR_ORGANISATIONS: "smtp-relay.gmail.com",
    Fault.PRIVATE_NOT_ALLOWED: "mail.corp.example",
}
_ADDRESSES = dict.fromkeys((Fault.NAME_NOT_FOUND, Fault.SERVER_FOR_ORGANISATIONS), "ada@gmail.com")
_MX = {Fault.NAME_WITHOUT_ADDRESS: ("aspmx.l.google.com",)}
_REPLIES = {Fault.SERVER_FOR_ORGANISATIONS: Reply(code=550, enhanced="5.7.0", text="Mail relay denied")}
_CERTIFICATE = Certificate(
    names=("mail.hoster.example",),
    issuer="Example authority",
    not_before=datetime(2026, 9, 1, tzinfo=UTC),
    not_after=datetime(2027, 3, 1, tzinfo=UTC),
    pin="5e" * 32,
)


def page() -> str:
    """Return the text of the page."""
    parts = [_INTRODUCTION]
    for title, rows in zip(_TITLES, PARTS, strict=True):
        parts += [f"## {title}\n", *_sections(rows)]
    return "\n".join(parts)


def _sections(rows: Mapping[When, Row]) -> Iterator[str]:
    provider = None
    for when, row in rows.items():
        if when.provider is not provider and when.provider is not None:
            provider = when.provider
            yield f"### {provider.label}\n"
        yield _section(when, row)


def _section(when: When, row: Row) -> str:
    report, account = example(when)
    assert row_for(when.fault, report.reply, when.provider) == (when, row)
    advice = advise(report, account)
    assert advice is not None
    level = "####" if when.provider else "###"
    lines = [
        f"{level} {advice.what}\n",
        f"- Why: {advice.why}",
        f"- Do: {advice.do}",
        f"- Who: {', '.join(_who(advice.do))}",
        f"- Field: {_field(row.field)}",
        f"- Buttons: {'; '.join(_label(fix, report, account) for fix in row.fixes) or 'none'}",
        f"- When: {_when(when)}",
        f"- Source: {row.source} ({row.dated})",
    ]
    return "\n".join(lines) + "\n"


def _who(do: str) -> list[str]:
    others = [party for party, words in _PARTIES.items() if any(word in do for word in words)]
    return others if others and do.startswith(("ask", "tell")) else ["you", *others]


def _field(name: str | None) -> str:
    if name is None:
        return "none"
    return "the extra configurations SSL and TLS" if name == "encryption" else LABELS[Field(name)]


def _label(fix: Fix, report: Report, account: Account) -> str:
    server = server_meant(report, account.address)
    targets = {
        Fix.USE_OPEN_PORT: "465 SSL",
        Fix.NAME_FROM_CERTIFICATE: "mail.hoster.example",
        Fix.USE_PROVIDER_SERVER: server.host if server else "smtp.provider.example",
        Fix.HELO_FROM_ADDRESS: account.address.rpartition("@")[2],
    }
    return f"“{fix_label(ProposedFix(kind=fix, target=targets.get(fix, '')), port=report.port)}”"


def _when(when: When) -> str:
    words = [f"the fault “{when.fault.value}”"]
    if when.codes:
        words.append(f"code {', '.join(map(str, when.codes))}")
    if when.enhanced:
        words.append(f"enhanced code {', '.join(when.enhanced)}")
    if when.says:
        words.append(f"the server says {', '.join(f'“{phrase}”' for phrase in when.says)}")
    return "; ".join(words)


def example(when: When) -> tuple[Report, Account]:
    """Return a report and an account to which a row applies."""
    host = _HOSTS.get(when.fault, "smtp.example.com")
    if when.provider is not None:
        host = when.provider.value.all_servers[0].host
    account = Account(
        address=_ADDRESSES.get(when.fault, "ada@example.com"),
        host=host,
        port=587,
        encryption=Encryption.TLS,
        authenticate=True,
        login="ada",
        password=SecretStr("x"),
    )
    report = Report(
        host=host,
        port=587,
        encryption=Encryption.TLS,
        stages=(Stage(name=StageName.RESOLVE, outcome=Outcome.FAILED),),
        seconds=1,
        tested_at=datetime(2026, 11, 30, tzinfo=UTC),
        fault=when.fault,
        reply=reply_for(when) or _REPLIES.get(when.fault),
        certificate_names=_CERTIFICATE.names,
        certificate=_CERTIFICATE,
        open_ports=(Endpoint(port=465, encryption=Encryption.SSL),),
        mail_servers=_MX.get(when.fault, ()),
        evidence=Evidence(command=Command.AUTH, mechanisms=("PLAIN", "LOGIN"), mechanism="PLAIN", announced="laptop7"),
    )
    return report, account


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
