"""What a failed stage means and what to change: one table, from fault to words, field and fix."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.smtp.account import Account, Encryption
from bot.smtp.report import Fault, Report


class Fix(StrEnum):
    """A change that a button can make. It adds one extra configuration and touches nothing else."""

    USE_TLS = "USE_TLS"
    USE_SSL = "USE_SSL"
    TLS_ON_587 = "TLS_ON_587"
    SSL_ON_465 = "SSL_ON_465"
    USE_DOOR = "USE_DOOR"
    ADDRESS_AS_LOGIN = "ADDRESS_AS_LOGIN"
    LOGIN_AS_ADDRESS = "LOGIN_AS_ADDRESS"
    AUTHENTICATE = "AUTHENTICATE"
    DO_NOT_AUTHENTICATE = "DO_NOT_AUTHENTICATE"
    NAME_FROM_CERTIFICATE = "NAME_FROM_CERTIFICATE"
    REMOVE_BLANKS = "REMOVE_BLANKS"
    AUTH_LOGIN = "AUTH_LOGIN"
    TRUST_CERTIFICATE = "TRUST_CERTIFICATE"


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What happened in one short clause, why, what to do, which form field is at fault, which fix helps.

    `field` is a form field's name ("address", "login", "password", "host", "port", "authenticate") or
    "encryption"; None when no field is at fault.
    """

    what: str
    why: str
    do: str
    field: str | None = None
    fix: Fix | None = None

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """The fixes, the best first."""
        return (self.fix,) if self.fix else ()


