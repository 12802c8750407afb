"""Idempotency-Key: sent once, answered alike, and never sent again where nobody knows."""

import asyncio

import aiohttp
import pytest

from bot.programs.send_api import idempotency
from storage.engines.transactions import DatabaseFault, DatabaseUnavailableError
from storage.tables.idempotent_sends import IdempotentSendTable
from tests.fakes.smtp_server import HangUp, Trickle
from tests.named import case
from tests.scenario.programs.people import add_program
from tests.scenario.send_api.conftest import MakeProgram
from tests.scenario.send_api.programs import LETTER as RAW_LETTER
from tests.scenario.send_api.programs import SendingProgram
from tests.store import Store

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

LETTER = {"to": "grace@mail.test", "text": "one"}
OTHER = {"to": "grace@mail.test", "text": "two"}


async def test_the_same_request_is_sent_once_and_answered_alike(program: SendingProgram, key: str) -> None:
    first = await program.send(LETTER, Idempotency_Key=f"order {key}")
    again = await program.send(LETTER, Idempotency_Key=f"order {key}")
    assert (first.status, again.status) == (200, 200)
    assert first.members == again.members
    assert (first.headers.get("Idempotency-Status"), again.headers.get("Idempotency-Status")) == (None, "replayed")
    assert len(program.letters) == 1
    assert (await program.send(LETTER, Idempotency_Key=f"other {key}")).status == 200
    assert (await program.send(LETTER)).status == 200
    assert len(program.letters) == 3


async def test_a_key_with_another_request_is_a_conflict(program: SendingProgram, key: str) -> None:
    assert (await program.send(LETTER, Idempotency_Key=key)).status == 200
    for name, ask in {
        "another letter": program.send(OTHER, Idempotency_Key=key),
        "the same as a raw letter": program.send_raw(RAW_LETTER, Idempotency_Key=key),
        "another envelope": program.send(LETTER, Idempotency_Key=key, Envelope_To="anna@mail.test"),
    }.items():
        with case(name):
            answer = await ask
            assert (answer.status, answer.problem) == (409, "key_conflict")
    assert len(program.letters) == 1


async def test_keys_of_two_programs_are_not_the_same(program: SendingProgram, key: str) -> None:
    other = await add_program(program.demo, "Scanner")
    assert (await program.send(LETTER, Idempotency_Key=key)).status == 200
    answer = await program.send(OTHER, Idempotency_Key=key, token=other)
    assert (answer.status, answer.headers.get("Idempotency-Status")) == (200, None)
    assert len(program.letters) == 2


async def test_a_key_that_cannot_be_one_is_refused(program: SendingProgram) -> None:
    for wrong in ("", "x" * 257, "é"):
        with case(repr(wrong)):
            answer = await program.send(LETTER, Idempotency_Key=wrong)
            assert (answer.status, answer.problem) == (400, "invalid_request")
    assert (await program.send(LETTER, Idempotency_Key="x" * 256)).status == 200
    assert len(program.letters) == 1


async def test_two_at_once_send_once(program: SendingProgram, key: str) -> None:
    program.provider.acts = {**program.provider.acts, "END": Trickle(b"250 2.0.0 queued\r\n", pause=0.01)}
    answers = await asyncio.gather(*(program.send(LETTER, Idempotency_Key=key) for _ in range(5)))
    problems = sorted(answer.problem for answer in answers)
    assert problems == ["", *["still_running"] * 4]
    waiting = next(answer for answer in answers if answer.problem)
    assert (waiting.status, waiting.headers["Retry-After"]) == (409, "10")
    assert len(program.letters) == 1
    assert (await program.send(LETTER, Idempotency_Key=key)).headers["Idempotency-Status"] == "replayed"


async def test_what_the_provider_refused_and_what_nobody_knows_is_answered_alike_later(
    program: SendingProgram, key: str
) -> None:
    for act, status in ((b"554 5.7.1 spam\r\n", 422), (HangUp(), 504)):
        with case(str(status)):
            program.provider.heard.clear()
            program.provider.acts = {**program.provider.acts, "END": act}
            first = await program.send(LETTER, Idempotency_Key=f"{key}{status}")
            again = await program.send(LETTER, Idempotency_Key=f"{key}{status}")
            assert (first.status, again.status) == (status, status)
            assert first.members == again.members
            assert len(program.letters) == 1


