"""What a connection test found, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bot.smtp.account import Encryption
from bot.smtp.check.evidence import Command, Evidence

EXPIRY_WARNING_DAYS = 21
EXPIRY_WARNING_SHARE = 0.22
"""A certificate gives a warning when less than so many days, and less than this share of its lifetime, is left."""


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
    """How one stage ended or stands, in the words people see."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    SKIPPED = "skipped"
    RUNNING = "running"
    WAITING = "waiting"
    STOPPED = "stopped"
    """Somebody stopped the test while the stage was running."""


class Fault(StrEnum):
    """What is wrong, as a class that advice is chosen by."""

    NAME_NOT_FOUND = "name not found"
    NAME_WITHOUT_ADDRESS = "name without address"
    ZONE_FAILS = "zone fails"
    RESOLVER_UNAVAILABLE = "resolver unavailable"
    ADDRESS_NOT_ALLOWED = "address not allowed"
    """Reports of before do not say which kind of address it was."""
    LOOPBACK_NOT_ALLOWED = "loopback not allowed"
    PRIVATE_NOT_ALLOWED = "private address not allowed"
    ADDRESS_NEVER_ALLOWED = "address never allowed"
    PORT_NOT_ALLOWED = "port not allowed"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    CLOSED = "closed"
    NO_GREETING = "no greeting in time"
    """Connected, and then the first words never came: in clear text a greeting, with SSL a handshake."""
    CLOSED_AT_ONCE = "closed before the greeting"
    FELL_SILENT = "fell silent after the greeting"
    HUNG_UP = "hung up after the greeting"
    HUNG_UP_IN_TLS = "hung up once TLS was up"
    TLS_TIMED_OUT = "silent between STARTTLS and TLS"
    TLS_CLOSED = "closed before TLS was up"
    GREETING_REFUSED = "greeting refused"
    BUSY = "busy"
    PROXY_ANSWERED = "a proxy answered instead"
    NOT_SMTP = "not SMTP"
    GARBLED = "garbled"
    TLS_TO_PLAIN_PORT = "TLS spoken to a plain port"
    PLAIN_TO_TLS_PORT = "plain text spoken to a TLS port"
    STARTTLS_NOT_OFFERED = "STARTTLS not offered"
    STARTTLS_REFUSED = "STARTTLS refused"
    STARTTLS_MASKED = "STARTTLS masked on the way"
    TEXT_BEFORE_TLS = "text between STARTTLS and TLS"
    ENCRYPTION_NOT_SEEN = "encryption not seen by the server"
    TLS_FAILED = "TLS failed"
    TLS_TOO_OLD = "TLS too old"
    TLS_TOO_WEAK = "TLS too weak"
    TLS_NOTHING_IN_COMMON = "TLS with nothing in common"
    TLS_NAME_UNKNOWN = "server name unknown in TLS"
    TLS_CLIENT_CERTIFICATE_WANTED = "client certificate wanted"
    TLS_LEGACY_RENEGOTIATION = "TLS without secure renegotiation"
    CERTIFICATE_EXPIRED = "certificate expired"
    CERTIFICATE_NOT_YET_VALID = "certificate not yet valid"
    CERTIFICATE_WRONG_NAME = "certificate wrong name"
    CERTIFICATE_SELF_SIGNED = "certificate self-signed"
    CERTIFICATE_OF_OWN_AUTHORITY = "certificate of an unknown authority"
    """Its chain is complete and ends at an authority that the bot does not trust."""
    CERTIFICATE_UNTRUSTED = "certificate untrusted"
    """Its issuer is neither sent nor known: an intermediate one left out, or an authority of somebody's own."""
    CERTIFICATE_CHAIN_INCOMPLETE = "certificate chain incomplete"
    """The same, of a certificate that a public authority issued: the intermediate one is left out."""
    CERTIFICATE_CHAIN_EXPIRED = "certificate chain expired"
    CERTIFICATE_INTERCEPTED = "certificate of an interceptor"
    CERTIFICATE_TOO_WEAK = "certificate too weak"
    CERTIFICATE_WRONG_PURPOSE = "certificate for another purpose"
    CERTIFICATE_REVOKED = "certificate revoked"
    CERTIFICATE_BROKEN = "certificate breaks a rule"
    CERTIFICATE_ENDS_SOON = "certificate ends soon"
    CERTIFICATE_NOT_THE_PINNED = "certificate is not the pinned one"
    PASSWORD_OVER_CLEAR_TEXT = "password over an unencrypted link"  # noqa: S105 - a cause, not a password
    PASSWORD_MISSING = "password missing"  # noqa: S105 - a cause, not a password
    PASSWORD_WITHHELD = "stored password not used"  # noqa: S105 - a cause, not a password
    """In a test of somebody else's form, which names another account than the stored one."""
    # Advice alone says these, from what a server's name tells.
    SERVER_TAKES_MAIL_IN = "server takes mail in"
    SERVER_FOR_ORGANISATIONS = "server for organisations"
    SERVER_DOES_NOT_SEND = "server of a provider that does not send"
    NOTHING_ON_LOOPBACK = "nothing on loopback"
    SIGN_IN_NOT_OFFERED = "sign-in not offered"
    MECHANISM_NOT_OFFERED = "mechanism not offered"
    MECHANISM_BROKEN = "mechanism listed, and not done"
    CHOSEN_MECHANISM_NOT_OFFERED = "chosen mechanism not offered"
    ONLY_WINDOWS_SIGN_IN = "only Windows sign-ins offered"
    ONLY_OAUTH = "only OAuth offered"
    SIGN_IN_REFUSED = "sign-in refused"
    EXCHANGE_LOGIN_REFUSED = "login refused by Exchange"
    LOGIN_UNKNOWN = "login unknown"
    TOKEN_REFUSED = "access token refused"  # noqa: S105 - a cause, not a token
    APP_PASSWORD_NEEDED = "app password needed"  # noqa: S105 - a cause, not a password
    PASSWORDS_NOT_TAKEN = "passwords not taken"
    PASSWORD_EXPIRED = "password expired"  # noqa: S105 - a cause, not a password
    ACCESS_SWITCHED_OFF = "access by programs switched off"
    WEB_SIGN_IN_NEEDED = "sign-in on the web needed"
    ACCOUNT_NOT_VERIFIED = "account not verified"
    ACCOUNT_DISABLED = "account disabled"
    CREDITS_USED_UP = "credits used up"
    PLAN_WITHOUT_SMTP = "plan does not allow it"
    CLIENT_ADDRESS_NOT_ALLOWED = "client address not allowed to sign in"
    SIGN_IN_LOCKED = "sign-in locked for a while"
    SIGN_IN_BROKEN = "sign-in out of order on the server"
    SIGN_IN_SILENT = "silent over the sign-in"
    SIGN_IN_CLOSED = "closed over the sign-in"
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
    LATE_SILENCE = "silent over sender or message"
    LATE_CLOSE = "closed over sender or message"
    LATE_GARBLED = "garbled over sender or message"


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

    @property
    def codes(self) -> str:
        """The code and, where there is one, the enhanced code: "535 5.7.8"."""
        return f"{self.code} {self.enhanced}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A port of a server, and the encryption with which it answers there."""

    port: int
    encryption: Encryption


