"""What else speaks for itself when login or password are not taken: what nobody sees in them, and Exchange's logins."""

from bot.providers.providers import Provider
from bot.smtp.account import Account
from bot.smtp.advice.row import Fix
from bot.smtp.check.evidence import EXCHANGE
from bot.smtp.check.report import Fault, Report
from bot.smtp.typed import is_invisible, oddities, without_blanks

ABOUT_CREDENTIALS = (Fault.SIGN_IN_REFUSED, Fault.LOGIN_UNKNOWN, Fault.APP_PASSWORD_NEEDED, Fault.MECHANISM_BROKEN)
REMOVING = (Fix.REMOVE_BLANKS, Fix.REMOVE_INVISIBLE)


def what_nobody_sees(account: Account) -> str:
    """Return a sentence for login and password each that has something in it that nobody sees; it never shows them."""
    found = [("password", one) for one in oddities(_password(account), blank_between="")]
    found += [("login", one) for one in oddities(account.login, blank_between="has a blank in it")]
    return "".join(f" The {name} {oddity}." for name, oddity in found)


def exchange_login(report: Report, account: Account, provider: Provider | None) -> str:
    """Return how logins are written at an Exchange server of one's own; empty elsewhere, and when it is written so."""
    at_exchange = report.evidence is not None and report.evidence.software == EXCHANGE
    if not at_exchange or provider is not None or "\\" in account.login:
        return ""
    return " On an Exchange server User/Login is often DOMAIN\\user, with the name of the Windows domain."


def has_blanks(account: Account) -> bool:
    """Whether the password begins or ends with a blank, or is an app password in groups."""
    plain = _password(account)
    return bool(plain.strip()) and without_blanks(plain) != plain


def has_invisible(account: Account) -> bool:
    """Whether the password has characters that show nothing."""
    return any(is_invisible(one) for one in _password(account))


def _password(account: Account) -> str:
    return account.password.get_secret_value() if account.password else ""