async def test_what_was_not_sent_and_may_be_later_is_tried_again_with_the_same_key(
    program: SendingProgram, key: str
) -> None:
    usual = program.provider.acts
    program.provider.acts = {**usual, "RCPT": b"450 4.2.1 greylisted\r\n"}
    assert (await program.send(LETTER, Idempotency_Key=key)).status == 502
    program.provider.acts = usual
    answer = await program.send(LETTER, Idempotency_Key=key)
    assert (answer.status, answer.headers.get("Idempotency-Status")) == (200, None)
    assert len(program.letters) == 1


async def test_a_letter_that_breaks_a_rule_uses_no_key_up(program: SendingProgram, key: str) -> None:
    assert (await program.send({"to": "grace"}, Idempotency_Key=key)).status == 400
    assert (await program.send({"to": "grace@mail.test", "from": "eve@mail.test"}, Idempotency_Key=key)).status == 403
    assert (await program.send(LETTER, Idempotency_Key=key)).status == 200


async def test_a_send_that_was_cut_off_is_told_as_unknown_and_never_sent_again(
    program: SendingProgram, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr("bot.programs.send_api.routes._pass_on", dies)
        # The connection ends without an answer, as when the process dies.
        with pytest.raises(aiohttp.ClientError):
            await program.send(LETTER, Idempotency_Key=key)
    answer = await program.send(LETTER, Idempotency_Key=key)
    assert (answer.status, answer.problem) == (409, "still_running")
    monkeypatch.setattr(idempotency, "RUNNING_SECONDS", 0.0)
    answer = await program.send(LETTER, Idempotency_Key=key)
    assert (answer.status, answer.problem) == (504, "outcome_unknown")
    assert "may have been sent" in answer.members["detail"]
    assert answer.headers["Idempotency-Status"] == "replayed"
    assert program.letters == []


async def test_after_a_day_a_key_is_free(make_program: MakeProgram, store: Store, key: str) -> None:
    async with make_program() as program:
        assert (await program.send(LETTER, Idempotency_Key=key)).status == 200
        await store.edit("UPDATE idempotent_sends SET begun_at = begun_at - 86401")
        answer = await program.send(OTHER, Idempotency_Key=key)
        assert (answer.status, answer.headers.get("Idempotency-Status")) == (200, None)


async def test_without_the_database_nothing_is_sent_under_a_key(
    program: SendingProgram, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(IdempotentSendTable, "begin", unavailable)
        answer = await program.send(LETTER, Idempotency_Key=key)
    assert (answer.status, answer.problem) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert program.letters == []


async def test_a_program_gets_its_answer_even_if_it_cannot_be_stored_and_the_letter_is_not_sent_again(
    program: SendingProgram, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(IdempotentSendTable, "finish", unavailable)
        assert (await program.send(LETTER, Idempotency_Key=key)).status == 200
    again = await program.send(LETTER, Idempotency_Key=key)
    assert (again.status, again.problem) == (409, "still_running")
    monkeypatch.setattr(idempotency, "RUNNING_SECONDS", 0.0)
    assert (await program.send(LETTER, Idempotency_Key=key)).problem == "outcome_unknown"
    assert len(program.letters) == 1


async def unavailable(*_: object, **__: object) -> None:
    raise DatabaseUnavailableError(DatabaseFault.NOT_WRITABLE)


async def test_a_program_whose_connection_broke_learns_what_became_of_its_letter(
    program: SendingProgram, key: str
) -> None:
    program.provider.acts = {**program.provider.acts, "END": Trickle(b"250 2.0.0 queued\r\n", pause=0.01)}
    asking = asyncio.create_task(program.send(LETTER, Idempotency_Key=key))
    async with asyncio.timeout(5):
        while not program.letters:
            await asyncio.sleep(0.002)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    async with asyncio.timeout(5):
        while (answer := await program.send(LETTER, Idempotency_Key=key)).problem == "still_running":
            await asyncio.sleep(0.02)
    assert (answer.status, answer.headers["Idempotency-Status"]) == (200, "replayed")
    assert len(program.letters) == 1