def _day(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y}"


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What a server's certificate says (untrusted text, cleaned).

    `names` are at most five, times aware UTC; `pin` is the SHA-256 of its public key in hex. With `publicly_issued`
    it carries what only public authorities put into a certificate.
    """

    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    pin: str
    publicly_issued: bool = False

    def days_left(self, now: datetime) -> int:
        """Return the whole days until the certificate ends; negative when it has ended."""
        return (self.not_after - now).days

    def ends_soon(self, now: datetime) -> bool:
        """Whether it should have been renewed by now.

        Unattended renewals happen when a third of the lifetime is left, or 30 days before the end; a certificate may
        last for as little as six days (https://letsencrypt.org/docs/profiles/).
        """
        lifetime = self.not_after - self.not_before
        return self.not_after - now < min(timedelta(days=EXPIRY_WARNING_DAYS), lifetime * EXPIRY_WARNING_SHARE)

    def lifetime(self, now: datetime) -> str:
        """Return how long the certificate lasts: "valid until 12 Mar 2027 (108 days)"."""
        days = self.days_left(now)
        return f"valid until {_day(self.not_after)} ({days} day{'' if days == 1 else 's'})"

    def period(self) -> str:
        """Return when the certificate is valid: "valid from 1 Jan 2027 to 12 Mar 2027"."""
        return f"valid from {_day(self.not_before)} to {_day(self.not_after)}"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage: its outcome, how long it took, one short fact worth showing, and more of them (untrusted text)."""

    name: StageName
    outcome: Outcome
    seconds: float | None = None
    detail: str = ""
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServersWords:
    """What a server said after AUTH had begun, which is for the owner of the account alone.

    `reply` is the text of the report's reply, `details` are those of stages; `transcript` is the dialogue in full, ()
    where nobody signed in.
    """

    reply: str = ""
    details: Mapping[StageName, str] = field(default_factory=dict)
    transcript: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AcceptedPassword:
    """Which password a server accepted last: a keyed hash of it with its login and server, and the server's pin."""

    digest: str
    pin: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """A connection test: finished, under way (a stage is RUNNING, those to come are WAITING), or STOPPED at a stage.

    `stages` are in the order in which they happen; with SSL, Encryption comes before Greeting.
    `certificate_names` are the names in a certificate that is for another server (untrusted text, at most 5);
    `certificate` is what the server presented, trusted or not; `open_ports` are other endpoints that answer, looked
    for only when this one failed, `closed_ports` the usual ones that do not, or may not be tested;
    with `trusted_before`, an earlier test could verify this server's certificate;
    `transcript` is the dialogue, credentials replaced; `evidence` is what else was known of a fault, or when the test
    was stopped, None in reports of before; `mail_servers` are the MX hosts of a server's name that has no address;
    `provider` is the label of the provider that takes mail in for the domain of the address, "" where that is not
    known; `accepted` is which password was accepted last, in this test or an earlier one, None since one was refused;
    with `sign_in_held`, the sign-in was refused for good in this test or an earlier one of the profile as it is, and
    has not been accepted since: nobody but people who test tries it again.

    `words` holds apart what the server said after AUTH had begun: of that, everything else has codes alone. It is None
    in a report in full, and in those that a version before stored.
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
    closed_ports: tuple[int, ...] = ()
    trusted_before: bool = False
    transcript: tuple[str, ...] = ()
    evidence: Evidence | None = None
    mail_servers: tuple[str, ...] = ()
    provider: str = ""
    accepted: AcceptedPassword | None = None
    sign_in_held: bool = False
    words: ServersWords | None = field(default=None, repr=False)

    @property
    def in_full(self) -> "Report":
        """The report with all that the server said, for the owner of the account alone."""
        words = self.words
        if words is None:
            return self
        return replace(
            self,
            stages=tuple(replace(stage, detail=words.details.get(stage.name, stage.detail)) for stage in self.stages),
            reply=replace(self.reply, text=words.reply or self.reply.text) if self.reply else None,
            transcript=words.transcript or self.transcript,
            words=None,
        )

    @property
    def failed_stage(self) -> Stage | None:
        """The stage that failed, if one did."""
        return next((stage for stage in self.stages if stage.outcome is Outcome.FAILED), None)

    @property
    def stopped_stage(self) -> Stage | None:
        """The stage at which the test was stopped, if it was."""
        return next((stage for stage in self.stages if stage.outcome is Outcome.STOPPED), None)

    @property
    def passed(self) -> bool:
        """Whether every stage has ended and none failed; warnings do not fail a test."""
        ended = (Outcome.PASSED, Outcome.WARNED, Outcome.SKIPPED)
        return all(stage.outcome in ended for stage in self.stages)

    @property
    def signed_in(self) -> bool:
        """Whether the login was accepted."""
        return any(stage.name is StageName.SIGN_IN and stage.outcome is Outcome.PASSED for stage in self.stages)

    @property
    def sign_in_refused(self) -> bool:
        """Whether AUTH was sent to the server, and the login not accepted, whatever came instead."""
        evidence = self.evidence
        return evidence is not None and evidence.command is Command.AUTH and not evidence.signed_in

    @property
    def sign_in_refused_for_good(self) -> bool:
        """Whether the server refused the sign-in with a permanent reply: not for now (RFC 4954, 6), nor in silence."""
        return self.sign_in_refused and self.reply is not None and self.reply.code >= 500

    @property
    def message_taken(self) -> bool:
        """Whether the server took the message."""
        return any(stage.name is StageName.MESSAGE and stage.outcome is Outcome.PASSED for stage in self.stages)

    @property
    def named_recipient(self) -> bool:
        """Whether a test that did not get to its end told the server a recipient, whose mailbox the answer is about."""
        evidence = self.evidence
        return evidence is not None and evidence.command in (Command.RCPT, Command.DATA, Command.MESSAGE)

    @property
    def may_have_sent(self) -> bool:
        """Whether the server took the message, or got it and did not say."""
        message = next((stage for stage in self.stages if stage.name is StageName.MESSAGE), None)
        if message is None or message.outcome is Outcome.PASSED:
            return message is not None
        evidence = self.evidence
        return evidence is not None and evidence.command is Command.MESSAGE and self.reply is None
