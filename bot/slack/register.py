"""The one list of what listens."""

from slack_bolt.async_app import AsyncApp

from bot.slack.background import home_tabs as home
from bot.slack.background.home_tabs import HomeTabs
from bot.slack.background.user_sync import UserSync
from bot.slack.commands import Commands
from bot.slack.listeners import bulk_tests as bulk
from bot.slack.listeners import connection_tests as connection
from bot.slack.listeners import defaults, extras, history, profile
from bot.slack.listeners import form_tests as form_test
from bot.slack.listeners import people_list as listing
from bot.slack.listeners import private_password as private
from bot.slack.listeners.services import Services
from bot.slack.middleware import error_handler as errors


def register(app: AsyncApp, commands: Commands, services: Services, *, tabs: HomeTabs, roster: UserSync) -> None:
    """Register every listener, those of slash commands in `commands` and all others on `app`."""
    for room in (profile, extras, connection, listing, defaults, history):
        room.register(app, commands, services)
    for other in (form_test, private, bulk):
        other.register(app, services)
    home.register(app, tabs)
    roster.register(app)
    errors.register(app)
