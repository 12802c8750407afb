"""The documents are the program's own: commands, options, metrics, lines of the log, exit codes, tables, links."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel
from typer.main import get_command

import bot.observability.metrics
import storage.models
from bot import settings
from bot.app import RUNNING_TESTS
from bot.cli import cli
from bot.exit_codes import EX_CONFIG, EX_TEMPFAIL
from bot.observability import tracing
from bot.profiles.people.retention import PERSON_GRACE_PERIOD, WORKSPACE_GRACE_PERIOD
from bot.server import DRAIN_SECONDS
from bot.settings import Settings
from bot.slack.middleware.overload import MOST_AT_ONCE
from bot.slack.middleware.request_log import BEGINNINGS
from storage.engines.postgresql import POOL
from tests import advice_page
from tests.documents import NAMES, ROOT, dead_links, read, rows, section

OPERATING = "docs/operating.md"
LEVELS = {"info": "info", "warning": "warning", "error": "error", "exception": "error"}
_PLACEHOLDER = re.compile(r"%(?:\.\d+)?[a-z]")
_PROGRAM = re.compile(r"(?:^|[\s`/])email-profile-bot ((?:[a-z]+ ?){1,2})([^`\n]*)", re.MULTILINE)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the command line that does something, by its path."""
    inner = getattr(group, "commands", {})
    if not inner:
        yield path, group
    for name, command in inner.items():
        yield from commands(command, (*path, name))


COMMANDS = dict(commands(get_command(cli)))


