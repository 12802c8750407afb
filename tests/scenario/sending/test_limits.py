"""How many letters leave, and how many at once: by program, by profile and by workspace, in fair shares."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from bot.profiles.people.access import Person
from bot.profiles.sending import places as places_module
from bot.profiles.sending import sending as sending_module
from bot.profiles.sending.kept_connections import KeptConnections
from bot.profiles.sending.letters import MAX_LETTER_BYTES, Cause, Delivery, Letter, LetterRefusedError, Outcome
from bot.profiles.sending.places import MOST_WAITING, BytesInFlight, Places
from bot.profiles.sending.rates import Rates, sent_on
from bot.profiles.sending.sending import SendingSession, Via
from tests.counts import scaled
from tests.fakes.smtp_server import LOGIN, Silence
from tests.scenario.people import ADA
from tests.scenario.programs.people import add_program, listed, sign_in
from tests.scenario.sending.letters import LETTER, TO, Sent


async def refusal(sent: Sent) -> LetterRefusedError:
    with pytest.raises(LetterRefusedError) as refused:
        await sent.send()
    return refused.value


async def test_a_program_sends_sixty_letters_a_minute_and_is_told_when_to_go_on(sent: Sent) -> None:
    assert Rates() == Rates(program=60, workspace=1_200)
    sent.sending.rates = Rates(program=3)
    for _ in range(3):
        assert (await sent.send()).outcome is Outcome.TAKEN
    limited = await refusal(sent)
    assert (limited.cause, limited.reply.code, limited.reply.enhanced) == (Cause.RATE, 451, "4.7.1")
    assert limited.wait is not None
    assert 50 < limited.wait <= 60
    assert "The program has sent 3 in a minute. Please try again in 60 seconds." in str(limited)
    assert len(sent.letters) == 3


async def test_a_program_sends_no_more_a_day_than_its_owner_allows_and_only_what_was_sent_counts(sent: Sent) -> None:
    token = await add_program(sent.demo, "ERP", **{"Messages a day": "2"})
    erp = Sent(demo=sent.demo, provider=sent.provider, sender=await sign_in(sent.demo, token, LOGIN))
    sent.provider.acts = {"END": b"554 5.7.1 spam\r\n"}
    for _ in range(3):
        assert (await erp.send()).outcome is Outcome.REFUSED
    sent.provider.acts = {}
    for _ in range(2):
        assert (await erp.send()).outcome is Outcome.TAKEN
    limited = await refusal(erp)
    assert (limited.cause, limited.reply.code) == (Cause.RATE, 451)
    assert "as many messages as it may in a day (2). Please try again in 24 hours." in str(limited)
    assert (await sent.send()).outcome is Outcome.TAKEN
    shown = str((await listed(sent.demo)).blocks)
    assert "2 today, 2 allowed" in shown
    async with sent.demo.bot.database.reading() as tx:
        today = sent.sending.clock().date()
        assert await sent_on(tx, erp.sender.person, erp.sender.program, today) == 2


async def test_a_workspace_has_its_share_and_no_more(sent: Sent) -> None:
    sent.sending.rates = Rates(workspace=1)
    await sent.send()
    assert (await refusal(sent)).cause is Cause.RATE


async def test_two_instances_count_together_and_know_of_each_other_s_refused_sign_ins(sent: Sent) -> None:
    sent.sending.rates = Rates(program=5)
    connections = replace(sent.sending.connections, kept=KeptConnections())
    other = replace(sent.sending, connections=connections, places=Places(), bytes_in_flight=BytesInFlight())
    letter = Letter(sender=LOGIN, recipients=(TO,), content=LETTER)
    for sending in (sent.sending, other, sent.sending):
        assert (await sending.send(sent.sender, letter, via=Via.SUBMISSION)).outcome is Outcome.TAKEN
    assert sent.sign_ins == 2
    await sent.sending.close()
    await other.close()
    sent.provider.acts = {"verdict": b"535 5.7.8 no\r\n"}
    causes = []
    for sending in (other, sent.sending, other):
        with pytest.raises(LetterRefusedError) as refused:
            await sending.send(sent.sender, letter, via=Via.SUBMISSION)
        causes.append(refused.value.cause)
    assert causes == [Cause.NOT_READY] * 3
    assert sent.sign_ins == 3


@asynccontextmanager
async def begun(sent: Sent, *, size: int = 0) -> AsyncIterator[SendingSession]:
    """Keep a letter under way, up to its content."""
    async with sent.session() as session:
        assert (await session.begin(LOGIN, size=size)).code == 250
        yield session


async def test_a_profile_has_ten_letters_on_their_way_and_ten_that_wait_and_each_goes_on_when_one_ends(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places_module, "MOST_ELSEWHERE", 2)
    async with begun(sent) as first, begun(sent):
        others = [asyncio.create_task(sent.send()) for _ in range(MOST_WAITING)]
        await waiting(sent, MOST_WAITING)
        busy = await refusal(sent)
        assert (busy.cause, busy.reply.code, busy.reply.enhanced) == (Cause.BUSY, 421, "4.3.2")
        assert sent.provider.connections == 2
        await first.reset()
        delivered = await asyncio.gather(*others)
    assert {one.outcome for one in delivered} == {Outcome.TAKEN}
    assert sent.provider.connections == 2
    assert sent.sending.places.taken == 0


async def test_one_program_s_flood_leaves_room_to_wait_for_the_others_of_its_profile(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places_module, "MOST_ELSEWHERE", 1)
    token = await add_program(sent.demo, "ERP")
    erp = Sent(demo=sent.demo, provider=sent.provider, sender=await sign_in(sent.demo, token, LOGIN))
    async with begun(sent) as first:
        flood = [asyncio.create_task(sent.send()) for _ in range(MOST_WAITING)]
        await waiting(sent, MOST_WAITING)
        others = [asyncio.create_task(erp.send()) for _ in range(MOST_WAITING)]
        done: set[asyncio.Task[Delivery]] = set()
        async with asyncio.timeout(10):
            while len(done) < MOST_WAITING:
                await asyncio.sleep(0.01)
                done = {one for one in (*flood, *others) if one.done()}
        assert len(done & {*flood}) == len(done & {*others}) == MOST_WAITING // 2
        assert {type(one.exception()) for one in done} == {LetterRefusedError}
        await first.reset()
        delivered = await asyncio.gather(*({*flood, *others} - done))
    assert {one.outcome for one in delivered} == {Outcome.TAKEN}
    assert (sent.sending.places.taken, sent.sending.places.waiting) == (0, 0)


async def waiting(sent: Sent, letters: int) -> None:
    """Wait until so many letters wait for a place."""
    async with asyncio.timeout(5):
        while sent.sending.places.waiting < letters:
            await asyncio.sleep(0.01)


async def test_a_letter_that_waits_for_too_long_is_told_to_come_back(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places_module, "MOST_ELSEWHERE", 1)
    sent.sending.places.wait_seconds = 0.05
    async with begun(sent):
        assert (await refusal(sent)).reply.code == 421
    assert (await sent.send()).outcome is Outcome.TAKEN


async def test_large_letters_never_take_a_profile_s_last_place(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "MOST_ELSEWHERE", 3)
    sent.sending.places.wait_seconds = 0.05
    large = 2_000_000
    async with begun(sent, size=large), begun(sent, size=large), sent.session() as third:
        with pytest.raises(LetterRefusedError) as busy:
            await third.begin(LOGIN, size=large)
        assert busy.value.reply.code == 421
        assert (await sent.send()).outcome is Outcome.TAKEN


async def test_letters_hold_so_much_memory_in_sum_and_no_more(sent: Sent) -> None:
    sent.sending.bytes_in_flight.most = 20_000_000
    async with begun(sent, size=6_000_000) as session, sent.session() as other:
        with pytest.raises(LetterRefusedError) as full:
            await other.begin(LOGIN, size=6_000_000)
        assert (full.value.cause, full.value.reply.code, full.value.reply.enhanced) == (Cause.BUSY, 452, "4.3.1")
        assert (await other.begin(LOGIN, size=3_000_000)).code == 250
        with pytest.raises(LetterRefusedError) as full:
            other.hold(5_000_000)
        assert full.value.reply.code == 452
        await session.recipient(TO)
        async with begun(sent) as undeclared:
            await undeclared.recipient(TO)
            with pytest.raises(LetterRefusedError) as full:
                await undeclared.deliver(LETTER + b"x\r\n" * 1_000_000)
            assert full.value.reply.code == 452
        assert (await session.deliver(LETTER)).outcome is Outcome.TAKEN
        other.hold(9_000_000)
        assert sent.sending.bytes_in_flight.held == 9_000_000
    assert sent.sending.bytes_in_flight.held == 0


async def test_the_provider_is_asked_for_a_hundred_recipients_also_where_one_is_named_again_and_again(
    sent: Sent,
) -> None:
    sent.provider.acts = {"RCPT": b"550 5.1.1 nobody here\r\n"}
    async with begun(sent) as session:
        for _ in range(100):
            assert (await session.recipient(TO)).code == 550
        with pytest.raises(LetterRefusedError) as full:
            await session.recipient(TO)
    assert (full.value.reply.code, full.value.reply.enhanced) == (452, "4.5.3")
    assert sum(line.startswith(b"RCPT") for line in sent.provider.lines) == 100


async def test_a_letter_that_was_begun_before_its_program_was_removed_does_not_leave_long_after(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending_module, "READ_SECONDS", 0.0)
    async with begun(sent) as session:
        await session.recipient(TO)
        await listed(sent.demo, "programs remove Label printer")
        with pytest.raises(LetterRefusedError) as ended:
            await session.deliver(LETTER)
    assert (ended.value.cause, ended.value.reply.code) == (Cause.ENDED, 535)
    assert sent.letters == []


async def test_whoever_begins_many_large_letters_leaves_room_for_those_of_others(sent: Sent) -> None:
    def session_of(workspace: str, user: str) -> AbstractAsyncContextManager[SendingSession]:
        return sent.sending.session(replace(sent.sender, person=Person(workspace, user)), via=Via.SUBMISSION)

    def held(session: SendingSession) -> bool:
        try:
            session.hold(25_000_000)
        except LetterRefusedError as busy:
            assert (busy.cause, busy.reply.code) == (Cause.BUSY, 452)
            return False
        return True

    async with AsyncExitStack() as open_now:

        async def many(workspace: str, *users: str) -> int:
            sessions = [await open_now.enter_async_context(session_of(workspace, one)) for one in users * 12]
            return sum(map(held, sessions))

        assert await many("T0TEAM", "U0EVE") == 5
        assert await many("T0TEAM", "U0EVE", "U0MAL", "U0SAM") == 2
        assert await many("T0OTHER", "U0ADA") == 1
        assert (await sent.send()).outcome is Outcome.TAKEN
    assert sent.sending.bytes_in_flight.held == 0


async def test_a_letter_larger_than_any_provider_takes_is_refused_at_its_size(sent: Sent) -> None:
    async with sent.session() as session:
        with pytest.raises(LetterRefusedError) as large:
            await session.begin(LOGIN, size=MAX_LETTER_BYTES + 1)
        assert (large.value.cause, large.value.reply.code, large.value.reply.enhanced) == (Cause.SIZE, 552, "5.3.4")
    assert sent.provider.connections == 0


async def test_a_session_that_is_stopped_anywhere_leaves_no_place_no_bytes_and_no_connection_behind(sent: Sent) -> None:
    sent.sending.rates = Rates(program=10_000)
    sent.sending.connections.kept.seconds = 0.0
    ended: list[int] = []
    sent.provider.on_end = ended.append
    for steps in range(0, scaled(quick=300, full=900), scaled(quick=12, full=1)):
        sending = asyncio.create_task(sent.send())
        for _ in range(steps):
            await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    assert (await sent.send()).outcome is Outcome.TAKEN
    async with asyncio.timeout(10):
        while (
            sent.sending.places.taken
            or len(ended) < sent.provider.connections
            or await counted(sent) != len(sent.letters)
        ):
            await asyncio.sleep(0.02)
    assert sent.sending.bytes_in_flight.held == 0


async def counted(sent: Sent) -> int:
    """Return how many letters count as sent today."""
    async with sent.demo.bot.database.reading() as tx:
        return await sent_on(tx, sent.sender.person, sent.sender.program, sent.sending.clock().date())


async def test_a_session_that_breaks_off_leaves_nothing_behind(sent: Sent) -> None:
    sent.provider.acts = {"RCPT": Silence()}

    async def sends() -> None:
        async with begun(sent, size=100) as session:
            await session.recipient(TO)

    sending = asyncio.create_task(sends())
    async with asyncio.timeout(5):
        await sent.provider.silent.wait()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert (sent.sending.places.taken, sent.sending.bytes_in_flight.held) == (0, 0)
    async with sent.demo.bot.database.reading() as tx:
        assert await sent_on(tx, sent.sender.person, sent.sender.program, sent.sending.clock().date()) == 0
    assert sent.sender.person.user == ADA