# {host}, {port}, {login}, {address}, {names} are filled in; a row's texts are otherwise shown as they stand.
_TABLE: Mapping[Fault, Advice] = {
    Fault.NAME_NOT_FOUND: Advice(
        what="there is no server named {host}",
        why="the name {host} does not exist.",
        do="check SMTP Server Address for a typing error, or ask your mail provider for the name.",
        field="host",
    ),
    Fault.RESOLVER_UNAVAILABLE: Advice(
        what="the name service does not answer",
        why="the bot could not look up {host}; this is no fault of your settings.",
        do="try again in a few minutes. If it stays, tell whoever runs the bot.",
    ),
    Fault.ADDRESS_NOT_ALLOWED: Advice(
        what="the bot may not reach {host}",
        why="{host} leads to an address inside a private network, or to one that is never reached.",
        do="check SMTP Server Address. If your mail server is inside the company, ask whoever runs the bot to list "
        "its network in SMTP_ALLOWED_NETWORKS.",
        field="host",
    ),
    Fault.PORT_NOT_ALLOWED: Advice(
        what="port {port} may not be tested",
        why="the bot only tests the ports that its operator allows.",
        do="use 587 with TLS or 465 with SSL, or ask whoever runs the bot to list {port} in SMTP_ALLOWED_PORTS.",
        field="port",
    ),
    Fault.REFUSED: Advice(
        what="nothing listens on {host}:{port}",
        why="the machine answered, but no mail server listens on port {port}.",
        do="check Port: 587 goes with TLS, 465 with SSL. If both are right, the server may be down.",
        field="port",
    ),
    Fault.UNREACHABLE: Advice(
        what="{host} cannot be reached",
        why="there is no way from the bot to that address.",
        do="check SMTP Server Address. If it is right, tell whoever runs the bot that its network has no route.",
        field="host",
    ),
    Fault.TIMED_OUT: Advice(
        what="{host}:{port} did not answer in time",
        why="the server stayed silent. Often a firewall drops the connection, or the port is not a mail port.",
        do="check SMTP Server Address and Port. Many networks block port 25: try 587 with TLS or 465 with SSL.",
        field="port",
    ),
    Fault.CLOSED: Advice(
        what="{host}:{port} closed the connection",
        why="the server hung up. It may refuse the bot's address, or expect another kind of encryption.",
        do="check that Port and encryption fit: 587 with TLS, 465 with SSL. Otherwise ask your mail provider.",
        field="port",
    ),
    Fault.GREETING_REFUSED: Advice(
        what="the server does not want to talk to the bot",
        why="it refused the connection before anything was asked of it, often because of where it comes from.",
        do="ask your mail provider, and pass on the server's answer above.",
    ),
    Fault.BUSY: Advice(
        what="the server is busy",
        why="it asked to come back later; your settings may well be right.",
        do="try again in a few minutes.",
    ),
    Fault.NOT_SMTP: Advice(
        what="no mail submission server answers on {host}:{port}",
        why="another kind of service answers on this port.",
        do="use the server for outgoing mail (SMTP), with port 587 and TLS or 465 and SSL.",
        field="port",
    ),
    Fault.GARBLED: Advice(
        what="the server's answer is not SMTP",
        why="what the server sent does not follow the protocol.",
        do="check SMTP Server Address and Port. If they are right, ask your mail provider.",
        field="host",
    ),
    Fault.TLS_TO_PLAIN_PORT: Advice(
        what="port {port} begins in clear text, your profile says SSL",
        why="your profile encrypts from the first byte, but this port starts unencrypted and then switches.",
        do="use TLS on this port, or change the port to 465.",
        field="encryption",
        fix=Fix.USE_TLS,
    ),
    Fault.PLAIN_TO_TLS_PORT: Advice(
        what="port {port} expects SSL, your profile says {mode}",
        why="this port is encrypted from the first byte, but your profile begins in clear text.",
        do="use SSL on this port. It was tried without your password: it answers.",
        field="encryption",
        fix=Fix.USE_SSL,
    ),
    Fault.STARTTLS_NOT_OFFERED: Advice(
        what="the server does not offer TLS on port {port}",
        why="your profile requires TLS, which this server does not offer on this port. Your password was not sent.",
        do="try port 465 with SSL, or ask your mail provider which port is encrypted.",
        field="port",
    ),
    Fault.STARTTLS_REFUSED: Advice(
        what="the server refused to switch to TLS",
        why="it offers TLS but did not start it. Your password was not sent.",
        do="try port 465 with SSL, or ask your mail provider.",
        field="port",
    ),
    Fault.TLS_FAILED: Advice(
        what="the encryption could not be set up",
        why="the TLS handshake broke down. Your password was not sent.",
        do="check that Port and encryption fit: 587 with TLS, 465 with SSL. Otherwise ask your mail provider.",
        field="encryption",
    ),
    Fault.TLS_TOO_OLD: Advice(
        what="the server's encryption is too old",
        why="it speaks only TLS versions before 1.2, which are no longer safe. Your password was not sent.",
        do="ask your mail provider to update the server, or for another server's address.",
        field="host",
    ),
    Fault.CERTIFICATE_EXPIRED: Advice(
        what="the server's certificate has expired",
        why="its owner did not renew it in time, so the server cannot prove who it is. Your password was not sent.",
        do="tell your mail provider. There is nothing to change in your profile.",
    ),
    Fault.CERTIFICATE_NOT_YET_VALID: Advice(
        what="the server's certificate is not valid yet",
        why="its time begins in the future, so a clock is wrong somewhere. Your password was not sent.",
        do="tell your mail provider. There is nothing to change in your profile.",
    ),
    Fault.CERTIFICATE_WRONG_NAME: Advice(
        what="the server's certificate is for another name",
        why="the certificate does not name {host}{names}. Your password was not sent.",
        do="use a name from the certificate as SMTP Server Address, if it is your provider's.",
        field="host",
        fix=Fix.NAME_FROM_CERTIFICATE,
    ),
    Fault.CERTIFICATE_SELF_SIGNED: Advice(
        what="the server's certificate is signed by the server itself",
        why="nobody else vouches for it. Your password was not sent.",
        do="ask whoever runs the mail server for a proper certificate, or whoever runs the bot to trust it with "
        "SMTP_CA_FILE.",
        field="host",
    ),
    Fault.CERTIFICATE_UNTRUSTED: Advice(
        what="the server's certificate is not trusted",
        why="it comes from an authority that the bot does not know. Your password was not sent.",
        do="if your company has its own authority, ask whoever runs the bot to add it with SMTP_CA_FILE.",
        field="host",
    ),
    Fault.CERTIFICATE_ENDS_SOON: Advice(
        what="the server's certificate ends soon",
        why="its owner has not renewed it yet; when it ends, mail programs stop working with this server.",
        do="tell your mail provider. There is nothing to change in your profile.",
    ),
    Fault.CERTIFICATE_NOT_THE_PINNED: Advice(
        what="the server's key is not the one you trusted",
        why="the server shows another key than the one in PIN, so it may be another server. Your password was not "
        "sent.",
        do="ask whoever runs the mail server whether its key was changed. If so, remove PIN and test again.",
        field="encryption",
    ),
    Fault.MESSAGE_REFUSED: Advice(
        what="the server did not take the message",
        why="you can sign in and the addresses are right, but the message itself was refused.",
        do="ask your mail provider, and pass on the server's answer above.",
    ),
    Fault.PASSWORD_OVER_CLEAR_TEXT: Advice(
        what="your password would travel unencrypted",
        why="your profile signs in but encrypts nothing, so your password was not sent.",
        do="turn encryption on: TLS for port 587 or 25, SSL for port 465.",
        field="encryption",
    ),
    Fault.PASSWORD_MISSING: Advice(
        what="no password is stored",
        why="your profile signs in, but it holds no password for this server.",
        do="open Edit and type the password.",
        field="password",
    ),
    Fault.SIGN_IN_NOT_OFFERED: Advice(
        what="the server offers no sign-in",
        why="your profile signs in, but this server does not ask who you are on this port.",
        do="turn Authentication Required off, or use port 587 with TLS.",
        field="authenticate",
    ),
    Fault.MECHANISM_NOT_OFFERED: Advice(
        what="there is no way of signing in that both sides know",
        why="the server's ways of signing in are not the one your profile uses.",
        do="remove the extra configuration AUTH if you have one; otherwise ask your mail provider.",
        field="authenticate",
    ),
    Fault.SIGN_IN_REFUSED: Advice(
        what="the server refused login or password",
        why="the server does not accept {login} with the stored password.",
        do="check User/Login (often it is the full email address) and type the password again. Many providers ask "
        "for an app password here.",
        field="password",
    ),
    Fault.SIGN_IN_UNAVAILABLE: Advice(
        what="signing in is not possible right now",
        why="the server could not check the password at the moment; it did not call it wrong.",
        do="try again in a few minutes.",
    ),
    Fault.SIGN_IN_NEEDED: Advice(
        what="the server wants you to sign in first",
        why="it takes mail only from people who sign in, and your profile does not.",
        do="open Edit, turn Authentication Required on, and fill login and password.",
        field="authenticate",
    ),
    Fault.ENCRYPTION_NEEDED: Advice(
        what="the server wants encryption first",
        why="it answers only over an encrypted link.",
        do="turn encryption on: TLS for port 587 or 25, SSL for port 465.",
        field="encryption",
    ),
    Fault.SENDER_REFUSED: Advice(
        what="the server refuses {address} as sender",
        why="login and password may be right, but this login may not send as {address}.",
        do="make Email Address the address of the login, or ask your mail provider to allow it.",
        field="address",
    ),
    Fault.RECIPIENT_REFUSED: Advice(
        what="the server does not know {address} as recipient",
        why="you can send, but mail to your own address would not arrive.",
        do="check Email Address for a typing error.",
        field="address",
    ),
    Fault.TEMPORARY_REFUSAL: Advice(
        what="the server asked to come back later",
        why="it postponed the answer, which many servers do with senders they see for the first time.",
        do="nothing now; test again in ten minutes to be sure.",
    ),
}

