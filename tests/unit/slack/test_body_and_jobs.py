"""Reading request bodies, and background jobs: bounded, awaited, and their owners told."""

import asyncio
import json
import logging
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.observability.log import new_reference
from bot.profiles.errors import UserError
from bot.slack.middleware.body_parser import parse_body, repair_body_parsing
from bot.slack.replies import jobs as jobs_module
from bot.slack.replies.jobs import INTERRUPTED, Jobs, unexpected
from bot.slack.replies.reply import DirectReply, Paced
from bot.slack.views.message import Message, notice

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "fields",
    [
        {"command": "/email-profile", "text": "payload"},
        {"command": "/email-profile", "text": "payload=1"},
        {"command": "/email-extra", "text": "add FROM_NAME payload"},
        {"command": "/email-test", "text": "", "channel_name": "payload-team", "user_name": "payload"},
    ],
)
def test_a_command_with_the_letters_payload_in_a_value_is_still_a_command(fields: dict[str, str]) -> None:
    assert parse_body(urlencode(fields), FORM) == fields


def test_an_interaction_is_read_from_its_payload() -> None:
    sent = {"type": "block_actions", "user": {"id": "U1"}, "value": "payload=&x=ü"}
    assert parse_body(urlencode({"payload": json.dumps(sent)}), FORM) == sent


@pytest.mark.parametrize("content_type", ["application/json", None, FORM])
def test_an_object_in_json_is_read_whatever_it_is_called(content_type: str | None) -> None:
    assert parse_body('{"type": "event_callback"}', content_type) == {"type": "event_callback"}


@pytest.mark.parametrize("content_type", ["application/json", None, FORM])
def test_an_empty_body_is_empty(content_type: str | None) -> None:
    assert parse_body("", content_type) == {}


def test_empty_fields_of_a_form_are_kept() -> None:
    assert parse_body("command=%2Femail-test&text=", FORM) == {"command": "/email-test", "text": ""}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("[1]", "application/json"),
        ('"text"', "application/json"),
        ("null", "application/json"),
        ("not json", "application/json"),
        ("{", None),
        ("payload=", FORM),
        ("payload=nothing", FORM),
        ("payload=%5B%5D", FORM),
        ("payload=7", FORM),
        pytest.param('{"a": ' + "9" * 5000 + "}", None, id="a number beyond measure"),
    ],
)
def test_what_should_be_an_object_and_is_none_is_a_value_error(body: str, content_type: str | None) -> None:
    with pytest.raises(ValueError):
        parse_body(body, content_type)


def test_json_nested_without_end_is_a_value_error() -> None:
    with pytest.raises(ValueError):
        parse_body('{"a":' * 100_000, "application/json")


@given(st.text(), st.sampled_from(["application/json", FORM, None]))
def test_any_body_is_a_mapping_or_a_value_error(body: str, content_type: str | None) -> None:
    try:
        assert isinstance(parse_body(body, content_type), dict)
    except ValueError:
        assert body


def test_bolt_reads_bodies_this_way_once_repaired() -> None:
    repair_body_parsing()
    repair_body_parsing()
    sent = urlencode({"command": "/email-profile", "text": "payload"})
    request = AsyncBoltRequest(body=sent, headers={"content-type": [FORM]})
    assert request.body == {"command": "/email-profile", "text": "payload"}


