"""A form in which settings are looked for, for one address after another: nothing of the one stays for the other."""

import pytest

from bot.demo.run import Demo
from bot.discovery.findings import Caution, Found, Source
from tests.scenario.defaults.test_defaults import set_defaults
from tests.scenario.find_settings.conftest import Script, found, settings
from tests.scenario.find_settings.test_form import opened, server, standing
from tests.scenario.people import ADA, settled, typed

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
