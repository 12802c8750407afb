"""docs/security.md: every promise names the tests that hold it, and each of these exists and runs everywhere."""

import ast
import re
from functools import cache
from itertools import pairwise

import pytest

from tests.documents import ROOT, read, rows

PAGE = "docs/security.md"
HELD_BY = "held by"
NOT_EVERYWHERE = (
    "tests/browser/",
    "tests/benchmarks/",
    "tests/soak/",
    "tests/instances/",
    "tests/scenario/emulator/",
    "tests/scenario/connection_tests/test_real_servers.py",
    "tests/scenario/connection_tests/test_starttls_study.py",
    "tests/scenario/connection_tests/test_strict_servers.py",
)
"""What is skipped on some machines, or only run when it is asked for."""

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@cache
def run_daily_in(file: str) -> frozenset[str]:
    """The tests of a file that `make test` runs, by name, read and not run."""
    path = ROOT / file
    return daily_tests(path.read_text(encoding="utf-8")) if path.exists() else frozenset()


def daily_tests(source: str) -> frozenset[str]:
    """The tests that stand in a file's text, without those that only `make prove` runs."""
    functions, found = (ast.FunctionDef, ast.AsyncFunctionDef), set[str]()
    for node in ast.parse(source).body:
        if (
            isinstance(node, ast.Assign)
            and "pytestmark" in map(ast.unparse, node.targets)
            and is_proof_only(node.value)
        ):
            return frozenset()
        if isinstance(node, functions) and not any(map(is_proof_only, node.decorator_list)):
            found.add(node.name)
    return frozenset(found)


def is_proof_only(marks: ast.expr) -> bool:
    """Whether PROVE_ONLY is a mark, or one of a list of marks."""
    return any(ast.unparse(mark) == "PROVE_ONLY" for mark in (marks, *getattr(marks, "elts", ())))


def promises() -> list[tuple[str, str]]:
    """Each promise, and what stands beside it as holding it."""
    return [(" ".join(cells), held_by) for *cells, held_by in rows(read(PAGE))]


def test_every_table_of_the_page_says_last_what_holds_its_promises() -> None:
    lines = read(PAGE).splitlines()
    heads = [line for line, below in pairwise(lines) if re.fullmatch(r"\|(-+\|)+", below)]
    assert len(heads) >= 9
    assert {head.strip("| ").split("|")[-1].strip() for head in heads} == {HELD_BY}


def test_every_promise_is_held_by_tests_that_exist_and_run_everywhere() -> None:
    found = promises()
    assert len(found) >= 60
    for promise, held_by in found:
        assert promise.strip(), held_by
        named = re.split(r"<br>|, ", held_by)
        for one in named:
            test = _TEST.fullmatch(one)
            assert test, (promise, one, "name a test as `tests/…/test_x.py::test_name`")
            file, name = test.groups()
            assert not file.startswith(NOT_EVERYWHERE), (promise, one)
            assert name in run_daily_in(file), (promise, one, "there is no such test, or make test skips it")
        assert len(set(named)) == len(named), promise


@pytest.mark.parametrize(
    ("source", "daily"),
    [
        ("@PROVE_ONLY\ndef test_a(): ...\nasync def test_b(): ...", {"test_b"}),
        ("@mark.other\n@PROVE_ONLY\nasync def test_a(): ...", set()),
        ("pytestmark = PROVE_ONLY\ndef test_a(): ...", set()),
        ("pytestmark = [mark.other, PROVE_ONLY]\ndef test_a(): ...", set()),
        (
            "pytestmark = mark.other\n@mark.parametrize('a', [param(1, marks=PROVE_ONLY)])\ndef test_a(a): ...",
            {"test_a"},
        ),
    ],
)
def test_what_only_make_prove_runs_holds_no_promise(source: str, daily: set[str]) -> None:
    assert daily_tests(source) == daily


def test_no_promise_is_made_twice() -> None:
    made = [promise for promise, _ in promises()]
    assert sorted(made) == sorted(set(made))


@pytest.mark.parametrize("file", ["README.md", "SECURITY.md"])
def test_who_looks_for_what_is_promised_is_led_here(file: str) -> None:
    assert f"({PAGE})" in (ROOT / file).read_text(encoding="utf-8")
