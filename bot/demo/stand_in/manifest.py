"""The app's manifest: what Slack is told of the app, and the stand-in takes from it."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def manifest() -> Mapping[str, Any]:
    """Read the app's manifest, once in a process: it takes 10 ms."""
    text = resources.files("bot").joinpath("manifest.yml").read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.safe_load(text)
    return read
