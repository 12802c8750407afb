"""The people of the stand-in workspace."""

from dataclasses import dataclass
from typing import Any

TEAM = "T0DEMO"
TEAM_NAME = "Analytical Engines"
BOT_USER = "U0BOT"
CHANNEL = "C0GENERAL"


@dataclass(frozen=True, kw_only=True)
class DemoPerson:
    """One person; `role` is what the page shows, `picture` the path of their picture in the workspace, or empty."""

    id: str
    handle: str
    name: str
    address: str
    role: str = "member"
    is_admin: bool = False
    is_owner: bool = False
    is_bot: bool = False
    is_guest: bool = False
    is_deactivated: bool = False
    is_stranger: bool = False
    has_confirmed_address: bool = True
    picture: str = ""

    @property
    def team(self) -> str:
        """The workspace that the person belongs to."""
        return "T0ELSEWHERE" if self.is_stranger else TEAM

    def slack_user(self) -> dict[str, Any]:
        """Describe the person as users.info does."""
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.handle,
            "real_name": self.name,
            "deleted": self.is_deactivated,
            "is_admin": self.is_admin,
            "is_owner": self.is_owner,
            "is_primary_owner": False,
            "is_restricted": self.is_guest,
            "is_ultra_restricted": False,
            "is_bot": self.is_bot,
            "is_stranger": self.is_stranger,
            "is_email_confirmed": self.has_confirmed_address,
            "tz": "Etc/UTC",
            "profile": {"real_name": self.name, "email": self.address},
        }


PEOPLE = (
    DemoPerson(id="U0ADA", handle="ada", name="Ada Lovelace", address="ada@demo.example"),
    DemoPerson(
        id="U0GRACE", handle="grace", name="Grace Hopper", address="grace@demo.example", role="admin", is_admin=True
    ),
    DemoPerson(id=BOT_USER, handle="email-profile", name="Email profiles", address="", role="app", is_bot=True),
    DemoPerson(id="U0GUEST", handle="guest", name="A guest", address="guest@demo.example", role="guest", is_guest=True),
    DemoPerson(
        id="U0GONE", handle="charles", name="Charles Babbage", address="charles@demo.example", is_deactivated=True
    ),
    DemoPerson(id="U0OTHER", handle="mary", name="Mary Somerville", address="mary@other.example", is_stranger=True),
)
ON_THE_PAGE = ("U0ADA", "U0GRACE")
