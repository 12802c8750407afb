"""The one list of what listens."""

from slack_bolt.async_app import AsyncApp

from bot.slack import bulk, connection, defaults, errors, extras, form_test, history, home, listing, private, profile
from bot.slack.commands import Commands
from bot.slack.home import HomeTabs
from bot.slack.roster import Roster
from bot.slack.services import Services


def register(app: AsyncApp, commands: Commands, services: Services, *, tabs: HomeTabs, roster: Roster) -> None:
    """Register every listener, those of slash commands in `commands` and all others on `app`."""
    for room in (profile, extras, connection, listing, defaults, history):
        room.register(app, commands, services)
    for other in (form_test, private, bulk):
        other.register(app, services)
    home.register(app, tabs)
    roster.register(app)
    errors.register(app)
