"""Workspaces whose people have the same ids, and requests at random: nobody reads or writes outside their own."""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.profiles.account.extras import find_extra
from tests.counts import scaled
from tests.databases import KINDS, Maker
from tests.fakes.many_slacks import ManySlacks
from tests.fakes.slack_places import Place, User
from tests.scenario.many import Many, install, many_settings, open_many, opened_form, said, submit

pytestmark = [pytest.mark.timeout(1800), pytest.mark.databases(*KINDS)]

WORKSPACES, PEOPLE, ADMINS = scaled(quick=8, full=50), 20, 2
USERS = tuple(f"U{number:02}" for number in range(PEOPLE))
ONLY_ADMINS = "Only admins"
_MARK = re.compile(r"t0ws\d\d")
_ADDRESS = re.compile(r"u\d\d-\d+@t0ws\d\d\.example")


@dataclass
class Kept:
    """What one person's record should be: revision 0 stands for none."""

    address: str = ""
    extras: dict[str, str] = field(default_factory=dict)
    revision: int = 0
    entries: int = 0


def is_admin(user: str) -> bool:
    return user in USERS[:ADMINS]


def may(caller: str, owner: str) -> bool:
    return caller == owner or (is_admin(caller) and owner in USERS)


class Tenants:
    """The workspaces, what their people should have, and requests that are tried on both."""

    def __init__(self, many: Many, places: list[Place], chance: random.Random) -> None:
        """Try requests by `chance`."""
        self.many = many
        self.places = places
        self.chance = chance
        self.kept = {place.key: {user: Kept() for user in USERS} for place in places}
        self.forms: dict[str, dict[str, Any]] = {}
        self.number = 0
        self.looked_at = 0
        self.wrote = 0

    async def try_one(self) -> None:
        """Let somebody somewhere do something, and hold everything against the model."""
        place, user = self.chance.choice(self.places), self.chance.choice(USERS)
        other = self.chance.choice([user, self.chance.choice(USERS), self.chance.choice(["U99", "T0:U01", ""])])
        looks = (self.show, self.show_list, self.history, self.visit_home, self.press_edit)
        changes = (self.save, self.save_with_a_form_of_elsewhere, self.add, self.delete)
        deed = self.chance.choice(looks + changes)
        shown = await deed(place, user, other if other in USERS or deed in (self.delete, self.press_edit) else user)
        self.only_of(place, shown)
        await self.hold_against_the_model(place)

    # What people do

    async def show(self, place: Place, user: str, other: str) -> str:
        shown = await self.many.command(place, user, "/email-profile", f"show <@{other}>")
        if not may(user, other):
            assert ONLY_ADMINS in shown
            return shown
        kept = self.kept[place.key][other]
        assert set(_ADDRESS.findall(shown)) == ({kept.address} if kept.address else set())
        return shown

    async def save(self, place: Place, user: str, other: str) -> str:
        if not may(user, other):
            shown = await self.many.command(place, user, "/email-profile", f"edit <@{other}>")
            assert ONLY_ADMINS in shown
            return shown
        form = await opened_form(self.many, place, user, f"edit <@{other}>")
        self.forms[place.key] = form
        return said(form) + await self.submitted(place, user, form)

    async def save_with_a_form_of_elsewhere(self, place: Place, user: str, _other: str) -> str:
        """What a form remembers names a person by an id that is somebody's here too."""
        foreign = self.forms.get(self.chance.choice(self.places).key)
        return await self.submitted(place, user, foreign) if foreign else ""

    async def submitted(self, place: Place, user: str, form: dict[str, Any]) -> str:
        known = json.loads(form["private_metadata"])
        owner, revision = known["owner"], known["revision"]
        kept, address = self.kept[place.key][owner], self.new_address(place, owner)
        host = f"smtp.{place.key.lower()}.example"
        # Nothing that a form of elsewhere was opened with shall count here, so its inputs are filled anew.
        answer = await submit(self.many, place, user, form, address=address, host=host)
        if not may(user, owner):
            assert ONLY_ADMINS in str(answer["errors"])
        elif kept.revision == revision:
            assert answer == {"response_action": "clear"}
            kept.address = address
            self.changed(kept)
        else:
            assert answer["response_action"] == "update"
            return "" if form is not self.forms.get(place.key) else said(answer)
        return said(answer)

    async def add(self, place: Place, user: str, other: str) -> str:
        value = f"of {place.key.lower()} {self.next()}"
        shown = await self.many.command(place, user, "/email-extra", f"add FROM_NAME {value} <@{other}>")
        if not may(user, other):
            assert ONLY_ADMINS in shown
            return shown
        kept = self.kept[place.key][other]
        kept.extras[find_extra("FROM_NAME").name] = value
        self.changed(kept)
        assert value in shown
        return shown

    async def show_list(self, place: Place, user: str, _other: str) -> str:
        shown = await self.many.command(place, user, "/email-profile", "list")
        if not is_admin(user):
            assert ONLY_ADMINS in shown
            return shown
        assert f"{PEOPLE} people" in shown
        assert set(_ADDRESS.findall(shown)) <= {kept.address for kept in self.kept[place.key].values()}
        return shown

    async def history(self, place: Place, user: str, other: str) -> str:
        shown = await self.many.command(place, user, "/email-profile", f"history <@{other}>")
        if may(user, other):
            assert ("Nothing yet." in shown) == (self.kept[place.key][other].entries == 0)
        else:
            assert ONLY_ADMINS in shown
        return shown

    async def delete(self, place: Place, user: str, other: str) -> str:
        shown = await self.press(place, user, "delete_profile", other)
        owner = other or user
        if owner not in USERS:
            assert "is deleted" not in shown
        elif not may(user, owner):
            assert ONLY_ADMINS in shown
        else:
            kept = self.kept[place.key][owner]
            assert ("is deleted" if kept.revision else "was deleted before") in shown
            if kept.revision:
                self.kept[place.key][owner] = Kept(entries=1)
                self.wrote += 1
        return shown

    async def press_edit(self, place: Place, user: str, other: str) -> str:
        shown = await self.press(place, user, "edit_profile", other)
        owner = other or user
        opened = [call for call in self.new_calls() if call.method == "views.open"]
        assert len(opened) == (1 if may(user, owner) else 0)
        for call in opened:
            self.forms[place.key] = dict(call.arguments["view"])
            assert json.loads(call.arguments["view"]["private_metadata"])["owner"] == owner
        return shown + said([call.arguments for call in opened])

    async def visit_home(self, place: Place, user: str, _other: str) -> str:
        event = {"type": "app_home_opened", "user": user, "tab": "home", "channel": "D0"}
        await self.many.slacks.event(self.many.url, place, event)
        published = [call for call in self.new_calls() if call.method == "views.publish" and call.key == place.key]
        # After a change the bot publishes others, too.
        tabs = [call for call in published if call.arguments["user_id"] == user]
        assert tabs
        kept = self.kept[place.key][user].address
        assert kept in said(tabs[0].arguments)
        return said(tabs[0].arguments)

    async def press(self, place: Place, user: str, action_id: str, value: str) -> str:
        """Press a button of a message; return what comes through its response_url."""
        self.looked_at = len(self.many.slacks.calls)
        action = {"type": "button", "action_id": action_id, "value": value, "block_id": "b"}
        url = f"{self.many.slacks.base_url}/respond/{place.key}"
        await self.many.slacks.interact(self.many.url, place, user, "block_actions", actions=[action], response_url=url)
        await self.many.settled()
        return said([call.arguments for call in self.new_calls() if call.method == "response_url"])

    # The model

    def next(self) -> int:
        self.number += 1
        return self.number

    def new_address(self, place: Place, owner: str) -> str:
        return f"{owner.lower()}-{self.next()}@{place.key.lower()}.example"

    def changed(self, kept: Kept) -> None:
        kept.revision += 1
        kept.entries += 1
        self.wrote += 1

    def new_calls(self) -> list[Any]:
        return self.many.slacks.calls[self.looked_at :]

    def only_of(self, place: Place, shown: str) -> None:
        """What somebody saw, and whatever was sent with any token, is of that workspace alone."""
        assert set(_MARK.findall(shown.lower())) <= {place.key.lower()}
        for call in self.many.slacks.calls:
            assert set(_MARK.findall(said(call.arguments).lower())) <= {call.key.lower()}, call.method
        self.many.slacks.calls.clear()
        self.looked_at = 0

    async def hold_against_the_model(self, place: Place) -> None:
        """What is stored of a workspace is what its people should have, to the revision."""
        async with self.many.bot.database.reading() as tx:
            users = await tx.profiles.users(place.key)
            stored = {user: await tx.profiles.get(place.key, user) for user in users}
        found = {}
        for user, record in stored.items():
            assert record is not None
            document = json.loads(record.document)
            found[user] = (document["address"], document["extras"], record.revision)
        wanted = {
            user: (kept.address, kept.extras, kept.revision)
            for user, kept in self.kept[place.key].items()
            if kept.revision
        }
        assert found == wanted


