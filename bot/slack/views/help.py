"""The help of each command, made from the table of subcommands."""

from bot.profiles.account.extras import CATALOGUE
from bot.slack.command_text import SUBCOMMANDS, spelled
from bot.slack.ids import EMAIL_EXTRA, EMAIL_PROFILE
from bot.slack.views.message import Message, code, escape, section


def help_message(command: str, *, sentence: str = "") -> Message:
    """Return a list of a command's subcommands; `sentence` goes before it and says what was not understood."""
    entries = SUBCOMMANDS[command]
    blocks = [section(escape(sentence))] if sentence else []
    blocks.append(section("\n".join(f"`{spelled(command, entry)}`  {escape(entry.meaning)}" for entry in entries)))
    if command == EMAIL_EXTRA:
        lines = "\n".join(
            f"{code(extra.name)}  {escape(extra.meaning)}; {escape(extra.kind)}, for example {code(extra.example)}"
            for extra in CATALOGUE
        )
        blocks.append(section(f"*What can be set*\n{lines}"))
    if command == EMAIL_PROFILE:
        blocks.append(section("The menu of every message has `Email this message`, which sends it with your profile."))
    blocks.append(section("Admins add `@user` to work with somebody else's profile."))
    forms = ", ".join(spelled(command, entry) for entry in entries)
    return Message(text=f"{sentence or f'Help for {command}.'} You can use: {forms}.", blocks=blocks)
