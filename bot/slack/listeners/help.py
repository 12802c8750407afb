"""`help` of every command."""

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack.command_text import subcommand
from bot.slack.ids import COMMANDS
from bot.slack.views.help import help_message


class HelpListeners:
    """The subcommand `help` of each command."""

    def register_commands(self, app: AsyncApp) -> None:
        """Register the subcommand of each command."""
        for name in COMMANDS:
            app.command(name, matchers=[subcommand("help")])(self.show)

    async def show(self, ack: AsyncAck, command: dict[str, str]) -> None:
        """Answer with the command's subcommands."""
        await ack(help_message(command["command"]).payload())
