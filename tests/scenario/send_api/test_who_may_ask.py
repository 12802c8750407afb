"""Tokens: over which ways they are taken, when they are looked at, and how alike the wrong ones are answered."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.run import running_demo
from bot.profiles.sending.rates import Rates
from bot.profiles.tokens import program_tokens
from tests.named import case
from tests.scenario.people import ADA
from tests.scenario.programs.people import add_program
from tests.scenario.raw_http import head, wire
from tests.scenario.send_api.conftest import MakeProgram
from tests.scenario.send_api.programs import LETTER, SendingProgram
from tests.scenario.started_before import StartedBefore

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

GRACES = {"to": "grace@mail.test", "text": "x"}
RAW = {"Content-Type": "message/rfc822"}


async def test_the_profile_of_a_token_is_told(program: SendingProgram) -> None:
    answer = await program.ask("GET", "/v1/profile")
    assert answer.status == 200
    assert answer.members["address"] == "ada@mail.test"
    assert answer.members["ready"] is True
    told = answer.members["program"]
    assert (told["name"], told["maySendTo"], told["messagesADay"], told["endsOn"]) == (
        "Label printer",
        "anyone",
        10_000,
        None,
    )


FORWARDED: dict[str, tuple[Mapping[str, str], int]] = {
    "https": ({"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}, 200),
    "HTTPS": ({"X-Forwarded-Proto": "HTTPS"}, 200),
    "http": ({"X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9"}, 403),
    "https and then http": ({"X-Forwarded-Proto": "https, http"}, 403),
    "http and then https": ({"X-Forwarded-Proto": "http, https"}, 403),
    "nothing of the protocol": ({"X-Forwarded-For": "203.0.113.9"}, 403),
    "another proxy's header": ({"Forwarded": "proto=https;for=203.0.113.9"}, 403),
    "from this machine, past the proxy": ({}, 200),
}


async def test_a_token_is_taken_over_https_alone_as_a_trusted_proxy_says(make_program: MakeProgram) -> None:
    async with make_program(trusted_proxies=(ip_network("127.0.0.0/8"),)) as program:
        for name, (headers, status) in FORWARDED.items():
            with case(name):
                answer = await program.ask("POST", "/v1/send", LETTER, headers={**RAW, **headers})
                assert answer.status == status
                assert answer.problem == ("https_required" if status == 403 else "")
        assert len(program.letters) == 3


async def test_what_an_untrusted_proxy_hands_on_is_refused_whatever_it_says(program: SendingProgram) -> None:
    for name, (headers, _) in FORWARDED.items():
        with case(name):
            answer = await program.ask("GET", "/v1/profile", headers=headers)
            assert answer.status == (403 if headers else 200)
            if headers:
                assert "TRUSTED_PROXIES" in answer.members["detail"]


async def test_wrong_foreign_removed_and_missing_tokens_are_answered_alike(program: SendingProgram) -> None:
    workspace = program.demo.workspace
    removed = await add_program(program.demo, "Old scanner")
    await workspace.command(ADA, "/email-profile", "programs remove Old scanner")
    tokens = {
        "removed": removed,
        "wrong in its secret": program.token[:-8] + "aaaaaaaa",
        "of nobody": "epb_00000000_" + "0" * 49,
        "none of ours": "secret",
        "a password": "correct-horse",
    }
    answers = {}
    for name, token in tokens.items():
        answer = await program.send(GRACES, token=token)
        answers[name] = (answer.status, answer.headers.get("WWW-Authenticate"), str(answer.members))
    assert len(set(answers.values())) == 1, answers
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    missing = await program.send(GRACES, token="")
    assert (missing.status, missing.problem) == (401, "wrong_token")
    basic = await program.ask("GET", "/v1/profile", token="", headers={"Authorization": f"Basic {program.token}"})
    assert basic.status == 401
    assert program.letters == []


async def test_too_many_wrong_tokens_from_a_network_are_told_when_to_come_back(
    make_program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(program_tokens.WRONG_TOKENS, max_uses=3)
    monkeypatch.setattr(program_tokens, "WRONG_TOKENS", few)
    async with make_program() as program:
        for _ in range(3):
            assert (await program.send(GRACES, token="wrong")).status == 401
        answer = await program.send(GRACES)
        assert (answer.status, answer.problem) == (429, "too_many")
        assert 0 < int(answer.headers["Retry-After"]) <= 900
        assert program.letters == []


async def test_a_token_is_checked_before_the_body_is_read(program: SendingProgram) -> None:
    url = program.demo.bot_url
    length: dict[str, Any] = {"Content_Length": 20_000_000, "Content_Type": "message/rfc822"}
    async with wire(url) as connection:
        connection.send(head("/v1/send", Authorization="Bearer wrong", **length))
        assert await connection.status() == 401
    async with wire(url) as connection:
        connection.send(head("/v1/send", Authorization="Bearer wrong", Expect="100-continue", **length))
        assert await connection.status() == 401
    async with wire(url) as connection:
        connection.send(head("/v1/send", Authorization=f"Bearer {program.token}", Expect="100-continue", **length))
        assert await connection.status() == 100
    big: dict[str, Any] = {**length, "Content_Length": 25_000_001}
    async with wire(url) as connection:
        connection.send(head("/v1/send", Authorization=f"Bearer {program.token}", Expect="100-continue", **big))
        assert await connection.status() == 413


async def test_a_body_may_take_its_time_once_the_token_is_known(
    program: SendingProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.http_server.BODY_SECONDS", 0.2)
    authorized = {"Authorization": f"Bearer {program.token}", "Content_Type": "message/rfc822"}
    async with wire(program.demo.bot_url) as connection:
        connection.send(head("/v1/send", Content_Length=len(LETTER), **authorized) + LETTER[:20])
        await asyncio.sleep(0.5)
        connection.send(LETTER[20:])
        assert await connection.status() == 200


async def test_a_program_that_may_send_to_its_own_domain_reaches_nobody_else(make_program: MakeProgram) -> None:
    async with make_program(filled={"May send to": "My own domain"}) as program:
        answer = await program.send({"to": ["grace@mail.test"], "bcc": "eve@other.test"})
        assert (answer.status, answer.problem) == (403, "not_permitted")
        assert "mail.test" in answer.members["detail"]
        assert program.letters == []
        assert (await program.send(GRACES)).status == 200


async def test_what_is_asked_for_otherwise_is_told_what_there_is(program: SendingProgram) -> None:
    assert (await program.ask("GET", "/v1/send")).headers["Allow"] == "POST"
    assert (await program.ask("DELETE", "/v1/profile")).status == 405
    missing = await program.ask("GET", "/v1/letters")
    assert (missing.status, missing.problem) == (404, "not_found")
    assert (await program.ask("POST", "/v1/send", b"x", headers={"Content-Type": "text/plain"})).status == 415
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert (await program.ask("POST", "/v1/send", b"x", headers=packed)).status == 415
    assert (await program.ask("GET", "/v1/openapi.json", token="")).status == 200


async def test_with_programs_switched_off_there_is_no_api(started: StartedBefore, tmp_path: Path) -> None:
    async with (
        running_demo(tmp_path, encryption_keys=started.key, programs="off") as demo,
        aiohttp.ClientSession() as session,
    ):
        for path in ("/v1/openapi.json", "/v1/profile", "/v1/"):
            async with session.get(f"{demo.bot_url}{path}") as answer:
                assert answer.status == 404
        async with session.post(f"{demo.bot_url}/v1/send", json=GRACES) as answer:
            assert answer.status == 404


async def test_a_limit_is_told_with_when_to_try_again(make_program: MakeProgram) -> None:
    async with make_program(filled={"Messages a day": "1"}) as program:
        assert (await program.send(GRACES)).status == 200
        answer = await program.send(GRACES)
        assert (answer.status, answer.problem) == (429, "too_many")
        assert int(answer.headers["Retry-After"]) > 60
        assert len(program.letters) == 1


async def test_a_program_that_asks_on_and_on_is_answered_before_its_letters_are_read(make_program: MakeProgram) -> None:
    async with make_program() as program:
        program.demo.bot.sending.rates = Rates(program=2)
        for _ in range(4):
            assert (await program.send(b"no JSON")).status == 400
        for answer in (await program.send(GRACES), await program.ask("GET", "/v1/profile")):
            assert (answer.status, answer.problem) == (429, "too_many")
            assert 0 < int(answer.headers["Retry-After"]) <= 60
        other = await add_program(program.demo, "ERP")
        assert (await program.send(GRACES, token=other)).status == 200
        assert len(program.letters) == 1
