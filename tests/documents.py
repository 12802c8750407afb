"""What is written for people: the README and the folder docs, read as far as tests hold them against the program."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMES = ("README.md", *sorted(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md")))

_HEADING = re.compile(r"^#+ (.+)$")
_FENCE = re.compile(r"^\s*```(\w*)$")


@cache
def read(name: str) -> str:
    """Give the text of a document by its path from the root of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def dead_links(name: str) -> list[str]:
    """Return the links of a document that lead to no file, or to no heading of one."""
    dead = []
    for target in re.findall(r"\]\(([^)]+)\)", read(name)):
        file, _, anchor = target.partition("#")
        there = (ROOT / name).parent / file if file else ROOT / name
        if "://" not in target and not (there.exists() and (not anchor or anchor in _anchors(there))):
            dead.append(target)
    return dead


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@dataclass(frozen=True)
class Block:
    """Commands that stand together in a document, continued lines joined."""

    document: str
    heading: str
    lines: tuple[str, ...]


def blocks() -> Iterator[Block]:
    """Give every block of shell commands, in the order in which they are read."""
    for name in NAMES:
        heading, inside = "", ""
        lines: list[str] = []
        for line in read(name).splitlines():
            fence, title = _FENCE.match(line), _HEADING.match(line)
            if fence and inside:
                if inside == "sh":
                    yield Block(name, heading, tuple(lines))
                inside, lines = "", []
            elif fence:
                inside = fence[1] or "text"
            elif inside:
                if lines and lines[-1].endswith("\\"):
                    lines[-1] = lines[-1].removesuffix("\\") + line.strip()
                else:
                    lines.append(line.strip())
            elif title:
                heading = title[1]


def section(name: str, heading: str) -> str:
    """Give the text below a heading of a document, up to the next heading of the same rank."""
    marks, _, rest = read(name).partition(f" {heading}\n")
    rank = re.findall(r"#+$", marks)[0]
    return re.split(rf"^{rank} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[tuple[str, ...]]:
    """Give the rows of the tables in a text, without the heads and the lines below these."""
    found: list[tuple[str, ...]] = []
    for line in text.splitlines():
        if re.fullmatch(r"\s*\|[-|]+\|", line):
            found.pop()
        elif line.lstrip().startswith("|"):
            found.append(tuple(cell.strip() for cell in line.strip().strip("|").split("|")))
    return found


def sending_lines() -> list[str]:
    """Give the lines of all documents in which a program sends by itself, past the bot's own commands."""
    return [line for block in blocks() for line in block.lines if line.startswith(("curl ", "swaks "))]
