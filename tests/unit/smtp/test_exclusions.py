"""What no advice may say or offer, whatever a server answered: each line below holds for every dialogue."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import pytest
from pydantic import SecretStr

from bot.profiles.account.fixes import fix_label, propose_fixes
from bot.profiles.account.profile import EmailProfile
from bot.smtp.account import Account, Encryption
from bot.smtp.advice.advice import advise
from bot.smtp.advice.row import Fix
from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.refusals.table import classify
from bot.smtp.check.report import Endpoint, Outcome, Reply, Report, Stage, StageName
from tests.counts import scaled

DIALOGUES = scaled(quick=500, full=20_000)

STAGES = {
    Command.GREETING: StageName.GREETING,
    Command.EHLO: StageName.GREETING,
    Command.STARTTLS: StageName.ENCRYPTION,
    Command.AUTH: StageName.SIGN_IN,
    Command.MAIL: StageName.SENDER,
    Command.RCPT: StageName.SENDER,
    Command.DATA: StageName.MESSAGE,
    Command.MESSAGE: StageName.MESSAGE,
}
AFTER_SIGN_IN = (Command.MAIL, Command.RCPT, Command.DATA, Command.MESSAGE)
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "NTLM", "GSSAPI", "SCRAM-SHA-256")
USABLE = ("CRAM-MD5", "PLAIN", "LOGIN")
HOSTS = (
    "mail.corp.example",
    "smtp.gmail.com",
    "smtp.office365.com",
    "smtp.mail.yahoo.com",
    "smtp.qq.com",
    "mail.gmx.net",
)
CODES = (
    421, 430, 432, 450, 451, 452, 454, 500, 501, 502, 503, 504, 521, 523, 530, 534, 535, 538, 550, 551, 552, 553, 554,
    571,
)  # fmt: skip
SUBJECTS = (
    "1.0", "1.1", "1.2", "1.3", "1.7", "1.8", "1.10", "2.0", "2.1", "2.2", "2.3", "2.252", "3.0",
    "3.2", "3.4", "4.1", "4.5", "5.0", "5.1", "5.2", "5.4", "6.7", "7.0", "7.1", "7.3", "7.4",
    "7.8", "7.9", "7.11", "7.14", "7.23", "7.25", "7.26", "7.57", "7.60", "7.64", "7.139", "7.705",
)  # fmt: skip
ENHANCED = (*SUBJECTS, *[""] * 15, *["7.1"] * 5)

# What servers say, by what they mean by it.
SENDER_DOMAIN = (
    "<sam@corp.lan>: Sender address rejected: Domain not found",
    "Domain of sender address sam@corp.lan does not resolve",
    "Sender verify failed: no MX or A record for corp.lan",
    "sender domain must exist",
)
REVERSE_NAME = (
    "Client host rejected: cannot find your hostname, [203.0.113.9]",
    "Client host rejected: cannot find your reverse hostname, [203.0.113.9]",
    "IP address has no PTR record",
    "reverse DNS lookup of 203.0.113.9 failed",
)
ANNOUNCED = (
    "<laptop7>: Helo command rejected: need fully-qualified hostname",
    "<bot>: Helo command rejected: Host not found",
    "Helo command rejected: Invalid name",
    "HELO/EHLO argument is invalid, closing connection",
    "Access denied - Invalid HELO name (See RFC2821 4.1.1.1)",
)
FULL = (
    "<sam@corp.example>: Recipient address rejected: Quota exceeded (mailbox for user is full)",
    "The email account that you tried to reach is over quota.",
    "Mailbox full",
    "Requested mail action aborted: exceeded storage allocation",
)
NOT_SIGNED_IN = (
    "authentication is required,smtp13,token",
    "<sam@corp.example>: Sender address rejected: not logged in",
    "Authentication required",
    "need EHLO and AUTH first !",
    "Client was not authenticated to send anonymous mail during MAIL FROM",
    "Must authenticate before sending mail",
)
NETWORK = (
    "Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org",
    "TenantAttribution; Relay Access Denied [edge.example]",
    "Connection refused: your IP 203.0.113.9 has a poor reputation",
)
SIGN_IN = (
    "Error: authentication failed: (reason unavailable)",
    "Username and Password not accepted. For more information, go to https://support.google.com/mail/?p=BadCredentials",
    "Authentication failed: Maximum credits exceeded",
    "Authentication unsuccessful, basic authentication is disabled.",
    "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
    "Application-specific password required",
    "Too many failed login attempts, account locked",
    "Invalid input from 203.0.113.9 to logic.qq.example.",
    "Unrecognized authentication type",
    "Temporary authentication failure",
)
RIGHTS = (
    "<boss@corp.example>: Sender address rejected: not owned by user sam@corp.example",
    "SendAsDenied; sam@corp.example not allowed to send as scanner@corp.example",
    "Sender is not allowed to relay emails",
    "Email address is not verified. The following identities failed the check",
)
TLS = ("Must issue a STARTTLS command first", "TLS not available due to temporary reason", "Encryption required")
REST = (
    "Relay access denied",
    "relay not permitted",
    "Greylisted, please come back later",
    "Try again later, closing connection.",
    "Daily user sending quota exceeded",
    "message size exceeds fixed limit",
    "Message rejected as spam",
    "User unknown in local recipient table",
    "System storage not available",
    "",
)
AT_SENDER = (SENDER_DOMAIN, REVERSE_NAME, ANNOUNCED, FULL, NOT_SIGNED_IN, NETWORK, RIGHTS, REST)
SAID_AT = {
    Command.GREETING: (NETWORK, REVERSE_NAME, REST),
    Command.EHLO: (ANNOUNCED, NETWORK, REST),
    Command.STARTTLS: (TLS,),
    Command.AUTH: (SIGN_IN, SIGN_IN, TLS, NETWORK),
    Command.MAIL: (*AT_SENDER, TLS),
    Command.RCPT: AT_SENDER,
    Command.DATA: (REST, RIGHTS),
    Command.MESSAGE: (REST, RIGHTS, NETWORK),
}
ANYTHING = (*AT_SENDER, SIGN_IN, TLS)


@dataclass(frozen=True)
class Dialogue:
    """One refusal, everything that was known of it, and what the bot makes of that."""

    account: Account
    evidence: Evidence
    reply: Reply
    outcome: Outcome
    report: Report
    field: str | None
    fixes: Sequence[Fix]
    labels: Sequence[str]
    words: str

    @property
    def phrase(self) -> str:
        """What the server said."""
        return self.reply.text

    def is_plainly(self, *phrases: str) -> bool:
        """Whether the server said one of these, with a code that says nothing else."""
        # 503 is about the order of commands, whatever is said with it.
        plain = self.reply.code != 503 and self.reply.enhanced[2:] in ("", "0.0", "7.0", "7.1")
        return plain and self.phrase in phrases

    @property
    def nobody_signed_in(self) -> bool:
        """Whether the dialogue went past the place of a sign-in without one."""
        return self.evidence.command in AFTER_SIGN_IN and not self.evidence.signed_in

    def says(self, pattern: str) -> bool:
        """Whether the advice says something, in any case."""
        return re.search(pattern, self.words, re.IGNORECASE) is not None

    def offers(self, *fixes: Fix) -> bool:
        """Whether the advice has one of these fixes, or a button does."""
        return any(fix in self.fixes for fix in fixes)

    def __str__(self) -> str:
        known = self.evidence
        return (
            f"{known.command} {self.reply} (port {self.account.port} {self.account.encryption}, offers "
            f"{'/'.join(known.mechanisms) or 'no sign-in'}, {'' if known.signed_in else 'not '}signed in) -> "
            f"{self.report.fault}, {self.outcome}, field {self.field}, {list(self.labels)}: {self.words}"
        )


def _dialogue(chance: random.Random) -> Dialogue:
    """Make one that can happen: what was known at a command is what a server can have shown until then."""
    command = chance.choice(list(Command))
    encryption = chance.choice([Encryption.SSL, Encryption.TLS, Encryption.TLS, Encryption.NONE])
    if command is Command.STARTTLS:
        encryption = Encryption.TLS
    if command is Command.AUTH and encryption is Encryption.NONE:
        encryption = Encryption.TLS
    late = command in (Command.AUTH, *AFTER_SIGN_IN)
    encrypted = encryption is Encryption.SSL or (encryption is Encryption.TLS and late)
    offered = tuple(chance.sample(MECHANISMS, chance.randint(0, 4))) if late else ()
    usable = [one for one in USABLE if one in offered]
    if command is Command.AUTH and not usable:
        usable = ["PLAIN"]
        offered = (*offered, "PLAIN")
    authenticate = command is Command.AUTH or (bool(usable) and encrypted and chance.random() < 0.5)
    signed_in = authenticate and command in AFTER_SIGN_IN
    account = Account(
        address="sam@corp.example",
        host=chance.choice(HOSTS),
        port=chance.choice([25, 465, 587, 2525]),
        encryption=encryption,
        authenticate=authenticate,
        login=chance.choice(["sam", "sam@corp.example", "boss@corp.example"]),
        password=SecretStr("x"),
    )
    evidence = Evidence(
        command=command,
        mechanisms=offered,
        mechanism=chance.choice(usable) if authenticate else "",
        signed_in=signed_in,
        encrypted=encrypted,
        announced=chance.choice(["[203.0.113.9]", "laptop7", "bot.corp.example"]),
    )
    code = chance.choice(CODES)
    enhanced = chance.choice(ENHANCED)
    # Now and then a server says what nobody would expect there.
    text = chance.choice(chance.choice(SAID_AT[command] if chance.random() < 0.9 else ANYTHING))
    reply = Reply(code=code, enhanced=f"{code // 100}.{enhanced}" if enhanced else "", text=text)
    return _judged(chance, account, evidence, reply)


def _judged(chance: random.Random, account: Account, evidence: Evidence, reply: Reply) -> Dialogue:
    fault, outcome = classify(reply, evidence)
    stage = STAGES[evidence.command]
    opening = stage in (StageName.GREETING, StageName.ENCRYPTION)
    others = [one for one in _ENDPOINTS if one.port != account.port]
    report = Report(
        host=account.host,
        port=account.port,
        encryption=account.encryption,
        stages=(Stage(name=stage, outcome=outcome),),
        seconds=1,
        tested_at=datetime(2026, 11, 24, tzinfo=UTC),
        fault=fault,
        reply=reply,
        open_ports=tuple(chance.sample(others, chance.randint(0, 2))) if opening else (),
        evidence=evidence,
    )
    advice = advise(report, account)
    assert advice is not None
    fixes = propose_fixes(report, advice, _profile(account))
    return Dialogue(
        account=account,
        evidence=evidence,
        reply=reply,
        outcome=outcome,
        report=report,
        field=advice.field,
        fixes=[*advice.fixes, *(fix.kind for fix in fixes)],
        labels=[fix_label(fix, port=account.port) for fix in fixes],
        words=f"{advice.what}; {advice.why} {advice.do}",
    )


_ENDPOINTS = (
    Endpoint(port=587, encryption=Encryption.TLS),
    Endpoint(port=465, encryption=Encryption.SSL),
    Endpoint(port=2525, encryption=Encryption.TLS),
)


def _profile(account: Account) -> EmailProfile:
    extras = {} if account.encryption is Encryption.NONE else {account.encryption.value: "Y"}
    return EmailProfile(
        address=account.address,
        host=account.host,
        port=account.port,
        login=account.login,
        password=account.password,
        authenticate=account.authenticate,
        extras=extras,
    )


@cache
def dialogues() -> Sequence[Dialogue]:
    chance = random.Random(1843)
    return [_dialogue(chance) for _ in range(DIALOGUES)]


ANNOUNCED_AT = (Command.GREETING, Command.EHLO, Command.MAIL, Command.RCPT)
PASSES = r"try again in|again in (a few|ten) minutes|come back later|may pass by itself|settings may well be right"
PORTS = {Fix.TLS_ON_587: (587, Encryption.TLS), Fix.SSL_ON_465: (465, Encryption.SSL)}


def _leads_to_a_closed_port(one: Dialogue) -> bool:
    answering = {(end.port, end.encryption) for end in one.report.open_ports} | {(one.account.port, Encryption.TLS)}
    answering |= {(one.account.port, Encryption.SSL)}
    return any(PORTS[fix] not in answering for fix in one.fixes if fix in PORTS)


EXCLUSIONS: dict[str, tuple[Callable[[Dialogue], bool], Callable[[Dialogue], bool]]] = {
    # what is so: (when it is, what may not be then)
    "who signed in is not told to": (
        lambda one: one.evidence.signed_in,
        lambda one: one.offers(Fix.AUTHENTICATE) or one.says("sign in first|Authentication Required on"),
    ),
    "signing in is not advised where the server does not offer it": (
        lambda one: one.nobody_signed_in and not one.evidence.mechanisms,
        lambda one: one.offers(Fix.AUTHENTICATE) or one.says("Authentication Required on|people who sign in"),
    ),
    "authentication is not turned off where the server asks for it": (
        lambda one: one.evidence.command is Command.AUTH or one.phrase in NOT_SIGNED_IN,
        lambda one: one.offers(Fix.DO_NOT_AUTHENTICATE) or one.says("Authentication Required off"),
    ),
    "no button leads to the port that is used already": (
        lambda _: True,
        lambda one: any(
            PORTS[fix] == (one.account.port, one.account.encryption) for fix in one.fixes if fix in PORTS
        ),
    ),
    "no button leads to a port that was found closed": (
        lambda one: STAGES[one.evidence.command] in (StageName.GREETING, StageName.ENCRYPTION),
        _leads_to_a_closed_port,
    ),
    "the password is not at fault where it was not used": (
        lambda one: one.evidence.command is not Command.AUTH,
        lambda one: one.field == "password" or one.says("type the password again"),
    ),
    "encryption is not turned on where there is some": (
        lambda one: one.evidence.encrypted,
        lambda one: one.field == "encryption" or one.offers(Fix.USE_TLS, Fix.USE_SSL) or one.says("turn encryption on"),
    ),
    "port and encryption are right once a sign-in was asked for": (
        lambda one: one.evidence.command in (Command.AUTH, *AFTER_SIGN_IN) and one.evidence.encrypted,
        lambda one: one.field in ("port", "encryption") or one.says("Port and encryption fit|not a mail port"),
    ),
    "nobody waits for what is refused for good": (
        lambda one: one.reply.code >= 500 and not re.search("(?i)later|temporary|quota|too many|credits", one.phrase),
        lambda one: one.says(PASSES),
    ),
    "a pass does not stand beside a refusal for good, unless the recipient alone is at fault": (
        lambda one: one.reply.code >= 500 and one.outcome is not Outcome.FAILED,
        lambda one: (
            one.evidence.command not in (Command.RCPT, Command.DATA, Command.MESSAGE)
            or not one.says("recipient|mailbox|own address")
        ),
    ),
    "a refusal of the sender's address by its code does not pass": (
        lambda one: one.reply.code >= 500 and one.reply.enhanced[2:] in ("1.7", "1.8") and one.phrase not in FULL,
        lambda one: one.outcome is not Outcome.FAILED,
    ),
    "a login that was not used is neither praised nor blamed": (
        lambda one: one.nobody_signed_in,
        lambda one: one.says("login and password (may be|are) right|this login|of the login")
        or one.offers(Fix.LOGIN_AS_ADDRESS, Fix.ADDRESS_AS_LOGIN),
    ),
    "a mechanism is offered only where it is listed, and was not the one that failed": (
        lambda one: "LOGIN" not in one.evidence.mechanisms or one.evidence.mechanism == "LOGIN",
        lambda one: one.offers(Fix.AUTH_LOGIN),
    ),
    "a domain that does not exist is not greylisting, and does not pass": (
        lambda one: one.evidence.command in (Command.MAIL, Command.RCPT) and one.is_plainly(*SENDER_DOMAIN),
        lambda one: one.outcome is not Outcome.FAILED or one.says(f"first time|nothing now|{PASSES}"),
    ),
    "a missing reverse name is not greylisting, and does not pass": (
        lambda one: one.evidence.command in (Command.MAIL, Command.RCPT) and one.is_plainly(*REVERSE_NAME),
        lambda one: one.outcome is not Outcome.FAILED or one.says(f"first time|nothing now|{PASSES}"),
    ),
    "a refusal of the announced name is a matter of HELO alone": (
        lambda one: one.is_plainly(*ANNOUNCED) and one.evidence.command in ANNOUNCED_AT,
        lambda one: not one.says(r"\bHELO\b")
        or one.field in ("address", "login", "password", "authenticate")
        or one.offers(Fix.AUTHENTICATE, Fix.LOGIN_AS_ADDRESS, Fix.ADDRESS_AS_LOGIN),
    ),
    "a full mailbox of the test's recipient is no matter of the sender's rights": (
        lambda one: one.evidence.command is Command.RCPT and one.is_plainly(*FULL),
        lambda one: one.says("may not send as|make Email Address") or one.offers(Fix.LOGIN_AS_ADDRESS),
    ),
    "a block of the bot's network is no matter of login and address": (
        lambda one: one.is_plainly(*NETWORK) and one.evidence.command is not Command.AUTH,
        lambda one: one.offers(Fix.AUTHENTICATE, Fix.LOGIN_AS_ADDRESS, Fix.ADDRESS_AS_LOGIN)
        or one.field in ("address", "login", "password"),
    ),
    "addresses are not called right where one of them was refused": (
        lambda one: one.is_plainly(*RIGHTS),
        lambda one: one.says("addresses are right"),
    ),
    "what is refused before the dialogue begins is not about the account": (
        lambda one: one.evidence.command in (Command.GREETING, Command.EHLO, Command.STARTTLS),
        lambda one: one.field in ("login", "password", "address", "authenticate"),
    ),
    "every button changes something, and no two the same": (
        lambda _: True,
        lambda one: len(set(one.labels)) < len(one.labels),
    ),
}  # fmt: skip


@pytest.mark.parametrize("sentence", EXCLUSIONS)
def test_whatever_a_server_says(sentence: str) -> None:
    happens, excluded = EXCLUSIONS[sentence]
    met = [one for one in dialogues() if happens(one)]
    # A line about nothing would hold for ever.
    assert len(met) > 0
    wrong = [str(one) for one in met if excluded(one)]
    examples = "\n".join(wrong[:3])
    assert len(wrong) == 0, f"of {len(met)} such dialogues, among them\n{examples}"
