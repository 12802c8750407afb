"""Refusals of DATA and of the message."""

from collections.abc import Sequence

from bot.smtp.check.evidence import Command
from bot.smtp.check.refusals.refusal import FOR_NOW, Refusal
from bot.smtp.check.report import Fault

MESSAGE_REFUSALS: Sequence[Refusal] = (
    Refusal(
        fault=Fault.TEMPORARY_REFUSAL, commands=(Command.DATA, Command.MESSAGE), codes=FOR_NOW, source="RFC 5321, 4.2.1"
    ),
    Refusal(fault=Fault.MESSAGE_REFUSED, commands=(Command.DATA, Command.MESSAGE), source="RFC 5321, 4.2.1"),
)
