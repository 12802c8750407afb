"""What differs between two profiles: after a change, or between a form and what somebody else saved meanwhile."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bot.profiles.account.extras import ENCRYPTING
from bot.profiles.account.profile import (
    ENCRYPTION_CHOICES,
    LABELS,
    EmailProfile,
    Field,
    ProfileForm,
    effective_encryption,
    server_name,
)
from bot.profiles.account.records import ProfileView
from bot.smtp.account import Account

CONFLICT_FIELDS = (Field.ADDRESS, Field.LOGIN, Field.HOST, Field.PORT, Field.ENCRYPTION, Field.AUTHENTICATE)
"""The fields in which a person chooses between what they typed and what was saved meanwhile."""

_STORED_FIELDS = tuple(name for name in Field if name is not Field.ENCRYPTION)
_DIGEST_BYTES = 6


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
    fields = [LABELS[name] for name in _STORED_FIELDS if getattr(before, name) != getattr(after, name)]
    return (*fields, *_changed_extras(before, after))


def describe_changes(before: EmailProfile, after: EmailProfile) -> tuple[str, ...]:
    """Return what differs in words, "Port 465 → 587"; of a password only that it changed."""
    descriptions = []
    for name in _STORED_FIELDS:
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


def named_account(account: Account) -> tuple[str, ...]:
    """Return, for the history, on which server and with which login something was done; nothing without a server."""
    if not account.host:
        return ()
    who = f"as {account.login}" if account.authenticate else "without sign-in"
    return (f"on {account.host}:{account.port} {who}",)


def _changed_extras(before: EmailProfile, after: EmailProfile) -> list[str]:
    names = sorted({*before.extras, *after.extras})
    return [name for name in names if before.extras.get(name) != after.extras.get(name)]


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A field or extra configuration that somebody else saved meanwhile with another value than the form has.

    `touched` is whether the person changed it too; if not, they more likely want what was saved.
    """

    field: str
    mine: str
    theirs: str
    touched: bool

    @property
    def label(self) -> str:
        """What people call it."""
        return LABELS[Field(self.field)] if self.field in CONFLICT_FIELDS else self.field


def form_digests(profile: EmailProfile) -> dict[str, str]:
    """Return digests of what a form over this profile begins with, by field and by extra configuration.

    They tell whether two values are equal, and are short; none is of a secret.
    """
    extras = {name: value for name, value in profile.extras.items() if name not in ENCRYPTING}
    return {name: digest(value) for name, value in (_values(profile) | extras).items()}


def find_conflicts(initial: Mapping[str, str], form: ProfileForm, stored: EmailProfile) -> tuple[Conflict, ...]:
    """Compare what a form began with (its `form_digests`), what it has now, and what is stored now.

    In `form` empty values stand for themselves no more: it is as `completed` returned it.
    """
    theirs_of = _values(stored)
    asked = (name for name in CONFLICT_FIELDS if name is not Field.ENCRYPTION or form.encryption is not None)
    pairs = [(name.value, _mine(form, name), theirs_of[name]) for name in asked]
    pairs += [
        (name, value or "", stored.extras.get(name, ""))
        for name, value in form.extras.items()
        if name not in ENCRYPTING
    ]
    conflicts = []
    for name, mine, theirs in pairs:
        began = initial.get(name, digest(""))
        if theirs != mine and digest(theirs) != began:
            conflicts.append(Conflict(field=name, mine=mine, theirs=theirs, touched=digest(mine) != began))
    return tuple(conflicts)


def _values(profile: EmailProfile) -> dict[str, str]:
    values = {name.value: _as_text(getattr(profile, name)) for name in CONFLICT_FIELDS if name is not Field.ENCRYPTION}
    return values | {Field.ENCRYPTION.value: ENCRYPTION_CHOICES[effective_encryption(profile.extras)]}


def _mine(form: ProfileForm, name: Field) -> str:
    if name is Field.ENCRYPTION:
        return ENCRYPTION_CHOICES[form.encryption] if form.encryption else ""
    if name is Field.HOST:
        return server_name(form.host)
    return _as_text(getattr(form, name))


def digest(text: str) -> str:
    """Return eight characters; equality is all that they are for."""
    hashed = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(hashed[:_DIGEST_BYTES]).decode()


def _as_text(value: str | int | bool | None) -> str:
    return _on_or_off(value) if isinstance(value, bool) else str(value or "").strip()


def _on_or_off(value: bool) -> str:
    return "on" if value else "off"