_FIX_BY_PORT = {465: Fix.USE_SSL, 587: Fix.USE_TLS, 25: Fix.USE_TLS, 2525: Fix.USE_TLS}


def advise(report: Report, account: Account) -> Advice | None:
    """Say what a report's fault (or warning) means for this account; None when there is none."""
    if report.fault is None:
        return None
    row = _TABLE[report.fault]
    words = {
        "host": report.host,
        "port": str(report.port),
        "login": account.login,
        "address": account.address,
        "mode": {Encryption.TLS: "TLS", Encryption.SSL: "SSL", Encryption.NONE: "no encryption"}[report.encryption],
        "names": f"; it names {', '.join(report.certificate_names)}" if report.certificate_names else "",
    }
    return Advice(
        what=_filled(row.what, words),
        why=_filled(row.why, words),
        do=_filled(row.do, words),
        field=row.field,
        fix=_fix(row, report),
    )


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Put words into their places without reading the words themselves as templates."""
    for name, word in words.items():
        text = text.replace(f"{{{name}}}", word.replace("{", "(").replace("}", ")"))
    return text


def _fix(row: Advice, report: Report) -> Fix | None:
    if row.field == "encryption" and report.encryption is Encryption.NONE:
        return row.fix or _FIX_BY_PORT.get(report.port, Fix.USE_TLS)
    return row.fix


def headline(report: Report, account: Account) -> str:
    """Say a finished report's verdict in one sentence."""
    failed = report.failed_stage
    if failed is None:
        return "Connection test passed"
    advice = advise(report, account)
    return f"Connection test failed at {failed.name}: {advice.what if advice else failed.detail}."
