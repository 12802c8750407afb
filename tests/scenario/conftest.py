"""The whole bot, its stand-in workspace and a local mail server, started afresh for each test."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Office, open_office


@pytest.fixture(params=["http", "socket"])
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    """The office over signed HTTP, and again over Socket Mode."""
    given: dict[str, Any] = {"slack_app_token": "xapp-demo"} if request.param == "socket" else {}
    async with open_office(tmp_path, **given) as opened:
        yield opened
    assert not opened.workspace.refusals


@pytest.fixture
async def http_office(tmp_path: Path) -> AsyncIterator[Office]:
    """The office over signed HTTP alone, where the way in makes no difference."""
    async with open_office(tmp_path) as opened:
        yield opened
    assert not opened.workspace.refusals
