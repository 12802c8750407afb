"""People of every kind with a profile each, and requests as Slack signs them with whatever is forged in them."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from bot.demo.mail import DemoAccount, DemoMail
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import CHANNEL, TEAM, DemoPerson
from bot.demo.stand_in.platform import searchable
from bot.demo.stand_in.views import OpenView
from bot.profiles.account.fixes import ProposedFix
from bot.profiles.account.own_address import Confirmation, ConfirmationCode, store_confirmation
from bot.profiles.account.private_links import stored_link
from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import account_of, load
from bot.profiles.connection_tests.run_results import FailureGroup, RunResult
from bot.profiles.people.access import Person
from bot.profiles.people.defaults import DEFAULTS_SUBJECT
from bot.profiles.people.members import update_person
from bot.profiles.people.people_list import ListQuery
from bot.slack.ids import ShortcutId, ViewId
from bot.slack.views.people_list import encode_query
from bot.smtp.advice.row import Fix
from tests.scenario.people import PEOPLE_READ, notices_sent, settled
from tests.store import Contents, Store

ELSEWHERE = "T0OTHER"
"""A workspace in which people happen to have the same ids."""

ADA, MEMBER, ADMIN, OWNER = "U0ADA", "U0MEMBER", "U0ADMIN", "U0OWNER"
GUEST, APP, GONE, STRANGER, SHARED = "U0GUEST", "U0APP", "U0GONE", "U0STRANGER", "U0SHARED"
MEMBERS = (ADA, MEMBER, ADMIN, OWNER)
RUN, RUN_ELSEWHERE = "run-of-ours", "run-elsewhere"
RUNNING_TEST, RUNNING_TEST_ELSEWHERE = "test-of-ours", "test-elsewhere"
CODE = "18430024"
"""The code that waits to be typed back by everybody."""

_ADAS_HOST, _HOST = "smtp.demo.example", "mail.demo.example"
_OLD = {"host": _HOST, "port": 587, "encryption": "TLS"}
_NEW = {"host": "new.demo.example", "port": 465, "encryption": "SSL"}
_BOTH = {"authenticate": True, "login_pattern": "", "domain": "", "allowed_servers": []}
_PROGRAM = json.dumps(
    {
        "profile_id": "",
        "name": "Printer .login",
        "may_send_to": "anyone",
        "messages_a_day": 500,
        "last_address": "10.1.4.7",
        "networks": ["10.1.4.0/24"],
    }
).encode()
# What changes by itself, or whenever anybody looks at something.
_IGNORED = (
    "limits",
    "leases",
    "home_tabs",
    "outbox",
    "people_readings",
    "seen_requests",
    "key_checks",
    "alembic_version",
)


class _Colleague(DemoPerson):
    """Somebody of another organisation in a shared channel: strangers to Slack are only those who share none."""

    def slack_user(self) -> dict[str, Any]:
        return {**super().slack_user(), "is_stranger": False}


def _person(user: str, kind: type[DemoPerson] = DemoPerson, **flags: Any) -> DemoPerson:
    handle = _handle(user)
    return kind(id=user, handle=handle, name=handle.title(), address=f"{handle}@demo.example", **flags)


def _handle(user: str) -> str:
    return user.removeprefix("U0").lower()


PEOPLE = (
    _person(ADA),
    _person(MEMBER),
    _person(ADMIN, is_admin=True),
    _person(OWNER, is_owner=True),
    _person(GUEST, is_guest=True),
    _person(APP, is_bot=True),
    _person(GONE, is_deactivated=True),
    _person(STRANGER, is_stranger=True),
    _person(SHARED, _Colleague, is_stranger=True),
)


def account(user: str) -> DemoAccount:
    """Return the account that somebody's profile holds; its address is not theirs in Slack."""
    address = f"{_handle(user)}.login@demo.example"
    return DemoAccount(address=address, login=address, password=f"{_handle(user)} secret 1843")


