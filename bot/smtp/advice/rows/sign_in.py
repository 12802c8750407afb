"""Advice on signing in.

{mechanism} is the mechanism that was used and {used} a clause about it, {others} are the others that the server lists
and {try_another} is a clause about them; clauses are empty where there is none. {other_login} is the form of a login
that an Exchange server may want instead.
"""

from collections.abc import Mapping

from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.check.report import Fault

OTHER_MECHANISMS = (Fix.AUTH_PLAIN, Fix.AUTH_LOGIN, Fix.AUTH_CRAM_MD5)

SIGN_IN_ROWS: Mapping[When, Row] = {
    When(Fault.PASSWORD_MISSING): Row(
        what="no password is stored",
        why="your profile signs in, but it holds no password for this server.",
        do="open Edit and type the password.",
        field="password",
    ),
    When(Fault.PASSWORD_WITHHELD): Row(
        what="the stored password was not used",
        why="in a form for somebody else it is used only for the server, port, encryption, login and address that are "
        "stored.",
        do="save this, of which the owner is told, and test then; or ask the owner to test it.",
    ),
    When(Fault.SIGN_IN_NOT_OFFERED): Row(
        what="the server offers no sign-in",
        why="your profile signs in, but this server does not ask who you are on this port.",
        do="turn Authentication Required off, or ask your mail provider on which port people sign in.",
        field="authenticate",
        fixes=(Fix.TLS_ON_587, Fix.DO_NOT_AUTHENTICATE),
    ),
    When(Fault.MECHANISM_NOT_OFFERED): Row(
        what="there is no way of signing in that both sides know",
        why="none of the server's ways of signing in is one that the bot speaks.",
        do="ask the server's admin or your mail provider to allow PLAIN or LOGIN over TLS.",
        source="RFC 4954, 6",
    ),
    When(Fault.CHOSEN_MECHANISM_NOT_OFFERED): Row(
        what="the server does not offer the way of signing in that AUTH names",
        why="the extra configuration AUTH of your profile says {mechanism}, and the server lists {others}.",
        do="let AUTH name one that is listed, or remove the extra configuration AUTH.",
        field="authenticate",
        fixes=OTHER_MECHANISMS,
        source="RFC 4954, 6",
    ),
    When(Fault.ONLY_WINDOWS_SIGN_IN): Row(
        what="the server offers only Windows sign-ins",
        why="NTLM and GSSAPI, as Exchange offers them, are for computers within the server's own Windows network. The "
        "bot signs in with login and password.",
        do="ask the server's admin to allow it. In Exchange that is Basic authentication on the receive connector, "
        "offered only after TLS was started.",
        source="https://github.com/playframework/play-mailer/issues/176",
    ),
    When(Fault.ONLY_OAUTH): Row(
        what="the server takes no passwords, only OAuth",
        why="it lists only ways of signing in with an access token, so no password helps, an app password neither.",
        do="ask your mail provider, or your organisation's admin, whether signing in with a password can be allowed; "
        "otherwise use another mail server.",
        source="RFC 7628",
    ),
    When(Fault.MECHANISM_BROKEN): Row(
        what="the server lists {mechanism}, but it did not work",
        why="signing in with {mechanism} failed, and the server also lists {others}. Some servers list {mechanism} and "
        "cannot do it, whatever the password is.",
        do="sign in with {others} instead. If that fails too, the server's answer to it tells more.",
        fixes=OTHER_MECHANISMS,
        source="https://github.com/yc-software/qm/issues/808",
    ),
    When(Fault.SIGN_IN_BROKEN): Row(
        what="signing in is out of order on the server",
        why="the server offers {mechanism} and could not carry it out. Port and encryption are right.",
        do="ask the server's admin or your mail provider to mend it, and pass on the server's answer above"
        "{try_another}.",
        fixes=OTHER_MECHANISMS,
        source="https://www.postfix.org/SASL_README.html",
    ),
    When(Fault.SIGN_IN_REFUSED): Row(
        what="the server refused login or password",
        why="the server does not accept {login} with this password{used}.",
        do="check User/Login (often it is the full email address) and type the password again. Many providers ask for "
        "an app password here.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="RFC 4954, 6",
    ),
    When(Fault.SIGN_IN_REFUSED, codes=(534,)): Row(
        what="this way of signing in is not enough for the server",
        why="the server asks for something stronger than this password.",
        do="make an app password on your provider's web page and type it here, or ask your mail provider.",
        field="password",
        source="RFC 4954, 6",
    ),
    When(Fault.EXCHANGE_LOGIN_REFUSED): Row(
        what="the Exchange server refused login or password",
        why="it does not accept {login} with this password.",
        do="check User/Login: Exchange often wants {other_login}. Its admin knows which. Then type the password again.",
        field="login",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="https://github.com/jstedfast/MailKit/issues/582",
    ),
    When(Fault.LOGIN_UNKNOWN): Row(
        what="the server does not know this login",
        why="the server says that there is no {login}, or that a login is written otherwise.",
        do="check User/Login. Often it is the full email address, sometimes the part before the @ alone.",
        field="login",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="RFC 4954, 6",
    ),
    When(Fault.TOKEN_REFUSED): Row(
        what="the mail provider did not take the access token",
        why="the bot signed in with OAuth, and the provider refused the token: it ended, was taken back, or is not for "
        "sending.",
        do="connect the account again. If it is refused again, ask your organisation's admin whether SMTP is allowed "
        "for this mailbox.",
        source="https://developers.google.com/workspace/gmail/imap/xoauth2-protocol",
    ),
    When(Fault.APP_PASSWORD_NEEDED): Row(
        what="the server wants an app password",
        why="it does not let programs sign in with the account's own password, only with one made for programs (also "
        "called an application password or authorisation code).",
        do="make an app password in the security settings of your provider's web page, and type it here as Password.",
        field="password",
        source="RFC 4954, 6",
    ),
    When(Fault.PASSWORDS_NOT_TAKEN): Row(
        what="passwords are not taken from programs here any more",
        why="signing in with a password is switched off on this server. Another password does not help.",
        do="ask your mail provider, or your organisation's admin, whether it can be switched on again; otherwise use "
        "another mail server.",
        source="https://support.google.com/accounts/answer/6010255",
    ),
    When(Fault.PASSWORD_EXPIRED): Row(
        what="the password must be changed first",
        why="the server wants a new password before it lets you sign in.",
        do="sign in on your provider's web page, set a new password, and type it here.",
        field="password",
        source="RFC 5248, 2.4",
    ),
    When(Fault.ACCESS_SWITCHED_OFF): Row(
        what="sending by mail programs is switched off for this account",
        why="the server does not let this account sign in by SMTP; it does not call login or password wrong.",
        do="switch on SMTP (often called POP3/IMAP access, or access by mail programs) in the settings of your mailbox "
        "on the web. In an organisation, ask its mail admin.",
        source="https://yandex.com/support/mail/mail-clients/others.html",
    ),
    When(Fault.WEB_SIGN_IN_NEEDED): Row(
        what="your provider wants you to sign in on its web page first",
        why="it stopped this sign-in until you have been there; it does not call login or password wrong.",
        do="sign in to your mailbox in a browser, do what it asks there, and test again.",
        source="https://support.google.com/mail/answer/78754",
    ),
    When(Fault.WEB_SIGN_IN_NEEDED, says=("robot", "captcha", "spam")): Row(
        what="your provider takes the bot for a robot or for a sender of spam",
        why="it stopped this sign-in until you prove on its web page that it is you.",
        do="sign in to your mailbox in a browser, prove there that you are no robot, and test again.",
        source="https://github.com/higty/higlabo/pull/17",
    ),
    When(Fault.ACCOUNT_NOT_VERIFIED): Row(
        what="the account is not confirmed yet",
        why="your provider wants the account, its phone number or its domain confirmed before it lets it send.",
        do="sign in on your provider's web page and confirm what it asks for there, then test again.",
        source="https://github.com/Foundry376/Mailspring/issues/240",
    ),
    When(Fault.ACCOUNT_DISABLED): Row(
        what="the account is blocked or disabled",
        why="the server says so itself; neither another password nor waiting helps.",
        do="ask your mail provider (or your organisation's mail admin) why, and to unblock it; pass on the server's "
        "answer above.",
        source="RFC 5248, 2.4",
    ),
    When(Fault.CREDITS_USED_UP): Row(
        what="the account's credits or quota are used up",
        why="the server lets the account sign in only while it may still send. Login and password are not at fault.",
        do="upgrade or top up the account at your mail provider, or wait until its next period begins.",
        source="https://github.com/mautic/mautic/issues/8721",
    ),
    When(Fault.PLAN_WITHOUT_SMTP): Row(
        what="the account's plan does not let it send from programs",
        why="the server says that it needs another plan, a subscription or a payment. The password is not at fault.",
        do="look at the plan and the payments of the account on your provider's web page, or ask your mail provider.",
        source="https://github.com/sendgrid/docs/issues/5809",
    ),
    When(Fault.CLIENT_ADDRESS_NOT_ALLOWED): Row(
        what="the account may not sign in from the bot's address",
        why="your provider lets accounts in from certain addresses or countries only, and the bot's is none of them.",
        do="allow the bot's public IP address in the security settings of your account, or have your mail provider do "
        "it. Whoever runs the bot knows that address.",
        source="https://github.com/sendgrid/docs/issues/2191",
    ),
    When(Fault.SIGN_IN_LOCKED): Row(
        what="the server locks sign-ins for a while",
        why="it saw too many sign-ins, or too many failed ones, from this account or from the bot's address.",
        do="do not test again for an hour: every attempt can make the lock longer. If it stays, ask your mail provider "
        "to lift it.",
        source="https://github.com/nodemailer/nodemailer/issues/1112",
    ),
    When(Fault.SIGN_IN_UNAVAILABLE): Row(
        what="signing in is not possible right now",
        why="the server could not check the sign-in with {mechanism} at the moment; it did not call it wrong.",
        do="wait some minutes and test once more. If it stays, ask the server's admin or your mail provider"
        "{try_another}.",
        fixes=OTHER_MECHANISMS,
        source="RFC 4954, 6",
    ),
    When(Fault.SIGN_IN_SILENT): Row(
        what="the server said nothing more at the sign-in",
        why="port and encryption are right. The server is stuck over the sign-in, or it slows down after failed "
        "sign-ins, as a brake on attackers.",
        do="wait a quarter of an hour and test once more. If it stays, ask your mail provider or the server's admin"
        "{try_another}.",
        fixes=OTHER_MECHANISMS,
        source="https://github.com/chatmail/relay/issues/441",
    ),
    When(Fault.SIGN_IN_CLOSED): Row(
        what="the server hung up at the sign-in",
        why="port and encryption are right. Servers often hang up after too many failed sign-ins, or on an address "
        "that is not allowed to sign in.",
        do="wait an hour, then test once more. If it stays, ask your mail provider or the server's admin whether it "
        "locks the bot's address{try_another}.",
        fixes=OTHER_MECHANISMS,
        source="https://github.com/jstedfast/MailKit/issues/1867",
    ),
    When(Fault.SIGN_IN_NEEDED): Row(
        what="the server wants you to sign in first",
        why="it takes mail only from people who sign in, and your profile does not.",
        do="open Edit, turn Authentication Required on, and fill login and password.",
        field="authenticate",
        fixes=(Fix.AUTHENTICATE,),
        source="RFC 4954, 6",
    ),
}
