"""The form by which a program is added: what may stand in it, and what it makes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from bot.profiles.errors import InvalidFormError
from bot.profiles.tokens.program import MESSAGES_A_DAY, MaySendTo

LONGEST_NAME = 60
"""Characters of a program's name."""
MOST_MESSAGES_A_DAY = 10_000
"""No provider lets one mailbox send more: https://support.google.com/a/answer/166852 says 2,000, and
https://learn.microsoft.com/en-us/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits
10,000 recipients a day."""


class ProgramField(StrEnum):
    """The fields of the form, by the names used in code and errors."""

    NAME = "name"
    MAY_SEND_TO = "may_send_to"
    MESSAGES_A_DAY = "messages_a_day"
    ENDS_ON = "ends_on"


LABELS: Mapping[ProgramField, str] = {
    ProgramField.NAME: "Name of the program",
    ProgramField.MAY_SEND_TO: "May send to",
    ProgramField.MESSAGES_A_DAY: "Messages a day",
    ProgramField.ENDS_ON: "Ends on",
}

MAY_SEND_TO_CHOICES: Mapping[MaySendTo, str] = {MaySendTo.ANYONE: "Anyone", MaySendTo.OWN_DOMAIN: "My own domain"}


@dataclass(frozen=True, kw_only=True)
class ProgramForm:
    """The form as typed: nothing trimmed, nothing checked. An empty date means that the program never ends."""

    name: str = ""
    may_send_to: str = MaySendTo.ANYONE
    messages_a_day: str = str(MESSAGES_A_DAY)
    ends_on: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckedForm:
    """What a form makes."""

    name: str
    may_send_to: MaySendTo
    messages_a_day: int
    ends_on: date | None

    @property
    def ends_at(self) -> float | None:
        """The end of the last day, UTC, in seconds since 1970; None: never."""
        return None if self.ends_on is None else _midnight_after(self.ends_on)


def last_day(ends_at: float | None) -> date | None:
    """Return the day whose end `CheckedForm.ends_at` is."""
    return None if ends_at is None else datetime.fromtimestamp(ends_at, UTC).date() - timedelta(days=1)


def checked(form: ProgramForm, *, names: Collection[str], today: date) -> CheckedForm:
    """Return what a form makes beside programs with these `names`; `today` is the day now, UTC.

    Raises:
        InvalidFormError: by `ProgramField`, a sentence for each field that breaks a rule.
    """
    name = " ".join(form.name.split())
    found = {
        ProgramField.NAME: _wrong_name(name, names),
        ProgramField.MAY_SEND_TO: _wrong_choice(form.may_send_to),
        ProgramField.MESSAGES_A_DAY: _wrong_number(form.messages_a_day.strip()),
        ProgramField.ENDS_ON: _wrong_date(form.ends_on.strip(), today),
    }
    errors: dict[str, str] = {field: sentence for field, sentence in found.items() if sentence}
    if errors:
        raise InvalidFormError(errors)
    ends_on = form.ends_on.strip()
    return CheckedForm(
        name=name,
        may_send_to=MaySendTo(form.may_send_to),
        messages_a_day=int(form.messages_a_day),
        ends_on=date.fromisoformat(ends_on) if ends_on else None,
    )


def _wrong_name(name: str, names: Collection[str]) -> str:
    if not name:
        return "Name of the program: type a name that you will know it by, for example Label printer."
    if len(name) > LONGEST_NAME:
        return f"Name of the program: use at most {LONGEST_NAME} characters, for example Label printer."
    if not name.isprintable():
        return "Name of the program: use letters, digits and signs alone, for example Label printer."
    if name.casefold() in {other.casefold() for other in names}:
        # Also where the first answer to this very form was lost: then that program's token was shown to nobody.
        taken = f"Name of the program: you have a program with the name {name} already."
        return f"{taken} Type another name, or remove that program first."
    return ""


def _wrong_choice(text: str) -> str:
    choices = " or ".join(MAY_SEND_TO_CHOICES.values())
    return "" if text in list(MaySendTo) else f"May send to: choose {choices}."


def _wrong_number(text: str) -> str:
    if text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= MOST_MESSAGES_A_DAY:
        return ""
    return f"Messages a day: use a number from 1 to {MOST_MESSAGES_A_DAY:,}, for example {MESSAGES_A_DAY}."


def _wrong_date(text: str, today: date) -> str:
    example = f"for example {today.replace(month=12, day=31)}, or leave it empty for a program that never ends."
    if not text:
        return ""
    try:
        ends_on = date.fromisoformat(text)
    except ValueError:
        return f"Ends on: use a date as year-month-day, {example}"
    if ends_on < today:
        return f"Ends on: this day is over. Use today or a later day, {example}"
    return ""


def _midnight_after(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + 86_400
