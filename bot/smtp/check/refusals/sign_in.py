"""Refusals of AUTH, and of MAIL for want of it. Codes are those of RFC 4954 and RFC 5248.

The reason that a server gives in words comes first: a wrong password is only what is left when it gives none.
"""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.refusals import sign_in_words as words
from bot.smtp.check.refusals.refusal import FOR_GOOD, FOR_NOW, Condition, Refusal, encrypted, not_encrypted
from bot.smtp.check.report import Fault


def another_listed(evidence: Evidence) -> bool:
    """The server lists another mechanism for passwords."""
    return bool(evidence.other_mechanisms)


def with_token(evidence: Evidence) -> bool:
    """It was an access token that was not taken, no password."""
    return evidence.mechanism == "XOAUTH2"


def with_password(evidence: Evidence) -> bool:
    """It was a password that was not taken."""
    return not with_token(evidence)


def needs_clear_text(evidence: Evidence) -> bool:
    """A mechanism was used for which the server must keep passwords in clear text, and another is listed."""
    return evidence.mechanism == "CRAM-MD5" and another_listed(evidence)


def _refusal(
    fault: Fault,
    says: str = "",
    *,
    codes: Sequence[int] = range(400, 600),
    enhanced: tuple[str, ...] = (),
    given: Condition = lambda _: True,
    source: str = "RFC 4954, 6",
) -> Refusal:
    return Refusal(
        fault=fault, commands=(Command.AUTH,), codes=codes, enhanced=enhanced, says=says, given=given, source=source
    )


_NOT_UNDERSTOOD = (500, 501, 502, 503, 504)
_UNUSUAL = (551, 552, 553, 555)

SIGN_IN_REFUSALS: Sequence[Refusal] = (
    # One sentence of QQ that names every reason there is, so it names none.
    _refusal(
        Fault.SIGN_IN_REFUSED,
        r"account is abnormal, service is not open",
        given=lambda evidence: not needs_clear_text(evidence),
        source="https://service.mail.qq.com/",
    ),
    _refusal(Fault.SIGN_IN_LOCKED, words.LOCKED, source="https://github.com/nodemailer/nodemailer/issues/1112"),
    _refusal(Fault.CREDITS_USED_UP, words.CREDITS, source="https://github.com/mautic/mautic/issues/8721"),
    _refusal(Fault.PLAN_WITHOUT_SMTP, words.PLAN, source="https://github.com/sendgrid/docs/issues/5809"),
    _refusal(
        Fault.PASSWORDS_NOT_TAKEN,
        words.OTHER_THAN_PASSWORDS,
        enhanced=("7.30",),
        given=with_password,
        source="https://github.com/hassio-addons/app-vaultwarden/issues/402",
    ),
    _refusal(
        Fault.PASSWORD_EXPIRED,
        words.NEW_PASSWORD,
        given=with_password,
        source="https://github.com/MailCore/mailcore2/pull/1517",
    ),
    _refusal(
        Fault.APP_PASSWORD_NEEDED,
        words.APP_PASSWORD,
        given=with_password,
        source="https://github.com/lmanukyan/print-designer/issues/5",
    ),
    _refusal(
        Fault.ACCOUNT_NOT_VERIFIED, words.NOT_VERIFIED, source="https://github.com/Foundry376/Mailspring/issues/240"
    ),
    _refusal(Fault.WEB_SIGN_IN_NEEDED, words.ON_THE_WEB, source="https://github.com/higty/higlabo/pull/17"),
    _refusal(
        Fault.WEB_SIGN_IN_NEEDED,
        codes=(534, 535),
        enhanced=("7.14",),
        source="https://support.google.com/mail/answer/78754",
    ),
    _refusal(Fault.CLIENT_ADDRESS_NOT_ALLOWED, words.PLACE, source="https://github.com/sendgrid/docs/issues/2191"),
    _refusal(
        Fault.ACCESS_SWITCHED_OFF,
        words.SWITCHED_OFF,
        source="https://aka.ms/smtp_auth_disabled; https://github.com/testerSunshine/12306/issues/62",
    ),
    _refusal(Fault.ACCOUNT_DISABLED, words.DISABLED, enhanced=("7.13", "2.1"), source="RFC 5248, 2.4"),
    _refusal(Fault.LOGIN_UNKNOWN, words.NO_SUCH_LOGIN, given=with_password),
    # An access token, not a password
    _refusal(Fault.SIGN_IN_UNAVAILABLE, codes=FOR_NOW, given=with_token),
    _refusal(
        Fault.TOKEN_REFUSED,
        given=with_token,
        source="https://developers.google.com/workspace/gmail/imap/xoauth2-protocol",
    ),
    # Encryption, which the link has, or has not
    _refusal(Fault.ENCRYPTION_NOT_SEEN, words.ENCRYPTION, codes=(530,), given=encrypted),
    _refusal(Fault.ENCRYPTION_NOT_SEEN, codes=(538,), given=encrypted),
    _refusal(Fault.ENCRYPTION_NOT_SEEN, enhanced=("7.11",), given=encrypted),
    _refusal(Fault.ENCRYPTION_NEEDED, codes=(530, 538), given=not_encrypted),
    _refusal(Fault.ENCRYPTION_NEEDED, enhanced=("7.11",)),
    # The mechanism, which is listed, and not done
    _refusal(
        Fault.MECHANISM_BROKEN,
        words.NO_SUCH_MECHANISM,
        enhanced=("7.4",),
        given=another_listed,
        source="https://github.com/cakephp/cakephp/pull/14639",
    ),
    _refusal(
        Fault.MECHANISM_BROKEN,
        codes=_NOT_UNDERSTOOD,
        given=another_listed,
        source="https://github.com/yc-software/qm/issues/808",
    ),
    _refusal(
        Fault.MECHANISM_BROKEN, given=needs_clear_text, source="https://github.com/wader/postfix-relay/issues/220"
    ),
    # The server's own trouble
    _refusal(Fault.SIGN_IN_BROKEN, codes=_NOT_UNDERSTOOD, source="RFC 4954, 4"),
    _refusal(
        Fault.SIGN_IN_BROKEN,
        words.OUT_OF_ORDER,
        codes=FOR_GOOD,
        enhanced=("7.4",),
        source="https://www.postfix.org/SASL_README.html",
    ),
    _refusal(Fault.PASSWORD_EXPIRED, codes=(432,), source="RFC 5248, 2.4"),
    _refusal(Fault.SIGN_IN_UNAVAILABLE, words.FOR_A_MOMENT),
    # Some say for now of what stays as it is.
    _refusal(Fault.SIGN_IN_REFUSED, words.WRONG, codes=FOR_NOW, source="https://github.com/sendgrid/docs/issues/2191"),
    _refusal(Fault.SIGN_IN_UNAVAILABLE, codes=FOR_NOW),
    # A code that none has for a wrong password: Naver answers PLAIN so, and does LOGIN.
    _refusal(
        Fault.MECHANISM_BROKEN,
        codes=_UNUSUAL,
        given=another_listed,
        source="https://github.com/andris9/simplesmtp/issues/7",
    ),
    _refusal(Fault.SIGN_IN_REFUSED),
)
