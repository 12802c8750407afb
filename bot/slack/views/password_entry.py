"""Where passwords are typed."""

from enum import StrEnum


class PasswordEntry(StrEnum):
    """Where passwords are typed: in the form alone, there or on a private page, or on that page alone."""

    IN_FORM = "form"
    EITHER = "either"
    PRIVATE = "private"
