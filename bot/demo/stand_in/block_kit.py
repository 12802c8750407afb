"""Block Kit as Slack checks it: what is refused here is refused there.

Limits: https://docs.slack.dev/reference/block-kit/blocks, …/block-elements, …/composition-objects, and
https://docs.slack.dev/reference/views for modals.
"""

import re
from collections.abc import Iterator
from typing import Any

from bot.demo.stand_in import block_models

MOST_MESSAGE_BLOCKS = 50
MOST_VIEW_BLOCKS = 100

MOST_MESSAGE_CHARACTERS = 13_200
"""Of all texts in a message's blocks; nowhere documented (https://github.com/slackapi/bolt-js/issues/2509)."""

MOST_ALERT_CHARACTERS = 200
ALERT_LEVELS = ("default", "info", "warning", "error", "success")

INPUT_ELEMENTS = {"plain_text_input", "static_select", "checkboxes", "radio_buttons", "datepicker"}
MODAL_INPUT_ELEMENTS = INPUT_ELEMENTS | {"email_text_input", "number_input"}
ACTION_ELEMENTS = {"button", "static_select", "checkboxes", "radio_buttons", "overflow"}

_CHOICES = {"static_select": (1, 100), "checkboxes": (1, 10), "radio_buttons": (1, 10), "overflow": (2, 5)}
"""The elements with options, and how few and how many options each has."""

BLOCKS = {"section", "header", "context", "actions", "divider", "input"}
MODAL_BLOCKS = BLOCKS | {"alert"}
"""https://docs.slack.dev/reference/block-kit/blocks/alert-block: an alert is for modals alone."""


def message_problems(blocks: Any) -> list[str]:
    """List what is wrong with a message's blocks; empty when nothing is."""
    return list(_blocks(blocks, most=MOST_MESSAGE_BLOCKS, kinds=BLOCKS, inputs=INPUT_ELEMENTS))


def characters(blocks: Any) -> int:
    """Count the characters of all texts in blocks."""
    if isinstance(blocks, dict):
        return sum(
            len(part) if name == "text" and isinstance(part, str) else characters(part) for name, part in blocks.items()
        )
    return sum(map(characters, blocks)) if isinstance(blocks, list) else 0


def view_problems(view: Any) -> list[str]:
    """List what is wrong with a modal or Home tab; empty when nothing is."""
    if not isinstance(view, dict):
        return ["view: must be an object"]
    is_modal = view.get("type") == "modal"
    kinds, inputs = (MODAL_BLOCKS, MODAL_INPUT_ELEMENTS) if is_modal else (BLOCKS, INPUT_ELEMENTS)
    problems = list(_blocks(view.get("blocks"), most=MOST_VIEW_BLOCKS, kinds=kinds, inputs=inputs))
    problems += block_models.view_problems(view)
    if view.get("type") not in ("modal", "home"):
        problems.append("type: must be modal or home")
    for name, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        problems += _bounded(view.get(name, ""), most, name, least=0)
    if is_modal:
        problems += _modal_words(view)
    return problems


def _modal_words(view: dict[str, Any]) -> Iterator[str]:
    yield from _plain_text(view.get("title"), 24, "title")
    for name in ("submit", "close"):
        if view.get(name) is not None:
            yield from _plain_text(view[name], 24, name)
    blocks = view.get("blocks")
    if isinstance(blocks, list) and any(_type(block) == "input" for block in blocks) and not view.get("submit"):
        yield "submit: required when there are input blocks"


def _type(block: Any) -> Any:
    return block.get("type") if isinstance(block, dict) else None


def _blocks(blocks: Any, *, most: int, kinds: set[str], inputs: set[str]) -> Iterator[str]:
    if not isinstance(blocks, list):
        yield "blocks: must be a list"
        return
    if len(blocks) > most:
        yield f"blocks: {len(blocks)} are too many, at most {most}"
    ids = [block["block_id"] for block in blocks if isinstance(block, dict) and block.get("block_id")]
    if len(ids) != len(set(ids)):
        yield "blocks: two have the same block_id"
    for number, block in enumerate(blocks):
        where = f"blocks/{number}"
        if not isinstance(block, dict):
            yield f"{where}: must be an object"
            continue
        if block.get("type") not in kinds:
            yield f"{where}: unsupported type {block.get('type')!r}"
            continue
        yield from _bounded(block.get("block_id", ""), 255, f"{where}/block_id", least=0)
        yield from _block(block, where, inputs=inputs)
        for problem in block_models.block_problems(block):
            yield f"{where}: {problem}"
    if sum(_has_focus(block) for block in blocks) > 1:
        # https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
        yield "blocks: only one element can have focus_on_load"


