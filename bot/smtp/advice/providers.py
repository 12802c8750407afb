"""The providers that the advice knows by name, and their mail servers."""

from datetime import date
from enum import Enum

from bot.smtp.account import Account

MICROSOFT_ENDS = date(2026, 12, 31)
"""https://techcommunity.microsoft.com/blog/exchange/…/4489835, read as of 29 January 2026."""


class Provider(Enum):
    """A provider: its name as people call it, and its servers.

    A server is a host name, a domain of which every host is one, or a pattern with "*" for one label.
    """

    GMAIL = "Gmail", ("smtp.gmail.com", "smtp.googlemail.com", "smtp-relay.gmail.com")
    MICROSOFT_365 = "Microsoft 365", ("smtp.office365.com", "outlook.office365.com")
    OUTLOOK_COM = "Outlook.com", ("smtp-mail.outlook.com", "smtp.live.com")
    YAHOO = "Yahoo", ("mail.yahoo.com",)
    AOL = "AOL", ("smtp.aol.com",)
    ICLOUD = "iCloud", ("mail.me.com",)
    ZOHO = "Zoho", ("zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.jp")
    AMAZON_SES = "Amazon SES", ("email-smtp.*.amazonaws.com",)
    SENDGRID = "SendGrid", ("smtp.sendgrid.net",)
    MAILGUN = "Mailgun", ("smtp.mailgun.org", "smtp.eu.mailgun.org")
    POSTMARK = "Postmark", ("smtp.postmarkapp.com", "smtp-broadcasts.postmarkapp.com")
    FASTMAIL = "Fastmail", ("smtp.fastmail.com",)
    GMX = "GMX", ("mail.gmx.net", "mail.gmx.com")
    WEB_DE = "WEB.DE", ("smtp.web.de",)
    T_ONLINE = "T-Online", ("securesmtp.t-online.de", "smtpmail.t-online.de")
    YANDEX = "Yandex", ("smtp.yandex.com", "smtp.yandex.ru")
    NETEASE = "163", ("smtp.163.com", "smtp.126.com")
    QQ = "QQ", ("smtp.qq.com", "smtp.exmail.qq.com")
    PROTON = "Proton", ("smtp.protonmail.ch",)

    def __init__(self, label: str, servers: tuple[str, ...]) -> None:
        self.label = label
        self.servers = servers


def provider_of(host: str) -> Provider | None:
    """Return the provider of a mail server (a normalised host name); None for an unknown one."""
    return next((provider for provider in Provider if any(_matches(host, one) for one in provider.servers)), None)


def _matches(host: str, server: str) -> bool:
    wanted = server.split(".")
    labels = host.split(".")[-len(wanted) :]
    return len(labels) == len(wanted) and all(want in ("*", label) for want, label in zip(wanted, labels, strict=True))


def provider_notice(account: Account, today: date) -> str | None:
    """Return what will soon stop working with this account; None when nothing is known."""
    if provider_of(account.host) is not Provider.MICROSOFT_365 or not account.authenticate or account.token:
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
