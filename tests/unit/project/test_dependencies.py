"""What is imported is declared, what is declared is imported, and what is installed is locked with hashes."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.deploy_files import ROOT, read

PROJECT: dict[str, Any] = tomllib.loads(read("pyproject.toml"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
LOCKS = sorted(file.name for file in ROOT.glob("requirements*.txt"))


def names(requirements: Iterable[str]) -> set[str]:
    """The distributions that requirements name, as packages are compared (PEP 503)."""
    return {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~ ]", text)[0]).lower() for text in requirements}


DECLARED = names(PROJECT["project"]["dependencies"])
OPTIONAL = names(text for extra in EXTRAS.values() for text in extra)


def imported() -> dict[str, Path]:
    """Every module that the product imports from elsewhere, by its first name, with a file that does."""
    found = {}
    for file in (file for room in ("bot", "storage") for file in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                modules = [node.module]
            found.update({module.partition(".")[0]: file for module in modules})
    return {name: file for name, file in found.items() if name not in {*sys.stdlib_module_names, "bot", "storage"}}


def test_what_is_imported_is_declared() -> None:
    installed = packages_distributions()
    for module, file in imported().items():
        assert names(installed[module]) & (DECLARED | OPTIONAL), (module, file)


def test_what_is_declared_is_imported() -> None:
    installed = packages_distributions()
    # SQLAlchemy imports its drivers itself.
    used = {"aiosqlite", *(name for module in imported() for name in names(installed[module]))}
    assert used >= DECLARED


def test_every_extra_has_a_lock_of_its_own() -> None:
    for extra, requirements in EXTRAS.items():
        assert PROJECT["dependency-groups"][extra] == requirements
        locked = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==", read(f"requirements-{extra}.txt"), re.MULTILINE)
        assert names(requirements) <= names(locked)
        assert f"--require-hashes -r requirements-{extra}.txt" in read("docs/operating.md")


def test_what_audits_the_program_is_locked_and_apart_from_it() -> None:
    audit = names(PROJECT["dependency-groups"]["audit"])
    assert audit == {"cyclonedx-bom", "pip-audit"}
    locked = names(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==", read("requirements-audit.txt"), re.MULTILINE))
    assert audit <= locked
    makefile, ci = read("Makefile"), read(".ci/run")
    for target in ("audit", "sbom"):
        assert re.search(rf"^{target}: \.audit/\.installed ##", makefile, re.MULTILINE)
    assert re.search(r"^make audit \|\|", ci, re.MULTILINE)
    # What is audited is all that is installed where the program runs, extras too.
    audited = set(re.findall(r"-r (requirements\S*\.txt)", makefile.split("audit:")[1].split("sbom:")[0]))
    assert audited == {"requirements.txt", *(f"requirements-{extra}.txt" for extra in EXTRAS)}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_everything_with_hashes_and_names_no_index(lock: str) -> None:
    text = read(lock)
    assert "://" not in text
    assert not re.search(r"^\s*--(index|extra-index|find|trusted)", text, re.MULTILINE)
    for entry in re.split(r"\n(?=[a-z0-9])", text):
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==", entry), entry[:80]
        assert "--hash=sha256:" in entry


def test_locks_agree_with_each_other() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", read(lock), re.MULTILINE):
            versions.setdefault(name, set()).add(version)
    assert [name for name, found in versions.items() if len(found) > 1] == []


def test_every_lock_is_made_by_make_lock() -> None:
    assert set(LOCKS) == set(re.findall(r"-o (requirements\S*\.txt)", read("Makefile")))