def mentioned() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Each place at which a document tells to run the program: where, which command, and what follows it."""
    for name in NAMES:
        for words, rest in _PROGRAM.findall(read(name)):
            path = tuple(words.split())
            path = path if path in COMMANDS else path[:1]
            yield name, path, " ".join([*words.split()[len(path) :], rest])


def test_every_command_that_a_document_names_exists_with_its_options() -> None:
    found = list(mentioned())
    assert len(found) > 20
    for name, path, rest in found:
        assert path in COMMANDS, (name, path)
        options = {option for parameter in COMMANDS[path].params for option in parameter.opts} | {"--help"}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= options, (name, path, rest)


def test_every_command_of_the_program_is_described() -> None:
    by_make = {("demo",)}
    assert set(COMMANDS) - by_make == {path for _, path, _ in mentioned()}
    assert "make demo" in read("README.md")


def test_every_option_of_the_program_is_described() -> None:
    everything = "\n".join(map(read, NAMES))
    for path, command in COMMANDS.items():
        for parameter in command.params:
            if parameter.param_type_name == "option" and path != ("demo",):
                assert any(option in everything for option in parameter.opts), (path, parameter.opts)


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    assert dead_links(name) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_that_a_document_names_exists(name: str) -> None:
    named = set(re.findall(r"`([A-Z]{2,}_[A-Z_]+)\b", read(name)))
    of_others = {word for word in named if word.startswith(("OTEL_", "TEST_", "VAULT_", "AWS_"))}
    shown = {"FROM_NAME", "REPLY_TO"}
    # Read by the command sendmail alone, which asks the bot and needs no settings.
    of_sendmail = {"EMAIL_PROFILE_TOKEN", "EMAIL_PROFILE_TOKEN_FILE", "EMAIL_PROFILE_URL"}
    assert named - of_others - shown - of_sendmail <= {field.upper() for field in Settings.model_fields}


def test_every_command_for_keys_that_a_document_shows_may_stand_in_the_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ENCRYPTION_KEYS_COMMAND", raising=False)
    commands = []
    for line in re.findall(r"^ENCRYPTION_KEYS_COMMAND=.*$", read(OPERATING), re.MULTILINE):
        (tmp_path / ".env").write_text(f"{line}\n", encoding="utf-8")
        commands.append(settings.load().encryption_keys_command)
    assert [words[0] for words in commands] == ["vault", "sh", "sops", "systemd-creds"]
    assert commands[1][1] == "-c"
    assert len(commands[1]) == 3


# Metrics, lines of the log, exit codes, numbers


def test_the_table_of_metrics_is_the_one_that_the_program_is_held_to() -> None:
    described = [row[:3] for row in rows(bot.observability.metrics.__doc__ or "")]
    table = rows(section(OPERATING, "Metrics"))
    assert [row[:3] for row in table] == described
    assert all(advice for *_, advice in table)


def logged() -> Iterator[tuple[str, str]]:
    """Level and template of every line that the program writes, but the one of each request."""
    for file in (file for room in ("bot", "storage") for file in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level), args=[first, *_]) if (
                    level in LEVELS
                ):
                    assert isinstance(first, ast.Constant), (file, "a template is a text, not a computation")
                    yield LEVELS[level], _PLACEHOLDER.sub("…", str(first.value))
                case ast.Call(func=ast.Name(id="log_undelivered"), args=[_, what, *_]):
                    parts = what.values if isinstance(what, ast.JoinedStr) else [what]
                    said = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
                    yield "warning", f"{said} (…, reference …)."


def test_every_line_of_the_log_is_described_with_its_level_and_no_other() -> None:
    table = rows(section(OPERATING, "The log"))
    assert {(level, line.strip("`")) for level, line, _ in table} == set(logged())
    assert len(table) == len(set(logged()))
    assert all(advice for *_, advice in table)


def test_every_beginning_of_a_request_s_line_is_described() -> None:
    for outcome, beginning in BEGINNINGS.items():
        assert f"`{beginning}`" in section(OPERATING, "The log"), outcome


def test_whoever_logs_does_so_under_a_name_that_is_looked_for() -> None:
    for file in (file for room in ("bot", "storage") for file in (ROOT / room).rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        names = set(re.findall(r"^(\w+) = logging\.getLogger\(__name__\)", text, re.MULTILINE))
        assert names <= {"log"}, file
        assert not re.search(r"\blogging\.(debug|info|warning|error|exception)\(", text), file


def test_exit_codes_and_numbers_are_the_programs_own() -> None:
    codes = {row[0] for row in rows(section(OPERATING, "Start and stop"))}
    assert codes == {"0", "1", "2", str(EX_TEMPFAIL), str(EX_CONFIG)}
    operating = read(OPERATING)
    assert f"running tests get {DRAIN_SECONDS:.0f} seconds" in operating
    assert RUNNING_TESTS == 50
    assert "fifty connection tests at once" in operating
    assert MOST_AT_ONCE == 200
    assert "more than two hundred requests under way" in operating
    assert POOL == 10
    assert "keeps ten connections to PostgreSQL open, and opens ten more" in operating
    assert tracing.FLUSH_SECONDS == 3
    assert "a stop waits three seconds for it" in operating
    data = read("docs/data.md")
    assert f"{PERSON_GRACE_PERIOD.days} days after the person was deactivated" in data
    assert f"{WORKSPACE_GRACE_PERIOD.days} days after the bot was removed" in data


# Data


def test_every_table_and_column_of_the_database_stands_in_the_list_of_data() -> None:
    assert storage.models.ProfileRow.metadata is SQLModel.metadata
    listed = {
        table.strip("`"): set(re.findall(r"`(\w+)`", columns))
        for table, _, columns in rows(section("docs/data.md", "Where it stands in the database"))
    }
    kept = {name: {column.name for column in table.columns} for name, table in SQLModel.metadata.tables.items()}
    assert listed == kept


def test_every_kind_of_data_has_all_that_a_privacy_officer_asks_for() -> None:
    table = rows(section("docs/data.md", "What is kept, why, and how long"))
    assert len(table) >= 12
    assert all(len(row) == 6 and all(row) for row in table)


def test_the_page_of_advice_is_the_one_that_the_table_makes() -> None:
    assert advice_page.PAGE.read_text(encoding="utf-8") == advice_page.page(), (
        "run .venv/bin/python -m tests.advice_page"
    )


def test_no_sentence_is_said_twice() -> None:
    seen: dict[str, str] = {}
    for name in sorted(set(NAMES) - {"docs/advice.md", "docs/providers.md"}):
        prose = re.sub(r"```.*?```", "", read(name), flags=re.DOTALL)
        for sentence in re.split(r"(?<=[.:])\s+|\n", prose):
            plain = sentence.strip(" -*|")
            if len(plain) > 60 and not plain.startswith("http"):
                assert plain not in seen, (plain, name, seen[plain])
                seen[plain] = name
