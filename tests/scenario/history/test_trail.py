"""The history carries: tests of what is not saved are in it, deletion leaves its outline, and no edit stays unseen."""

import json
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import Message, searchable
from bot.profiles.account.profile import EmailProfile
from bot.profiles.people.access import Person
from storage.crypto.keyring import generate_key
from storage.maintenance.verify import Verdict, verify
from tests.scenario.people import (
    ADA,
    GRACE,
    fill_form,
    from_save_to_entry,
    history,
    notices_sent,
    open_form,
    profile_of,
    run_test,
    set_up,
    settled,
)
from tests.store import Store

TOLD = "sent a test message through your email profile"


async def shown_history(demo: Demo, reader: str = GRACE, whose: str = "@ada") -> str:
    await demo.workspace.command(reader, "/email-profile", f"history {whose}".strip())
    return searchable(demo.workspace.messages(reader)[-1])


async def verified(demo: Demo) -> Verdict:
    return await verify(demo.bot.database, lambda *_: None)


def direct(demo: Demo, user: str, containing: str) -> list[Message]:
    return [
        message
        for message in demo.workspace.messages(user)
        if message.reader is None and containing in searchable(message)
    ]


async def test_tests_are_told_with_server_and_login_also_those_of_a_form_that_nobody_saves(
    http_demo: Demo, store: Store
) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await run_test(http_demo, ADA)
    await open_form(http_demo, GRACE, "edit @ada")
    await fill_form(http_demo, GRACE, owner=ADA, password="a guess of it")
    await workspace.fill(GRACE, "User/Login", "somebody-else")
    await workspace.press(GRACE, "Test connection")
    await workspace.wait_view(GRACE, "Email profile", containing="Connection test failed at Sign-in")
    await settled(http_demo)
    await workspace.cancel(GRACE)
    shown = await shown_history(http_demo)
    host = http_demo.mail.host
    assert f"<@{GRACE}>  tested a form: failed at Sign-in · `on {host}:587 as somebody-else`" in shown
    assert f"<@{ADA}>  tested: passed · `on {host}:587 as {http_demo.mail.account('ada@demo.example').login}`" in shown
    assert "a guess of it" not in shown
    # Server and login are sealed.
    stored = await store.contents()
    assert not any(host in str(row) or "somebody-else" in str(row) for row in stored["audit_entries"])
    assert b"somebody-else" not in b"".join((await store.everything()).values())
    assert (await verified(http_demo)).good


async def test_deletion_leaves_who_did_what_kind_of_thing_when_and_how_often_and_nothing_else(
    http_demo: Demo, store: Store
) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await run_test(http_demo, ADA)
    await workspace.command(GRACE, "/email-extra", "add FROM_NAME Countess @ada")
    before = await history(http_demo)
    await workspace.command(GRACE, "/email-profile", "delete @ada")
    await workspace.press(GRACE, "Delete …", message=workspace.messages(GRACE)[-1])
    assert await history(http_demo) == [(GRACE, "deleted"), *before]
    shown = await shown_history(http_demo)
    for word in ("Countess", "FROM_NAME", "Password", "demo.example", "passed", "→"):
        assert word not in shown
    assert shown.count("saved") == 1
    assert await store.ask("SELECT 1 FROM audit_details") == []
    assert {row.fields for row in await store.ask("SELECT fields FROM audit_entries")} == {""}
    assert (await verified(http_demo)).good


