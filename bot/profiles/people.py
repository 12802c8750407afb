"""Who somebody is, and who may touch whose profile."""

from dataclasses import dataclass
from typing import Protocol


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
