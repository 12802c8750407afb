"""The form: what is typed is kept, errors stand at their fields, of two open forms the second decides."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.demo.mail import DemoMail
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable, texts
from storage.crypto.keyring import generate_key
from tests.scenario.defaults.test_defaults import set_defaults
from tests.scenario.people import ADA, GRACE, fill_form, open_form, profile_of, run_test, set_up, typed
from tests.store import Store


@pytest.mark.parametrize(
    ("label", "value", "sentence"),
    [
        ("Email Address", "ada", "is not an email address: there is no @ in it. Write it like ada@example.com."),
        ("Email Address", "ada@@demo.example", "is not an email address"),
        ("SMTP Server Address", "https://", "Leave out https://"),
        ("SMTP Server Address", "smtp://ada:pw@mail.demo.example", "Leave out what stands before the @."),
        ("SMTP Server Address", "ada@demo.example", "looks like an email address"),
        ("SMTP Server Address", "0x7f.1", "neither a host name nor an IP address"),
        ("Port", "465x", "465x is not a port. Use a number from 1 to 65535, for example 587."),
        ("Port", "0", "0 is not a port"),
        ("Port", "65536", "65536 is not a port"),
        # What is required is asked for by Slack itself, before the form is sent.
        ("Email Address", "", "required"),
        ("Password", "", "required"),
        ("Password", "a\x00b", "one line without control characters"),
    ],
)
async def test_an_error_stands_at_its_field_and_everything_typed_is_kept(
    http_demo: Demo, label: str, value: str, sentence: str
) -> None:
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    await http_demo.workspace.fill(ADA, label, value)
    errors = await http_demo.workspace.submit(ADA)
    assert list(errors) == [label]
    assert sentence in errors[label]
    assert typed(http_demo, ADA, label) == value
    assert typed(http_demo, ADA, "SMTP Server Address") in (http_demo.mail.host, value)


async def test_all_that_is_wrong_with_a_form_is_told_at_once(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_defaults(http_demo, Allowed_servers="smtp.demo.example")
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    for label, value in (("Email Address", "ada"), ("User/Login", "a\x00"), ("Password", "a\x00b"), ("Port", "x")):
        await workspace.fill(ADA, label, value)
    errors = await workspace.submit(ADA)
    assert list(errors) == ["Email Address", "User/Login", "SMTP Server Address", "Port", "Password"]
    assert "allow only these servers: smtp.demo.example" in errors["SMTP Server Address"]
    await workspace.press(ADA, "Test connection")
    shown = await workspace.wait_view(ADA, "Email profile", containing="Please mend this first")
    assert all(sentence in "".join(texts(shown.content["blocks"])) for sentence in errors.values())


async def test_a_pasted_server_address_is_taken_apart_in_one_round(http_demo: Demo) -> None:
    workspace, host = http_demo.workspace, http_demo.mail.host
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    await workspace.fill(ADA, "SMTP Server Address", f"https://{host}:465/x")
    errors = await workspace.submit(ADA)
    assert errors == {"Port": "SMTP Server Address says port 465, and here stands 587. Keep one of the two."}
    await workspace.fill(ADA, "Port", "465")
    await workspace.fill(ADA, "Email Address", "“ada@demo.example”")
    assert await workspace.submit(ADA) == {}
    card = searchable(await workspace.wait_message(ADA, "Your email profile"))
    assert f"SMTP Server Address*  `{host}`" in card
    assert "Port*  `465`" in card
    assert "Email Address*  `ada@demo.example`" in card
    assert f"Of the SMTP Server Address {host} and port 465 are kept." in card
    assert "Email Address had quotes around it, which are taken off." in card


async def test_what_nobody_sees_in_a_password_is_named_on_the_card_before_any_sign_in(http_demo: Demo) -> None:
    for password, named in (
        (" Tr0ub4dor", "begins with a blank"),
        ("Tr0ub4dor\u00a0", "ends with a blank"),
        ("abcd efgh ijkl mnop", "has blanks between its groups"),
        ("Tr0ub\u200b4dor", "has an invisible character in it (U+200B)"),
    ):
        http_demo.workspace.all_messages.clear()
        await open_form(http_demo, ADA)
        await fill_form(http_demo, ADA, password=password)
        assert await http_demo.workspace.submit(ADA) == {}
        card = searchable(await http_demo.workspace.wait_message(ADA, "Your email profile"))
        assert f"The password {named}. It is kept as it was typed." in card
        assert password not in card
        assert (await profile_of(http_demo, ADA)).password == SecretStr(password)


async def test_a_password_is_kept_exactly_as_typed_blanks_and_all(http_demo: Demo) -> None:
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, password="  analytical engine 1843 ")
    assert await http_demo.workspace.submit(ADA) == {}
    assert "failed at Sign-in" in searchable(await run_test(http_demo, ADA))


async def test_an_empty_password_keeps_the_stored_one_but_not_for_another_server(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    await http_demo.workspace.fill(ADA, "Port", "25")
    assert await http_demo.workspace.submit(ADA) == {}
    await open_form(http_demo, ADA)
    assert not typed(http_demo, ADA, "Password")
    await http_demo.workspace.fill(ADA, "SMTP Server Address", "smtp.demo.example")
    errors = await http_demo.workspace.submit(ADA)
    assert "was typed for mail.demo.example and goes nowhere else" in errors["Password"]


async def test_an_admin_who_changes_the_server_drops_the_password_and_the_owner_is_told(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await open_form(http_demo, GRACE, "edit @ada")
    await http_demo.workspace.fill(GRACE, "SMTP Server Address", "smtp.demo.example")
    assert await http_demo.workspace.submit(GRACE) == {}
    told = searchable(await http_demo.workspace.wait_message(ADA, "type your password again"))
    assert "SMTP Server Address mail.demo.example → smtp.demo.example" in told
    await http_demo.workspace.command(ADA, "/email-profile")
    assert "Password missing" in searchable(http_demo.workspace.messages(ADA)[-1])
    assert "failed at Sign-in: no password is stored" in searchable(await run_test(http_demo, ADA))


async def test_no_save_tells_an_admin_whether_a_typed_password_is_the_stored_one(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    stored = await profile_of(http_demo)
    assert stored.password is not None
    right = stored.password.get_secret_value()
    for guess in (right, "another guess"):
        await open_form(http_demo, GRACE, "edit @ada")
        await workspace.command(GRACE, "/email-extra", f"add FROM_NAME {guess[:3]} @ada")
        await workspace.fill(GRACE, "Password", guess)
        await workspace.submit(GRACE)
        await workspace.wait_view(GRACE, "Email profile", containing="This profile was changed by somebody")
        await workspace.cancel(GRACE)
    assert (await profile_of(http_demo)).password_set_at == stored.password_set_at
    # Where nothing else was saved meanwhile, the very same password is stored as a new one, and its owner is told.
    await open_form(http_demo, GRACE, "edit @ada")
    await workspace.fill(GRACE, "Password", right)
    assert await workspace.submit(GRACE) == {}
    await workspace.wait_message(ADA, "Password changed")
    assert (await profile_of(http_demo)).password_set_at != stored.password_set_at


@pytest.mark.parametrize("decided", ["mine", "theirs"])
async def test_the_second_of_two_open_forms_is_told_what_differs_and_decides(http_demo: Demo, decided: str) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    await open_form(http_demo, GRACE, "edit @ada")
    await workspace.fill(GRACE, "User/Login", "grace.was.here")
    assert await workspace.submit(GRACE) == {}
    await workspace.fill(ADA, "Port", "2525")
    await workspace.submit(ADA)
    form = await workspace.wait_view(ADA, "Email profile", containing="Somebody saved this profile meanwhile")
    assert typed(http_demo, ADA, "Port") == "2525"
    # Only what the other one changed has to be decided, and there theirs is the likelier wish.
    decisions = [block["label"]["text"] for block in form.content["blocks"] if "differs" in str(block.get("label"))]
    assert decisions == ["User/Login differs"]
    assert "Use theirs: grace.was.here" in str(form.content)
    assert "Use mine: ada@demo.example" in str(form.content)
    await workspace.command(GRACE, "/email-profile", "show @ada")
    assert "grace.was.here" in searchable(workspace.messages(GRACE)[-1])
    assert "`2525`" not in searchable(workspace.messages(GRACE)[-1])
    if decided != "theirs":
        await workspace.fill(ADA, "User/Login differs", decided)
    workspace.all_messages.clear()
    assert await workspace.submit(ADA) == {}
    card = searchable(await workspace.wait_message(ADA, "`2525`"))
    assert ("grace.was.here" in card) == (decided == "theirs")


async def test_the_same_server_in_another_spelling_is_no_difference(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    await workspace.fill(ADA, "Password", "typed for the other server")
    await open_form(http_demo, GRACE, "edit @ada")
    for user, server, port in ((GRACE, "smtp.demo.example", "465"), (ADA, "SMTP.Demo.example.", "2525")):
        await workspace.fill(user, "SMTP Server Address", server)
        await workspace.fill(user, "Port", port)
        await workspace.submit(user)
    form = await workspace.wait_view(ADA, "Email profile", containing="Somebody saved this profile meanwhile")
    decisions = [block["label"]["text"] for block in form.content["blocks"] if "differs" in str(block.get("label"))]
    assert decisions == ["Port differs"]


async def in_conflict(demo: Demo) -> None:
    """Let Ada have a form open while Grace saved another login and encryption, and let her have tried to save it."""
    workspace = demo.workspace
    await set_up(demo, ADA)
    await open_form(demo, ADA)
    await open_form(demo, GRACE, "edit @ada")
    await workspace.fill(GRACE, "User/Login", "grace.was.here")
    await workspace.fill(GRACE, "Encryption", "SSL")
    assert await workspace.submit(GRACE) == {}
    await workspace.fill(ADA, "Port", "2525")
    await workspace.submit(ADA)
    await workspace.wait_view(ADA, "Email profile", containing="Somebody saved this profile meanwhile")


async def test_the_encryption_is_decided_like_any_other_field(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await in_conflict(http_demo)
    form = workspace.view(ADA)
    assert form is not None
    assert "Use theirs: SSL (from the first byte)" in str(form.content)
    await workspace.fill(ADA, "User/Login differs", "theirs")
    await workspace.fill(ADA, "Encryption differs", "mine")
    workspace.all_messages.clear()
    assert await workspace.submit(ADA) == {}
    card = searchable(await workspace.wait_message(ADA, "`2525`"))
    assert "grace.was.here" in card
    assert "from TLS Y" in card


async def test_a_decision_that_slack_leaves_out_is_asked_for_again_and_counts_as_none(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    workspace.sends_nulls = True
    await in_conflict(http_demo)
    errors = await workspace.submit(ADA)
    assert errors == dict.fromkeys(["User/Login differs", "Encryption differs"], "Choose one of the two.")
    # Whatever else is wrong is told at once, but for what the choice may replace.
    await workspace.fill(ADA, "User/Login", "a\x07b")
    await workspace.fill(ADA, "Port", "many")
    told = await workspace.submit(ADA)
    assert told == {**errors, "Port": told["Port"]}
    assert "many" in told["Port"]
    await workspace.fill(ADA, "User/Login differs", "theirs")
    await workspace.fill(ADA, "Port", "2525")
    assert await workspace.submit(ADA) == {"Encryption differs": "Choose one of the two."}
    await workspace.fill(ADA, "Encryption differs", "theirs")
    workspace.all_messages.clear()
    assert await workspace.submit(ADA) == {}
    card = searchable(await workspace.wait_message(ADA, "`2525`"))
    assert "grace.was.here" in card
    assert "from SSL Y" in card


async def test_what_is_not_decided_yet_stays_to_be_decided_through_a_test(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    workspace.sends_nulls = True
    await in_conflict(http_demo)
    await workspace.fill(ADA, "User/Login differs", "theirs")
    await workspace.press(ADA, "Extra Configurations")
    assert "First choose at the top" in str(workspace.stacks[ADA].pop().content)
    await workspace.press(ADA, "Test connection")
    form = await workspace.wait_view(ADA, "Email profile", containing="The report stands at the top.")
    # What was decided stands in its input from now on.
    assert typed(http_demo, ADA, "User/Login") == "grace.was.here"
    assert "User/Login differs" not in str(form.content)
    assert await workspace.submit(ADA) == {"Encryption differs": "Choose one of the two."}
    await workspace.fill(ADA, "Encryption differs", "mine")
    workspace.all_messages.clear()
    assert await workspace.submit(ADA) == {}
    assert "grace.was.here" in searchable(await workspace.wait_message(ADA, "from TLS Y"))


async def test_a_value_that_shows_is_saved_although_slack_says_nothing_of_it(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    workspace.sends_nulls = True
    await open_form(http_demo, ADA)
    await workspace.fill(ADA, "User/Login", "ada")
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="The report stands at the top.")
    workspace.all_messages.clear()
    assert await workspace.submit(ADA) == {}
    card = searchable(await workspace.wait_message(ADA, "`ada`"))
    for shown in (
        "*Email Address*  `ada@demo.example`",
        "`mail.demo.example`",
        "`587`",
        "from TLS Y",
        "*Authentication*  required",
    ):
        assert shown in card


async def test_an_empty_login_is_the_address_for_as_long_as_nobody_types_another(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    await workspace.fill(ADA, "User/Login", "")
    assert await workspace.submit(ADA) == {}
    assert "*User/Login*  `ada@demo.example`" in searchable(await workspace.wait_message(ADA, "Your email profile"))
    await open_form(http_demo, ADA)
    assert not typed(http_demo, ADA, "User/Login")
    await workspace.fill(ADA, "Email Address", "countess@demo.example")
    workspace.all_messages.clear()
    assert await workspace.submit(ADA) == {}
    assert "*User/Login*  `countess@demo.example`" in searchable(await workspace.wait_message(ADA, "countess"))


async def test_a_login_is_emptied_by_emptying_it(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    await workspace.fill(ADA, "User/Login", "ada.of.old")
    assert await workspace.submit(ADA) == {}
    await open_form(http_demo, ADA)
    assert typed(http_demo, ADA, "User/Login") == "ada.of.old"
    await workspace.fill(ADA, "User/Login", "")
    workspace.all_messages.clear()
    assert await workspace.submit(ADA) == {}
    assert "*User/Login*  `ada@demo.example`" in searchable(await workspace.wait_message(ADA, "Your email profile"))


async def test_without_a_server_nothing_is_saved_and_the_error_says_what_to_type(http_demo: Demo) -> None:
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    for typed_server in ("", " "):
        await http_demo.workspace.fill(ADA, "SMTP Server Address", typed_server)
        errors = await http_demo.workspace.submit(ADA)
        assert list(errors) == ["SMTP Server Address"]
        assert "type the SMTP Server Address" in errors["SMTP Server Address"]


async def test_a_test_without_a_server_says_that_it_is_missing(http_demo: Demo) -> None:
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    await http_demo.workspace.fill(ADA, "SMTP Server Address", "")
    await http_demo.workspace.press(ADA, "Test connection")
    await http_demo.workspace.wait_view(ADA, "Email profile", containing="*SMTP Server Address*: ")


async def test_their_server_is_never_joined_with_my_password(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    await open_form(http_demo, GRACE, "edit @ada")
    await workspace.fill(GRACE, "SMTP Server Address", "smtp.elsewhere.example")
    assert await workspace.submit(GRACE) == {}
    await workspace.fill(ADA, "Password", "typed for mail.demo.example")
    await workspace.submit(ADA)
    await workspace.wait_view(ADA, "Email profile", containing="Use theirs: smtp.elsewhere.example")
    assert typed(http_demo, ADA, "Password") == "typed for mail.demo.example"
    errors = await workspace.submit(ADA)
    assert "Type the password" in errors["Password"]
    await workspace.fill(ADA, "SMTP Server Address differs", "mine")
    assert await workspace.submit(ADA) == {}
    profile = await profile_of(http_demo, ADA)
    assert profile.host == profile.password_host == "mail.demo.example"


async def test_delete_asks_twice_and_leaves_no_byte(http_demo: Demo, store: Store) -> None:
    workspace = http_demo.workspace
    await workspace.command(ADA, "/email-profile", "delete")
    assert "no email profile yet" in searchable(workspace.messages(ADA)[-1])
    await set_up(http_demo, ADA)
    await run_test(http_demo, ADA)
    database = http_demo.bot.database
    async with database.reading() as tx:
        stored = await tx.profiles.get("T0DEMO", ADA)
    assert stored is not None
    record_id = stored.record_id.encode()
    assert any(record_id in content for content in (await store.everything()).values())
    await workspace.command(ADA, "/email-profile", "delete")
    question = workspace.messages(ADA)[-1]
    await workspace.press(ADA, "Delete …", message=question, confirm=False)
    assert "It cannot be brought back" in searchable(question)
    await workspace.press(ADA, "Delete …", message=question)
    await workspace.wait_message(ADA, "Your email profile is deleted.")
    assert [name for name, content in (await store.everything()).items() if record_id in content] == []
    async with database.reading() as tx:
        assert await tx.profiles.get("T0DEMO", ADA) is None
        assert await tx.tests.last("T0DEMO", ADA) is None


async def test_everything_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    keys = generate_key()
    async with running_demo(tmp_path, encryption_keys=keys) as demo:
        await set_up(demo, ADA)
    async with running_demo(tmp_path, encryption_keys=keys, mail=DemoMail()) as demo:
        await demo.workspace.command(ADA, "/email-profile")
        assert "`mail.demo.example`" in searchable(demo.workspace.messages(ADA)[-1])
        assert "Connection test passed" in searchable(await run_test(demo, ADA))
