"""What servers really answer to AUTH, and the fault that it is: the reason that they give comes before the password."""

import pytest

from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.refusals.table import classify
from bot.smtp.check.report import Fault, Outcome
from bot.smtp.dialogue.redaction import Redaction
from tests.named import case

PLAIN_ALONE = Evidence(command=Command.AUTH, mechanisms=("PLAIN",), mechanism="PLAIN", encrypted=True)
PLAIN = Evidence(command=Command.AUTH, mechanisms=("PLAIN", "LOGIN"), mechanism="PLAIN", encrypted=True)
LOGIN = Evidence(command=Command.AUTH, mechanisms=("LOGIN", "XOAUTH2"), mechanism="LOGIN", encrypted=True)
CRAM = Evidence(command=Command.AUTH, mechanisms=("CRAM-MD5", "PLAIN"), mechanism="CRAM-MD5", encrypted=True)
CRAM_ALONE = Evidence(command=Command.AUTH, mechanisms=("CRAM-MD5",), mechanism="CRAM-MD5", encrypted=True)
TOKEN = Evidence(command=Command.AUTH, mechanisms=("LOGIN", "XOAUTH2"), mechanism="XOAUTH2", encrypted=True)

WRONG = {
    "535 5.7.8 Error: authentication failed: (reason unavailable)": PLAIN,
    "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6": LOGIN,
    "535 5.7.8 Error: authentication failed: authentication failure": PLAIN,
    "535 Incorrect authentication data": PLAIN,
    "535 5.7.8 Username and Password not accepted. For more information, go to https://support.google.com/mail/"
    "?p=BadCredentials a1-2.3 - gsmtp": PLAIN,
    "535 5.7.3 Authentication unsuccessful": LOGIN,
    "535 5.7.3 Authentication unsuccessful [AM0PR04CA0001.eurprd04.prod.outlook.com]": LOGIN,
    "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. [x.prod.outlook.com]": LOGIN,
    "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated "
    "successfully. Contact your administrator. [x.prod.outlook.com]": LOGIN,
    "535 5.7.0 Invalid login or password": PLAIN,
    "535 Authentication credentials invalid": PLAIN,
    "535 Authentication Credentials Invalid": PLAIN,
    "535 Authentication Failed": PLAIN,
    "535 Authentication failed: Bad username / password": PLAIN,
    "535 Authentication failed: The provided authorization grant is invalid, expired, or revoked": PLAIN,
    "535 5.7.0 Mailgun is not loving your login or password": PLAIN,
    "535 5.7.8 Sorry.": PLAIN,
    "535 Error: authentication failed": LOGIN,
    "535 Error: authentication failed, system busy": LOGIN,
    "535 authorization failed (#5.7.0)": PLAIN,
    "535 5.7.8 Bad username or password (Authentication failed).": PLAIN,
    "535 authentication failed (#5.7.1)": PLAIN,
    "535 5.7.8 Error: authentication failed: Invalid user or password!": PLAIN,
    "535 5.7.8 Authentication failed: Unknown user name or bad password": PLAIN,
    "535 Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or "
    "system is busy. More information at https://help.mail.qq.com/detail/108/1023": LOGIN,
    "451 Authentication failed: Could not authenticate": PLAIN,
    "451 4.7.8 Authentication failed: Bad username / password": PLAIN,
    "550 Authentication failed": PLAIN,
    "535 5.7.1 Username or password is invalid": LOGIN,
    "535 Incorrect username or password. To reset your password, go to https://example.com/forgot": PLAIN,
    "535 5.7.8 Error: authentication failed: another step is needed in authentication": PLAIN,
}
REASONS: dict[Fault, dict[str, Evidence]] = {
    Fault.SIGN_IN_LOCKED: {
        "454 4.7.0 Too many login attempts, please try again later. a1-2.3 - gsmtp": PLAIN,
        "535 5.7.0 (#AUTH005) Too many bad auth attempts.": LOGIN,
        "535 auth failed (this user authenticate too many times)": LOGIN,
        "421 4.7.0 Too many failed login attempts from your IP, closing connection": PLAIN,
        "535 5.7.8 Account temporarily locked because of failed sign-ins": PLAIN,
        "535 5.7.8 Authentication rate limit exceeded": PLAIN,
        "550 Connection frequency limited": LOGIN,
        "554 Your IP is temporarily blocked after too many failures": PLAIN,
        "421 Maximum login attempts exceeded, try again in 30 minutes": PLAIN,
        "450 4.7.1 Error: too much mail, login rate limit": PLAIN,
        "535 5.7.1 Temporarily blocked": CRAM,
    },
    Fault.CREDITS_USED_UP: {
        "451 Authentication failed: Maximum credits exceeded": PLAIN,
        "535 Authentication failed: not enough credit": PLAIN,
        "535 5.7.8 Your sending quota has been exceeded": LOGIN,
        "550 5.7.1 Daily sending limit reached for this account": LOGIN,
        "454 4.7.0 Account has run out of credits": PLAIN,
        "535 No credits left on this account": PLAIN,
    },
    Fault.PLAN_WITHOUT_SMTP: {
        "535 5.7.8 SMTP is only for premium accounts, please upgrade your plan": PLAIN,
        "554 5.7.1 Your trial has expired": PLAIN,
        "535 Your subscription is inactive: payment required": PLAIN,
        "550 5.7.0 External clients are not available for free accounts": PLAIN,
    },
    Fault.PASSWORDS_NOT_TAKEN: {
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [edge.example]": LOGIN,
        "550 5.7.30 Basic authentication is not supported for Client Submission.": LOGIN,
        "535 5.7.8 Password authentication is disabled, use OAuth2": PLAIN,
        "534 5.7.9 Please use OAuth to sign in; less secure apps are blocked": PLAIN,
    },
    Fault.PASSWORD_EXPIRED: {
        "535 5.7.8 Your password has expired": PLAIN,
        "535 5.7.0 authentication rejected: your password is too simple": PLAIN,
        "432 4.7.12 A password transition is needed": PLAIN,
        "535 5.7.8 Password must be changed before you can sign in": LOGIN,
    },
    Fault.APP_PASSWORD_NEEDED: {
        "534 5.7.9 Application-specific password required. For more information, go to "
        "https://support.google.com/mail/?p=InvalidSecondFactor a1-2.3 - gsmtp": PLAIN,
        "535 5.7.0 NEOBHODIM parol prilozheniya https://help.mail.ru/mail/security/protection/external / Application "
        "password is REQUIRED": PLAIN,
        "535 Login Fail. Please enter your authorization code to login. More information in "
        "http://service.mail.qq.com/cgi-bin/help?subtype=1": LOGIN,
        "535 Error: 请使用授权码登录。详情请看: http://service.mail.qq.com/cgi-bin/help?id=28": LOGIN,
        "535 5.7.8 Error: authentication failed: please use an app password": PLAIN,
        "535 5.7.8 Two-factor authentication is on, use an app-specific password": PLAIN,
        "535 5.7.8 2FA enabled: sign in with an application password": PLAIN,
        "535 5.7.8 Неверный пароль приложения": PLAIN,
    },
    Fault.WEB_SIGN_IN_NEEDED: {
        "534 5.7.14 <https://accounts.google.com/signin/continue?sarp=1> Please log in via your web browser and then "
        "try again. Learn more at https://support.google.com/mail/answer/78754": PLAIN,
        "535 5.7.8 Error: authentication failed: Your message looks like spam. You need to use web for sending or "
        "prove you are not a robot using the following link http://ya.cc": PLAIN,
        "535 5.7.8 Please accept the terms of service first": PLAIN,
        "535 5.7.1 WebLoginRequired": LOGIN,
    },
    Fault.ACCOUNT_NOT_VERIFIED: {
        "535 5.7.0 (#MBR1240) Please verify your account by going to https://login.yahoo.com": LOGIN,
        "535 5.7.8 Account not verified": PLAIN,
        "535 5.7.8 Phone number verification needed": PLAIN,
        "550 5.7.1 Your account is not yet activated, contact support": LOGIN,
    },
    Fault.CLIENT_ADDRESS_NOT_ALLOWED: {
        "525 5.7.1 Unauthorized IP address": PLAIN,
        "535 5.7.8 Your IP address 203.0.113.9 is not whitelisted": PLAIN,
        "535 5.7.1 Login from this country is not allowed": PLAIN,
        "550 5.7.1 IP not allowed": LOGIN,
        "554 5.7.1 Client host [203.0.113.9] blocked using zen.spamhaus.org": PLAIN,
        "535 5.7.8 Authentication from this IP is restricted": PLAIN,
    },
    Fault.ACCESS_SWITCHED_OFF: {
        "535 5.7.8 Error: authentication failed: This user does not have access rights to this service": PLAIN,
        "550 User has no permission": LOGIN,
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit "
        "https://aka.ms/smtp_auth_disabled for more information.": LOGIN,
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.": LOGIN,
        "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. "
        "Contact your administrator.": LOGIN,
        "535 Error: service is not open, please open SMTP in the settings": LOGIN,
        "535 5.7.0 SMTP access is disabled for this account": PLAIN,
        "535 5.7.8 POP3/IMAP/SMTP nicht aktiviert": PLAIN,
        "535 5.7.1 User is not allowed to use SMTP": PLAIN,
    },
    Fault.ACCOUNT_DISABLED: {
        "535 Authentication failed: account disabled": PLAIN,
        "535 5.7.8 User account has been suspended": PLAIN,
        "525 5.7.13 User Account Disabled": PLAIN,
        "535 5.7.0 Mailgun account disabled": LOGIN,
        "550 5.2.1 Mailbox is not active": PLAIN,
        "535 5.7.8 This account is locked": PLAIN,
        "535 5.7.8 Konto gesperrt": PLAIN,
        "535 5.7.139 Authentication unsuccessful, the user account is disabled.": LOGIN,
    },
    Fault.LOGIN_UNKNOWN: {
        "535 5.7.8 Error: authentication failed: no such user": PLAIN,
        "535 5.7.8 Please use your full email address as the user name": PLAIN,
        "535 5.7.8 User does not exist": LOGIN,
    },
    Fault.MECHANISM_BROKEN: {
        "502 Invalid input from 203.0.113.9 to logic.qq.example.": PLAIN,
        "502 5.5.2 Syntax error, command unrecognized.": PLAIN,
        "503 AUTH command used when not advertised": PLAIN,
        "503 5.5.1 Error: authentication not enabled": PLAIN,
        "504 5.7.4 Unrecognized authentication type": PLAIN,
        "500 5.3.3 Unrecognized command": PLAIN,
        "501 5.5.2 Cannot Decode response": PLAIN,
        "535 5.7.8 Error: authentication failed: Invalid authentication mechanism": PLAIN,
        "535 5.7.8 Error: authentication failed: bad protocol / cancel": CRAM,
        "535 5.7.8 Error: authentication failed: (reason unavailable)": CRAM,
        "454 4.7.0 Temporary authentication failure": CRAM,
        "534 5.7.9 Authentication mechanism is too weak": PLAIN,
        "535 5.7.8 no mechanism available": PLAIN,
    },
    Fault.SIGN_IN_BROKEN: {
        "502 5.5.1 Command not implemented": PLAIN_ALONE,
        "503 AUTH command used when not advertised": PLAIN_ALONE,
        "535 5.7.8 Error: authentication failed: generic failure": PLAIN,
        "535 5.7.8 Error: authentication failed: cannot connect to saslauthd server": PLAIN,
        "535 5.7.8 Internal server error": PLAIN,
        "554 5.7.0 Authentication server unavailable": PLAIN,
    },
    Fault.SIGN_IN_UNAVAILABLE: {
        "454 4.7.0 Temporary authentication failure": PLAIN,
        "454 4.7.0 Temporary authentication failure: Connection lost to authentication server": PLAIN,
        "435 Unable to authenticate at present": PLAIN,
        "421 4.3.2 Service not available": PLAIN,
        "535 5.7.0 Temporary failure, try again later": PLAIN,
    },
    Fault.SIGN_IN_REFUSED: {"535 5.7.8 Error: authentication failed": CRAM_ALONE, "534 5.7.9 Too weak": LOGIN},
    Fault.ENCRYPTION_NOT_SEEN: {
        "538 5.7.11 Encryption required for requested authentication mechanism": PLAIN_ALONE,
        "530 5.7.0 Must issue a STARTTLS command first": PLAIN,
        "530 5.7.7 Email sending without SSL/TLS encryption is not allowed": PLAIN,
    },
    Fault.TOKEN_REFUSED: {
        "535 5.7.8 Username and Password not accepted": TOKEN,
        "535 5.7.3 Authentication unsuccessful": TOKEN,
        "501 5.5.124 Invalid XOAUTH2 auth data - User address provided is not valid.": TOKEN,
    },
}
CASES = [(fault, said, evidence) for fault, replies in REASONS.items() for said, evidence in replies.items()]