async def test_a_message_that_an_admin_sends_is_named_in_the_history_and_told_to_the_owner(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await http_demo.workspace.command(GRACE, "/email-test", "send @ada")
    await http_demo.workspace.wait_message(GRACE, "is on its way")
    await notices_sent(http_demo)
    (told,) = direct(http_demo, ADA, TOLD)
    assert f"<@{GRACE}> {TOLD}, to `grace@demo.example`" in searchable(told)
    assert told.text.startswith("An admin sent a test message through your email profile.")
    assert f"<@{GRACE}>  sent a test message: passed" in await shown_history(http_demo)
    await http_demo.workspace.command(ADA, "/email-test", "send")
    await http_demo.workspace.wait_message(ADA, "is on its way")
    await notices_sent(http_demo)
    assert len(direct(http_demo, ADA, TOLD)) == 1


async def test_a_message_that_did_not_go_is_named_as_tried_and_told_to_nobody(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA, password="wrong")
    await http_demo.workspace.command(GRACE, "/email-test", "send @ada")
    await http_demo.workspace.wait_message(GRACE, "Connection test failed at Sign-in")
    await settled(http_demo)
    assert f"<@{GRACE}>  tried to send a test message: failed at Sign-in" in await shown_history(http_demo)
    assert await store.ask("SELECT 1 FROM outbox") == []


async def test_the_owner_is_told_of_a_message_when_slack_is_back_and_after_a_restart_once(
    tmp_path: Path, store: Store
) -> None:
    keys = generate_key()
    async with running_demo(tmp_path, encryption_keys=keys) as demo:
        await set_up(demo, ADA)
        demo.workspace.faults["chat.postMessage"] = [Fault(kind="refused", error="service_unavailable")]
        await demo.workspace.command(GRACE, "/email-test", "send @ada")
        await store.until("SELECT 1 FROM outbox WHERE kind = 'message' AND tries = 1")
        assert direct(demo, ADA, TOLD) == []
    await store.edit("UPDATE outbox SET due_at = due_at - 4000", "DELETE FROM leases")
    async with running_demo(tmp_path, encryption_keys=keys) as demo:
        await demo.workspace.wait_message(ADA, TOLD)
        await notices_sent(demo)
        assert len(direct(demo, ADA, TOLD)) == 1


async def test_nothing_that_is_done_by_hand_in_the_database_is_taken_for_history(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    await http_demo.workspace.command(GRACE, "/email-extra", "add FROM_NAME Countess @ada")
    assert (await verified(http_demo)).good
    kept = await store.contents()
    for statement in (
        "DELETE FROM audit_entries WHERE actor = 'U0GRACE'",
        "UPDATE audit_entries SET actor = 'U0ADA'",
        "INSERT INTO audit_entries (at, workspace, actor, subject, action, fields) "
        "SELECT at, workspace, 'U0GRACE', subject, 'deleted', '' FROM audit_entries WHERE id = 1",
    ):
        await store.edit(statement)
        found = await verified(http_demo)
        assert [(one.workspace, one.subject) for one in found.histories.broken] == [(TEAM, ADA)], statement
        await store.put_back({"audit_entries": kept["audit_entries"]})
    assert (await verified(http_demo)).good


async def test_a_profile_that_is_put_back_after_a_change_or_its_deletion_is_missed_in_its_history(
    http_demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    before, saved = (await store.contents())["email_profiles"], await from_save_to_entry(http_demo)
    await open_form(http_demo, GRACE, "edit @ada")
    await workspace.fill(GRACE, "SMTP Server Address", "elsewhere.demo.example")
    assert await workspace.submit(GRACE) == {}
    assert (await profile_of(http_demo)).password is None
    longest = max(saved, await from_save_to_entry(http_demo))
    monkeypatch.setattr("storage.maintenance.history._LONGEST_SAVE", longest)
    assert (await verified(http_demo)).good
    put_back = "the profile is older than its history: it was put back after a change or a deletion"
    await store.put_back({"email_profiles": before})
    assert [str(one) for one in (await verified(http_demo)).histories.broken] == [f"{TEAM} {ADA} ({put_back})"]
    await set_up(http_demo, ADA)
    newest, saved = (await store.contents())["email_profiles"], await from_save_to_entry(http_demo)
    owner = Person(TEAM, ADA)
    await http_demo.bot.connections._profiles.delete(caller=owner, owner=owner)
    monkeypatch.setattr("storage.maintenance.history._LONGEST_SAVE", saved)
    assert (await verified(http_demo)).good
    # Nothing was stored between that and the deletion.
    await store.put_back({"email_profiles": newest})
    assert [str(one) for one in (await verified(http_demo)).histories.broken] == [f"{TEAM} {ADA} ({put_back})"]


async def test_what_a_version_before_kept_of_a_dropped_password_is_not_put_back(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    owner = Person(TEAM, ADA)
    async with http_demo.bot.database.writing() as tx:
        stored = await tx.profiles.get(TEAM, ADA)
        assert stored is not None
        document = json.loads(stored.document)
        assert document["password"]
        before = {name: value for name, value in document.items() if name not in ("version", "before")}
        forgotten = {"password": None, "password_host": "", "password_set_at": None, "before": before}
        old = json.dumps({**document, **forgotten}).encode()
        await tx.profiles.save(TEAM, ADA, old, replacing=stored)
        revision = stored.revision + 1
    assert EmailProfile.from_document(old).before is not None
    await http_demo.bot.connections._profiles.undo(caller=owner, owner=owner, revision=revision)
    assert (await profile_of(http_demo)).password is None
