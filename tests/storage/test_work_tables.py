"""Leases, runs, links, Home tabs and workspaces: what instances share so that each thing is done once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from storage.crypto.keyring import Keyring
from storage.database import Database
from storage.tables.bulk_runs import DONE, ENDED, INTERRUPTED, RUNNING, STOPPING, UNTOLD, StoredRun
from storage.tables.password_links import StoredLink
from storage.tables.running_tests import StoredRunningTest
from storage.tables.table import StaleRevisionError
from tests.storage.progress import change
from tests.store import Store

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


async def status_of(database: Database, run: StoredRun) -> str:
    async with database.reading_connection() as connection:
        return str(await connection.scalar(text(f"SELECT status FROM test_runs WHERE run_id = '{run.run_id}'")))


async def testers(database: Database) -> list[str]:
    async with database.reading_connection() as connection:
        return list(await connection.scalars(text("SELECT tester FROM form_tests")))


async def test_of_two_instances_one_gets_the_lease_until_it_is_over(
    database: Database, url: str, keyring: Keyring
) -> None:
    other = Database.connect(url, keyring)

    async def take(instance: Database) -> bool:
        async with instance.writing() as tx:
            return await tx.leases.take("purge", seconds=60)

    assert sorted(await asyncio.gather(take(database), take(other))) == [False, True]
    assert not await take(other)
    async with database.writing() as tx:
        await tx.leases.end_in("purge", seconds=-1)
    assert await take(other)
    await other.close()


async def test_a_run_goes_on_until_it_is_stopped_and_ends_once(database: Database) -> None:
    async with database.writing() as tx:
        run = await tx.runs.add(workspace="T1", actor="U1", channel="D1", message_ts="1.2", total=9)
        assert run is not None
        assert await tx.runs.add(workspace="T1", actor="U2", channel="D2", message_ts="1.3", total=9) is None
        assert await tx.runs.running("T1")
        assert not await tx.runs.running("T2")
        assert await tx.runs.step(run.run_id, done=3)
        assert not await tx.runs.stop(run.run_id, workspace="T2")
        assert await tx.runs.stop(run.run_id, workspace="T1")
        assert not await tx.runs.running("T1")
        assert not await tx.runs.step(run.run_id, done=4)
        assert not await tx.runs.stop(run.run_id, workspace="T1")
        await tx.runs.end(run.run_id, ENDED)
        await tx.runs.end(run.run_id, UNTOLD)
        await tx.runs.told(run.run_id)
    assert await status_of(database, run) == DONE


@pytest.mark.parametrize(
    ("status", "claimed", "told"),
    [
        (RUNNING, UNTOLD, INTERRUPTED),
        (UNTOLD, UNTOLD, INTERRUPTED),
        (STOPPING, ENDED, DONE),
        (ENDED, ENDED, DONE),
        (DONE, None, DONE),
        (INTERRUPTED, None, INTERRUPTED),
    ],
)
async def test_a_run_is_given_to_be_told_as_what_it_is_and_not_again_after_it_was_told(
    database: Database, status: str, claimed: str | None, told: str
) -> None:
    async with database.writing() as tx:
        run = await tx.runs.add(workspace="T1", actor="U1", channel="D1", message_ts="1.2", total=9)
        assert run is not None
    await change(database, f"UPDATE test_runs SET status = '{status}', alive_at = alive_at - 61")
    async with database.writing() as tx:
        assert [silent.status for silent in await tx.runs.claim_silent(seconds=60)] == ([claimed] if claimed else [])
        await tx.runs.told(run.run_id)
        assert await tx.runs.claim_silent(seconds=-1) == []
    assert await status_of(database, run) == told


async def test_a_silent_run_is_ended_at_once_and_given_until_it_is_told(database: Database) -> None:
    async with database.writing() as tx:
        run = await tx.runs.add(workspace="T1", actor="U1", channel="D1", message_ts="1.2", total=9)
        assert run is not None
        await tx.runs.step(run.run_id, done=3)
        assert await tx.runs.claim_silent(seconds=60) == []
    for _ in range(2):
        await change(database, "UPDATE test_runs SET alive_at = alive_at - 61")
        async with database.writing() as tx:
            (silent,) = await tx.runs.claim_silent(seconds=60)
            assert (silent.run_id, silent.done, silent.total, silent.channel) == (run.run_id, 3, 9, "D1")
            assert not await tx.runs.running("T1")
            assert await tx.runs.claim_silent(seconds=60) == []
    async with database.writing() as tx:
        await tx.runs.told(run.run_id)
    await change(database, "UPDATE test_runs SET alive_at = alive_at - 61")
    async with database.writing() as tx:
        assert await tx.runs.claim_silent(seconds=60) == []
    await change(database, "UPDATE test_runs SET alive_at = alive_at - 700000")
    async with database.writing() as tx:
        await tx.runs.purge()
        assert not await tx.runs.step(run.run_id, done=4)


async def test_a_link_is_for_one_person_and_used_once(database: Database) -> None:
    link = StoredLink(workspace="T1", user="U1", document=b"{}")
    async with database.writing() as tx:
        await tx.links.add("token", link, seconds=60)
        assert await tx.links.find("token", "U1", seconds=600) == link
        assert await tx.links.find("token", "U2", seconds=600) is None
        assert await tx.links.find("other", "U1", seconds=600) is None
        assert not await tx.links.use("token", "U2", seconds=600)
        assert await tx.links.use("token", "U1", seconds=600)
        assert not await tx.links.use("token", "U1", seconds=600)
        await tx.links.add("late", link, seconds=-1)
        assert await tx.links.find("late", "U1", seconds=600) is None
        assert not await tx.links.use("late", "U1", seconds=600)
        await tx.links.purge()
        await tx.links.add("forgotten", link, seconds=60)
        await tx.links.forget("T1", "U1")
        assert await tx.links.find("forgotten", "U1", seconds=600) is None


async def test_a_code_is_found_until_it_ends_and_what_it_confirmed_for_good(database: Database) -> None:
    async with database.writing() as tx:
        await tx.confirmations.put("T1", "U1", b"a code", seconds=60)
        await tx.confirmations.put("T1", "U2", b"over", seconds=-2)
        await tx.confirmations.put("T1", "U3", b"confirmed", seconds=None)
        for workspace, user, found in (
            ("T1", "U1", b"a code"),
            ("T1", "U2", None),
            ("T1", "U3", b"confirmed"),
            ("T2", "U1", None),
        ):
            assert await tx.confirmations.find(workspace, user) == found
        await tx.confirmations.purge()
    async with database.reading_connection() as connection:
        left = await connection.scalars(text("SELECT user_id FROM address_confirmations ORDER BY user_id"))
        assert list(left) == ["U1", "U3"]
    async with database.writing() as tx:
        await tx.confirmations.put("T1", "U1", b"another", seconds=60)
        assert await tx.confirmations.find("T1", "U1") == b"another"
        await tx.confirmations.forget("T1", "U1")
        assert await tx.confirmations.find("T1", "U1") is None


@pytest.mark.parametrize("edit", ["ends_at = NULL", "ends_at = ends_at + 86400", "user_id = 'U2'", "workspace = 'T2'"])
async def test_a_code_made_good_for_longer_or_for_somebody_else_confirms_nothing(database: Database, edit: str) -> None:
    async with database.writing() as tx:
        await tx.confirmations.put("T1", "U1", b"a code", seconds=60)
    await change(database, f"UPDATE address_confirmations SET {edit}")
    async with database.reading() as tx:
        for workspace, user in (("T1", "U1"), ("T1", "U2"), ("T2", "U1")):
            assert await tx.confirmations.find(workspace, user) is None


async def test_a_link_moved_to_another_person_or_another_end_opens_nothing(database: Database) -> None:
    for edited, user in (("user_id = 'U2'", "U2"), ("ends_at = ends_at + 60", "U1"), ("workspace = 'T2'", "U1")):
        async with database.writing() as tx:
            await tx.links.forget("T1", user)
            await tx.links.add("token", StoredLink(workspace="T1", user="U1", document=b"{}"), seconds=60)
        await change(database, f"UPDATE password_links SET {edited}")
        async with database.writing() as tx:
            assert await tx.links.find("token", user, seconds=600) is None
            await tx.links.use("token", user, seconds=600)


async def test_another_document_of_a_link_leaves_its_end(database: Database) -> None:
    link = StoredLink(workspace="T1", user="U1", document=b"{}")
    async with database.writing() as tx:
        await tx.links.add("token", link, seconds=60)
        changed = replace(link, document=b"changed")
        await tx.links.change("token", changed, seconds=600)
        assert await tx.links.find("token", "U1", seconds=600) == changed
        # Its end lies too far ahead for links of ten seconds.
        await tx.links.change("token", link, seconds=10)
        await tx.links.change("other", link, seconds=600)
        assert await tx.links.find("token", "U1", seconds=600) == changed
        assert await tx.links.find("other", "U1", seconds=600) is None


async def test_the_test_of_a_form_is_found_by_whoever_tested_it_until_it_ends(database: Database) -> None:
    async with database.writing() as tx:
        for tester, document in (("U1", b"older"), ("U1", b"own"), ("U9", b"an admin's")):
            await tx.form_tests.keep("T1", "U1", tester=tester, document=document, seconds=60)
        for workspace, user, tester, found in (
            ("T1", "U1", "U1", b"own"),
            ("T1", "U1", "U9", b"an admin's"),
            ("T1", "U1", "U2", None),
            ("T1", "U9", "U1", None),
            ("T2", "U1", "U1", None),
        ):
            assert await tx.form_tests.find(workspace, user, tester=tester, seconds=600) == found
        # Its end lies too far ahead: the clock went back.
        assert await tx.form_tests.find("T1", "U1", tester="U1", seconds=10) is None
        await tx.form_tests.keep("T1", "U1", tester="U9", document=b"over", seconds=-1)
        assert await tx.form_tests.find("T1", "U1", tester="U9", seconds=600) is None
        await tx.form_tests.purge()
        await tx.form_tests.keep("T1", "U1", tester="U9", document=b"failed since", seconds=60)
        await tx.form_tests.forget("T1", "U1", tester="U9")
    assert await testers(database) == ["U1"]
    await change(database, "UPDATE form_tests SET tester = 'U9'")
    async with database.writing() as tx:
        assert await tx.form_tests.find("T1", "U1", tester="U9", seconds=600) is None
        await tx.form_tests.forget("T1", "U1")
    assert await testers(database) == []


async def test_defaults_are_saved_against_a_revision(database: Database) -> None:
    async with database.writing() as tx:
        assert await tx.workspaces.get("T1") is None
        await tx.workspaces.save("T1", b"one", expected_revision=0)
        await tx.workspaces.save("T1", b"two", expected_revision=1)
        stored = await tx.workspaces.get("T1")
        assert stored is not None
        assert (stored.document, stored.revision) == (b"two", 2)
    for revision in (0, 1):
        with pytest.raises(StaleRevisionError):
            async with database.writing() as tx:
                await tx.workspaces.save("T1", b"three", expected_revision=revision)
    await change(database, "UPDATE workspaces SET revision = 7")
    async with database.reading() as tx:
        moved = await tx.workspaces.get("T1")
        assert moved is not None
        assert moved.document == b""


async def test_a_workspace_that_left_is_purged_whole_and_no_other(database: Database) -> None:
    for workspace in ("T1", "T2"):
        async with database.writing() as tx:
            await tx.profiles.save(workspace, "U1", b"{}", replacing=None)
            await tx.people.put(workspace, "U1", "Ada", ["ada"], 0, NOW)
            await tx.audit.append(workspace, actor="U1", subject="U1", action="saved")
            await tx.homes.note(workspace, "U1", "digest", shows_everybody=False)
            await tx.runs.add(workspace=workspace, actor="U1", channel="D", message_ts="1", total=1)
            await tx.workspaces.set_left(workspace, NOW if workspace == "T1" else None)
    async with database.writing() as tx:
        assert await tx.workspaces.left_before(NOW) == []
        assert await tx.workspaces.left_before(NOW + timedelta(seconds=1)) == ["T1"]
        assert await tx.workspaces.purge("T1", left_before=NOW + timedelta(seconds=1))
        assert not await tx.workspaces.purge("T2", left_before=NOW + timedelta(seconds=1))
    async with database.reading() as tx:
        assert await tx.profiles.get("T1", "U1") is None
        assert await tx.people.counts("T1") == {}
        assert await tx.audit.page("T1", subject=None) == []
        assert await tx.homes.users("T1", owners=["U1"], limit=9) == []
        assert not await tx.runs.running("T1")
        assert await tx.profiles.get("T2", "U1") is not None
        assert await tx.people.counts("T2") == {0: 1}
        assert await tx.homes.digest("T2", "U1") == "digest"


async def test_a_person_is_welcomed_once_whatever_is_published_before_and_after(database: Database) -> None:
    async with database.writing() as tx:
        await tx.homes.note("T1", "U1", "digest", shows_everybody=True)
    for user in ("U1", "U2"):

        async def welcome(user: str = user) -> bool:
            async with database.writing() as tx:
                return await tx.homes.welcome("T1", user)

        assert sorted(await asyncio.gather(*(welcome() for _ in range(4)))) == [False, False, False, True]
        async with database.writing() as tx:
            await tx.homes.note("T1", user, "another", shows_everybody=False)
            assert not await tx.homes.welcome("T1", user)
    async with database.reading() as tx:
        assert await tx.homes.digest("T1", "U1") == await tx.homes.digest("T1", "U2") == "another"


async def test_history_is_paged_and_purged(database: Database) -> None:
    async with database.writing() as tx:
        for number in range(5):
            await tx.audit.append("T1", actor="U1", subject=f"U{number % 2}", action="tested" if number else "saved")
    async with database.writing() as tx:
        whole = await tx.audit.page("T1", subject=None)
        assert [entry.number for entry in whole] == sorted((entry.number for entry in whole), reverse=True)
        older = await tx.audit.page("T1", subject="U0", before=whole[0].number)
        assert {entry.subject for entry in older} == {"U0"}
        assert [entry.action for entry in await tx.audit.changes("T1", limit=5)] == ["saved"]
        assert await tx.audit.older(datetime.now(UTC) - timedelta(days=1)) == []
        later = datetime.now(UTC) + timedelta(seconds=1)
        assert sorted(await tx.audit.older(later)) == [("T1", "U0"), ("T1", "U1")]
        await tx.audit.purge("T1", "U1", before=datetime.now(UTC) - timedelta(days=1))
        assert {entry.subject for entry in await tx.audit.page("T1", subject=None)} == {"U0", "U1"}
        await tx.audit.purge("T1", "U1", before=later)
        assert {entry.subject for entry in await tx.audit.page("T1", subject=None)} == {"U0"}


async def test_what_the_version_before_left_sealed_of_deleted_entries_and_runs_is_purged(
    database: Database, store: Store
) -> None:
    async with database.writing() as tx:
        for subject in ("U1", "U2"):
            await tx.audit.append("T1", actor="U1", subject=subject, action="saved", details=[f"of {subject}"])
        gone, stays = [await tx.runs.add_done(workspace="T1", actor="U1", total=1) for _ in range(2)]
        for run_id in (gone, stays):
            await tx.runs.save_result("T1", run_id, b"{}")
    await change(database, "DELETE FROM audit_entries WHERE subject = 'U1'")
    await change(database, f"DELETE FROM test_runs WHERE run_id = '{gone}'")
    async with database.writing() as tx:
        await tx.audit.purge_details()
        await tx.runs.purge()
        assert [entry.details for entry in await tx.audit.page("T1", subject=None)] == [("of U2",)]
        assert list(await tx.runs.results("T1")) == [stays]
    assert len(await store.ask("SELECT 1 FROM audit_details")) == 1


async def test_an_entry_with_the_number_of_a_deleted_one_has_its_own_details_alone(database: Database) -> None:
    for details in (["of the deleted"], [], ["its own"]):
        async with database.writing() as tx:
            await tx.audit.append("T1", actor="U1", subject="U1", action="saved", details=details)
        async with database.reading() as tx:
            (entry,) = await tx.audit.page("T1", subject="U1")
        assert entry.details == tuple(details)
        # The version before knows of no details.
        await change(database, "DELETE FROM audit_entries")


async def test_a_test_under_way_is_stopped_through_any_instance_until_it_is_over(
    database: Database, url: str, keyring: Keyring
) -> None:
    other = Database.connect(url, keyring)
    test = StoredRunningTest(test_id="a-test", workspace="T1", actor="U1", subject="U2")
    async with database.writing() as tx:
        await tx.running_tests.add(test, seconds=60)
        assert await tx.running_tests.stopped_by("a-test") is None
    async with other.writing() as tx:
        assert await tx.running_tests.get("T1", "a-test") == test
        assert await tx.running_tests.get("T2", "a-test") is None
        assert await tx.running_tests.stop("a-test", by="U9")
    async with database.writing() as tx:
        assert await tx.running_tests.stopped_by("a-test") == "U9"
        await tx.running_tests.end("a-test")
        assert not await tx.running_tests.stop("a-test", by="U9")
    await other.close()


async def test_a_test_that_died_with_its_process_is_over_and_dropped(database: Database) -> None:
    test = StoredRunningTest(test_id="a-test", workspace="T1", actor="U1", subject="U1")
    async with database.writing() as tx:
        await tx.running_tests.add(test, seconds=-1)
        assert await tx.running_tests.get("T1", "a-test") is None
        assert not await tx.running_tests.stop("a-test", by="U1")
        await tx.running_tests.purge()
    async with database.reading_connection() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM running_tests")) == 0
