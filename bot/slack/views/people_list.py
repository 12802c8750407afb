"""“Work with email”: the list of everybody's profiles as admins see it, and the values of its buttons and menus."""

import json
from collections.abc import Mapping
from typing import Any

from slack_sdk.models.blocks import InputBlock, OverflowMenuElement, PlainTextInputElement, SectionBlock

from bot.profiles.account.records import ProfileState
from bot.profiles.people.members import PROBLEMS_FIRST, state_from_number, state_number
from bot.profiles.people.people_list import ListQuery, PeoplePage, PersonLine
from bot.slack.ids import ActionId
from bot.slack.views.card import SYMBOLS
from bot.slack.views.message import (
    Block,
    Message,
    actions,
    button,
    code,
    context,
    format_date,
    format_time,
    header,
    menu,
    mrkdwn,
    option,
    section,
    truncate,
)
from bot.slack.views.private_metadata import OutdatedFormError
from bot.smtp.account import Encryption
from storage.tables.people_query import Cursor

TITLE = "Work with email"
MAX_SEARCH_LENGTH = 60
MAX_VALUE_LENGTH = 60
_ALL = "all"
_BY_NAME, _BY_PROBLEM = "name", "problems"

STATE_WORDS: Mapping[ProfileState, str] = {
    ProfileState.WORKS: "work",
    ProfileState.FAILS: "fail",
    ProfileState.PASSWORD_MISSING: "password missing",
    ProfileState.UNREADABLE: "cannot be read",
    ProfileState.NOT_TESTED: "never tested",
    ProfileState.NOT_SET_UP: "not set up",
    ProfileState.DEACTIVATED: "deactivated",
}

ROW_ACTIONS: Mapping[str, str] = {
    "edit": "Edit",
    "test": "Test connection",
    "extras": "Extra configurations",
    "history": "History",
    "remove": "Remove …",
    "remind": "Remind",
}

_OFFERED: Mapping[ProfileState, tuple[str, ...]] = {
    ProfileState.FAILS: ("edit", "test", "remind", "history", "remove"),
    ProfileState.NOT_TESTED: ("edit", "test", "extras", "remind", "history"),
    ProfileState.PASSWORD_MISSING: ("edit", "extras", "remind", "history", "remove"),
    ProfileState.UNREADABLE: ("edit", "remind", "history", "remove"),
    ProfileState.NOT_SET_UP: ("edit", "extras", "remind", "history"),
}
"""What helps in a state: an overflow menu has five options at most."""
_OFFERED_ELSE = ("edit", "test", "extras", "history", "remove")


def counts_text(counts: Mapping[ProfileState, int]) -> str:
    """Return how many people are in each state: "300 people · 271 work · 12 fail"."""
    total = sum(counts.values())
    parts = [f"{counts[state]} {words}" for state, words in STATE_WORDS.items() if counts.get(state)]
    return " · ".join([f"{total} {'person' if total == 1 else 'people'}", *parts])


def list_message(page: PeoplePage) -> Message:
    """Return one page with its search, filter, order and buttons."""
    query = page.query
    blocks: list[Block] = [
        header(TITLE),
        context(counts_text(page.counts)),
        _search(query),
        _choices(page),
        *(row(line, number, query) for number, line in enumerate(page.lines)),
    ]
    if not page.lines:
        blocks.append(section(_nobody(query)))
    blocks.append(context(_position(page)))
    buttons = []
    if page.previous is not None:
        buttons.append(button("Previous", ActionId.PEOPLE_BACK, value=encode_query(page.previous)))
    if page.next is not None:
        buttons.append(button("Next", ActionId.PEOPLE_PAGE, value=encode_query(page.next)))
    if buttons:
        blocks.append(actions(*buttons, block_id=_block_id("turn", query)))
    return Message(text=f"{TITLE}: {counts_text(page.counts)}.", blocks=blocks)


def home_blocks(page: PeoplePage) -> list[Block]:
    """Return the list's first page for the Home tab."""
    return [
        header(TITLE),
        context(counts_text(page.counts)),
        *(row(line, number, None) for number, line in enumerate(page.lines)),
        actions(
            button("Search, filter, test, export", ActionId.PEOPLE_OPEN), button("Defaults", ActionId.DEFAULTS_EDIT)
        ),
    ]


def row(line: PersonLine, number: int, query: ListQuery | None) -> SectionBlock:
    """Return one person's state, account and server, with a menu of what can be done."""
    profile = line.profile
    server = ""
    if profile.host:
        encryption = "" if line.encryption is Encryption.NONE else f" {line.encryption}"
        server = f"  {code(f'{_short(profile.host)}:{profile.port}{encryption}')}"
    tested = f"  tested {format_time(line.tested_at)}" if line.tested_at else ""
    account = f"\n{code(_short(profile.address))}{server}{tested}" if profile.address else ""
    offered = _OFFERED.get(line.state, _OFFERED_ELSE)
    options = [option(f"{action}:{line.user}", ROW_ACTIONS[action]) for action in offered]
    return SectionBlock(
        block_id=_block_id(f"row{number}", query) if query else None,
        text=mrkdwn(f"{SYMBOLS[line.state]} *{state_words(line)}*  <@{line.user}>{account}"),
        accessory=OverflowMenuElement(action_id=ActionId.PEOPLE_ROW, options=options),
    )


