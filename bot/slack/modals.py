"""Changing a modal that a person has open."""

from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient


async def show_in(client: AsyncWebClient, view_id: str, view: View) -> None:
    """Put `view` in place of an open modal; one that was closed meanwhile needs nothing.

    `not_found` is what https://docs.slack.dev/reference/methods/views.update answers then.
    """
    try:
        await client.views_update(view_id=view_id, view=view)
    except SlackApiError as error:
        if error.response.get("error") != "not_found":
            raise
