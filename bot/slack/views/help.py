"""The help of each command, printed from the table of subcommands."""

from bot.slack.command_text import SUBCOMMANDS, spelled
from bot.slack.ids import EMAIL_EXTRA
from bot.slack.views.extras import catalogue_help
from bot.slack.views.message import Message, escape, section


def help_message(command: str, *, sentence: str = "") -> Message:
    """List a command's subcommands; `sentence` says first what was not understood."""
    lines = [f"`{spelled(command, entry)}`  {escape(entry.meaning)}" for entry in SUBCOMMANDS[command]]
    blocks = [section(escape(sentence))] if sentence else []
    blocks.append(section("\n".join(lines)))
    if command == EMAIL_EXTRA:
        blocks.append(section(f"*What can be set*\n{catalogue_help()}"))
    blocks.append(section("Admins add `@user` to work with somebody else's profile."))
    first = sentence or f"Help for {command}."
    forms = ", ".join(spelled(command, entry) for entry in SUBCOMMANDS[command])
    return Message(text=f"{first} You can use: {forms}.", blocks=blocks)