def profile(user: str) -> EmailProfile:
    """Return somebody's profile, one fix behind it."""
    known, host = account(user), _ADAS_HOST if user == ADA else _HOST
    now = EmailProfile(
        address=known.address,
        login=known.login,
        password=SecretStr(known.password),
        password_host=host,
        password_set_at=datetime.now(UTC),
        host=host,
        port=587,
        extras={"TLS": "Y", "REPLY_TO": f"reply-{known.address}"},
    )
    return replace(now, before=replace(now, port=25))


def secrets_of(user: str) -> tuple[str, ...]:
    """Return what others must not learn of somebody."""
    known = account(user)
    return (f"{_handle(user)}@demo.example", known.login, known.password, profile(user).host)


class _Mail(DemoMail):
    """The mail server with a certificate that does not tell its names, so that a report names one's own alone."""

    def renew(self, *, until: datetime) -> None:
        self._authority.issue_cert("*.demo.example", not_after=until).configure_cert(self._tls)


@asynccontextmanager
async def place_of_all_kinds(folder: Path, people: Sequence[DemoPerson] = PEOPLE) -> "AsyncIterator[Place]":
    """Open a demo in which everybody has a profile, tested, though some of them must not use it any more.

    Everybody was mailed a code. There are defaults to move to; a run, a test under way and a private link of the
    member, here and elsewhere.
    """
    in_slack = [DemoAccount(address=known.address, login=known.address, password="unused") for known in people]
    mail = _Mail([*in_slack, *(account(known.id) for known in people)])
    async with running_demo(folder, mail=mail, people=people) as demo:
        with Store.at(demo.settings.database_url.get_secret_value()) as store:
            await store.until(PEOPLE_READ)
            for known in people:
                await _give_profile(demo, known.id)
            async with demo.bot.database.writing() as tx:
                document = json.dumps({"defaults": {**_NEW, **_BOTH}, "before": {**_OLD, **_BOTH}}).encode()
                await tx.workspaces.save(TEAM, document, expected_revision=0)
                for team in (TEAM, ELSEWHERE):
                    loaded = await load(tx, Person(workspace=team, user=MEMBER))
                    link = stored_link(loaded, replace(account_of(loaded.profile), host=_HOST))
                    await tx.links.add(f"token-{team}", link, seconds=LINK_SECONDS)
            for run, team in ((RUN, TEAM), (RUN_ELSEWHERE, ELSEWHERE)):
                await store.edit(_run(run, team))
                async with demo.bot.database.writing() as tx:
                    await tx.runs.save_result(team, run, _RESULT.to_document())
            for test, team in ((RUNNING_TEST, TEAM), (RUNNING_TEST_ELSEWHERE, ELSEWHERE)):
                await store.edit(_running_test(test, team))
            place = Place(demo, store, {})
            yield replace(place, saved=await place.now())


_RESULT = RunResult(
    total=2,
    groups=(
        FailureGroup(
            stage="Greeting",
            cause="at Greeting on some server: port 465 expects SSL",
            port=465,
            users=(ADA, MEMBER),
            fix=ProposedFix(kind=Fix.USE_SSL),
            fits=(ADA, MEMBER),
        ),
    ),
    fix=ProposedFix(kind=Fix.USE_TLS),
    changed=((ADA, 1), (MEMBER, 1)),
)


def _run(run: str, team: str) -> str:
    # The last sign of life is far in the future, so that no housekeeping takes the run for dead.
    values = f"'{run}', '{team}', '{ADMIN}', 'D0ADMIN', '1.1', 'done', 0, 9, 1e11"
    columns = "run_id, workspace, actor, channel, message_ts, status, done, total, alive_at"
    return f"INSERT INTO test_runs ({columns}) VALUES ({values})"


