"""The form of a program: what may stand in it, whoever sends it."""

from datetime import date

import pytest

from bot.profiles.errors import InvalidFormError
from bot.profiles.tokens.program import MaySendTo
from bot.profiles.tokens.program_form import LONGEST_NAME, ProgramForm, checked, last_day

TODAY = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"name": ""}, "name", "Name of the program: type a name"),
        ({"name": " \n "}, "name", "Name of the program: type a name"),
        ({"name": "x" * (LONGEST_NAME + 1)}, "name", "Name of the program: use at most 60 characters"),
        ({"name": "a\x00b"}, "name", "Name of the program: use letters, digits and signs alone"),
        ({"name": "a\u202eb"}, "name", "Name of the program: use letters, digits and signs alone"),
        ({"name": "ERP"}, "name", "Name of the program: you have a program with the name ERP already"),
        ({"may_send_to": "everybody"}, "may_send_to", "May send to: choose Anyone or My own domain."),
        ({"messages_a_day": ""}, "messages_a_day", "Messages a day: use a number from 1 to 10,000, for example 500."),
        ({"messages_a_day": "5.5"}, "messages_a_day", "Messages a day: use a number"),
        ({"messages_a_day": "٥"}, "messages_a_day", "Messages a day: use a number"),
        ({"messages_a_day": "9" * 5000}, "messages_a_day", "Messages a day: use a number"),
        ({"ends_on": "tomorrow"}, "ends_on", "Ends on: use a date as year-month-day, for example 2026-12-31"),
        ({"ends_on": "2027-02-30"}, "ends_on", "Ends on: use a date as year-month-day"),
        ({"ends_on": "2026-11-29"}, "ends_on", "Ends on: this day is over."),
    ],
)
def test_each_field_says_what_is_allowed_with_an_example(given: dict[str, str], field: str, said: str) -> None:
    with pytest.raises(InvalidFormError) as error:
        checked(ProgramForm(**{"name": "Printer", **given}), names=["erp"], today=TODAY)
    assert list(error.value.errors) == [field]
    assert error.value.errors[field].startswith(said)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidFormError) as error:
        checked(ProgramForm(messages_a_day="many", ends_on="soon"), names=(), today=TODAY)
    assert list(error.value.errors) == ["name", "messages_a_day", "ends_on"]


def test_a_form_makes_a_program_that_sends_through_its_last_day() -> None:
    form = ProgramForm(name="  Label\t printer ", may_send_to="own domain", messages_a_day=" 20 ", ends_on="2026-11-30")
    made = checked(form, names=["ERP"], today=TODAY)
    assert (made.name, made.may_send_to, made.messages_a_day) == ("Label printer", MaySendTo.OWN_DOMAIN, 20)
    # 2026-12-01, 00:00 UTC.
    assert made.ends_at == 1_796_083_200
    assert last_day(made.ends_at) == date(2026, 11, 30)
    assert checked(ProgramForm(name="x"), names=(), today=TODAY).ends_at is None
    assert last_day(None) is None