class Owner:
    """Remembers what a job's owner was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def tell(self, sentence: str) -> None:
        self.told.append(sentence)


async def nothing() -> None:
    """Work that is done at once."""


async def settled(jobs: Jobs) -> None:
    async with asyncio.timeout(5):
        while jobs.running:
            await asyncio.sleep(0)


async def test_a_job_runs_and_its_owner_hears_nothing_when_it_goes_well() -> None:
    jobs, owner, done = Jobs(most=1), Owner(), asyncio.Event()

    async def work() -> None:
        done.set()

    jobs.start("a job", work, notify=owner.tell)
    assert jobs.running == 1
    await settled(jobs)
    assert done.is_set()
    assert owner.told == []


async def test_one_job_too_many_is_politely_refused_until_there_is_room() -> None:
    jobs, owner, free = Jobs(most=2), Owner(), asyncio.Event()

    async def work() -> None:
        await free.wait()

    jobs.start("first", work, notify=owner.tell)
    jobs.start("second", work, notify=owner.tell)
    with pytest.raises(UserError, match=r"^Many tests are running right now\. Please try again in a minute\.$"):
        jobs.start("third", work, notify=owner.tell)
    assert jobs.running == 2
    free.set()
    await settled(jobs)
    jobs.start("third", work, notify=owner.tell)
    await settled(jobs)
    assert owner.told == []


async def test_work_on_many_has_places_of_its_own_and_what_is_shown_already_is_told_that_there_is_none() -> None:
    jobs, owner, free = Jobs(most=0, most_runs=1), Owner(), asyncio.Event()

    async def work() -> None:
        await free.wait()

    await jobs.start_shown_run("first", work, notify=owner.tell)
    assert owner.told == []
    await jobs.start_shown_run("second", work, notify=owner.tell)
    assert owner.told == ["Much work on many profiles is under way right now. Please try again in a minute."]
    free.set()
    await settled(jobs)


async def test_how_far_something_is_is_shown_soon_at_first_and_then_seldom() -> None:
    shown, seconds = list[float](), 0.0

    class Place(DirectReply):
        async def progress(self, message: Message) -> None:
            shown.append(seconds)

    paced = Paced(Place(AsyncWebClient(), {}), clock=lambda: seconds)
    for second in range(100):
        seconds = float(second)
        await paced.progress(notice("So far."))
    assert shown == [2, 10, 42, 74]


async def test_an_error_that_can_be_mended_is_told_in_its_words(caplog: pytest.LogCaptureFixture) -> None:
    jobs, owner = Jobs(most=1), Owner()

    async def work() -> None:
        raise UserError("Type the password again.")

    jobs.start("a job", work, notify=owner.tell)
    await settled(jobs)
    assert owner.told == ["Type the password again."]
    assert caplog.records == []


async def test_a_job_that_breaks_tells_a_reference_that_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    jobs, owner = Jobs(most=1), Owner()

    async def work() -> None:
        raise RuntimeError("canary")

    with caplog.at_level(logging.ERROR):
        jobs.start("a job", work, notify=owner.tell)
        await settled(jobs)
    (told,) = owner.told
    found = re.search(r"\(reference ([0-9A-F]{8})\)", told)
    assert found is not None
    assert told == unexpected(found.group(1))
    assert "canary" not in told
    assert [record.getMessage() for record in caplog.records] == [
        f"A background job failed (reference {found.group(1)})."
    ]
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize("error", [RuntimeError("broken"), UserError("Mend this.")])
async def test_an_owner_who_cannot_be_told_is_logged_and_nothing_is_raised(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    jobs, unraised = Jobs(most=1), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unraised.append(context))

    async def work() -> None:
        raise error

    async def tell(sentence: str) -> None:
        raise ConnectionError("canary")

    jobs.start("a job", work, notify=tell)
    await settled(jobs)
    messages = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(r"A job's owner could not be told \(ConnectionError, reference [0-9A-F]{8}\)\.", messages[-1])
    assert not any("canary" in message for message in messages)
    assert unraised == []


async def test_draining_waits_for_the_jobs_under_way() -> None:
    jobs, owner, done = Jobs(most=2), Owner(), list[int]()

    async def work() -> None:
        await asyncio.sleep(0.05)
        done.append(1)

    jobs.start("first", work, notify=owner.tell)
    jobs.start("second", work, notify=owner.tell)
    await jobs.drain(5)
    assert done == [1, 1]
    assert owner.told == []
    assert jobs.running == 0


@pytest.mark.parametrize("seconds", [0, 0.02])
async def test_draining_interrupts_what_takes_too_long_and_tells_its_owner(seconds: float) -> None:
    jobs, owner, cleaned = Jobs(most=3), Owner(), list[int]()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append(1)

    jobs.start("first", work, notify=owner.tell)
    jobs.start("second", work, notify=owner.tell)
    jobs.start("quick", nothing, notify=owner.tell)
    async with asyncio.timeout(2):
        await jobs.drain(seconds)
    assert owner.told == [INTERRUPTED, INTERRUPTED]
    assert cleaned == [1, 1]
    assert jobs.running == 0


async def test_draining_ends_although_an_owner_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "_LAST_NOTICE_SECONDS", 0.02)
    jobs, free = Jobs(most=1), asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(60)

    async def tell(sentence: str) -> None:
        await free.wait()

    jobs.start("a job", work, notify=tell)
    async with asyncio.timeout(2):
        await jobs.drain(0)
    free.set()
    await settled(jobs)


async def test_while_draining_and_after_no_job_is_taken() -> None:
    jobs, owner = Jobs(most=1), Owner()
    await jobs.drain(1)
    with pytest.raises(UserError, match="being restarted"):
        jobs.start("late", nothing, notify=owner.tell)
    assert jobs.running == 0
    await jobs.drain(1)


def test_references_are_short_and_differ() -> None:
    references = {new_reference() for _ in range(100)}
    assert len(references) == 100
    assert all(re.fullmatch(r"[0-9A-F]{8}", reference) for reference in references)
