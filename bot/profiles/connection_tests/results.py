"""What a connection test found, as whoever reads it may see it."""

from dataclasses import dataclass, replace

from bot.profiles.account.fixes import ProposedFix, propose_fixes
from bot.profiles.account.profile import EmailProfile
from bot.profiles.connection_tests.limits import SignInsLeft
from bot.profiles.people.access import Person
from bot.smtp.account import Account
from bot.smtp.advice.advice import Advice, advise
from bot.smtp.check.report import Report


@dataclass(frozen=True, kw_only=True)
class ConnectionTestResult:
    """A finished test: of which account (without its secrets), the report, what it means, and the fixes to offer.

    `sign_ins_left` is what a refused sign-in has left of the limit; None where none was refused. With `unconfirmed` it
    was begun by the owner, and would have written to the profile's address if that were confirmed. With
    `words_withheld` the server said something that is shown to the account's owner alone.
    """

    account: Account
    report: Report
    advice: Advice | None
    fixes: tuple[ProposedFix, ...]
    sign_ins_left: SignInsLeft | None = None
    unconfirmed: bool = False
    words_withheld: bool = False


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """The dialogue of a test, as `lines`; with `words_withheld` as others than the account's owner may see it."""

    lines: tuple[str, ...]
    words_withheld: bool


@dataclass(frozen=True, kw_only=True)
class SentMessageResult:
    """A test with a real message: to whom it went, and what DNS says of the sender's domain."""

    test: ConnectionTestResult
    recipient: str
    dns_findings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MailedCode:
    """A test that mailed a code to the profile's `address`, as far as it came."""

    test: ConnectionTestResult
    address: str


def result_for(
    reader: Person, owner: Person, report: Report, account: Account, profile: EmailProfile
) -> ConnectionTestResult:
    """Return what a report means; what the server said, and what the password is like, is for the owner alone."""
    if reader == owner:
        return interpret_report(report.in_full, account, profile)
    result = interpret_report(report, account.without_secrets(), profile)
    words = report.words
    return replace(result, words_withheld=words is not None and bool(words.reply or words.details))


def interpret_report(report: Report, account: Account, profile: EmailProfile) -> ConnectionTestResult:
    """Say what a finished report means for a profile, and which changes help."""
    advice = advise(report, account)
    return ConnectionTestResult(
        account=account.without_secrets(), report=report, advice=advice, fixes=propose_fixes(report, advice, profile)
    )
