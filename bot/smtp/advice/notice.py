"""What will soon stop working with an account."""

from datetime import date

from bot.providers.providers import Provider
from bot.providers.recognition import provider_in_use
from bot.smtp.account import Account

MICROSOFT_ENDS = date(2026, 12, 31)
"""https://techcommunity.microsoft.com/blog/exchange/…/4489835, read as of 29 January 2026."""


def provider_notice(account: Account, today: date) -> str | None:
    """Return what will soon stop working with this account; None when nothing is known."""
    if (
        provider_in_use(account.host, account.address) is not Provider.MICROSOFT_365
        or not account.authenticate
        or account.token
    ):
        return None
    if today <= MICROSOFT_ENDS:
        return (
            "From the end of December 2026 Microsoft 365 switches off signing in with a password by default. "
            "Ask your Microsoft 365 admin what will take its place."
        )
    return (
        "Since the end of December 2026 Microsoft 365 has signing in with a password switched off by default. "
        "An admin may switch it on again for now."
    )
