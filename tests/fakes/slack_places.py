"""Workspaces, organisations, the people in them, and where an app is installed: as Slack knows them."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class User:
    """Somebody in a workspace; `organisation_admin` counts where the bot is installed org-wide."""

    id: str
    name: str = ""
    address: str = ""
    is_admin: bool = False
    organisation_admin: bool = False
    is_deactivated: bool = False


@dataclass
class Team:
    """One workspace, `organisation` being the Enterprise Grid that it belongs to."""

    id: str
    name: str = ""
    organisation: str | None = None
    users: dict[str, User] = field(default_factory=dict)

    def add(self, *users: User) -> "Team":
        """Let people join."""
        self.users.update({user.id: user for user in users})
        return self


@dataclass(frozen=True)
class Place:
    """Where the app is installed: in a team, or in a whole organisation, from whose `team` requests come."""

    team: Team
    whole: bool = False

    @property
    def key(self) -> str:
        """What the bot should take for the workspace's key."""
        return str(self.team.organisation) if self.whole else self.team.id


@dataclass
class Grant:
    """A token: for which place, and when it ends (seconds since 1970, None: never)."""

    place: Place
    ends_at: float | None = None
    works: bool = True


@dataclass(frozen=True)
class Call:
    """A request of the bot's: the method, the place of its token, and what it carried."""

    method: str
    place: Place | None
    arguments: dict[str, Any]

    @property
    def key(self) -> str:
        """The key of the place, empty without one."""
        return self.place.key if self.place else ""


def as_slack(team: Team, user: User) -> dict[str, Any]:
    """Describe a person as users.info does."""
    organisation = {
        "enterprise_user": {
            "id": user.id,
            "enterprise_id": team.organisation,
            "is_admin": user.organisation_admin,
            "is_owner": False,
            "teams": [team.id],
        }
    }
    return {
        "id": user.id,
        "team_id": team.id,
        "name": user.name,
        "real_name": user.name,
        "deleted": user.is_deactivated,
        "is_admin": user.is_admin,
        "is_owner": False,
        "is_bot": False,
        "profile": {"real_name": user.name, "email": user.address},
        **(organisation if team.organisation else {}),
    }
