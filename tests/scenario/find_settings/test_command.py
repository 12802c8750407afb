"""`/email-profile find`: what would be found for any address, and from where."""

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.platform import searchable
from bot.discovery.discovery import Discovery
from bot.discovery.findings import Caution, Source
from tests.scenario.find_settings.conftest import Script, cut_short, found, settings
from tests.scenario.people import ADA, GRACE


async def find(demo: Demo, address: str, user: str = ADA) -> str:
    """Ask for the settings of an address, and return the answer."""
    demo.workspace.all_messages.clear()
    await demo.workspace.command(user, "/email-profile", f"find {address}")
    shown = demo.workspace.messages(user)[-1]
    assert shown.reader == user
    return searchable(shown)


async def test_anybody_asks_for_any_address_and_is_told_the_settings_and_where_they_come_from(
    finding_demo: Demo, script: Script
) -> None:
    script.known["other.example"] = (
        found(Source.SRV, settings("smtp.other.example", login="{local}"), Caution.DNS_ONLY),
        found(Source.KNOCK, settings("mail.other.example"), Caution.GUESSED),
    )
    answer = await find(finding_demo, "babbage@other.example")
    assert "Mail settings for babbage@other.example: smtp.other.example, port 587, TLS (STARTTLS)." in answer
    assert "From the DNS of other.example: mail goes out through `smtp.other.example`." in answer
    assert "`babbage`" in answer
    assert "can be forged" in answer
    assert "mail.other.example" in answer
    assert "What each source said" not in answer


async def test_admins_are_told_what_each_source_said(finding_demo: Demo, script: Script) -> None:
    script.known["other.example"] = (found(Source.SRV, settings("smtp.other.example")),)
    answer = await find(finding_demo, "babbage@other.example", GRACE)
    assert "What each source said" in answer
    assert "*workspace defaults*: There is no row for other.example." in answer
    assert "*SRV records*: SRV records knows it." in answer
    nothing = await find(finding_demo, "babbage@nowhere.example", GRACE)
    assert (
        "No settings were found for nowhere.example. Check the address; its mail provider's help tells them, "
        "under SMTP or outgoing mail."
    ) in nothing
    assert "Type the" not in nothing
    assert "*table of providers*" in nothing


async def test_where_nothing_was_found_yet_the_answer_says_when_to_ask_again_and_speaks_of_no_form(
    finding_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Discovery, "find", cut_short)
    answer = await find(finding_demo, "babbage@slow.example")
    assert "Nothing was found for slow.example yet. Ask again in a minute." in answer
    assert "Find settings" not in answer


@pytest.mark.parametrize("address", ["nobody", "ada@", "@demo.example", "ada@127.0.0.1"])
async def test_what_is_no_address_is_refused_with_what_is_wrong_and_an_example(
    finding_demo: Demo, script: Script, address: str
) -> None:
    assert "Write it like ada@example.com." in await find(finding_demo, address)
    assert script.asked == []


async def test_an_answer_that_takes_long_comes_as_one_later_message(
    finding_demo: Demo, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.middleware.held_ack.HOLD_SECONDS", 0.0)
    script.known["other.example"] = (found(Source.SRV, settings("smtp.other.example")),)
    script.may_answer.clear()
    assert "Looking for the mail settings" in await find(finding_demo, "babbage@other.example")
    script.may_answer.set()
    await finding_demo.workspace.wait_message(ADA, "Mail settings for")


async def test_while_a_search_of_ones_own_is_under_way_another_is_not_queued_behind_it(
    finding_demo: Demo, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.middleware.held_ack.HOLD_SECONDS", 0.0)
    script.may_answer.clear()
    await find(finding_demo, "babbage@other.example")
    for _ in range(60):
        await finding_demo.workspace.command(ADA, "/email-profile", "find babbage@another.example")
    await finding_demo.workspace.wait_message(ADA, "A search of yours is under way. Wait for it.")
    # Others are not kept waiting, nor is what is known at once.
    await finding_demo.workspace.command(ADA, "/email-profile", "find babbage@gmail.com")
    await finding_demo.workspace.wait_message(ADA, "Mail settings for babbage@gmail.com")
    assert script.asked == ["babbage@other.example"]
    script.may_answer.set()
    await finding_demo.workspace.wait_message(ADA, "No settings were found for other.example")


async def test_without_an_address_the_command_says_what_is_missing(finding_demo: Demo) -> None:
    answer = await find(finding_demo, "")
    assert "Something is missing. Write it as `/email-profile find ADDRESS`." in answer
