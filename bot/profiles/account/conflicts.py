"""Two forms open on one profile: what the second one has to decide."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.profiles.account.profile import EmailProfile, Field, ProfileForm

CONFLICT_FIELDS = (Field.ADDRESS, Field.LOGIN, Field.HOST, Field.PORT, Field.AUTHENTICATE)


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A field that somebody else saved meanwhile and that differs from what was typed.

    `touched` tells whether the person changed it too; else theirs is the likelier wish.
    """

    field: Field
    mine: str
    theirs: str
    touched: bool


def form_values(profile: EmailProfile) -> dict[str, str]:
    """Give a profile's values the way a form shows them, without the password."""
    return {name.value: _stored(profile, name) for name in CONFLICT_FIELDS}


def find_conflicts(began: Mapping[str, str], form: ProfileForm, stored: EmailProfile) -> tuple[Conflict, ...]:
    """Compare what the form began with, what was typed, and what is stored now."""
    found = []
    for name in CONFLICT_FIELDS:
        first, mine, theirs = began.get(name, ""), _typed(form, name), _stored(stored, name)
        if theirs not in (mine, first):
            found.append(Conflict(field=name, mine=mine, theirs=theirs, touched=mine != first))
    return tuple(found)


def _typed(form: ProfileForm, name: Field) -> str:
    value = getattr(form, name)
    return _switch(value) if isinstance(value, bool) else str(value).strip()


def _stored(profile: EmailProfile, name: Field) -> str:
    value = getattr(profile, name)
    return _switch(value) if isinstance(value, bool) else str(value or "")


def _switch(on: bool) -> str:
    return "on" if on else "off"
