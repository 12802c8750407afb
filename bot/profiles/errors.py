"""Errors that a person can fix; their text is safe to show and says what to do next."""

from collections.abc import Mapping

from storage.engines.transactions import DatabaseFault, DatabaseUnavailableError


class UserError(Exception):
    """An error that the person can fix. `str(error)` is a full sentence for them."""


class NotAllowedError(UserError):
    """The caller may not do this, or not to this person."""


class DirectoryError(UserError):
    """The workspace did not say who somebody is."""


class NoProfileError(UserError):
    """There is no email profile, or not enough of one to do this with."""


class UnreadableProfileError(UserError):
    """A stored profile does not open: it was moved, edited or sealed under a lost key."""


class UnreadablePolicyError(UserError):
    """What a workspace's admins allow cannot be relied on, so nothing is tested or saved there."""

    def __init__(self) -> None:
        super().__init__(
            "What this workspace allows cannot be read: its record in the bot's database was altered or removed. "
            "Nothing was tested or saved. Ask an admin of this workspace to set it right. Admins: open "
            "`/email-profile defaults`, check every field, and save."
        )


class InvalidFormError(UserError):
    """A form's values break rules. `errors` maps field name (see `profile.Field`) to its sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)


class InvalidExtraError(UserError):
    """An extra configuration's name or value is not known. `part` is "name" or "value"."""

    def __init__(self, message: str, *, part: str) -> None:
        super().__init__(message)
        self.part = part


class ExtraConflictError(UserError):
    """Two extra configurations cannot both be on. `wanted` was asked for, `present` is on now."""

    def __init__(self, message: str, *, wanted: str, present: str) -> None:
        super().__init__(message)
        self.wanted = wanted
        self.present = present


class EditConflictError(UserError):
    """Somebody saved between opening a form and saving it; `revision` is the one that is stored now."""

    def __init__(self, message: str, *, revision: int) -> None:
        super().__init__(message)
        self.revision = revision


_OUTAGES = {
    DatabaseFault.NOT_WRITABLE: (
        "The bot cannot store anything at the moment, so nothing was changed. Please tell whoever runs the bot that "
        "its database cannot be written."
    ),
    DatabaseFault.UNCERTAIN: (
        "The bot lost its database while it was storing this, so it is not certain whether it was stored. Please look "
        "with `/email-profile` before you try again."
    ),
}


_BROKEN_OFF = {
    **_OUTAGES,
    DatabaseFault.NOT_WRITABLE: (
        "The bot cannot store anything at the moment, so this broke off. Please tell whoever runs the bot that its "
        "database cannot be written, and look how things stand before you try again."
    ),
}


def broken_off_sentence(error: DatabaseUnavailableError) -> str:
    """Return a sentence that says that the database cannot be used, for work of which a part may be done."""
    waiting = (
        "The bot cannot reach its database at the moment, so this broke off. Please look how things stand before you "
        "try again."
    )
    return _BROKEN_OFF.get(error.fault, waiting)


def outage_sentence(error: DatabaseUnavailableError) -> str:
    """Return a sentence that says that the database cannot be used, and whether anything was changed."""
    waiting = "The bot cannot reach its database at the moment, so nothing was changed. Please try again in a minute."
    return _OUTAGES.get(error.fault, waiting)
