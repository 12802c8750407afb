"""What a workspace allows does not vanish with its row: until an admin saves it anew, nothing is tested or saved."""

import re
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from bot import doctor
from bot.app import open_bot
from bot.demo.run import Demo
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from bot.doctor.finding import POLICIES, Finding
from bot.health import State
from storage.maintenance.verify import verify
from tests.databases import Maker
from tests.fakes.many_slacks import ManySlacks
from tests.fakes.slack_places import Place, User
from tests.scenario.defaults.test_defaults import set_defaults
from tests.scenario.many import install, many_settings, open_many, save
from tests.scenario.people import (
    ADA,
    GRACE,
    fill_form,
    history,
    open_form,
    profile_of,
    run_test,
    set_up,
    settled,
    typed,
)
from tests.store import Store

TOLD = "What this workspace allows cannot be read"
SHOWN = "The defaults and allowed servers cannot be read"
FOR_ADMINS = "Admins: open `/email-profile defaults`, check every field, and save."
UNREADABLE = "Defaults and allowed servers cannot be read; workspaces concerned: 1."
ALLOWED = "smtp.demo.example"
"""The one server that may be used; nobody's profile is there."""

GONE = ["DELETE FROM workspaces"]
MOVED = ["UPDATE workspaces SET workspace = 'T0ELSE'"]
EDITS = {
    "gone": GONE,
    "moved to another workspace": MOVED,
    "emptied": ["UPDATE workspaces SET sealed = :nothing"],
    "of another revision": ["UPDATE workspaces SET revision = revision + 1"],
    "of another id": ["UPDATE workspaces SET record_id = 'elsewhere'"],
    "with an altered mark": ["UPDATE workspace_marks SET sealed = :nothing"],
    "with the mark of another id": ["UPDATE workspace_marks SET record_id = 'elsewhere'"],
    "gone, with an altered mark": [*GONE, "UPDATE workspace_marks SET revision = 0"],
}


async def put_back(store: Store, row: Sequence[object]) -> None:
    """Put an older row of the workspace back, in place of what is there."""
    names = ("record_id", "workspace", "revision", "key_id", "sealed", "left_at")
    values = dict(zip(names, row, strict=True))
    into = f"INSERT INTO workspaces ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
    await store.edit("DELETE FROM workspaces", into, **values)


async def row_of(store: Store) -> Sequence[object]:
    (row,) = await store.ask("SELECT record_id, workspace, revision, key_id, sealed, left_at FROM workspaces")
    return tuple(row)


async def get(demo: Demo, path: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{demo.bot_url}{path}") as answer:
        assert answer.status == 200
        return await answer.text()


async def unreadable(demo: Demo) -> tuple[str, str]:
    """What the metrics tell: whether the state is on, and of how many workspaces."""
    told = await get(demo, "/metrics")
    (state,) = re.findall(r'^email_profile_bot_degraded{state="policies"} (\S+)$', told, re.M)
    (number,) = re.findall(r"^email_profile_bot_unreadable_policies (\S+)$", told, re.M)
    return state, number


async def everything_is_refused(demo: Demo) -> None:
    """Everybody is told, nothing is dialled, and the profile stays as it is."""
    workspace, before, traffic = demo.workspace, await profile_of(demo), len(demo.mail.traffic)
    acts = (("/email-test", ""), ("/email-test", "send"), ("/email-extra", "add HELO pc.example.com"))
    for user, owner in ((ADA, ""), (GRACE, " @ada")):
        for command, text in (*acts, ("/email-extra", "remove TLS"), ("/email-profile", "edit")):
            workspace.all_messages.clear()
            await workspace.command(user, command, f"{text}{owner}".strip())
            told = searchable(await workspace.wait_message(user, TOLD))
            assert FOR_ADMINS in told, (command, text)
            assert workspace.view(user) is None
    await settled(demo)
    assert (await profile_of(demo), len(demo.mail.traffic)) == (before, traffic)


@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS.keys())
async def test_where_the_record_cannot_be_relied_on_nothing_is_tested_or_saved_until_an_admin_saves_it_anew(
    http_demo: Demo, store: Store, edits: list[str]
) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await set_defaults(http_demo, Allowed_servers=ALLOWED)
    allowed = await row_of(store)
    await store.edit(*edits, **({"nothing": b""} if ":nothing" in str(edits) else {}))
    # What was moved is no good where it is now, either.
    where, left = ("2 workspaces", 1) if edits == MOVED else ("one workspace", 0)
    ready = await get(http_demo, "/readyz")
    assert ready.startswith(f"ready, but degraded: the defaults and allowed servers of {where} cannot be read")
    assert await unreadable(http_demo) == ("1.0", f"{1 + left}.0")
    await everything_is_refused(http_demo)
    await workspace.open_home(GRACE)
    assert SHOWN in str(workspace.home(GRACE).blocks)
    await workspace.command(GRACE, "/email-profile", "defaults")
    form = await workspace.wait_view(GRACE, "Workspace defaults", containing=SHOWN)
    assert ALLOWED not in str(form.content)
    # It is saved although nothing was typed, and the record of before counts no more.
    assert await workspace.submit(GRACE) == {}
    await workspace.wait_message(GRACE, "The defaults are saved")
    assert await unreadable(http_demo) == (f"{left}.0", f"{left}.0")
    assert searchable(await run_test(http_demo, ADA)).startswith("Connection test passed")
    async with http_demo.bot.database.reading() as tx:
        actions = [entry.action for entry in await tx.audit.page(TEAM, subject="workspace")]
    assert actions[0] == "defaults set anew"
    if edits == GONE:
        await put_back(store, allowed)
        assert await unreadable(http_demo) == ("1.0", "1.0")


