"""Who may do what: every command, button, menu and form, by people of every kind, on their own and on Ada's profile."""

import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import direct_channel
from bot.discovery.findings import Found, MailSettings, Source
from bot.profiles.people.people_list import ListQuery
from bot.slack.command_text import SUBCOMMANDS
from bot.slack.ids import EMAIL_EXTRA, EMAIL_PROFILE, EMAIL_TEST, ActionId, ShortcutId, ViewId
from bot.slack.views.discovery import Proposal
from bot.slack.views.people_list import ROW_ACTIONS, encode_query
from bot.smtp.account import Encryption
from tests.counts import scaled
from tests.databases import KINDS
from tests.named import case
from tests.scenario.access import forging
from tests.scenario.access.forging import (
    A_MEMBER,
    ADA,
    ADMINS,
    AN_ADMIN,
    AN_OWNER,
    MEMBER,
    NAMESAKE,
    Actor,
    Forger,
    Place,
)
from tests.store import Contents

REFUSALS = (
    "Email profiles are for members",
    "Only admins can",
    "Only the owner of an email profile",
    "Nobody in this",
    "That is an app",
    "That person ",
)
NOT_IN_THIS_WORKSPACE = "This test is over already."
"""What is said to whoever stops a test of another workspace: whether there is one is not told."""
SECRETS = ("demo.example", ".login", " secret 1843")
"""A part of every address, host, login and password that is stored."""


class For(Enum):
    """Whom an act is for."""

    OWNER = auto()
    """One's own profile, and for admins everybody's."""
    OWNER_ALONE = auto()
    """One's own profile, and nobody else's, for admins neither."""
    ONESELF = auto()
    """One's own profile, whosever is named."""
    ADMINS = auto()
    """The whole workspace, for admins."""
    ANYBODY = auto()
    """It tells nothing of anybody and changes nothing."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something people do: how it is sent about somebody's profile, and by what it is known that it was done.

    `shows` is what is seen then (LOGIN stands for the profile's), `changes` whether anything is stored; `given` is
    SQL before it.
    """

    name: str
    send: Callable[[Forger, str], Awaitable[None]] = field(repr=False)
    to: For = For.OWNER
    names_people: bool = True
    shows: str = ""
    changes: bool = False
    given: str = ""


def command(name: str, text: str, to: For = For.OWNER, **known: Any) -> Act:
    async def send(forger: Forger, owner: str) -> None:
        await forger.command(name, text, None if owner == forger.actor.user else owner)

    return Act(name=f"{name} {text}", send=send, to=to, **known)


def press(action_id: ActionId, value: str, at: ViewId | str = "message", *, menu: bool = False, **known: Any) -> Act:
    """Press in a message, at home or in a modal; OWNER in the value stands for the owner's id."""

    async def send(forger: Forger, owner: str) -> None:
        told = forging.action(action_id, value.replace("OWNER", owner), menu=menu)
        if isinstance(at, ViewId):
            await forger.press_in_modal(at, owner, told)
        elif at == "home":
            await forger.press_at_home(told)
        else:
            await forger.press_in_message(told)

    names_people = isinstance(at, ViewId) or "OWNER" in value
    name = f"{action_id} {value if menu else 'pressed'} in {at}"
    return Act(name=name, send=send, names_people=names_people, **known)


def submit(callback: ViewId, to: For = For.OWNER, *, shows: str = "") -> Act:
    async def send(forger: Forger, owner: str) -> None:
        await forger.submit(callback, owner)

    names_people = to in (For.OWNER, For.OWNER_ALONE)
    name = f"submit {callback}"
    return Act(name=name, send=send, to=to, names_people=names_people, shows=shows, changes=True)


async def email_message(forger: Forger, _owner: str) -> None:
    await forger.use_shortcut(ShortcutId.EMAIL_MESSAGE)


async def visit_home(forger: Forger, _owner: str) -> None:
    await forger.event({"type": "app_home_opened", "user": forger.actor.user, "tab": "home"})


