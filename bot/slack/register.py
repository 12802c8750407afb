"""The one list of what listens."""

from slack_bolt.async_app import AsyncApp

from bot.profiles.service import EmailProfiles
from bot.slack import connection, errors, extras, home, lifecycle, profile
from bot.slack.directory import SlackDirectory
from bot.slack.jobs import Jobs
from bot.slack.services import Services


def register(app: AsyncApp, *, profiles: EmailProfiles, jobs: Jobs, directory: SlackDirectory) -> None:
    """Register every listener on `app`."""
    services = Services(profiles=profiles, jobs=jobs, directory=directory)
    for room in (profile, extras, connection, home, lifecycle):
        room.register(app, services)
    errors.register(app)
