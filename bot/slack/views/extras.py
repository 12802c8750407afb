"""Extra configurations: the list as a message and as a modal, and the modal that adds one."""

from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import InputBlock, PlainTextInputElement, StaticSelectElement
from slack_sdk.models.views import View

from bot.profiles.account.extras import CATALOGUE, ExtraConfiguration
from bot.profiles.account.profile import ENCRYPTION_WORDS, effective_encryption
from bot.profiles.account.records import ProfileView
from bot.profiles.errors import ExtraConflictError
from bot.slack.escaping import with_emoji
from bot.slack.ids import ActionId, ViewId
from bot.slack.views.inputs import ShownValues
from bot.slack.views.message import Block, Message, actions, button, code, context, escape, menu, section
from bot.slack.views.private_metadata import PrivateMetadata

CHOICE_BLOCK = "configuration"

_MEANINGS = {entry.name: entry.meaning for entry in CATALOGUE}


def value_block(name: str) -> str:
    """Return the block id of the value's input; each entry has its own, so that a new choice starts empty."""
    return f"value_{name}"


def _line(name: str, value: str) -> str:
    return f"{code(f'{name} {value}')}  {escape(_MEANINGS.get(name, ''))}"


def extras_message(view: ProfileView, *, reader: str) -> Message:
    """Return the extra configurations as a message."""
    extras = view.profile.extras
    own = view.owner.user == reader
    title = "Your extra configurations" if own else f"Extra configurations of <@{view.owner.user}>"
    lines = "\n".join(_line(name, value) for name, value in extras.items())
    none = "None yet. For example, `/email-extra add TLS Y` encrypts the connection on port 587."
    pairs = ", ".join(f"{name} {value}" for name, value in extras.items())
    return Message(
        text=f"Extra configurations: {pairs or 'none yet'}.",
        blocks=[
            section(f"*{title}*\n{lines or none}"),
            context(f"Encryption now: {ENCRYPTION_WORDS[view.encryption]}"),
            actions(
                button("Extra Configurations", ActionId.OPEN_EXTRAS, value=view.owner.user),
                button("Test connection", ActionId.TEST, value=view.owner.user),
            ),
        ],
    )


def conflict_message(error: ExtraConflictError, *, owner: str) -> Message:
    """Return the refusal of a conflicting configuration, with a button that switches to it."""
    action = ActionId.USE_SSL if error.wanted == "SSL" else ActionId.USE_TLS
    switch = button(f"Use {error.wanted} instead", action, value=owner, style="primary")
    return Message(text=str(error), blocks=[section(escape(str(error))), actions(switch)])


def list_modal(extras: Mapping[str, str], *, metadata: PrivateMetadata) -> View:
    """Return the modal with the list; each row has buttons to edit and to remove it.

    On top of a form these are the extra configurations that the form would save.
    """
    blocks: list[Block] = []
    for name, value in extras.items():
        edit = button("Edit", ActionId.LIST_EDIT, value=name)
        remove = button("Remove", ActionId.LIST_REMOVE, value=name)
        blocks += [section(_line(name, value)), actions(edit, remove, block_id=f"row_{name}")]
    waits = " What you change here waits for the form's Save." if metadata.form is not None else ""
    return View(
        type="modal",
        callback_id=ViewId.EXTRAS,
        title="Extra configurations",
        close="Done",
        private_metadata=metadata.encode(),
        # Then the card appears as it is now.
        notify_on_close=metadata.changed,
        blocks=[
            *(blocks or [section("None yet. Add `TLS` for port 587, or `SSL` for port 465.")]),
            actions(button("Add", ActionId.LIST_ADD, style="primary"), block_id="list_buttons"),
            context(f"Encryption now: {ENCRYPTION_WORDS[effective_encryption(extras)]}.{waits}"),
        ],
    )


def add_modal(
    entry: ExtraConfiguration, *, metadata: PrivateMetadata, value: str = "", notes: Sequence[Block] = ()
) -> View:
    """Return the modal that adds or changes one; choosing another entry changes the value's input."""
    labels = {name: f"{name} – {meaning}" for name, meaning in _MEANINGS.items()}
    choice = InputBlock(
        block_id=CHOICE_BLOCK,
        label="Configuration",
        dispatch_action=True,
        element=menu(ActionId.CHOOSE_EXTRA, labels, selected=entry.name),
    )
    return View(
        type="modal",
        callback_id=ViewId.ADD_EXTRA,
        title="Add configuration",
        submit="Add",
        close="Cancel",
        private_metadata=metadata.encode(),
        blocks=[choice, _value(entry, value), *notes],
    )


def _value(entry: ExtraConfiguration, value: str) -> InputBlock:
    element: StaticSelectElement | PlainTextInputElement
    if entry.choices:
        selected = value if value in entry.choices else entry.choices[0]
        element = menu(ActionId.VALUE, {choice: choice for choice in entry.choices}, selected=selected)
    else:
        element = PlainTextInputElement(action_id=ActionId.VALUE, initial_value=value or None)
    return InputBlock(
        block_id=value_block(entry.name),
        label="Value",
        hint=f"{entry.kind[0].upper()}{entry.kind[1:]}, for example {entry.example}",
        element=element,
    )


def conflict_blocks(error: ExtraConflictError) -> list[Block]:
    """Return a conflict as it is shown inside the modal, with a button for each way out."""
    return [
        section(f":warning: {escape(str(error))}"),
        actions(
            button(f"Use {error.wanted} instead", ActionId.SWITCH_IN_FORM, value=error.wanted, style="primary"),
            button(f"Keep {error.present}", ActionId.KEEP_IN_FORM, value=error.wanted),
            block_id="conflict_buttons",
        ),
    ]


def read_extra(shown: Mapping[str, Any]) -> tuple[str, str]:
    """Return the chosen name and its value, as they stand in a modal that a request claims is open."""
    values = ShownValues(shown, redrawn=True)
    name = values.choice(CHOICE_BLOCK)
    block = value_block(name)
    return name, values.choice(block) or with_emoji(values.text(block))


def switched_modal(name: str, *, metadata: PrivateMetadata) -> View:
    """Return the modal that confirms the switch; closing it shows the list."""
    waits = " It waits for the form's Save." if metadata.form is not None else ""
    return View(
        type="modal",
        callback_id=ViewId.ADD_EXTRA,
        title="Add configuration",
        close="Done",
        private_metadata=metadata.encode(),
        blocks=[section(f":white_check_mark: {escape(name)} is on now, and the other one is off.{waits}")],
    )
