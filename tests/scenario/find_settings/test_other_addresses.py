"""A form in which settings are looked for, for one address after another: nothing of the one stays for the other."""

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.people import TEAM
from bot.discovery.findings import Caution, Found, Source
from bot.profiles.connection_tests.limits import SEARCHES_OF_A_PERSON, count
from tests.scenario.defaults.test_defaults import set_defaults
from tests.scenario.find_settings.conftest import Script, found, settings
from tests.scenario.find_settings.test_form import opened, server, standing, told
from tests.scenario.people import ADA, profile_of, settled, typed

OF_THE_DEMO = found(Source.SRV, settings("mail.demo.example"), Caution.DNS_ONLY)
NOTHING_BY_ITSELF = {
    "nothing is found": (),
    "somebody has to choose": (
        found(
            Source.AUTOCONFIG, settings("smtp.stranger.example"), Caution.OTHER_DOMAIN, other_domain="stranger.example"
        ),
    ),
    "there is no server": (found(Source.TABLE, None),),
}


async def find_for(demo: Demo, address: str) -> None:
    await demo.workspace.fill(ADA, "Email Address", address)
    await demo.workspace.press(ADA, "Find settings")
    await settled(demo)


@pytest.mark.parametrize("ways", NOTHING_BY_ITSELF.values(), ids=NOTHING_BY_ITSELF.keys())
async def test_the_server_of_one_domain_does_not_stay_for_an_address_of_another(
    finding_demo: Demo, script: Script, ways: tuple[Found, ...]
) -> None:
    script.known |= {"demo.example": (OF_THE_DEMO,), "other.example": ways}
    await opened(finding_demo)
    assert standing(finding_demo) == server("mail.demo.example")
    await finding_demo.workspace.fill(ADA, "Password", "for the demo alone")
    await find_for(finding_demo, "ada@other.example")
    assert standing(finding_demo) == server(None)
    assert typed(finding_demo, ADA, "Password") is None
    assert typed(finding_demo, ADA, "Email Address") == "ada@other.example"


async def test_what_was_typed_stays_whatever_the_address(finding_demo: Demo, script: Script) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    await opened(finding_demo)
    await finding_demo.workspace.fill(ADA, "SMTP Server Address", "relay.demo.example")
    await finding_demo.workspace.fill(ADA, "Password", "for the relay")
    await find_for(finding_demo, "ada@other.example")
    assert standing(finding_demo) == server("relay.demo.example")
    assert typed(finding_demo, ADA, "Password") == "for the relay"


async def test_what_was_chosen_for_a_domain_stays_when_settings_are_looked_for_again(
    finding_demo: Demo, script: Script
) -> None:
    script.known["other.example"] = NOTHING_BY_ITSELF["somebody has to choose"]
    await opened(finding_demo)
    await find_for(finding_demo, "ada@other.example")
    await finding_demo.workspace.press(ADA, "Use these")
    assert standing(finding_demo) == server("smtp.stranger.example")
    await find_for(finding_demo, "countess@OTHER.example")
    assert standing(finding_demo) == server("smtp.stranger.example")


async def test_the_workspaces_own_server_comes_back_where_nothing_is_found(finding_demo: Demo, script: Script) -> None:
    script.known["other.example"] = (found(Source.SRV, settings("smtp.other.example"), Caution.DNS_ONLY),)
    await set_defaults(
        finding_demo,
        SMTP_Server_Address="relay.demo.example",
        Port="2525",
        Defaults_by_domain="third.example = smtp.third.example:465 SSL",
    )
    await opened(finding_demo)
    await find_for(finding_demo, "ada@other.example")
    assert standing(finding_demo) == server("smtp.other.example")
    await find_for(finding_demo, "ada@nowhere.example")
    assert standing(finding_demo) == server("relay.demo.example", port="2525")
    await find_for(finding_demo, "ada@third.example")
    assert standing(finding_demo) == server("smtp.third.example", port="465", encryption="SSL")


async def put_for_the_demo_alone(demo: Demo, script: Script, *, other: tuple[Found, ...] = ()) -> None:
    """Open a form with a found server, then overtype its address without Enter, and type that one's password."""
    script.known |= {"demo.example": (OF_THE_DEMO,), "other.example": other}
    await opened(demo)
    await demo.workspace.fill(ADA, "Email Address", "ada@other.example")
    await demo.workspace.fill(ADA, "Password", "for the other")


async def test_a_test_sends_no_password_to_a_server_that_was_found_for_another_domain(
    finding_demo: Demo, script: Script
) -> None:
    await put_for_the_demo_alone(finding_demo, script)
    await finding_demo.workspace.press(ADA, "Test connection")
    view = await finding_demo.workspace.wait_view(ADA, "Email profile", containing="No settings were found for other")
    await settled(finding_demo)
    assert not finding_demo.mail.traffic
    assert standing(finding_demo) == server(None)
    assert "None were found; see the top of the form." in str(view.content)


