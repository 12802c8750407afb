"""How often the database is asked: a record is read once, and what was just sealed is not read again."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.fixes import ProposedFix
from bot.profiles.people.access import Access, Person
from bot.smtp.advice.row import Fix
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from tests.databases import KINDS
from tests.scenario.profile.test_races import ADA, Everybody, form
from tests.store import Store

pytestmark = pytest.mark.databases(*KINDS)

Act = Callable[[EmailProfiles], Awaitable[Any]]


@pytest.fixture
async def rules(store: Store) -> AsyncIterator[EmailProfiles]:
    """The rules, on a database in which Ada has a profile."""
    database = Database.connect(store.url, Keyring.from_text(generate_key()))
    access = Access(Everybody())
    rules = EmailProfiles(database=database, access=access, clock=lambda: datetime.now(UTC), on_change=lambda _: None)
    await rules.save(caller=ADA, owner=ADA, form=form("one", 1), expected_revision=0)
    yield rules
    await database.close()


@contextmanager
def counted() -> Iterator[list[str]]:
    """Yield the statements that are executed in the block."""
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def reads(statements: list[str], table: str) -> int:
    return sum(statement.lstrip().startswith("SELECT") and table in statement for statement in statements)


async def show(rules: EmailProfiles) -> None:
    await rules.show(caller=ADA, owner=ADA)


async def save(rules: EmailProfiles) -> None:
    await rules.save(caller=ADA, owner=ADA, form=form("two", 2), expected_revision=1)


async def save_the_first(rules: EmailProfiles) -> None:
    other = Person(workspace="T1", user="U2")
    await rules.save(caller=other, owner=other, form=form("two", 2), expected_revision=0)


async def add_an_extra(rules: EmailProfiles) -> None:
    await rules.add_extra(caller=ADA, owner=ADA, name="TLS", value="Y")


async def fixed(rules: EmailProfiles) -> ProfileChange:
    async with rules.database.writing() as tx:
        change, _ = await rules.fix(tx, caller=ADA, owner=ADA, fix=ProposedFix(kind=Fix.TLS_ON_587))
    return change


async def fix(rules: EmailProfiles) -> None:
    await fixed(rules)


@pytest.mark.parametrize("act", [show, save, save_the_first, add_an_extra, fix])
async def test_a_record_and_its_last_test_are_read_once(rules: EmailProfiles, act: Act) -> None:
    with counted() as statements:
        await act(rules)
    assert (reads(statements, "email_profiles"), reads(statements, "connection_tests")) == (1, 1), statements


async def test_an_undone_fix_reads_the_record_once(rules: EmailProfiles) -> None:
    changed = await fixed(rules)
    with counted() as statements:
        await rules.undo(caller=ADA, owner=ADA, revision=changed.view.revision)
    assert reads(statements, "email_profiles") == 1, statements


@pytest.mark.databases("sqlite")
async def test_a_profile_is_shown_by_a_single_statement(rules: EmailProfiles) -> None:
    with counted() as statements:
        await rules.show(caller=ADA, owner=ADA)
    assert len(statements) == 1, statements
