"""What the mail provider does with a letter, as the program is answered."""

import pytest

from tests.fakes.smtp_server import Act, HangUp, Then
from tests.scenario.people import ADA, notices_sent
from tests.scenario.send_api.conftest import MakeProgram
from tests.scenario.send_api.programs import LETTER as RAW_LETTER
from tests.scenario.send_api.programs import SendingProgram
from tests.store import Store

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

LETTER = {"to": ["grace@mail.test", "anna@mail.test"], "text": "x"}


def only(refused: bytes, reply: bytes) -> Act:
    """Refuse one recipient."""
    return lambda line: reply if refused in line else b"250 2.1.5 OK\r\n"


REPLIES: dict[str, tuple[dict[str, Act], int, str, dict[str, object]]] = {
    "MAIL refused": (
        {"MAIL": b"550 5.7.1 not you\r\n"},
        422,
        "refused_by_provider",
        {"code": 550, "enhanced": "5.7.1"},
    ),
    "a recipient refused": (
        {"RCPT": only(b"anna@", b"550 5.1.1 no Anna here\r\n")},
        422,
        "refused_by_provider",
        {"code": 550, "enhanced": "5.1.1", "recipient": "anna@mail.test"},
    ),
    "a recipient for later": (
        {"RCPT": only(b"anna@", b"450 4.2.1 greylisted\r\n")},
        502,
        "provider_try_later",
        {"code": 450, "recipient": "anna@mail.test"},
    ),
    "the letter refused": ({"END": b"554 5.7.1 spam\r\n"}, 422, "refused_by_provider", {"code": 554}),
    "the letter for later": ({"END": b"452 4.3.1 full\r\n"}, 502, "provider_try_later", {"code": 452}),
    "DATA refused": ({"DATA": b"451 4.3.0 not now\r\n"}, 502, "provider_try_later", {"code": 451}),
    "no answer to the letter": ({"END": HangUp()}, 504, "outcome_unknown", {}),
    "gone before the letter": ({"DATA": HangUp()}, 502, "provider_try_later", {}),
}


@pytest.mark.parametrize("name", REPLIES)
async def test_the_providers_answer_is_the_programs_answer(name: str, program: SendingProgram) -> None:
    acts, status, problem, members = REPLIES[name]
    program.provider.acts = {**program.provider.acts, **acts}
    answer = await program.send(LETTER)
    assert (answer.status, answer.problem) == (status, problem), answer.members
    assert {key: answer.members.get(key) for key in members} == members
    if status == 504:
        assert "may have been sent" in answer.members["detail"]
    else:
        # One recipient refused is nobody reached: nothing may have been given to the end and taken.
        assert not [reply for reply in program.provider.replies if reply.step == "END" and reply.text[:1] == b"2"]
    if status == 502:
        assert int(answer.headers["Retry-After"]) > 0


async def test_a_refused_sign_in_is_a_conflict_that_names_the_stage_until_the_owner_has_repaired_it(
    make_program: MakeProgram,
) -> None:
    async with make_program() as program:
        program.provider.password = "changed at the provider"
        answer = await program.send(LETTER)
        assert (answer.status, answer.problem) == (409, "profile_not_ready")
        assert answer.members["stage"] == "Sign-in"
        assert "Slack" in answer.members["detail"]
        signed_in = len([line for line in program.provider.lines if line.startswith(b"AUTH")])
        again = await program.send(LETTER)
        assert (again.status, again.members["stage"]) == (409, "Sign-in")
        assert len([line for line in program.provider.lines if line.startswith(b"AUTH")]) == signed_in == 1
        told = await program.ask("GET", "/v1/profile")
        assert (told.members["ready"], told.members["stage"]) == (False, "Sign-in")
        await notices_sent(program.demo)
        assert program.letters == []
        await repair(program, "changed at the provider")
        assert (await program.send(LETTER)).status == 200


async def repair(program: SendingProgram, password: str) -> None:
    """Type the new password into the form."""
    workspace = program.demo.workspace
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    await workspace.fill(ADA, "Password", password)
    assert await workspace.submit(ADA) == {}


async def test_a_provider_that_is_busy_is_tried_again_later(make_program: MakeProgram) -> None:
    async with make_program({"greeting": Then(b"421 4.3.2 busy\r\n")}) as program:
        answer = await program.send(LETTER)
        assert (answer.status, answer.problem) == (502, "provider_try_later")
        assert int(answer.headers["Retry-After"]) > 0


async def test_a_profile_that_is_gone_takes_its_tokens_along(make_program: MakeProgram) -> None:
    async with make_program() as program:
        workspace = program.demo.workspace
        await workspace.command(ADA, "/email-profile", "delete")
        await workspace.press(ADA, "Delete …", message=workspace.messages(ADA)[-1])
        answer = await program.send(LETTER)
        assert (answer.status, answer.problem) == (401, "wrong_token")
        assert program.letters == []


async def test_a_profile_that_cannot_be_read_needs_its_owner(make_program: MakeProgram, store: Store) -> None:
    async with make_program() as program:
        await store.edit("UPDATE email_profiles SET revision = revision + 1")
        for answer in (await program.send(LETTER), await program.ask("GET", "/v1/profile")):
            assert (answer.status, answer.problem) == (409, "profile_not_ready")
            assert "cannot be read" in answer.members["detail"]
        assert program.letters == []


async def test_letters_for_which_there_is_no_memory_are_asked_to_come_back_and_leave_none_held(
    program: SendingProgram,
) -> None:
    in_flight = program.demo.bot.sending.bytes_in_flight
    most, in_flight.most = in_flight.most, 3_000_000
    try:
        answer = await program.send_raw(RAW_LETTER + b"x" * 76 * 60_000)
        assert (answer.status, answer.problem) == (429, "too_many")
        assert int(answer.headers["Retry-After"]) > 0
        assert in_flight.held == 0
        assert (await program.send(LETTER)).status == 200
        assert in_flight.held == 0
    finally:
        in_flight.most = most
