"""What a row of advice is, and when it applies.

A row is chosen by the fault and, where it says so, by the provider and by the codes and words of the server's reply;
the most specific one is used. Texts are shown as they are, with {host}, {port}, {login}, {address}, {mode}, {names},
{issuer} (of the certificate), {elsewhere} (a sentence when no other port answers), {clear_text} (one when nobody signs
in) and {encrypting} (how encryption can be had there) filled in; {domain} is that of the address, {recipient} whom the
test writes to, {announced} the name sent with EHLO; {mx}, {provider} and {server} tell what a mail domain is, and where
its mailboxes send; {mechanism}, {used}, {others}, {try_another} and
{other_login} tell how the sign-in went and could go.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.providers.providers import Provider
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
    """The blanks at the ends of the password, and those between the groups of an app password."""
    REMOVE_INVISIBLE = "REMOVE_INVISIBLE"
    """The characters of the password that show nothing and are no blanks."""
    AUTH_PLAIN = "AUTH_PLAIN"
    AUTH_LOGIN = "AUTH_LOGIN"
    AUTH_CRAM_MD5 = "AUTH_CRAM_MD5"
    TRUST_CERTIFICATE = "TRUST_CERTIFICATE"
    REMOVE_HELO = "REMOVE_HELO"
    HELO_FROM_ADDRESS = "HELO_FROM_ADDRESS"
    """The domain of the email address as the announced name."""
    USE_PROVIDER_SERVER = "USE_PROVIDER_SERVER"
    """The server that the provider has for people; the password is typed again for it."""


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
