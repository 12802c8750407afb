"""`python -m bot` is `email-profile-bot`; linked as `sendmail`, the program is that command."""

import sys
from pathlib import Path


def main() -> None:
    """Run the command line; `sendmail` without the imports of all other commands, for it is started for each letter."""
    name, *arguments = sys.argv
    if Path(name).name == "sendmail":
        arguments.insert(0, "sendmail")
    if arguments[:1] == ["sendmail"]:
        from bot.process import forbid_core_dumps
        from bot.programs.sendmail import command

        forbid_core_dumps()
        raise SystemExit(command.main(arguments[1:]))
    from bot import cli

    cli.main()


if __name__ == "__main__":
    main()
