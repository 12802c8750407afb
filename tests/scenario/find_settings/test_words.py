"""What a form says where nothing was found, or nobody was asked: what happened, and what to type or press next."""

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.people import TEAM
from bot.discovery.discovery import Discovery
from bot.profiles.connection_tests.limits import SEARCHES_OF_A_PERSON, count
from tests.scenario.find_settings.conftest import Script, cut_short
from tests.scenario.find_settings.test_form import opened, told
from tests.scenario.people import ADA, settled


async def test_an_address_that_cannot_be_read_is_said_to_be_none(finding_demo: Demo, script: Script) -> None:
    workspace = finding_demo.workspace
    await opened(finding_demo)
    for address in ("ada@exa mple.com", "ada@@demo.example"):
        await workspace.fill(ADA, "Email Address", address)
        await workspace.press(ADA, "Find settings")
        await settled(finding_demo)
        view = workspace.view(ADA)
        assert view is not None
        assert "This is not an email address. Type the Email Address, for example ada@example.com." in told(view)
    assert script.asked == ["ada@demo.example"]


async def test_where_nothing_was_found_yet_the_form_says_how_to_try_again(
    finding_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Discovery, "find", cut_short)
    view = await opened(finding_demo)
    sentence = (
        "Nothing was found for demo.example yet. Press Find settings to try again, or type the SMTP Server Address."
    )
    assert sentence in told(view)


@pytest.mark.usefixtures("script")
async def test_beyond_the_limit_of_searches_form_and_save_say_that_a_server_may_be_typed(finding_demo: Demo) -> None:
    workspace = finding_demo.workspace
    async with finding_demo.bot.database.writing() as tx:
        for _ in range(SEARCHES_OF_A_PERSON[0].max_uses):
            await count(tx, SEARCHES_OF_A_PERSON, TEAM, ADA)
    view = await opened(finding_demo)
    assert "You have searched for settings twenty times in an hour. Please try again in" in told(view)
    assert ". Or type the SMTP Server Address." in told(view)
    await workspace.fill(ADA, "Password", "secret 1843")
    errors = await workspace.submit(ADA)
    assert errors["SMTP Server Address"].endswith(" Or type the SMTP Server Address.")
