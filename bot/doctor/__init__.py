"""`check`: examines what serving needs; one finding a line, with what to do about it."""

from bot.doctor.examination import examine
from bot.doctor.finding import Finding

__all__ = ["Finding", "examine"]