async def test_a_save_stores_no_server_that_was_found_for_another_domain(finding_demo: Demo, script: Script) -> None:
    other = found(Source.SRV, settings("smtp.other.example"), Caution.DNS_ONLY)
    await put_for_the_demo_alone(finding_demo, script, other=(other,))
    workspace = finding_demo.workspace
    assert await workspace.submit(ADA) == {}
    view = workspace.view(ADA)
    assert view is not None
    assert "then press Save again." in str(view.content)
    assert "Settings were found; see the top of the form." in str(view.content)
    assert standing(finding_demo) == server("smtp.other.example")
    await workspace.fill(ADA, "Password", "for the other")
    assert await workspace.submit(ADA) == {}
    assert (await profile_of(finding_demo)).host == "smtp.other.example"


async def test_a_save_for_which_nothing_is_found_takes_the_server_of_another_domain_away_and_then_one_that_is_typed(
    finding_demo: Demo, script: Script
) -> None:
    await put_for_the_demo_alone(finding_demo, script)
    workspace = finding_demo.workspace
    assert await workspace.submit(ADA) == {}
    view = workspace.view(ADA)
    assert view is not None
    assert "No settings were found for other.example." in told(view)
    assert standing(finding_demo) == server(None)
    # Whoever means that very server can still say so.
    await workspace.fill(ADA, "SMTP Server Address", "mail.demo.example")
    await workspace.fill(ADA, "Password", "for the demo")
    assert await workspace.submit(ADA) == {}
    assert (await profile_of(finding_demo)).host == "mail.demo.example"


async def test_no_password_is_set_privately_for_a_server_that_was_found_for_another_domain(
    finding_demo: Demo, script: Script
) -> None:
    await put_for_the_demo_alone(finding_demo, script)
    await finding_demo.workspace.press(ADA, "Set the password privately")
    await settled(finding_demo)
    view = finding_demo.workspace.view(ADA)
    assert view is not None
    assert "No settings were found for other.example." in told(view)
    assert standing(finding_demo) == server(None)


async def test_a_search_beyond_its_limit_takes_the_server_of_another_domain_away(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    await opened(finding_demo)
    async with finding_demo.bot.database.writing() as tx:
        for _ in range(SEARCHES_OF_A_PERSON[0].max_uses - 1):
            await count(tx, SEARCHES_OF_A_PERSON, TEAM, ADA)
    await find_for(finding_demo, "ada@other.example")
    view = finding_demo.workspace.view(ADA)
    assert view is not None
    assert "Please try again in" in told(view)
    assert standing(finding_demo) == server(None)


async def test_an_address_that_changes_during_a_search_is_said_to_have_and_no_other_domains_server_stays(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    await opened(finding_demo)
    script.may_answer.clear()
    await finding_demo.workspace.press(ADA, "Find settings")
    await finding_demo.workspace.fill(ADA, "Email Address", "ada@other.example")
    await finding_demo.workspace.fill(ADA, "Port", "2525")
    script.may_answer.set()
    await settled(finding_demo)
    view = finding_demo.workspace.view(ADA)
    assert view is not None
    assert "The address was changed. Press Find settings." in told(view)
    assert standing(finding_demo) == server(None, port="2525")


@pytest.mark.parametrize("button", ["Use these", "Other way"])
async def test_what_was_found_for_one_address_is_not_taken_for_another(
    finding_demo: Demo, script: Script, button: str
) -> None:
    stranger = NOTHING_BY_ITSELF["somebody has to choose"]
    script.known |= {"demo.example": (*stranger, OF_THE_DEMO), "other.example": (OF_THE_DEMO,)}
    await opened(finding_demo)
    await finding_demo.workspace.fill(ADA, "Email Address", "countess@other.example")
    await finding_demo.workspace.press(ADA, button)
    await settled(finding_demo)
    assert script.asked == ["ada@demo.example", "countess@other.example"]
    assert standing(finding_demo) == server("mail.demo.example")


async def test_a_slip_in_the_address_takes_nothing_away(finding_demo: Demo, script: Script) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    await opened(finding_demo)
    await finding_demo.workspace.fill(ADA, "Password", "for the demo")
    await find_for(finding_demo, "ada@demo,example")
    assert standing(finding_demo) == server("mail.demo.example")
    assert typed(finding_demo, ADA, "Password") == "for the demo"


async def test_a_fix_sends_no_password_to_a_server_that_was_found_for_another_domain(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    await opened(finding_demo)
    workspace = finding_demo.workspace
    await workspace.fill(ADA, "Port", "465")
    await workspace.fill(ADA, "Password", finding_demo.mail.account("ada@demo.example").password)
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="Connection test failed at Greeting")
    await settled(finding_demo)
    tried = len(finding_demo.mail.traffic)
    await workspace.fill(ADA, "Email Address", "ada@other.example")
    await workspace.press(ADA, "Use SSL on 465 and test again")
    view = await workspace.wait_view(ADA, "Email profile", containing="No settings were found for other.example.")
    await settled(finding_demo)
    assert len(finding_demo.mail.traffic) == tried
    assert standing(finding_demo) == server(None, port="465")
    assert "None were found; see the top of the form." in str(view.content)