async def visit_messages(forger: Forger, _owner: str) -> None:
    await forger.event({"type": "app_home_opened", "user": forger.actor.user, "tab": "messages"})


async def say(forger: Forger, _owner: str) -> None:
    where = {"channel": direct_channel(forger.actor.user), "channel_type": "im", "ts": f"{time.time():.6f}"}
    await forger.event({"type": "message", "user": forger.actor.user, "text": "hello", **where})


COMMANDS = (
    command(EMAIL_PROFILE, "show", shows="LOGIN"),
    command(EMAIL_PROFILE, "edit", shows="LOGIN"),
    command(EMAIL_PROFILE, "find babbage@gmail.com", For.ONESELF, shows="smtp.gmail.com"),
    command(EMAIL_PROFILE, "delete", shows="cannot be brought back"),
    command(EMAIL_PROFILE, "programs", shows="Printer"),
    command(EMAIL_PROFILE, "programs add Scanner", For.OWNER_ALONE, shows="Name of the program"),
    command(EMAIL_PROFILE, "programs remove printer login", shows="is removed", changes=True),
    command(EMAIL_PROFILE, "history", shows="istory"),
    command(EMAIL_PROFILE, "list", For.ADMINS, shows="Work with email"),
    command(EMAIL_PROFILE, "defaults", For.ADMINS, shows="Pattern of the login"),
    command(EMAIL_PROFILE, "help", For.ANYBODY, shows="what new forms begin with"),
    command(EMAIL_EXTRA, "list", shows="reply-"),
    command(EMAIL_EXTRA, "add HELO pc.example.com", changes=True),
    command(EMAIL_EXTRA, "remove REPLY_TO", changes=True),
    command(EMAIL_EXTRA, "help", For.ANYBODY, shows="FROM_NAME"),
    command(EMAIL_TEST, "test", shows="Connection test passed", changes=True),
    command(EMAIL_TEST, "send", shows="is on its way", changes=True),
    command(EMAIL_TEST, "transcript", shows="dialogue of the last test"),
    command(EMAIL_TEST, "help", For.ANYBODY, shows="secrets removed"),
)

A, PAGE = ActionId, encode_query(ListQuery())
UNTESTED = "DELETE FROM connection_tests"
REMINDED: dict[str, Any] = {"changes": True, "given": UNTESTED}
EVERYWHERE: tuple[tuple[ActionId, str, dict[str, Any]], ...] = (
    (A.EDIT, "OWNER", {"shows": "LOGIN"}),
    (A.TEST, "OWNER", {"shows": "Connection test passed", "changes": True}),
    (A.DELETE, "OWNER", {"shows": "is deleted", "changes": True}),
    (A.OPEN_EXTRAS, "OWNER", {"shows": "reply-"}),
    (A.USE_TLS, "OWNER", {"shows": "LOGIN"}),
    (A.USE_SSL, "OWNER", {"shows": "LOGIN", "changes": True}),
    (A.HISTORY_OLDER, "OWNER:", {"shows": "istory"}),
    (A.PROGRAMS, "OWNER", {"shows": "Printer"}),
    (A.PROGRAM_ADD, "OWNER", {"to": For.OWNER_ALONE, "shows": "Name of the program"}),
    (A.PROGRAM_REMOVE, "OWNER:OWNER", {"shows": "is removed", "changes": True}),
    (A.PROGRAM_SETTINGS, "api", {"menu": True, "to": For.ONESELF, "shows": "Authorization: Bearer"}),
    (A.SET_PRIVATELY, "OWNER", {"to": For.ONESELF, "shows": "/password/", "changes": True}),
    (A.PEOPLE_ROW, "edit:OWNER", {"menu": True, "shows": "LOGIN"}),
    (A.PEOPLE_ROW, "test:OWNER", {"menu": True, "shows": "Connection test passed", "changes": True}),
    (A.PEOPLE_ROW, "report:OWNER", {"menu": True, "shows": "Connection test passed"}),
    (A.PEOPLE_ROW, "extras:OWNER", {"menu": True, "shows": "reply-"}),
    (A.PEOPLE_ROW, "history:OWNER", {"menu": True, "shows": "istory"}),
    (A.PEOPLE_ROW, "remove:OWNER", {"menu": True, "shows": "cannot be brought back"}),
    (A.PEOPLE_ROW, "remind:OWNER", {"menu": True, "to": For.ADMINS, "shows": "gets a message", **REMINDED}),
)
"""What is pressed in messages and on the Home tab."""

