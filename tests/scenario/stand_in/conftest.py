"""The stand-in alone: its clock is set by hand, and where a test wants one, a bot listens."""

from collections.abc import AsyncIterator, Sequence

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.mail import DemoMail
from bot.demo.serve import serving_workspace
from bot.demo.stand_in.people import PEOPLE, DemoPerson
from bot.demo.stand_in.workspace import Workspace
from tests.scenario.stand_in.alone import SECRET, Clock, ListeningBot


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people() -> Sequence[DemoPerson]:
    return PEOPLE


@pytest.fixture
async def workspace(clock: Clock, people: Sequence[DemoPerson]) -> AsyncIterator[Workspace]:
    made = Workspace(signing_secret=SECRET, bot_token="xoxb-test", clock=clock, people=people)
    async with serving_workspace(made, DemoMail(), port=0):
        yield made


@pytest.fixture
def client(workspace: Workspace) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-test", base_url=f"{workspace.base_url}/api/", retry_handlers=[])


@pytest.fixture
async def bot(workspace: Workspace) -> AsyncIterator[ListeningBot]:
    """A bot that takes everything."""
    made = ListeningBot()
    application = web.Application()
    application.router.add_post("/slack/events", made.take)
    async with TestServer(application) as server:
        workspace.delivery.events_url = str(server.make_url("/slack/events"))
        yield made
