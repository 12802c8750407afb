"""One handler for what listeners raise: a sentence where it belongs, and a reference for the unexpected."""

import json
import logging
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.profiles.errors import MendableError, NotAllowedError, outage_sentence
from bot.slack.command import NotUnderstoodError
from bot.slack.jobs import unexpected
from bot.slack.refusals import refusal
from bot.slack.served import Outcome, kind_of, note_outcome, reference_now
from bot.slack.views.help import help_message
from bot.slack.views.message import notice, notice_view
from storage.outages import DatabaseUnavailableError

log = logging.getLogger(__name__)

_TOO_LATE = ("expired_trigger_id", "exchanged_trigger_id")


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
    if isinstance(error, NotUnderstoodError):
        return _json(help_message(kind_of(body), sentence=sentence).payload())
    if "command" in body:
        return _json(notice(sentence).payload())
    if kind == "view_submission":
        return _submission_error(body, sentence)
    if kind == "block_actions":
        await _answer_action(body, sentence, client)
    return BoltResponse(status=200)


def _sentence(error: Exception) -> str:
    if isinstance(error, MendableError):
        note_outcome(Outcome.REFUSED if isinstance(error, NotAllowedError) else Outcome.TOLD)
        return str(error)
    if isinstance(error, DatabaseUnavailableError):
        note_outcome(Outcome.FAILED)
        return outage_sentence(error)
    if isinstance(error, SlackApiError) and refusal(error) in _TOO_LATE:
        note_outcome(Outcome.TOLD)
        return "That took too long, and Slack did not open the form. Please try again."
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


async def _answer_action(body: dict[str, Any], sentence: str, client: AsyncWebClient) -> None:
    """Answer a button: in a message through its response_url, in a modal with a modal on top."""
    try:
        if body.get("response_url"):
            await AsyncWebhookClient(body["response_url"]).send(
                **notice(sentence).payload(), response_type="ephemeral", replace_original=False
            )
        elif body.get("trigger_id"):
            await _answer_in_modal(body, sentence, client)
    except (SlackApiError, aiohttp.ClientError, OSError) as error:
        log.warning("A person could not be told of an error (%s).", type(error).__name__)


async def _answer_in_modal(body: dict[str, Any], sentence: str, client: AsyncWebClient) -> None:
    in_modal = (body.get("view") or {}).get("type") == "modal"
    try:
        show = client.views_push if in_modal else client.views_open
        await show(trigger_id=body["trigger_id"], view=notice_view(sentence))
    except SlackApiError:
        # Three modals are the most that Slack stacks, and a trigger may be used already: then by direct message.
        await client.chat_postMessage(channel=(body.get("user") or {}).get("id", ""), **notice(sentence).payload())
