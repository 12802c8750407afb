"""What a connection test found, as plain data."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from bot.smtp.account import Encryption
from bot.smtp.check.evidence import Evidence


class StageName(StrEnum):
    """The stages of a connection test, in the words people see."""

    RESOLVE = "Resolve"
    CONNECT = "Connect"
    GREETING = "Greeting"
    ENCRYPTION = "Encryption"
    SIGN_IN = "Sign-in"
    SENDER = "Sender"
    MESSAGE = "Message"
    """Only where a message is really sent."""


class Outcome(StrEnum):
    """How one stage ended, in the words people see."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    SKIPPED = "skipped"
    RUNNING = "running"


class Fault(StrEnum):
    """What is wrong, as a class that advice is chosen by."""

    NAME_NOT_FOUND = "name not found"
    RESOLVER_UNAVAILABLE = "resolver unavailable"
    ADDRESS_NOT_ALLOWED = "address not allowed"
    PORT_NOT_ALLOWED = "port not allowed"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    CLOSED = "closed"
    GREETING_REFUSED = "greeting refused"
    BUSY = "busy"
    NOT_SMTP = "not SMTP"
    GARBLED = "garbled"
    TLS_TO_PLAIN_PORT = "TLS spoken to a plain port"
    PLAIN_TO_TLS_PORT = "plain text spoken to a TLS port"
    STARTTLS_NOT_OFFERED = "STARTTLS not offered"
    STARTTLS_REFUSED = "STARTTLS refused"
    TLS_FAILED = "TLS failed"
    TLS_TOO_OLD = "TLS too old"
    CERTIFICATE_EXPIRED = "certificate expired"
    CERTIFICATE_NOT_YET_VALID = "certificate not yet valid"
    CERTIFICATE_WRONG_NAME = "certificate wrong name"
    CERTIFICATE_SELF_SIGNED = "certificate self-signed"
    CERTIFICATE_UNTRUSTED = "certificate untrusted"
    CERTIFICATE_ENDS_SOON = "certificate ends soon"
    CERTIFICATE_NOT_THE_PINNED = "certificate is not the pinned one"
    PASSWORD_OVER_CLEAR_TEXT = "password over an unencrypted link"  # noqa: S105 - a cause, not a password
    PASSWORD_MISSING = "password missing"  # noqa: S105 - a cause, not a password
    SIGN_IN_NOT_OFFERED = "sign-in not offered"
    MECHANISM_NOT_OFFERED = "mechanism not offered"
    SIGN_IN_REFUSED = "sign-in refused"
    SIGN_IN_UNAVAILABLE = "sign-in temporarily unavailable"
    SIGN_IN_NEEDED = "sign-in needed"
    ENCRYPTION_NEEDED = "encryption needed"
    SIGN_IN_NEEDED_IN_CLEAR = "sign-in needed, link in clear"
    SIGN_IN_NEEDED_NOT_OFFERED = "sign-in needed, but not offered"
    SIGN_IN_ASKED_AGAIN = "sign-in asked for again"
    STRANGER_REFUSED = "refused without sign-in"
    ANNOUNCED_NAME_REFUSED = "announced name refused"
    """The one of the profile's HELO."""
    DEFAULT_NAME_REFUSED = "default name refused"
    """The one that is announced without HELO."""
    REVERSE_NAME_MISSING = "reverse name missing"
    NETWORK_BLOCKED = "network blocked"
    CLIENT_NOT_ALLOWED = "client not allowed"
    RELAY_DENIED = "relay denied"
    """To somebody who had signed in."""
    RELAY_DENIED_TO_STRANGER = "relay denied without sign-in"
    SENDER_REFUSED = "sender refused"
    SENDER_NOT_OWNED = "sender not owned"
    SENDER_DOMAIN_UNKNOWN = "sender domain unknown"
    SENDER_UNKNOWN = "sender unknown"
    SENDER_LISTED = "sender on a block list"
    ADDRESS_NOT_ASCII = "address not ASCII"
    SPF_FAILED = "SPF failed"
    DMARC_FAILED = "DMARC failed"
    ENVELOPE_REFUSED = "sender or recipient refused"
    RECIPIENT_REFUSED = "recipient refused"
    MAILBOX_FULL = "mailbox full"
    MAILBOX_DISABLED = "mailbox disabled"
    TEMPORARY_REFUSAL = "temporary refusal"
    GREYLISTED = "greylisted"
    RATE_LIMITED = "rate limited"
    LIMIT_REACHED = "limit reached"
    ACCOUNT_BLOCKED = "account blocked"
    SERVER_MISCONFIGURED = "server misconfigured"
    SERVER_FULL = "server full"
    POLICY_REFUSED = "policy refused"
    SPAM_SUSPECTED = "spam suspected"
    MESSAGE_TOO_LARGE = "message too large"
    DATA_REFUSED = "DATA refused"
    MESSAGE_REFUSED = "message refused"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A server's reply: code 200-599, enhanced code ("5.7.8" or ""), and its cleaned text.

    The text is one printable line of at most 200 characters, and never holds the password.
    """

    code: int
    enhanced: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}".replace("  ", " ")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A port of a server, and the encryption with which it answers there."""

    port: int
    encryption: Encryption


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What a server's certificate says (untrusted text, cleaned).

    `names` are at most five, times aware UTC; `pin` is the SHA-256 of its public key in hex.
    """

    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    pin: str

    def days_left(self, now: datetime) -> int:
        """Return the whole days until the certificate ends; negative when it has ended."""
        return (self.not_after - now).days

    def lifetime(self, now: datetime) -> str:
        """Return how long the certificate lasts: "valid until 12 Mar 2027 (108 days)"."""
        until, days = self.not_after.astimezone(UTC), self.days_left(now)
        return f"valid until {until.day} {until:%b %Y} ({days} day{'' if days == 1 else 's'})"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage: its outcome, how long it took, one short fact worth showing, and more of them (untrusted text)."""

    name: StageName
    outcome: Outcome
    seconds: float | None = None
    detail: str = ""
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """A connection test, finished or (while a stage is RUNNING) under way.

    `stages` are in the order in which they happen; with SSL, Encryption comes before Greeting.
    `certificate_names` are the names in a certificate that is for another server (untrusted text, at most 5);
    `certificate` is what the server presented, trusted or not; `open_ports` are other endpoints that answer, looked
    for only when this one failed; with `trusted_before`, an earlier test could verify this server's certificate;
    `transcript` is the dialogue, credentials replaced; `evidence` is what else was known of a fault, None in reports
    of before.
    """

    host: str
    port: int
    encryption: Encryption
    stages: tuple[Stage, ...]
    seconds: float
    tested_at: datetime
    fault: Fault | None = None
    reply: Reply | None = None
    certificate_names: tuple[str, ...] = ()
    certificate: Certificate | None = None
    open_ports: tuple[Endpoint, ...] = ()
    trusted_before: bool = False
    transcript: tuple[str, ...] = ()
    evidence: Evidence | None = None

    @property
    def failed_stage(self) -> Stage | None:
        """The stage that failed, if one did."""
        return next((stage for stage in self.stages if stage.outcome is Outcome.FAILED), None)

    @property
    def passed(self) -> bool:
        """Whether every stage has ended and none failed; warnings do not fail a test."""
        return not any(stage.outcome in (Outcome.FAILED, Outcome.RUNNING) for stage in self.stages)
