"""Refusals of AUTH. Codes are those of RFC 4954."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import FOR_NOW, Refusal
from bot.smtp.check.report import Fault

SIGN_IN_REFUSALS: Sequence[Refusal] = (
    Refusal(fault=Fault.ENCRYPTION_NEEDED, commands=(Command.AUTH,), codes=(530, 538), source="RFC 4954, 6"),
    Refusal(fault=Fault.ENCRYPTION_NEEDED, commands=(Command.AUTH,), enhanced=("7.11",), source="RFC 4954, 6"),
    Refusal(fault=Fault.SIGN_IN_NOT_OFFERED, commands=(Command.AUTH,), codes=(502, 503), source="RFC 4954, 4"),
    Refusal(fault=Fault.MECHANISM_NOT_OFFERED, commands=(Command.AUTH,), codes=(504,), source="RFC 4954, 6"),
    Refusal(fault=Fault.MECHANISM_NOT_OFFERED, commands=(Command.AUTH,), enhanced=("7.4",), source="RFC 5248, 2.4"),
    # 432 asks for a new password (RFC 5248); every other 4yz passes by itself.
    Refusal(fault=Fault.SIGN_IN_REFUSED, commands=(Command.AUTH,), codes=(432,), source="RFC 5248, 2.4"),
    Refusal(fault=Fault.SIGN_IN_UNAVAILABLE, commands=(Command.AUTH,), codes=FOR_NOW, source="RFC 4954, 6"),
    Refusal(fault=Fault.SIGN_IN_REFUSED, commands=(Command.AUTH,), source="RFC 4954, 6"),
)
