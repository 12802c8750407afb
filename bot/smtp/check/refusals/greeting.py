"""Refusals before anybody signs in: greeting, EHLO, STARTTLS."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import FOR_NOW, Refusal
from bot.smtp.check.report import Fault

GREETING_REFUSALS: Sequence[Refusal] = (
    Refusal(fault=Fault.BUSY, commands=(Command.GREETING, Command.EHLO), codes=FOR_NOW, source="RFC 5321, 4.2.1"),
    Refusal(fault=Fault.GREETING_REFUSED, commands=(Command.GREETING, Command.EHLO), source="RFC 5321, 3.1"),
    Refusal(fault=Fault.STARTTLS_REFUSED, commands=(Command.STARTTLS,), source="RFC 3207, 4"),
)