def _running_test(test: str, team: str) -> str:
    # No instance runs it: whoever may stop it leaves their id in the row, and nothing more happens.
    values = f"'{test}', '{team}', '{ADMIN}', '{ADA}', 1e11"
    return f"INSERT INTO running_tests (test_id, workspace, actor, subject, ends_at) VALUES ({values})"


async def _give_profile(demo: Demo, user: str) -> None:
    owner = Person(workspace=TEAM, user=user)
    async with demo.bot.database.writing() as tx:
        await tx.profiles.save(TEAM, user, profile(user).to_document(), replacing=None)
        await store_confirmation(tx, owner, Confirmation.of(profile(user), ConfirmationCode.typed(CODE)))
        await tx.program_tokens.add(TEAM, user, token_id=user, digest="0", ends_at=None, document=_PROGRAM)
    await demo.bot.connections.test_in_bulk(caller=owner, owner=owner)
    async with demo.bot.database.writing() as tx:
        await update_person(tx, owner, at=datetime.now(UTC), name=_handle(user).title())
        if user not in MEMBERS:
            await tx.people.remove(TEAM, user)


def of_ours(there: Contents) -> Contents:
    """Return the rows of the demo's own workspace."""
    return {name: [row for row in rows if TEAM in row] for name, rows in there.items()}


def owners_changed(before: Contents, after: Contents) -> set[tuple[str, str]]:
    """Name (workspace, user) whose profiles differ."""
    different = set(before["email_profiles"]) ^ set(after["email_profiles"])
    return {(row[1], row[2]) for row in different}


@dataclass(frozen=True)
class Actor:
    """Who sends requests, and in which workspace's name."""

    name: str
    user: str
    team: str = TEAM


LINK_SECONDS = 10**9
A_MEMBER = Actor("a member", MEMBER)
AN_ADMIN = Actor("an admin", ADMIN)
AN_OWNER = Actor("an owner", OWNER)
ADMINS = (AN_ADMIN, AN_OWNER)
NAMESAKE = Actor("an admin's namesake in another workspace", ADMIN, ELSEWHERE)
ACTORS = (
    A_MEMBER,
    *ADMINS,
    Actor("a guest", GUEST),
    Actor("a bot", APP),
    Actor("somebody deactivated", GONE),
    Actor("another organisation's", STRANGER),
    Actor("another organisation's in a shared channel", SHARED),
    NAMESAKE,
)
TARGETS = (GUEST, APP, GONE, STRANGER, SHARED, "U0NOBODY")
"""Ids of those whose profile not even admins may touch."""


