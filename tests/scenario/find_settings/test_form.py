"""A form that fills itself: at once with what is known, soon with what is found, and never over what was typed."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import PEOPLE, TEAM
from bot.demo.stand_in.platform import searchable
from bot.demo.stand_in.views import OpenView
from bot.discovery.findings import Caution, Source
from bot.profiles.connection_tests.limits import SEARCHES_OF_A_PERSON, TESTS_OF_A_PERSON, count
from bot.providers.providers import Provider
from bot.slack.replies.form_searches import FormSearches
from bot.smtp.account import Encryption
from tests.scenario.defaults.test_defaults import set_defaults
from tests.scenario.find_settings.conftest import Script, found, settings
from tests.scenario.people import ADA, fill_form, open_form, profile_of, set_up, settled, typed

OF_THE_DEMO = found(Source.SRV, settings("mail.demo.example"), Caution.DNS_ONLY)
ELSEWHERE = found(
    Source.AUTOCONFIG, settings("smtp.other.example", port=465, encryption=Encryption.SSL, login="{local}")
)


async def opened(demo: Demo, *, address: str = "ada@demo.example") -> OpenView:
    """Open Ada's form, whose address in Slack is `address`, and wait until nothing is looked for any more."""
    workspace = demo.workspace
    workspace.people[ADA] = replace(workspace.people[ADA], address=address)
    await open_form(demo, ADA)
    await settled(demo)
    view = workspace.view(ADA)
    assert view is not None
    return view


def standing(demo: Demo, user: str = ADA) -> dict[str, object]:
    """What stands in the inputs that are found."""
    values = {name: typed(demo, user, name) for name in ("SMTP Server Address", "Port", "Encryption", "User/Login")}
    encryption = values["Encryption"]
    assert isinstance(encryption, dict)
    return values | {"Encryption": encryption["value"]}


def server(host: str | None, port: str = "587", encryption: str = "TLS", login: str | None = None) -> dict[str, object]:
    return {"SMTP Server Address": host, "Port": port, "Encryption": encryption, "User/Login": login}


def told(view: OpenView) -> str:
    """What stands above the first input."""
    blocks = view.content["blocks"]
    first = next(number for number, block in enumerate(blocks) if block["type"] == "input")
    return str(blocks[:first])


async def test_a_form_opens_filled_in_with_what_is_known_of_the_address(finding_demo: Demo, script: Script) -> None:
    view = await opened(finding_demo, address="ada@gmail.com")
    assert standing(finding_demo) == server("smtp.gmail.com")
    assert "gmail.com is a domain of Gmail" in told(view)
    assert "<https://myaccount.google.com/apppasswords|make one>" in told(view)
    assert script.asked == []
    assert finding_demo.workspace.calls("views.update") == 0


