"""What a summary offers for all of a cause: show them, change them alike, test them again, and put it back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.controls import button
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import PEOPLE, TEAM
from bot.demo.stand_in.platform import Message, searchable
from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.fixes import FIXES_FOR_MANY, OutdatedFixError, ProposedFix, apply_fix_for_many
from bot.profiles.account.profile import EmailProfile
from bot.profiles.connection_tests.run_results import load_result, save_result
from bot.profiles.people.access import Person
from bot.slack.views.bulk_tests import decode_group
from bot.smtp.advice.row import Fix
from storage.crypto.keyring import generate_key
from storage.engines.transactions import DatabaseFault, DatabaseUnavailableError
from tests.scenario.crowd import (
    BAD,
    CROWD,
    SECRET,
    begin_run,
    crowd,
    crowded_demo,
    give_profiles,
    labels,
    listed,
    mail_for,
    users,
)
from tests.scenario.people import GRACE, profile_of, settled
from tests.scenario.started_before import StartedBefore
from tests.store import Store

WRONG_PORT = CROWD[30:36]
"""Their port wants SSL from the first byte, and their profile says TLS."""
CAUSE = "on mail.demo.example: port 465 expects SSL, their profile says TLS"


@pytest.fixture
async def demo(crowded: StartedBefore, tmp_path: Path) -> AsyncIterator[Demo]:
    async with crowded_demo(tmp_path, crowded) as opened:
        await give_profiles(opened, WRONG_PORT, port=465)
        yield opened


async def summary_of(demo: Demo, search: str | None = None) -> Message:
    """Test those whom a search finds, and wait for the summary."""
    await begin_run(demo.workspace, await listed(demo, search))
    return await demo.workspace.wait_message(GRACE, "tested email profiles", timeout=60)


async def in_words_of_before(demo: Demo, summary: Message) -> None:
    """Store the causes of a summary as the version before this one did, which spoke to one person."""
    run_id, _ = decode_group(button(summary.blocks, "Fix these", None)[1]["value"])
    async with demo.bot.database.writing() as tx:
        result = await load_result(tx, TEAM, run_id)
        groups = [replace(one, cause=one.cause.replace("their profile", "your profile")) for one in result.groups]
        assert groups[0] != result.groups[0]
        await save_result(tx, TEAM, run_id, replace(result, groups=tuple(groups)))


async def told(demo: Demo, user: str) -> list[str]:
    return [text for message in demo.workspace.messages(user) if "changed your" in (text := searchable(message))]


async def test_those_of_a_cause_are_shown_and_nobody_else(demo: Demo) -> None:
    workspace = demo.workspace
    summary = await summary_of(demo, "crowd00")
    assert "3 fail at Sign-in on mail.demo.example: the server refused login or password" in searchable(summary)
    await workspace.press(GRACE, "Show these", message=summary, row="3 fail at Sign-in")
    shown = await workspace.wait_message(GRACE, "Only who was found to fail at Sign-in")
    assert set(users(shown)) == BAD
    assert "1–3 of 3 (42 in all)" in searchable(shown)
    await workspace.enter_in(GRACE, "Search", "crowd008", message=shown)
    assert users(shown) == [CROWD[8].id]
    assert "1–1 of 1 (42 in all)" in searchable(shown)
    await workspace.press(GRACE, "Show everybody", message=shown)
    await workspace.enter_in(GRACE, "Search", "", message=shown)
    assert "1–5 of 42" in searchable(shown)


async def test_no_change_is_offered_that_would_touch_anybodys_login_or_password(demo: Demo) -> None:
    await demo.workspace.press(GRACE, "Test these", message=await listed(demo, "crowd007"))
    summary = await demo.workspace.wait_message(GRACE, "tested email profiles", timeout=60)
    assert labels(summary) == ["Show these", "Test these again"]
    assert not FIXES_FOR_MANY & {
        Fix.ADDRESS_AS_LOGIN,
        Fix.LOGIN_AS_ADDRESS,
        Fix.NAME_FROM_CERTIFICATE,
        Fix.USE_PROVIDER_SERVER,
        Fix.TRUST_CERTIFICATE,
        Fix.REMOVE_BLANKS,
        Fix.REMOVE_INVISIBLE,
        Fix.AUTHENTICATE,
    }


async def test_those_of_a_cause_are_changed_alike_after_one_question_told_tested_and_put_back(
    demo: Demo, store: Store, shown_in_place: list[str]
) -> None:
    workspace = demo.workspace
    summary = await summary_of(demo, "crowd03")
    row = f"6 fail at Greeting {CAUSE}"
    assert row in searchable(summary)
    _, element = button(summary.blocks, "Fix these", row)
    question = element["confirm"]
    assert question["title"]["text"] == "Change 6 email profiles?"
    assert question["confirm"]["text"] == "Fix these 6"
    assert "Use SSL on 465: for 6 people" in question["text"]["text"]
    await workspace.press(GRACE, "Fix these", message=summary, row=row, confirm=False)
    assert (await profile_of(demo, WRONG_PORT[0].id)).extras == {"TLS": "Y"}
    await workspace.press(GRACE, "Fix these", message=summary, row=row)
    done = await workspace.wait_message(GRACE, "Changed for 6 people", timeout=60)
    fixed = searchable(await workspace.wait_message(GRACE, "Of 6 tested email profiles 6 work and 0 fail.", timeout=60))
    assert "Changed for 6 people: `SSL not set → Y`; `TLS Y → not set`" in fixed
    assert SECRET not in fixed
    assert any(text.startswith("Changing 6 email profiles: 3 done") for text in shown_in_place)
    for person in WRONG_PORT:
        await workspace.wait_message(person.id, "changed your email profile", timeout=20)
        assert len(await told(demo, person.id)) == 1
        profile = await profile_of(demo, person.id)
        assert (profile.extras, profile.port, profile.has_password) == ({"SSL": "Y"}, 465, True)
    rows = await store.ask("SELECT actor, fields FROM audit_entries WHERE action = 'fixed with others'")
    assert [tuple(row) for row in rows] == [(GRACE, "SSL, TLS")] * 6
    # Somebody changes theirs, and keeps that.
    await workspace.command(WRONG_PORT[0].id, "/email-extra", "add FROM_NAME Me")
    done = await workspace.wait_message(GRACE, "Of 6 tested email profiles 6 work")
    _, undo = button(done.blocks, "Undo for 6 people", None)
    assert undo["confirm"]["confirm"]["text"] == "Undo for 6"
    await workspace.press(GRACE, "Undo for 6 people", message=done)
    back = searchable(await workspace.wait_message(GRACE, "Put back for 5 people"))
    assert "1 not put back: The profile has changed since" in back
    assert any(text.startswith("Putting 6 email profiles back: ") for text in shown_in_place)
    assert [(await profile_of(demo, person.id)).extras.get("TLS") for person in WRONG_PORT] == [None, *["Y"] * 5]
    async with asyncio.timeout(20):
        while [len(await told(demo, person.id)) for person in WRONG_PORT] != [1, *[2] * 5]:
            await asyncio.sleep(0.05)
    done = await workspace.wait_message(GRACE, "Of 6 tested email profiles 6 work")
    assert "Undo for" not in searchable(done)


async def test_who_changed_or_was_tested_since_is_left_alone_and_who_cannot_be_told_is_counted(demo: Demo) -> None:
    workspace = demo.workspace
    summary = await summary_of(demo, "crowd03")
    await workspace.command(WRONG_PORT[0].id, "/email-extra", "add FROM_NAME Me")
    # The first message posted is the run's own.
    workspace.faults["chat.postMessage"] = [Fault(kind="silence"), Fault(kind="refused", error="user_disabled")]
    await workspace.press(GRACE, "Fix these", message=summary)
    fixed = searchable(await workspace.wait_message(GRACE, "Of 5 tested email profiles 5 work", timeout=60))
    assert "Changed for 5 people" in fixed
    assert "1 not changed: The profile was changed or tested since" in fixed
    report = searchable(await workspace.wait_message(GRACE, "whose profiles you changed", timeout=20))
    assert "4 have been told and 1 not, or not for certain." in report
    assert (await profile_of(demo, WRONG_PORT[0].id)).extras == {"TLS": "Y", "FROM_NAME": "Me"}


async def test_owners_are_not_looked_up_at_slack_which_takes_a_hundred_such_questions_a_minute(demo: Demo) -> None:
    workspace = demo.workspace
    summary = await summary_of(demo, "crowd03")
    await in_words_of_before(demo, summary)
    demo.bot.outbox.pace = 0.0
    await workspace.change_person(replace(WRONG_PORT[0], is_deactivated=True))
    workspace.faults["users.info"] = [Fault(kind="ratelimited", seconds=60)] * 20
    await workspace.press(GRACE, "Fix these", message=summary)
    done = await workspace.wait_message(GRACE, "Of 5 tested email profiles 5 work", timeout=60)
    fixed = searchable(done)
    assert "Changed for 5 people" in fixed
    assert "1 not changed: The profile was changed or tested since, or the person has left." in fixed
    await workspace.change_person(replace(WRONG_PORT[1], is_deactivated=True))
    await workspace.press(GRACE, "Undo for 5 people", message=done)
    back = searchable(await workspace.wait_message(GRACE, "Put back for 4 people"))
    assert "1 not put back: The person has left, so their profile stays as it is." in back
    assert workspace.calls("users.info") < len(WRONG_PORT)


async def test_what_broke_off_or_was_stopped_tells_how_far_it_came_and_can_be_put_back(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = demo.workspace
    summary = await summary_of(demo, "crowd03")
    fixed: list[Person] = []
    put_back: list[Person] = []
    tried = Counter[str]()

    async def fix(self: EmailProfiles, *, owner: Person, **what: Any) -> ProfileChange:
        if len(fixed) == 4:
            await self.delete(caller=fixed[0], owner=fixed[0])
            raise RuntimeError
        fixed.append(owner)
        return await fix_among_many(self, owner=owner, **what)

    async def undo(self: EmailProfiles, *, owner: Person, **what: Any) -> ProfileChange:
        if len(put_back) == 1:
            put_back.append(owner)
            await self.delete(caller=owner, owner=owner)
            raise DatabaseUnavailableError(DatabaseFault.SILENT)
        put_back.append(owner)
        return await undo_among_many(self, owner=owner, **what)

    async def stopped(self: EmailProfiles, **what: Any) -> ProfileChange:
        if tried.total():
            await workspace.press(GRACE, "Stop", message=await workspace.wait_message(GRACE, "░"))
        tried.update("x")
        return await fix_among_many(self, **what)

    fix_among_many, undo_among_many = EmailProfiles.fix_among_many, EmailProfiles.undo_among_many
    monkeypatch.setattr(EmailProfiles, "fix_among_many", fix)
    monkeypatch.setattr(EmailProfiles, "undo_among_many", undo)
    await workspace.press(GRACE, "Fix these", message=summary)
    broken = await workspace.wait_message(GRACE, "Interrupted: 3 of 6 email profiles changed, none tested.")
    assert "Something went wrong (reference " in searchable(broken)
    await workspace.wait_message(GRACE, "whose profiles you changed")
    with monkeypatch.context() as full:
        full.setattr(demo.bot.jobs, "_most_runs", 0)
        await workspace.press(GRACE, "Undo for 3 people", message=broken)
        await workspace.wait_message(GRACE, "Much work on many profiles is under way right now.")
    await workspace.press(GRACE, "Undo for 3 people", message=broken)
    told = searchable(await workspace.wait_message(GRACE, "Put back for 1 person"))
    assert "cannot reach its database at the moment, so this broke off" in told
    assert "Press Undo again for the rest." in told
    await settled(demo)
    # One was put back, and one has deleted theirs.
    assert "Changed for 2 people: `SSL not set → Y`; `TLS Y → not set` · 1 left to put back" in searchable(broken)
    await workspace.press(GRACE, "Undo for 1 person", message=broken)
    await settled(demo)
    assert "Changed for 2 people: `SSL not set → Y`; `TLS Y → not set`" in searchable(broken)
    assert not any(words in searchable(broken) for words in ("Undo for", "left to put back"))
    assert [(await profile_of(demo, one.user)).extras for one in fixed[1::2]] == [{"TLS": "Y"}] * 2
    async with demo.bot.database.reading() as tx:
        left = await tx.profiles.users(fixed[0].workspace)
    assert [one.user in left for one in fixed] == [False, True, False, True]
    assert put_back == [fixed[1], fixed[2], fixed[3]]
    monkeypatch.setattr(EmailProfiles, "fix_among_many", stopped)
    monkeypatch.setattr("bot.slack.listeners.bulk_tests.PROGRESS_INTERVAL_SECONDS", 0)
    await workspace.press(GRACE, "Fix these", message=summary)
    await workspace.wait_message(GRACE, "It stops in a moment.")
    done = await workspace.wait_message(GRACE, "Stopped: 0 of 4 email profiles changed, none tested.")
    assert "2 not changed: The profile was changed or tested since" in searchable(done)
    everything = "".join(map(searchable, workspace.messages(GRACE)))
    assert "othing was changed" not in everything
    assert "It begins" not in everything


async def test_those_of_a_cause_are_tested_again(demo: Demo) -> None:
    workspace = demo.workspace
    summary = await summary_of(demo, "crowd03")
    workspace.all_messages.clear()
    await workspace.press(GRACE, "Test these again", message=summary)
    question = await workspace.wait_message(GRACE, "Test 6 email profiles?")
    assert labels(question) == ["Test 6 profiles"]
    assert not any("░" in searchable(message) for message in workspace.messages(GRACE))
    await workspace.press(GRACE, "Test 6 profiles", message=question)
    again = searchable(await workspace.wait_message(GRACE, "tested email profiles", timeout=60))
    assert "Of 6 tested email profiles 0 work and 6 fail." in again


async def test_the_list_tells_why_those_in_it_fail_and_they_can_be_changed_from_there(demo: Demo) -> None:
    workspace = demo.workspace
    await summary_of(demo)
    shown = await listed(demo)
    await workspace.press(GRACE, "Fix these", message=shown)
    found = await workspace.wait_message(GRACE, "Why 9 people fail, as the last tests say.")
    assert "3 fail at Sign-in" in searchable(found)
    await workspace.press(GRACE, "Fix these", message=found)
    await workspace.wait_message(GRACE, "Of 6 tested email profiles 6 work and 0 fail.", timeout=60)
    await workspace.enter_in(GRACE, "Search", "crowd030", message=shown)
    await workspace.press(GRACE, "Fix these", message=shown)
    await workspace.wait_message(GRACE, "Nobody in this list fails, so there is nothing to fix.")


@pytest.mark.databases("sqlite")
async def test_a_summary_can_be_acted_on_after_a_restart_and_is_gone_after_a_week(tmp_path: Path, store: Store) -> None:
    people = crowd(3)
    places: dict[str, Any] = {"mail": mail_for(people), "people": [*PEOPLE, *people], "encryption_keys": generate_key()}
    async with running_demo(tmp_path, **places) as demo:
        await give_profiles(demo, people, port=465)
        summary = await summary_of(demo)
    async with running_demo(tmp_path, **{**places, "mail": mail_for(people)}) as demo:
        posted = await demo.workspace.post(
            Message(author=summary.author, channel=summary.channel, text=summary.text, blocks=summary.blocks)
        )
        await demo.workspace.press(GRACE, "Show these", message=posted)
        shown = await demo.workspace.wait_message(GRACE, "Only who was found to fail")
        assert set(users(shown)) == {person.id for person in people}
        # Whoever deletes their profile is taken out of it.
        await demo.workspace.command(people[0].id, "/email-profile", "delete")
        await demo.workspace.press(people[0].id, "Delete …", message=demo.workspace.messages(people[0].id)[-1])
        await demo.workspace.press(GRACE, "Fix these", message=posted)
        await demo.workspace.wait_message(GRACE, "Changed for 2 people", timeout=60)
        await demo.workspace.wait_message(GRACE, "Of 2 tested email profiles", timeout=60)
        assert all(people[0].id not in str(row) for row in await store.ask("SELECT * FROM run_results"))
        await store.edit("UPDATE test_runs SET alive_at = alive_at - 700000")
        await demo.bot.housekeeping.retention.purge()
        assert await store.ask("SELECT * FROM run_results") == []
        await demo.workspace.press(GRACE, "Show these", message=posted)
        await demo.workspace.wait_message(GRACE, "This summary is kept for a week, and is gone.")


@pytest.mark.databases()
def test_a_fix_that_would_change_who_signs_in_where_is_refused_whatever_it_is_called() -> None:
    profile = EmailProfile(address="ada@x.example", login="ada", host="smtp.x.example", port=587, extras={"TLS": "Y"})
    for fix in (ProposedFix(kind=Fix.ADDRESS_AS_LOGIN), ProposedFix(kind=Fix.TRUST_CERTIFICATE, target="0" * 64)):
        with pytest.raises(OutdatedFixError):
            apply_fix_for_many(profile, fix)
