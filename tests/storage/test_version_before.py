"""A database that the version before made opens, verifies, and goes on being used.

`data/schema_0004.sqlite` was written by version 0.1 before its tables were declared anew (schema 0004): rows in every
table, and every kind of sealed record, three under the first test key and six under the second. What ends by the clock
ends in 95 years.
"""

import hashlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import ProfileState, load, save_profile
from bot.profiles.people.access import Person
from bot.profiles.people.defaults import read_defaults
from bot.profiles.people.members import search_words, state_number, update_person_from
from bot.smtp.account import Encryption
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.maintenance.copy import copy
from storage.maintenance.rotation import reseal
from storage.maintenance.verify import verify
from storage.tables.people_query import Query
from tests.storage.progress import silent

FILE = Path(__file__).parent / "data" / "schema_0004.sqlite"
NOW = datetime(2026, 11, 29, 12, 30, 15, 250_000, tzinfo=UTC)
LONG = 3_000_000_000
ADA, GRACE = (Person(workspace="T1", user=user) for user in ("U1", "U2"))

BEFORE = EmailProfile(
    address="ada@lovelace.example",
    login="ada",
    password=SecretStr("tëst pässword"),
    password_host="smtp.lovelace.example",
    password_set_at=NOW,
    host="smtp.lovelace.example",
    port=465,
    extras={"SSL": "Y"},
)
PROFILE = replace(BEFORE, port=587, extras={"TLS": "Y", "AUTH": "LOGIN"}, before=BEFORE)


def key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


WORKS, NOT_TESTED, DEACTIVATED = (
    state_number(state) for state in (ProfileState.WORKS, ProfileState.NOT_TESTED, ProfileState.DEACTIVATED)
)

KEYS = [key("second test key"), key("first test key")]


@pytest.fixture
async def database(url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """The file itself, or on PostgreSQL what a copy made of it."""
    file = tmp_path / "before.db"
    shutil.copyfile(FILE, file)
    before = Database.connect(f"sqlite:///{file}", Keyring(KEYS))
    await before.upgrade()
    if url.startswith("sqlite:"):
        yield before
        await before.close()
        return
    copied = Database.connect(url, Keyring(KEYS))
    await copy(before, copied, silent)
    await before.close()
    yield copied
    await copied.close()


async def test_the_schema_is_up_to_date_and_every_record_verifies(database: Database) -> None:
    await database.upgrade()
    await database.require_schema()
    await database.check_keys()
    verdict = await verify(database, silent)
    assert verdict.good
    assert {table.name: sum(table.opened.values()) for table in verdict.tables} == {
        "email_profiles": 2,
        "connection_tests": 1,
        "people": 3,
        "workspaces": 2,
        "workspace_marks": 0,
        "installations": 1,
        "audit_details": 0,
        "audit_chains": 3,
        "run_results": 0,
        "outbox": 0,
        "form_tests": 0,
        "address_confirmations": 0,
        "program_tokens": 0,
        "idempotent_sends": 0,
        "password_links": 0,
        "key_checks": 2,
    }
    # The histories begin under a mark, sealed under the first key.
    assert (verdict.histories.entries, verdict.histories.found) == (3, 3)
    assert [(state.records, state.links) for state in await database.key_states()] == [(9, 0), (3, 0)]


async def test_what_was_written_is_read(database: Database) -> None:
    async with database.reading() as tx:
        ada, grace = await load(tx, ADA), await load(tx, GRACE)
        defaults = (await read_defaults(tx, "T1")).defaults
        installation = await tx.installations.get("T1")
        history = await tx.audit.page("T1", subject="U1")
        people = await tx.people.page("T1", Query(states=(WORKS,), words=("lovel",)), limit=9)
        counts = await tx.people.counts("T1")
    assert (ada.profile, ada.revision, ada.view.state) == (PROFILE, 2, ProfileState.WORKS)
    assert ada.view.last_test is not None
    assert ada.view.last_test.transcript == ("S: 220", "C: EHLO")
    assert ada.view.last_test.in_full.transcript == ("S: 220 smtp.lovelace.example", "C: EHLO")
    assert (grace.profile, grace.view.state) == (replace(PROFILE, before=None), ProfileState.NOT_TESTED)
    assert (defaults.host, defaults.port, defaults.encryption) == ("smtp.lovelace.example", 587, Encryption.TLS)
    assert installation is not None
    assert installation.document == b'{"bot_token": "xoxb-a-test-token"}'
    assert [(entry.action, entry.fields) for entry in history] == [
        ("tested", ("passed",)),
        ("fixed", ("Port", "SSL", "TLS")),
        ("saved", ("Email Address", "Port")),
    ]
    assert [(person.name, person.state_since) for person, _ in people] == [("Ada Lovelace", NOW)]
    assert counts == {
        state_number(state): 1 for state in (ProfileState.WORKS, ProfileState.NOT_TESTED, ProfileState.DEACTIVATED)
    }


async def test_what_instances_share_still_counts(database: Database) -> None:
    async with database.writing() as tx:
        # They were bound to no end; each was good for ten minutes.
        assert await tx.links.find("token", "U1", seconds=LONG) is None
        assert not (await tx.limits.take("U1 tests", most=1, seconds=LONG)).taken
        assert not await tx.leases.take("purge", seconds=LONG)
        assert not await tx.requests.take("a trigger", seconds=LONG)
        assert await tx.oauth_states.use("a state")
        assert await tx.runs.add(workspace="T1", actor="U1", channel="D1", message_ts="1", total=1) is None
        assert await tx.homes.users("T1", owners=["U2"], limit=9) == ["U1"]
        assert await tx.workspaces.left_before(datetime.now(UTC).replace(year=2099)) == ["T2"]


async def test_a_save_goes_on_from_what_is_stored(database: Database) -> None:
    async with database.writing() as tx:
        before = await load(tx, ADA)
        stored = await save_profile(tx, before, replace(before.profile, port=2525, before=None))
        await update_person_from(tx, stored.view, at=NOW)
    async with database.reading() as tx:
        after = await load(tx, ADA)
        people = await tx.people.page("T1", Query(states=(NOT_TESTED,), words=("ada",)), limit=9)
    assert (after.profile.port, after.revision, after.record_id) == (2525, 3, before.record_id)
    assert after.view.last_test is None
    assert "Ada Lovelace" in [person.name for person, _ in people]


async def test_keys_are_rotated(database: Database, url: str, tmp_path: Path) -> None:
    new = Keyring.from_text(generate_key())
    address = url if url.startswith("postgresql:") else f"sqlite:///{tmp_path / 'before.db'}"
    everything = Keyring([*new._roots.values(), *KEYS])
    rotating = Database.connect(address, everything)
    await rotating.check_keys()
    assert [step async for step in reseal(rotating)][-1] == (12, 12)
    assert await rotating.key_usage() == {new.active: 12}
    verdict = await verify(rotating, silent)
    await rotating.close()
    assert verdict.good
    async with database.writing() as tx:
        await tx.links.purge()
    only_new = Database.connect(address, new)
    async with only_new.reading() as tx:
        assert (await load(tx, ADA)).profile == PROFILE
        found = await tx.people.page("T1", Query(states=(WORKS,), words=search_words("Ada")), limit=9)
    await only_new.close()
    assert [person.name for person, _ in found] == ["Ada Lovelace"]
