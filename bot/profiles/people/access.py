"""Who somebody is, and whose profile they may work with."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from bot.profiles.errors import DirectoryError, NotAllowedError


@dataclass(frozen=True)
class Person:
    """A person's identity: (enterprise or team id, user id), both opaque."""

    workspace: str
    user: str


@dataclass(frozen=True, kw_only=True)
class Member:
    """What the workspace's directory says of a person, read afresh for each decision.

    `picture` is the address of their picture, or empty.
    """

    person: Person
    name: str
    address: str
    picture: str = ""
    is_admin: bool
    is_address_confirmed: bool = True
    is_guest: bool = False
    is_bot: bool = False
    is_deactivated: bool = False
    is_stranger: bool = False

    @property
    def verified_address(self) -> str:
        """The address that the workspace has verified; empty where it tells none, or has not."""
        return self.address if self.is_address_confirmed else ""


class Directory(Protocol):
    """The workspace's own list of people."""

    async def member(self, person: Person) -> Member | None:
        """Return one person, or None when the workspace does not know them.

        Raises:
            DirectoryError: the workspace does not answer.
        """
        ...


class Access:
    """Decides who may work with whose profile, by what the workspace's directory says now."""

    def __init__(self, directory: Directory, admin_user_ids: Collection[str] = ()) -> None:
        """`admin_user_ids` names admins besides the workspace's own admins and owners."""
        self._directory = directory
        self._admin_user_ids = frozenset(admin_user_ids)

    @property
    def named_admins(self) -> Collection[str]:
        """User ids of admins besides the workspace's own."""
        return self._admin_user_ids

    async def member(self, person: Person) -> Member | None:
        """Return a person from the directory; raises DirectoryError when it does not answer."""
        return await self._directory.member(person)

    async def require_owner_or_admin(self, caller: Person, owner: Person) -> None:
        """Allow members their own profile, and admins those of people of their own workspace.

        Raises:
            NotAllowedError: with the reason, in the second person.
            DirectoryError: the workspace did not say who that is, and it matters.
        """
        if caller.workspace != owner.workspace:
            raise NotAllowedError("You can only work with profiles of your own workspace.")
        if caller == owner:
            await self.require_member(caller)
            return
        await self.require_admin(caller)
        reason = reason_ineligible(await self._directory.member(owner))
        if reason:
            raise NotAllowedError(reason)

    async def require_admin(self, caller: Person) -> None:
        """Allow admins and owners of the workspace, and those in `admin_user_ids`.

        Raises:
            NotAllowedError: the caller is none of them.
            DirectoryError: the workspace did not say.
        """
        member = await self._directory.member(caller)
        if member is None or reason_ineligible(member) or not (member.is_admin or caller.user in self._admin_user_ids):
            raise NotAllowedError(
                "Only admins can work with somebody else's email profile. Ask an admin or owner of this workspace."
            )

    async def require_member(self, caller: Person) -> None:
        """Allow whoever may have an email profile; while the directory is silent, Slack's signature is enough.

        Raises:
            NotAllowedError: guests, apps and people of other organisations have none.
        """
        try:
            member = await self._directory.member(caller)
        except DirectoryError:
            # Slack signed for who the caller is. Only a guest could pass here, to a profile of their own.
            return
        if reason_ineligible(member):
            raise NotAllowedError(
                "Email profiles are for members of this workspace; guests, apps and people of other organisations "
                "have none. Ask an admin of this workspace."
            )


def reason_ineligible(member: Member | None) -> str:
    """Return why somebody can have no email profile here; empty when they can."""
    if member is None:
        return "Nobody in this workspace has that name. Choose a person from the list after @."
    reasons = (
        (member.is_bot, "That is an app, and apps have no email profile. Choose a person."),
        (member.is_deactivated, "That person is deactivated, so their email profile cannot be changed."),
        (member.is_stranger, "That person belongs to another organisation. Choose somebody of this workspace."),
        (member.is_guest, "That person is a guest, and guests have no email profile. Choose a member."),
    )
    return next((sentence for applies, sentence in reasons if applies), "")
