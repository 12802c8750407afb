"""Workspace defaults: a person types two values instead of six, and profiles move along when the defaults change."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import PEOPLE, TEAM
from bot.demo.stand_in.platform import searchable
from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.profile import is_printable
from bot.profiles.errors import InvalidFormError
from bot.profiles.people.access import Person
from bot.profiles.people.defaults import Defaults, DefaultsForm, StoredDefaults, check_defaults
from bot.profiles.people.domain_rows import row_text
from bot.profiles.people.workspace_defaults import WorkspaceDefaults
from bot.smtp.account import Encryption
from storage.engines.transactions import DatabaseFault, DatabaseUnavailableError
from tests.counts import scaled
from tests.scenario.crowd import crowd, give_profiles, people_read
from tests.scenario.people import ADA, GRACE, notices_sent, open_form, profile_of, run_test, set_up, settled, typed


async def set_defaults(demo: Demo, **values: str | bool) -> str:
    """Fill and save the defaults as Grace; returns the message she gets."""
    workspace = demo.workspace
    workspace.all_messages.clear()
    await workspace.command(GRACE, "/email-profile", "defaults")
    await workspace.wait_view(GRACE, "Workspace defaults")
    for label, value in values.items():
        await workspace.fill(GRACE, label.replace("_", " "), value)
    assert await workspace.submit(GRACE) == {}
    return searchable(await workspace.wait_message(GRACE, "The defaults are saved"))


async def demo_defaults(demo: Demo, **more: str | bool) -> str:
    account: dict[str, str | bool] = {"SMTP_Server_Address": demo.mail.host, "Port": "587", "Encryption": "TLS"}
    return await set_defaults(demo, **account, Pattern_of_the_login="{address}", **more)


async def test_with_defaults_a_person_types_only_the_password(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    message = await demo_defaults(http_demo, Domain_of_addresses="demo.example")
    assert "`mail.demo.example:587`" in message
    assert "No profile differs" in message
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    await workspace.fill(ADA, "Password", http_demo.mail.account("ada@demo.example").password)
    assert await workspace.submit(ADA) == {}
    card = searchable(await workspace.wait_message(ADA, "Your email profile"))
    assert "`TLS Y`" in card
    assert "goes with TLS" not in card
    assert searchable(await run_test(http_demo, ADA)).startswith("Connection test passed")


async def test_an_empty_login_follows_the_pattern(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_defaults(http_demo, Pattern_of_the_login="DOMAIN\\{local}")
    await workspace.command(ADA, "/email-profile", "edit")
    form = await workspace.wait_view(ADA, "Email profile")
    login, key = form.labelled("User/Login")
    assert (form.values[key], login["element"]["placeholder"]["text"]) == (None, "DOMAIN\\ada")
    assert login["hint"]["text"] == "Empty: what your workspace makes of the address (DOMAIN\\{local})."
    for label, value in (
        ("Email Address", "countess@demo.example"),
        ("User/Login", ""),
        ("Password", "x"),
        ("SMTP Server Address", "mail.demo.example"),
        ("Port", "587"),
    ):
        await workspace.fill(ADA, label, value)
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "`DOMAIN\\countess`")


@pytest.mark.parametrize(("port", "encryption"), [("587", "TLS"), ("465", "SSL")])
async def test_defaults_count_in_the_form_as_they_count_after_saving(
    http_demo: Demo, port: str, encryption: str
) -> None:
    workspace = http_demo.workspace
    account: dict[str, str | bool] = {"SMTP_Server_Address": http_demo.mail.host, "Port": port}
    await set_defaults(http_demo, **account, Encryption=encryption)
    await open_form(http_demo, ADA)
    shown = typed(http_demo, ADA, "Encryption")
    assert isinstance(shown, dict)
    assert shown["value"] == encryption
    # Of an account at the default server only the password is typed.
    await workspace.fill(ADA, "Password", http_demo.mail.account("ada@demo.example").password)
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
    workspace.all_messages.clear()
    assert await workspace.submit(ADA) == {}
    card = searchable(await workspace.wait_message(ADA, "Your email profile"))
    assert f"from {encryption} Y" in card
    assert "*User/Login*  `ada@demo.example`" in card
    assert "Works — tested" in card


async def test_an_empty_server_and_port_are_the_workspaces_and_the_fitting_one(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await demo_defaults(http_demo)
    await open_form(http_demo, ADA)
    for label in ("SMTP Server Address", "Port", "User/Login"):
        await workspace.fill(ADA, label, "")
    await workspace.fill(ADA, "Encryption", "SSL")
    await workspace.fill(ADA, "Password", http_demo.mail.account("ada@demo.example").password)
    workspace.all_messages.clear()
    assert await workspace.submit(ADA) == {}
    card = searchable(await workspace.wait_message(ADA, "Your email profile"))
    assert "`mail.demo.example`" in card
    assert "`465`" in card


async def test_only_allowed_servers_may_be_used(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await set_defaults(http_demo, Allowed_servers="smtp.demo.example\nmx.demo.example")
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    errors = await workspace.submit(ADA)
    assert "allow only these servers: smtp.demo.example, mx.demo.example" in errors["SMTP Server Address"]
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="allow only these servers")
    await workspace.cancel(ADA)
    await workspace.command(ADA, "/email-test")
    await workspace.wait_message(ADA, "allow only these servers")


async def test_profiles_that_hold_the_old_defaults_are_moved_and_their_owners_told(
    http_demo: Demo, shown_in_place: list[str]
) -> None:
    workspace = http_demo.workspace
    await demo_defaults(http_demo)
    await set_up(http_demo, ADA, extra=None)
    await set_up(http_demo, GRACE, port="465", extra="SSL Y")
    message = await set_defaults(http_demo, Port="465", Encryption="SSL")
    assert "1 still hold the old ones, 0 by their own choice" in message
    offer = await workspace.wait_message(GRACE, "Move 1 profile")
    await workspace.press(GRACE, "Move 1 profile", message=offer)
    assert "Moved 1 profile to the new defaults" in searchable(await workspace.wait_message(GRACE, "Moved 1"))
    assert any(text.startswith("Moving 1 profile to the new defaults: ") for text in shown_in_place)
    message = searchable(await workspace.wait_message(ADA, "changed your email profile"))
    assert "Port 587 → 465" in message
    assert "forgot" not in message
    # The server is the same, so the password stays.
    assert searchable(await run_test(http_demo, ADA)).startswith("Connection test passed")


async def test_a_move_that_breaks_off_tells_what_became_of_those_who_were_moved_and_needs_no_members_place(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, moved = http_demo.workspace, list[Person]()
    move_one = WorkspaceDefaults._move_one

    async def broken(self: WorkspaceDefaults, caller: Person, owner: Person, *what: Any) -> ProfileChange | None:
        if moved:
            raise DatabaseUnavailableError(DatabaseFault.SILENT)
        moved.append(owner)
        return await move_one(self, caller, owner, *what)

    await demo_defaults(http_demo)
    for user in (ADA, GRACE):
        await set_up(http_demo, user, extra=None)
    await settled(http_demo)
    monkeypatch.setattr(http_demo.bot.jobs, "_most", 0)
    await set_defaults(http_demo, Port="465", Encryption="SSL")
    offer = await workspace.wait_message(GRACE, "Move 2 profiles")
    monkeypatch.setattr(WorkspaceDefaults, "_move_one", broken)
    await workspace.press(GRACE, "Move 2 profiles", message=offer)
    told = searchable(await workspace.wait_message(GRACE, "The bot cannot reach its database at the moment"))
    assert "nothing was changed" not in told
    assert moved == [Person(TEAM, ADA)]
    await workspace.wait_message(GRACE, "whose profile you moved")


async def test_moving_to_another_server_leaves_the_password_behind(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await demo_defaults(http_demo)
    await set_up(http_demo, ADA, extra=None)
    message = await set_defaults(http_demo, SMTP_Server_Address="smtp.new.example", Pattern_of_the_login="{local}")
    assert "each owner is asked to type theirs again" in message
    offer = await workspace.wait_message(GRACE, "Move 1 profile")
    await workspace.press(GRACE, "Move 1 profile", message=offer)
    assert "The passwords do not come back by that" in searchable(offer)
    await workspace.wait_message(GRACE, "Of them 1 must type their password again.")
    message = searchable(await workspace.wait_message(ADA, "forgot"))
    assert "SMTP Server Address mail.demo.example → smtp.new.example" in message
    assert "User/Login ada@demo.example → ada" in message
    await workspace.command(ADA, "/email-profile")
    assert "Password missing" in searchable(workspace.messages(ADA)[-1])


MANY = scaled(quick=21, full=211)


async def test_many_are_moved_although_some_cannot_be_told_and_those_are_counted(tmp_path: Path) -> None:
    everybody = crowd(MANY)
    async with running_demo(tmp_path, people=[*PEOPLE, *everybody]) as demo:
        workspace = demo.workspace
        await people_read(demo, len(everybody))
        await give_profiles(demo, everybody)
        await demo_defaults(demo)
        await set_defaults(demo, Port="465", Encryption="SSL")
        offer = await workspace.wait_message(GRACE, f"Move {MANY} profiles")
        assert "No button undoes this" in searchable(offer)
        refused = Fault(kind="refused", error="user_disabled")
        one_in_twenty: list[Any] = [None if number % 20 else refused for number in range(MANY)]
        workspace.faults["chat.postMessage"] = one_in_twenty
        demo.bot.outbox.pace = 0.0
        await workspace.press(GRACE, f"Move {MANY} profiles", message=offer)
        await workspace.wait_message(GRACE, f"Moved {MANY} profiles to the new defaults.", timeout=60)
        await notices_sent(demo)
        report = searchable(await workspace.wait_message(GRACE, "whose profiles you moved"))
        unsent = 1 + (MANY - 1) // 20
        sent = MANY - unsent
        assert f"Of the {MANY} people whose profiles you moved, {sent} have been told and {unsent} not" in report
        assert f"• {unsent} deactivated in Slack" in report
        assert f"<@{everybody[0].id}>" in report
        told = [message.channel for message in workspace.all_messages if "changed your email profile" in str(message)]
        assert len(told) == len(set(told)) == sent
        assert [(await profile_of(demo, person.id)).port for person in everybody] == [465] * MANY


async def test_an_offer_to_move_is_void_when_the_defaults_changed_again(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await demo_defaults(http_demo)
    await set_up(http_demo, ADA, extra=None)
    await set_defaults(http_demo, Port="465", Encryption="SSL")
    offer = await workspace.wait_message(GRACE, "Move 1 profile")
    kept = list(offer.blocks)
    await set_defaults(http_demo, Port="2525")
    offer.blocks = kept
    workspace.all_messages.append(offer)
    await workspace.press(GRACE, "Move 1 profile", message=offer)
    await workspace.wait_message(GRACE, "were changed again since")


async def test_of_two_admins_the_second_is_told(tmp_path: Path) -> None:
    async with running_demo(tmp_path, admin_user_ids=frozenset({ADA})) as demo:
        workspace = demo.workspace
        for user in (ADA, GRACE):
            await workspace.command(user, "/email-profile", "defaults")
            await workspace.wait_view(user, "Workspace defaults")
        await workspace.fill(ADA, "Port", "465")
        await workspace.fill(GRACE, "Port", "25")
        assert await workspace.submit(ADA) == {}
        await workspace.submit(GRACE)
        form = await workspace.wait_view(GRACE, "Workspace defaults", containing="Another admin changed the defaults")
        _, key = form.labelled("Port")
        assert form.values[key] == "25"
        assert await workspace.submit(GRACE) == {}
        await workspace.wait_message(GRACE, "any server:25")


async def test_what_a_form_shows_is_saved_when_another_admin_was_quicker_even_if_slack_leaves_it_out(
    tmp_path: Path,
) -> None:
    async with running_demo(tmp_path, admin_user_ids=frozenset({ADA})) as demo:
        workspace = demo.workspace
        await demo_defaults(demo)
        for user in (ADA, GRACE):
            await workspace.command(user, "/email-profile", "defaults")
            await workspace.wait_view(user, "Workspace defaults")
        await workspace.fill(ADA, "SMTP Server Address", "smtp.other.example")
        assert await workspace.submit(ADA) == {}
        await workspace.fill(GRACE, "Port", "2525")
        workspace.sends_nulls = True
        await workspace.submit(GRACE)
        form = await workspace.wait_view(GRACE, "Workspace defaults", containing="Another admin changed the defaults")
        assert form.labelled("SMTP Server Address")[0]["element"]["initial_value"] == "mail.demo.example"
        assert await workspace.submit(GRACE) == {}
        told = searchable(await workspace.wait_message(GRACE, "`mail.demo.example:2525`"))
        assert "TLS (STARTTLS, required), signing in" in told
        assert "Login `{address}`" in told


async def test_that_nobody_signs_in_is_saved_although_another_admin_was_quicker(tmp_path: Path) -> None:
    async with running_demo(tmp_path, admin_user_ids=frozenset({ADA})) as demo:
        workspace = demo.workspace
        for user in (ADA, GRACE):
            await workspace.command(user, "/email-profile", "defaults")
            await workspace.wait_view(user, "Workspace defaults")
        assert await workspace.submit(ADA) == {}
        await workspace.fill(GRACE, "Port", "25")
        await workspace.submit(GRACE)
        await workspace.wait_view(GRACE, "Workspace defaults", containing="Another admin changed the defaults")
        await workspace.fill(GRACE, "Authentication Required", "off")
        assert await workspace.submit(GRACE) == {}
        told = searchable(await workspace.wait_message(GRACE, "any server:25"))
        assert "without signing in" in told


TEXTS = ("host", "port", "login_pattern", "domain", "rows", "allowed_servers")
"""The fields in which something is typed."""

_words = st.one_of(
    st.sampled_from(["MX", "*.gate.example", "example.com", "smtp.example.com:587", "465", "TLS", "none", "{local}"]),
    st.text(st.characters(), max_size=12),
)
rows_typed = st.lists(st.tuples(st.lists(_words, max_size=3), st.lists(_words, max_size=4))).map(
    lambda rows: "\n".join(f"{' '.join(whose)} = {' '.join(settings)}" for whose, settings in rows)
)


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"host": "http://"}, "host", "Leave out http://"),
        ({"port": "0"}, "port", "0 is not a port"),
        ({"port": "x"}, "port", "for example 587"),
        ({"login_pattern": "ada"}, "login_pattern", "makes no login"),
        ({"login_pattern": "{user}"}, "login_pattern", "{local}"),
        ({"login_pattern": "{local}{"}, "login_pattern", "makes no login"),
        ({"login_pattern": "{local}\n"}, None, ""),
        ({"login_pattern": "a\x00{local}"}, "login_pattern", "makes no login"),
        ({"domain": "not a domain"}, "domain", "is not a domain"),
        ({"allowed_servers": "good.example, b@d"}, "allowed_servers", "looks like an email address"),
        ({"host": "a.example", "allowed_servers": "b.example"}, "allowed_servers", "must be among the allowed ones"),
        (
            {"rows": "\n\nexample.com smtp.example.com"},
            "rows",
            "Line 3: “example.com smtp.example.com” has no = in it.",
        ),
        ({"rows": "a b = smtp.example.com"}, "rows", "Line 1: “a b” is not a domain. Write it like example.com."),
        ({"rows": " = smtp.example.com"}, "rows", "The domain before the = is missing. Write a row like example.com"),
        ({"rows": "*.b.example = smtp.b.example"}, "rows", "write MX before it, as in MX *.gateway.example = "),
        ({"rows": "MX *.com = smtp.b.example"}, "rows", "“*.com” names no servers that take mail in."),
        ({"rows": "MX 192.0.2.1 = smtp.b.example"}, "rows", "names no servers that take mail in"),
        ({"rows": "b.example = "}, "rows", "The server behind the = is missing. Write a row like example.com = "),
        ({"rows": "b.example = x@y"}, "rows", "Line 1: “x@y”: This looks like an email address."),
        ({"rows": "b.example = smtp.b.example:99999"}, "rows", "99999 is not a port. Use a number from 1 to 65535"),
        ({"rows": "b.example = smtp.b.example none"}, "rows", "The encryption is TLS or SSL, for example smtp.example"),
        ({"rows": "b.example = smtp.b.example TLS ada"}, "rows", "“ada” makes no login. Use {address} for"),
        (
            {"rows": "b.example = smtp.b.example:465 SLL {local}"},
            "rows",
            "Line 1: “SLL” is neither TLS nor SSL. Write a row like example.com = smtp.example.com:587 TLS {local}.",
        ),
        ({"rows": "b.example = smtp.b.example SLL"}, "rows", "“SLL” is neither TLS nor SSL."),
        ({"rows": "b.example = smtp.b.example {local} SSL"}, "rows", "“{local} SSL” is more than one pattern of the"),
        ({"rows": "b.example = smtp.b.example TLS {local} x"}, "rows", "“{local} x” is more than one pattern of the"),
        (
            {"rows": "b.example = a.example\nB.EXAMPLE. = b.example"},
            "rows",
            "Line 2: b.example has a row already, in line 1. Keep one of the two.",
        ),
        (
            {"rows": "b.example = a.example", "allowed_servers": "b.example"},
            "rows",
            "Line 1: a.example is none of the allowed servers. Add it to them, or take one of them.",
        ),
        ({"rows": "\n".join(f"s{n}.example = a.example" for n in range(51))}, "rows", "At most 50 rows, one a line"),
        (
            {"rows": "\n".join(f"s{n}.example = {'ü' * 55}.{'ä' * 55}.example" for n in range(25))},
            "rows",
            "The rows have at most 3000 characters together.",
        ),
        (
            {"allowed_servers": "\n".join(f"s{n}.{'ü' * 55}.{'ä' * 55}.example" for n in range(25))},
            "allowed_servers",
            "The servers have at most 3000 characters together.",
        ),
        ({"allowed_servers": "\n".join(f"s{n}.example" for n in range(51))}, "allowed_servers", "At most 50"),
    ],
)
def test_each_field_says_what_is_allowed(changed: dict[str, str], field: str | None, words: str) -> None:
    form = DefaultsForm(encryption="TLS", authenticate=True, **{**dict.fromkeys(TEXTS, ""), **changed})
    if field is None:
        assert check_defaults(form)
        return
    with pytest.raises(InvalidFormError) as caught:
        check_defaults(form)
    assert words in caught.value.errors[field]


@pytest.mark.parametrize(
    "row",
    [
        "b.example = b.example:587, TLS, {local}",
        "b.example = b.example, 587 TLS; {local}",
        "b.example = b.example {local},",
    ],
)
def test_commas_between_the_values_of_a_row_are_no_part_of_them(row: str) -> None:
    form = DefaultsForm(encryption="TLS", authenticate=True, **{**dict.fromkeys(TEXTS, ""), "rows": row})
    (read,) = check_defaults(form).rows
    assert row_text(read) == "b.example = b.example:587 TLS {local}"


def test_all_bad_fields_of_the_defaults_are_named_at_once() -> None:
    form = DefaultsForm(
        host="no host",
        port="x",
        encryption="TLS",
        authenticate=True,
        login_pattern="none",
        domain="no domain",
        rows="no row",
        allowed_servers="not*a*host",
    )
    with pytest.raises(InvalidFormError) as caught:
        check_defaults(form)
    assert set(caught.value.errors) == set(TEXTS)


def test_defaults_are_read_as_they_were_written() -> None:
    defaults = Defaults(host="a.example", port=465, encryption=Encryption.SSL, allowed_servers=("a.example",))
    stored = StoredDefaults(defaults=defaults, previous=Defaults(), revision=3)
    assert StoredDefaults.from_document(stored.to_document(), revision=3) == stored


async def test_all_that_is_wrong_with_the_defaults_is_told_at_once(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await workspace.command(GRACE, "/email-profile", "defaults")
    await workspace.wait_view(GRACE, "Workspace defaults")
    typed = {
        "SMTP Server Address": "smtp demo",
        "Port": "70000",
        "Pattern of the login": "{name}",
        "Domain of addresses": "demo..example",
        "Allowed servers": "smtp.demo.example\na_b c..d e/f:x -g h@i j,,k",
    }
    for label, value in typed.items():
        await workspace.fill(GRACE, label, value)
    errors = await workspace.submit(GRACE)
    assert set(errors) == set(typed)
    assert all(f"“{name}”" in errors["Allowed servers"] for name in ("c..d", "-g", "h@i"))
    await workspace.fill(GRACE, "SMTP Server Address", "https://mail.demo.example:465")
    await workspace.fill(GRACE, "Port", "587")
    errors = await workspace.submit(GRACE)
    assert errors["Port"] == "SMTP Server Address says port 465, and here stands 587. Keep one of the two."
    assert "“c..d”" in errors["Allowed servers"]
    assert "mail.demo.example is the default server, so it must be among" in errors["Allowed servers"]


async def test_servers_are_taken_as_they_are_pasted(http_demo: Demo) -> None:
    message = await set_defaults(
        http_demo,
        SMTP_Server_Address="“https://mail.demo.example:587/”",
        Domain_of_addresses="\u200b'@demo.example'",
        Allowed_servers="https://mail.demo.example:587/, smtp.demo.example:25",
    )
    assert "`mail.demo.example:587`" in message
    assert "Addresses at `demo.example`" in message
    assert "Only these servers: `mail.demo.example`, `smtp.demo.example`" in message


@given(*[st.text(st.characters(), max_size=40)] * 5, rows_typed)
@settings(max_examples=scaled(quick=100, full=10_000), deadline=None)
def test_whatever_is_typed_as_defaults_is_taken_or_told_in_sentences(
    host: str, port: str, pattern: str, domain: str, servers: str, rows: str
) -> None:
    form = DefaultsForm(
        host=host,
        port=port,
        encryption="TLS",
        authenticate=True,
        login_pattern=pattern,
        domain=domain,
        rows=rows,
        allowed_servers=servers,
    )
    try:
        checked = check_defaults(form)
    except InvalidFormError as error:
        assert all(sentence.endswith((".", "?")) and is_printable(sentence) for sentence in error.errors.values())
        assert all(len(sentence) < 1000 for sentence in error.errors.values())
    else:
        assert (
            StoredDefaults.from_document(
                StoredDefaults(defaults=checked, previous=Defaults(), revision=1).to_document(), revision=1
            ).defaults
            == checked
        )


def test_the_record_of_a_workspace_that_never_had_defaults_is_read_as_none() -> None:
    empty = StoredDefaults.from_document(b"{}", revision=1)
    assert (empty.defaults, empty.previous) == (Defaults(), Defaults())
