"""What is known of an account beyond its test: what will soon stop working, what only a message shows."""

from datetime import date

from bot.providers.recognition import provider_in_use
from bot.smtp.account import Account


def provider_notice(account: Account, today: date) -> str | None:
    """Return what will soon stop working with this account, or has; None when nothing is known."""
    provider = provider_in_use(account.host, account.address)
    if provider is None or not account.authenticate or account.token:
        return None
    ending = provider.value.ending
    return ending.notice(today) if ending is not None else None


def judged_with_message(account: Account) -> str | None:
    """Return that a test without a message cannot tell whether the sender is taken; None where it can."""
    provider = provider_in_use(account.host, account.address)
    if provider is None or not provider.value.judges_sender_only_with_message:
        return None
    return (
        f"{provider.label} judges the sender only with a message: whether {account.address} may send, "
        "/email-test send tells."
    )
