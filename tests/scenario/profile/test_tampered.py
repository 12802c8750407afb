"""A database that somebody wrote into: nothing opens, no connection is made, the person is asked to type anew."""

import random

import aiohttp
import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.platform import searchable
from tests.counts import scaled
from tests.scenario.people import ADA, GRACE, fill_form, set_up
from tests.store import Store

ADAS = "UPDATE email_profiles SET {} WHERE user_id = 'U0ADA'"
EDITS = [
    [ADAS.format("revision = revision + 1")],
    [ADAS.format("record_id = 'elsewhere'")],
    [ADAS.format("key_id = 'ffffffff'")],
    [ADAS.format("created_at = '2020-01-01 00:00:00'")],
    [ADAS.format("updated_at = '2020-01-01 00:00:00'")],
    [ADAS.format("sealed = :nothing")],
    [ADAS.format("sealed = :braces")],
    [ADAS.format("sealed = (SELECT sealed FROM email_profiles WHERE user_id = 'U0GRACE')")],
    [ADAS.format("user_id = 'U0TMP'"), "UPDATE email_profiles SET user_id = 'U0ADA' WHERE user_id = 'U0GRACE'"],
]


async def refused(demo: Demo) -> None:
    """Card, test and home all say that the record cannot be read, and nothing is dialled."""
    workspace, traffic = demo.workspace, len(demo.mail.traffic)
    workspace.all_messages.clear()
    await workspace.command(ADA, "/email-profile")
    assert "cannot be read" in searchable(workspace.messages(ADA)[-1])
    await workspace.command(ADA, "/email-test")
    told = searchable(await workspace.wait_message(ADA, "No connection was made"))
    assert "the password too" in told
    assert len(demo.mail.traffic) == traffic


@pytest.mark.parametrize("edits", EDITS)
async def test_an_edited_or_moved_record_is_used_for_nothing(http_demo: Demo, store: Store, edits: list[str]) -> None:
    await set_up(http_demo, ADA)
    await set_up(http_demo, GRACE)
    await store.edit(*edits, nothing=b"", braces=b"{}")
    await refused(http_demo)


async def test_a_record_with_any_bit_flipped_is_used_for_nothing(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    ((sealed,),) = await store.ask("SELECT sealed FROM email_profiles")
    bits = len(sealed) * 8
    for bit in random.Random(1).sample(range(bits), min(bits, scaled(quick=25, full=bits))):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << (bit % 8)
        await store.edit("UPDATE email_profiles SET sealed = :sealed", sealed=bytes(flipped))
        await refused(http_demo)
    await store.edit("UPDATE email_profiles SET sealed = :sealed", sealed=sealed)
    await http_demo.workspace.command(ADA, "/email-profile")
    assert "mail.demo.example" in searchable(http_demo.workspace.messages(ADA)[-1])


async def test_one_edited_row_keeps_nobody_else_from_being_served(
    http_demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.health.LOOK_SECONDS", 0.0)
    workspace = http_demo.workspace
    for user in (ADA, GRACE):
        await set_up(http_demo, user)
    edits = [ADAS.format("key_id = 'ffffffff'"), "UPDATE people SET key_id = 'ffffffff' WHERE user_id = 'U0ADA'"]
    if store.url.startswith("sqlite:"):
        # PostgreSQL takes values of one kind in a column.
        edits += [ADAS.format("updated_at = 'yesterday'"), ADAS.format("sealed = 'a text'")]
        edits += ["UPDATE people SET record_id = x'ff' WHERE user_id = 'U0ADA'"]
    else:
        edits += [ADAS.format("updated_at = 'infinity'")]
    kept = {name: rows for name, rows in (await store.contents()).items() if name in ("email_profiles", "people")}
    for edit in edits:
        await store.edit(edit)
        async with aiohttp.ClientSession() as session, session.get(f"{http_demo.bot_url}/readyz") as answer:
            assert (answer.status, await answer.text()) == (200, "ready"), edit
        workspace.all_messages.clear()
        await workspace.command(GRACE, "/email-profile", "list")
        assert "went wrong" not in searchable(workspace.messages(GRACE)[-1]), edit
        await workspace.command(GRACE, "/email-profile")
        assert "mail.demo.example" in searchable(workspace.messages(GRACE)[-1]), edit
        await store.put_back(kept)


async def test_typing_everything_again_mends_it(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    await store.edit(*EDITS[0])
    workspace = http_demo.workspace
    await workspace.command(ADA, "/email-profile")
    await workspace.press(ADA, "Type it again", message=workspace.messages(ADA)[-1])
    form = await workspace.wait_view(ADA, "Email profile")
    _, key = form.labelled("SMTP Server Address")
    assert not form.values.get(key)
    await fill_form(http_demo, ADA, password=" ")
    await workspace.fill(ADA, "Password", "")
    assert "required" in str(await workspace.submit(ADA))
    await fill_form(http_demo, ADA)
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "Not tested yet")
