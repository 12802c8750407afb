"""What single providers mean by their refusals: rows that come before the general ones."""

from collections.abc import Mapping

from bot.providers.providers import Provider
from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.check.report import Fault

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

PROVIDER_ROWS: Mapping[When, Row] = {
    When(Fault.SIGN_IN_REFUSED, Provider.GMAIL): Row(
        what="Google did not accept login or password",
        why="Google takes no account password here, only an app password of 16 letters, without blanks.",
        do="make an app password at myaccount.google.com/apppasswords (2-Step Verification must be on) and type it "
        "here; User/Login is the full address.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="https://support.google.com/mail/answer/7126229",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.GMAIL, codes=(534,), enhanced=("5.7.9",)): Row(
        what="Google wants an app password",
        why="this account has 2-Step Verification, and then Google takes no account password here.",
        do="make an app password at myaccount.google.com/apppasswords and type it here.",
        field="password",
        source="https://support.google.com/mail/answer/185833",
    ),
    When(Fault.APP_PASSWORD_NEEDED, Provider.GMAIL): Row(
        what="Google wants an app password",
        why="this account has 2-Step Verification, and then Google takes no account password here.",
        do="make an app password at myaccount.google.com/apppasswords and type it here.",
        field="password",
        source="https://support.google.com/mail/answer/185833",
    ),
    When(Fault.WEB_SIGN_IN_NEEDED, Provider.GMAIL): Row(
        what="Google wants you to sign in with a browser first",
        why="Google took this sign-in for an unusual one and stopped it.",
        do="sign in to the account in a browser, confirm that it was you, and test again.",
        source="https://support.google.com/mail/answer/78754",
    ),
    When(Fault.SIGN_IN_LOCKED, Provider.GMAIL): Row(
        what="Google saw too many sign-ins",
        why="Google pauses an account that signs in too often; it did not call the password wrong.",
        do="wait an hour and test again.",
        source="https://support.google.com/a/answer/3726730",
    ),
    When(Fault.SENDER_REFUSED, Provider.GMAIL, enhanced=("5.4.5",)): Row(
        what="the daily sending limit of Google is reached",
        why="Google takes 500 messages a day from a personal account and 2,000 from a Workspace one.",
        do="wait a day.",
        source="https://support.google.com/a/answer/166852",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.MICROSOFT_365): Row(
        what="Microsoft 365 did not accept login or password",
        why="the password is wrong, or signing in with a password is switched off for this mailbox.",
        do="check User/Login (the full address) and the password; if both are right, ask your Microsoft 365 admin to "
        "allow Authenticated SMTP for your mailbox.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source=_MICROSOFT_AUTH,
    ),
    When(Fault.ACCESS_SWITCHED_OFF, Provider.MICROSOFT_365): Row(
        what="SMTP sign-in is switched off at Microsoft 365",
        why="Authenticated SMTP is off for this mailbox or its organisation. The password is not what it minds.",
        do="ask your Microsoft 365 admin to allow Authenticated SMTP for your mailbox.",
        source=_MICROSOFT_AUTH,
    ),
    When(Fault.ACCESS_SWITCHED_OFF, Provider.MICROSOFT_365, says=("disabled for the tenant",)): Row(
        what="your organisation has switched off SMTP sign-in",
        why="Authenticated SMTP is off for the whole organisation at Microsoft 365. The password is not what it minds.",
        do="ask your Microsoft 365 admin to switch on Authenticated SMTP (Set-TransportConfig "
        "-SmtpClientAuthenticationDisabled $false, or for your mailbox alone).",
        source=_MICROSOFT_AUTH,
    ),
    When(Fault.ACCESS_SWITCHED_OFF, Provider.MICROSOFT_365, says=("disabled for the mailbox",)): Row(
        what="SMTP sign-in is switched off for your mailbox",
        why="Authenticated SMTP is off for this mailbox at Microsoft 365. The password is not what it minds.",
        do="ask your Microsoft 365 admin to tick Authenticated SMTP in your mailbox's email apps (Set-CASMailbox "
        "-SmtpClientAuthenticationDisabled $false).",
        source="https://aka.ms/smtp_auth_disabled",
    ),
    When(Fault.ACCESS_SWITCHED_OFF, Provider.MICROSOFT_365, says=("security defaults",)): Row(
        what="your organisation's security defaults lock SMTP sign-in",
        why="security defaults at Microsoft 365 allow no sign-in with a password alone.",
        do="ask your Microsoft 365 admin for another policy for this mailbox, or for another mail server.",
        source=_MICROSOFT_AUTH,
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.MICROSOFT_365, says=("did not meet the criteria",)): Row(
        what="a rule of your organisation stopped this sign-in",
        why="a conditional access rule at Microsoft 365 does not allow it from here or without a second factor.",
        do="ask your Microsoft 365 admin for an exception, or for an app password where those are allowed.",
        source=_MICROSOFT_AUTH,
    ),
    When(Fault.PASSWORDS_NOT_TAKEN, Provider.MICROSOFT_365): Row(
        what="Microsoft 365 takes no passwords here any more",
        why="Basic Authentication is switched off; from the end of December 2026 that is so by default.",
        do="ask your Microsoft 365 admin whether it may be switched on again, or for another mail server.",
        source=_MICROSOFT_DATES,
        dated="2026-01-29",
    ),
    When(Fault.PASSWORDS_NOT_TAKEN, Provider.MICROSOFT_365, enhanced=("5.7.30",)): Row(
        what="Microsoft 365 no longer supports passwords here",
        why="Basic Authentication is gone for this organisation.",
        do="ask your Microsoft 365 admin for another way to send mail.",
        source=_MICROSOFT_DATES,
        dated="2026-01-29",
    ),
    When(Fault.SIGN_IN_NEEDED, Provider.MICROSOFT_365): Row(
        what="Microsoft 365 wants you to sign in first",
        why="it takes mail on port 587 only from people who sign in over TLS.",
        do="turn Authentication Required on, fill login and password, and add TLS Y.",
        field="authenticate",
        fixes=(Fix.AUTHENTICATE,),
        source=_MICROSOFT_AUTH,
    ),
    When(Fault.CHOSEN_MECHANISM_NOT_OFFERED, Provider.MICROSOFT_365): Row(
        what="Microsoft 365 offers only LOGIN",
        why="your profile asks for another way of signing in, which Microsoft 365 does not offer.",
        do="use AUTH LOGIN, or remove the extra configuration AUTH.",
        field="authenticate",
        fixes=(Fix.AUTH_LOGIN,),
        source=_MICROSOFT_AUTH,
    ),
    When(Fault.SENDER_REFUSED, Provider.MICROSOFT_365): Row(
        what="this mailbox may not send as {address}",
        why="Microsoft 365 lets a mailbox send only as itself, or with the right Send As.",
        do="make Email Address the address of the login, or ask your Microsoft 365 admin for Send As.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="https://learn.microsoft.com/exchange/troubleshoot/email-delivery/send-as-denied",
    ),
    When(Fault.REFUSED, Provider.MICROSOFT_365): Row(
        what="Microsoft 365 does not answer on port {port}",
        why="Microsoft 365 takes mail from people only on port 587 with TLS.",
        do="use port 587 with TLS.",
        field="port",
        fixes=(Fix.TLS_ON_587,),
        source=_MICROSOFT_AUTH,
    ),
    When(Fault.TIMED_OUT, Provider.MICROSOFT_365): Row(
        what="Microsoft 365 did not answer on port {port} in time",
        why="Microsoft 365 takes mail from people only on port 587 with TLS.",
        do="use port 587 with TLS.",
        field="port",
        fixes=(Fix.TLS_ON_587,),
        source=_MICROSOFT_AUTH,
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.OUTLOOK_COM): Row(
        what="Outlook.com takes no passwords any more",
        why="since September 2024 Outlook.com, Hotmail and Live refuse every password here, app passwords too.",
        do="use another mail account for programs; no password helps here.",
        field="password",
        source=_OUTLOOK_COM_AUTH,
        dated="2024-09-16",
    ),
    When(Fault.PASSWORDS_NOT_TAKEN, Provider.OUTLOOK_COM): Row(
        what="Outlook.com takes no passwords any more",
        why="since September 2024 Outlook.com, Hotmail and Live refuse every password here, app passwords too.",
        do="use another mail account for programs; no password helps here.",
        field="password",
        source=_OUTLOOK_COM_AUTH,
        dated="2024-09-16",
    ),
    When(Fault.ACCESS_SWITCHED_OFF, Provider.OUTLOOK_COM): Row(
        what="Outlook.com does not let this mailbox send by SMTP",
        why="since September 2024 Outlook.com, Hotmail and Live take no passwords here, and newer mailboxes no SMTP at "
        "all.",
        do="use another mail account for programs; no password helps here.",
        source=_OUTLOOK_COM_AUTH,
        dated="2024-09-16",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.YAHOO): Row(
        what="Yahoo did not accept login or password",
        why="Yahoo takes no account password here, only an app password.",
        do="switch on two-step verification, make an app password in Account Security, and type it here.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="https://help.yahoo.com/kb/SLN15241.html",
    ),
    When(Fault.APP_PASSWORD_NEEDED, Provider.YAHOO): Row(
        what="Yahoo wants an app password",
        why="Yahoo takes no account password here, only an app password.",
        do="switch on two-step verification, make an app password in Account Security, and type it here.",
        field="password",
        source="https://help.yahoo.com/kb/SLN15241.html",
    ),
    When(Fault.SIGN_IN_LOCKED, Provider.YAHOO): Row(
        what="Yahoo has paused this account",
        why="there were too many wrong passwords.",
        do="wait an hour; then make an app password in Account Security and type it here.",
        field="password",
        source="https://github.com/nodemailer/nodemailer/issues/1112",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.AOL): Row(
        what="AOL did not accept login or password",
        why="AOL takes no account password here, only an app password.",
        do="switch on two-step verification, make an app password in Account Security, and type it here.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="https://help.aol.com/articles/Create-and-manage-app-password",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.ICLOUD): Row(
        what="iCloud did not accept login or password",
        why="iCloud takes no Apple Account password here, only an app-specific one (xxxx-xxxx-xxxx-xxxx).",
        do="make an app-specific password at account.apple.com and type it here; User/Login is the full address.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="https://support.apple.com/102525",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.ZOHO): Row(
        what="Zoho did not accept login or password",
        why="the password may be wrong, or this is not the server of your kind of account or region.",
        do="with two-factor sign-in make an app password; check the server: smtp.zoho for personal accounts, "
        "smtppro.zoho for your own domain, with the ending of your region (.com, .eu, .in).",
        field="host",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="https://www.zoho.com/mail/help/zoho-smtp.html",
    ),
    When(Fault.SENDER_REFUSED, Provider.ZOHO): Row(
        what="Zoho does not let this login send as {address}",
        why="with Zoho the sender must be the account's own address or one of its aliases.",
        do="make Email Address the address of the login, or add it as an alias at Zoho.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="https://www.zoho.com/mail/help/zoho-smtp.html",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.AMAZON_SES): Row(
        what="Amazon SES did not accept the SMTP credentials",
        why="SES wants its own SMTP user name and password, of the same region; AWS access keys do not work.",
        do="make SMTP credentials in the SES console, in the region of {host}, and type them here.",
        field="login",
        source="https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html",
    ),
    When(Fault.SENDER_REFUSED, Provider.AMAZON_SES): Row(
        what="{address} is not verified with Amazon SES",
        why="SES sends only for addresses and domains verified in the region of {host}; in the sandbox recipients too.",
        do="verify the address or its domain in the SES console of that region.",
        field="address",
        source="https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.SENDGRID): Row(
        what="SendGrid did not accept login or password",
        why="with SendGrid the login is the word apikey, and the password is an API key that begins with SG.",
        do="type apikey as User/Login and the API key as Password.",
        field="login",
        source="https://www.twilio.com/docs/sendgrid/for-developers/sending-email/integrating-with-the-smtp-api",
    ),
    When(Fault.SENDER_REFUSED, Provider.SENDGRID): Row(
        what="{address} is no verified sender at SendGrid",
        why="SendGrid sends only for verified sender identities.",
        do="verify the address or its domain at SendGrid.",
        field="address",
        source="https://www.twilio.com/docs/sendgrid/for-developers/sending-email/sender-identity",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.MAILGUN): Row(
        what="Mailgun did not accept login or password",
        why="Mailgun wants the SMTP credentials of a sending domain, and those of the EU only on its EU server.",
        do="take login and password from the domain's SMTP credentials at Mailgun, and check the server's region.",
        field="login",
        source="https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.POSTMARK): Row(
        what="Postmark did not accept the token",
        why="with Postmark both login and password are the Server API token (or a stream's SMTP token).",
        do="type the Server API token as User/Login and as Password.",
        field="login",
        source="https://postmarkapp.com/developer/user-guide/send-email-with-smtp",
    ),
    When(Fault.SENDER_REFUSED, Provider.POSTMARK): Row(
        what="{address} is no sender signature at Postmark",
        why="Postmark sends only for confirmed sender signatures and domains.",
        do="confirm the address or its domain at Postmark.",
        field="address",
        source="https://postmarkapp.com/support/article/46",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.FASTMAIL): Row(
        what="Fastmail did not accept login or password",
        why="Fastmail takes no account password here, only an app password, and the full address as login.",
        do="make an app password with the right to send at Fastmail (Settings, Privacy & Security) and type it here.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="https://www.fastmail.help/hc/en-us/articles/360058752854",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.GMX): Row(
        what="GMX did not accept login or password",
        why="access by other programs is off until it is switched on, and with two factors GMX wants an app password.",
        do="switch on POP3/IMAP access in the settings of GMX, or make an app-specific password, and type it here.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="https://support.gmx.com/pop-imap/toggle.html",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.WEB_DE): Row(
        what="WEB.DE did not accept login or password",
        why="access by other programs is off until it is switched on, and with two factors WEB.DE wants an app "
        "password.",
        do="switch on POP3/IMAP access in the settings of WEB.DE, or make an app-specific password, and type it here.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="https://hilfe.web.de/pop-imap/einschalten.html",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.T_ONLINE): Row(
        what="T-Online did not accept login or password",
        why="T-Online wants the separate password for mail programs, not the one of the Telekom login.",
        do="set the password for mail programs in the Telekom customer centre and type it here.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="https://www.telekom.de/hilfe/e-mail-programme",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.YANDEX): Row(
        what="Yandex did not accept login or password",
        why="Yandex wants an app password, and access by mail programs switched on.",
        do="switch on access for mail programs in the settings of Yandex Mail, make an app password, and type it here.",
        field="password",
        source="https://yandex.com/support/mail/mail-clients/others.html",
    ),
    When(Fault.ACCESS_SWITCHED_OFF, Provider.YANDEX): Row(
        what="Yandex does not let mail programs into this mailbox",
        why="access by mail programs is switched off there, or only app passwords are let in.",
        do="switch on access for mail programs in the settings of Yandex Mail, make an app password, and type it here.",
        field="password",
        source="https://yandex.com/support/mail/mail-clients/others.html",
    ),
    When(Fault.SENDER_REFUSED, Provider.YANDEX): Row(
        what="Yandex does not let this login send as {address}",
        why="with Yandex the sender must be the address of the login.",
        do="make Email Address the address of the login.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="https://yandex.com/support/mail/mail-clients/others.html",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.NETEASE): Row(
        what="163 did not accept login or password",
        why="163 and 126 want an authorisation code instead of the account's password, with SMTP switched on.",
        do="switch on SMTP in the settings of the mailbox, make an authorisation code, and type it here.",
        field="password",
        source="https://help.mail.163.com/",
    ),
    When(Fault.ACCESS_SWITCHED_OFF, Provider.NETEASE): Row(
        what="SMTP is switched off for this mailbox at 163",
        why="163 and 126 let no program in until SMTP is switched on, and then only with an authorisation code.",
        do="switch on SMTP in the settings of the mailbox, make an authorisation code, and type it here.",
        field="password",
        source="https://help.mail.163.com/",
    ),
    When(Fault.APP_PASSWORD_NEEDED, Provider.NETEASE): Row(
        what="163 wants an authorisation code",
        why="163 and 126 want an authorisation code instead of the account's password, with SMTP switched on.",
        do="switch on SMTP in the settings of the mailbox, make an authorisation code, and type it here.",
        field="password",
        source="https://help.mail.163.com/",
    ),
    When(Fault.APP_PASSWORD_NEEDED, Provider.QQ): Row(
        what="QQ wants an authorisation code",
        why="QQ wants an authorisation code instead of the account's password, with SMTP switched on.",
        do="switch on SMTP in the settings of the mailbox, make an authorisation code, and type it here.",
        field="password",
        source="https://service.mail.qq.com/",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.QQ): Row(
        what="QQ did not accept login or password",
        why="QQ wants an authorisation code instead of the account's password, with SMTP switched on.",
        do="switch on SMTP in the settings of the mailbox, make an authorisation code, and type it here.",
        field="password",
        # QQ lists PLAIN, and does only LOGIN.
        fixes=(Fix.AUTH_LOGIN,),
        source="https://service.mail.qq.com/",
    ),
    When(Fault.SIGN_IN_REFUSED, Provider.PROTON): Row(
        what="Proton did not accept login or password",
        why="Proton takes an SMTP token for one address of your own domain here, not the account's password.",
        do="make an SMTP token in Proton's settings (All settings, IMAP/SMTP) and type address and token here.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="https://proton.me/support/smtp-submission",
    ),
}
