"""The command `sendmail` is started for each letter, so it imports little."""

import sys
from pathlib import Path
from subprocess import run

REPOSITORY = Path(__file__).parents[3]


def test_the_command_starts_without_what_the_bot_needs() -> None:
    heavy = "{'aiohttp', 'pydantic', 'typer', 'storage', 'asyncio'}"
    loaded = "{name.partition('.')[0] for name in sys.modules}"
    code = f"import sys, bot.__main__, bot.programs.sendmail.command; print(sorted({loaded} & {heavy}))"
    said = run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