FOUND = Proposal(
    address="ada@example.com",
    domain="example.com",
    shown="example.com",
    found=Found(
        source=Source.SRV,
        settings=MailSettings(host="smtp.example.com", port=587, encryption=Encryption.TLS, login="ada"),
        provider=None,
    ),
).to_value()
"""Settings that were found, as a button remembers them."""

PRESSES = (
    *(press(name, value, at, **known) for name, value, known in EVERYWHERE for at in ("message", "home")),
    press(A.APPLY_FIX, '{"owner": "OWNER", "fix": "AUTH_LOGIN", "to": ""}', shows="passed", changes=True),
    press(A.UNDO_FIX, '{"owner": "OWNER", "revision": 1}', shows="Undone", changes=True),
    press(A.SEND_MESSAGE, "OWNER", shows="is on its way", changes=True),
    press(A.CONFIRM_ADDRESS, "", to=For.ONESELF, shows="The eight digits from the message"),
    press(A.TRANSCRIPT, "OWNER", shows="dialogue of the last test"),
    press(A.FORM_TEST, "", ViewId.PROFILE, shows="nothing is saved yet", changes=True),
    press(
        A.FORM_FIX,
        '{"owner": "OWNER", "fix": "AUTH_LOGIN", "to": ""}',
        ViewId.PROFILE,
        shows="nothing is saved yet",
        changes=True,
    ),
    press(A.FORM_AUTHENTICATE, "on", ViewId.PROFILE, menu=True, shows="LOGIN"),
    press(A.FORM_FIND, "", ViewId.PROFILE, shows="LOGIN"),
    press(A.FORM_USE_FOUND, FOUND, ViewId.PROFILE, shows="LOGIN"),
    press(A.FORM_OTHER_FOUND, FOUND, ViewId.PROFILE, shows="LOGIN"),
    press(A.VALUE, "587", ViewId.PROFILE, shows="LOGIN"),
    press(A.FORM_EXTRAS, "", ViewId.PROFILE, shows="reply-"),
    press(A.FORM_PRIVATELY, "", ViewId.PROFILE, to=For.ONESELF, shows="/password/", changes=True),
    press(A.LIST_ADD, "", ViewId.EXTRAS, shows="Add configuration"),
    press(A.LIST_EDIT, "REPLY_TO", ViewId.EXTRAS, shows="reply-"),
    press(A.LIST_REMOVE, "REPLY_TO", ViewId.EXTRAS, changes=True),
    press(A.SWITCH_IN_FORM, "SSL", ViewId.ADD_EXTRA, shows="is on now", changes=True),
    press(A.CHOOSE_EXTRA, "HELO", ViewId.ADD_EXTRA, to=For.ANYBODY, menu=True),
    press(A.KEEP_IN_FORM, "SSL", ViewId.ADD_EXTRA, to=For.ANYBODY),
    press(A.EMAIL_SET_UP, "", ViewId.EMAIL_MESSAGE, to=For.ONESELF, shows="LOGIN"),
    press(A.OPEN_LINK, "", to=For.ANYBODY),
    press(A.PEOPLE_SEARCH, "ada", to=For.ADMINS, shows="ada.login"),
    press(A.PEOPLE_STATE, "all", to=For.ADMINS, menu=True, shows="Work with email"),
    press(A.PEOPLE_ORDER, "name", to=For.ADMINS, menu=True, shows="Work with email"),
    press(A.PEOPLE_CAUSE, "all", to=For.ADMINS, menu=True, shows="Work with email"),
    press(A.PEOPLE_ALL, PAGE, to=For.ADMINS, shows="Work with email"),
    press(A.PEOPLE_FIX, "these", to=For.ADMINS, shows="Nobody in this list fails"),
    press(A.PEOPLE_PAGE, PAGE, to=For.ADMINS, shows="Work with email"),
    press(A.PEOPLE_BACK, PAGE, to=For.ADMINS, shows="Work with email"),
    press(A.PEOPLE_OPEN, "", "home", to=For.ADMINS, shows="Work with email"),
    press(A.PEOPLE_TEST, "these", to=For.ADMINS, shows="Test 4 email profiles?"),
    press(A.TEST_THESE, PAGE, to=For.ADMINS, shows="tested email profiles", changes=True),
    press(A.PEOPLE_EXPORT, "these", to=For.ADMINS, shows="as a table"),
    press(A.PEOPLE_REMIND, "these", to=For.ADMINS, shows="Remind 4 people?", given=UNTESTED),
    press(A.REMIND_THESE, PAGE, to=For.ADMINS, shows="Reminded 4 people", **REMINDED),
    press(A.RUN_STOP, forging.RUN, to=For.ADMINS, changes=True, given="UPDATE test_runs SET status = 'running'"),
    press(A.RUN_SHOW, f"{forging.RUN}:0", to=For.ADMINS, shows="ada.login"),
    press(A.RUN_TEST, f"{forging.RUN}:0", to=For.ADMINS, shows="Test 2 email profiles?"),
    press(A.RUN_FIX, f"{forging.RUN}:0", to=For.ADMINS, shows="not changed", changes=True),
    press(A.RUN_UNDO, forging.RUN, to=For.ADMINS, shows="Put back for 2 people", changes=True),
    press(A.STOP_TEST, forging.RUNNING_TEST, to=For.ADMINS, changes=True),
    press(A.DEFAULTS_EDIT, "", "home", to=For.ADMINS, shows="Pattern of the login"),
    press(A.DEFAULTS_MOVE, "1", to=For.ADMINS, shows="The owners are told", changes=True),
)
SUBMISSIONS = (
    submit(ViewId.PROFILE),
    submit(ViewId.ADD_EXTRA),
    submit(ViewId.DEFAULTS, For.ADMINS),
    submit(ViewId.CONFIRM_ADDRESS, For.ONESELF),
    submit(ViewId.EMAIL_MESSAGE, For.ONESELF, shows="Your email “Label” was sent."),
    submit(ViewId.ADD_PROGRAM, For.OWNER_ALONE),
)
SHORTCUTS = (Act(name=ShortcutId.EMAIL_MESSAGE, send=email_message, to=For.ONESELF, names_people=False, shows="LOGIN"),)
HOME = Act(name="the Home tab", send=visit_home, to=For.ONESELF, names_people=False, shows="LOGIN")
CONVERSATION = (
    Act(name="the Messages tab", send=visit_messages, to=For.ANYBODY, names_people=False),
    Act(name="a plain message", send=say, to=For.ANYBODY, names_people=False),
)
ACTS = (*COMMANDS, *PRESSES, *SUBMISSIONS, *SHORTCUTS, HOME, *CONVERSATION)


