"""What else speaks for itself when login or password are not taken: what nobody sees in them, and Exchange."""

from bot.providers.providers import Provider
from bot.smtp.account import Account
from bot.smtp.advice.row import Fix
from bot.smtp.check.evidence import EXCHANGE, OF_WINDOWS, Evidence
from bot.smtp.check.report import Fault
from bot.smtp.typed import is_invisible, oddities, without_blanks

ABOUT_CREDENTIALS = (Fault.SIGN_IN_REFUSED, Fault.LOGIN_UNKNOWN, Fault.APP_PASSWORD_NEEDED, Fault.MECHANISM_BROKEN)
REMOVING = (Fix.REMOVE_BLANKS, Fix.REMOVE_INVISIBLE)


def what_nobody_sees(account: Account) -> str:
    """Return a sentence for login and password each that has something in it that nobody sees; it never shows them."""
    texts = {"password": _password(account), "login": account.login}
    between = {"password": "", "login": "has a blank in it"}
    found = [(name, one) for name, text in texts.items() for one in oddities(text, blank_between=between[name])]
    return "".join(f" The {name} {oddity}." for name, oddity in found)


def beyond_ascii(account: Account) -> str:
    """Return a sentence for login and password each that has letters beyond ASCII; empty for others."""
    texts = {"password": _password(account), "login": account.login}
    beyond = [name for name, text in texts.items() if not text.isascii()]
    said = "has letters or signs beyond ASCII, which some servers read otherwise"
    return "".join(f" The {name} {said}." for name in beyond)


def at_own_exchange(evidence: Evidence | None, provider: Provider | None) -> bool:
    """Whether the server is an Exchange of one's own: Microsoft 365 calls itself by the same name."""
    return evidence is not None and evidence.software == EXCHANGE and provider is None


def to_its_admin(text: str) -> str:
    """Return a text with the admin of one's own Exchange where a row for all servers sends people to a provider."""
    return text.replace("your mail provider", "the Exchange admin")


def known_better(fault: Fault, evidence: Evidence | None, provider: Provider | None) -> Fault:
    """Return a fault as what else is known makes it: Exchange has logins of its own, and may offer none for the bot."""
    if evidence is None:
        return fault
    if fault is Fault.SIGN_IN_REFUSED and at_own_exchange(evidence, provider):
        return Fault.EXCHANGE_LOGIN_REFUSED
    only_windows = bool(evidence.mechanisms) and OF_WINDOWS.issuperset(evidence.mechanisms)
    return Fault.ONLY_WINDOWS_SIGN_IN if fault is Fault.SIGN_IN_NEEDED and only_windows else fault


def other_login(account: Account) -> str:
    """Return in which other form an Exchange server may want a login."""
    if "\\" in account.login:
        return "the full email address (the user principal name)"
    return "DOMAIN\\user, the Windows login, or the full email address"


def has_blanks(account: Account) -> bool:
    """Whether the password begins or ends with a blank, or is an app password in groups."""
    plain = _password(account)
    return bool(plain.strip()) and without_blanks(plain) != plain


def has_invisible(account: Account) -> bool:
    """Whether the password has characters that show nothing."""
    return any(is_invisible(one) for one in _password(account))


def _password(account: Account) -> str:
    return account.password.get_secret_value() if account.password else ""