@pytest.fixture
def url(maker: Maker, tmp_path: Path) -> Iterator[str]:
    """The address of a database of the test's own, with tables."""
    with maker.upgraded(tmp_path / "x.db") as address:
        yield address


@pytest.mark.parametrize("seed", range(20_261_125, 20_261_125 + scaled(quick=1, full=4)))
async def test_nobody_reads_or_writes_outside_their_own_workspace(
    url: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    # How long Slack is waited for is not the question here, and a machine may be busy.
    monkeypatch.setattr("bot.slack.workspaces.users.LOOKUP_TIMEOUT_SECONDS", 30.0)
    chance = random.Random(seed)
    async with ManySlacks().serving() as slacks, open_many(slacks, many_settings(slacks, url)) as many:
        places = []
        for number in range(WORKSPACES):
            key = f"T0WS{number:02}"
            people = [User(user, f"{user} of {key}", f"{user}@{key}.example", is_admin(user)) for user in USERS]
            places.append(Place(slacks.team(key, *people)))
            await install(many, places[-1])
        await many.bot.housekeeping.read_people()
        tenants = Tenants(many, places, chance)
        for _ in range(scaled(quick=60, full=2500)):
            await tenants.try_one()
        assert tenants.wrote > scaled(quick=6, full=250)
        for place in places:
            await tenants.hold_against_the_model(place)
