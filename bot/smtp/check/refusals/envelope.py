"""Refusals of MAIL and RCPT."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import FOR_GOOD, FOR_NOW, Refusal, not_signed_in
from bot.smtp.check.report import Fault, Outcome

ENVELOPE_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.ENCRYPTION_NEEDED, commands=(Command.MAIL,), codes=(530,), says="starttls", source="RFC 3207, 4"
    ),
    Refusal(fault=Fault.SIGN_IN_NEEDED, commands=(Command.MAIL,), codes=(530,), source="RFC 4954, 6"),
    Refusal(
        fault=Fault.SIGN_IN_NEEDED,
        commands=(Command.MAIL,),
        codes=FOR_GOOD,
        enhanced=("7.57", "5.1"),
        source="RFC 4954, 6",
    ),
    Refusal(
        fault=Fault.TEMPORARY_REFUSAL,
        commands=(Command.MAIL, Command.RCPT),
        codes=FOR_NOW,
        outcome=Outcome.WARNED,
        source="RFC 5321, 4.2.1",
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
)
