"""The README keeps what it promises: its commands exist, its tables are the program's own, its pictures are there."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.profiles.account.extras import CATALOGUE
from bot.settings import REPLACED_SETTINGS, Settings
from bot.slack.command_text import SUBCOMMANDS, parse
from bot.slack.ids import SCOPES

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z.]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z.]+)", README.replace("and `make`", "")))
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("line", sorted(set(re.findall(r"email-profile-bot ([a-z]+(?: [a-z]+)?)", README))))
def test_every_command_of_the_program_exists(line: str) -> None:
    answer = CliRunner().invoke(cli, [*line.split(), "--help"])
    assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize("line", sorted(set(re.findall(r"^(/email-[a-z]+.*)$", README, re.MULTILINE))))
def test_every_slash_command_is_understood(line: str) -> None:
    command, _, text = line.partition(" ")
    assert parse(command, text)


def test_the_table_of_slash_commands_is_complete() -> None:
    for command, entries in SUBCOMMANDS.items():
        for entry in entries:
            if entry.name != "help" and "" not in entry.also:
                assert f"`{command} {entry.name}" in README


def test_the_table_of_extra_configurations_is_the_catalogue() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]+) \|$", README.split("### Extra")[1], re.MULTILINE)
    wanted = [(entry.name, entry.kind, entry.meaning) for entry in CATALOGUE]
    assert [row for row in rows if row[0] in {name for name, _, _ in wanted}] == wanted


def test_the_table_of_settings_is_complete() -> None:
    table = README.split("## Settings")[1].split("## Operation")[0]
    for name in {name.upper() for name in Settings.model_fields} - set(REPLACED_SETTINGS):
        assert f"`{name}`" in table, name


def test_every_scope_has_its_reason() -> None:
    for scope in SCOPES:
        assert f"`{scope}` (" in README


def test_every_picture_and_file_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
