"""What a change did, in words, for the one who made it and for the one it was made to."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.profiles.account.fixes import describe_changes
from bot.profiles.account.profile import LABELS, EmailProfile, Field
from bot.profiles.account.records import ProfileView
from bot.profiles.people.access import Person

OnChange = Callable[[Person], None]
"""Called after a change (or a test) of a person's profile is stored."""


@dataclass(frozen=True, kw_only=True)
class ProfileChange:
    """A change: the profile now, what changed by name and in words, and whether a stored password was dropped."""

    view: ProfileView
    fields: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()
    password_dropped: bool = False


def profile_change(view: ProfileView, before: EmailProfile, after: EmailProfile) -> ProfileChange:
    """Say what differs between two profiles."""
    return ProfileChange(
        view=view,
        fields=changed_fields(before, after),
        descriptions=describe_changes(before, after),
        password_dropped=before.password is not None and after.password is None,
    )


def changed_fields(before: EmailProfile, after: EmailProfile) -> tuple[str, ...]:
    """Name what differs: the labels of the form's fields, and the extra configurations."""
    fields = [LABELS[name] for name in Field if getattr(before, name) != getattr(after, name)]
    extras = sorted({*before.extras, *after.extras})
    return (*fields, *(name for name in extras if before.extras.get(name) != after.extras.get(name)))


class ChangeEvents:
    """Passes on that a profile changed, to whoever listens."""

    def __init__(self) -> None:
        """Begin with nobody who listens."""
        self._listeners: list[OnChange] = []

    def subscribe(self, listener: OnChange) -> None:
        """Tell `listener` from now on."""
        self._listeners.append(listener)

    def publish(self, owner: Person) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            listener(owner)
