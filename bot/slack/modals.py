"""Opening a modal, and changing one that a person has open."""

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.refusals import refusal


async def show_in(client: AsyncWebClient, view_id: str, view: View) -> None:
    """Put `view` in place of an open modal; one that was closed meanwhile needs nothing.

    `not_found` is what https://docs.slack.dev/reference/methods/views.update answers then.
    """
    try:
        await client.views_update(view_id=view_id, view=view)
    except SlackApiError as error:
        if refusal(error) != "not_found":
            raise


async def open_for(client: AsyncWebClient, body: dict[str, Any], view: View) -> None:
    """Open a modal after a press; one pressed in another modal takes its place, so that the stack stays low."""
    pressed_in = body.get("view") or {}
    if pressed_in.get("type") == "modal":
        await show_in(client, pressed_in["id"], view)
    else:
        await client.views_open(trigger_id=body["trigger_id"], view=view)
