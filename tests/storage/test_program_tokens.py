"""Tokens of programs, and sends with a key: found while they live, and good for nothing once they are edited."""

import asyncio
from datetime import UTC, datetime

from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.maintenance.rotation import reseal
from tests.named import case
from tests.storage.progress import change
from tests.store import Store

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TOKEN: dict[str, str] = {"token_id": "aB345678", "digest": "0f" * 32}
LONG = 4e9


async def furnish(database: Database, workspace: str = "T1", user: str = "U1", *, ends_at: float | None = None) -> None:
    """Make a token of somebody who is there, and has a profile."""
    token = {**TOKEN, "token_id": TOKEN["token_id"] if user == "U1" else f"token-{user}"}
    async with database.writing() as tx:
        await tx.profiles.save(workspace, user, b"{}", replacing=None)
        await tx.people.put(workspace, user, "Ada", ["ada"], 0, NOW)
        await tx.program_tokens.add(workspace, user, **token, ends_at=ends_at, document=b"may send")


async def is_alive(database: Database, user: str = "U1") -> bool:
    async with database.reading() as tx:
        shown = await tx.program_tokens.shown(TOKEN["token_id"] if user == "U1" else f"token-{user}")
    return shown is not None and shown.is_alive


async def test_a_token_is_shown_with_its_digest_and_what_was_sealed(database: Database) -> None:
    await furnish(database, ends_at=LONG)
    async with database.reading() as tx:
        shown = await tx.program_tokens.shown("aB345678")
        (listed,) = await tx.program_tokens.of("T1", "U1")
        assert await tx.program_tokens.shown("aB345679") is None
        assert await tx.program_tokens.of("T1", "U2") == await tx.program_tokens.of("T2", "U1") == []
    assert shown is not None
    assert shown.is_alive
    assert shown.stored == listed
    assert (listed.digest, listed.document, listed.ends_at) == (TOKEN["digest"], b"may send", LONG)
    assert listed.last_used_at is None
    assert listed.created_at <= shown.now < LONG
    assert TOKEN["digest"] not in repr(shown)


async def test_no_second_token_takes_an_id_and_what_the_first_one_may_do(database: Database) -> None:
    await furnish(database)
    async with database.writing() as tx:
        taken = {**TOKEN, "digest": "1f" * 32}
        assert await tx.program_tokens.add("T2", "U2", **taken, ends_at=None, document=b"other") is None
    async with database.reading() as tx:
        shown = await tx.program_tokens.shown("aB345678")
    assert shown is not None
    assert (shown.stored.workspace, shown.stored.digest) == ("T1", TOKEN["digest"])


ENDS = (
    "DELETE FROM email_profiles WHERE user_id = 'U1'",
    "DELETE FROM people WHERE user_id = 'U2'",
    "UPDATE people SET deactivated_at = '2026-11-25 12:00:00' WHERE user_id = 'U3'",
    "INSERT INTO workspaces (record_id, workspace, revision, key_id, sealed, left_at) "
    "VALUES ('x', 'T4', 1, '00000000', '', '2026-11-25 12:00:00')",
)


async def test_a_token_is_dead_as_soon_as_its_profile_its_person_or_the_bot_is_gone(database: Database) -> None:
    owners = (("T1", "U1"), ("T1", "U2"), ("T1", "U3"), ("T4", "U4"), ("T1", "U5"))
    for workspace, user in owners:
        await furnish(database, workspace, user)
    assert [await is_alive(database, user) for _, user in owners] == [True] * 5
    await change(database, *ENDS)
    assert [await is_alive(database, user) for _, user in owners] == [False] * 4 + [True]


