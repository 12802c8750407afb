"""Opening a modal, and changing one that a person has open."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import UserError
from bot.slack.views.message import Button, Message, actions, escape, section
from bot.slack.views.private_metadata import OutdatedFormError
from bot.slack.web_api.clients import without_retries
from bot.slack.web_api.errors import SLACK_ERRORS, error_code, is_expired_trigger, opens_with_new_trigger

MODAL_TIMEOUT_SECONDS = 2.0
"""For opening or changing a modal: its trigger is good for three (https://docs.slack.dev/interactivity)."""


class NotOpenedError(UserError):
    """Slack did not open a modal, although nothing is wrong with it: a new trigger is needed.

    `too_late` means that Slack has stopped waiting for an acknowledgement too.
    """

    def __init__(self, sentence: str, *, too_late: bool) -> None:
        super().__init__(sentence)
        self.too_late = too_late


class ClosedModalError(Exception):
    """A modal that is to change was closed."""


class TryAgainError(NotOpenedError):
    """A form did not open; `message` has a button that opens it with a trigger of its own."""

    def __init__(self, again: Button, *, too_late: bool) -> None:
        sentence = "Slack did not open this in time. Press the button to open it."
        super().__init__(sentence, too_late=too_late)
        self.message = Message(text=sentence, blocks=[section(escape(sentence)), actions(again)])


@dataclass(frozen=True, kw_only=True)
class OpenModal:
    """A modal that somebody has open; `drawing` is Slack's hash of its last drawing, None where that is not known."""

    view_id: str
    drawing: str | None


async def update_modal(client: AsyncWebClient, view_id: str, view: View, *, drawing: str | None = None) -> str | None:
    """Replace an open modal by `view`, and return Slack's hash of that drawing; one that was closed needs nothing.

    With `drawing`, the hash of an earlier one, a modal that was drawn anew since then stays as it is: the `hash` of
    https://docs.slack.dev/surfaces/modals#handling_race_conditions. `not_found` is what
    https://docs.slack.dev/reference/methods/views.update answers for a closed one.

    Raises:
        SlackApiError, aiohttp.ClientError, TimeoutError, OSError: Slack did not take it; `hash_conflict` is its word
            for a modal that was drawn anew.
    """
    try:
        return await update_open_modal(client, view_id, view, drawing=drawing)
    except ClosedModalError:
        return drawing


async def update_open_modal(
    client: AsyncWebClient, view_id: str, view: View, *, drawing: str | None = None
) -> str | None:
    """Replace a modal as `update_modal` does, where what it shows has to be told elsewhere if nobody has it open.

    Raises:
        ClosedModalError: it was closed.
        SlackApiError, aiohttp.ClientError, TimeoutError, OSError: as `update_modal`.
    """
    try:
        async with asyncio.timeout(MODAL_TIMEOUT_SECONDS):
            answer = await without_retries(client).views_update(view_id=view_id, view=view, hash=drawing)
    except SlackApiError as error:
        if error_code(error) != "not_found":
            raise
        raise ClosedModalError from error
    return drawing_of(answer.get("view"))


def drawing_of(view: Any) -> str | None:
    """Return Slack's hash of a view that it has sent, which is another after each update; None where it names none."""
    return str(view.get("hash") or "") or None if isinstance(view, Mapping) else None


async def open_or_replace(client: AsyncWebClient, body: Mapping[str, Any], view: View, *, again: Button) -> OpenModal:
    """Open a modal after a press; one pressed in another modal takes its place, so that the stack stays low.

    Raises:
        TryAgainError: Slack did not open it; `again` is the button that opens the same.
    """
    if is_in_modal(body):
        view_id = str(body["view"]["id"])
        return OpenModal(view_id=view_id, drawing=await update_modal(client, view_id, view))
    return await open_or_offer(client, body, view, again=again)


async def open_or_offer(client: AsyncWebClient, body: Mapping[str, Any], view: View, *, again: Button) -> OpenModal:
    """Open a modal, on top of another where that was pressed in.

    Raises:
        TryAgainError: Slack did not open it; `again` is the button that opens the same.
    """
    try:
        return await open_modal(client, body, view)
    except NotOpenedError as error:
        raise TryAgainError(again, too_late=error.too_late) from error


async def open_modal(client: AsyncWebClient, body: Mapping[str, Any], view: View) -> OpenModal:
    """Open a modal, on top of another where that was pressed in.

    Raises:
        NotOpenedError: Slack was busy or silent, or the trigger was too old.
        SlackApiError: Slack refuses the view itself, or three are open already.
    """
    open_view = client.views_push if is_in_modal(body) else client.views_open
    try:
        async with asyncio.timeout(MODAL_TIMEOUT_SECONDS):
            answer = await open_view(trigger_id=body["trigger_id"], view=view)
    except SLACK_ERRORS as error:
        if not opens_with_new_trigger(error):
            raise
        sentence = "Slack did not open this in time. Please try again."
        raise NotOpenedError(sentence, too_late=is_expired_trigger(error)) from error
    return OpenModal(view_id=str(answer["view"]["id"]), drawing=drawing_of(answer["view"]))


def is_in_modal(body: Mapping[str, Any]) -> bool:
    """Whether something was pressed in a modal."""
    return (body.get("view") or {}).get("type") == "modal"


def modal_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the modal that something was pressed in.

    Raises:
        OutdatedFormError: it was pressed elsewhere.
    """
    view = body.get("view")
    if not (isinstance(view, dict) and view.get("type") == "modal"):
        raise OutdatedFormError
    return view
