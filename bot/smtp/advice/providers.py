"""What is known of single providers: their servers, and what they mean by their refusals. Data alone."""

from bot.smtp.advice.table import Fix, Row
from bot.smtp.check.report import Fault

MICROSOFT_365 = "Microsoft 365"

_MICROSOFT_DATES = (
    "https://techcommunity.microsoft.com/blog/exchange/"
    "updated-exchange-online-smtp-auth-basic-authentication-deprecation-timeline/4489835"
)
_MICROSOFT_AUTH = (
    "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission"
)
_OUTLOOK_COM_AUTH = (
    "https://support.microsoft.com/office/modern-authentication-methods-now-needed-to-continue-syncing-outlook-email"
)


class Provider:
    """A provider as people call it, its mail servers, and its own rows of advice.

    `hosts` are names of servers, and domains of which every host is one; "*" stands for one label.
    """

    def __init__(self, name: str, hosts: tuple[str, ...], *rows: Row) -> None:
        self.name = name
        self.hosts = hosts
        self.rows = rows


PROVIDERS: tuple[Provider, ...] = (
    Provider(
        "Gmail",
        ("smtp.gmail.com", "smtp.googlemail.com", "smtp-relay.gmail.com"),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="Google did not accept login or password",
            why="Google takes no account password here, only an app password of 16 letters, without blanks.",
            do="make an app password at myaccount.google.com/apppasswords (2-Step Verification must be on) and type "
            "it here; User/Login is the full address.",
            field="password",
            fixes=(Fix.REMOVE_BLANKS, Fix.ADDRESS_AS_LOGIN),
            source="https://support.google.com/mail/answer/7126229",
        ),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            codes=(534,),
            enhanced=("5.7.9",),
            what="Google wants an app password",
            why="this account has 2-Step Verification, and then Google takes no account password here.",
            do="make an app password at myaccount.google.com/apppasswords and type it here.",
            field="password",
            fixes=(Fix.REMOVE_BLANKS,),
            source="https://support.google.com/mail/answer/185833",
        ),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            enhanced=("5.7.14",),
            what="Google wants you to sign in with a browser first",
            why="Google took this sign-in for an unusual one and stopped it.",
            do="sign in to the account in a browser, confirm that it was you, and test again.",
            source="https://support.google.com/mail/answer/78754",
        ),
        Row(
            fault=Fault.SIGN_IN_UNAVAILABLE,
            what="Google saw too many sign-ins",
            why="Google pauses an account that signs in too often; it did not call the password wrong.",
            do="wait an hour and test again.",
            source="https://support.google.com/a/answer/3726730",
        ),
        Row(
            fault=Fault.SENDER_REFUSED,
            enhanced=("5.4.5",),
            what="the daily sending limit of Google is reached",
            why="Google takes 500 messages a day from a personal account and 2,000 from a Workspace one.",
            do="wait a day.",
            source="https://support.google.com/a/answer/166852",
        ),
    ),
    Provider(
        MICROSOFT_365,
        ("smtp.office365.com", "outlook.office365.com"),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="Microsoft 365 did not accept login or password",
            why="the password is wrong, or signing in with a password is switched off for this mailbox.",
            do="check User/Login (the full address) and the password; if both are right, ask your Microsoft 365 admin "
            "to allow Authenticated SMTP for your mailbox.",
            field="password",
            fixes=(Fix.ADDRESS_AS_LOGIN,),
            source=_MICROSOFT_AUTH,
        ),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            says=("disabled for the tenant",),
            what="your organisation has switched off SMTP sign-in",
            why="Authenticated SMTP is off for the whole organisation at Microsoft 365; your password may well be "
            "right.",
            do="ask your Microsoft 365 admin to switch on Authenticated SMTP (Set-TransportConfig "
            "-SmtpClientAuthenticationDisabled $false, or for your mailbox alone).",
            source=_MICROSOFT_AUTH,
        ),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            says=("disabled for the mailbox",),
            what="SMTP sign-in is switched off for your mailbox",
            why="Authenticated SMTP is off for this mailbox at Microsoft 365; your password may well be right.",
            do="ask your Microsoft 365 admin to tick Authenticated SMTP in your mailbox's email apps (Set-CASMailbox "
            "-SmtpClientAuthenticationDisabled $false).",
            source="https://aka.ms/smtp_auth_disabled",
        ),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            says=("security defaults",),
            what="your organisation's security defaults lock SMTP sign-in",
            why="security defaults at Microsoft 365 allow no sign-in with a password alone.",
            do="ask your Microsoft 365 admin for another policy for this mailbox, or for another mail server.",
            source=_MICROSOFT_AUTH,
        ),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            says=("did not meet the criteria",),
            what="a rule of your organisation stopped this sign-in",
            why="a conditional access rule at Microsoft 365 does not allow it from here or without a second factor.",
            do="ask your Microsoft 365 admin for an exception, or for an app password where those are allowed.",
            source=_MICROSOFT_AUTH,
        ),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            says=("basic authentication is disabled", "basic authentication is not supported"),
            what="Microsoft 365 takes no passwords here any more",
            why="Basic Authentication is switched off; from the end of December 2026 that is so by default.",
            do="ask your Microsoft 365 admin whether it may be switched on again, or for another mail server.",
            source=_MICROSOFT_DATES,
            dated="2026-01-29",
        ),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            enhanced=("5.7.30",),
            what="Microsoft 365 no longer supports passwords here",
            why="Basic Authentication is gone for this organisation.",
            do="ask your Microsoft 365 admin for another way to send mail.",
            source=_MICROSOFT_DATES,
            dated="2026-01-29",
        ),
        Row(
            fault=Fault.SIGN_IN_NEEDED,
            what="Microsoft 365 wants you to sign in first",
            why="it takes mail on port 587 only from people who sign in over TLS.",
            do="turn Authentication Required on, fill login and password, and add TLS Y.",
            field="authenticate",
            fixes=(Fix.AUTHENTICATE,),
            source=_MICROSOFT_AUTH,
        ),
        Row(
            fault=Fault.MECHANISM_NOT_OFFERED,
            what="Microsoft 365 offers only LOGIN",
            why="your profile asks for another way of signing in, which Microsoft 365 does not offer.",
            do="use AUTH LOGIN, or remove the extra configuration AUTH.",
            field="authenticate",
            fixes=(Fix.AUTH_LOGIN,),
            source=_MICROSOFT_AUTH,
        ),
        Row(
            fault=Fault.SENDER_REFUSED,
            what="this mailbox may not send as {address}",
            why="Microsoft 365 lets a mailbox send only as itself, or with the right Send As.",
            do="make Email Address the address of the login, or ask your Microsoft 365 admin for Send As.",
            field="address",
            fixes=(Fix.LOGIN_AS_ADDRESS,),
            source="https://learn.microsoft.com/exchange/troubleshoot/email-delivery/send-as-denied",
        ),
        Row(
            fault=Fault.REFUSED,
            what="Microsoft 365 does not answer on port {port}",
            why="Microsoft 365 takes mail from people only on port 587 with TLS.",
            do="use port 587 with TLS.",
            field="port",
            fixes=(Fix.TLS_ON_587,),
            source=_MICROSOFT_AUTH,
        ),
        Row(
            fault=Fault.TIMED_OUT,
            what="Microsoft 365 did not answer on port {port} in time",
            why="Microsoft 365 takes mail from people only on port 587 with TLS.",
            do="use port 587 with TLS.",
            field="port",
            fixes=(Fix.TLS_ON_587,),
            source=_MICROSOFT_AUTH,
        ),
    ),
    Provider(
        "Outlook.com",
        ("smtp-mail.outlook.com", "smtp.live.com"),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="Outlook.com takes no passwords any more",
            why="since September 2024 Outlook.com, Hotmail and Live refuse every password here, app passwords too.",
            do="use another mail account for programs; no password helps here.",
            field="password",
            source=_OUTLOOK_COM_AUTH,
            dated="2024-09-16",
        ),
    ),
    Provider(
        "Yahoo",
        ("mail.yahoo.com",),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="Yahoo did not accept login or password",
            why="Yahoo takes no account password here, only an app password.",
            do="switch on two-step verification, make an app password in Account Security, and type it here.",
            field="password",
            fixes=(Fix.ADDRESS_AS_LOGIN,),
            source="https://help.yahoo.com/kb/SLN15241.html",
        ),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            says=("auth005", "too many bad"),
            what="Yahoo has paused this account",
            why="there were too many wrong passwords.",
            do="wait an hour; then make an app password in Account Security and type it here.",
            field="password",
            source="https://github.com/nodemailer/nodemailer/issues/1112",
        ),
    ),
    Provider(
        "AOL",
        ("smtp.aol.com",),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="AOL did not accept login or password",
            why="AOL takes no account password here, only an app password.",
            do="switch on two-step verification, make an app password in Account Security, and type it here.",
            field="password",
            fixes=(Fix.ADDRESS_AS_LOGIN,),
            source="https://help.aol.com/articles/Create-and-manage-app-password",
        ),
    ),
    Provider(
        "iCloud",
        ("mail.me.com",),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="iCloud did not accept login or password",
            why="iCloud takes no Apple Account password here, only an app-specific one (xxxx-xxxx-xxxx-xxxx).",
            do="make an app-specific password at account.apple.com and type it here; User/Login is the full address.",
            field="password",
            fixes=(Fix.ADDRESS_AS_LOGIN,),
            source="https://support.apple.com/102525",
        ),
    ),
    Provider(
        "Zoho",
        ("zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.jp"),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="Zoho did not accept login or password",
            why="the password may be wrong, or this is not the server of your kind of account or region.",
            do="with two-factor sign-in make an app password; check the server: smtp.zoho for personal accounts, "
            "smtppro.zoho for your own domain, with the ending of your region (.com, .eu, .in).",
            field="host",
            fixes=(Fix.ADDRESS_AS_LOGIN,),
            source="https://www.zoho.com/mail/help/zoho-smtp.html",
        ),
        Row(
            fault=Fault.SENDER_REFUSED,
            what="Zoho does not let this login send as {address}",
            why="with Zoho the sender must be the account's own address or one of its aliases.",
            do="make Email Address the address of the login, or add it as an alias at Zoho.",
            field="address",
            fixes=(Fix.LOGIN_AS_ADDRESS,),
            source="https://www.zoho.com/mail/help/zoho-smtp.html",
        ),
    ),
    Provider(
        "Amazon SES",
        ("email-smtp.*.amazonaws.com",),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="Amazon SES did not accept the SMTP credentials",
            why="SES wants its own SMTP user name and password, of the same region; AWS access keys do not work.",
            do="make SMTP credentials in the SES console, in the region of {host}, and type them here.",
            field="login",
            source="https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html",
        ),
        Row(
            fault=Fault.SENDER_REFUSED,
            what="{address} is not verified with Amazon SES",
            why="SES sends only for addresses and domains verified in the region of {host}; in the sandbox recipients "
            "too.",
            do="verify the address or its domain in the SES console of that region.",
            field="address",
            source="https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html",
        ),
    ),
    Provider(
        "SendGrid",
        ("smtp.sendgrid.net",),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="SendGrid did not accept login or password",
            why="with SendGrid the login is the word apikey, and the password is an API key that begins with SG.",
            do="type apikey as User/Login and the API key as Password.",
            field="login",
            source="https://www.twilio.com/docs/sendgrid/for-developers/sending-email/integrating-with-the-smtp-api",
        ),
        Row(
            fault=Fault.SENDER_REFUSED,
            what="{address} is no verified sender at SendGrid",
            why="SendGrid sends only for verified sender identities.",
            do="verify the address or its domain at SendGrid.",
            field="address",
            source="https://www.twilio.com/docs/sendgrid/for-developers/sending-email/sender-identity",
        ),
    ),
    Provider(
        "Mailgun",
        ("smtp.mailgun.org", "smtp.eu.mailgun.org"),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="Mailgun did not accept login or password",
            why="Mailgun wants the SMTP credentials of a sending domain, and those of the EU only on its EU server.",
            do="take login and password from the domain's SMTP credentials at Mailgun, and check the server's region.",
            field="login",
            source="https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp",
        ),
    ),
    Provider(
        "Postmark",
        ("smtp.postmarkapp.com", "smtp-broadcasts.postmarkapp.com"),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="Postmark did not accept the token",
            why="with Postmark both login and password are the Server API token (or a stream's SMTP token).",
            do="type the Server API token as User/Login and as Password.",
            field="login",
            source="https://postmarkapp.com/developer/user-guide/send-email-with-smtp",
        ),
        Row(
            fault=Fault.SENDER_REFUSED,
            what="{address} is no sender signature at Postmark",
            why="Postmark sends only for confirmed sender signatures and domains.",
            do="confirm the address or its domain at Postmark.",
            field="address",
            source="https://postmarkapp.com/support/article/46",
        ),
    ),
    Provider(
        "Fastmail",
        ("smtp.fastmail.com",),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="Fastmail did not accept login or password",
            why="Fastmail takes no account password here, only an app password, and the full address as login.",
            do="make an app password with the right to send at Fastmail (Settings, Privacy & Security) and type it "
            "here.",
            field="password",
            fixes=(Fix.ADDRESS_AS_LOGIN,),
            source="https://www.fastmail.help/hc/en-us/articles/360058752854",
        ),
    ),
    Provider(
        "GMX",
        ("mail.gmx.net", "mail.gmx.com"),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="GMX did not accept login or password",
            why="access by other programs is off until it is switched on, and with two factors GMX wants an app "
            "password.",
            do="switch on POP3/IMAP access in the settings of GMX, or make an app-specific password, and type it here.",
            field="password",
            fixes=(Fix.ADDRESS_AS_LOGIN,),
            source="https://support.gmx.com/pop-imap/toggle.html",
        ),
    ),
    Provider(
        "WEB.DE",
        ("smtp.web.de",),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="WEB.DE did not accept login or password",
            why="access by other programs is off until it is switched on, and with two factors WEB.DE wants an app "
            "password.",
            do="switch on POP3/IMAP access in the settings of WEB.DE, or make an app-specific password, and type it "
            "here.",
            field="password",
            fixes=(Fix.ADDRESS_AS_LOGIN,),
            source="https://hilfe.web.de/pop-imap/einschalten.html",
        ),
    ),
    Provider(
        "T-Online",
        ("securesmtp.t-online.de", "smtpmail.t-online.de"),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="T-Online did not accept login or password",
            why="T-Online wants the separate password for mail programs, not the one of the Telekom login.",
            do="set the password for mail programs in the Telekom customer centre and type it here.",
            field="password",
            fixes=(Fix.ADDRESS_AS_LOGIN,),
            source="https://www.telekom.de/hilfe/e-mail-programme",
        ),
    ),
    Provider(
        "Yandex",
        ("smtp.yandex.com", "smtp.yandex.ru"),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="Yandex did not accept login or password",
            why="Yandex wants an app password, and access by mail programs switched on.",
            do="switch on access for mail programs in the settings of Yandex Mail, make an app password, and type it "
            "here.",
            field="password",
            source="https://yandex.com/support/mail/mail-clients/others.html",
        ),
        Row(
            fault=Fault.SENDER_REFUSED,
            what="Yandex does not let this login send as {address}",
            why="with Yandex the sender must be the address of the login.",
            do="make Email Address the address of the login.",
            field="address",
            fixes=(Fix.LOGIN_AS_ADDRESS,),
            source="https://yandex.com/support/mail/mail-clients/others.html",
        ),
    ),
    Provider(
        "163",
        ("smtp.163.com", "smtp.126.com"),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="163 did not accept login or password",
            why="163 and 126 want an authorisation code instead of the account's password, with SMTP switched on.",
            do="switch on SMTP in the settings of the mailbox, make an authorisation code, and type it here.",
            field="password",
            source="https://help.mail.163.com/",
        ),
    ),
    Provider(
        "QQ",
        ("smtp.qq.com", "smtp.exmail.qq.com"),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="QQ did not accept login or password",
            why="QQ wants an authorisation code instead of the account's password, with SMTP switched on.",
            do="switch on SMTP in the settings of the mailbox, make an authorisation code, and type it here.",
            field="password",
            source="https://service.mail.qq.com/",
        ),
    ),
    Provider(
        "Proton",
        ("smtp.protonmail.ch",),
        Row(
            fault=Fault.SIGN_IN_REFUSED,
            what="Proton did not accept login or password",
            why="Proton takes an SMTP token for one address of your own domain here, not the account's password.",
            do="make an SMTP token in Proton's settings (All settings, IMAP/SMTP) and type address and token here.",
            field="password",
            fixes=(Fix.ADDRESS_AS_LOGIN,),
            source="https://proton.me/support/smtp-submission",
        ),
    ),
)


def provider_of(host: str) -> Provider | None:
    """Return the provider of a mail server (a normalised host name); None for an unknown one."""
    labels = host.split(".")
    return next((provider for provider in PROVIDERS if any(_matches(labels, one) for one in provider.hosts)), None)


def _matches(labels: list[str], pattern: str) -> bool:
    wanted = pattern.split(".")
    ending = labels[-len(wanted) :]
    return len(ending) == len(wanted) and all(want in ("*", label) for want, label in zip(wanted, ending, strict=True))
