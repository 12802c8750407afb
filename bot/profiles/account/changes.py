"""What differs between two profiles: after a change, or between a form and what somebody else saved meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.profiles.account.profile import LABELS, EmailProfile, Field, ProfileForm
from bot.profiles.account.records import ProfileView

CONFLICT_FIELDS = (Field.ADDRESS, Field.LOGIN, Field.HOST, Field.PORT, Field.AUTHENTICATE)
"""The fields in which a person chooses between what they typed and what was saved meanwhile."""


@dataclass(frozen=True, kw_only=True)
class ProfileChange:
    """A stored change: the profile now, what changed by name and in words, and whether the password was dropped.

    `notes` are sentences about what was typed, for whoever typed it.
    """

    view: ProfileView
    fields: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()
    password_dropped: bool = False
    notes: tuple[str, ...] = ()


def profile_change(view: ProfileView, before: EmailProfile, after: EmailProfile) -> ProfileChange:
    """Compare a profile before and after a change."""
    return ProfileChange(
        view=view,
        fields=changed_fields(before, after),
        descriptions=describe_changes(before, after),
        password_dropped=before.password is not None and after.password is None,
    )


def changed_fields(before: EmailProfile, after: EmailProfile) -> tuple[str, ...]:
    """Return the names of what differs: labels of the form's fields, and names of extra configurations."""
    fields = [LABELS[name] for name in Field if getattr(before, name) != getattr(after, name)]
    return (*fields, *_changed_extras(before, after))


def describe_changes(before: EmailProfile, after: EmailProfile) -> tuple[str, ...]:
    """Return what differs in words, "Port 465 → 587"; of a password only that it changed."""
    descriptions = []
    for name in Field:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if name is Field.PASSWORD:
            descriptions.append("Password changed" if new else "Password removed")
        elif name is Field.AUTHENTICATE:
            descriptions.append(f"{LABELS[name]} turned {_on_or_off(new)}")
        else:
            descriptions.append(f"{LABELS[name]} {old or 'empty'} → {new or 'empty'}")
    for extra in _changed_extras(before, after):
        old, new = before.extras.get(extra, "not set"), after.extras.get(extra, "not set")
        descriptions.append(f"{extra} {old} → {new}")
    return tuple(descriptions)


def _changed_extras(before: EmailProfile, after: EmailProfile) -> list[str]:
    names = sorted({*before.extras, *after.extras})
    return [name for name in names if before.extras.get(name) != after.extras.get(name)]


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A field that somebody else saved meanwhile with another value than was typed.

    `touched` is whether the person changed it too; if not, they more likely want what was saved.
    """

    field: Field
    mine: str
    theirs: str
    touched: bool


def form_values(profile: EmailProfile) -> dict[str, str]:
    """Return a profile's values as a form shows them, without the password."""
    return {name.value: _as_text(getattr(profile, name)) for name in CONFLICT_FIELDS}


def find_conflicts(initial_values: Mapping[str, str], form: ProfileForm, stored: EmailProfile) -> tuple[Conflict, ...]:
    """Compare the values the form was opened with, what was typed, and what is stored now."""
    conflicts = []
    for name in CONFLICT_FIELDS:
        initial, mine, theirs = (
            initial_values.get(name, ""),
            _as_text(getattr(form, name)),
            _as_text(getattr(stored, name)),
        )
        if theirs not in (mine, initial):
            conflicts.append(Conflict(field=name, mine=mine, theirs=theirs, touched=mine != initial))
    return tuple(conflicts)


def _as_text(value: str | int | bool | None) -> str:
    return _on_or_off(value) if isinstance(value, bool) else str(value or "").strip()


def _on_or_off(value: bool) -> str:
    return "on" if value else "off"
