"""A program signs in with its token: what is refused is refused alike, and a use is written down and told."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from pydantic import SecretStr

from bot.demo.run import Demo
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.people.access import Person
from bot.profiles.tokens.program import Sender
from bot.profiles.tokens.program_tokens import ProgramTokens, WrongTokenError, network_of
from bot.profiles.tokens.secret_token import SecretToken
from storage.database import Database
from tests.databases import KINDS
from tests.scenario.people import ADA, GRACE, history, notices_sent, set_up, settled
from tests.scenario.programs.people import FROM, add_program, listed, sign_in, tokens_of
from tests.store import Store

GRACES = "grace@demo.example"


def told(demo: Demo, user: str = ADA) -> list[str]:
    """Return what somebody was told of networks by direct message."""
    direct = [message for message in demo.workspace.messages(user) if message.reader is None]
    return [text for text in map(searchable, direct) if "signed in from the network" in text]


async def refused(demo: Demo, token: str, username: str | None = "ada@demo.example") -> str:
    """Sign in from a network of its own, and return what the refusal says."""
    refused.networks += 1  # type: ignore[attr-defined]
    with pytest.raises(WrongTokenError) as error:
        await sign_in(demo, token, username, f"10.9.{refused.networks}.1")  # type: ignore[attr-defined]
    return str(error.value)


refused.networks = 0  # type: ignore[attr-defined]


async def removed(demo: Demo, _store: Store) -> None:
    await listed(demo, "programs remove Label printer")


async def expired(demo: Demo, store: Store) -> None:
    async with demo.bot.database.writing() as tx:
        (stored,) = await tx.program_tokens.of(TEAM, ADA)
        assert stored.document is not None
        await tx.program_tokens.remove(TEAM, ADA, stored.token_id)
        now = (await demo.bot.database.now()).timestamp()
        await tx.program_tokens.add(
            TEAM, ADA, token_id=stored.token_id, digest=stored.digest, ends_at=now - 1, document=stored.document
        )


async def deactivated(demo: Demo, store: Store) -> None:
    await demo.workspace.change_person(replace(demo.workspace.people[ADA], is_deactivated=True))
    await store.until("SELECT 1 FROM people WHERE user_id = 'U0ADA' AND deactivated_at IS NOT NULL")


async def deleted(demo: Demo, store: Store) -> None:
    await demo.workspace.command(ADA, "/email-profile", "delete")
    await demo.workspace.press(ADA, "Delete …", message=demo.workspace.messages(ADA)[-1])
    await settled(demo)
    assert await store.ask("SELECT 1 FROM program_tokens") == []


async def deleted_by_the_version_before(demo: Demo, store: Store) -> None:
    # It knows no tokens; and the person begins anew.
    await store.edit("DELETE FROM email_profiles")
    await set_up(demo, ADA)
    assert await store.ask("SELECT 1 FROM program_tokens")


async def bot_removed(demo: Demo, store: Store) -> None:
    await demo.workspace.event({"type": "app_uninstalled"})
    await store.until("SELECT 1 FROM workspaces WHERE left_at IS NOT NULL")


async def edited(_demo: Demo, store: Store) -> None:
    await store.edit("UPDATE program_tokens SET ends_at = 4e9")


ENDS: tuple[Callable[[Demo, Store], Awaitable[None]], ...] = (
    removed,
    expired,
    deactivated,
    deleted,
    deleted_by_the_version_before,
    bot_removed,
    edited,
)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_a_token_that_has_ended_is_refused_in_the_words_of_a_wrong_one(
    http_demo: Demo, store: Store, end: Callable[[Demo, Store], Awaitable[None]]
) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)
    assert (await sign_in(http_demo, token)).person.user == ADA
    wrong = await refused(http_demo, SecretToken.generate().secret().get_secret_value())
    await end(http_demo, store)
    assert await refused(http_demo, token) == wrong
    assert "User and password do not fit." in wrong


async def test_user_and_token_have_to_agree(http_demo: Demo) -> None:
    for user in (ADA, GRACE):
        await set_up(http_demo, user)
    token, graces = await add_program(http_demo), await add_program(http_demo, user=GRACE)
    token_id = token.split("_")[1]
    for username in ("ada@demo.example", "Ada@DEMO.example", " ada@demo.example ", token_id, None):
        assert (await sign_in(http_demo, token, username)).person.user == ADA
    assert (await sign_in(http_demo, graces, GRACES)).person.user == GRACE
    said = {
        await refused(http_demo, one, username)
        for one, username in (
            (token, GRACES),
            (graces, "ada@demo.example"),
            (graces, token_id),
            (token, ""),
            (token, "ada"),
            (token, token_id.swapcase()),
            (token[:-1], "ada@demo.example"),
            (token.swapcase(), "ada@demo.example"),
            ("", "ada@demo.example"),
            ("analytical engine", "ada@demo.example"),
            (token + "\0", "ada@demo.example"),
            ("\ud800", "ada@demo.example"),
            (graces[:13] + token[13:], "ada@demo.example"),
        )
    }
    assert len(said) == 1


async def test_wrong_ones_are_answered_after_the_same_time_whatever_is_wrong(http_demo: Demo, store: Store) -> None:
    for user in (ADA, GRACE):
        await set_up(http_demo, user)
    token, graces = await add_program(http_demo), await add_program(http_demo, user=GRACE)
    gone = await add_program(http_demo, "Scanner")
    await listed(http_demo, "programs remove Scanner")
    ways = {
        "foreign": (graces, "ada@demo.example"),
        "removed": (gone, "ada@demo.example"),
        "wrong": (SecretToken.generate().secret().get_secret_value(), "ada@demo.example"),
        "unknown user": (token, "nobody@demo.example"),
        "no token": ("analytical engine", "ada@demo.example"),
    }
    seconds = {}
    tokens = tokens_of(http_demo)
    for name, (one, username) in ways.items():
        began = time.monotonic()
        with pytest.raises(WrongTokenError):
            await tokens.authenticate(username, SecretStr(one), FROM)
        seconds[name] = time.monotonic() - began
    # Far beyond what any look-up takes, so that none of them is seen in it.
    assert all(0.2 <= taken < 0.7 for taken in seconds.values()), seconds


@pytest.mark.databases(*KINDS)
async def test_ten_wrong_ones_block_their_network_for_a_quarter_of_an_hour_and_no_other(
    http_demo: Demo, store: Store
) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)
    quick = replace(tokens_of(http_demo), refused_after=0.0)

    async def ask(text: str, address: str) -> Sender:
        return await quick.authenticate("ada@demo.example", SecretStr(text), address)

    for number in range(10):
        # What is no token at all counts as well, and a right one in between does not.
        with pytest.raises(WrongTokenError):
            await ask(
                "wrong" if number % 2 else SecretToken.generate().secret().get_secret_value(), f"192.0.2.{number}"
            )
        if number < 9:
            await ask(token, "192.0.2.77")
    for text in (token, "wrong"):
        with pytest.raises(RateLimitedError) as error:
            await ask(text, "192.0.2.200")
        assert 890 < error.value.wait <= 900
    assert (await ask(token, "192.0.3.1")).person.user == ADA
    with pytest.raises(WrongTokenError):
        await ask("wrong", "192.0.3.1")
    # Another instance knows of it.
    other = Database.connect(http_demo.settings.database_url.get_secret_value(), http_demo.bot.database.keyring)
    with pytest.raises(RateLimitedError):
        await replace(quick, database=other).authenticate(None, SecretStr(token), "192.0.2.1")
    await other.close()
    await store.edit("UPDATE limits SET ends_at = ends_at - 901")
    assert (await ask(token, "192.0.2.200")).person.user == ADA


async def test_a_program_that_tries_an_ended_token_again_and_again_keeps_no_other_of_its_network_out(
    http_demo: Demo,
) -> None:
    await set_up(http_demo, ADA)
    token, other = await add_program(http_demo), await add_program(http_demo, "ERP")
    await listed(http_demo, "programs remove Label printer")
    for _ in range(12):
        with pytest.raises(WrongTokenError):
            await sign_in(http_demo, token)
        assert (await sign_in(http_demo, other)).person.user == ADA
    # With other user names it is a guess.
    for number in range(9):
        with pytest.raises(WrongTokenError):
            await sign_in(http_demo, other, f"guess{number}@demo.example")
    with pytest.raises(RateLimitedError):
        await sign_in(http_demo, other)


async def test_the_first_use_from_a_network_is_told_to_the_owner_once(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)
    await asyncio.gather(*(sign_in(http_demo, token, address=f"10.1.4.{number}") for number in range(8)))
    await notices_sent(http_demo)
    (first,) = told(http_demo)
    assert "`Label printer` signed in from the network `10.1.4.0/24` for the first time" in first
    assert token.split("_")[2] not in first
    await sign_in(http_demo, token, address="2001:db8:1:2::3")
    await sign_in(http_demo, token, address="2001:db8:1:2:ffff::1")
    await sign_in(http_demo, token, address="::ffff:10.1.4.9")
    await notices_sent(http_demo)
    assert len(told(http_demo)) == 2
    assert "2001:db8:1:2::/64" in told(http_demo)[1]
    uses = [entry for entry in await history(http_demo) if entry[1] == "signed in from a new network"]
    assert uses == [("program", "signed in from a new network")] * 2
    await http_demo.workspace.command(ADA, "/email-profile", "history")
    shown = searchable(http_demo.workspace.messages(ADA)[-1])
    assert "a program  signed in from a new network: `Label printer` · `10.1.4.0/24`" in shown


async def test_whoever_comes_from_very_many_networks_does_not_bury_the_owner_in_messages(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)
    for number in range(30):
        await sign_in(http_demo, token, address=f"2001:db8:7:{number:x}::1")
    await notices_sent(http_demo)
    assert len(told(http_demo)) == 20
    assert [entry for entry in await history(http_demo) if entry[1] == "signed in from a new network"] == [
        ("program", "signed in from a new network")
    ] * 20


async def test_a_stranger_program_is_removed_by_the_button_of_that_message(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)
    await sign_in(http_demo, token)
    await notices_sent(http_demo)
    message = next(one for one in http_demo.workspace.messages(ADA) if "signed in from the network" in searchable(one))
    await http_demo.workspace.press(ADA, "Remove", message=message)
    assert "Label printer is removed" in searchable(message)
    await refused(http_demo, token)


async def test_the_newest_networks_are_known_and_an_older_one_is_told_again(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.profiles.tokens.program_tokens._MOST_NETWORKS", 3)
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)
    for number in (1, 2, 3, 4, 2, 3, 4, 1):
        await sign_in(http_demo, token, address=f"10.2.{number}.1")
    async with http_demo.bot.database.reading() as tx:
        page = await tx.audit.page(TEAM, subject=ADA, limit=100)
    told_of = [entry.details[1] for entry in reversed(page) if entry.action == "signed in from a new network"]
    assert told_of == [f"10.2.{number}.0/24" for number in (1, 2, 3, 4, 1)]


async def test_a_use_is_written_down_once_a_minute(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)

    async def written() -> list[tuple[int, float]]:
        return [tuple(row) for row in await store.ask("SELECT revision, last_used_at FROM program_tokens")]

    await sign_in(http_demo, token)
    ((revision, at),) = await written()
    for _ in range(5):
        await sign_in(http_demo, token, address="10.1.4.8")
    assert await written() == [(revision, at)]
    assert "`10.1.4.7`" in searchable(await listed(http_demo))
    async with http_demo.bot.database.writing() as tx:
        stored = await tx.program_tokens.lock(token.split("_")[1])
        assert stored is not None
        assert stored.document is not None
        await tx.program_tokens.save_use(stored, stored.document, at=at - 61)
    await sign_in(http_demo, token, address="10.1.4.8")
    ((later, again),) = await written()
    assert (later, again >= at) == (revision + 2, True)
    assert "`10.1.4.8`" in searchable(await listed(http_demo))


async def test_a_program_that_is_removed_while_it_signs_in_is_refused(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)
    tokens, owner = tokens_of(http_demo), Person(TEAM, ADA)
    note = ProgramTokens._note_use

    async def removed_before(self: ProgramTokens, *args: object) -> object:
        await tokens.remove(caller=owner, owner=owner, program_id=token.split("_")[1])
        return await note(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(ProgramTokens, "_note_use", removed_before)
    with pytest.raises(WrongTokenError):
        await sign_in(http_demo, token)


def test_networks_are_those_of_one_site() -> None:
    for address, network in (
        ("10.1.4.7", "10.1.4.0/24"),
        ("::ffff:10.1.4.7", "10.1.4.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", "127.0.0.0/24"),
        ("", "unknown"),
        ("by a socket", "unknown"),
    ):
        assert network_of(address) == network
    assert FROM == "10.1.4.7"