async def test_a_form_opens_before_the_network_is_asked_and_is_filled_in_when_that_answers(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    await open_form(finding_demo, ADA)
    view = finding_demo.workspace.view(ADA)
    assert view is not None
    assert "Looking for the mail settings of `demo.example`" in told(view)
    assert standing(finding_demo) == server(None)
    script.may_answer.set()
    await settled(finding_demo)
    assert standing(finding_demo) == server("mail.demo.example")
    assert "From the DNS of demo.example: mail goes out through `mail.demo.example`." in told(view)
    assert "can be forged" in told(view)
    assert "Looking" not in told(view)
    # What is typed from now on is nobody's business before it is sent.
    assert "on_character_entered" not in str(view.content)


async def test_only_the_password_is_typed_until_the_test_passes(finding_demo: Demo, script: Script) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    await opened(finding_demo)
    workspace = finding_demo.workspace
    await workspace.fill(ADA, "Password", finding_demo.mail.account("ada@demo.example").password)
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
    await settled(finding_demo)
    assert await workspace.submit(ADA) == {}
    assert "Works — tested" in searchable(await workspace.wait_message(ADA, "Your email profile"))


@pytest.mark.parametrize(
    ("label", "value", "shown"),
    [
        ("SMTP Server Address", "relay.demo.example", server("relay.demo.example")),
        ("Port", "2525", server("mail.demo.example", port="2525")),
        ("User/Login", "lovelace", server("mail.demo.example", login="lovelace")),
        ("Encryption", "SSL", server("mail.demo.example", encryption="SSL")),
        ("Password", "secret 1843", server("mail.demo.example")),
    ],
)
async def test_what_is_typed_while_settings_are_looked_for_stays(
    finding_demo: Demo, script: Script, label: str, value: str, shown: dict[str, object]
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    await open_form(finding_demo, ADA)
    await finding_demo.workspace.fill(ADA, label, value)
    script.may_answer.set()
    await settled(finding_demo)
    assert standing(finding_demo) == shown
    if label == "Password":
        assert typed(finding_demo, ADA, "Password") == value
    elif label != "User/Login":
        view = finding_demo.workspace.view(ADA)
        assert view is not None
        assert "Use these" in told(view)


@pytest.mark.parametrize(
    ("label", "value", "shown"),
    [
        ("Port", "25", server("smtp.other.example", port="25", login="ada")),
        ("Port", "465", server("smtp.other.example", port="465", encryption="SSL", login="ada")),
        ("Encryption", "none", server("smtp.other.example", encryption="none", login="ada")),
        ("Encryption", "SSL", server("smtp.other.example", port="465", encryption="SSL", login="ada")),
    ],
)
async def test_port_and_encryption_are_filled_in_together_or_not_at_all(
    finding_demo: Demo, script: Script, label: str, value: str, shown: dict[str, object]
) -> None:
    workspace = finding_demo.workspace
    await opened(finding_demo)
    script.known["demo.example"] = (ELSEWHERE,)
    await workspace.fill(ADA, label, value)
    await workspace.press(ADA, "Find settings")
    await settled(finding_demo)
    assert standing(finding_demo) == shown
    view = workspace.view(ADA)
    assert view is not None
    assert ("Use these" in told(view)) == (shown["Encryption"] != "SSL")


async def test_what_was_found_is_chosen_over_what_was_typed_by_a_button_alone(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (ELSEWHERE,)
    workspace = finding_demo.workspace
    await opened(finding_demo)
    for label, value in (
        ("SMTP Server Address", "relay.demo.example"),
        ("Port", "2525"),
        ("Password", "for the relay"),
    ):
        await workspace.fill(ADA, label, value)
    await workspace.press(ADA, "Find settings")
    await settled(finding_demo)
    assert standing(finding_demo) == server("relay.demo.example", port="2525", encryption="SSL", login="ada")
    await workspace.press(ADA, "Use these")
    assert standing(finding_demo) == server("smtp.other.example", port="465", encryption="SSL", login="ada")
    # It was typed for another server.
    assert typed(finding_demo, ADA, "Password") is None


async def test_enter_in_the_address_finds_for_another_one_and_replaces_what_the_bot_put_there(
    finding_demo: Demo, script: Script
) -> None:
    script.known |= {"demo.example": (OF_THE_DEMO,), "other.example": (ELSEWHERE,)}
    workspace = finding_demo.workspace
    await opened(finding_demo)
    await workspace.enter(ADA, "Email Address", "ada@other.example")
    await settled(finding_demo)
    assert script.asked == ["ada@demo.example", "ada@other.example"]
    assert standing(finding_demo) == server("smtp.other.example", port="465", encryption="SSL", login="ada")
    assert typed(finding_demo, ADA, "Email Address") == "ada@other.example"
    view = workspace.view(ADA)
    assert view is not None
    assert "From the settings that other.example publishes" in told(view)


async def test_typing_in_the_address_alone_finds_nothing_and_the_button_does(
    finding_demo: Demo, script: Script
) -> None:
    workspace = finding_demo.workspace
    await opened(finding_demo)
    await workspace.fill(ADA, "Email Address", "ada@gmail.com")
    assert standing(finding_demo) == server(None)
    await workspace.press(ADA, "Find settings")
    assert standing(finding_demo) == server("smtp.gmail.com")
    assert script.asked == ["ada@demo.example"]


async def test_a_search_that_finds_nothing_says_so_and_changes_nothing(finding_demo: Demo, script: Script) -> None:
    view = await opened(finding_demo)
    assert standing(finding_demo) == server(None)
    assert "No settings were found for demo.example. Check the address, or type the SMTP Server Address" in told(view)
    assert script.asked == ["ada@demo.example"]


async def test_a_test_without_a_server_finds_one_shows_it_and_asks_before_a_password_goes_there(
    finding_demo: Demo, script: Script
) -> None:
    workspace = finding_demo.workspace
    await opened(finding_demo)
    script.known["demo.example"] = (OF_THE_DEMO,)
    await workspace.fill(ADA, "Password", finding_demo.mail.account("ada@demo.example").password)
    await workspace.press(ADA, "Test connection")
    view = await workspace.wait_view(ADA, "Email profile", containing="then press Test connection again.")
    await settled(finding_demo)
    assert standing(finding_demo) == server("mail.demo.example")
    assert not finding_demo.mail.traffic
    assert "From the DNS of demo.example" in told(view)
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
    await settled(finding_demo)


async def test_a_save_without_a_server_finds_one_shows_it_and_asks_before_anything_is_stored(
    finding_demo: Demo, script: Script
) -> None:
    workspace = finding_demo.workspace
    await opened(finding_demo)
    script.known["demo.example"] = (OF_THE_DEMO,)
    await workspace.fill(ADA, "Password", finding_demo.mail.account("ada@demo.example").password)
    assert await workspace.submit(ADA) == {}
    view = workspace.view(ADA)
    assert view is not None
    assert "then press Save again." in str(view.content)
    assert standing(finding_demo) == server("mail.demo.example")
    await workspace.command(ADA, "/email-profile")
    assert "no email profile yet" in searchable(workspace.messages(ADA)[-1])
    assert await workspace.submit(ADA) == {}
    assert (await profile_of(finding_demo)).host == "mail.demo.example"


async def test_a_save_without_a_server_says_at_its_field_that_none_was_found(
    finding_demo: Demo, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = finding_demo.workspace
    await opened(finding_demo)
    await workspace.fill(ADA, "Password", "secret 1843")
    await workspace.fill(ADA, "Port", "x")
    errors = await workspace.submit(ADA)
    assert errors["SMTP Server Address"].startswith("No settings were found for demo.example. Check the address, or")
    assert errors["Port"].startswith("x is not a port.")
    monkeypatch.setattr("bot.slack.middleware.held_ack.HOLD_SECONDS", 0.0)
    script.may_answer.clear()
    errors = await workspace.submit(ADA)
    assert "Nothing was found for demo.example yet. Press Find settings to try again" in errors["SMTP Server Address"]
    assert typed(finding_demo, ADA, "Password") == "secret 1843"


async def test_the_other_way_shows_what_the_next_source_found(finding_demo: Demo, script: Script) -> None:
    script.known["demo.example"] = (OF_THE_DEMO, ELSEWHERE)
    workspace = finding_demo.workspace
    await opened(finding_demo)
    await workspace.press(ADA, "Other way")
    assert standing(finding_demo) == server("smtp.other.example", port="465", encryption="SSL", login="ada")
    await workspace.press(ADA, "Other way")
    assert standing(finding_demo) == server("mail.demo.example")
    assert script.asked == ["ada@demo.example"]


@pytest.mark.parametrize(
    ("caution", "words"),
    [
        (Caution.OTHER_DOMAIN, "This comes from elsewhere.example, not from demo.example."),
        (Caution.DISAGREEMENT, "its mail comes in at another's"),
        (Caution.MIXED_SCRIPTS, "letter by letter"),
    ],
)
async def test_what_may_be_a_strangers_is_put_nowhere_before_somebody_chooses_it(
    finding_demo: Demo, script: Script, caution: Caution, words: str
) -> None:
    way = found(Source.AUTOCONFIG, settings("smtp.elsewhere.example"), caution, other_domain="elsewhere.example")
    script.known["demo.example"] = (way,)
    view = await opened(finding_demo)
    assert words in told(view)
    assert "Nothing of this is filled in before you press Use these." in told(view)
    assert standing(finding_demo) == server(None)
    await finding_demo.workspace.press(ADA, "Use these")
    assert standing(finding_demo) == server("smtp.elsewhere.example")


async def test_a_warning_names_the_domain_as_people_read_it(finding_demo: Demo, script: Script) -> None:
    ways = found(Source.SRV, settings("smtp.other.example"), *Caution, other_domain="other.example")
    script.known["xn--mnchen-3ya.example"] = (ways,)
    view = await opened(finding_demo, address="ada@münchen.example")
    assert "This comes from other.example, not from münchen.example." in told(view)
    warnings = [str(block) for block in view.content["blocks"] if ":warning:" in str(block)]
    assert len(warnings) == len(Caution)
    assert all(("xn--" in text) is ("In DNS it is" in text) for text in warnings)


async def test_a_provider_without_a_server_for_programs_is_told_and_nothing_is_filled_in(
    finding_demo: Demo, script: Script
) -> None:
    view = await opened(finding_demo, address="ada@tuta.com")
    assert "tuta.com is a domain of Tuta" in told(view)
    assert standing(finding_demo) == server(None)
    assert script.asked == []


async def test_a_provider_recognised_by_its_mx_is_told_by_name_with_the_link_to_an_app_password(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (
        found(Source.MX, settings("smtp.gmail.com"), Caution.DNS_ONLY, provider=Provider.GMAIL),
    )
    view = await opened(finding_demo)
    assert "From the DNS of demo.example: mail is hosted by Google. Google wants an app password: <https://" in told(
        view
    )
    assert standing(finding_demo) == server("smtp.gmail.com")


async def test_a_profile_that_works_is_never_changed_by_what_is_found(finding_demo: Demo, script: Script) -> None:
    workspace = finding_demo.workspace
    await set_up(finding_demo, ADA)
    await workspace.command(ADA, "/email-test")
    script.known["demo.example"] = (ELSEWHERE,)
    script.asked.clear()
    await opened(finding_demo)
    assert script.asked == []
    before = standing(finding_demo)
    await workspace.press(ADA, "Find settings")
    await settled(finding_demo)
    assert standing(finding_demo) == before
    stored = await profile_of(finding_demo)
    assert (stored.host, stored.port) == ("mail.demo.example", 587)
    # Chosen all the same, it asks for a password of its own: the stored one goes nowhere else.
    await workspace.press(ADA, "Use these")
    assert "required" in str(await workspace.submit(ADA))
    assert await profile_of(finding_demo) == stored


async def test_what_is_pressed_during_a_search_ends_it_and_nothing_is_put_into_the_form_later(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (ELSEWHERE,)
    script.may_answer.clear()
    await open_form(finding_demo, ADA)
    await fill_form(finding_demo, ADA)
    await finding_demo.workspace.press(ADA, "Test connection")
    view = await finding_demo.workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
    script.may_answer.set()
    await settled(finding_demo)
    assert standing(finding_demo)["SMTP Server Address"] == "mail.demo.example"
    assert "Connection test passed" in told(view)
    assert "Looking" not in told(view)


async def test_a_form_that_was_drawn_anew_elsewhere_meanwhile_is_left_alone(finding_demo: Demo, script: Script) -> None:
    workspace = finding_demo.workspace
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    await open_form(finding_demo, ADA)
    view = workspace.view(ADA)
    assert view is not None
    workspace.replace_view(view, {**view.content})
    script.may_answer.set()
    await settled(finding_demo)
    assert standing(finding_demo) == server(None)
    assert workspace.refusals == [("views.update", "hash_conflict")]
    workspace.refusals.clear()


async def test_a_form_that_was_closed_meanwhile_needs_nothing(finding_demo: Demo, script: Script) -> None:
    workspace = finding_demo.workspace
    script.may_answer.clear()
    await open_form(finding_demo, ADA)
    await workspace.cancel(ADA)
    script.may_answer.set()
    await settled(finding_demo)
    assert workspace.refusals == [("views.update", "not_found")]
    workspace.refusals.clear()
    assert workspace.messages(ADA) == []


async def test_beyond_its_limit_a_search_says_when_to_try_again_and_what_is_known_at_once_is_still_found(
    finding_demo: Demo, script: Script
) -> None:
    async with finding_demo.bot.database.writing() as tx:
        for _ in range(SEARCHES_OF_A_PERSON[0].max_uses):
            await count(tx, SEARCHES_OF_A_PERSON, TEAM, ADA)
    view = await opened(finding_demo)
    assert "Or type the SMTP Server Address." in told(view)
    assert script.asked == []
    await finding_demo.workspace.enter(ADA, "Email Address", "ada@gmail.com")
    assert standing(finding_demo) == server("smtp.gmail.com")


async def test_the_workspaces_own_server_stays_unless_settings_are_asked_for(
    finding_demo: Demo, script: Script
) -> None:
    workspace = finding_demo.workspace
    await set_defaults(finding_demo, SMTP_Server_Address="mail.demo.example", Port="587", Encryption="TLS")
    await opened(finding_demo, address="ada@gmail.com")
    assert standing(finding_demo) == server("mail.demo.example")
    await workspace.press(ADA, "Find settings")
    assert standing(finding_demo) == server("smtp.gmail.com")
    assert script.asked == []


async def test_a_server_that_the_workspace_does_not_allow_is_told_and_not_filled_in(
    finding_demo: Demo, script: Script
) -> None:
    await set_defaults(finding_demo, Allowed_servers="mail.demo.example")
    script.known["demo.example"] = (ELSEWHERE,)
    view = await opened(finding_demo)
    assert "Your admins allow only these servers: mail.demo.example." in told(view)
    assert "Use these" not in told(view)
    assert standing(finding_demo) == server(None)


async def test_where_finding_is_off_the_form_is_as_before(tmp_path: Path) -> None:
    people = [replace(person, address="ada@gmail.com") if person.id == ADA else person for person in PEOPLE]
    async with running_demo(tmp_path, people=people, discovery="off") as demo:
        await open_form(demo, ADA)
        view = demo.workspace.view(ADA)
        assert view is not None
        assert "Find settings" not in str(view.content)
        assert "dispatch_action_config" not in str(view.content)
        assert standing(demo) == server(None)
        await demo.workspace.fill(ADA, "Password", "x")
        assert "SMTP Server Address" in await demo.workspace.submit(ADA)
        await demo.workspace.command(ADA, "/email-profile", "find ada@gmail.com")
        assert "Finding settings is switched off on this bot." in searchable(demo.workspace.messages(ADA)[-1])


async def test_what_a_search_finds_after_the_form_was_typed_in_twice_respects_both(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (ELSEWHERE,)
    script.may_answer.clear()
    workspace = finding_demo.workspace
    await open_form(finding_demo, ADA)
    for text in ("l", "lo", "lovelace"):
        await workspace.fill(ADA, "User/Login", text)
    await workspace.fill(ADA, "Port", "2525")
    script.may_answer.set()
    await settled(finding_demo)
    assert standing(finding_demo) == server("smtp.other.example", port="2525", login="lovelace")


async def test_what_is_opened_on_top_of_a_form_ends_its_search_and_the_form_says_so_no_more(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    workspace = finding_demo.workspace
    await open_form(finding_demo, ADA)
    await workspace.fill(ADA, "Port", "2525")
    await workspace.press(ADA, "Extra Configurations")
    await workspace.wait_view(ADA, "Extra configurations")
    script.may_answer.set()
    await settled(finding_demo)
    await workspace.cancel(ADA)
    view = workspace.view(ADA)
    assert view is not None
    assert "Looking" not in str(view.content)
    assert standing(finding_demo) == server(None, port="2525")


async def test_what_was_found_for_one_address_is_not_put_beside_another_that_was_typed_meanwhile(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    workspace = finding_demo.workspace
    await open_form(finding_demo, ADA)
    await workspace.fill(ADA, "Email Address", "ada@other.example")
    await workspace.fill(ADA, "User/Login", "ada")
    script.may_answer.set()
    await settled(finding_demo)
    assert standing(finding_demo) == server(None, login="ada")
    assert typed(finding_demo, ADA, "Email Address") == "ada@other.example"


async def test_a_found_server_takes_no_password_that_was_typed_for_another_one(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO, ELSEWHERE)
    workspace = finding_demo.workspace
    await opened(finding_demo)
    await workspace.fill(ADA, "Password", "for mail.demo.example")
    await workspace.press(ADA, "Other way")
    assert standing(finding_demo)["SMTP Server Address"] == "smtp.other.example"
    assert typed(finding_demo, ADA, "Password") is None


@pytest.mark.parametrize("value", ["", "{}", "[1]", '["a", "b", "c", []]', '["a", "b", "c", [{"source": "GOD"}]]'])
async def test_a_button_that_this_version_did_not_make_puts_nothing_into_the_form(
    finding_demo: Demo, value: str
) -> None:
    workspace = finding_demo.workspace
    view = await opened(finding_demo)
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "Use these"},
        "action_id": "form_use_found",
        "value": value,
    }
    await workspace.send_action(ADA, view, {"type": "actions", "block_id": "found_1"}, button)
    shown = await workspace.wait_view(ADA, "Please note")
    assert "older version of the bot" in str(shown.content)
    await workspace.cancel(ADA)
    assert standing(finding_demo) == server(None)


async def not_mine(_self: FormSearches, _shown: Mapping[str, object]) -> bool:
    return False


async def test_what_is_typed_stays_where_the_search_is_another_instances(
    finding_demo: Demo, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    workspace = finding_demo.workspace
    await open_form(finding_demo, ADA)
    # That instance knows of no search.
    monkeypatch.setattr(FormSearches, "note_typed", not_mine)
    monkeypatch.setattr(FormSearches, "end", lambda _self, _view_id: False)
    await workspace.fill(ADA, "SMTP Server Address", "relay.demo.example")
    monkeypatch.undo()
    script.may_answer.set()
    await settled(finding_demo)
    assert standing(finding_demo) == server("relay.demo.example")
    assert workspace.refusals == [("views.update", "hash_conflict")]
    workspace.refusals.clear()


async def test_what_is_typed_in_the_last_moment_of_a_search_draws_nothing_anew(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    workspace = finding_demo.workspace
    await open_form(finding_demo, ADA)
    view = workspace.view(ADA)
    assert view is not None
    block, _ = view.labelled("Port")
    shown = view.payload()
    script.may_answer.set()
    await settled(finding_demo)
    updates = workspace.calls("views.update")
    with pytest.MonkeyPatch.context() as patched:
        # It was sent before the form was filled in.
        patched.setattr(OpenView, "payload", lambda _self: shown)
        await workspace.send_action(ADA, view, block, block["element"])
    assert workspace.calls("views.update") == updates
    assert standing(finding_demo) == server("mail.demo.example")


async def test_a_login_that_a_tested_profile_makes_of_its_address_is_not_replaced_by_a_found_one(
    finding_demo: Demo, script: Script
) -> None:
    await set_up(finding_demo, ADA)
    same_server = settings("mail.demo.example", login="{local}")
    script.known["demo.example"] = (found(Source.SRV, same_server, Caution.DNS_ONLY),)
    await opened(finding_demo)
    before = standing(finding_demo)
    await finding_demo.workspace.press(ADA, "Find settings")
    await settled(finding_demo)
    assert standing(finding_demo) == before
    assert await finding_demo.workspace.submit(ADA) == {}
    assert (await profile_of(finding_demo)).login == "ada@demo.example"


async def relay_without_sign_in(demo: Demo) -> None:
    """Let new forms begin with a server that nobody signs in to."""
    await set_defaults(
        demo, SMTP_Server_Address="relay.demo.example", Port="25", Encryption="none", Authentication_Required="off"
    )


async def test_what_is_found_turns_signing_in_on_where_the_workspaces_server_needed_none(
    finding_demo: Demo, script: Script
) -> None:
    await relay_without_sign_in(finding_demo)
    await opened(finding_demo)
    assert not typed(finding_demo, ADA, "Authentication Required")
    await finding_demo.workspace.enter(ADA, "Email Address", "ada@gmail.com")
    assert standing(finding_demo) == server("smtp.gmail.com")
    assert typed(finding_demo, ADA, "Authentication Required")
    await finding_demo.workspace.enter(ADA, "Email Address", "ada@demo.example")
    await settled(finding_demo)
    assert standing(finding_demo) == server("relay.demo.example", port="25", encryption="none")
    assert not typed(finding_demo, ADA, "Authentication Required")


async def test_signing_in_stays_off_where_somebody_turned_it_off(finding_demo: Demo, script: Script) -> None:
    await opened(finding_demo)
    await finding_demo.workspace.enter(ADA, "Authentication Required", value=False)
    await finding_demo.workspace.enter(ADA, "Email Address", "ada@gmail.com")
    assert standing(finding_demo) == server("smtp.gmail.com")
    assert not typed(finding_demo, ADA, "Authentication Required")


async def test_a_login_that_the_address_does_not_tell_leaves_the_typed_one(finding_demo: Demo, script: Script) -> None:
    script.known["demo.example"] = (found(Source.SRV, settings("smtp.mailgun.org", login="")),)
    workspace = finding_demo.workspace
    await opened(finding_demo)
    assert standing(finding_demo) == server("smtp.mailgun.org")
    await workspace.fill(ADA, "User/Login", "postmaster@mg.demo.example")
    await workspace.fill(ADA, "Port", "2525")
    await workspace.press(ADA, "Find settings")
    await settled(finding_demo)
    await workspace.press(ADA, "Use these")
    assert standing(finding_demo) == server("smtp.mailgun.org", login="postmaster@mg.demo.example")
    await workspace.press(ADA, "Find settings")
    await settled(finding_demo)
    assert standing(finding_demo) == server("smtp.mailgun.org", login="postmaster@mg.demo.example")


async def test_what_is_typed_in_the_last_moment_of_a_search_is_put_back(finding_demo: Demo, script: Script) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    workspace = finding_demo.workspace
    await open_form(finding_demo, ADA)
    view = workspace.view(ADA)
    assert view is not None
    block, key = view.labelled("SMTP Server Address")
    view.enter(key, block["element"], "relay.demo.example")
    typed_late = view.payload()
    script.may_answer.set()
    await settled(finding_demo)
    assert standing(finding_demo) == server("mail.demo.example")
    with pytest.MonkeyPatch.context() as patched:
        # It was sent before the form was filled in.
        patched.setattr(OpenView, "payload", lambda _self: typed_late)
        await workspace.send_action(ADA, view, block, block["element"])
    assert standing(finding_demo) == server("relay.demo.example")
    assert "Use these" in told(view)


async def test_what_is_typed_while_settings_that_are_known_at_once_are_put_into_the_form_is_put_back(
    finding_demo: Demo, script: Script
) -> None:
    script.may_answer.clear()
    workspace = finding_demo.workspace
    await open_form(finding_demo, ADA)
    view = workspace.view(ADA)
    assert view is not None
    address, address_key = view.labelled("Email Address")
    block, key = view.labelled("SMTP Server Address")
    view.enter(address_key, address["element"], "ada@gmail.com")
    view.enter(key, block["element"], "relay.demo.example")
    typed_late = view.payload()
    view.enter(key, block["element"], None)
    await workspace.enter(ADA, "Email Address", "ada@gmail.com")
    assert standing(finding_demo) == server("smtp.gmail.com")
    with pytest.MonkeyPatch.context() as patched:
        # It was sent before the form was filled in.
        patched.setattr(OpenView, "payload", lambda _self: typed_late)
        await workspace.send_action(ADA, view, block, block["element"])
    assert standing(finding_demo) == server("relay.demo.example")
    assert "Use these" in told(view)
    script.may_answer.set()
    await settled(finding_demo)


async def crossing(demo: Demo, *presses: Awaitable[None]) -> None:
    """Let presses cross each other's drawings, of which Slack refuses the older ones."""
    await asyncio.gather(*presses)
    demo.workspace.refusals.clear()


@pytest.mark.parametrize("second", ["Find settings", "Enter", "Test connection"])
async def test_presses_that_cross_each_other_leave_no_form_that_looks_for_ever(
    finding_demo: Demo, script: Script, second: str
) -> None:
    workspace = finding_demo.workspace
    await opened(finding_demo)
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    if second == "Enter":
        press = workspace.enter(ADA, "Email Address", "ada@demo.example")
    else:
        press = workspace.press(ADA, second)
    await crossing(finding_demo, workspace.press(ADA, "Find settings"), press)
    script.may_answer.set()
    await settled(finding_demo)
    view = workspace.view(ADA)
    assert view is not None
    assert "Looking" not in told(view)
    assert standing(finding_demo) == server("mail.demo.example")
    assert not workspace.refusals


async def test_a_test_that_crosses_the_end_of_a_search_is_reported_in_the_form(
    finding_demo: Demo, script: Script
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    workspace = finding_demo.workspace
    await open_form(finding_demo, ADA)
    await fill_form(finding_demo, ADA)
    view = workspace.view(ADA)
    assert view is not None
    before = view.payload()
    script.may_answer.set()
    await settled(finding_demo)
    with pytest.MonkeyPatch.context() as patched:
        # It was pressed before the form was filled in.
        patched.setattr(OpenView, "payload", lambda _self: before)
        await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
    await settled(finding_demo)
    assert workspace.refusals == [("views.update", "hash_conflict")]
    workspace.refusals.clear()
    assert workspace.messages(ADA) == []


async def test_a_save_that_is_refused_leaves_no_form_that_looks_for_ever(finding_demo: Demo, script: Script) -> None:
    script.may_answer.clear()
    workspace = finding_demo.workspace
    await open_form(finding_demo, ADA)
    await fill_form(finding_demo, ADA, port="x")
    assert "Port" in await workspace.submit(ADA)
    await workspace.fill(ADA, "Port", "587")
    view = workspace.view(ADA)
    assert view is not None
    assert "Press Find settings to look for the settings again." in told(view)
    assert "on_character_entered" not in str(view.content)
    script.may_answer.set()
    await settled(finding_demo)
    assert await workspace.submit(ADA) == {}


async def test_a_test_beyond_its_limit_leaves_no_form_that_looks_for_ever(finding_demo: Demo, script: Script) -> None:
    script.may_answer.clear()
    workspace = finding_demo.workspace
    async with finding_demo.bot.database.writing() as tx:
        for _ in range(TESTS_OF_A_PERSON[0].max_uses):
            await count(tx, TESTS_OF_A_PERSON, TEAM, ADA)
    await open_form(finding_demo, ADA)
    await fill_form(finding_demo, ADA)
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Connection test")
    script.may_answer.set()
    await settled(finding_demo)
    await workspace.cancel(ADA)
    view = workspace.view(ADA)
    assert view is not None
    assert "Looking" not in told(view)
    assert standing(finding_demo)["SMTP Server Address"] == "mail.demo.example"


async def test_a_test_that_finds_no_place_leaves_no_form_that_looks_for_ever(
    finding_demo: Demo, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.may_answer.clear()
    workspace = finding_demo.workspace
    await open_form(finding_demo, ADA)
    await fill_form(finding_demo, ADA)
    monkeypatch.setattr(finding_demo.bot.jobs, "_most", 0)
    await workspace.press(ADA, "Test connection")
    await workspace.cancel(ADA)
    view = workspace.view(ADA)
    assert view is not None
    assert "Looking" not in told(view)
    script.may_answer.set()
    await settled(finding_demo)


async def test_a_slack_that_is_slow_at_the_first_drawing_shows_the_last(
    finding_demo: Demo, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = finding_demo.workspace
    await opened(finding_demo)
    script.known["demo.example"] = (OF_THE_DEMO,)
    monkeypatch.setattr("bot.slack.replies.modals.MODAL_TIMEOUT_SECONDS", 0.2)
    workspace.faults["views.update"] = [Fault(kind="garbled")]
    await workspace.press(ADA, "Find settings")
    await settled(finding_demo)
    assert standing(finding_demo) == server("mail.demo.example")


async def test_what_is_opened_on_top_says_no_more_that_another_instance_searches(
    finding_demo: Demo, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    workspace = finding_demo.workspace
    await open_form(finding_demo, ADA)
    # That instance knows of no search.
    monkeypatch.setattr(FormSearches, "end", lambda _self, _view_id: False)
    await workspace.press(ADA, "Extra Configurations")
    await workspace.wait_view(ADA, "Extra configurations")
    monkeypatch.undo()
    script.may_answer.set()
    await settled(finding_demo)
    await workspace.cancel(ADA)
    view = workspace.view(ADA)
    assert view is not None
    assert "Looking" not in told(view)
    assert workspace.refusals == [("views.update", "hash_conflict")]
    workspace.refusals.clear()


async def test_quick_presses_keep_no_places_of_others(finding_demo: Demo, script: Script) -> None:
    workspace = finding_demo.workspace
    await opened(finding_demo)
    script.known["demo.example"] = (OF_THE_DEMO,)
    script.may_answer.clear()
    for _ in range(6):
        await workspace.press(ADA, "Find settings")
    async with asyncio.timeout(5):
        # The one that asks the network, and the last one, which waits for it.
        while finding_demo.bot.jobs.running > 2:
            await asyncio.sleep(0.002)
    script.may_answer.set()
    await settled(finding_demo)
    assert standing(finding_demo) == server("mail.demo.example")
    assert len(script.asked) == 3
