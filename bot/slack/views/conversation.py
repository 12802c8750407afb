"""What the bot says of itself: the welcome, and the answer to a plain message."""

from bot.slack.ids import EMAIL_PROFILE, EMAIL_TEST, ActionId
from bot.slack.views.message import Message, actions, button, section

PURPOSE = (
    "An email profile is the mail account that programs use in your name. Set it up once, and the bot tries it for "
    "you, step by step."
)


def welcome(reader: str) -> Message:
    """Return the greeting of a person who opens the conversation for the first time."""
    return Message(
        text=f"Welcome! {PURPOSE}",
        blocks=[
            section(f"*Welcome!* {PURPOSE}"),
            section(
                f"`{EMAIL_PROFILE}` shows your profile, `{EMAIL_TEST}` tries it, `{EMAIL_PROFILE} help` shows the rest."
            ),
            actions(button("Set up", ActionId.EDIT, value=reader, style="primary")),
        ],
    )


def answer(reader: str) -> Message:
    """Return the answer to a plain message."""
    return Message(
        text=f"I only understand commands. Type {EMAIL_PROFILE} to see your email profile, or {EMAIL_PROFILE} help.",
        blocks=[
            section(
                f"I only understand commands. Type `{EMAIL_PROFILE}` to see your email profile, `{EMAIL_TEST}` to try "
                f"it, or `{EMAIL_PROFILE} help` for the rest."
            ),
            actions(button("Edit my email profile", ActionId.EDIT, value=reader)),
        ],
    )
