"""Extra configurations: by command and in modals, of which three are the most; SSL and TLS exclude each other."""

from bot.demo.run import Demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import CHANNEL
from bot.demo.stand_in.platform import searchable
from tests.scenario.people import ADA, GRACE, fill_form, open_form, profile_of, set_up, settled, typed


async def add(demo: Demo, user: str, name: str, value: str) -> dict[str, str]:
    """Add one in the list on top, and return the errors."""
    workspace = demo.workspace
    await workspace.press(user, "Add")
    await workspace.wait_view(user, "Add configuration")
    await workspace.fill(user, "Configuration", name)
    await workspace.wait_view(user, "Add configuration", containing=f"for example {name}")
    await workspace.fill(user, "Value", value)
    return await workspace.submit(user)


async def open_list(demo: Demo, user: str = ADA) -> None:
    await demo.workspace.press(user, "Extra Configurations")
    await demo.workspace.wait_view(user, "Extra configurations")


def shown_encryption(demo: Demo, user: str = ADA) -> object:
    option = typed(demo, user, "Encryption")
    return option["value"] if isinstance(option, dict) else option


async def test_extra_configurations_are_added_on_the_third_modal_and_the_form_stays_as_typed(demo: Demo) -> None:
    workspace = demo.workspace
    await open_form(demo, ADA)
    await fill_form(demo, ADA, encryption="none")
    await workspace.press(ADA, "Extra Configurations")
    await workspace.wait_view(ADA, "Extra configurations", containing="None yet")
    await workspace.press(ADA, "Add")
    await workspace.wait_view(ADA, "Add configuration")
    assert len(workspace.stacks[ADA]) == 3
    await workspace.fill(ADA, "Configuration", "FROM_NAME")
    await workspace.wait_view(ADA, "Add configuration", containing="the name recipients see")
    await workspace.fill(ADA, "Value", "x" * 71)
    assert "1 to 70 characters" in (await workspace.submit(ADA))["Value"]
    await workspace.fill(ADA, "Value", "Ada Lovelace")
    assert await workspace.submit(ADA) == {}
    await workspace.wait_view(ADA, "Extra configurations", containing="Ada Lovelace")
    await workspace.press(ADA, "Remove", row="FROM_NAME")
    await workspace.wait_view(ADA, "Extra configurations", containing="None yet")
    await workspace.press(ADA, "Add")
    await workspace.wait_view(ADA, "Add configuration")
    await workspace.fill(ADA, "Value", "Y")
    assert await workspace.submit(ADA) == {}
    await workspace.cancel(ADA)
    # Encryption in the form and TLS in the list are one and the same.
    assert shown_encryption(demo) == "TLS"
    for label, value in (("Port", "587"), ("SMTP Server Address", demo.mail.host), ("User/Login", "ada@demo.example")):
        assert typed(demo, ADA, label) == value
    assert typed(demo, ADA, "Password") == demo.mail.account("ada@demo.example").password
    assert await workspace.submit(ADA) == {}
    assert "Port 587 goes with TLS, and" not in searchable(await workspace.wait_message(ADA, "Your email profile"))
    assert (await profile_of(demo)).extras == {"TLS": "Y"}


async def test_what_is_changed_from_within_a_form_waits_for_its_save_and_cancel_leaves_nothing(demo: Demo) -> None:
    workspace = demo.workspace
    await set_up(demo, ADA)
    await workspace.command(ADA, "/email-extra", "add REPLY_TO office@demo.example")
    for ends_with_save in (False, True):
        await open_form(demo, ADA)
        await open_list(demo)
        assert await add(demo, ADA, "FROM_NAME", "Ada Lovelace") == {}
        await workspace.wait_view(ADA, "Extra configurations", containing="waits for the form's Save")
        await workspace.press(ADA, "Remove", row="REPLY_TO")
        await workspace.cancel(ADA)
        form = await workspace.wait_view(ADA, "Email profile", containing="`FROM_NAME Ada Lovelace` (waits for Save)")
        assert "`REPLY_TO` is removed (waits for Save)" in str(form.content)
        assert (await profile_of(demo)).extras == {"TLS": "Y", "REPLY_TO": "office@demo.example"}
        if ends_with_save:
            assert await workspace.submit(ADA) == {}
        else:
            await workspace.cancel(ADA)
    assert (await profile_of(demo)).extras == {"TLS": "Y", "FROM_NAME": "Ada Lovelace"}


