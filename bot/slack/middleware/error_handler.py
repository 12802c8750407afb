"""One handler for what listeners raise: a sentence where it belongs, and a reference for the unexpected."""

import json
import logging
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import NotAllowedError, UserError, outage_sentence
from bot.slack.command_text import NotUnderstoodError
from bot.slack.middleware.overload import BusyError
from bot.slack.middleware.request_log import Outcome, kind_of, log_undelivered, note_outcome, reference_now
from bot.slack.replies.direct_message import say
from bot.slack.replies.jobs import not_taken, unexpected
from bot.slack.replies.modals import NotOpenedError, TryAgainError, opened
from bot.slack.replies.response_url import ResponseUrl, channel_in, user_in
from bot.slack.views.help import help_message
from bot.slack.views.message import Message, notice, notice_view
from bot.slack.web_api.errors import SLACK_FAILS
from storage.engines.unavailable import DatabaseUnavailableError

log = logging.getLogger(__name__)


def register(app: AsyncApp) -> None:
    """Let every listener's error end here."""
    app.error(answer_error)


async def answer_error(error: Exception, request: AsyncBoltRequest, client: AsyncWebClient) -> BoltResponse:
    """Turn an error into an answer that Slack shows to the person, whatever kind of request it was."""
    if isinstance(error, BoltUnhandledRequestError):
        return BoltResponse(status=404)
    sentence = _sentence(error)
    body = request.body
    kind = body.get("type")
    if isinstance(error, TryAgainError) and (error.too_late or "command" not in body):
        # Whoever waited until their trigger ended is shown no acknowledgement of a command any more.
        await _tell(body, error.message, client)
        return BoltResponse(status=200)
    if "command" in body:
        return _json(_for_command(error, kind_of(body), sentence).payload())
    if kind == "view_submission":
        return _submission_error(body, sentence)
    if kind == "block_actions":
        shown = "response_url" not in body and await _in_modal(body, sentence, client)
        if not shown:
            await _tell(body, notice(sentence), client)
    return BoltResponse(status=200)


def _for_command(error: Exception, command: str, sentence: str) -> Message:
    if isinstance(error, TryAgainError):
        return error.message
    return help_message(command, sentence=sentence) if isinstance(error, NotUnderstoodError) else notice(sentence)


def _sentence(error: Exception) -> str:
    if isinstance(error, BusyError):
        note_outcome(Outcome.BUSY)
        return str(error)
    if isinstance(error, UserError):
        note_outcome(Outcome.REFUSED if isinstance(error, NotAllowedError) else Outcome.TOLD)
        return str(error)
    if isinstance(error, DatabaseUnavailableError):
        note_outcome(Outcome.FAILED)
        return outage_sentence(error)
    if isinstance(error, SLACK_FAILS):
        note_outcome(Outcome.FAILED, error)
        return not_taken(reference_now())
    # The traceback names files and lines; request bodies are never logged.
    note_outcome(Outcome.FAILED, error)
    return unexpected(reference_now())


def _json(document: dict[str, Any]) -> BoltResponse:
    return BoltResponse(
        status=200, body=json.dumps(document), headers={"content-type": "application/json;charset=utf-8"}
    )


def _submission_error(body: dict[str, Any], sentence: str) -> BoltResponse:
    """Keep the form open with the sentence beside its first input, so that nothing typed is lost."""
    blocks = (body.get("view") or {}).get("blocks") or []
    inputs = [block["block_id"] for block in blocks if block.get("type") == "input" and block.get("block_id")]
    if not inputs:
        return BoltResponse(status=200)
    return _json({"response_action": "errors", "errors": {inputs[0]: sentence}})


async def _in_modal(body: dict[str, Any], sentence: str, client: AsyncWebClient) -> bool:
    """Show a sentence in a modal, on top of the one that was pressed in; False when it cannot be shown."""
    try:
        await opened(client, body, notice_view(sentence))
    except (NotOpenedError, KeyError, *SLACK_FAILS):
        # Three modals are the most that Slack stacks, and a trigger may be used already, or not be there at all.
        return False
    return True


async def _tell(body: dict[str, Any], message: Message, client: AsyncWebClient) -> None:
    """Tell a person something where they typed or pressed, or else wherever they can be reached."""
    try:
        if body.get("response_url"):
            await ResponseUrl(client, body).answer(message, replace=False)
        else:
            await say(client, user_in(body), channel_in(body), message)
    except SLACK_FAILS as error:
        log_undelivered(log, "A person could not be told of an error", error)
