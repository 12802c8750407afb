"""The test inside the form: it tries what is typed, says at the top what came of it, and saves nothing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.demo.mail import DemoMail
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import CHANNEL, TEAM
from bot.demo.stand_in.platform import searchable
from bot.demo.stand_in.views import OpenView
from bot.demo.stand_in.web_api import WebApi
from bot.profiles.connection_tests.limits import TESTS_OF_A_PERSON, count
from storage.crypto.keyring import generate_key
from tests.scenario.defaults.test_defaults import demo_defaults
from tests.scenario.people import ADA, GRACE, fill_form, history, open_form, run_test, set_up, settled, typed
from tests.store import Store


async def try_out(demo: Demo, user: str = ADA, containing: str = "nothing is saved yet") -> OpenView:
    """Press the form's button and wait for what came of it."""
    await demo.workspace.press(user, "Test connection")
    view = await demo.workspace.wait_view(user, "Email profile", containing=containing)
    await settled(demo)
    return view


async def saved(demo: Demo, user: str = ADA, whose: str = "Your email profile") -> str:
    """Save the form, and return the card."""
    demo.workspace.all_messages.clear()
    assert await demo.workspace.submit(user) == {}
    return searchable(await demo.workspace.wait_message(user, whose))


def kinds(view: OpenView) -> list[str]:
    return [block["type"] for block in view.content["blocks"]]


async def test_the_test_in_the_form_tries_what_is_typed_keeps_it_and_saves_nothing(demo: Demo) -> None:
    workspace = demo.workspace
    await open_form(demo, ADA)
    await fill_form(demo, ADA, password="wrong")
    failed = await try_out(demo, containing="Connection test failed at Sign-in")
    assert "times more this login may be refused before the bot locks it for a while" in str(failed.content)
    assert typed(demo, ADA, "Password") == "wrong"
    await workspace.fill(ADA, "Password", demo.mail.account("ada@demo.example").password)
    await try_out(demo)
    await workspace.cancel(ADA)
    await workspace.command(ADA, "/email-profile")
    assert "no email profile yet" in searchable(workspace.messages(ADA)[-1])


async def test_a_test_names_what_nobody_sees_before_the_sign_in_and_takes_a_pasted_address_apart(
    http_demo: Demo,
) -> None:
    workspace, host = http_demo.workspace, http_demo.mail.host
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, password="abcd efgh ijkl mnop")
    await workspace.fill(ADA, "SMTP Server Address", f"“https://{host.upper()}:587/”")
    await workspace.fill(ADA, "Port", "")
    await workspace.press(ADA, "Test connection")
    running = await workspace.wait_view(ADA, "Email profile", containing="It is kept as it was typed.")
    assert "The password has blanks between its groups." in str(running.content)
    assert f"Of the SMTP Server Address {host.upper()} and port 587 are kept." in str(running.content)
    view = await workspace.wait_view(ADA, "Email profile", containing="Connection test failed at Sign-in")
    assert f"{host}:587" in str(view.content)
    assert "The password has blanks between its groups." in str(view.content)
    await settled(http_demo)
    await workspace.fill(ADA, "Password", http_demo.mail.account("ada@demo.example").password)
    passed = await try_out(http_demo)
    assert "Connection test passed" in str(passed.content)
    assert f"Of the SMTP Server Address {host.upper()} and port 587 are kept." in str(passed.content)


async def test_what_a_test_found_stands_at_the_top_with_its_buttons_near_and_a_word_beside_the_forms_own(
    http_demo: Demo,
) -> None:
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, port="465")
    view = await try_out(http_demo, containing="Connection test failed at Greeting")
    alert, advice, *_ = view.content["blocks"]
    assert (alert["type"], alert["level"]) == ("alert", "error")
    assert "port 465 expects SSL" in alert["text"]["text"]
    assert advice["text"]["text"].startswith("*Why:*")
    assert kinds(view).index("actions") < kinds(view).index("input")
    assert "The test failed at Greeting. The report stands at the top." in str(view.content["blocks"][-1])
    await http_demo.workspace.fill(ADA, "Encryption", "SSL")
    view = await try_out(http_demo)
    assert view.content["blocks"][0]["level"] == "success"
    assert kinds(view).count("alert") == 1


