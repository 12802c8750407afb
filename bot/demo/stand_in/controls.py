"""Finds the buttons and menus in blocks that a person means."""

from typing import Any

from bot.demo.stand_in.platform import texts
from bot.demo.stand_in.views import PlatformError, elements

Found = tuple[dict[str, Any], dict[str, Any]]
"""A block and an element in it."""

MENUS = ("overflow", "static_select", "radio_buttons")


def button(blocks: list[dict[str, Any]], label: str, row: str | None) -> Found:
    """Find a button by its text; `row` is text of the block before it, or of the section that it stands beside.

    Raises:
        PlatformError: there is none.
    """
    before = ""
    for block in blocks:
        words = "\n".join(texts(block))
        wanted = row is None or row in before or (block.get("accessory") is not None and row in words)
        for _, element in elements([block]) if wanted else ():
            if element.get("type") == "button" and element["text"]["text"] == label:
                return block, element
        before = words
    raise PlatformError(f"there is no button {label!r}")


def beside(blocks: list[dict[str, Any]], row_text: str) -> Found:
    """Find the menu beside a section that holds `row_text`.

    Raises:
        PlatformError: there is none.
    """
    for block, element in elements(blocks):
        words = "\n".join(texts([block.get("text"), block.get("fields")]))
        if block["type"] == "section" and element["type"] in MENUS and row_text in words:
            return block, element
    raise PlatformError(f"there is no menu beside {row_text!r}")


def by_action_id(blocks: list[dict[str, Any]], action_id: str) -> Found:
    """Find a menu of an actions block by its action id.

    Raises:
        PlatformError: there is none.
    """
    for block, element in elements(blocks):
        if block["type"] == "actions" and element["type"] in MENUS and element.get("action_id") == action_id:
            return block, element
    raise PlatformError(f"there is no menu {action_id!r}")


def by_ids(blocks: list[dict[str, Any]], block_id: Any, action_id: Any) -> Found:
    """Find an element by its block id and action id.

    Raises:
        PlatformError: there is none.
    """
    for block, element in elements(blocks):
        if (block.get("block_id"), element.get("action_id")) == (block_id, action_id):
            return block, element
    raise PlatformError("there is no such button")