async def test_a_token_is_dead_from_its_end_on_and_is_kept_for_a_week(database: Database) -> None:
    async with database.writing() as tx:
        now = (await database.now()).timestamp()
        for number, ends_at in enumerate((now + 60, now - 1, now - 7 * 86_400 + 60, now - 7 * 86_400 - 60)):
            await tx.program_tokens.add(
                "T1", "U1", token_id=f"aB34567{number}", digest="0", ends_at=ends_at, document=b""
            )
        await tx.profiles.save("T1", "U1", b"{}", replacing=None)
        await tx.people.put("T1", "U1", "Ada", ["ada"], 0, NOW)
        await tx.program_tokens.purge()
        left = {stored.token_id for stored in await tx.program_tokens.of("T1", "U1")}
        assert left == {"aB345670", "aB345671", "aB345672"}
        shown = [await tx.program_tokens.shown(token_id) for token_id in sorted(left)]
    assert [one is not None and one.is_alive for one in shown] == [True, False, False]


EDITS = (
    "digest = '1111111111111111111111111111111111111111111111111111111111111111'",
    "user_id = 'U2'",
    "workspace = 'T2'",
    "ends_at = ends_at + 1",
    "ends_at = NULL",
    "created_at = created_at - 1",
    "last_used_at = 5",
    "record_id = 'aB345679'",
    "revision = 7",
)


async def test_a_token_that_was_edited_is_dead(database: Database) -> None:
    tokens = [f"aB00000{number}" for number in range(len(EDITS))]
    async with database.writing() as tx:
        for workspace, user in (("T1", "U1"), ("T1", "U2"), ("T2", "U1")):
            await tx.profiles.save(workspace, user, b"{}", replacing=None)
            await tx.people.put(workspace, user, "Eve", ["eve"], 0, NOW)
        for token_id in tokens:
            await tx.program_tokens.add("T1", "U1", token_id=token_id, digest="0f", ends_at=LONG, document=b"{}")
    async with database.reading() as tx:
        shown = [await tx.program_tokens.shown(token_id) for token_id in tokens]
    assert all(one is not None and one.is_alive for one in shown)
    edits = zip(EDITS, tokens, strict=True)
    await change(
        database, *(f"UPDATE program_tokens SET {edit} WHERE record_id = '{token_id}'" for edit, token_id in edits)
    )
    async with database.reading() as tx:
        for edit, token_id in zip((*EDITS, "another id"), (*tokens, "aB345679"), strict=True):
            with case(edit):
                found = await tx.program_tokens.shown(token_id)
                assert found is None or not found.is_alive


async def test_what_the_version_before_leaves_of_a_deleted_profile_is_purged(database: Database) -> None:
    await furnish(database)
    async with database.writing() as tx:
        await tx.program_tokens.purge()
        assert len(await tx.program_tokens.of("T1", "U1")) == 1
        await tx.profiles.delete("T1", "U1")
        await tx.program_tokens.purge()
        assert await tx.program_tokens.of("T1", "U1") == []


async def test_uses_at_the_same_moment_are_written_down_one_after_the_other(database: Database) -> None:
    await furnish(database)

    async def use(number: int) -> None:
        async with database.writing() as tx:
            stored = await tx.program_tokens.lock("aB345678")
            assert stored is not None
            assert stored.document is not None
            await tx.program_tokens.save_use(stored, stored.document + b"+", at=float(number))

    await asyncio.gather(*map(use, range(8)))
    async with database.reading() as tx:
        shown = await tx.program_tokens.shown("aB345678")
    assert shown is not None
    assert (shown.stored.document, shown.stored.revision) == (b"may send" + b"+" * 8, 9)
    assert shown.stored.last_used_at is not None