@dataclass(frozen=True)
class Cell:
    """One actor, one act, one profile."""

    actor: Actor
    act: Act
    owner: str

    @property
    def allowed(self) -> bool:
        if self.actor.user not in forging.MEMBERS or self.actor is NAMESAKE:
            return False
        if self.act.to is For.OWNER:
            return self.owner == self.actor.user or (self.actor in ADMINS and self.owner in forging.MEMBERS)
        if self.act.to is For.OWNER_ALONE:
            return self.owner == self.actor.user
        return self.act.to is For.ONESELF or self.actor in ADMINS

    @property
    def refusals(self) -> tuple[str, ...]:
        """Words of which one has to be said where it is not allowed."""
        return (NOT_IN_THIS_WORKSPACE, *REFUSALS) if self.actor is NAMESAKE else REFUSALS

    @property
    def name(self) -> str:
        return f"{self.actor.name}: {self.act.name}, {'own' if self.owner == self.actor.user else self.owner}"


def cells() -> Iterator[Cell]:
    """Every cell with PROVE=1; every day all that is allowed, and every eighth refusal.

    Owners may do what admins may, so every day an eighth of that is enough too.
    """
    refused, of_owners = itertools.count(), itertools.count()
    for cell in all_cells():
        if cell.allowed and cell.actor is not AN_OWNER:
            yield cell
            continue
        number = next(of_owners if cell.allowed else refused)
        if number % scaled(quick=8, full=1) == 0:
            yield cell


