"""Who somebody is, and who may touch whose profile."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from bot.profiles.errors import NotAllowedError


@dataclass(frozen=True)
class Person:
    """A person's identity: (enterprise or team id, user id), both opaque."""

    workspace: str
    user: str


@dataclass(frozen=True, kw_only=True)
class Member:
    """What the workspace says of a person, read afresh for each decision."""

    person: Person
    name: str
    address: str
    is_admin: bool
    is_guest: bool = False
    is_bot: bool = False
    is_deactivated: bool = False
    is_stranger: bool = False


class Directory(Protocol):
    """The workspace's own list of people."""

    async def member(self, person: Person) -> Member | None:
        """Look one person up; None when the workspace does not know them."""
        ...


async def authorise(caller: Person, owner: Person, directory: Directory, admin_user_ids: Collection[str]) -> None:
    """Let the owner through, and admins to people of their own workspace.

    Raises:
        NotAllowedError: with the reason, in the second person.
    """
    if caller == owner:
        return
    if caller.workspace != owner.workspace:
        raise NotAllowedError("You can only work with profiles of your own workspace.")
    await _require_admin(caller, directory, admin_user_ids)
    await _require_colleague(owner, directory)


async def _require_admin(caller: Person, directory: Directory, admin_user_ids: Collection[str]) -> None:
    member = await directory.member(caller)
    usable = member is not None and not (member.is_deactivated or member.is_guest or member.is_stranger)
    if not (usable and member is not None and (member.is_admin or caller.user in admin_user_ids)):
        raise NotAllowedError(
            "Only admins can work with somebody else's email profile. Ask an admin or owner of this workspace."
        )


async def _require_colleague(owner: Person, directory: Directory) -> None:
    member = await directory.member(owner)
    if member is None:
        raise NotAllowedError("Nobody in this workspace has that name. Choose a person from the list after @.")
    if member.is_bot:
        raise NotAllowedError("That is an app, and apps have no email profile. Choose a person.")
    if member.is_deactivated:
        raise NotAllowedError("That person is deactivated, so their email profile cannot be changed.")
    if member.is_stranger:
        raise NotAllowedError("That person belongs to another organisation. Choose somebody of this workspace.")
