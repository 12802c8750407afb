"""What is left when the words tell nothing: rows about the command and the code alone."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import AT_MESSAGE, ENVELOPE, FOR_NOW, OPENING, Refusal, any_of, could_sign_in
from bot.smtp.check.report import Fault, Outcome

_DENIED = any_of(
    "access (is )?denied",
    "not (allowed|permitted|authori[sz]ed)",
    "forbidden",
    "prohibited",
    "unauthori[sz]ed",
    "go away",
    "administrative prohibition",
    "client host rejected",
)
_SENDER = r"sender\b[^;]{0,30}(denied|rejected|refused|not accepted|blocked)"

GENERAL_REFUSALS: Sequence[Refusal] = (
    # Nothing of these passes by itself, whatever the code.
    Refusal(
        fault=Fault.STRANGER_REFUSED,
        commands=ENVELOPE,
        says=any_of(_DENIED, _SENDER),
        given=could_sign_in,
        source="https://www.postfix.org/postconf.5.html#smtpd_client_restrictions",
    ),
    Refusal(
        fault=Fault.SENDER_REFUSED,
        commands=ENVELOPE,
        says=_SENDER,
        source="https://www.postfix.org/postconf.5.html#smtpd_sender_restrictions",
    ),
    Refusal(fault=Fault.POLICY_REFUSED, commands=(*ENVELOPE, *AT_MESSAGE), says=_DENIED, source="RFC 3463, 3.8"),
    Refusal(fault=Fault.BUSY, commands=OPENING, codes=FOR_NOW, source="RFC 5321, 4.2.1"),
    Refusal(fault=Fault.GREETING_REFUSED, commands=OPENING, source="RFC 5321, 3.1"),
    Refusal(fault=Fault.STARTTLS_REFUSED, commands=(Command.STARTTLS,), source="RFC 3207, 4"),
    Refusal(
        fault=Fault.TEMPORARY_REFUSAL,
        commands=ENVELOPE,
        codes=FOR_NOW,
        outcome=Outcome.WARNED,
        source="RFC 5321, 4.2.1",
    ),
    Refusal(fault=Fault.TEMPORARY_REFUSAL, commands=AT_MESSAGE, codes=FOR_NOW, source="RFC 5321, 4.2.1"),
    # 500 to 504 are about commands and their order.
    Refusal(
        fault=Fault.STRANGER_REFUSED,
        commands=ENVELOPE,
        codes=range(505, 600),
        given=could_sign_in,
        source="RFC 6409, 4.3",
    ),
    Refusal(fault=Fault.SENDER_REFUSED, commands=(Command.MAIL,), source="RFC 6409, 6.1"),
    # Many servers judge the sender only here.
    Refusal(
        fault=Fault.ENVELOPE_REFUSED,
        commands=(Command.RCPT,),
        source="https://www.postfix.org/postconf.5.html#smtpd_delay_reject",
    ),
    Refusal(fault=Fault.DATA_REFUSED, commands=(Command.DATA,), source="RFC 5321, 4.1.1.4"),
    Refusal(fault=Fault.MESSAGE_REFUSED, commands=(Command.MESSAGE,), source="RFC 5321, 4.2.1"),
)
