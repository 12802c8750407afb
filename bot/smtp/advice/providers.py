"""Which provider a mail server belongs to, told from its name alone."""

from collections.abc import Mapping
from enum import StrEnum


class Provider(StrEnum):
    """Providers that the advice knows by name, as people call them."""

    GMAIL = "Gmail"
    MICROSOFT_365 = "Microsoft 365"
    OUTLOOK_COM = "Outlook.com"
    YAHOO = "Yahoo"
    AOL = "AOL"
    ICLOUD = "iCloud"
    ZOHO = "Zoho"
    AMAZON_SES = "Amazon SES"
    SENDGRID = "SendGrid"
    MAILGUN = "Mailgun"
    POSTMARK = "Postmark"
    FASTMAIL = "Fastmail"
    GMX = "GMX"
    WEB_DE = "WEB.DE"
    T_ONLINE = "T-Online"
    YANDEX = "Yandex"
    NETEASE = "163"
    QQ = "QQ"
    PROTON = "Proton"


_BY_SUFFIX: Mapping[str, Provider] = {
    "smtp.gmail.com": Provider.GMAIL,
    "smtp.googlemail.com": Provider.GMAIL,
    "smtp-relay.gmail.com": Provider.GMAIL,
    "smtp.office365.com": Provider.MICROSOFT_365,
    "outlook.office365.com": Provider.MICROSOFT_365,
    "smtp-mail.outlook.com": Provider.OUTLOOK_COM,
    "smtp.live.com": Provider.OUTLOOK_COM,
    "mail.yahoo.com": Provider.YAHOO,
    "smtp.aol.com": Provider.AOL,
    "mail.me.com": Provider.ICLOUD,
    "zoho.com": Provider.ZOHO,
    "zoho.eu": Provider.ZOHO,
    "zoho.in": Provider.ZOHO,
    "zoho.com.au": Provider.ZOHO,
    "zoho.jp": Provider.ZOHO,
    "smtp.sendgrid.net": Provider.SENDGRID,
    "smtp.mailgun.org": Provider.MAILGUN,
    "smtp.eu.mailgun.org": Provider.MAILGUN,
    "smtp.postmarkapp.com": Provider.POSTMARK,
    "smtp-broadcasts.postmarkapp.com": Provider.POSTMARK,
    "smtp.fastmail.com": Provider.FASTMAIL,
    "mail.gmx.net": Provider.GMX,
    "mail.gmx.com": Provider.GMX,
    "smtp.web.de": Provider.WEB_DE,
    "securesmtp.t-online.de": Provider.T_ONLINE,
    "smtpmail.t-online.de": Provider.T_ONLINE,
    "smtp.yandex.com": Provider.YANDEX,
    "smtp.yandex.ru": Provider.YANDEX,
    "smtp.163.com": Provider.NETEASE,
    "smtp.126.com": Provider.NETEASE,
    "smtp.qq.com": Provider.QQ,
    "smtp.exmail.qq.com": Provider.QQ,
    "smtp.protonmail.ch": Provider.PROTON,
}


def provider_of(host: str) -> Provider | None:
    """Tell the provider of a server (a normalised host name); None for everybody else."""
    labels = host.split(".")
    # email-smtp.<region>.amazonaws.com
    if labels[0] == "email-smtp" and labels[-2:] == ["amazonaws", "com"] and len(labels) == 4:
        return Provider.AMAZON_SES
    suffixes = (".".join(labels[start:]) for start in range(len(labels)))
    return next((_BY_SUFFIX[suffix] for suffix in suffixes if suffix in _BY_SUFFIX), None)
