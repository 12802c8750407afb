"""What a server's refusals mean: a table from what was refused, the codes and the words to a fault.

The first row that fits is used, so rows about codes alone stand at the end. Codes are those of RFC 5321, 4954 and 3463.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.report import Fault, Outcome, Reply

Condition = Callable[[Evidence], bool]


def not_signed_in(evidence: Evidence) -> bool:
    """Nobody has signed in."""
    return not evidence.signed_in


def encrypted(evidence: Evidence) -> bool:
    """TLS was set up."""
    return evidence.encrypted


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One row: which refusals it is about, and what they mean.

    Every column that is given must fit. `enhanced` are enhanced codes without their first digit ("7.25" is 4.7.25
    and 5.7.25), and `says` is a regular expression over the words, in any case: one of the two is enough.
    """

    fault: Fault
    commands: tuple[Command, ...]
    codes: Sequence[int] = range(400, 600)
    enhanced: tuple[str, ...] = ()
    says: str = ""
    given: Condition = lambda _: True
    outcome: Outcome = Outcome.FAILED
    source: str
    dated: str = "2026-11-29"

    def fits(self, reply: Reply, evidence: Evidence) -> bool:
        """Whether a refusal is one of these."""
        if evidence.command not in self.commands or reply.code not in self.codes or not self.given(evidence):
            return False
        if not self.enhanced and not self.says:
            return True
        coded = reply.enhanced[2:] in self.enhanced
        return coded or bool(self.says and re.search(self.says, reply.text, re.IGNORECASE))


_SENT = (Command.MAIL, Command.RCPT)
_FOR_NOW, _FOR_GOOD = range(400, 500), range(500, 600)

REFUSALS: Sequence[Refusal] = (
    # Greeting and EHLO; the words are those of Avast's mail shield and of McAfee's proxy.
    Refusal(
        fault=Fault.PROXY_ANSWERED,
        commands=(Command.GREETING, Command.EHLO),
        says=r"(cannot|can't|could not|unable to|failed to) connect to (the )?(smtp|mail|remote|destination|upstream) "
        r"?(server|host)|connect error \d|\b(mfe|smtp|mail|ssl|tls|transparent) ?proxy\b|proxy (error|failed)",
        source="https://github.com/nodemailer/nodemailer/issues/855",
        dated="2026-11-30",
    ),
    Refusal(fault=Fault.BUSY, commands=(Command.GREETING, Command.EHLO), codes=_FOR_NOW, source="RFC 5321, 4.2.1"),
    Refusal(fault=Fault.GREETING_REFUSED, commands=(Command.GREETING, Command.EHLO), source="RFC 5321, 3.1"),
    Refusal(fault=Fault.STARTTLS_REFUSED, commands=(Command.STARTTLS,), source="RFC 3207, 4"),
    # Asked for over an encrypted link
    Refusal(
        fault=Fault.ENCRYPTION_NOT_SEEN,
        commands=(Command.AUTH, *_SENT),
        codes=(530, 538, 554),
        says=r"starttls|must .*\b(tls|ssl)\b|encryption (is )?(required|needed)",
        given=encrypted,
        source="RFC 3207, 4",
    ),
    # AUTH
    Refusal(fault=Fault.ENCRYPTION_NEEDED, commands=(Command.AUTH,), codes=(530, 538), source="RFC 4954, 6"),
    Refusal(fault=Fault.ENCRYPTION_NEEDED, commands=(Command.AUTH,), enhanced=("7.11",), source="RFC 4954, 6"),
    Refusal(fault=Fault.SIGN_IN_NOT_OFFERED, commands=(Command.AUTH,), codes=(502, 503), source="RFC 4954, 4"),
    Refusal(fault=Fault.MECHANISM_NOT_OFFERED, commands=(Command.AUTH,), codes=(504,), source="RFC 4954, 6"),
    Refusal(fault=Fault.MECHANISM_NOT_OFFERED, commands=(Command.AUTH,), enhanced=("7.4",), source="RFC 5248, 2.4"),
    # 432 asks for a new password (RFC 5248); every other 4yz passes by itself.
    Refusal(fault=Fault.SIGN_IN_REFUSED, commands=(Command.AUTH,), codes=(432,), source="RFC 5248, 2.4"),
    Refusal(fault=Fault.SIGN_IN_UNAVAILABLE, commands=(Command.AUTH,), codes=_FOR_NOW, source="RFC 4954, 6"),
    Refusal(fault=Fault.SIGN_IN_REFUSED, commands=(Command.AUTH,), source="RFC 4954, 6"),
    # MAIL
    Refusal(
        fault=Fault.ENCRYPTION_NEEDED, commands=(Command.MAIL,), codes=(530,), says="starttls", source="RFC 3207, 4"
    ),
    Refusal(fault=Fault.SIGN_IN_NEEDED, commands=(Command.MAIL,), codes=(530,), source="RFC 4954, 6"),
    Refusal(
        fault=Fault.SIGN_IN_NEEDED,
        commands=(Command.MAIL,),
        codes=_FOR_GOOD,
        enhanced=("7.57", "5.1"),
        source="RFC 4954, 6",
    ),
    Refusal(
        fault=Fault.TEMPORARY_REFUSAL, commands=_SENT, codes=_FOR_NOW, outcome=Outcome.WARNED, source="RFC 5321, 4.2.1"
    ),
    Refusal(fault=Fault.SENDER_REFUSED, commands=(Command.MAIL,), source="RFC 6409, 6.1"),
    # RCPT: many servers judge the sender only here (Postfix: smtpd_delay_reject).
    Refusal(
        fault=Fault.RECIPIENT_REFUSED,
        commands=(Command.RCPT,),
        enhanced=("1.0", "1.1", "1.2", "1.3", "1.6", "1.7", "1.8"),
        outcome=Outcome.WARNED,
        source="RFC 3463, 3.2",
    ),
    Refusal(fault=Fault.SIGN_IN_NEEDED, commands=(Command.RCPT,), codes=(530,), source="RFC 4954, 6"),
    Refusal(
        fault=Fault.SIGN_IN_NEEDED,
        commands=(Command.RCPT,),
        codes=(550, 551, 553, 554),
        given=not_signed_in,
        source="RFC 6409, 4.3",
    ),
    Refusal(
        fault=Fault.SENDER_REFUSED,
        commands=(Command.RCPT,),
        source="https://www.postfix.org/postconf.5.html#smtpd_delay_reject",
    ),
    # DATA and the message
    Refusal(
        fault=Fault.TEMPORARY_REFUSAL,
        commands=(Command.DATA, Command.MESSAGE),
        codes=_FOR_NOW,
        source="RFC 5321, 4.2.1",
    ),
    Refusal(fault=Fault.MESSAGE_REFUSED, commands=(Command.DATA, Command.MESSAGE), source="RFC 5321, 4.2.1"),
)


def classify(reply: Reply, evidence: Evidence) -> tuple[Fault, Outcome]:
    """Return what a refusal means, and whether it fails the stage or warns only."""
    if reply.code < 400:
        return Fault.GARBLED, Outcome.FAILED
    row = next(row for row in REFUSALS if row.fits(reply, evidence))
    return row.fault, row.outcome