def _short(text: str) -> str:
    """Return as much of a value as fits into a row, so that a page of the longest ones still fits into a message."""
    return truncate(text, MAX_VALUE_LENGTH)


def state_words(line: PersonLine) -> str:
    """Return a person's state, and since when where that matters."""
    if line.state is ProfileState.FAILS:
        where = f" at {line.failed_stage}" if line.failed_stage else ""
        return f"Fails{where} since {format_date(line.since)}"
    if line.state is ProfileState.DEACTIVATED and line.deactivated_at:
        return f"Deactivated since {format_date(line.deactivated_at)}"
    return str(line.state)


def _nobody(query: ListQuery) -> str:
    if query.search:
        return f"Nobody is found by {code(query.search)}. Search by the beginning of a name or address."
    if query.state is not None:
        return f"Nobody is in the state “{query.state}”."
    return "Nobody is in the list yet. The bot reads the workspace's people when it starts; look again in a minute."


def _position(page: PeoplePage) -> str:
    if not page.lines:
        return "0 lines"
    first = page.query.first
    of = f" of {page.total}" if page.total is not None else ""
    return f"{first}–{first + len(page.lines) - 1}{of}"


def _search(query: ListQuery) -> InputBlock:
    return InputBlock(
        block_id=_block_id("search", query),
        label="Search",
        dispatch_action=True,
        optional=True,
        element=PlainTextInputElement(
            action_id=ActionId.PEOPLE_SEARCH,
            initial_value=query.search or None,
            placeholder="Name or address, then Enter",
            max_length=MAX_SEARCH_LENGTH,
        ),
    )


def _choices(page: PeoplePage) -> Block:
    query = page.query
    states = {_ALL: "State: all"} | {
        str(state_number(state)): f"State: {state} ({page.counts.get(state, 0)})" for state in PROBLEMS_FIRST
    }
    orders = {_BY_PROBLEM: "Sort: problems first", _BY_NAME: "Sort: by name"}
    state = _ALL if query.state is None else str(state_number(query.state))
    order = _BY_NAME if query.by_name else _BY_PROBLEM
    return actions(
        menu(ActionId.PEOPLE_STATE, states, selected=state, placeholder="State"),
        menu(ActionId.PEOPLE_ORDER, orders, selected=order, placeholder="Sort"),
        button("Test these", ActionId.PEOPLE_TEST, value="these"),
        button("Remind", ActionId.PEOPLE_REMIND, value="these"),
        button("Export", ActionId.PEOPLE_EXPORT, value="these"),
        block_id=_block_id("choices", query),
    )


def _block_id(part: str, query: ListQuery) -> str:
    """Return a block id that holds the query: a press in an ephemeral message returns nothing else of it."""
    return f"{part}|{encode_query(query)}"


def encode_query(query: ListQuery) -> str:
    """Return a query as JSON, well under the 255 characters of a block id."""
    values: list[Any] = [
        query.search[:MAX_SEARCH_LENGTH],
        None if query.state is None else state_number(query.state),
        int(query.by_name),
        query.first,
        *([cursor.state, cursor.position, cursor.user] if cursor else None for cursor in (query.after, query.before)),
    ]
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def decode_query(text: str) -> ListQuery:
    """Read what `encode_query` wrote, also as a block id; raises OutdatedFormError for anything else."""
    try:
        search, state, by_name, first, after, before = json.loads(
            text if text.startswith("[") else text.partition("|")[2]
        )
        return ListQuery(
            search=str(search)[:MAX_SEARCH_LENGTH],
            state=None if state is None else state_from_number(int(state)),
            by_name=bool(by_name),
            first=_number(first),
            after=_cursor(after),
            before=_cursor(before),
        )
    except (ValueError, TypeError, OverflowError):
        raise OutdatedFormError from None


def _cursor(values: Any) -> Cursor | None:
    if values is None:
        return None
    state, position, user = values
    return Cursor(state=_number(state), position=_number(position), user=str(user))


def _number(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 2**63:
        raise ValueError("no number that the database can hold")
    return number


def decode_state(value: str) -> ProfileState | None:
    """Read the value of the state menu; None is all states."""
    return state_from_number(int(value)) if value.isascii() and value.isdigit() else None


def decode_order(value: str) -> bool:
    """Read the value of the order menu: whether by name."""
    return value == _BY_NAME


def decode_row_action(value: str) -> tuple[str, str]:
    """Read the value of a row's menu: the action and the user id; raises OutdatedFormError for anything else."""
    action, _, user = value.partition(":")
    if action not in ROW_ACTIONS or not user:
        raise OutdatedFormError
    return action, user


def export_comment(count: int) -> str:
    """Return the comment that goes with the exported table."""
    return f"The list as a table, {count} {'line' if count == 1 else 'lines'}. It holds no passwords."
