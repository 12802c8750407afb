"""What real servers say, in their words, and what it means: fault and outcome from reply and evidence."""

from collections.abc import Iterator
from dataclasses import replace

from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.refusals.table import REFUSALS, classify
from bot.smtp.check.report import Fault, Outcome, Reply
from bot.smtp.dialogue.redaction import Redaction
from tests.named import case

CANNOT = Evidence(command=Command.RCPT, encrypted=True, announced="[127.0.0.1]", recipient="sam@corp.example")
COULD = replace(CANNOT, mechanisms=("PLAIN", "LOGIN"))
SIGNED_IN = replace(COULD, mechanism="PLAIN", signed_in=True)
KNOWN = {
    "signed in": SIGNED_IN,
    "could": COULD,
    "cannot": CANNOT,
    "own HELO": replace(SIGNED_IN, announced="laptop7", own_name=True),
    "in clear": replace(CANNOT, encrypted=False),
}
"""What was known: could, and cannot, are about signing in, which nobody did."""

# What was refused, what was known, and the reply (the beginning of long ones).
REPLIES = {
    Fault.SENDER_DOMAIN_UNKNOWN: """
        MAIL | cannot | 421 4.1.0 MXIN400 Cannot validate your Mailfrom Domain corp.lan
        RCPT,MAIL | signed in | 450 4.1.8 <sam@corp.lan>: Sender address rejected: Domain not found
        MAIL | signed in | 451 4.1.8 Domain of sender address sam@corp.lan does not resolve
        MAIL | signed in | 553 5.1.8 <sam@corp.lan>... Domain of sender address does not exist
        MAIL | could | 553 sorry, your envelope sender domain must exist (#5.7.1)
        MAIL | cannot | 501 #5.1.8 Domain of sender address <sam@corp.lan> does not exist
        RCPT | signed in | 550 5.7.27 sam@corp.lan: Sender address rejected: Domain corp.lan does not accept
        RCPT | signed in | 451 Unable to verify sender domain: no MX or A record for corp.lan
        MAIL | signed in | 450 Sender domain must resolve
        RCPT | signed in | 450 4.1.8 <sam@corp.lan>: Sender address rejected: Malformed DNS server reply
    """,
    Fault.SENDER_UNKNOWN: """
        MAIL | could | 553 5.1.3 Invalid address format
        RCPT | signed in | 550 Verification failed for <sam@corp.example> No Such User Here Sender verify
        RCPT | signed in | 451 Could not complete sender verify callout
        RCPT | signed in | 450 4.1.7 <sam@corp.example>: Sender address rejected: unverified address: host
        MAIL | cannot | 550 5.1.0 <sam@corp.example>: User unknown
    """,
    Fault.REVERSE_NAME_MISSING: """
        RCPT | cannot | 450 4.7.25 Client host rejected: cannot find your hostname, [203.0.113.9]
        RCPT | could | 450 4.7.1 Client host rejected: cannot find your reverse hostname, [203.0.113.9]
        greeting | cannot | 421 Refused. Your reverse DNS entry does not resolve to an IP.
        message | cannot | 550 5.7.25 [203.0.113.9] The IP address sending this message does not have a PTR
        greeting | cannot | 554 mx.example.net No SMTP service. Bad DNS PTR resource record.
        RCPT | cannot | 451 4.7.1 Fix reverse DNS for 203.0.113.9
    """,
    Fault.SERVER_MISCONFIGURED: """
        RCPT | signed in | 451 4.3.5 Server configuration problem
        MAIL | signed in | 451 4.3.5 <sam@corp.example>: Sender address rejected: Server configuration error
        greeting | cannot | 451 4.3.0 local configuration error
        RCPT | signed in | 451 4.3.0 <sam@corp.example>: Temporary lookup failure
        message | signed in | 451 4.3.0 Error: queue file write error
    """,
    Fault.SERVER_FULL: """
        MAIL | signed in | 452 4.3.1 Insufficient system storage
        MAIL | signed in | 452 4.3.1 Insufficient system resources
    """,
    Fault.LIMIT_REACHED: """
        MAIL | signed in | 450 4.7.1 Daily sending limit exceeded for this account
        RCPT | signed in | 550 5.4.5 Daily user sending limit exceeded. For more information on Gmail
        RCPT | signed in | 550 Domain corp.example has exceeded the max emails per hour (26/25 (104%))
        MAIL | signed in | 554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException
        MAIL | signed in | 451 Maximum credits exceeded
        message | signed in | 454 Throttling failure: Daily message quota exceeded.
        RCPT | signed in | 450 4.7.1 <sam@corp.example>: Recipient address rejected: Hourly quota exceeded.
    """,
    Fault.RELAY_DENIED: """
        RCPT | signed in | 454 4.7.1 <sam@corp.example>: Relay access denied
        MAIL | signed in | 553 Relaying disallowed as boss@corp.example
        message | signed in | 553 Relaying disallowed. Invalid Domain - corp.example
    """,
    Fault.POLICY_REFUSED: """
        MAIL | cannot | 450 Reject due to policy violations
        MAIL | cannot | 550 5.7.1 Access denied
        RCPT | cannot | 554 5.7.1 Message rejected for policy reasons
        message | signed in | 554 Transaction failed Reject due to policy restrictions.
    """,
    Fault.CLIENT_NOT_ALLOWED: """
        message | signed in | 525 5.7.1 Unauthorized IP address
        RCPT | cannot | 550 5.7.64 TenantAttribution; Relay Access Denied [edge.example]
        RCPT | could | 550 5.7.1 Invalid credentials for relay [203.0.113.9]. The IP address you've
        RCPT | cannot | 554 5.7.1 <unknown[203.0.113.9]>: Client host rejected: Access denied
    """,
    Fault.NETWORK_BLOCKED: """
        greeting | cannot | 554 IP:203.0.113.9 - A problem occurred.
        RCPT | could | 554 5.7.1 You are not allowed to connect
        EHLO | cannot | 554 mail.example 203.0.113.9 found on one or more DNSBLs
        RCPT | cannot | 554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using
        RCPT | could | 554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using
        MAIL | cannot | 550 5.7.1 Please contact your provider since part of their network is on our block list (S3140).
        RCPT | cannot | 550 5.7.606 Access denied, banned sending IP [203.0.113.9]. To request removal
        greeting | cannot | 554 IP=203.0.113.9 - None/bad reputation. Ask your postmaster for help.
        greeting | cannot | 554 gmx.net (mxgmx) Nemesis ESMTP Service not available IP address is black listed.
        greeting | cannot | 550 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=203.0.113.9
        message | signed in | 421 4.7.0 [TSS04] Messages deferred due to unexpected volume or user complaints
        RCPT | cannot | 451 4.7.650 The mail server has been temporarily rate limited due to IP reputation.
        MAIL | cannot | 550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.
        RCPT | cannot | 550 Unauthenticated mail not allowed from this range
        RCPT | cannot | 550 We do not accept mail from dynamic IP addresses. http://help.mail.ru/
    """,
    Fault.RELAY_DENIED_TO_STRANGER: """
        RCPT | cannot | 554 5.7.1 <sam@corp.example>: Relay access denied
        RCPT | cannot | 550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain
        RCPT | cannot | 553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
    """,
    Fault.SIGN_IN_NEEDED: """
        MAIL | could | 550 5.7.1 Sender is unauthenticated
        MAIL | could | 554 SMTP login required
        RCPT | could | 551 User not local; please try <forward>
        MAIL | could | 550 Необходимо войти
        MAIL | could | 554 Utilisateur non authentifié
        MAIL | could | 550 Autenticazione richiesta
        RCPT | could | 550 relay not permitted
        RCPT | could | 550 5.7.1 <sam@corp.example>... Relaying denied
        MAIL,RCPT | could | 553 authentication is required,smtp13,token
        MAIL,RCPT | could | 553 5.7.1 <sam@corp.example>: Sender address rejected: not logged in
        MAIL,RCPT | could | 530 5.7.0 Authentication required
        MAIL,RCPT | could | 530 5.7.57 Client not authenticated to send mail. [AM0PR01CA0001]
        MAIL,RCPT | could | 530 5.5.1 Authentication Required. Learn more at
        MAIL,RCPT | could | 550 5.7.1 Client was not authenticated
        MAIL,RCPT | could | 503 5.5.4 Error: send AUTH command first.
        MAIL,RCPT | could | 503 Error: need EHLO and AUTH first !
        MAIL,RCPT | could | 502 5.5.1 Authentication required
        MAIL,RCPT | could | 554 5.7.1 Access denied: you must authenticate before sending mail
        MAIL,RCPT | could | 550 smtp auth required
        MAIL,RCPT | could | 530 SMTP authentication is required.
        MAIL,RCPT | could | 503 This mail server requires authentication when attempting to send to a
        MAIL,RCPT | could | 550 Authentication is required for relay
        MAIL,RCPT | could | 550-Please turn on SMTP Authentication in your mail client. relay not permitted
        MAIL,RCPT | could | 530 issue AUTH first
        MAIL,RCPT | could | 550 Please log in first
        MAIL,RCPT | could | 554 You have to login first
        MAIL,RCPT | could | 450 4.7.1 Authentication required
        MAIL,RCPT | could | 550 5.7.1 Unauthenticated senders not allowed
        MAIL,RCPT | could | 550 5.7.1 Relaying to <sam@corp.example> denied (authentication required)
        MAIL,RCPT | could | 553 sorry, that domain isn't in my list; you must check mail first (POP before
        MAIL,RCPT | could | 550 5.7.1 Client does not have permissions to submit mail to this server
        MAIL,RCPT | could | 530 Authentifizierung erforderlich
        MAIL,RCPT | could | 550 Bitte melden Sie sich zuerst an: Anmeldung erforderlich
        MAIL,RCPT | could | 550 5.1.0 Authentification requise. Authentication Required. OFR_402
        MAIL,RCPT | could | 550 Требуется авторизация
        MAIL,RCPT | could | 553 需要身份验证
        MAIL,RCPT | could | 550 请先登录
        MAIL,RCPT | could | 550 Se requiere autenticación
    """,
    Fault.SPF_FAILED: """
        RCPT | cannot | 550 5.7.23 The message was rejected because of Sender Policy Framework violation
        RCPT | could | 550 5.7.1 <sam@corp.example>: Recipient address rejected: see http://www.openspf.net/Why?s=mfrom
        RCPT | cannot | 550 SPF: 203.0.113.9 is not allowed to send mail from corp.example
    """,
    Fault.DMARC_FAILED: """
        message | cannot | 550 5.7.26 This mail has been blocked because the sender is unauthenticated.
        message | cannot | 550 5.7.509 Access denied, sending domain corp.example does not pass DMARC
        message | signed in | 550 5.7.1 Unauthenticated email from corp.example is not accepted due to domain's
    """,
    Fault.STRANGER_REFUSED: """
        RCPT | could | 554 5.7.1 <unknown[203.0.113.9]>: Client host rejected: Access denied
        RCPT | could | 554 5.7.1 <sam@corp.example>: Recipient address rejected: Access denied
    """,
    Fault.ENVELOPE_REFUSED: """
        RCPT | cannot | 554 5.0.0 no
    """,
    Fault.SENDER_REFUSED: """
        RCPT | signed in | 450 4.7.1 <sam@corp.example>: Sender address rejected: Access denied
        RCPT | signed in | 550 5.1.0 Sender denied
        MAIL | cannot | 554 5.0.0 no
    """,
    Fault.SIGN_IN_NEEDED_NOT_OFFERED: """
        MAIL | cannot | 530 5.7.57 Client not authenticated to send mail
        RCPT | cannot | 553 authentication is required
    """,
    Fault.SIGN_IN_ASKED_AGAIN: """
        MAIL | signed in | 530 5.7.0 Authentication required
        RCPT | signed in | 553 5.7.1 <sam@corp.example>: Sender address rejected: not logged in
    """,
    Fault.ENCRYPTION_NEEDED: """
        MAIL | in clear | 530 5.7.0 Must issue a STARTTLS command first
        RCPT | in clear | 451 5.7.3 STARTTLS is required to send mail
        MAIL | in clear | 550 5.7.10 Encryption Needed
    """,
    Fault.DEFAULT_NAME_REFUSED: """
        RCPT | signed in | 550 5.7.1 Ask to correct HELO or to get removed from DNSBLs (helo/hostname mismatch)
        EHLO | cannot | 421 4.7.0 Try again later, closing connection.
        EHLO | cannot | 450 4.7.1 [127.0.0.1]: hostname does not resolve
        EHLO | cannot | 421 4.7.0 Try again later, closing connection. (EHLO) a1-2.3 - gsmtp
        RCPT | could | 550 5.7.1 <[127.0.0.1]>: Helo command rejected: Invalid name
        EHLO | cannot | 501 Syntactically invalid EHLO argument(s)
        EHLO | cannot | 501 5.5.4 Invalid command arguments: Invalid domain name
        EHLO | cannot | 501 5.0.0 EHLO requires domain address
        MAIL | cannot | 550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)
        RCPT | could | 550 HELO is a bare IP, rejected
        EHLO | cannot | 550 Host names have more than one DNS label
        RCPT | signed in | 554 5.7.1 Forged HELO: you are not [127.0.0.1]
        MAIL | signed in | 550 5.7.1 Bad EHLO hostname
        message | signed in | 550 5.7.1 IP literal in HELO not accepted here
    """,
    Fault.ANNOUNCED_NAME_REFUSED: """
        RCPT | own HELO | 504 5.5.2 <laptop7>: Helo command rejected: need fully-qualified hostname
        RCPT | own HELO | 450 4.7.1 <laptop7>: Helo command rejected: Host not found
        EHLO | own HELO | 501 5.5.4 HELO/EHLO argument "laptop7" invalid, closing connection.
    """,
    Fault.BUSY: """
        EHLO | cannot | 421 4.7.0 system load too high
        EHLO | cannot | 421 4.3.2 Too many connections, try later
        greeting | cannot | 421 Service not available, closing transmission channel
    """,
    Fault.GREETING_REFUSED: """
        EHLO | cannot | 550 not today
        greeting | cannot | 554 5.7.1 not you
    """,
    Fault.MAILBOX_FULL: """
        message | signed in | 552 5.2.2 Mailbox full
        RCPT | signed in | 552 5.2.2 <sam@corp.example>: Recipient address rejected: Quota exceeded (mailbox
        RCPT | signed in | 452 4.2.2 Mailbox full
        RCPT | signed in | 552 5.2.2 The email account that you tried to reach is over quota.
        RCPT | signed in | 450 mailbox full, try later
        RCPT | signed in | 550 Boite du destinataire pleine
    """,
    Fault.MAILBOX_DISABLED: """
        RCPT | signed in | 550 5.2.1 The email account that you tried to reach is disabled.
        RCPT | signed in | 450 4.2.1 This mailbox is inactive
    """,
    Fault.RECIPIENT_REFUSED: """
        RCPT | signed in | 550 5.1.2 Host unknown
        RCPT | signed in | 550 Invalid destination domain
        RCPT | signed in | 550 5.1.1 <sam@corp.example>: Recipient address rejected: User unknown in virtual
        RCPT | signed in | 550 5.1.1 <sam@corp.example>: Recipient address rejected: User unknown in relay
        RCPT | signed in | 450 4.1.1 <sam@corp.example>: Recipient address rejected: User unknown in local
        RCPT | could | 550 No such user here
        RCPT | could | 550 5.1.1 The email account that you tried to reach does not exist. mx.google.com
        RCPT | cannot | 550 5.4.1 Recipient address rejected: Access denied.
        RCPT | signed in | 550 Requested action not taken: mailbox unavailable
        RCPT | signed in | 550 sorry, no mailbox here by that name (#5.1.1)
        RCPT | signed in | 550 #5.1.0 Address rejected.
        RCPT | signed in | 550 Unrouteable address
        RCPT | could | 550 Unknown user: sam@corp.example
        RCPT | signed in | 450 4.1.2 <sam@corp.lan>: Recipient address rejected: Domain not found
        RCPT | signed in | 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address
    """,
    Fault.GREYLISTED: """
        RCPT | signed in | 450 4.2.0 <sam@corp.example>: Recipient address rejected: Greylisted, see
        RCPT | could | 451 4.7.1 Greylisting in action, please come back later
        RCPT | cannot | 451 4.7.1 <sam@corp.example>: Try again in 300 seconds
    """,
    Fault.TEMPORARY_REFUSAL: """
        RCPT | signed in | 451 4.7.1 Policy check failed, please try again later
        RCPT | signed in | 450 Requested mail action not taken: mailbox unavailable
        MAIL | signed in | 451 4.3.0 Temporary server error. Please try again later. PRX2
        RCPT | signed in | 451 Temporary local problem - please try later
        message | signed in | 451 4.7.1 Service unavailable - try again later
    """,
    Fault.RATE_LIMITED: """
        RCPT | signed in | 550 Requested action not taken: mailbox unavailable Failure sending mail. Try again later.
        MAIL | signed in | 450 4.7.1 Error: too much mail from 203.0.113.9
        RCPT | signed in | 452 4.5.3 Error: too many recipients
        MAIL | signed in | 421 4.4.2 Message submission rate for this client has exceeded the configured
        MAIL | signed in | 421 Too many connections from your IP
    """,
    Fault.SENDER_NOT_OWNED: """
        message | signed in | 554 5.2.252 SendAsDenied; sam@corp.example not allowed to send as
        message | signed in | 550 5.7.60 SMTP; Client does not have permissions to send as this sender
        message | signed in | 554 Message rejected: Email address is not verified. The following identities
        message | signed in | 550 The from address does not match a verified Sender Identity. Mail cannot be
        message | signed in | 550 5.7.0 From address is not one of your addresses.
        MAIL | signed in | 553 5.7.1 Sender address rejected: not owned by auth user.
        RCPT | signed in | 553 5.7.1 <boss@corp.example>: Sender address rejected: not owned by user
        MAIL | signed in | 501 Mail from address must be same as authorization user.
        MAIL | signed in | 553 Mail from must equal authorized user
        MAIL | signed in | 550 Requested action not taken: mailbox unavailable Sender address is not allowed.
        MAIL | signed in | 550 envelope sender not allowed
        MAIL | signed in | 550 You are not allowed to use the domain hotmail.com as a sender domain.
        message | signed in | 551 5.7.1 Not authorised to send from this header address
        RCPT | signed in | 550 not local sender over smtp
        message | signed in | 550 5.7.1 Unconfigured Sending Domain <corp.example>
        message | signed in | 422 Sender signature not found. The 'From' address you supplied is not a Sender
        message | signed in | 554 DT:SUM 163 smtp1,C8CowAA
    """,
    Fault.ACCOUNT_BLOCKED: """
        message | signed in | 502 5.7.0 Your SMTP account is not yet activated.
        message | signed in | 550 5.1.8 Access denied, bad outbound sender AS(42003)
        message | signed in | 550 5.4.6 Unusual sending activity detected. Please try after sometime.
        RCPT | signed in | 550 Your account has been suspended, please contact support
        RCPT | signed in | 550 Outgoing mail from "sam@corp.example" has been suspended.
    """,
    Fault.ADDRESS_NOT_ASCII: """
        MAIL | signed in | 553 5.6.7 Non-ASCII address not permitted for this sender
    """,
    Fault.MESSAGE_TOO_LARGE: """
        message | signed in | 552 5.3.4 Message size exceeds fixed limit
        MAIL | signed in | 552 5.3.4 Message too big for system
    """,
    Fault.SPAM_SUSPECTED: """
        message | signed in | 554 5.7.1 [2] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc
        message | signed in | 554 DT:SPM 163 smtp5,D9GowADnk
        message | signed in | 550 5.7.1 message content rejected
        message | signed in | 550 5.7.1 Refused by local policy. No SPAM please!
        message | signed in | 552 5.7.0 This message was blocked because its content presents a potential
    """,
    Fault.DATA_REFUSED: """
        DATA | signed in | 554 5.5.1 Error: no
    """,
    Fault.MESSAGE_REFUSED: """
        message | signed in | 554 5.0.0 Transaction failed
    """,
    Fault.SENDER_LISTED: """
        RCPT | could | 554 5.7.1 Service unavailable; Sender address [sam@corp.example] blocked using dbl.spamhaus.org
        RCPT | signed in | 550 sender envelope address is locally-blacklisted here
    """,
}