def classified(said: str, evidence: Evidence) -> Fault:
    reply = Redaction("", None).reply(int(said[:3]), said[4:])
    fault, outcome = classify(reply, evidence)
    assert outcome is Outcome.FAILED
    return fault


@pytest.mark.parametrize(("said", "evidence"), WRONG.items(), ids=lambda value: str(value)[:70])
def test_a_refusal_without_another_reason_is_about_login_or_password(said: str, evidence: Evidence) -> None:
    assert classified(said, evidence) is Fault.SIGN_IN_REFUSED


def test_the_reason_that_a_server_gives_comes_first() -> None:
    for fault, said, evidence in CASES:
        with case(said):
            assert classified(said, evidence) is fault


@pytest.mark.parametrize(
    "said", ["535 5.7.8 Account suspended", "454 4.7.0 Too many login attempts", "535 5.7.1 IP address not allowed"]
)
@pytest.mark.parametrize("evidence", [PLAIN, CRAM, TOKEN, LOGIN], ids=lambda value: value.mechanism)
def test_a_reason_counts_with_every_mechanism_and_with_a_token(said: str, evidence: Evidence) -> None:
    assert classified(said, evidence) not in (
        Fault.SIGN_IN_REFUSED,
        Fault.MECHANISM_BROKEN,
        Fault.TOKEN_REFUSED,
        Fault.SIGN_IN_UNAVAILABLE,
    )


def test_encryption_is_missed_only_where_there_is_none() -> None:
    clear = Evidence(command=Command.AUTH, mechanisms=("PLAIN",), mechanism="PLAIN")
    assert classified("538 5.7.11 Encryption required", clear) is Fault.ENCRYPTION_NEEDED
    assert classified("530 5.7.0 Must issue a STARTTLS command first", clear) is Fault.ENCRYPTION_NEEDED
