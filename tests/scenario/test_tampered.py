"""A database that somebody wrote into: nothing opens, no connection is made, the person is asked to type anew."""

import asyncio
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.demo.platform import searchable
from bot.demo.run import Office
from tests.counts import scaled
from tests.scenario.people import ADA, GRACE, fill_form, set_up

EDITS = [
    "UPDATE email_profiles SET revision = revision + 1 WHERE user_id = 'U0ADA'",
    "UPDATE email_profiles SET record_id = 'elsewhere' WHERE user_id = 'U0ADA'",
    "UPDATE email_profiles SET key_id = 'ffffffff' WHERE user_id = 'U0ADA'",
    "UPDATE email_profiles SET created_at = '2020-01-01 00:00:00' WHERE user_id = 'U0ADA'",
    "UPDATE email_profiles SET updated_at = '2020-01-01 00:00:00' WHERE user_id = 'U0ADA'",
    "UPDATE email_profiles SET sealed = x'' WHERE user_id = 'U0ADA'",
    "UPDATE email_profiles SET sealed = x'7b7d' WHERE user_id = 'U0ADA'",
    "UPDATE email_profiles SET sealed = (SELECT sealed FROM email_profiles WHERE user_id = 'U0GRACE') "
    "WHERE user_id = 'U0ADA'",
    "UPDATE email_profiles SET user_id = CASE user_id WHEN 'U0ADA' THEN 'U0TMP' ELSE 'U0ADA' END",
]


async def write(folder: Path, statement: str, *values: object) -> None:
    def written() -> None:
        with closing(sqlite3.connect(folder / "email-profiles.db", timeout=10)) as connection, connection:
            connection.execute(statement, values)

    # In a thread: the bot may be in the midst of a transaction of its own.
    await asyncio.to_thread(written)


async def refused(office: Office) -> None:
    """Card, test and home all say that the record cannot be read, and nothing is dialled."""
    workspace, traffic = office.workspace, len(office.mail.traffic)
    workspace.all_messages.clear()
    await workspace.command(ADA, "/email-profile")
    assert "cannot be read" in searchable(workspace.messages(ADA)[-1])
    await workspace.command(ADA, "/email-test")
    told = searchable(await workspace.wait_message(ADA, "No connection was made"))
    assert "the password too" in told
    assert len(office.mail.traffic) == traffic


@pytest.mark.parametrize("edit", EDITS)
async def test_an_edited_or_moved_record_is_used_for_nothing(http_office: Office, tmp_path: Path, edit: str) -> None:
    await set_up(http_office, ADA)
    await set_up(http_office, GRACE)
    await write(tmp_path, edit)
    await refused(http_office)


async def test_a_record_with_any_bit_flipped_is_used_for_nothing(http_office: Office, tmp_path: Path) -> None:
    await set_up(http_office, ADA)
    with closing(sqlite3.connect(tmp_path / "email-profiles.db")) as connection:
        (sealed,) = connection.execute("SELECT sealed FROM email_profiles").fetchone()
    bits = len(sealed) * 8
    for bit in random.Random(1).sample(range(bits), min(bits, scaled(quick=25, full=bits))):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << (bit % 8)
        await write(tmp_path, "UPDATE email_profiles SET sealed = ?", bytes(flipped))
        await refused(http_office)
    await write(tmp_path, "UPDATE email_profiles SET sealed = ?", sealed)
    await http_office.workspace.command(ADA, "/email-profile")
    assert "mail.demo.example" in searchable(http_office.workspace.messages(ADA)[-1])


async def test_typing_everything_again_mends_it(http_office: Office, tmp_path: Path) -> None:
    await set_up(http_office, ADA)
    await write(tmp_path, EDITS[0])
    workspace = http_office.workspace
    await workspace.command(ADA, "/email-profile")
    await workspace.press(ADA, "Type it again", message=workspace.messages(ADA)[-1])
    form = await workspace.wait_view(ADA, "Email profile")
    _, key = form.labelled("SMTP Server Address")
    assert not form.values.get(key)
    await fill_form(http_office, ADA, password=" ")
    await workspace.fill(ADA, "Password", "")
    assert "missing" in str(await workspace.submit(ADA))
    await fill_form(http_office, ADA)
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "Not tested yet")
