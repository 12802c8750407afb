"""An operator backs up, restores, copies and verifies through the program, and people find what they left."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.demo.mail import DemoMail
from bot.demo.stand_in.platform import searchable
from bot.demo.stand_in.workspace import Workspace
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from tests.counts import scaled
from tests.databases import Maker, PostgreSQLMaker
from tests.scenario.operating.conftest import Program
from tests.scenario.operating.test_command_line import CONFIGURATION_ERROR, GOOD, run, slack
from tests.scenario.people import ADA
from tests.scenario.starting import running
from tests.storage.filled_database import PASSWORD, contents, furnish, make_empty
from tests.store import Store

FORM = {"User/Login": "ada", "Password": PASSWORD, "SMTP Server Address": "mail.house.example", "Port": "587"}

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def old_url(maker: Maker, tmp_path: Path) -> Iterator[str]:
    """Where the bot lives."""
    with maker.upgraded(tmp_path / "old.db") as address:
        yield address


@pytest.fixture
def new_url(old_url: str, postgresql_server: str, tmp_path: Path) -> Iterator[str]:
    """Where it moves to: a database of the other kind."""
    if old_url.startswith("postgresql:"):
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    with PostgreSQLMaker.on(postgresql_server) as other, other.empty(tmp_path) as address:
        yield address


@asynccontextmanager
async def bot_at(url: str, key: str, folder: Path) -> AsyncIterator[Workspace]:
    """Run the program on a database until the block ends."""
    async with slack(DemoMail()) as workspace:
        given = {**settings(url, key), "PORT": "0", "SLACK_API_URL": f"{workspace.base_url}/api/"}
        async with running(folder, "run", given=given) as bot:
            workspace.delivery.events_url = f"{await bot.address()}/slack/events"
            yield workspace
            await bot.stop()


def settings(url: str, key: str) -> Mapping[str, str]:
    return {**GOOD, "DATABASE_URL": url, "ENCRYPTION_KEYS": key}


def one_line(text: str) -> str:
    """Give what an operator reads; progress bars are not lines."""
    (line,) = [line for line in text.splitlines() if line.strip() and "━" not in line]
    assert "Traceback" not in text
    return line


@pytest.mark.databases("sqlite")
async def test_a_person_finds_the_profile_again_after_a_backup_and_a_restore_elsewhere(
    old_url: str, tmp_path: Path
) -> None:
    key, file, new_url = generate_key(), tmp_path / "kept", f"sqlite:///{tmp_path / 'restored.db'}"
    async with bot_at(old_url, key, tmp_path) as workspace:
        await workspace.command(ADA, "/email-profile", "edit")
        await workspace.wait_view(ADA, "Email profile")
        for label, value in FORM.items():
            await workspace.fill(ADA, label, value)
        assert await workspace.submit(ADA) == {}
        # The bot goes on serving meanwhile.
        code, out, err = await run(tmp_path, "db", "backup", str(file), given=settings(old_url, key))
        assert code == 0, err
        assert "is complete" in out
    for secret in (PASSWORD.encode(), b"mail.house.example", key.encode()):
        assert secret not in file.read_bytes()
    code, out, err = await run(tmp_path, "db", "restore", str(file), given=settings(new_url, key))
    assert code == 0, err
    async with bot_at(new_url, key, tmp_path) as workspace:
        await workspace.command(ADA, "/email-profile")
        card = searchable(workspace.messages(ADA)[-1])
        assert "mail.house.example" in card
        assert PASSWORD not in card


async def test_a_copy_killed_at_any_moment_is_completed_by_the_same_command(
    old_url: str, new_url: str, tmp_path: Path
) -> None:
    key, chance = generate_key(), random.Random()
    source = Database.connect(old_url, Keyring.from_text(key))
    await furnish(source, scaled(quick=200, full=2000))
    given, arguments = settings(old_url, key), ("db", "copy", "--to", new_url)
    target = Database.connect(new_url, Keyring.from_text(key))
    for _ in range(scaled(quick=1, full=50)):
        async with running(tmp_path, *arguments, given=given) as copying:
            await asyncio.sleep(chance.uniform(0.1, scaled(quick=2, full=9)))
            ended = copying.exit_code is not None
        if ended:
            # It was quicker, or the one before was, and died with its last word said: another one from the beginning.
            assert await contents(source) == await contents(target)
            await make_empty(target)
    code, _, err = await run(tmp_path, *arguments, given=given)
    assert code == 0 or "The target is not empty" in err, err
    assert await contents(source) == await contents(target)
    await source.close()
    await target.close()


def furnished(url: str) -> Mapping[str, str]:
    """Put a few people into a database, with the tables where it has none, and give the settings for it."""
    given = settings(url, generate_key())

    async def furnished() -> None:
        database = Database.connect(given["DATABASE_URL"], Keyring.from_text(given["ENCRYPTION_KEYS"]))
        await database.upgrade()
        await furnish(database, 3)
        await database.close()

    asyncio.run(furnished())
    return given


@pytest.mark.parametrize(
    "to",
    [
        "mysql://bot:canary@db/x",
        "postgresql://bot:canary@127.0.0.1:1/x",
        "postgresql://bot:canary@[/x",
        "sqlite:///nowhere/canary@/x.db",
    ],
)
def test_an_address_that_is_no_good_is_told_in_one_line_without_its_password(
    program_here: Program, store: Store, to: str
) -> None:
    code, out, err = program_here(furnished(store.url), "db", "copy", "--to", to)
    assert code == 1
    assert one_line(err).startswith(("--to: ", "The target cannot be used"))
    assert "bot:canary" not in out + err


@pytest.mark.databases("sqlite")
async def test_a_backup_or_restore_killed_at_any_moment_is_whole_or_not_there(url: str, tmp_path: Path) -> None:
    key, chance = generate_key(), random.Random()
    source = Database.connect(url, Keyring.from_text(key))
    await source.upgrade()
    await furnish(source, scaled(quick=200, full=2000))
    new_url, kept = f"sqlite:///{tmp_path / 'restored.db'}", tmp_path / "kept"

    async def begin(given: Mapping[str, str], command: str) -> None:
        async with running(tmp_path, "db", command, str(kept), given=given):
            await asyncio.sleep(chance.uniform(0.1, scaled(quick=1.0, full=6.0)))

    for _ in range(scaled(quick=1, full=25)):
        await begin(settings(url, key), "backup")
        if not kept.exists():
            code, _, err = await run(tmp_path, "db", "backup", str(kept), given=settings(url, key))
            assert code == 0, err
        target = Database.connect(new_url, Keyring.from_text(key))
        await begin(settings(new_url, key), "restore")
        if await target.schema_revision() is None:
            code, _, err = await run(tmp_path, "db", "restore", str(kept), given=settings(new_url, key))
            assert code == 0, err
        assert await contents(source) == await contents(target)
        await target.close()
        for file in (kept, *tmp_path.glob("restored.db*"), *tmp_path.glob("*.partial*")):
            file.unlink(missing_ok=True)
    await source.close()


@pytest.mark.databases("postgresql")
def test_backups_of_postgresql_are_its_own_programs_affair(program_here: Program, store: Store, tmp_path: Path) -> None:
    given = furnished(store.url)
    for command in ("backup", "restore"):
        code, out, err = program_here(given, "db", command, "kept")
        assert (code, out) == (1, "")
        assert "`pg_dump --format=custom`" in one_line(err)
    assert not list(tmp_path.glob("kept*"))


@pytest.mark.databases("sqlite")
def test_what_stands_against_a_backup_or_a_restore_is_one_line(program_here: Program, url: str, tmp_path: Path) -> None:
    given = settings(url, generate_key())
    code, _, err = program_here(given, "db", "backup", "kept")
    assert (code, "db upgrade" in one_line(err)) == (CONFIGURATION_ERROR, True)
    given = furnished(url)
    assert program_here(given, "db", "backup", "kept")[0] == 0
    code, _, err = program_here(given, "db", "backup", "kept")
    assert (code, "there already" in one_line(err)) == (1, True)
    stranger = settings(f"sqlite:///{tmp_path / 'new.db'}", generate_key())
    code, _, err = program_here(stranger, "db", "restore", "kept")
    needed, configured = (Keyring.from_text(each["ENCRYPTION_KEYS"]).active for each in (given, stranger))
    assert code == CONFIGURATION_ERROR
    assert needed in one_line(err)
    assert configured in one_line(err)
    code, _, err = program_here(given, "db", "restore", "kept")
    assert (code, "The target is not empty" in one_line(err)) == (1, True)


def test_verify_names_what_does_not_open_and_fails(program_here: Program, store: Store) -> None:
    given = furnished(store.url)
    code, out, _ = program_here(given, "db", "verify")
    assert (code, "ok     email_profiles: 3 records open (3 under " in out) == (0, True)
    asyncio.run(store.edit("UPDATE people SET user_id = 'U0EDITED' WHERE user_id LIKE 'B%'"))
    code, out, _ = program_here(given, "db", "verify")
    assert code == 1
    assert "FAILED people: 1 do not open: T1 U0EDITED (edited, or moved from another place)" in out
    assert PASSWORD not in out
    code, out, _ = program_here(given, "db", "copy", "--to", "sqlite:///kept.db")
    assert (code, "As in the source, people: 1 do not open: T1 U0EDITED" in out) == (0, True)


def test_verify_follows_each_history_and_an_operator_may_accept_what_is_there(
    program_here: Program, store: Store
) -> None:
    given = furnished(store.url)
    code, out, _ = program_here(given, "db", "verify")
    assert (code, "none was removed, edited, moved or invented" in out) == (0, True)
    asyncio.run(store.edit("UPDATE audit_entries SET actor = 'U0\x1b[2J' WHERE id = 2"))
    code, out, _ = program_here(given, "db", "verify")
    assert code == 1
    assert "(entry 2 was edited, or is in another's place)" in out
    assert "run `email-profile-bot db accept`" in out
    assert "\x1b" not in out
    code, out, _ = program_here(given, "db", "accept")
    assert (code, "entry 2 was edited" in out) == (0, True)
    code, out, _ = program_here(given, "db", "accept")
    assert (code, "nothing was changed" in out) == (0, True)
    code, out, _ = program_here(given, "db", "verify")
    assert (code, "of them from before they were chained" in out) == (0, True)


def test_nothing_serves_a_database_that_holds_half_a_copy(program_here: Program, store: Store) -> None:
    given = furnished(store.url)
    asyncio.run(store.edit("INSERT INTO unfinished_copies (source) VALUES ('x')"))
    code, _, err = program_here(given, "run")
    assert (code, "not complete" in err.splitlines()[-1]) == (CONFIGURATION_ERROR, True)
    code, out, _ = program_here(given, "check")
    assert (code, "FAILED Database: DATABASE_URL: a copy into this database is not complete" in out) == (1, True)