def _has_focus(block: Any) -> bool:
    element = block.get("element") if isinstance(block, dict) else None
    return isinstance(element, dict) and bool(element.get("focus_on_load"))


def _block(block: dict[str, Any], where: str, *, inputs: set[str]) -> Iterator[str]:
    match block.get("type"):
        case "section":
            yield from _section(block, where)
        case "header":
            yield from _plain_text(block.get("text"), 150, f"{where}/text")
        case "context":
            yield from _elements(block, where, most=10, kinds=None)
        case "actions":
            yield from _elements(block, where, most=25, kinds=ACTION_ELEMENTS)
        case "alert":
            yield from _alert(block, where)
        case "input":
            yield from _input(block, where, inputs)


def _alert(block: dict[str, Any], where: str) -> Iterator[str]:
    # https://docs.slack.dev/reference/block-kit/blocks/alert-block
    yield from _text(block.get("text"), MOST_ALERT_CHARACTERS, f"{where}/text")
    if block.get("level") not in (None, *ALERT_LEVELS):
        yield f"{where}/level: one of {', '.join(ALERT_LEVELS)}"


def _section(block: dict[str, Any], where: str) -> Iterator[str]:
    if block.get("text") is None and not block.get("fields"):
        yield f"{where}: needs text or fields"
    if block.get("text") is not None:
        yield from _text(block["text"], 3000, f"{where}/text")
    fields = block.get("fields") or []
    if len(fields) > 10:
        yield f"{where}/fields: at most 10"
    for number, text in enumerate(fields):
        yield from _text(text, 2000, f"{where}/fields/{number}")
    if block.get("accessory") is not None:
        yield from _element(block["accessory"], f"{where}/accessory", ACTION_ELEMENTS)


def _elements(block: dict[str, Any], where: str, *, most: int, kinds: set[str] | None) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= most:
        yield f"{where}/elements: from 1 to {most}"
        return
    ids = [element.get("action_id") for element in elements if isinstance(element, dict) and element.get("action_id")]
    if len(ids) != len(set(ids)):
        yield f"{where}/elements: two have the same action_id"
    for number, element in enumerate(elements):
        if kinds is None:
            yield from _text(element, 3000, f"{where}/elements/{number}")
        else:
            yield from _element(element, f"{where}/elements/{number}", kinds)


def _input(block: dict[str, Any], where: str, kinds: set[str]) -> Iterator[str]:
    yield from _plain_text(block.get("label"), 2000, f"{where}/label")
    if block.get("hint") is not None:
        yield from _plain_text(block["hint"], 2000, f"{where}/hint")
    for name in ("dispatch_action", "optional"):
        yield from _truth(block, name, where)
    yield from _element(block.get("element"), f"{where}/element", kinds)


def _element(element: Any, where: str, kinds: set[str]) -> Iterator[str]:
    if not isinstance(element, dict) or element.get("type") not in kinds:
        yield f"{where}: unsupported element {_type(element)!r}"
        return
    yield from _bounded(element.get("action_id", ""), 255, f"{where}/action_id", least=0)
    if element.get("confirm") is not None:
        yield from _confirm(element["confirm"], f"{where}/confirm")
    match element["type"]:
        case "button":
            yield from _button(element, where)
        case "plain_text_input":
            yield from _text_input(element, where)
        case "number_input":
            yield from _number_input(element, where)
        case "datepicker":
            yield from _datepicker(element, where)
        case kind if kind in _CHOICES:
            if element.get("placeholder") is not None:
                yield from _plain_text(element["placeholder"], 150, f"{where}/placeholder")
            least, most = _CHOICES[kind]
            yield from _options(element, where, least=least, most=most)


def _button(element: dict[str, Any], where: str) -> Iterator[str]:
    yield from _plain_text(element.get("text"), 75, f"{where}/text")
    yield from _bounded(element.get("value", ""), 2000, f"{where}/value", least=0)
    yield from _bounded(element.get("accessibility_label", ""), 75, f"{where}/accessibility_label", least=0)
    yield from _address(element, where)
    if element.get("style") not in (None, "primary", "danger"):
        yield f"{where}/style: primary or danger"


def _address(thing: dict[str, Any], where: str) -> Iterator[str]:
    if thing.get("url") is None:
        return
    yield from _bounded(thing["url"], 3000, f"{where}/url", least=1)
    if not str(thing["url"]).startswith(("http://", "https://")):
        yield f"{where}/url: must begin with http:// or https://"


