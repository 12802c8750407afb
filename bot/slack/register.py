"""The one list of what listens."""

from slack_bolt.async_app import AsyncApp

from bot.slack import bulk, connection, defaults, errors, extras, form_test, history, home, listing, private, profile
from bot.slack.home import HomeTabs
from bot.slack.roster import Roster
from bot.slack.services import Services


def register(app: AsyncApp, services: Services, *, tabs: HomeTabs, roster: Roster) -> None:
    """Register every listener on `app`; subcommands with a room of their own come before the command's."""
    for room in (listing, defaults, history, profile, extras, connection, form_test, private, bulk):
        room.register(app, services)
    home.register(app, tabs)
    roster.register(app)
    errors.register(app)
