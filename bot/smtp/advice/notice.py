"""What is known of an account beyond its test: what will soon stop working, what only a message shows."""

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


def judged_with_message(account: Account) -> str | None:
    """Return that a test without a message cannot tell whether the sender is taken; None where it can."""
    provider = provider_in_use(account.host, account.address)
    if provider is None or not provider.value.judges_sender_only_with_message:
        return None
    return (
        f"{provider.label} judges the sender only with a message: whether {account.address} may send, "
        "/email-test send tells."
    )
