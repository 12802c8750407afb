"""One handler for what middleware and listeners raise: a sentence where it belongs, a reference for the unexpected."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.observability.log import Outcome, current_reference, log_undelivered, set_outcome
from bot.profiles.account.profile import Field
from bot.profiles.errors import InvalidFormError, NotAllowedError, UserError, outage_sentence
from bot.slack.command_text import NotUnderstoodError
from bot.slack.middleware.overload import BusyError
from bot.slack.middleware.request_log import kind_of
from bot.slack.replies.direct_message import post_to_person
from bot.slack.replies.jobs import not_taken, unexpected
from bot.slack.replies.modals import NotOpenedError, TryAgainError, open_modal
from bot.slack.replies.response_url import ResponseUrl, user_in
from bot.slack.views.help import help_message
from bot.slack.views.inputs import block_ids
from bot.slack.views.message import Message, notice, notice_view
from bot.slack.web_api.errors import SLACK_ERRORS
from storage.engines.transactions import DatabaseUnavailableError

log = logging.getLogger(__name__)

_ANSWERED_BY_NOBODY = ("event_callback", "view_closed")
"""Requests that tell of something: nobody waits for an answer, and of some events nobody asked to be told."""


class OutdatedRequestError(UserError):
    """No listener knows a command, a button, a form or a shortcut: another version of the app made it."""

    def __init__(self) -> None:
        super().__init__(
            "The bot does not know this any more, so nothing was done. Type `/email-profile help` for what it knows."
        )


async def answer_error(error: Exception, request: AsyncBoltRequest, client: AsyncWebClient) -> BoltResponse:
    """Turn an error into an answer that Slack shows to the person, whatever kind of request it was."""
    body = request.body
    kind = body.get("type")
    if isinstance(error, BoltUnhandledRequestError):
        if kind in _ANSWERED_BY_NOBODY:
            return BoltResponse(status=200)
        error = OutdatedRequestError()
    sentence = _sentence(error)
    if isinstance(error, TryAgainError) and (error.too_late or "command" not in body):
        # Whoever waited until their trigger expired is shown no acknowledgement of a command any more.
        await _post(body, error.message, client)
        return BoltResponse(status=200)
    if "command" in body:
        return _json(_for_command(error, kind_of(body), sentence).payload())
    if kind == "view_submission":
        return _submission_errors(body, error, sentence)
    if kind not in _ANSWERED_BY_NOBODY:
        # Where Slack has just opened no modal, another is not tried.
        in_modal = "response_url" not in body and not isinstance(error, NotOpenedError)
        if not (in_modal and await _show_in_modal(body, sentence, client)):
            await _post(body, notice(sentence), client)
    return BoltResponse(status=200)


def _for_command(error: Exception, command: str, sentence: str) -> Message:
    if isinstance(error, TryAgainError):
        return error.message
    return help_message(command, sentence=sentence) if isinstance(error, NotUnderstoodError) else notice(sentence)


def _sentence(error: Exception) -> str:
    if isinstance(error, BusyError):
        set_outcome(Outcome.BUSY)
        return str(error)
    if isinstance(error, UserError):
        set_outcome(Outcome.REFUSED if isinstance(error, NotAllowedError) else Outcome.TOLD)
        return str(error)
    if isinstance(error, DatabaseUnavailableError):
        set_outcome(Outcome.FAILED)
        return outage_sentence(error)
    # The traceback names files and lines; request bodies are never logged.
    set_outcome(Outcome.FAILED, error)
    return not_taken(current_reference()) if isinstance(error, SLACK_ERRORS) else unexpected(current_reference())


def _json(document: dict[str, Any]) -> BoltResponse:
    return BoltResponse(
        status=200, body=json.dumps(document), headers={"content-type": "application/json;charset=utf-8"}
    )


def _submission_errors(body: dict[str, Any], error: Exception, sentence: str) -> BoltResponse:
    """Keep the form open with each sentence beside its input, or beside the first, so that nothing typed is lost."""
    blocks = (body.get("view") or {}).get("blocks") or []
    inputs = [block["block_id"] for block in blocks if block.get("type") == "input" and block.get("block_id")]
    if not inputs:
        return BoltResponse(status=200)
    errors: Mapping[str, str] = {inputs[0]: sentence}
    if isinstance(error, InvalidFormError):
        # A form without a password field shows what is wrong with it beside the server.
        shown = block_ids(body["view"])
        elsewhere = shown.get(Field.HOST, inputs[0])
        errors = {shown.get(name, elsewhere): sentence for name, sentence in error.errors.items()}
    return _json({"response_action": "errors", "errors": errors})


async def _show_in_modal(body: dict[str, Any], sentence: str, client: AsyncWebClient) -> bool:
    """Show a sentence in a modal, on top of the one that was pressed in; return False when it cannot be shown."""
    try:
        await open_modal(client, body, notice_view(sentence))
    except (NotOpenedError, KeyError, *SLACK_ERRORS):
        # Three modals are the most that Slack stacks, and a trigger may be used already, or not be there at all.
        return False
    return True


async def _post(body: dict[str, Any], message: Message, client: AsyncWebClient) -> None:
    """Post a message where the person typed or pressed, or else wherever they can be reached."""
    try:
        if body.get("response_url"):
            await ResponseUrl(client, body).answer(message, replace=False)
        elif user := user_in(body):
            await post_to_person(client, user, message)
    except SLACK_ERRORS as error:
        log_undelivered(log, "A person could not be told of an error", error)
