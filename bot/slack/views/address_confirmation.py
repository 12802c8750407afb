"""Confirming an address: the modal in which a code is typed, what is said around it, and the button that opens it."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from slack_sdk.models.blocks import InputBlock, PlainTextInputElement
from slack_sdk.models.views import View

from bot.slack.ids import ActionId, ViewId
from bot.slack.views.inputs import ShownValues
from bot.slack.views.message import Block, Button, Message, actions, button, code, section

TITLE = "Confirm address"
CODE_BLOCK = "code"
MAX_CODE_LENGTH = 40
"""Characters of what is typed as a code, with all that people put between eight digits."""


class CodeStatus(Enum):
    """What has become of the message with the code."""

    UNDER_WAY = auto()
    MAILED = auto()
    MAILED_BEFORE = auto()


def confirm_button() -> Button:
    """Return the button that mails a code to the address of one's own profile."""
    return button(TITLE, ActionId.CONFIRM_ADDRESS)


def unconfirmed_blocks(address: str) -> list[Block]:
    """Return that a profile's address may be somebody else's, for its owner, with the button that settles it."""
    told = f"{code(address)} is not your verified address in Slack. Confirm it, and test messages go there."
    return [section(told), actions(confirm_button(), block_id="confirm_address")]


def code_modal(address: str, status: CodeStatus) -> View:
    """Return the modal in which the code is typed; it keeps what is typed when its status changes."""
    return View(
        type="modal",
        callback_id=ViewId.CONFIRM_ADDRESS,
        title=TITLE,
        submit="Confirm",
        close="Cancel",
        blocks=[section(_told(address, status)), _code_input()],
    )


def _told(address: str, status: CodeStatus) -> str:
    if status is CodeStatus.UNDER_WAY:
        return (
            f":hourglass_flowing_sand: A code is being mailed to {code(address)} through the account in your profile …"
        )
    if status is CodeStatus.MAILED:
        return (
            f":white_check_mark: A code was mailed to {code(address)}. It may take a few minutes; look into the spam "
            "folder too. It works once, within a day."
        )
    return (
        f"A code was mailed to {code(address)} before. Look for it in that mailbox, in the spam folder too. "
        "Another one can be mailed a day after it."
    )


def _code_input() -> InputBlock:
    return InputBlock(
        block_id=CODE_BLOCK,
        label="Code",
        hint="The eight digits from the message, for example 12345678",
        element=PlainTextInputElement(action_id=ActionId.VALUE, max_length=MAX_CODE_LENGTH),
    )


def typed_code(view: Mapping[str, Any]) -> str:
    """Return what was typed as the code."""
    return ShownValues(view, redrawn=False).text(CODE_BLOCK)


def confirmed(address: str, *, owner: str) -> Message:
    """Return that an address is confirmed; `owner` is the user id of its owner."""
    return Message(
        text=f"Your address {address} is confirmed.",
        blocks=[
            section(
                f":white_check_mark: {code(address)} is confirmed as your address. Test messages go there now, until "
                "address, server, pinned certificate or login of your profile change."
            ),
            actions(
                button("Send me a message", ActionId.SEND_MESSAGE, value=owner),
                button("Test again", ActionId.TEST, value=owner),
            ),
        ],
    )