async def test_removing_a_token_takes_what_it_sent_with_a_key(database: Database) -> None:
    await furnish(database)
    async with database.writing() as tx:
        for token_id in ("aB345678", "aB345679"):
            await tx.idempotent_sends.begin("T1", "U1", token_id=token_id, key="one", body_digest="0")
        assert await tx.program_tokens.remove("T1", "U2", "aB345678") is None
        assert await tx.program_tokens.remove("T2", "U1", "aB345678") is None
        removed = await tx.program_tokens.remove("T1", "U1", "aB345678")
        assert removed is not None
        assert removed.document == b"may send"
        assert await tx.program_tokens.remove("T1", "U1", "aB345678") is None
        assert await tx.program_tokens.lock("aB345678") is None
        assert await tx.idempotent_sends.find("aB345678", "one") is None
        assert await tx.idempotent_sends.find("aB345679", "one") is not None
        assert not await tx.program_tokens.forget("T1", "U1")
        assert await tx.idempotent_sends.find("aB345679", "one") is None


async def begin(database: Database, key: str = "one", digest: str = "d1") -> tuple[str, bytes | None] | None:
    async with database.writing() as tx:
        earlier = await tx.idempotent_sends.begin("T1", "U1", token_id="aB345678", key=key, body_digest=digest)
    return None if earlier is None else (earlier.body_digest, earlier.answer)


async def test_a_send_is_begun_once_under_a_key_and_its_answer_is_found_again(database: Database) -> None:
    assert await begin(database) is None
    assert await begin(database, digest="d2") == ("d1", None)
    async with database.writing() as tx:
        await tx.idempotent_sends.finish("aB345678", "one", b"the answer")
        await tx.idempotent_sends.finish("aB345678", "another", b"nothing")
    assert await begin(database) == ("d1", b"the answer")
    assert await begin(database, key="another") is None
    async with database.writing() as tx:
        await tx.idempotent_sends.forget("aB345678", "one")
    assert await begin(database) is None


async def test_of_two_instances_one_begins_a_send(database: Database, url: str, keyring: Keyring) -> None:
    other = Database.connect(url, keyring)
    began = await asyncio.gather(*(begin(instance) for instance in (database, other) * 4))
    await other.close()
    assert began.count(None) == 1
    assert set(began) == {None, ("d1", None)}


async def test_a_key_is_free_again_after_a_day(database: Database) -> None:
    for key in ("one", "two", "three"):
        await begin(database, key=key)
    await change(database, "UPDATE idempotent_sends SET begun_at = begun_at - 86390")
    async with database.writing() as tx:
        await tx.idempotent_sends.purge()
    assert await begin(database, digest="d2") == ("d1", None)
    await change(database, "UPDATE idempotent_sends SET begun_at = begun_at - 20")
    assert await begin(database, digest="d2") is None
    async with database.writing() as tx:
        await tx.idempotent_sends.purge()
        assert await tx.idempotent_sends.find("aB345678", "two") is None
        assert await tx.idempotent_sends.find("aB345678", "one") is not None


async def test_an_answer_that_was_edited_is_never_given_and_nothing_is_sent_again(database: Database) -> None:
    await begin(database)
    async with database.writing() as tx:
        await tx.idempotent_sends.finish("aB345678", "one", b"the answer")
    await change(database, "UPDATE idempotent_sends SET body_digest = 'd2'")
    assert await begin(database, digest="d2") == ("d2", None)


async def test_a_send_is_known_by_its_key_while_the_keys_are_rotated(url: str) -> None:
    old, new = generate_key(), generate_key()
    before, after = (Database.connect(url, Keyring.from_text(text)) for text in (old, f"{new},{old}"))
    await before.upgrade()
    await begin(before)
    assert await begin(after) == ("d1", None)
    async for _ in reseal(after):
        pass
    assert await begin(after) == ("d1", None)
    for instance in (before, after):
        await instance.close()


async def test_neither_a_programs_name_nor_a_key_nor_an_answer_is_in_the_database(
    database: Database, store: Store
) -> None:
    await furnish(database)
    await begin(database, key="canary-key")
    async with database.writing() as tx:
        await tx.idempotent_sends.finish("aB345678", "canary-key", b"canary-answer")
    shown = repr([await store.ask(f"SELECT * FROM {table}") for table in ("program_tokens", "idempotent_sends")])
    for secret in ("may send", "canary"):
        assert secret not in shown
