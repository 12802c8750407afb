"""Opening a modal, and changing one that a person has open."""

import asyncio
from collections.abc import Mapping
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import ButtonElement
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import UserError
from bot.slack.views.message import Message, actions, escape, section
from bot.slack.web_api.clients import hurried
from bot.slack.web_api.errors import SLACK_FAILS, is_passing, is_too_late, refusal

SECONDS = 2.0
"""For opening or changing a modal: its trigger is good for three (https://docs.slack.dev/interactivity)."""


class NotOpenedError(UserError):
    """Slack did not open a modal, although nothing is wrong with it: a new trigger is needed.

    `too_late` tells that Slack has stopped waiting for an acknowledgement too.
    """

    def __init__(self, sentence: str, *, too_late: bool) -> None:
        """Say `sentence`."""
        super().__init__(sentence)
        self.too_late = too_late


class TryAgainError(NotOpenedError):
    """A form did not open; `message` has a button that opens it with a trigger of its own."""

    def __init__(self, again: ButtonElement, *, too_late: bool) -> None:
        """Offer `again`."""
        sentence = "Slack did not open this in time. Press the button to open it."
        super().__init__(sentence, too_late=too_late)
        self.message = Message(text=sentence, blocks=[section(escape(sentence)), actions(again)])


async def show_in(client: AsyncWebClient, view_id: str, view: View) -> None:
    """Put `view` in place of an open modal; one that was closed meanwhile needs nothing.

    `not_found` is what https://docs.slack.dev/reference/methods/views.update answers then.
    """
    try:
        async with asyncio.timeout(SECONDS):
            await hurried(client).views_update(view_id=view_id, view=view)
    except SlackApiError as error:
        if refusal(error) != "not_found":
            raise


async def open_for(client: AsyncWebClient, body: Mapping[str, Any], view: View, *, again: ButtonElement) -> None:
    """Open a modal after a press; one pressed in another modal takes its place, so that the stack stays low.

    Raises:
        TryAgainError: Slack did not open it; `again` is the button that opens the same.
    """
    if is_in_modal(body):
        await show_in(client, body["view"]["id"], view)
    else:
        await push_for(client, body, view, again=again)


async def push_for(client: AsyncWebClient, body: Mapping[str, Any], view: View, *, again: ButtonElement) -> None:
    """Open a modal, on top of another where that was pressed in.

    Raises:
        TryAgainError: Slack did not open it; `again` is the button that opens the same.
    """
    try:
        await opened(client, body, view)
    except NotOpenedError as error:
        raise TryAgainError(again, too_late=error.too_late) from error


async def opened(client: AsyncWebClient, body: Mapping[str, Any], view: View) -> str:
    """Open a modal, on top of another where that was pressed in; gives its id.

    Raises:
        NotOpenedError: Slack was busy or silent, or the trigger was too old.
        SlackApiError: Slack refuses the view itself, or three are open already.
    """
    show = client.views_push if is_in_modal(body) else client.views_open
    try:
        async with asyncio.timeout(SECONDS):
            answer = await show(trigger_id=body["trigger_id"], view=view)
    except SLACK_FAILS as error:
        if not is_passing(error):
            raise
        sentence = "Slack did not open this in time. Please try again."
        raise NotOpenedError(sentence, too_late=is_too_late(error)) from error
    return str(answer["view"]["id"])


def is_in_modal(body: Mapping[str, Any]) -> bool:
    """Tell whether something was pressed in a modal."""
    return (body.get("view") or {}).get("type") == "modal"