def all_cells() -> Iterator[Cell]:
    for actor in forging.ACTORS:
        for act in ACTS:
            yield Cell(actor, act, actor.user)
            if act.names_people:
                yield Cell(actor, act, ADA)
            if actor is AN_ADMIN and act.names_people and act.to is For.OWNER:
                yield from (Cell(actor, act, target) for target in forging.TARGETS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("access")
    with pytest.MonkeyPatch.context() as patched:
        # The links of this place are good for as long as its tests take.
        patched.setattr("bot.profiles.account.private_links.LINK_LIFETIME_SECONDS", forging.LINK_SECONDS)
        async with forging.place_of_all_kinds(folder) as opened:
            yield opened


def problems(cell: Cell, forger: Forger, before: Contents, after: Contents) -> Iterator[str]:
    """Say what is not as it should be after a cell's act."""
    seen, sent, changed = forger.seen(), forger.sent(), before != after
    subject = cell.actor.user if cell.act.to is For.ONESELF else cell.owner
    hidden: tuple[str, ...] = SECRETS
    if cell.allowed or cell.act.to is For.ANYBODY:
        if cell.act.shows.replace("LOGIN", forging.account(subject).login) not in seen:
            yield f"it does not show {cell.act.shows!r} but {seen}"
    elif not any(refusal in seen for refusal in cell.refusals):
        yield f"the person is not told that it is refused, but {seen}"
    if cell.allowed and cell.act.to is not For.ANYBODY:
        hidden = (SECRETS[-1],) if cell.actor in ADMINS else (SECRETS[-1], *forging.secrets_of(ADA))
        if changed is not cell.act.changes:
            yield f"something is stored: {changed}"
        if cell.act.to is not For.ADMINS and forging.owners_changed(before, after) - {(TEAM, subject)}:
            yield "it changes somebody else's profile"
    elif changed or forger.demo.mail.traffic or forger.workspace.files:
        yield "it was done"
    if any(secret in sent for secret in hidden):
        yield f"it discloses something: {sent}"
    if set(forger.workspace.refusals) - {("users.info", "user_not_found")}:
        yield f"the platform refuses: {forger.workspace.refusals}"


# Who may do what does not hang on the database, so the daily run has the table once.
@pytest.mark.databases(*scaled(quick=("sqlite",), full=KINDS))
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("actor", forging.ACTORS, ids=lambda actor: actor.name)
async def test_an_act_is_done_for_those_who_may_and_refused_in_words_to_all_others(place: Place, actor: Actor) -> None:
    for cell in cells():
        if cell.actor is actor:
            with case(cell.name):
                await try_cell(place, cell)


async def try_cell(place: Place, cell: Cell) -> None:
    """Do a cell's act, and see that all is as it should be."""
    forger, before = await place.begin(cell.actor), place.saved
    if cell.act.given:
        await place.store.edit(cell.act.given)
        before = await place.now()
    await cell.act.send(forger, cell.owner)
    await forger.done()
    assert list(problems(cell, forger, before, await place.now())) == []


@pytest.mark.databases()
def test_every_subcommand_button_and_form_is_in_the_table() -> None:
    entries = {f"{name} {entry.name}" for name, several in SUBCOMMANDS.items() for entry in several}
    words = {max((entry for entry in entries if f"{act.name} ".startswith(f"{entry} ")), key=len) for act in COMMANDS}
    assert words == entries
    assert {act.name.split()[0] for act in PRESSES} == set(ActionId)
    assert {value.partition(":")[0] for name, value, _ in EVERYWHERE if name is A.PEOPLE_ROW} == set(ROW_ACTIONS)
    assert {act.name for act in SHORTCUTS} == set(ShortcutId)
    # The list of extra configurations has nothing to submit.
    assert {act.name.split()[1] for act in SUBMISSIONS} == set(ViewId) - {ViewId.EXTRAS}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "name",
    [
        "/email-profile show",
        "edit_profile pressed in message",
        "edit_profile pressed in home",
        "list_remove pressed",
        "submit email_profile",
        "/email-test test",
        "test_profile pressed",
        "people_row test",
        "defaults_move",
    ],
)
async def test_a_refusal_is_logged(place: Place, caplog: pytest.LogCaptureFixture, name: str) -> None:
    caplog.set_level(logging.INFO, logger="bot.slack")
    forger = await place.begin(A_MEMBER)
    await next(act for act in ACTS if act.name.startswith(name)).send(forger, ADA)
    await forger.done()
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("bot.slack")]
    assert any("Refused" in line and MEMBER in line for line in logged)
    assert not any(secret in line for line in logged for secret in SECRETS)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_refusal_on_the_third_modal_is_told(place: Place) -> None:
    forger = await place.begin(A_MEMBER)
    forger.modal(ViewId.PROFILE, ADA)
    forger.modal(ViewId.EXTRAS, ADA)
    await forger.press_in_modal(ViewId.ADD_EXTRA, ADA, forging.action(A.SWITCH_IN_FORM, "SSL"))
    assert "Only admins" in forger.seen()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_test_of_another_workspace_goes_on(place: Place) -> None:
    forger = await place.begin(AN_ADMIN)
    before = await place.now()
    await forger.press_in_message(forging.action(A.STOP_TEST, forging.RUNNING_TEST_ELSEWHERE))
    assert "over already" in forger.seen()
    assert await place.now() == before


