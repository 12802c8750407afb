"""Every view there is, made of a profile: messages, forms, modals and the Home tab."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from slack_sdk.models.blocks import InputBlock
from slack_sdk.models.views import View

from bot.profiles.account.changes import CONFLICT_FIELDS, Conflict
from bot.profiles.account.extras import CATALOGUE
from bot.profiles.account.fixes import ProposedFix
from bot.profiles.account.profile import EmailProfile, Field
from bot.profiles.account.records import ProfileState
from bot.profiles.connection_tests.bulk_fixes import BulkChange
from bot.profiles.connection_tests.bulk_progress import BulkProgress, ProfileToTest, queues_of
from bot.profiles.connection_tests.connection_tests import NoOwnAddressError
from bot.profiles.connection_tests.limits import (
    FAILED_SIGN_INS,
    TESTS_OF_A_PERSON,
    TESTS_OF_A_TARGET_IN_BULK,
    RateLimitedError,
    SignInsLeft,
)
from bot.profiles.connection_tests.results import Dialogue, SentMessageResult, interpret_report
from bot.profiles.connection_tests.run_results import FailureGroup, RunResult
from bot.profiles.connection_tests.running_tests import RunningTest
from bot.profiles.people.access import Person
from bot.profiles.people.defaults import DEFAULTS_SUBJECT, Defaults, StoredDefaults
from bot.profiles.people.history import HistoryPage
from bot.profiles.people.notices import (
    Batch,
    BatchResult,
    ChangedNotice,
    Content,
    DeletedNotice,
    FormTestedNotice,
    Lock,
    LockNotice,
    MessageNotice,
    Reminder,
)
from bot.profiles.people.people_list import MAX_CAUSES, Cause, ListQuery, PeoplePage, PersonLine
from bot.profiles.people.reminders import LeftOut, ReminderCounts
from bot.profiles.people.workspace_defaults import DefaultsUsage, MoveCounts
from bot.slack.command_text import NotUnderstoodError, parse
from bot.slack.ids import COMMANDS
from bot.slack.replies.reply import message_modal
from bot.slack.views import address_confirmation as confirmation
from bot.slack.views import bulk_tests as bulk
from bot.slack.views import (
    card,
    conversation,
    defaults,
    extras,
    form,
    help,  # noqa: A004 - the view's name
    history,
    home,
    message,
    notices,
    reminders,
    report,
)
from bot.slack.views import people_list as listing
from bot.slack.views.home import AdminPart, OwnPart
from bot.slack.views.message import Block
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.views.private_metadata import PrivateMetadata
from bot.smtp.account import Encryption
from bot.smtp.advice.row import Fix
from bot.smtp.check.report import Fault, Outcome, StageName
from storage.tables.audit import TESTED_FORM, AuditEntry
from storage.tables.limits import Window
from storage.tables.people_query import Cursor
from tests.unit.slack import email_samples, found_samples, program_samples
from tests.unit.slack.view_samples import (
    ADA,
    CONFLICT,
    DEFAULTS,
    EVIL,
    GRACE,
    LONG_DETAIL,
    LONG_HOST,
    LONGEST,
    NOW,
    REPLY,
    SENTENCE,
    a_form,
    a_report,
    a_view,
    views_of_a_profile,
)


def not_understood(command: str) -> str:
    with pytest.raises(NotUnderstoodError) as caught:
        parse(command, EVIL)
    return str(caught.value)


def messages(profile: EmailProfile) -> Iterator[message.Message]:
    for view in views_of_a_profile(profile).values():
        for reader in (ADA, GRACE):
            for entry in PasswordEntry:
                yield card.card(view, reader=reader, entry=entry)
            below = confirmation.unconfirmed_blocks(profile.address)
            yield card.card(view, reader=reader, entry=PasswordEntry.EITHER, below=below)
            yield card.delete_question(view, reader=reader)
            yield extras.extras_message(view, reader=reader)
        yield card.card(view, reader=ADA, entry=PasswordEntry.EITHER, programs=program_samples.PROGRAMS)
        for entry in PasswordEntry:
            yield notices.notice_message(Reminder(by=GRACE, view=view), reader=ADA, entry=entry)
    for content in (*notices_to_people(), *program_samples.notices_to_people()):
        yield notices.notice_message(content, reader=ADA, entry=PasswordEntry.EITHER)
    yield from messages_for_admins(profile)
    yield from messages_about_tests(profile)
    yield from found_samples.answers()
    yield from program_samples.messages(profile)
    yield extras.conflict_message(CONFLICT, owner=ADA)
    yield from email_samples.messages()
    yield message.notice(SENTENCE)
    yield conversation.welcome(ADA)
    yield conversation.answer(ADA)
    for command in COMMANDS:
        yield help.help_message(command)
        yield help.help_message(command, sentence=not_understood(command))


def messages_about_tests(profile: EmailProfile) -> Iterator[message.Message]:
    account = a_view(profile).account
    running = RunningTest.of("a" * 36, account, a_report(profile, outcome=Outcome.RUNNING))
    yield report.begun(running, 15.0)
    yield report.testing(running)
    yield report.testing(replace(running, seconds=3.2, account=a_view(EmailProfile()).account))
    stopped = a_report(profile, outcome=Outcome.STOPPED)
    yield report.stopped(replace(running, report=stopped), stopped_by=GRACE, owner=ADA)
    for limit, wait in ((FAILED_SIGN_INS[1], 80_000.0), (TESTS_OF_A_PERSON[0], 3.0)):
        window = Window(taken=False, left=0, ends_at=NOW.timestamp() + wait, wait=wait)
        yield report.limited(RateLimitedError(limit, window))
    passed = interpret_report(a_report(profile), account, profile)
    refused_recipient = a_report(profile, Fault.RECIPIENT_REFUSED, outcome=Outcome.WARNED)
    refused_sign_in = a_report(profile, Fault.SIGN_IN_REFUSED, outcome=Outcome.FAILED)
    warned, failed = (interpret_report(one, account, profile) for one in (refused_recipient, refused_sign_in))
    unconfirmed = replace(passed, unconfirmed=True)
    for ended in (passed, warned, failed, unconfirmed):
        yield report.finished(account, ended, owner=ADA)
    for left in (0, 1, 2):
        until = SignInsLeft(left=left, until=NOW + timedelta(minutes=15), own_left=left, own_until=NOW)
        yield report.finished(account, replace(failed, sign_ins_left=until), owner=ADA)
    yield report.sent(account, SentMessageResult(test=unconfirmed, recipient=profile.address), owner=ADA)
    for without_code in (warned, failed):
        yield report.no_code(account, without_code, owner=ADA)
    yield report.no_own_address(NoOwnAddressError(SENTENCE))
    yield confirmation.confirmed(profile.address, owner=ADA)
    for withheld in (True, False):
        yield report.transcript(Dialogue(lines=(LONG_DETAIL[:80],) * 10, words_withheld=withheld))


def notices_to_people() -> Iterator[Content]:
    for dropped in (True, False):
        for described in ((f"Port {EVIL} → 587",), tuple(f"{name} {'x' * 990} → {EVIL}" for name in Field), ()):
            yield ChangedNotice(by=GRACE, fields=("Port",), descriptions=described, password_dropped=dropped)
    yield DeletedNotice(by=GRACE)
    yield FormTestedNotice(by=GRACE, server=f"{LONG_HOST}:65535", login=EVIL, with_password=True)
    yield FormTestedNotice(by=GRACE, server="smtp.example.com:587", login="", with_password=False)
    for lock in Lock:
        yield LockNotice(lock=lock, by=ADA, login=EVIL, host=LONG_HOST, until=NOW)
    yield MessageNotice(by=GRACE, recipient=f"{EVIL}@example.com")
    many = {f"{number} {EVIL}": 1000 for number in range(15)}
    for what in Batch:
        for unsent in ({}, {"user_disabled": 1}, many):
            yield BatchResult(what=what, sent=1, unsent=unsent, users=(ADA,) * min(len(unsent), 10))


ENTRIES = [
    AuditEntry(number=7, at=NOW, actor=actor, subject=subject, action="saved", fields=("Port", EVIL))
    for actor, subject in ((ADA, ADA), (GRACE, ADA), ("bot", ADA))
]
ENTRIES.append(replace(ENTRIES[1], action=TESTED_FORM, details=(f"on mail.example.com:587 as {EVIL}",)))
ENTRIES.append(replace(ENTRIES[1], subject=DEFAULTS_SUBJECT, details=(f"Port 465 → {EVIL * 3}",) * 9))


def a_page(profile: EmailProfile) -> PeoplePage:
    """A page of the list, with somebody in each state."""
    states = tuple(ProfileState)
    lines = [
        PersonLine(
            user=ADA if number % 2 else GRACE,
            name=EVIL,
            profile=profile,
            encryption=Encryption.TLS,
            state=state,
            since=NOW,
            failed_stage=StageName.SIGN_IN,
            tested_at=NOW,
            deactivated_at=NOW,
            cause=f"at Sign-in on {profile.host}: {EVIL}",
            warnings=(f"Port 465 goes with SSL, and {EVIL}.", SENTENCE),
        )
        for number, state in enumerate(states)
    ]
    cursor = Cursor(state=6, position=2**62, user="U" + "0" * 30)
    query = ListQuery(
        search='"' * 50,
        state=ProfileState.FAILS,
        stage=StageName.MESSAGE,
        cause="f" * 16,
        by_name=True,
        after=cursor,
        first=99_991,
    )
    return PeoplePage(
        query=query,
        lines=tuple(lines),
        counts=dict.fromkeys(ProfileState, 100_000),
        total=99_999,
        stages=dict.fromkeys(StageName, 100_000),
        causes=tuple(Cause(id=f"{number:016}", words=f"at {EVIL * 3}", people=9) for number in range(MAX_CAUSES)),
        group="",
        previous=query,
        next=query,
    )


def a_run() -> Iterator[message.Message]:
    """A test of many under way, ended, and what follows."""
    people = [ProfileToTest(user=ADA, host=LONG_HOST, port=number, login="") for number in range(5)]
    so_far = BulkProgress(total=300, passed=200, queues=queues_of(people))
    yield bulk.question(people * 20_000, ListQuery(search='"' * 50, run_id="0" * 36, group=99_999))
    yield bulk.progress(so_far, run_id="a-run", before=RunResult(total=300))
    for queue in so_far.queues:
        queue.hold(RateLimitedError(TESTS_OF_A_TARGET_IN_BULK[0], Window(taken=False, left=0, wait=40, ends_at=2e9)))
    so_far.skip(SENTENCE)
    group = FailureGroup(
        stage="Sign-in",
        cause=f"at Sign-in on {LONG_HOST}: {EVIL}",
        port=465,
        users=(ADA,) * 20,
        fix=ProposedFix(kind=Fix.HELO_FROM_ADDRESS, target=EVIL * 5),
        fits=(ADA,) * 15,
    )
    result = RunResult(total=300, passed=200, groups=(group,) * 15, skipped={SENTENCE: 3})
    fixed = replace(
        result,
        fix=group.fix,
        changed=(("U1", 4),) * 99_999,
        descriptions=(f"HELO not set → {EVIL}",),
        left_alone={SENTENCE: 3},
    )
    yield bulk.progress(so_far, run_id="a-run", before=fixed)
    only_changed = replace(fixed, passed=0, groups=(), cancelled=True)
    for ended in (result, fixed, replace(fixed, cancelled=True, undone=True), only_changed, RunResult(total=3)):
        yield bulk.finished(ended, run_id="a-run")
        yield bulk.interrupted(ended, run_id="a-run", done=12, why=SENTENCE)
    yield bulk.causes(result, run_id="a-run")
    change = BulkChange(total=15, done=3, changed=[("U1", 1)], descriptions=(EVIL,))
    change.left_alone[SENTENCE] = 2
    for one in (change, BulkChange(total=15)):
        yield bulk.changing(one, run_id="a-run")
        yield bulk.undoing(one)
        yield bulk.undo_broken_off(one, why=SENTENCE)
        yield bulk.undone(one)


def messages_for_admins(profile: EmailProfile) -> Iterator[message.Message]:
    yield listing.list_message(a_page(profile))
    yield listing.list_message(replace(a_page(profile), lines=(), query=ListQuery(search=EVIL)))
    yield listing.list_message(replace(a_page(profile), lines=(), query=ListQuery(state=ProfileState.FAILS), total=0))
    yield listing.list_message(replace(a_page(profile), lines=(), query=ListQuery(), counts={}, total=0))
    cursor = Cursor(state=6, position=2**62, user="U" + "0" * 30)
    of_a_run = ListQuery(search='"' * 50, run_id="0" * 36, group=99_999, before=cursor, first=99_991, by_name=True)
    yield listing.list_message(replace(a_page(profile), query=of_a_run, group=EVIL))
    owner = Person(workspace="T1", user=ADA)
    for entries in ((), tuple(ENTRIES * 4)):
        yield history.history(HistoryPage(owner=owner, entries=entries, older=7 if entries else None), reader=GRACE)
    yield from a_run()
    stored = StoredDefaults(defaults=DEFAULTS, previous=Defaults(), revision=1)
    for found in (
        DefaultsUsage(current=1, previous=2, custom=3, movable=2, asked=1),
        DefaultsUsage(current=1, previous=2, custom=3, movable=2, asked=2),
        DefaultsUsage(current=1),
    ):
        yield defaults.saved(stored, found)
    for move in (MoveCounts(total=3), MoveCounts(total=3, moved=2, asked=2, left=1)):
        yield defaults.moving(move)
        yield defaults.moved(move)
    for left_out in ({}, dict.fromkeys(LeftOut, 2)):
        for reminded in (0, 1, 9):
            counts = ReminderCounts(total=99_999, reminded=reminded, left_out=Counter(left_out))
            yield reminders.question(counts, a_page(profile).query)
            yield reminders.progress(counts)
            yield reminders.done(counts)
    yield card.password_link("https://email.example.com/password/U0ADA/" + "a" * 22)


def forms(profile: EmailProfile, notes: list[list[Block]]) -> Iterator[View]:
    """Forms in every state, and what stands on top of them; the Home tab of the same people."""
    failed = a_report(profile, Fault.CERTIFICATE_WRONG_NAME, outcome=Outcome.FAILED)
    for view in views_of_a_profile(profile).values():
        opened = a_form(view, reader=GRACE, entry=PasswordEntry.IN_FORM)
        for note in notes:
            yield form.profile_form(opened, notes=note, ended=report.form_report_line(failed))
        for entry in PasswordEntry:
            found = [
                Conflict(field=name, mine=EVIL, theirs=LONG_HOST, touched=True)
                for name in (*CONFLICT_FIELDS, "FROM_NAME")
            ]
            own = a_form(view, reader=ADA, entry=entry)
            yield form.profile_form(own, decisions=found)
            changed = own.with_profile(replace(LONGEST, host="smtp.other.example")).with_password_fix(Fix.REMOVE_BLANKS)
            yield form.profile_form(changed.redrawn(), buttons=())
            yield extras.list_modal(changed.extras, metadata=changed.stacked)
            stored = StoredDefaults(defaults=DEFAULTS, previous=Defaults(), revision=1)
            for part in (None, *admin_parts(profile, stored)):
                last = interpret_report(failed, a_view(profile).account, profile)
                shown = OwnPart(last=last, history=ENTRIES)
                yield home.home(view, reader=ADA, entry=entry, own=shown, admin=part)
        yield extras.list_modal(view.profile.extras, metadata=PrivateMetadata(owner=ADA, revision=3))


def admin_parts(profile: EmailProfile, stored: StoredDefaults) -> Iterator[AdminPart]:
    for defaults_shown in (stored, replace(stored, unreadable=True)):
        yield AdminPart(page=a_page(profile), defaults=defaults_shown, recent=ENTRIES)


def modals(profile: EmailProfile) -> Iterator[View]:
    metadata = PrivateMetadata(owner=ADA, revision=3, reply=REPLY)
    account = a_view(profile).account
    failed = a_report(profile, Fault.CERTIFICATE_WRONG_NAME, outcome=Outcome.FAILED)
    notes: list[list[Block]] = [[], form.errors_notes(dict.fromkeys(Field, EVIL)), message.alert(EVIL * 20, "error")]
    for tested in (failed, a_report(profile)):
        notes.append(report.form_report(interpret_report(tested, account, profile), owner=ADA))
    running = RunningTest.of("a" * 36, account, a_report(profile, outcome=Outcome.RUNNING))
    notes.append(report.form_progress(running))
    stopped = replace(running, report=a_report(profile, outcome=Outcome.STOPPED))
    notes.append(report.form_stopped(stopped, stopped_by=GRACE))
    notes.append(report.form_changes([f"Port {EVIL} → 587"]))
    yield from forms(profile, notes)
    finding = a_form(a_view(EmailProfile()), reader=ADA, entry=PasswordEntry.EITHER)
    yield from found_samples.found_forms(replace(finding, finds=True))
    for extra in CATALOGUE:
        value = profile.extras.get(extra.name, "")
        yield extras.add_modal(extra, metadata=metadata, value=value, notes=extras.conflict_blocks(CONFLICT))
    for status in confirmation.CodeStatus:
        yield confirmation.code_modal(profile.address, status)
    yield from email_samples.modals(profile)
    yield from program_samples.modals(profile, metadata)
    yield message.notice_view(SENTENCE)
    yield home.refused(SENTENCE)
    stored = StoredDefaults(defaults=DEFAULTS, previous=Defaults(), revision=1)
    for drawn in (0, 1):
        again = replace(metadata, drawn=drawn)
        for warned in (notes[1], [message.section(defaults.UNREADABLE)]):
            yield defaults.defaults_form(defaults.filled(stored), metadata=again, notes=warned)
    for shown in messages(profile):
        # Pressed on the Home tab, or in a modal, an answer is a modal too.
        if not any(isinstance(block, InputBlock) for block in shown.blocks):
            yield message_modal(shown, title="Connection test")