class Forger:
    """Sends requests as one actor, before an empty screen, and tells what came of them."""

    def __init__(self, demo: Demo, actor: Actor) -> None:
        self.demo, self.actor, self.workspace = demo, actor, demo.workspace
        self._visited_home = False
        self.workspace.stacks.clear()
        self.workspace.homes.clear()
        self.workspace.all_messages.clear()
        self.workspace.received.clear()
        self.workspace.files.clear()
        self.workspace.refusals.clear()
        demo.mail.traffic.clear()

    async def done(self) -> None:
        """Wait for what goes on in the background."""
        await settled(self.demo)
        await notices_sent(self.demo)

    def seen(self) -> str:
        """Return all that stands before the actor, with the acknowledgements."""
        messages = [searchable(message) for message in self.workspace.messages(self.actor.user)]
        views = [*self.workspace.stacks.get(self.actor.user, []), self.workspace.homes.get(self.actor.user)]
        acknowledged = [str(entry) for entry in self.workspace.received if "method" not in (entry or {})]
        return "\n".join([*messages, *(str(view.content) for view in views if view), *acknowledged])

    def sent(self) -> str:
        """Return all that left the bot, to whomever; but Home tabs that may follow earlier acts are left out."""
        files = [file.content.decode() for file in self.workspace.files]
        received = [entry for entry in self.workspace.received if not self._is_home_of_earlier_acts(entry)]
        return json.dumps([received, files], ensure_ascii=False)

    def _is_home_of_earlier_acts(self, entry: dict[str, Any] | None) -> bool:
        if not entry or entry.get("method") != "views.publish":
            return False
        return not self._visited_home or entry["arguments"].get("user_id") != self.actor.user

    async def command(self, command: str, text: str, mentioned: str | None) -> None:
        """Type a slash command, with somebody named last."""
        mention = f" <@{mentioned}|somebody>" if mentioned else ""
        await self.workspace.send_command(self.actor.user, command, f"{text}{mention}".strip(), self.actor.team)

    async def event(self, event: dict[str, Any]) -> None:
        """Send an event in the name of the actor's workspace."""
        self._visited_home = event.get("type") == "app_home_opened"
        authorised = [{"enterprise_id": None, "team_id": self.actor.team, "user_id": "U0BOT", "is_bot": True}]
        payload = {"type": "event_callback", "team_id": self.actor.team, "event": event, "authorizations": authorised}
        await self.workspace.raw("events_api", payload)

    async def use_shortcut(self, callback: ShortcutId) -> None:
        """Use a shortcut on somebody's message."""
        url, _ = self.workspace.new_response_url(self.actor.user, CHANNEL)
        message = {"type": "message", "ts": "1.1", "user": ADA, "text": "hello"}
        where = {"response_url": url, "channel": {"id": CHANNEL, "name": "general"}, "message": message}
        await self._interact("message_action", {**where, "callback_id": callback, "message_ts": "1.1"})

    async def press_in_message(self, action: dict[str, Any]) -> None:
        url, _ = self.workspace.new_response_url(self.actor.user, CHANNEL)
        message = {"type": "message", "ts": "1.1", "text": "", "blocks": []}
        where = {"response_url": url, "channel": {"id": CHANNEL, "name": "general"}, "message": message}
        container = {"type": "message", "message_ts": "1.1", "channel_id": CHANNEL}
        await self._interact("block_actions", {**where, "container": container, "actions": [action]})

    async def press_at_home(self, action: dict[str, Any]) -> None:
        home = OpenView(user=self.actor.user, content={"type": "home", "blocks": []})
        await self._press_in(home, {}, action)

    async def press_in_modal(self, callback: ViewId, owner: str, action: dict[str, Any]) -> None:
        await self._press_in(self.modal(callback, owner), filled(callback, owner, "587"), action)

    async def _press_in(self, view: OpenView, values: dict[str, Any], action: dict[str, Any]) -> None:
        container = {"type": "view", "view_id": view.id}
        where = {"container": container, "view": self._shown(view, values)}
        await self._interact("block_actions", {**where, "actions": [action]})

    async def submit(self, callback: ViewId, owner: str) -> None:
        """Submit a modal with something new in it."""
        shown = self._shown(self.modal(callback, owner), filled(callback, owner, "2525"))
        await self._interact("view_submission", {"view": shown, "response_urls": []})

    def modal(self, callback: ViewId, owner: str) -> OpenView:
        """Put a modal on top that says it is about `owner`, with inputs that hold nothing."""
        about = DEFAULTS_SUBJECT if callback is ViewId.DEFAULTS else owner
        metadata = json.dumps({"v": 1, "owner": about, "revision": 1, "channel": CHANNEL})
        title = {"type": "plain_text", "text": "Opened before"}
        element = {"type": "plain_text_input", "action_id": "value"}
        names = filled(callback, owner, "")
        inputs = [{"type": "input", "block_id": name, "label": title, "element": element} for name in names]
        modal = {"type": "modal", "callback_id": callback, "private_metadata": metadata, "title": title}
        return self.workspace.push(self.actor.user, {**modal, "submit": title, "blocks": inputs})

    def _shown(self, view: OpenView, values: dict[str, Any]) -> dict[str, Any]:
        team = {"team_id": self.actor.team, "app_installed_team_id": self.actor.team}
        return {**view.payload(), **team, "state": {"values": values}}

    async def _interact(self, kind: str, what: dict[str, Any]) -> None:
        actor, known = self.actor, self.workspace.people[self.actor.user]
        of = known.team if actor.team == TEAM else actor.team
        who = {
            "team": {"id": actor.team, "domain": "analytical-engines"},
            "user": {"id": actor.user, "username": known.handle, "name": known.handle, "team_id": of},
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self.workspace.new_trigger(actor.user),
        }
        self.workspace.received.append(await self.workspace.raw("interactive", {"type": kind, **who, **what}))

    async def set_privately(self, user: str, token: str) -> tuple[int, str]:
        """Look at the private page and send a password from it; return the last status, and all that was shown."""
        address, mark = f"{self.demo.bot_url}/password/{user}/{token}", "0" * 32
        async with aiohttp.ClientSession(cookies={"password-form": mark}) as session:
            async with session.get(address) as looked:
                shown = await looked.text()
            async with session.post(address, data={"mark": mark, "password": "somebody's own"}) as taken:
                return taken.status, shown + await taken.text()


