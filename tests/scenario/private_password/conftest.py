"""A browser for each test of the private page."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.scenario.private_password.browsers import Browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser without cookies."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(session)
