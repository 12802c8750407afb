"""The pages for contributors name what is there: files, the names in them, commands, rooms, links.

When something was moved or renamed, a message says which page and which step to correct.
"""

import difflib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bot.cli import cli
from tests.documents import ROOT, dead_links, read, rows, section

GUIDE = "CONTRIBUTING.md"
ARCHITECTURE = "docs/architecture.md"
INDEX = "docs/decisions/README.md"
RECORDS = sorted(file.name for file in (ROOT / "docs/decisions").glob("[0-9]*.md"))
PAGES = (
    *(GUIDE, "SECURITY.md", ".github/PULL_REQUEST_TEMPLATE.md", ARCHITECTURE, INDEX),
    *(f"docs/decisions/{name}" for name in RECORDS),
)
PROGRAMS = {entry.name for entry in entry_points(group="console_scripts")}
FORMS = sorted(file.name for file in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if file.name != "config.yml")

_PATH = re.compile(r"(?:[\w.-]+/)*[\w.-]+\.(?:py|md|yml|yaml|toml|json)|(?:bot|storage|tests|docs|deploy)/(?:[\w-]+/)*")
_NAME = re.compile(r"[A-Za-z_]\w*")
_SPAN = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TEXT = {".py", ".md", ".yml", ".yaml", ".toml", ".json", ".html", ".js"}


@dataclass(frozen=True)
class Step:
    """One numbered line below a heading of the guide."""

    heading: str
    number: str
    text: str

    def __str__(self) -> str:
        return f"{GUIDE}, “{self.heading}”, step {self.number}"

    @property
    def paths(self) -> list[str]:
        return [span for span in _SPAN.findall(self.text) if _PATH.fullmatch(span)]

    @property
    def names(self) -> list[str]:
        return [span for span in _SPAN.findall(self.text) if _NAME.fullmatch(span)]


def steps() -> Iterator[Step]:
    """Yield every step of every list of files to touch."""
    for part in section(GUIDE, "Files to touch, in order").split("\n### ")[1:]:
        heading, _, text = part.partition("\n")
        for number, line in re.findall(r"^(\d+)\. (.+)$", text, re.MULTILINE):
            yield Step(heading, number, line)


STEPS = list(steps())


def commands(page: str) -> list[str]:
    """Return every command of a page: lines of its shell blocks, and what is in backticks with a blank in it."""
    lines = [line for block in _FENCE.findall(read(page)) for line in block.splitlines()]
    return [*lines, *(span for span in _SPAN.findall(read(page)) if " " in span)]


def named_paths(page: str) -> set[str]:
    """Return every path in a page's backticks and commands."""
    words = {word for text in (*_SPAN.findall(read(page)), *commands(page)) for word in text.split()}
    return {word for word in words if _PATH.fullmatch(word)}


@cache
def tree() -> list[str]:
    """Return every file of the repository that a page may name."""
    rooms = (ROOT / name for name in ("bot", "storage", "tests", "docs", "deploy", ".github"))
    files = [*ROOT.glob("*.*"), *(file for room in rooms for file in room.rglob("*"))]
    return [str(file.relative_to(ROOT)) for file in files if file.is_file() and "__pycache__" not in file.parts]


def where_it_may_be(path: str) -> str:
    """Return which files may be meant by a path that is not there."""
    same = [file for file in tree() if Path(file).name == Path(path).name]
    near = same or difflib.get_close_matches(path, tree(), n=3, cutoff=0.7)
    perhaps = f"perhaps it is {' or '.join(near)} now; " if near else ""
    return f"{perhaps}`git show -M --stat $(git log -1 --format=%h -- {path})` shows where it went"


def text_of(path: str) -> str:
    """Return the text of a file, or of all files of a folder."""
    place = ROOT / path
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.suffix in _TEXT]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("page", PAGES)
def test_every_path_is_there(page: str) -> None:
    for path in sorted(named_paths(page)):
        assert (ROOT / path).exists(), f"{page} names `{path}`, which is not there: {where_it_may_be(path)}."


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.heading}-{step.number}")
def test_every_name_of_a_step_is_in_a_file_of_that_step(step: Step) -> None:
    known = "\n".join(map(text_of, step.paths))
    for name in step.names:
        if not re.search(rf"\b{name}\b", known):
            found = [file for file in tree() if file.endswith(".py") and re.search(rf"\b{name}\b", text_of(file))]
            places = ", ".join(found[:5]) or "no file: it was renamed"
            pytest.fail(f"{step} names `{name}`, which is in none of {step.paths}. It is in {places}.")