def _text_input(element: dict[str, Any], where: str) -> Iterator[str]:
    if "initial_value" in element:
        yield from _bounded(element["initial_value"], 3000, f"{where}/initial_value", least=1)
    if element.get("placeholder") is not None:
        yield from _plain_text(element["placeholder"], 150, f"{where}/placeholder")
    yield from _truth(element, "multiline", where)
    for name, least in (("min_length", 0), ("max_length", 1)):
        if element.get(name) is not None and element[name] not in range(least, 3001):
            yield f"{where}/{name}: from {least} to 3000"
    yield from _triggers(element, where)


def _number_input(element: dict[str, Any], where: str) -> Iterator[str]:
    # https://docs.slack.dev/reference/block-kit/block-elements/number-input-element: all numbers are texts.
    if not isinstance(element.get("is_decimal_allowed"), bool):
        yield f"{where}/is_decimal_allowed: must be true or false"
    for name in ("initial_value", "min_value", "max_value"):
        if name in element and not (isinstance(element[name], str) and _is_number(element[name])):
            yield f"{where}/{name}: must be a text that is a number"
    yield from _triggers(element, where)
    if element.get("placeholder") is not None:
        yield from _plain_text(element["placeholder"], 150, f"{where}/placeholder")


def _datepicker(element: dict[str, Any], where: str) -> Iterator[str]:
    # https://docs.slack.dev/reference/block-kit/block-elements/date-picker-element
    if "initial_date" in element and not re.fullmatch(r"\d{4}-\d\d-\d\d", str(element["initial_date"])):
        yield f"{where}/initial_date: must be a day as YYYY-MM-DD"
    if element.get("placeholder") is not None:
        yield from _plain_text(element["placeholder"], 150, f"{where}/placeholder")


def _triggers(element: dict[str, Any], where: str) -> Iterator[str]:
    triggers = (element.get("dispatch_action_config") or {}).get("trigger_actions_on") or []
    if set(triggers) - {"on_enter_pressed", "on_character_entered"}:
        yield f"{where}/dispatch_action_config: on_enter_pressed or on_character_entered"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _options(element: dict[str, Any], where: str, *, least: int, most: int) -> Iterator[str]:
    options = element.get("options")
    if not isinstance(options, list) or not least <= len(options) <= most:
        yield f"{where}/options: from {least} to {most}"
        return
    initial = element.get("initial_options") or [element.get("initial_option")]
    if any(option is not None and option not in options for option in initial):
        yield f"{where}/initial_option: not among the options"
    for number, option in enumerate(options):
        yield from _option(option, f"{where}/options/{number}", element["type"])


def _option(option: Any, where: str, kind: str) -> Iterator[str]:
    if not isinstance(option, dict):
        yield f"{where}: must be an object"
        return
    # Menus are drawn by the client's system, which knows no mrkdwn.
    checked = _plain_text if kind in ("static_select", "overflow") else _text
    yield from checked(option.get("text"), 75, f"{where}/text")
    yield from _bounded(option.get("value"), 75, f"{where}/value", least=1)
    if option.get("description") is not None:
        yield from checked(option["description"], 75, f"{where}/description")
    if kind == "overflow":
        yield from _address(option, where)
    elif option.get("url") is not None:
        yield f"{where}/url: only in an overflow menu"


def _confirm(confirm: Any, where: str) -> Iterator[str]:
    if not isinstance(confirm, dict):
        yield f"{where}: must be an object"
        return
    yield from _plain_text(confirm.get("title"), 100, f"{where}/title")
    yield from _text(confirm.get("text"), 300, f"{where}/text")
    yield from _plain_text(confirm.get("confirm"), 30, f"{where}/confirm")
    yield from _plain_text(confirm.get("deny"), 30, f"{where}/deny")


def _text(text: Any, most: int, where: str) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in ("plain_text", "mrkdwn"):
        yield f"{where}: must be a text object"
        return
    yield from _bounded(text.get("text"), most, where, least=1)


def _plain_text(text: Any, most: int, where: str) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") != "plain_text":
        yield f"{where}: must be plain_text"
        return
    yield from _bounded(text.get("text"), most, where, least=1)


def _bounded(text: Any, most: int, where: str, *, least: int) -> Iterator[str]:
    # Slack does not say how it counts; of the two likely ways this one, JavaScript's, counts more.
    if not isinstance(text, str) or not least <= len(text.encode("utf-16-le", "surrogatepass")) // 2 <= most:
        yield f"{where}: must be a text of {least} to {most} characters"


def _truth(thing: dict[str, Any], name: str, where: str) -> Iterator[str]:
    if thing.get(name) not in (None, True, False):
        yield f"{where}/{name}: must be true or false"