@pytest.mark.asyncio(loop_scope="module")
async def test_a_run_of_another_workspace_goes_on(place: Place) -> None:
    forger = await place.begin(AN_ADMIN)
    await place.store.edit("UPDATE test_runs SET status = 'running'")
    before = await place.now()
    await forger.press_in_message(forging.action(A.RUN_STOP, forging.RUN_ELSEWHERE))
    assert await place.now() == before


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("act", [A.RUN_SHOW, A.RUN_TEST, A.RUN_FIX, A.RUN_UNDO])
async def test_what_a_run_of_another_workspace_found_is_no_business_of_ours(place: Place, act: ActionId) -> None:
    forger = await place.begin(AN_ADMIN)
    before = await place.now()
    number = "" if act is A.RUN_UNDO else ":0"
    await forger.press_in_message(forging.action(act, f"{forging.RUN_ELSEWHERE}{number}"))
    await forger.done()
    assert "kept for a week, and is gone" in forger.seen()
    assert await place.now() == before


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("user", "token"),
    [
        (ADA, f"token-{TEAM}"),
        (forging.ADMIN, f"token-{forging.ELSEWHERE}"),
        (forging.GUEST, f"token-{TEAM}"),
        (MEMBER, "x"),
    ],
)
async def test_a_private_link_opens_nothing_under_another_id(place: Place, user: str, token: str) -> None:
    forger = await place.begin(A_MEMBER)
    status, shown = await forger.set_privately(user, token)
    assert status == 404
    assert not any(secret in shown for secret in SECRETS)
    assert await place.now() == place.saved