AT_SENDER = (Command.MAIL, Command.RCPT)
RECIPIENTS = {Fault.RECIPIENT_REFUSED, Fault.MAILBOX_FULL, Fault.MAILBOX_DISABLED}
WARNINGS = {*RECIPIENTS, Fault.GREYLISTED, Fault.TEMPORARY_REFUSAL, Fault.RATE_LIMITED}
"""These only warn: when the recipient alone is at fault, and when a temporary code passes by itself."""


def parsed(line: str) -> Reply:
    return Redaction("", None).reply(int(line[:3]), line[4:])


def cases() -> Iterator[tuple[Fault, Evidence, str]]:
    for fault, lines in REPLIES.items():
        for line in lines.strip().splitlines():
            commands, known, reply = line.split(" | ")
            for command in commands.strip().split(","):
                yield fault, replace(KNOWN[known], command=Command(command)), reply


def test_what_a_server_says_is_understood() -> None:
    for fault, evidence, line in cases():
        with case(line):
            warns = fault in WARNINGS and (line < "5" or fault in RECIPIENTS)
            carrying = (Command.RCPT, Command.MESSAGE) if fault in RECIPIENTS else AT_SENDER
            only_warns = warns and evidence.command in carrying
            assert classify(parsed(line), evidence) == (fault, Outcome.WARNED if only_warns else Outcome.FAILED)


def test_every_refusal_is_classified() -> None:
    for command in Command:
        for known in KNOWN.values():
            for code in range(400, 600):
                assert classify(Reply(code=code, enhanced="", text=""), replace(known, command=command))


def test_every_row_says_where_it_comes_from() -> None:
    for row in REFUSALS:
        with case(row.fault):
            assert row.source
            assert row.commands


def test_addresses_that_a_server_repeats_are_not_its_words() -> None:
    line = "550 5.1.1 <relay.denied-authentication.required@spamhaus.example>: User unknown"
    assert classify(parsed(line), COULD)[0] is Fault.RECIPIENT_REFUSED


def test_a_permanent_enhanced_code_makes_a_temporary_refusal_permanent() -> None:
    assert classify(parsed("450 5.0.0 no"), SIGNED_IN) == (Fault.ENVELOPE_REFUSED, Outcome.FAILED)
    assert classify(parsed("450 4.0.0 no"), SIGNED_IN) == (Fault.TEMPORARY_REFUSAL, Outcome.WARNED)
