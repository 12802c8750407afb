"""Defaults by domain: a row counts for the addresses of its domain, before the workspace's single defaults."""

import json
from dataclasses import replace

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from bot.discovery.findings import OwnRow
from bot.profiles.errors import UnreadablePolicyError
from bot.profiles.people.defaults import StoredDefaults, load_defaults, read_defaults
from bot.smtp.account import Encryption
from tests.databases import KINDS
from tests.scenario.defaults.test_defaults import demo_defaults, set_defaults
from tests.scenario.people import ADA, GRACE, fill_form, open_form, profile_of, run_test, set_up, typed
from tests.store import Store

BY_SSL = "demo.example = mail.demo.example:465 SSL {address}"


async def stored_defaults(demo: Demo) -> StoredDefaults:
    async with demo.bot.database.reading() as tx:
        return await read_defaults(tx, TEAM)


async def open_defaults(demo: Demo) -> None:
    await demo.workspace.command(GRACE, "/email-profile", "defaults")
    await demo.workspace.wait_view(GRACE, "Workspace defaults")


@pytest.mark.databases(*KINDS)
async def test_at_a_domain_with_a_row_a_new_form_begins_with_it_and_only_the_password_is_typed(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    told = await set_defaults(
        http_demo,
        SMTP_Server_Address="smtp.other.example",
        Port="587",
        Pattern_of_the_login="OTHER\\{local}",
        Defaults_by_domain=BY_SSL,
    )
    assert "At `demo.example`: `mail.demo.example:465 SSL {address}`" in told
    await open_form(http_demo, ADA)
    form = await workspace.wait_view(ADA, "Email profile")
    assert typed(http_demo, ADA, "SMTP Server Address") == "mail.demo.example"
    assert typed(http_demo, ADA, "Port") == "465"
    shown = typed(http_demo, ADA, "Encryption")
    assert isinstance(shown, dict)
    assert shown["value"] == "SSL"
    assert "other.example" not in str(form.content).lower()
    await workspace.fill(ADA, "Password", http_demo.mail.account("ada@demo.example").password)
    workspace.all_messages.clear()
    assert await workspace.submit(ADA) == {}
    card = searchable(await workspace.wait_message(ADA, "Your email profile"))
    assert "*User/Login*  `ada@demo.example`" in card
    assert "from SSL Y" in card
    assert searchable(await run_test(http_demo, ADA)).startswith("Connection test passed")


async def test_the_login_that_a_row_makes_of_an_address_stands_for_an_empty_one(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_defaults(http_demo, Defaults_by_domain="demo.example = smtp.demo.example:587 TLS {local}")
    await open_form(http_demo, ADA)
    form = await workspace.wait_view(ADA, "Email profile")
    login, key = form.labelled("User/Login")
    assert (form.values[key], login["element"]["placeholder"]["text"]) == (None, "ada")
    assert login["hint"]["text"] == "Empty: what your workspace makes of the address ({local})."
    server, _ = form.labelled("SMTP Server Address")
    assert server["hint"]["text"] == "Empty: the server of your workspace, smtp.demo.example."
    await workspace.fill(ADA, "Password", "x")
    assert await workspace.submit(ADA) == {}
    assert (await profile_of(http_demo)).login == "ada"


async def test_empty_fields_stand_for_the_row_of_the_address_that_was_typed(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await demo_defaults(http_demo, Defaults_by_domain="corp.example = smtp.corp.example:587 TLS CORP\\{local}")
    await open_form(http_demo, ADA)
    for label, value in {
        "Email Address": "countess@CORP.example",
        "User/Login": "",
        "SMTP Server Address": "",
        "Password": "x",
    }.items():
        await workspace.fill(ADA, label, value)
    assert await workspace.submit(ADA) == {}
    profile = await profile_of(http_demo)
    assert (profile.host, profile.login) == ("smtp.corp.example", "CORP\\countess")


async def test_a_row_is_for_its_domain_alone_however_that_is_written(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    rows = "bücher.example = smtp.corp.example\nMX *.gateway.example = smtp.gateway.example"
    told = await demo_defaults(http_demo, Defaults_by_domain=rows)
    assert "At `xn--bcher-kva.example`: `smtp.corp.example:587 TLS`" in told
    assert "Behind MX `*.gateway.example`: `smtp.gateway.example:587 TLS`" in told
    for address, host in {
        "ada@BÜCHER.example": "smtp.corp.example",
        "ada@xn--bcher-kva.example": "smtp.corp.example",
        "ada@news.bücher.example": http_demo.mail.host,
        # Whose mail a gateway takes in is known to DNS alone, which no form waits for.
        "ada@mx.gateway.example": http_demo.mail.host,
    }.items():
        await open_form(http_demo, ADA)
        for label, value in {"Email Address": address, "SMTP Server Address": "", "Password": "x"}.items():
            await workspace.fill(ADA, label, value)
        assert await workspace.submit(ADA) == {}
        assert (await profile_of(http_demo)).host == host, address


async def test_what_is_wrong_in_a_row_is_told_with_its_line_and_nothing_typed_is_lost(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await open_defaults(http_demo)
    rows = f"{BY_SSL}\n\nother.example smtp.other.example\n*.third.example = smtp.third.example"
    await workspace.fill(GRACE, "Defaults by domain", rows)
    errors = await workspace.submit(GRACE)
    assert errors == {
        "Defaults by domain": "Line 3: “other.example smtp.other.example” has no = in it. Write a row like "
        "example.com = smtp.example.com:587 TLS {local}. Line 4: “*.third.example” is no domain, which has no * in it. "
        "For the servers that take mail in, write MX before it, as in MX *.gateway.example = smtp.example.com:587 TLS."
    }
    assert typed(http_demo, GRACE, "Defaults by domain") == rows
    await workspace.fill(GRACE, "Defaults by domain", f"{BY_SSL}\ndemo.example = smtp.demo.example")
    assert "Line 2: demo.example has a row already, in line 1." in str(await workspace.submit(GRACE))
    assert (await stored_defaults(http_demo)).revision == 0


async def test_a_row_names_no_server_that_is_not_allowed(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_defaults(http_demo, Defaults_by_domain=BY_SSL)
    await open_defaults(http_demo)
    await workspace.fill(GRACE, "Allowed servers", "smtp.demo.example")
    assert await workspace.submit(GRACE) == {
        "Defaults by domain": "Line 1: mail.demo.example is none of the allowed servers. Add it to them, or take one "
        "of them."
    }
    await workspace.fill(GRACE, "Allowed servers", "smtp.demo.example\nmail.demo.example")
    assert await workspace.submit(GRACE) == {}
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA)
    await workspace.fill(ADA, "SMTP Server Address", "smtp.corp.example")
    assert "allow only these servers" in (await workspace.submit(ADA))["SMTP Server Address"]


async def test_the_history_says_from_what_to_what_each_row_was_changed(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_defaults(http_demo, Defaults_by_domain=f"{BY_SSL}\nold.example = smtp.old.example")
    await set_defaults(http_demo, Defaults_by_domain="demo.example = mail.demo.example\nnew.example = smtp.new.example")
    async with http_demo.bot.database.reading() as tx:
        newest, oldest = await tx.audit.page(TEAM, subject="workspace")
    assert (newest.actor, newest.action, newest.fields) == (GRACE, "defaults changed", ("Defaults by domain",))
    assert oldest.details == (
        "Encryption none → TLS",
        "demo.example empty → mail.demo.example:465 SSL {address}",
        "old.example empty → smtp.old.example:587 TLS",
    )
    assert newest.details == (
        "demo.example mail.demo.example:465 SSL {address} → mail.demo.example:587 TLS",
        "old.example smtp.old.example:587 TLS → empty",
        "new.example empty → smtp.new.example:587 TLS",
    )
    await workspace.open_home(GRACE)
    home = str(workspace.home(GRACE).blocks)
    assert "At `new.example`: `smtp.new.example:587 TLS`" in home
    assert "`new.example empty → smtp.new.example:587 TLS`" in home


async def test_of_many_rows_the_first_are_shown_and_the_number_of_the_others(http_demo: Demo) -> None:
    told = await set_defaults(
        http_demo, Defaults_by_domain="\n".join(f"d{n}.example = smtp.d{n}.example" for n in range(50))
    )
    assert "At `d9.example`" in told
    assert "d10.example" not in told
    assert "And 40 more by domain, in `/email-profile defaults`" in told
    await open_defaults(http_demo)
    shown = typed(http_demo, GRACE, "Defaults by domain")
    assert str(shown).endswith("\nd49.example = smtp.d49.example:587 TLS")


async def test_rows_whose_port_and_encryption_do_not_go_together_are_taken_and_told(http_demo: Demo) -> None:
    told = await set_defaults(http_demo, Defaults_by_domain="demo.example = mail.demo.example:465 TLS")
    assert "Port 465 goes with SSL, and the row of demo.example says TLS." in told


async def test_profiles_of_the_domain_are_moved_to_a_new_row_and_no_others(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await demo_defaults(http_demo)
    await set_up(http_demo, ADA, extra=None)
    await open_form(http_demo, GRACE)
    await fill_form(http_demo, GRACE)
    await workspace.fill(GRACE, "Email Address", "grace@other.example")
    assert await workspace.submit(GRACE) == {}
    message = await set_defaults(http_demo, Defaults_by_domain="demo.example = mail.demo.example:465 SSL {local}")
    assert "1 still hold the old ones, 0 by their own choice" in message
    offer = await workspace.wait_message(GRACE, "Move 1 profile to the new defaults? Each owner is told.")
    assert "asswords" not in searchable(offer)
    await workspace.press(GRACE, "Move 1 profile", message=offer)
    await workspace.wait_message(GRACE, "Moved 1 profile to the new defaults.")
    told = searchable(await workspace.wait_message(ADA, "changed your email profile"))
    assert "Port 587 → 465" in told
    assert "User/Login ada@demo.example → ada" in told
    ada, grace = await profile_of(http_demo, ADA), await profile_of(http_demo, GRACE)
    assert (ada.port, ada.login, ada.extras, ada.has_password) == (465, "ada", {"SSL": "Y"}, True)
    assert (grace.port, grace.login, grace.extras) == (587, "grace@demo.example", {"TLS": "Y"})


async def test_a_move_says_whose_passwords_stay_behind_when_only_some_change_the_server(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await demo_defaults(http_demo)
    await set_up(http_demo, ADA, extra=None)
    await open_form(http_demo, GRACE)
    await fill_form(http_demo, GRACE)
    await workspace.fill(GRACE, "Email Address", "grace@other.example")
    assert await workspace.submit(GRACE) == {}
    await set_defaults(
        http_demo, Port="465", Encryption="SSL", Defaults_by_domain="other.example = smtp.other.example:587 TLS"
    )
    offer = searchable(await workspace.wait_message(GRACE, "Move 2 profiles to the new defaults?"))
    assert "1 of them must type their password again, because it was typed for another server." in offer
    assert "The passwords do not come back by that." in offer
    await workspace.press(GRACE, "Move 2 profiles", message=await workspace.wait_message(GRACE, "Move 2 profiles"))
    await workspace.wait_message(GRACE, "Moved 2 profiles to the new defaults.")
    ada, grace = await profile_of(http_demo, ADA), await profile_of(http_demo, GRACE)
    assert (ada.host, ada.port, ada.has_password) == (http_demo.mail.host, 465, True)
    assert (grace.host, grace.port, grace.password) == ("smtp.other.example", 587, None)


async def test_a_row_that_is_taken_away_leaves_its_profiles_as_they_are_where_nothing_takes_its_place(
    http_demo: Demo,
) -> None:
    workspace = http_demo.workspace
    await set_defaults(http_demo, Defaults_by_domain="demo.example = mail.demo.example:587 TLS")
    await set_up(http_demo, ADA, extra=None)
    before = await profile_of(http_demo)
    told = await set_defaults(http_demo, Defaults_by_domain="")
    assert "1 still hold the old ones, 0 by their own choice" in told
    offer = await workspace.wait_message(GRACE, "The defaults are saved")
    assert "Move" not in searchable(offer)
    assert await profile_of(http_demo) == before


async def test_a_profile_of_a_domain_without_defaults_differs_from_none(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    told = await set_defaults(http_demo, Defaults_by_domain="other.example = smtp.other.example")
    assert "No profile differs from them." in told


async def test_a_profile_of_its_own_differs_from_no_row_that_was_taken_away(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    told = await set_defaults(http_demo, Defaults_by_domain="demo.example = mail.demo.example:2525 TLS")
    assert "0 still hold the old ones, 1 by their own choice" in told
    told = await set_defaults(http_demo, Defaults_by_domain="other.example = smtp.other.example")
    assert "No profile differs from them." in told


async def test_everybody_searches_with_the_rows_of_their_workspace_but_not_where_they_cannot_be_relied_on(
    http_demo: Demo, store: Store
) -> None:
    await set_defaults(http_demo, Defaults_by_domain=f"{BY_SSL}\nMX *.gateway.example = smtp.demo.example:2525 TLS")
    expected = OwnRow(
        domain="demo.example", host="mail.demo.example", port=465, encryption=Encryption.SSL, login_pattern="{address}"
    )
    behind_gateway = OwnRow(mx="*.gateway.example", host="smtp.demo.example", port=2525, encryption=Encryption.TLS)
    async with http_demo.bot.database.reading() as tx:
        assert (await load_defaults(tx, TEAM)).defaults.rows == (expected, behind_gateway)
        assert (await load_defaults(tx, "T0ELSE")).defaults.rows == ()
    await store.edit("UPDATE workspaces SET sealed = :nothing", nothing=b"")
    async with http_demo.bot.database.reading() as tx:
        with pytest.raises(UnreadablePolicyError):
            await load_defaults(tx, TEAM)


async def test_what_another_version_stored_beside_the_defaults_is_kept_by_a_save(http_demo: Demo) -> None:
    await set_defaults(http_demo, Defaults_by_domain=BY_SSL)
    stored = await stored_defaults(http_demo)
    newer = replace(stored, of_others={"greeting": ["Good day"]})
    async with http_demo.bot.database.writing() as tx:
        await tx.workspaces.save(TEAM, newer.to_document(), expected_revision=stored.revision)
    await set_defaults(http_demo, Domain_of_addresses="demo.example")
    async with http_demo.bot.database.reading() as tx:
        found = await tx.workspaces.get(TEAM)
    assert found is not None
    document = json.loads(found.document)["defaults"]
    assert (document["greeting"], document["domain"], len(document["rows"])) == (["Good day"], "demo.example", 1)


async def test_a_form_that_another_version_opened_deletes_no_rows(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_defaults(http_demo, Defaults_by_domain=BY_SSL)
    await open_defaults(http_demo)
    view = workspace.view(GRACE)
    assert view is not None
    without_rows = [block for block in view.content["blocks"] if block.get("block_id") != "rows"]
    view.replace({**view.content, "blocks": without_rows})
    assert "This form is of an older version of the bot." in str(await workspace.submit(GRACE))
    assert len((await stored_defaults(http_demo)).defaults.rows) == 1


async def test_rows_that_were_typed_stay_in_the_form_when_another_admin_was_quicker(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_defaults(http_demo, Defaults_by_domain=BY_SSL)
    await open_defaults(http_demo)
    stored = await stored_defaults(http_demo)
    async with http_demo.bot.database.writing() as tx:
        other = replace(stored, defaults=replace(stored.defaults, domain="demo.example"))
        await tx.workspaces.save(TEAM, other.to_document(), expected_revision=stored.revision)
    rows = f"{BY_SSL}\nother.example = smtp.other.example"
    await workspace.fill(GRACE, "Defaults by domain", rows)
    await workspace.submit(GRACE)
    await workspace.wait_view(GRACE, "Workspace defaults", containing="Another admin changed the defaults")
    assert typed(http_demo, GRACE, "Defaults by domain") == rows
    workspace.sends_nulls = True
    assert await workspace.submit(GRACE) == {}
    assert [row.domain for row in (await stored_defaults(http_demo)).defaults.rows] == ["demo.example", "other.example"]
