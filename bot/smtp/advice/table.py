"""What each failure means and what to change: the rows for all mail servers.

A row is chosen by the fault and, where it says so, by the provider and by the codes and words of the server's reply;
the most specific one is used. Texts are shown as they are, with {host}, {port}, {login}, {address}, {mode} and {names}
filled in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.smtp.advice.providers import Provider
from bot.smtp.check.report import Fault, Reply


class Fix(StrEnum):
    """A change of one thing that a button can make; the values are those of buttons in messages posted earlier."""

    USE_TLS = "USE_TLS"
    """TLS Y instead of SSL Y, on the same port."""
    USE_SSL = "USE_SSL"
    """SSL Y instead of TLS Y, on the same port."""
    TLS_ON_587 = "TLS_ON_587"
    SSL_ON_465 = "SSL_ON_465"
    USE_OPEN_PORT = "USE_DOOR"
    """Another port that was found to answer."""
    ADDRESS_AS_LOGIN = "ADDRESS_AS_LOGIN"
    LOGIN_AS_ADDRESS = "LOGIN_AS_ADDRESS"
    AUTHENTICATE = "AUTHENTICATE"
    DO_NOT_AUTHENTICATE = "DO_NOT_AUTHENTICATE"
    NAME_FROM_CERTIFICATE = "NAME_FROM_CERTIFICATE"
    REMOVE_BLANKS = "REMOVE_BLANKS"
    """The blanks of a pasted app password of 16 letters."""
    AUTH_LOGIN = "AUTH_LOGIN"
    TRUST_CERTIFICATE = "TRUST_CERTIFICATE"


@dataclass(frozen=True)
class When:
    """When a row applies.

    `codes`, `enhanced` and `says` (phrases in lower case) each match when any of theirs is in the server's reply; an
    empty one always matches.
    """

    fault: Fault
    provider: Provider | None = None
    codes: tuple[int, ...] = ()
    enhanced: tuple[str, ...] = ()
    says: tuple[str, ...] = ()

    @property
    def weight(self) -> int:
        """How specific this is: the provider says most, then words, enhanced codes, codes."""
        return 8 * (self.provider is not None) + 4 * bool(self.says) + 2 * bool(self.enhanced) + bool(self.codes)

    def matches(self, fault: Fault, reply: Reply | None, provider: Provider | None) -> bool:
        """Whether this is about such a failure."""
        code, enhanced, text = (reply.code, reply.enhanced, reply.text.lower()) if reply else (0, "", "")
        return (
            self.fault is fault
            and self.provider in (None, provider)
            and (not self.codes or code in self.codes)
            and (not self.enhanced or enhanced in self.enhanced)
            and (not self.says or any(phrase in text for phrase in self.says))
        )


@dataclass(frozen=True, kw_only=True)
class Row:
    """One piece of advice.

    `what` is a clause that completes "Connection test failed at Sign-in: …". `field` is a form field's name
    ("address", "login", "password", "host", "port", "authenticate") or "encryption". `source` and `dated` say where
    the fact comes from, and when it was read.
    """

    what: str
    why: str
    do: str
    field: str | None = None
    fixes: tuple[Fix, ...] = ()
    source: str = "measured against servers of our own"
    dated: str = "2026-11-24"


GENERAL: Mapping[When, Row] = {
    When(Fault.NAME_NOT_FOUND): Row(
        what="there is no server named {host}",
        why="the name {host} does not exist.",
        do="check SMTP Server Address for a typing error, or ask your mail provider for the name.",
        field="host",
    ),
    When(Fault.RESOLVER_UNAVAILABLE): Row(
        what="the name service does not answer",
        why="the bot could not look up {host}; this is no fault of your settings.",
        do="try again in a few minutes. If it stays, tell whoever runs the bot.",
    ),
    When(Fault.ADDRESS_NOT_ALLOWED): Row(
        what="the bot may not reach {host}",
        why="{host} leads to an address inside a private network, or to one that is never reached.",
        do="check SMTP Server Address. If your mail server is inside the company, ask whoever runs the bot to list "
        "its network in SMTP_ALLOWED_NETWORKS.",
        field="host",
    ),
    When(Fault.PORT_NOT_ALLOWED): Row(
        what="port {port} may not be tested",
        why="the bot only tests the ports that its operator allows.",
        do="use 587 with TLS or 465 with SSL, or ask whoever runs the bot to list {port} in SMTP_ALLOWED_PORTS.",
        field="port",
        fixes=(Fix.TLS_ON_587, Fix.SSL_ON_465),
    ),
    When(Fault.REFUSED): Row(
        what="nothing listens on {host}:{port}",
        why="the machine answered, but no mail server listens on port {port}.",
        do="check Port: 587 goes with TLS, 465 with SSL. If both are right, the server may be down.",
        field="port",
        source="RFC 6409, 3.1",
    ),
    When(Fault.UNREACHABLE): Row(
        what="{host} cannot be reached",
        why="there is no way from the bot to that address.",
        do="check SMTP Server Address. If it is right, tell whoever runs the bot that its network has no route.",
        field="host",
    ),
    When(Fault.TIMED_OUT): Row(
        what="{host}:{port} did not answer in time",
        why="the server stayed silent. Often a firewall drops the connection, or the port is not a mail port.",
        do="check SMTP Server Address and Port. Many networks block port 25: try 587 with TLS or 465 with SSL.",
        field="port",
        source="RFC 5321, 4.5.3.2",
    ),
    When(Fault.CLOSED): Row(
        what="{host}:{port} closed the connection",
        why="the server hung up. It may refuse the bot's address, or expect another kind of encryption.",
        do="check that Port and encryption fit: 587 with TLS, 465 with SSL. Otherwise ask your mail provider.",
        field="port",
    ),
    When(Fault.GREETING_REFUSED): Row(
        what="the server does not want to talk to the bot",
        why="it refused the connection before anything was asked of it, often because of where it comes from.",
        do="ask your mail provider, and pass on the server's answer above.",
        source="RFC 5321, 3.1",
    ),
    When(Fault.BUSY): Row(
        what="the server is busy",
        why="it asked to come back later; your settings may well be right.",
        do="try again in a few minutes.",
        source="RFC 5321, 4.2.1",
    ),
    When(Fault.NOT_SMTP): Row(
        what="no mail submission server answers on {host}:{port}",
        why="another kind of service answers on this port.",
        do="use the server for outgoing mail (SMTP), with port 587 and TLS or 465 and SSL.",
        field="port",
        source="RFC 5321, 4.2",
    ),
    When(Fault.GARBLED): Row(
        what="the server's answer is not SMTP",
        why="what the server sent does not follow the protocol.",
        do="check SMTP Server Address and Port. If they are right, ask your mail provider.",
        field="host",
    ),
    When(Fault.TLS_TO_PLAIN_PORT): Row(
        what="port {port} begins in clear text, your profile says SSL",
        why="your profile encrypts from the first byte, but this port starts unencrypted and then switches.",
        do="use TLS on this port, or change the port to 465.",
        field="encryption",
        fixes=(Fix.USE_TLS, Fix.SSL_ON_465),
        source="RFC 8314, 3.3",
    ),
    When(Fault.PLAIN_TO_TLS_PORT): Row(
        what="port {port} expects SSL, your profile says {mode}",
        why="this port is encrypted from the first byte, but your profile begins in clear text.",
        do="use SSL on this port. It was tried without your password: it answers.",
        field="encryption",
        fixes=(Fix.USE_SSL, Fix.TLS_ON_587),
        source="RFC 8314, 3.3",
    ),
    When(Fault.STARTTLS_NOT_OFFERED): Row(
        what="the server does not offer TLS on port {port}",
        why="your profile requires TLS, which this server does not offer on this port. Your password was not sent.",
        do="try port 465 with SSL, or ask your mail provider which port is encrypted.",
        field="port",
        fixes=(Fix.SSL_ON_465,),
        source="RFC 3207, 4",
    ),
    When(Fault.STARTTLS_REFUSED): Row(
        what="the server refused to switch to TLS",
        why="it offers TLS but did not start it. Your password was not sent.",
        do="try port 465 with SSL, or ask your mail provider.",
        field="port",
        fixes=(Fix.SSL_ON_465,),
        source="RFC 3207, 4",
    ),
    When(Fault.TLS_FAILED): Row(
        what="the encryption could not be set up",
        why="the TLS handshake broke down. Your password was not sent.",
        do="check that Port and encryption fit: 587 with TLS, 465 with SSL. Otherwise ask your mail provider.",
        field="encryption",
    ),
    When(Fault.TLS_TOO_OLD): Row(
        what="the server's encryption is too old",
        why="it speaks only TLS versions before 1.2, which are no longer safe. Your password was not sent.",
        do="ask your mail provider to update the server, or for another server's address.",
        field="host",
        source="RFC 8997",
    ),
    When(Fault.CERTIFICATE_EXPIRED): Row(
        what="the server's certificate has expired",
        why="its owner did not renew it in time, so the server cannot prove who it is. Your password was not sent.",
        do="tell your mail provider. There is nothing to change in your profile.",
    ),
    When(Fault.CERTIFICATE_NOT_YET_VALID): Row(
        what="the server's certificate is not valid yet",
        why="its time begins in the future, so a clock is wrong somewhere. Your password was not sent.",
        do="tell your mail provider. There is nothing to change in your profile.",
    ),
    When(Fault.CERTIFICATE_WRONG_NAME): Row(
        what="the server's certificate is for another name",
        why="the certificate does not name {host}{names}. Your password was not sent.",
        do="use a name from the certificate as SMTP Server Address, if it is your provider's.",
        field="host",
        fixes=(Fix.NAME_FROM_CERTIFICATE,),
        source="RFC 6125, 6.4",
    ),
    When(Fault.CERTIFICATE_SELF_SIGNED): Row(
        what="the server's certificate is signed by the server itself",
        why="nobody else vouches for it. Your password was not sent.",
        do="ask whoever runs the mail server for a proper certificate, or whoever runs the bot to trust it with "
        "SMTP_CA_FILE.",
        field="host",
    ),
    When(Fault.CERTIFICATE_UNTRUSTED): Row(
        what="the server's certificate is not trusted",
        why="it comes from an authority that the bot does not know. Your password was not sent.",
        do="if your company has its own authority, ask whoever runs the bot to add it with SMTP_CA_FILE.",
        field="host",
    ),
    When(Fault.CERTIFICATE_ENDS_SOON): Row(
        what="the server's certificate ends soon",
        why="its owner has not renewed it yet; when it ends, mail programs stop working with this server.",
        do="tell your mail provider. There is nothing to change in your profile.",
    ),
    When(Fault.CERTIFICATE_NOT_THE_PINNED): Row(
        what="the server's key is not the one you trusted",
        why="the server shows another key than the one in PIN, so it may be another server. Your password was not "
        "sent.",
        do="ask whoever runs the mail server whether its key was changed. If so, remove PIN and test again.",
        field="encryption",
    ),
    When(Fault.MESSAGE_REFUSED): Row(
        what="the server did not take the message",
        why="you can sign in and the addresses are right, but the message itself was refused.",
        do="ask your mail provider, and pass on the server's answer above.",
    ),
    When(Fault.PASSWORD_OVER_CLEAR_TEXT): Row(
        what="your password would travel unencrypted",
        why="your profile signs in but encrypts nothing, so your password was not sent.",
        do="turn encryption on: TLS for port 587 or 25, SSL for port 465.",
        field="encryption",
        fixes=(Fix.USE_SSL, Fix.USE_TLS),
        source="RFC 8314, 3",
    ),
    When(Fault.PASSWORD_MISSING): Row(
        what="no password is stored",
        why="your profile signs in, but it holds no password for this server.",
        do="open Edit and type the password.",
        field="password",
    ),
    When(Fault.SIGN_IN_NOT_OFFERED): Row(
        what="the server offers no sign-in",
        why="your profile signs in, but this server does not ask who you are on this port.",
        do="turn Authentication Required off, or use port 587 with TLS.",
        field="authenticate",
        fixes=(Fix.TLS_ON_587, Fix.DO_NOT_AUTHENTICATE),
    ),
    When(Fault.MECHANISM_NOT_OFFERED): Row(
        what="there is no way of signing in that both sides know",
        why="the server's ways of signing in are not the one your profile uses.",
        do="remove the extra configuration AUTH if you have one; otherwise ask your mail provider.",
        field="authenticate",
        source="RFC 4954, 6",
    ),
    When(Fault.SIGN_IN_REFUSED): Row(
        what="the server refused login or password",
        why="the server does not accept {login} with the stored password.",
        do="check User/Login (often it is the full email address) and type the password again. Many providers ask for "
        "an app password here.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="RFC 4954, 6",
    ),
    When(Fault.SIGN_IN_UNAVAILABLE): Row(
        what="signing in is not possible right now",
        why="the server could not check the password at the moment; it did not call it wrong.",
        do="try again in a few minutes.",
        source="RFC 4954, 6",
    ),
    When(Fault.SIGN_IN_NEEDED): Row(
        what="the server wants you to sign in first",
        why="it takes mail only from people who sign in, and your profile does not.",
        do="open Edit, turn Authentication Required on, and fill login and password.",
        field="authenticate",
        fixes=(Fix.AUTHENTICATE,),
        source="RFC 4954, 6",
    ),
    When(Fault.ENCRYPTION_NEEDED): Row(
        what="the server wants encryption first",
        why="it answers only over an encrypted link.",
        do="turn encryption on: TLS for port 587 or 25, SSL for port 465.",
        field="encryption",
        fixes=(Fix.USE_SSL, Fix.USE_TLS),
        source="RFC 4954, 6",
    ),
    When(Fault.SENDER_REFUSED): Row(
        what="the server refuses {address} as sender",
        why="login and password may be right, but this login may not send as {address}.",
        do="make Email Address the address of the login, or ask your mail provider to allow it.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="RFC 6409, 6.1",
    ),
    When(Fault.RECIPIENT_REFUSED): Row(
        what="the server does not know {address} as recipient",
        why="you can send, but mail to your own address would not arrive.",
        do="check Email Address for a typing error.",
        field="address",
        source="RFC 3463, 3.2",
    ),
    When(Fault.TEMPORARY_REFUSAL): Row(
        what="the server asked to come back later",
        why="it postponed the answer, which many servers do with senders they see for the first time.",
        do="nothing now; test again in ten minutes to be sure.",
        source="RFC 5321, 4.2.1",
    ),
    # By the reply of any server.
    When(Fault.SIGN_IN_REFUSED, codes=(432,)): Row(
        what="the password must be changed first",
        why="the server wants a new password before it lets this one sign in.",
        do="sign in on your provider's web page, set a new password, and type it here.",
        field="password",
        source="RFC 5248, 2.4",
    ),
    When(Fault.SIGN_IN_REFUSED, codes=(534,)): Row(
        what="this way of signing in is not enough for the server",
        why="the server asks for something stronger than this password.",
        do="make an app password on your provider's web page and type it here, or ask your mail provider.",
        field="password",
        source="RFC 4954, 6",
    ),
    When(
        Fault.SENDER_REFUSED,
        says=("not owned", "sendasdenied", "send as", "not allowed to send", "not match", "sender address rejected"),
    ): Row(
        what="this login may not send as {address}",
        why="login and password are right, but {address} does not belong to the login {login}.",
        do="make Email Address the address of the login, or have your mail provider allow this address as an alias.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="https://www.postfix.org/SASL_README.html",
    ),
    When(Fault.SENDER_REFUSED, enhanced=("5.4.5",)): Row(
        what="the daily sending limit is reached",
        why="the server takes no more mail from this account today; your settings are right.",
        do="wait a day, or ask your mail provider for a higher limit.",
        source="RFC 3463, 3.5",
    ),
    When(Fault.SENDER_REFUSED, says=("blocked using", "blocklist", "blacklist", "spamhaus", "poor reputation")): Row(
        what="the server blocks where this connection comes from",
        why="the bot's address stands on a list of senders that the server does not take mail from.",
        do="tell whoever runs the bot, and pass on the server's answer above.",
        source="RFC 5321, 7.9",
    ),
    When(Fault.SENDER_REFUSED, says=("relay", "relaying")): Row(
        what="the server does not pass on mail for {address}",
        why="for this server {address} is neither a sender nor a recipient of its own.",
        do="check that Email Address belongs to this mail server, and that User/Login is the account for it.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="RFC 5321, 3.6.2",
    ),
    When(Fault.MESSAGE_REFUSED, codes=(552,)): Row(
        what="the message is too large for the server",
        why="the server takes only smaller messages.",
        do="ask your mail provider for a higher limit.",
        source="RFC 1870, 6",
    ),
}