async def test_the_test_in_the_form_uses_what_waits_for_save(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    await open_list(http_demo)
    assert await add(http_demo, ADA, "HELO", "pc17.demo.example") == {}
    await workspace.cancel(ADA)
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
    assert any("EHLO pc17.demo.example" in line.text for line in http_demo.mail.traffic)
    await open_list(http_demo)
    await workspace.press(ADA, "Remove", row="HELO")
    await workspace.cancel(ADA)
    assert await workspace.submit(ADA) == {}
    # What was tested is not what was saved.
    await workspace.wait_message(ADA, "Not tested yet")


async def test_encryption_in_the_form_is_what_the_list_shows_and_the_list_changes_it(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await open_form(http_demo, ADA)
    await workspace.fill(ADA, "Encryption", "SSL")
    await open_list(http_demo)
    await workspace.wait_view(ADA, "Extra configurations", containing="`SSL Y`")
    await workspace.press(ADA, "Remove", row="SSL")
    await workspace.wait_view(ADA, "Extra configurations", containing="Encryption now: none")
    await workspace.cancel(ADA)
    assert shown_encryption(http_demo) == "none"
    # A new form keeps what it began with, which is stored nowhere.
    assert typed(http_demo, ADA, "Email Address") == "ada@demo.example"
    assert typed(http_demo, ADA, "Port") == "587"


async def test_of_two_people_each_keeps_the_extra_configurations_that_they_changed(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    await open_list(http_demo)
    assert await add(http_demo, ADA, "FROM_NAME", "Ada Lovelace") == {}
    await workspace.cancel(ADA)
    await workspace.command(GRACE, "/email-extra", "add REPLY_TO office@demo.example @ada")
    await workspace.submit(ADA)
    await workspace.wait_view(ADA, "Email profile", containing="was changed by somebody since")
    assert await workspace.submit(ADA) == {}
    extras = {"TLS": "Y", "REPLY_TO": "office@demo.example", "FROM_NAME": "Ada Lovelace"}
    assert (await profile_of(http_demo)).extras == extras


async def test_of_two_who_change_the_same_one_the_second_decides(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    for name, left in (("Countess", "Countess"), ("Ada", "An admin's")):
        await open_form(http_demo, ADA)
        await open_list(http_demo)
        assert await add(http_demo, ADA, "FROM_NAME", name) == {}
        await workspace.cancel(ADA)
        await workspace.command(GRACE, "/email-extra", "add FROM_NAME An admin's @ada")
        await workspace.submit(ADA)
        await workspace.wait_view(ADA, "Email profile", containing="Use theirs: An admin's")
        await workspace.fill(ADA, "FROM_NAME differs", "mine" if left == name else "theirs")
        assert await workspace.submit(ADA) == {}
        assert (await profile_of(http_demo)).extras["FROM_NAME"] == left


async def test_an_admins_trust_in_a_key_waits_for_save_and_never_meets_the_owners_password(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await open_form(http_demo, GRACE, "edit @ada")
    await open_list(http_demo, GRACE)
    assert await add(http_demo, GRACE, "PIN", "ab" * 32) == {}
    await workspace.cancel(GRACE)
    await workspace.press(GRACE, "Test connection")
    await workspace.wait_view(GRACE, "Email profile", containing="The report stands at the top.")
    assert not any("AUTH " in line.text for line in http_demo.mail.traffic if line.speaker == "client")
    assert (await profile_of(http_demo)).has_password
    assert await workspace.submit(GRACE) == {}
    await workspace.wait_message(ADA, "so the bot forgot it")
    kept = await profile_of(http_demo)
    assert (kept.extras["PIN"], kept.has_password) == ("ab" * 32, False)


async def test_a_change_that_slack_did_not_show_in_the_form_is_told_and_not_made(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    await open_list(http_demo)
    await workspace.press(ADA, "Add")
    await workspace.wait_view(ADA, "Add configuration")
    await workspace.fill(ADA, "Value", "Ada Lovelace")
    workspace.faults["views.update"] = [Fault(kind="error500")]
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "nothing in the form has changed")
    await workspace.wait_view(ADA, "Extra configurations")
    assert "Ada Lovelace" not in str([view.content for view in workspace.stacks[ADA]])


async def test_ssl_beside_tls_is_refused_with_a_button_that_switches(demo: Demo) -> None:
    workspace = demo.workspace
    await set_up(demo, ADA)
    await workspace.command(ADA, "/email-extra", "add ssl on")
    refusal = await workspace.wait_message(ADA, "cannot both be on")
    await workspace.press(ADA, "Use SSL instead", message=refusal)
    card = searchable(await workspace.wait_message(ADA, "SSL (TLS from the first byte)"))
    assert "Port 587 goes with TLS, and the profile says SSL" in card
    assert "TLS Y" not in card.split("Extra configurations")[1].split("\n")[0]


async def test_ssl_beside_tls_in_the_modal_is_settled_inside_it(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    for answer, left in (("Keep TLS", "TLS"), ("Use SSL instead", "SSL")):
        await open_list(http_demo)
        await add(http_demo, ADA, "SSL", "Y")
        await workspace.wait_view(ADA, "Add configuration", containing="cannot both be on")
        await workspace.press(ADA, answer)
        await workspace.cancel(ADA)
        await workspace.wait_view(ADA, "Extra configurations", containing=f"{left} Y")
        await workspace.cancel(ADA)
        assert shown_encryption(http_demo) == left
    assert (await profile_of(http_demo)).extras == {"TLS": "Y"}


async def test_the_list_of_a_card_changes_what_is_stored_at_once(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    card = await set_up(http_demo, ADA)
    await workspace.press(ADA, "Extra Configurations", message=card)
    await workspace.wait_view(ADA, "Extra configurations")
    assert await add(http_demo, ADA, "FROM_NAME", "Ada Lovelace") == {}
    await workspace.wait_view(ADA, "Extra configurations", containing="Ada Lovelace")
    assert (await profile_of(http_demo)).extras == {"TLS": "Y", "FROM_NAME": "Ada Lovelace"}


async def test_the_card_appears_where_the_list_was_opened_once_it_is_closed_after_a_change(demo: Demo) -> None:
    workspace = demo.workspace
    card = await set_up(demo, ADA)
    workspace.all_messages[:] = [card]
    await workspace.press(ADA, "Extra Configurations", message=card)
    await workspace.wait_view(ADA, "Extra configurations")
    await workspace.cancel(ADA)
    await workspace.press(ADA, "Extra Configurations", message=card)
    await workspace.wait_view(ADA, "Extra configurations")
    assert await add(demo, ADA, "FROM_NAME", "Ada Lovelace") == {}
    await workspace.wait_view(ADA, "Extra configurations", containing="Ada Lovelace")
    await settled(demo)
    assert workspace.messages(ADA) == [card]
    await workspace.cancel(ADA)
    shown = await workspace.wait_message(ADA, "`FROM_NAME Ada Lovelace`")
    assert (shown.channel, shown.reader) == (CHANNEL, ADA)
    assert workspace.messages(ADA) == [card, shown]