@pytest.mark.asyncio(loop_scope="module")
async def test_a_private_link_of_another_workspace_sets_nothing(place: Place) -> None:
    forger = await place.begin(A_MEMBER)
    status, shown = await forger.set_privately(MEMBER, f"token-{forging.ELSEWHERE}")
    await forger.done()
    assert status == 403
    assert forging.account(MEMBER).address not in shown + forger.sent()
    assert forging.owners_changed(place.saved, await place.now()) == set()


@pytest.mark.asyncio(loop_scope="module")
async def test_events_of_another_workspace_change_nothing_of_ours(place: Place) -> None:
    forger = await place.begin(NAMESAKE)
    gone = {**place.demo.workspace.people[forging.ADMIN].slack_user(), "deleted": True}
    await forger.event({"type": "user_change", "user": gone})
    await forger.event({"type": "tokens_revoked", "tokens": {"bot": ["U0BOT"]}})
    await forger.event({"type": "app_uninstalled"})
    assert forging.of_ours(await place.now()) == forging.of_ours(place.saved)


async def test_a_namesake_finds_nothing_of_ours_while_slack_does_not_say_who_people_are(tmp_path: Path) -> None:
    async with forging.place_of_all_kinds(tmp_path, forging.PEOPLE[:1]) as place:
        demo, before, sent = place.demo, forging.of_ours(place.saved), ""
        for act in (act for act in ACTS if act.to is not For.ADMINS):
            demo.workspace.faults["users.info"] = [Fault(kind="error500")] * 9
            forger = Forger(demo, Actor("Ada's namesake", ADA, forging.ELSEWHERE))
            await act.send(forger, ADA)
            await forger.done()
            sent += forger.sent()
        assert "no email profile yet" in sent
        assert forging.account(ADA).password not in sent
        assert forging.of_ours(await place.now()) == before


async def test_who_shares_a_channel_may_do_nothing_in_the_name_of_their_own_workspace_either(tmp_path: Path) -> None:
    async with forging.place_of_all_kinds(tmp_path, forging.PEOPLE[-1:]) as place:
        demo, before = place.demo, place.saved
        for act in (COMMANDS[0], PRESSES[0], SUBMISSIONS[0]):
            forger = Forger(demo, Actor("a colleague", forging.SHARED, demo.workspace.people[forging.SHARED].team))
            await act.send(forger, forging.SHARED)
            assert any(refusal in forger.seen() for refusal in REFUSALS)
        assert await place.now() == before


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("is_guest", "people_open"),
        ("is_guest", "people_export"),
        ("is_guest", "test_these"),
        ("is_guest", "defaults_move"),
        ("is_guest", "remind_these"),
        ("is_deactivated", "test_these"),
        ("is_deactivated", "defaults_move"),
        ("is_deactivated", "remind_these"),
    ],
)
async def test_who_is_no_member_any_more_is_left_out_of_what_admins_do_with_all(
    tmp_path: Path, kind: str, name: str
) -> None:
    async with forging.place_of_all_kinds(tmp_path, forging.PEOPLE[:3]) as place:
        demo = place.demo
        lost: dict[str, Any] = {kind: True}
        await demo.workspace.change_person(replace(demo.workspace.people[MEMBER], **lost))
        # As on the next day, when everybody is read again.
        await place.store.edit("DELETE FROM leases")
        await demo.bot.housekeeping.read_people()
        before = await place.now()
        forger = Forger(demo, AN_ADMIN)
        await next(act for act in PRESSES if act.name.startswith(name)).send(forger, forging.ADMIN)
        await forger.done()
        after = await place.now()
    assert forging.account(MEMBER).login not in forger.sent()
    assert (TEAM, MEMBER) not in forging.owners_changed(before, after)
    about = [[entry for entry in there["audit_entries"] if MEMBER in entry] for there in (before, after)]
    assert about[0] == about[1]