async def test_the_test_in_the_form_lists_what_must_be_mended_first(http_demo: Demo) -> None:
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, port="x")
    view = await try_out(http_demo, containing="mend this first")
    assert "x is not a port" in str(view.content)
    # A number is all that Slack takes as the initial value; what was typed stays in the input all the same.
    assert typed(http_demo, ADA, "Port") == "x"
    assert view.content["blocks"][0]["type"] == "alert"


async def test_a_test_that_passed_counts_when_exactly_these_values_are_saved(demo: Demo) -> None:
    await open_form(demo, ADA)
    await fill_form(demo, ADA)
    await try_out(demo)
    assert "Works — tested" in await saved(demo)
    assert await history(demo) == [(ADA, "tested"), (ADA, "saved"), (ADA, "tested a form")]
    await open_form(demo, ADA)
    await demo.workspace.fill(ADA, "Port", "2525")
    assert "Not tested yet" in await saved(demo)


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("Password", "another"),
        ("User/Login", "ada"),
        ("Port", "2525"),
        ("Encryption", "SSL"),
        ("Email Address", "a@demo.example"),
        ("Authentication Required", False),
    ],
)
async def test_a_test_that_passed_does_not_count_when_anything_differs(
    http_demo: Demo, label: str, value: str | bool
) -> None:
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    await try_out(http_demo)
    await http_demo.workspace.fill(ADA, label, value)
    assert "Not tested yet" in await saved(http_demo)