@dataclass(frozen=True)
class Place:
    """A demo, its files, and what they held at the beginning."""

    demo: Demo
    store: Store
    saved: Contents

    async def begin(self, actor: Actor) -> Forger:
        """Put everything back, forget how often things were done, and let somebody begin."""
        now = await self.now()
        changed = {name: there for name, there in self.saved.items() if now[name] != there}
        await self.store.put_back({"limits": [], "home_tabs": [], "outbox": [], **changed})
        return Forger(self.demo, actor)

    async def now(self) -> Contents:
        """Read everything that is stored about people, profiles and workspaces."""
        return await self.store.contents(but=_IGNORED)


def action(action_id: str, value: str, *, menu: bool = False) -> dict[str, Any]:
    """Word the action of a button, an input or (with `menu`) a menu, in a block like those of the list."""
    told = {"selected_option": {"value": value}} if menu else {"value": value}
    kind = "static_select" if menu else "button"
    return {
        "type": kind,
        "action_id": action_id,
        "block_id": f"row0|{encode_query(ListQuery())}",
        "action_ts": "1.1",
        **told,
    }


def filled(  # noqa: PLR0911 - a table in the shape of a match
    callback: ViewId, owner: str, port: str
) -> dict[str, Any]:
    """Word the state of a modal; the profile's form holds the owner's account but for the port."""
    match callback:
        case ViewId.PROFILE:
            known = profile(owner)
            signing_in = {"value": {"type": "checkboxes", "selected_options": [{"value": "sign_in"}]}}
            typed = _typed(address=known.address, login=known.login, host=known.host, port=port)
            return {**typed, "authenticate": signing_in}
        case ViewId.ADD_EXTRA:
            return {**_chosen("configuration", "choose_extra", "HELO"), **_typed(value_HELO="pc.example.com")}
        case ViewId.CONFIRM_ADDRESS:
            return _typed(code=CODE)
        case ViewId.EMAIL_MESSAGE:
            return _typed(to=account(MEMBER).address, subject="Label", text="hello")
        case ViewId.DEFAULTS:
            chosen = _chosen("encryption", "value", "TLS") | _chosen("authenticate", "value", "on")
            return {**_typed(host=_HOST, port=port, rows=f"demo.example = {_HOST}:{port}"), **chosen}
        case ViewId.ADD_PROGRAM:
            return {**_typed(name="Scanner", messages_a_day="20"), **_chosen("may_send_to", "value", "anyone")}
        case _:
            return {}


def _typed(**values: str) -> dict[str, Any]:
    return {name: {"value": {"type": "plain_text_input", "value": value}} for name, value in values.items()}


def _chosen(block_id: str, action_id: str, value: str) -> dict[str, Any]:
    return {block_id: {action_id: {"type": "static_select", "selected_option": {"value": value}}}}
