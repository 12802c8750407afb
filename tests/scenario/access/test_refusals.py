"""Whom nobody may work with, and who may work with others, in words."""

from pathlib import Path

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from tests.scenario.people import ADA, GRACE


async def test_nobody_touches_bots_strangers_and_the_deactivated_and_guests_touch_nobody(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    for handle, reason in (("email-profile", "app"), ("charles", "deactivated"), ("mary", "another organisation")):
        await workspace.command(GRACE, "/email-profile", f"edit @{handle}")
        await workspace.wait_message(GRACE, reason)
    await workspace.command("U0GUEST", "/email-profile", "show @ada")
    await workspace.wait_message("U0GUEST", "Only admins")
    assert workspace.view(GRACE) is None


async def test_an_admin_named_in_the_settings_may_work_with_others(tmp_path: Path) -> None:
    async with running_demo(tmp_path, admin_user_ids=frozenset({ADA})) as demo:
        await demo.workspace.command(ADA, "/email-profile", "show @grace")
        assert "<@U0GRACE> has no email profile yet" in searchable(demo.workspace.messages(ADA)[-1])
