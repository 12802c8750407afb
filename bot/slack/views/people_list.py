"""“Work with email”: the list of everybody's accounts, for admins."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    InputBlock,
    InteractiveElement,
    Option,
    OverflowMenuElement,
    PlainTextInputElement,
    PlainTextObject,
    SectionBlock,
    StaticSelectElement,
)

from bot.profiles.account.records import ProfileState
from bot.profiles.people.members import PROBLEMS_FIRST, state_from_number, state_number
from bot.profiles.people.people_list import ListQuery, PeoplePage, PersonLine
from bot.slack.ids import ActionId
from bot.slack.views.card import SYMBOLS
from bot.slack.views.form import OutdatedFormError
from bot.slack.views.message import (
    Message,
    actions,
    button,
    code,
    context,
    format_date,
    format_time,
    header,
    mrkdwn,
    section,
)
from bot.smtp.account import Encryption
from storage.tables.people_query import Cursor

TITLE = "Work with email"
MAX_SEARCH_LENGTH = 60
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
_ORDER_IN_NUMBERS = (
    ProfileState.WORKS,
    ProfileState.FAILS,
    ProfileState.PASSWORD_MISSING,
    ProfileState.UNREADABLE,
    ProfileState.NOT_TESTED,
    ProfileState.NOT_SET_UP,
    ProfileState.DEACTIVATED,
)

ROW_ACTIONS: Mapping[str, str] = {
    "edit": "Edit",
    "test": "Test connection",
    "extras": "Extra configurations",
    "history": "History",
    "remove": "Remove …",
}


def counts_text(numbers: Mapping[ProfileState, int]) -> str:
    """Sum everybody up: "300 people · 271 work · 12 fail"."""
    total = sum(numbers.values())
    parts = [f"{numbers[state]} {STATE_WORDS[state]}" for state in _ORDER_IN_NUMBERS if numbers.get(state)]
    return " · ".join([f"{total} {'person' if total == 1 else 'people'}", *parts])


def list_message(page: PeoplePage) -> Message:
    """Show one page with its search, filter, order and buttons."""
    wish = page.query
    blocks: list[Block] = [
        header(TITLE),
        context(counts_text(page.counts)),
        _search(wish),
        _choices(page),
        *(row(line, number, wish) for number, line in enumerate(page.lines)),
    ]
    if not page.lines:
        blocks.append(section(_nobody(wish)))
    blocks.append(context(_place(page)))
    turns = _turns(page)
    if turns:
        blocks.append(actions(*turns, block_id=_id("turn", wish)))
    return Message(text=f"{TITLE}: {counts_text(page.counts)}.", blocks=blocks)


def row(line: PersonLine, number: int, wish: ListQuery | None) -> SectionBlock:
    """Show one person: how they stand, who they are, which server; and what can be done."""
    profile = line.profile
    server = ""
    if profile.host:
        encryption = "" if line.encryption is Encryption.NONE else f" {line.encryption}"
        server = f"  {code(f'{profile.host}:{profile.port}{encryption}')}"
    tested = f"  tested {format_time(line.tested_at)}" if line.tested_at else ""
    account = f"\n{code(profile.address)}{server}{tested}" if profile.address else ""
    options = [Option(value=f"{act}:{line.user}", label=label) for act, label in ROW_ACTIONS.items()]
    return SectionBlock(
        block_id=_id(f"row{number}", wish),
        text=mrkdwn(f"{SYMBOLS[line.state]} *{state_words(line)}*  <@{line.user}>{account}"),
        accessory=OverflowMenuElement(action_id=ActionId.PEOPLE_ROW, options=options),
    )


def state_words(line: PersonLine) -> str:
    """Say how somebody stands, and since when where that matters."""
    if line.state is ProfileState.FAILS:
        where = f" at {line.failed_stage}" if line.failed_stage else ""
        return f"Fails{where} since {format_date(line.since)}"
    if line.state is ProfileState.DEACTIVATED and line.deactivated_at:
        return f"Deactivated since {format_date(line.deactivated_at)}"
    return str(line.state)


def _nobody(wish: ListQuery) -> str:
    if wish.search:
        return f"Nobody is found by {code(wish.search)}. Search by the beginning of a name or address."
    if wish.state is not None:
        return f"Nobody is in the state “{wish.state}”."
    return "Nobody is in the list yet. The bot reads the workspace's people when it starts; look again in a minute."


def _place(page: PeoplePage) -> str:
    if not page.lines:
        return "0 lines"
    first = page.query.first
    of = f" of {page.total}" if page.total is not None else ""
    return f"{first}–{first + len(page.lines) - 1}{of}"


def _search(wish: ListQuery) -> InputBlock:
    return InputBlock(
        block_id=_id("search", wish),
        label=PlainTextObject(text="Search"),
        dispatch_action=True,
        optional=True,
        element=PlainTextInputElement(
            action_id=ActionId.PEOPLE_SEARCH,
            initial_value=wish.search or None,
            placeholder=PlainTextObject(text="Name or address, then Enter"),
            max_length=MAX_SEARCH_LENGTH,
        ),
    )


def _choices(page: PeoplePage) -> ActionsBlock:
    wish = page.query
    states = {_ALL: "State: all"} | {
        str(state_number(state)): f"State: {state} ({page.counts.get(state, 0)})" for state in PROBLEMS_FIRST
    }
    orders = {_BY_PROBLEM: "Sort: problems first", _BY_NAME: "Sort: by name"}
    chosen = _ALL if wish.state is None else str(state_number(wish.state))
    elements: list[InteractiveElement] = [
        _menu(ActionId.PEOPLE_STATE, states, chosen, "State"),
        _menu(ActionId.PEOPLE_ORDER, orders, _BY_NAME if wish.by_name else _BY_PROBLEM, "Sort"),
        button("Test these", ActionId.PEOPLE_TEST, value="these"),
        button("Export", ActionId.PEOPLE_EXPORT, value="these"),
    ]
    return ActionsBlock(block_id=_id("choices", wish), elements=elements)


def _menu(action_id: str, labels: Mapping[str, str], chosen: str, name: str) -> StaticSelectElement:
    options = {value: Option(value=value, label=label) for value, label in labels.items()}
    return StaticSelectElement(
        action_id=action_id,
        placeholder=PlainTextObject(text=name),
        options=list(options.values()),
        initial_option=options[chosen],
    )


def _turns(page: PeoplePage) -> Sequence[Any]:
    turns = []
    if page.previous is not None:
        turns.append(button("Previous", ActionId.PEOPLE_BACK, value=encode_query(page.previous)))
    if page.next is not None:
        turns.append(button("Next", ActionId.PEOPLE_PAGE, value=encode_query(page.next)))
    return turns


def _id(part: str, wish: ListQuery | None) -> str | None:
    """Let a block remember the wish: a press gives back its block's id, and nothing else of an ephemeral message."""
    return f"{part}|{encode_query(wish)}" if wish is not None else None


