"""How many generated inputs, kills and races a test runs: few by default, all with PROVE=1."""

import os
from typing import TypeVar

import pytest

Choice = TypeVar("Choice")


def scaled(*, quick: Choice, full: Choice) -> Choice:
    """Return the full count when the tests are run to prove, the quick one otherwise."""
    return full if os.environ.get("PROVE") == "1" else quick


PROVE_ONLY = pytest.mark.skipif(scaled(quick=True, full=False), reason="takes long; make prove runs it")
"""Marks what takes too long for every day."""