def test_every_name_on_the_page_of_the_architecture_is_somewhere_in_the_code() -> None:
    code = text_of("bot") + text_of("storage")
    for name in sorted({span for span in _SPAN.findall(read(ARCHITECTURE)) if _NAME.fullmatch(span)}):
        assert re.search(rf"\b{name}\b", code), f"{ARCHITECTURE} names `{name}`, which is nowhere in the code."


def test_the_lists_are_those_that_newcomers_ask_for() -> None:
    headings = {step.heading for step in STEPS}
    wanted = (
        *(
            "subcommand",
            "button",
            "extra configuration",
            "row of advice",
            "source of settings",
            "words of an advice",
            "column or a table",
        ),
        *("setting", "field per request", "metric", "check to the doctor", "scenario test", "to the demo"),
    )
    assert [what for what in wanted if not any(what in heading for heading in headings)] == []
    assert [str(step) for step in STEPS if not step.paths and step.number == "1"] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_there(page: str) -> None:
    targets = set(re.findall(r"^([a-z.]+):", read("Makefile"), re.MULTILINE))
    for command in commands(page):
        words = [word for word in command.split() if not re.fullmatch(r"[A-Z_]+=\S+", word)]
        if words[0] == "make":
            assert words[1] in targets, f"{page}: there is no `{command}`; the Makefile has {sorted(targets)}."
        if words[0].startswith(".venv/bin/"):
            program = Path(words[0]).name
            installed = program in PROGRAMS or (Path(sys.executable).parent / program).exists()
            assert installed, f"{page}: `{command}` starts what the development dependencies do not bring."
        if words[0] == "email-profile-bot":
            answer = CliRunner().invoke(cli, [*(word for word in words[1:] if word[0] != "-"), "--help"])
            assert answer.exit_code == 0, f"{page}: the program has no `{command}`."


def test_what_a_command_selects_is_there() -> None:
    for command in commands(GUIDE):
        if selected := re.search(r"(\S+) -k (\w+)", command):
            place, words = selected[1], selected[2]
            found = "database" in text_of("tests/conftest.py") if words == "sqlite" else words in text_of(place)
            assert found, f"{GUIDE}: `{command}` selects no test."


def test_every_room_is_on_the_page_of_the_architecture() -> None:
    rooms = {f"{file.parent.relative_to(ROOT)}/" for name in ("bot", "storage") for file in (ROOT / name).rglob("*.py")}
    described = {path for row in rows(section(ARCHITECTURE, "The rooms")) for path in _SPAN.findall(row[0])}
    missing = sorted(rooms - described)
    assert not missing, f"{ARCHITECTURE}, “The rooms”: add a row for {missing}, or put the files into a room there is."


def test_every_decision_is_in_the_index_and_none_is_skipped() -> None:
    linked = re.findall(r"^\| \[(\d{4})\]\((\S+)\)", read(INDEX), re.MULTILINE)
    assert [name for _, name in linked] == RECORDS, f"{INDEX} and the files beside it differ."
    assert [int(number) for number, _ in linked] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    assert dead_links(page) == []


@pytest.mark.parametrize("name", FORMS)
def test_every_form_for_issues_is_one_and_says_what_not_to_paste(name: str) -> None:
    text = read(f".github/ISSUE_TEMPLATE/{name}")
    form = yaml.safe_load(text)
    assert {"name", "description", "body"} <= set(form)
    ids = [field["id"] for field in form["body"] if field["type"] != "markdown"]
    assert len(ids) == len(set(ids))
    assert "password" in text


def test_forms_ask_for_what_helps() -> None:
    asked = "\n".join(read(f".github/ISSUE_TEMPLATE/{name}") for name in FORMS)
    for what in ("email-profile-bot --version", "email-profile-bot check", "/email-test transcript", "reference"):
        assert what in asked
