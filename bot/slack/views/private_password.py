"""The way to the private page, and what is said when the password is set."""

from slack_sdk.models.blocks import ButtonElement, PlainTextObject

from bot.slack.ids import ActionId
from bot.slack.views.message import Message, actions, section

TITLE = "Password"


def link(url: str) -> Message:
    """Show the link; it is for one person and not unfurled."""
    told = (
        "Your password does not pass through Slack on this page. The link works once, for ten minutes, and for your "
        "own profile only: do not pass it on."
    )
    open_page = ButtonElement(
        text=PlainTextObject(text="Open the private page"), action_id=ActionId.OPEN_LINK, url=url, style="primary"
    )
    return Message(
        text=f"Open the private page to set your password. {told}", blocks=[section(told), actions(open_page)]
    )
