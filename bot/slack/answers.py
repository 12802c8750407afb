"""Where an answer to a press appears: in place of the message that was pressed in, or in a modal."""

from typing import Any, Protocol

from slack_bolt.async_app import AsyncRespond
from slack_sdk.models.blocks import PlainTextObject
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.modals import show_in
from bot.slack.views.message import Message


class Answer(Protocol):
    """A place that shows a message, and then another one instead."""

    async def show(self, message: Message) -> None:
        """Show a message in place of what is there."""
        ...

    async def progress(self, message: Message) -> None:
        """Show how far something is, where that costs no new message."""
        ...


class InMessage:
    """In place of the message that was pressed in, or of the answer to a command."""

    def __init__(self, respond: AsyncRespond) -> None:
        """Answer through a response_url."""
        self._respond = respond

    async def show(self, message: Message) -> None:
        """Replace the message."""
        await self._respond(replace_original=True, **message.payload())

    progress = show


class Beside:
    """Below the message that was pressed in, which stays; each answer is a new message."""

    def __init__(self, respond: AsyncRespond) -> None:
        """Answer through a response_url."""
        self._respond = respond

    async def show(self, message: Message) -> None:
        """Post a message."""
        await self._respond(replace_original=False, response_type="ephemeral", **message.payload())

    async def progress(self, message: Message) -> None:
        """Leave it: each would be one more message."""


class InModal:
    """In a modal that is open."""

    def __init__(self, client: AsyncWebClient, view_id: str, title: str) -> None:
        """Answer in the modal `view_id`."""
        self._client = client
        self._view_id = view_id
        self._title = title

    async def show(self, message: Message) -> None:
        """Replace what the modal shows."""
        await show_in(self._client, self._view_id, answer_view(message, title=self._title))

    progress = show


def answer_view(message: Message, *, title: str) -> View:
    """Make a modal of a message."""
    return View(
        type="modal",
        title=PlainTextObject(text=title),
        close=PlainTextObject(text="Close"),
        blocks=list(message.blocks),
    )


async def answer_to(
    body: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond, *, title: str, first: Message
) -> Answer:
    """Find where the answer to a press belongs, and show `first` there where a modal has to be opened.

    A press in a message comes with a response_url; one in a modal stays in that modal; one on the Home tab opens one.
    """
    if body.get("response_url"):
        return InMessage(respond)
    view = body.get("view") or {}
    if view.get("type") == "modal":
        return InModal(client, view["id"], title)
    opened = await client.views_open(trigger_id=body["trigger_id"], view=answer_view(first, title=title))
    return InModal(client, opened["view"]["id"], title)


async def answer_beside(
    body: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond, *, title: str, first: Message
) -> Answer:
    """Find where an answer belongs that leaves what was pressed in as it is, and show `first` there.

    Below a message; from the Home tab in a modal; in a modal in a further one.
    """
    if body.get("response_url"):
        answer: Answer = Beside(respond)
        await answer.show(first)
        return answer
    view = answer_view(first, title=title)
    in_modal = (body.get("view") or {}).get("type") == "modal"
    shown = await (client.views_push if in_modal else client.views_open)(trigger_id=body["trigger_id"], view=view)
    return InModal(client, shown["view"]["id"], title)
