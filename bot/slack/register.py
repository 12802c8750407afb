"""The one list of what listens."""

from slack_bolt.async_app import AsyncApp

from bot.profiles.connections import ConnectionTests
from bot.profiles.service import EmailProfiles
from bot.slack import connection, errors, extras, home, lifecycle, profile
from bot.slack.directory import SlackDirectory
from bot.slack.jobs import Jobs
from bot.slack.services import Services


def register(
    app: AsyncApp, *, profiles: EmailProfiles, connections: ConnectionTests, jobs: Jobs, directory: SlackDirectory
) -> None:
    """Register every listener on `app`."""
    services = Services(profiles=profiles, connections=connections, jobs=jobs, directory=directory)
    for room in (profile, extras, connection, home, lifecycle):
        room.register(app, services)
    errors.register(app)
