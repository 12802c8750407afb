"""Packages of npm with which tests drive programs that others wrote."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def installed(folder: Path, package: str) -> Path:
    """Return where a package is that the lock in `folder` names: installed once for each lock, beside Python's.

    Skips the test by name where npm, its registry or a fitting Node.js is missing.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip(f"needs npm and Node.js to run `{package}`")
    lock = (folder / "package-lock.json").read_bytes()
    place = Path(sys.prefix) / folder.name / hashlib.sha256(lock).hexdigest()[:12]
    found = place / "node_modules" / package
    if not found.exists():
        place.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(folder / name, place)
        command = [npm, "ci", "--ignore-scripts", "--prefer-offline", "--fetch-retries=0", "--fetch-timeout=20000"]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"needs the npm package `{package}`, which cannot be installed: {done.stderr[-200:]}")
    return found