def encode_query(wish: ListQuery) -> str:
    """Write a wish, well under the 255 characters of a block's id."""
    values: list[Any] = [
        wish.search[:MAX_SEARCH_LENGTH],
        None if wish.state is None else state_number(wish.state),
        int(wish.by_name),
        wish.first,
        _place_of(wish.after),
        _place_of(wish.before),
    ]
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def _place_of(cursor: Cursor | None) -> list[Any] | None:
    return None if cursor is None else [cursor.state, cursor.position, cursor.user]


def decode_query(text: str) -> ListQuery:
    """Read what `written` wrote, alone or behind a block's part; raises OutdatedFormError for anything else."""
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
    """Read a number that the database can hold; raises ValueError for others."""
    number = int(value)
    if not 0 <= number < 2**63:
        raise ValueError("no place in a list")
    return number


def decode_state(value: str) -> ProfileState | None:
    """Read the state menu's value; None is all."""
    return state_from_number(int(value)) if value.isascii() and value.isdigit() else None


def decode_order(value: str) -> bool:
    """Read the order menu's value: whether by name."""
    return value == _BY_NAME


def decode_row_action(value: str) -> tuple[str, str]:
    """Read a row menu's value: what to do, and the person's user id; raises OutdatedFormError for anything else."""
    act, _, user = value.partition(":")
    if act not in ROW_ACTIONS or not user:
        raise OutdatedFormError
    return act, user


def home_blocks(page: PeoplePage) -> list[Block]:
    """Show the list's first page on the Home tab."""
    blocks: list[Block] = [header(TITLE), context(counts_text(page.counts))]
    blocks += [row(line, number, None) for number, line in enumerate(page.lines)]
    blocks.append(
        actions(
            button("Search, filter, test, export", ActionId.PEOPLE_OPEN),
            button("Defaults", ActionId.DEFAULTS_EDIT),
        )
    )
    return blocks


def export_comment(count: int) -> str:
    """Say that the table comes."""
    return f"The list as a table, {count} {'line' if count == 1 else 'lines'}. It holds no passwords."
