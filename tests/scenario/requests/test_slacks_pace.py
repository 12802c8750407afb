"""At Slack's own pace, everything arrives that has to, a little later."""

import asyncio

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.platform import searchable
from tests.scenario.people import ADA, GRACE, set_up, settled
from tests.store import Store

pytestmark = pytest.mark.databases("sqlite")


async def test_what_is_too_quick_for_slack_arrives_when_slack_takes_it(http_demo: Demo, store: Store) -> None:
    workspace = http_demo.workspace
    card = await set_up(http_demo, ADA)
    workspace.pace.keep()
    # Two notices to one person, and a report that is ready at once after its beginning.
    await workspace.press(ADA, "Test connection", message=card)
    for name in ("Countess", "Augusta"):
        await workspace.command(GRACE, "/email-extra", f"add FROM_NAME {name} @ada")
    await workspace.wait_message(ADA, "Connection test passed")
    await settled(http_demo)
    # The second one a second later.
    async with asyncio.timeout(10):
        while await store.ask("SELECT 1 FROM outbox WHERE outcome = ''"):
            await asyncio.sleep(0.02)
    notices = [one for one in workspace.messages(ADA) if "changed your email profile" in searchable(one)]
    assert len(notices) == 2
    assert card.text == "Connection test passed"
