"""Extra configurations: the list as a message and as a modal, and the modal that adds one."""

from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from bot.profiles.account.extras import CATALOGUE, ENCRYPTION_WORDS, ExtraConfiguration
from bot.profiles.account.records import ProfileView
from bot.profiles.errors import ExtraConflictError
from bot.slack.ids import ActionId, ViewId
from bot.slack.views.form import PrivateMetadata
from bot.slack.views.inputs import selected_value, text_value
from bot.slack.views.message import Message, actions, button, code, context, escape, section

CHOICE_BLOCK = "configuration"


def value_block(name: str) -> str:
    """Give the block id of the value's input; one an entry, so that a new choice begins with an empty value."""
    return f"value_{name}"


def _meaning(name: str) -> str:
    return next((entry.meaning for entry in CATALOGUE if entry.name == name), "")


def _row(name: str, value: str) -> str:
    return f"{code(f'{name} {value}')}  {escape(_meaning(name))}"


def extras_message(view: ProfileView, *, reader: str) -> Message:
    """Show the extra configurations as a message."""
    own = view.owner.user == reader
    rows = "\n".join(_row(name, value) for name, value in view.profile.extras.items())
    title = "Your extra configurations" if own else f"Extra configurations of <@{view.owner.user}>"
    none = "None yet. For example, `/email-extra add TLS Y` encrypts the connection on port 587."
    blocks: list[Block] = [
        section(f"*{title}*\n{rows or none}"),
        context(f"Encryption now: {ENCRYPTION_WORDS[view.encryption]}"),
        actions(
            button("Extra Configurations", ActionId.OPEN_EXTRAS, value=view.owner.user),
            button("Test connection", ActionId.TEST, value=view.owner.user),
        ),
    ]
    pairs = ", ".join(f"{name} {value}" for name, value in view.profile.extras.items())
    return Message(text=f"Extra configurations: {pairs or 'none yet'}.", blocks=blocks)


def conflict_message(error: ExtraConflictError, *, owner: str) -> Message:
    """Refuse a conflicting one, with a button that switches."""
    action = ActionId.USE_SSL if error.wanted == "SSL" else ActionId.USE_TLS
    return Message(
        text=str(error),
        blocks=[
            section(escape(str(error))),
            actions(button(f"Use {error.wanted} instead", action, value=owner, style="primary")),
        ],
    )


def catalogue_help() -> str:
    """List what can be set, a line each."""
    return "\n".join(
        f"{code(entry.name)}  {escape(entry.meaning)}; {escape(entry.kind)}, for example {code(entry.example)}"
        for entry in CATALOGUE
    )


def list_modal(view: ProfileView, *, metadata: PrivateMetadata) -> View:
    """Make the modal with the list; each row can be edited and removed."""
    blocks: list[Block] = []
    for name, value in view.profile.extras.items():
        blocks.append(section(_row(name, value)))
        blocks.append(
            actions(
                button("Edit", ActionId.LIST_EDIT, value=name),
                button("Remove", ActionId.LIST_REMOVE, value=name),
                block_id=f"row_{name}",
            )
        )
    if not blocks:
        blocks.append(section("None yet. Add `TLS` for port 587, or `SSL` for port 465."))
    blocks.append(actions(button("Add", ActionId.LIST_ADD, style="primary"), block_id="list_buttons"))
    blocks.append(context(f"Encryption now: {ENCRYPTION_WORDS[view.encryption]}"))
    return View(
        type="modal",
        callback_id=ViewId.EXTRAS,
        title=PlainTextObject(text="Extra configurations"),
        close=PlainTextObject(text="Done"),
        private_metadata=metadata.encode(),
        blocks=blocks,
    )


def add_modal(
    entry: ExtraConfiguration, *, metadata: PrivateMetadata, value: str = "", notes: Sequence[Block] = ()
) -> View:
    """Make the modal that adds or changes one; choosing another entry changes the value's input."""
    return View(
        type="modal",
        callback_id=ViewId.ADD_EXTRA,
        title=PlainTextObject(text="Add configuration"),
        submit=PlainTextObject(text="Add"),
        close=PlainTextObject(text="Cancel"),
        private_metadata=metadata.encode(),
        blocks=[_choice(entry), _value(entry, value), *notes],
    )


def _choice(chosen: ExtraConfiguration) -> InputBlock:
    options = {entry.name: _option(entry.name, f"{entry.name} – {entry.meaning}") for entry in CATALOGUE}
    return InputBlock(
        block_id=CHOICE_BLOCK,
        label=PlainTextObject(text="Configuration"),
        dispatch_action=True,
        element=StaticSelectElement(
            action_id=ActionId.CHOOSE_EXTRA,
            options=list(options.values()),
            initial_option=options[chosen.name],
        ),
    )


def _value(entry: ExtraConfiguration, value: str) -> InputBlock:
    element: StaticSelectElement | PlainTextInputElement
    if entry.choices:
        options = {choice: _option(choice, choice) for choice in entry.choices}
        element = StaticSelectElement(
            action_id=ActionId.VALUE,
            options=list(options.values()),
            initial_option=options.get(value, options[entry.choices[0]]),
        )
    else:
        element = PlainTextInputElement(action_id=ActionId.VALUE, initial_value=value or None)
    return InputBlock(
        block_id=value_block(entry.name),
        label=PlainTextObject(text="Value"),
        hint=PlainTextObject(text=f"{entry.kind[0].upper()}{entry.kind[1:]}, for example {entry.example}"),
        element=element,
    )


def _option(value: str, label: str) -> Option:
    # https://docs.slack.dev/reference/block-kit/composition-objects/option-object: at most 75 characters
    return Option(value=value, label=label if len(label) <= 75 else f"{label[:74]}…")


def conflict_blocks(error: ExtraConflictError) -> list[Block]:
    """Show a conflict inside the modal, with both ways out."""
    return [
        section(f":warning: {escape(str(error))}"),
        actions(
            button(f"Use {error.wanted} instead", ActionId.SWITCH_IN_FORM, value=error.wanted, style="primary"),
            button(f"Keep {error.present}", ActionId.KEEP_IN_FORM, value=error.wanted),
            block_id="conflict_buttons",
        ),
    ]


def read_extra(values: Mapping[str, Any]) -> tuple[str, str]:
    """Read name and value from a view's `state.values`, whatever shape a request claims it has."""
    name = selected_value(values, CHOICE_BLOCK, ActionId.CHOOSE_EXTRA)
    block = value_block(name)
    return name, selected_value(values, block) or text_value(values, block)


def switched_modal(name: str, *, metadata: PrivateMetadata) -> View:
    """Say that the switch is made; closing it shows the list."""
    return View(
        type="modal",
        callback_id=ViewId.ADD_EXTRA,
        title=PlainTextObject(text="Add configuration"),
        close=PlainTextObject(text="Done"),
        private_metadata=metadata.encode(),
        blocks=[section(f":white_check_mark: {escape(name)} is on now, and the other one is off.")],
    )