async def test_a_test_that_passed_counts_no_more_once_the_same_values_failed(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    await try_out(http_demo)
    with monkeypatch.context() as while_refused:
        while_refused.setattr(http_demo.mail, "accounts", ())
        await try_out(http_demo, containing="Connection test failed at Sign-in")
    assert "Not tested yet" in await saved(http_demo)
    await open_form(http_demo, ADA)
    await try_out(http_demo)
    # That other values failed says nothing of these.
    await http_demo.workspace.fill(ADA, "Port", "465")
    await try_out(http_demo, containing="Connection test failed at Greeting")
    await http_demo.workspace.fill(ADA, "Port", "587")
    assert "Works — tested" in await saved(http_demo)


async def test_a_test_that_passed_in_the_form_replaces_no_later_one_of_the_profile(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    await try_out(http_demo)
    monkeypatch.setattr(http_demo.mail, "accounts", ())
    await run_test(http_demo, ADA)
    assert "Fails at Sign-in" in await saved(http_demo)


async def test_a_test_with_the_stored_password_counts_too_and_again_without_a_change(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    await try_out(http_demo)
    assert "Works — tested" in await saved(http_demo)
    await open_form(http_demo, GRACE, "edit @ada")
    await http_demo.workspace.fill(GRACE, "Port", "587")
    await try_out(http_demo, GRACE)
    assert "Works — tested" in await saved(http_demo, GRACE, "Email profile of <@U0ADA>")


async def test_a_test_that_passed_counts_on_every_instance_under_every_key_and_for_an_hour(
    tmp_path: Path, store: Store
) -> None:
    old, new = generate_key(), generate_key()
    other = tmp_path / "other"
    other.mkdir()
    async with (
        running_demo(tmp_path, encryption_keys=old) as first,
        running_demo(other, mail=DemoMail(), database_url=store.url, encryption_keys=f"{new},{old}") as second,
    ):
        for port, age, told in (("587", 0, "Works — tested"), ("465", 3601, "Not tested yet")):
            for demo in (first, second):
                await open_form(demo, ADA)
                await fill_form(demo, ADA, port=port, encryption="TLS" if port == "587" else "SSL")
            await try_out(first)
            await first.workspace.cancel(ADA)
            await store.edit(f"UPDATE form_tests SET ends_at = ends_at - {age}")
            assert told in await saved(second)


async def test_nobody_learns_from_anothers_test_whether_a_guess_of_the_password_is_right(http_demo: Demo) -> None:
    right = http_demo.mail.account("ada@demo.example").password
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    await try_out(http_demo)
    # An admin who types the very same values has not tested them.
    await open_form(http_demo, GRACE, "edit @ada")
    await fill_form(http_demo, GRACE, owner=ADA, password=right)
    assert "Not tested yet" in await saved(http_demo, GRACE, "Email profile of <@U0ADA>")
    # Nor is the stored password, with which one tested, the same as one that is typed.
    await open_form(http_demo, GRACE, "edit @ada")
    await try_out(http_demo, GRACE)
    await http_demo.workspace.fill(GRACE, "Password", right)
    assert "Not tested yet" in await saved(http_demo, GRACE, "Email profile of <@U0ADA>")


async def test_a_fix_under_a_failed_test_changes_the_form_and_tests_again_and_nothing_is_stored_before_save(
    demo: Demo,
) -> None:
    workspace = demo.workspace
    await open_form(demo, ADA)
    await fill_form(demo, ADA, port="465")
    await try_out(demo, containing="Connection test failed at Greeting")
    await workspace.press(ADA, "Use SSL on 465 and test again")
    view = await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
    await settled(demo)
    assert "Changed in this form, and not saved yet" in str(view.content)
    encryption = typed(demo, ADA, "Encryption")
    assert isinstance(encryption, dict)
    assert encryption["text"]["text"] == "SSL (from the first byte)"
    assert typed(demo, ADA, "Password") == demo.mail.account("ada@demo.example").password
    await workspace.command(ADA, "/email-profile")
    assert "no email profile yet" in searchable(workspace.messages(ADA)[-1])
    card = await saved(demo)
    assert "Works — tested" in card
    assert "from SSL Y" in card


@pytest.mark.parametrize(
    ("server", "port"),
    [("MAIL.Demo.example", "465"), ("mail.demo.example:465", ""), ("https://mail.demo.example/", "465"), ("", "465")],
)
async def test_a_fix_keeps_the_typed_password_however_the_same_server_was_written(
    http_demo: Demo, server: str, port: str
) -> None:
    workspace = http_demo.workspace
    await demo_defaults(http_demo)
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, port=port, encryption="TLS")
    await workspace.fill(ADA, "SMTP Server Address", server)
    await try_out(http_demo, containing="Connection test failed at Greeting")
    await workspace.press(ADA, "Use SSL on 465 and test again")
    await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
    await settled(http_demo)
    assert typed(http_demo, ADA, "Password") == http_demo.mail.account("ada@demo.example").password
    assert "Works — tested" in await saved(http_demo)


async def test_an_empty_server_that_is_the_workspaces_keeps_the_password_that_is_stored_for_it(http_demo: Demo) -> None:
    await demo_defaults(http_demo)
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    await http_demo.workspace.fill(ADA, "SMTP Server Address", "")
    view = await try_out(http_demo)
    assert "for mail.demo.example; leave empty to keep it." in str(view.content)


async def test_a_fix_beyond_a_limit_changes_nothing_in_the_form_and_keeps_the_report(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, port="465")
    await try_out(http_demo, containing="Connection test failed at Greeting")
    async with http_demo.bot.database.writing() as tx:
        for _ in range(5):
            await count(tx, TESTS_OF_A_PERSON, TEAM, ADA)
    await workspace.press(ADA, "Use SSL on 465 and test again")
    await workspace.wait_view(ADA, "Connection test", containing="You have tested six times in a minute.")
    await workspace.cancel(ADA)
    view = await workspace.wait_view(ADA, "Email profile", containing="Use SSL on 465 and test again")
    assert "Connection test failed at Greeting" in str(view.content)
    encryption = typed(http_demo, ADA, "Encryption")
    assert isinstance(encryption, dict)
    assert encryption["value"] == "TLS"


async def test_a_fix_that_changes_the_server_asks_for_the_password_again(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    await workspace.fill(ADA, "Password", "typed for mail.demo.example")
    before, traffic = workspace.view(ADA), len(http_demo.mail.traffic)
    assert before is not None
    value = '{"owner": "U0ADA", "fix": "NAME_FROM_CERTIFICATE", "to": "smtp.demo.example"}'
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "Use it"},
        "action_id": "form_fix",
        "value": value,
    }
    await workspace.send_action(ADA, before, {"type": "actions", "block_id": "fix_0"}, button)
    view = await workspace.wait_view(ADA, "Email profile", containing="Type the password again to go with it.")
    assert (typed(http_demo, ADA, "SMTP Server Address"), typed(http_demo, ADA, "Password")) == (
        "smtp.demo.example",
        None,
    )
    assert "for mail.demo.example, and it goes to no other server." in str(view.content)
    assert len(http_demo.mail.traffic) == traffic
    assert "required" in str(await workspace.submit(ADA))
    view = await try_out(http_demo, containing="mend this first")
    assert "goes nowhere else" in str(view.content)
    assert len(http_demo.mail.traffic) == traffic


async def test_blanks_are_taken_out_of_a_password_that_the_form_never_shows(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    right = http_demo.mail.account("ada@demo.example").password
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, password=f" {right} ")
    await try_out(http_demo, containing="Connection test failed at Sign-in")
    await workspace.press(ADA, "Remove the blanks from the password and test again")
    view = await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
    assert "the blanks are taken out of the password" in str(view.content)
    assert right not in str(view.content)
    assert "Works — tested" in await saved(http_demo)
    assert searchable(await run_test(http_demo, ADA)).startswith("Connection test passed")


async def test_while_a_test_runs_nothing_else_is_pressed_in_the_form(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    shown: list[OpenView] = []
    as_it_is = OpenView.replace

    def watched(self: OpenView, content: dict[str, object]) -> None:
        as_it_is(self, content)
        shown.append(OpenView(user=ADA, content=content))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(OpenView, "replace", watched)
        await try_out(http_demo)
    assert "Testing mail.demo.example:587" in str(shown[0].content)
    buttons = [one for block in shown[0].content["blocks"] for one in block.get("elements", []) if "action_id" in one]
    assert [one["text"]["text"] for one in buttons] == ["Stop"]
    assert "form_buttons" in str(shown[-1].content)
    assert workspace.refusals == []


async def test_a_report_that_slack_does_not_take_in_the_form_is_told_where_the_form_was_opened(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, port="465")
    workspace.faults["views.update"] = [Fault(kind="error500")] * 50
    await workspace.press(ADA, "Test connection")
    told = await workspace.wait_message(ADA, "The test of what stands in the form has ended.")
    await settled(http_demo)
    assert (told.channel, told.reader) == (CHANNEL, ADA)
    assert "Connection test failed at Greeting" in searchable(told)
    # What changes the form can be pressed in the form alone.
    assert [block["type"] for block in told.blocks if block["type"] in ("actions", "alert")] == []
    assert workspace.refusals == []


async def test_a_form_that_slack_changed_without_an_answer_is_not_left_without_its_buttons(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, port="465")
    answered = WebApi._shown
    over = asyncio.Event()
    kept: list[OpenView] = []

    async def kept_once(self: WebApi, view: OpenView) -> dict[str, Any]:
        if not kept:
            kept.append(view)
            await over.wait()
        return await answered(self, view)

    monkeypatch.setattr(WebApi, "_shown", kept_once)
    monkeypatch.setattr("bot.slack.replies.modals.MODAL_TIMEOUT_SECONDS", 0.5)
    view = await try_out(http_demo, containing="Connection test failed at Greeting")
    over.set()
    assert kept
    assert "form_buttons" in str(view.content)
    assert typed(http_demo, ADA, "Authentication Required")


async def test_without_authentication_no_password_is_asked_for(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, port="25", encryption="none")
    await workspace.fill(ADA, "Password", "")
    assert "required" in str(await workspace.submit(ADA))
    await workspace.fill(ADA, "Authentication Required", False)
    view = workspace.view(ADA)
    assert view is not None
    assert view.labelled("Password")[0]["optional"] is True
    assert typed(http_demo, ADA, "SMTP Server Address") == http_demo.mail.host
    card = await saved(http_demo)
    assert "*Authentication*  not required" in card


async def test_the_port_is_not_changed_by_itself_when_the_encryption_is_and_a_mismatch_is_told(http_demo: Demo) -> None:
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, encryption="SSL")
    view = await try_out(http_demo, containing="Connection test failed")
    assert typed(http_demo, ADA, "Port") == "587"
    assert "Port 587 goes with TLS, and this form says SSL." in str(view.content)
    assert "Port 587 goes with TLS, and the profile says SSL." in await saved(http_demo)
