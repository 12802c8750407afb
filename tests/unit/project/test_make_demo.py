"""`make demo` on a fresh machine: it says that it installs and for how long, and begins again what was cut short."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# Stands in for python3: makes an environment whose pip notes what it is asked, and fails where a file says so.
PYTHON = """#!/bin/sh
mkdir -p .venv/bin
cat > .venv/bin/python <<'END'
#!/bin/sh
echo "$@" >> pip.log
test ! -e broken
END
echo 'echo the demo runs' > .venv/bin/email-profile-bot
chmod +x .venv/bin/*
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone, as far as make needs it."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python-stand-in"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return tmp_path


def make(clone: Path, target: str) -> tuple[int, str]:
    known = {"PATH": os.environ["PATH"], "PYTHON": "./python-stand-in"}
    done = subprocess.run(["make", target], cwd=clone, env=known, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_make_demo_says_what_it_installs_and_how_long_it_took_before_the_demo_runs(clone: Path) -> None:
    code, said = make(clone, "demo")
    assert code == 0
    count = len(re.findall(r"^[a-z0-9].*==", (clone / "requirements.txt").read_text(), re.MULTILINE))
    assert f"Installing {count} packages into .venv" in said
    assert "about a minute" in said
    assert re.search(r"Installed in \d+ seconds\..*the demo runs", said, re.DOTALL)
    assert "--require-hashes" in (clone / "pip.log").read_text()
    assert "pip install" not in said


def test_make_demo_installs_once(clone: Path) -> None:
    make(clone, "demo")
    code, said = make(clone, "demo")
    assert code == 0
    assert "the demo runs" in said
    assert "Installing" not in said


def test_an_installation_that_was_cut_short_is_begun_again(clone: Path) -> None:
    (clone / "broken").touch()
    code, said = make(clone, ".venv")
    assert code != 0
    assert "Installed in" not in said
    (clone / "broken").unlink()
    assert "Installed in" in make(clone, "demo")[1]