async def test_an_older_record_put_back_is_noticed(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    await set_defaults(http_demo, Domain_of_addresses="demo.example")
    older = await row_of(store)
    await set_defaults(http_demo, Allowed_servers=ALLOWED)
    await put_back(store, older)
    assert await unreadable(http_demo) == ("1.0", "1.0")
    await everything_is_refused(http_demo)


async def test_a_form_that_is_open_keeps_what_was_typed_and_a_private_page_its_link(
    http_demo: Demo, store: Store
) -> None:
    workspace = http_demo.workspace
    card = await set_up(http_demo, ADA)
    await workspace.press(ADA, "Set the password privately", message=card)
    message = await workspace.wait_message(ADA, "Open the private page to set your password.")
    url = await workspace.press_url(ADA, "Open the private page", message=message)
    await set_defaults(http_demo, Allowed_servers=http_demo.mail.host)
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, port="2525")
    before, entries = await profile_of(http_demo), await history(http_demo)
    await store.edit(*GONE)
    assert TOLD in str(await workspace.submit(ADA))
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Please note", containing=TOLD)
    await workspace.cancel(ADA)
    assert typed(http_demo, ADA, "Port") == "2525"
    await settled(http_demo)
    async with aiohttp.ClientSession(cookies={"password-form": "0" * 32}) as session:
        form = {"mark": "0" * 32, "password": "another one"}
        async with session.post(url, data=form) as answer:
            assert (answer.status, TOLD in await answer.text()) == (409, True)
    assert (await profile_of(http_demo), await history(http_demo)) == (before, entries)


async def test_what_the_version_before_wrote_is_marked_at_the_next_look(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    await set_defaults(http_demo, Allowed_servers=http_demo.mail.host)
    await store.edit("DELETE FROM workspace_marks")
    assert await unreadable(http_demo) == ("0.0", "0.0")
    # The version before, beside this one, saves without touching the mark.
    async with http_demo.bot.database.writing() as tx:
        known, row = await tx.workspaces.get(TEAM), await tx.workspaces._row(workspace=TEAM)
        assert known is not None
        await tx.workspaces._save({"workspace": TEAM}, known.document, before=row, left_at=None)
    assert searchable(await run_test(http_demo, ADA)).startswith("Connection test passed")
    await store.edit(*GONE)
    assert await unreadable(http_demo) == ("1.0", "1.0")


async def test_whoever_runs_the_bot_is_told_which_workspace_it_is(
    http_demo: Demo, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await set_defaults(http_demo, Allowed_servers=ALLOWED)
    async with http_demo.bot.database.reading() as tx:
        assert (await tx.workspaces.survey()).unmarked == []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLACK_API_URL", http_demo.settings.slack_api_url)
    for name in ("slack_bot_token", "slack_signing_secret", "database_url", "encryption_keys"):
        monkeypatch.setenv(name.upper(), getattr(http_demo.settings, name).get_secret_value())

    async def examined() -> Finding:
        (found,) = [finding for finding in await doctor.examine() if finding.subject == POLICIES]
        return found

    assert (await examined()).good
    await store.edit(*GONE)
    for _ in range(2):
        assert await unreadable(http_demo) == ("1.0", "1.0")
    assert caplog.text.count(UNREADABLE) == 1
    found = await examined()
    assert not found.good
    assert f"the defaults and allowed servers of {TEAM} cannot be read" in found.sentence
    verdict = await verify(http_demo.bot.database, lambda *_: None)
    assert (verdict.good, verdict.workspaces) == (False, [TEAM])
    # Without a token, as the doctor calls it, the stand-in refuses api.test.
    http_demo.workspace.refusals.clear()


async def test_a_start_tells_of_it_in_one_line_which_readiness_does_not_repeat(
    http_demo: Demo, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await set_defaults(http_demo, Allowed_servers=ALLOWED)
    await store.edit(*GONE)
    async with open_bot(http_demo.settings) as again:
        assert UNREADABLE in caplog.text
        assert list(await again.health.faults()) == [State.POLICIES]
    assert caplog.text.count(UNREADABLE) == 1


async def test_what_is_wrong_in_one_workspace_keeps_nobody_in_another_from_anything(
    tmp_path: Path, maker: Maker
) -> None:
    async with ManySlacks().serving() as slacks:
        one, two = (Place(slacks.team(key, User(ADA, "Ada", "ada@demo.example"))) for key in ("T0ONE", "T0TWO"))
        with maker.upgraded(tmp_path / "many.db") as url, Store.at(url) as store:
            async with open_many(slacks, many_settings(slacks, url)) as many:
                for where in (one, two):
                    await install(many, where)
                    async with many.bot.database.writing() as tx:
                        await tx.workspaces.save(where.key, b'{"defaults": {}, "before": {}}', expected_revision=0)
                await store.edit("DELETE FROM workspaces WHERE workspace = 'T0ONE'")
                assert TOLD in await many.command(one, ADA, "/email-profile", "edit")
                assert await save(many, two, ADA, "ada@two.example") == {"response_action": "clear"}
                assert list(await many.bot.database.check_workspaces()) == ["T0ONE"]
