"""The providers that the advice knows by name, and their mail servers."""

from enum import Enum


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


JUDGE_SENDER_WITH_MESSAGE = frozenset(
    {
        Provider.MICROSOFT_365,
        Provider.OUTLOOK_COM,
        Provider.ICLOUD,
        Provider.AMAZON_SES,
        Provider.SENDGRID,
        Provider.MAILGUN,
        Provider.POSTMARK,
        Provider.ZOHO,
    }
)
"""Those that take any sender with MAIL, and refuse one that is not the login's only after the message.

Microsoft's https://learn.microsoft.com/exchange/troubleshoot/email-delivery/send-as-denied; Amazon's
https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html; for the others, replies to the end of the
message that people reported. Read on 30 November 2026.
"""

_BY_SERVER = {server: provider for provider in Provider for server in provider.servers}


def provider_of(host: str) -> Provider | None:
    """Return the provider of a mail server (a normalised host name); None for an unknown one."""
    labels = host.split(".")
    for first in range(len(labels)):
        server = labels[first:]
        any_region = [server[0], "*", *server[2:]]
        for name in (".".join(server), ".".join(any_region)):
            if name in _BY_SERVER:
                return _BY_SERVER[name]
    return None
