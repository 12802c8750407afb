"""“Work with email”: the list of everybody's profiles as admins see it, and the values of its buttons and menus.

Slack shows the end of a new message. So a page is short enough that its headline is in sight too, and search, menus
and buttons stand below the people, beside the composer, where eyes and hands are. Tried in the demo's page at 1280 by
800 pixels: fifteen people with the controls on top began at the ninth of them, six people of four lines at the second;
five people of three lines at most begin with the headline. On a phone no page has room for both ends. A `data_table`
(https://docs.slack.dev/reference/block-kit/blocks/data-table-block) would page by itself, but nothing in its rows can
be pressed.
"""

import json
from collections.abc import Mapping
from typing import Any

from slack_sdk.models.blocks import (
    InputBlock,
    Option,
    OverflowMenuElement,
    PlainTextInputElement,
    SectionBlock,
    StaticSelectElement,
)

from bot.profiles.account.records import ProfileState
from bot.profiles.people.members import PROBLEMS_FIRST, state_from_number, state_number
from bot.profiles.people.people_list import ListQuery, PeoplePage, PersonLine
from bot.slack.ids import ActionId
from bot.slack.views.card import SYMBOLS
from bot.slack.views.message import (
    MAX_OPTION_LENGTH,
    Block,
    Message,
    actions,
    button,
    code,
    context,
    escape,
    format_date,
    format_time,
    header,
    menu,
    mrkdwn,
    section,
    truncate,
)
from bot.slack.views.private_metadata import OutdatedFormError
from bot.smtp.account import Encryption
from bot.smtp.check.report import StageName
from storage.tables.people_query import Cursor

TITLE = "Work with email"
MAX_SEARCH_LENGTH = 50
MAX_VALUE_LENGTH = 60
_ALL = "all"
_BY_NAME, _BY_PROBLEM = "name", "problems"
_STAGES = tuple(StageName)
_LONGEST_ID = 36

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
    "report": "Last report",
    "test": "Test connection",
    "extras": "Extra configurations",
    "history": "History",
    "remove": "Remove …",
    "remind": "Remind",
}
_OFFERED_ELSE = ("edit", "test", "extras", "history", "remove")
_OFFERED: Mapping[ProfileState, tuple[str, ...]] = {
    ProfileState.FAILS: ("edit", "report", "test", "remind", "history"),
    ProfileState.NOT_TESTED: ("edit", "test", "extras", "remind", "remove"),
    ProfileState.PASSWORD_MISSING: ("edit", "extras", "remind", "history", "remove"),
    ProfileState.UNREADABLE: ("edit", "remind", "history", "remove"),
    ProfileState.NOT_SET_UP: ("edit", "extras", "remind", "history"),
    ProfileState.DEACTIVATED: ("history", "remove"),
}
"""What helps in a state; Slack takes five options in such a menu
(https://docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element)."""

_MAX_CAUSE_LENGTH = 80
_MAX_WARNING_LENGTH = 200
_MAX_NAME_LENGTH = 40


def counts_text(counts: Mapping[ProfileState, int]) -> str:
    """Return how many people are in each state: "300 people · 271 work · 12 fail"."""
    total = sum(counts.values())
    parts = [f"{counts[state]} {words}" for state, words in STATE_WORDS.items() if counts.get(state)]
    return " · ".join([f"{total} {'person' if total == 1 else 'people'}", *parts])


def list_message(page: PeoplePage) -> Message:
    """Return one page: the headline, the people, and below them search, filter, order and buttons."""
    query = page.query
    blocks: list[Block] = [header(TITLE), context(counts_text(page.counts))]
    if page.group:
        blocks.append(context(f"Only who was found to fail {escape(truncate(page.group, 500))}"))
    blocks += [row(line, number, query) for number, line in enumerate(page.lines)]
    if not page.lines:
        blocks.append(section(_nobody(query)))
    blocks += [context(_position(page)), _search(query), _choices(page), _buttons(page)]
    return Message(text=f"{TITLE}: {counts_text(page.counts)}.", blocks=blocks)


def home_blocks(page: PeoplePage) -> list[Block]:
    """Return the list's first page for the Home tab."""
    return [
        header(TITLE),
        context(counts_text(page.counts)),
        *(row(line, number, None) for number, line in enumerate(page.lines)),
        context(_position(page)),
        actions(
            button("Search, filter, test, export", ActionId.PEOPLE_OPEN), button("Defaults", ActionId.DEFAULTS_EDIT)
        ),
    ]


def row(line: PersonLine, number: int, query: ListQuery | None) -> SectionBlock:
    """Return one person's state, account and server, with a menu of what can be done.

    Slack names no such menu itself; so that whoever hears it knows whose it is, each option is described by the name.
    """
    profile = line.profile
    server = ""
    if profile.host:
        encryption = "" if line.encryption is Encryption.NONE else f" {line.encryption}"
        server = f"  {code(f'{_short(profile.host)}:{profile.port}{encryption}')}"
    tested = f"  tested {format_time(line.tested_at)}" if line.tested_at and line.state is ProfileState.WORKS else ""
    account = f"\n{code(_short(profile.address))}{server}{tested}" if profile.address else ""
    return SectionBlock(
        block_id=_block_id(f"row{number}", query) if query else None,
        text=mrkdwn(f"{SYMBOLS[line.state]} *{state_words(line)}*  <@{line.user}>{account}{_why(line)}"),
        accessory=OverflowMenuElement(action_id=ActionId.PEOPLE_ROW, options=_row_options(line)),
    )


def _row_options(line: PersonLine) -> list[Option]:
    words = {**ROW_ACTIONS, "edit": "Set up"} if line.state is ProfileState.NOT_SET_UP else ROW_ACTIONS
    acts = _OFFERED.get(line.state, _OFFERED_ELSE)
    name = truncate(line.name, _MAX_NAME_LENGTH) or None
    return [Option(value=f"{act}:{line.user}", text=words[act], description=name) for act in acts]


def _why(line: PersonLine) -> str:
    """Return why somebody fails, without the stage and the server, which stand above; else what cannot work."""
    if line.state is ProfileState.FAILS:
        what = line.cause.partition(": ")[2]
        return f"\n{escape(truncate(what, _MAX_CAUSE_LENGTH))}" if what else ""
    warnings = (escape(truncate(sentence, _MAX_WARNING_LENGTH)) for sentence in line.warnings)
    return "".join(f"\n:warning: {warning}" for warning in warnings)


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
    if query.stage is not None:
        return f"Nobody fails at {query.stage}{' by this cause' if query.cause else ''} any more."
    if query.cause:
        return "Nobody fails by this cause any more."
    if query.state is not None:
        return f"Nobody is in the state “{query.state}”."
    if query.run_id:
        return "Nobody of these is in the list any more."
    return "Nobody is in the list yet. The bot reads the workspace's people when it starts; look again in a minute."


def _position(page: PeoplePage) -> str:
    everybody = sum(page.counts.values())
    narrowed = f" ({everybody} in all)" if page.query.narrows else ""
    if not page.lines:
        return f"0 of {page.total}{narrowed}"
    first = page.query.first
    # Slack on iOS leaves the search's input empty.
    words = f" · found by “{escape(page.query.search)}”" if page.query.search else ""
    return f"{first}–{first + len(page.lines) - 1} of {page.total}{narrowed}{words}"


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
    menus = [menu(ActionId.PEOPLE_STATE, _states(page), selected=_state_value(query), placeholder="State")]
    if page.causes and not query.run_id:
        menus.append(_causes(page))
    orders = {_BY_PROBLEM: "Sort: problems first", _BY_NAME: "Sort: by name"}
    order = _BY_NAME if query.by_name else _BY_PROBLEM
    menus.append(menu(ActionId.PEOPLE_ORDER, orders, selected=order, placeholder="Sort"))
    return actions(*menus, block_id=_block_id("choices", query))


def _states(page: PeoplePage) -> dict[str, str]:
    """Return the options of the state menu, those who fail by stage too."""
    options = {_ALL: "State: all"}
    for state in PROBLEMS_FIRST:
        options[str(state_number(state))] = f"State: {state} ({page.counts.get(state, 0)})"
        if state is ProfileState.FAILS:
            stages = dict(page.stages)
            if page.query.stage:
                stages.setdefault(page.query.stage, 0)
            options |= {_stage_value(stage): f"Fails at {stage} ({people})" for stage, people in stages.items()}
    return options


def _state_value(query: ListQuery) -> str:
    if query.stage is not None:
        return _stage_value(query.stage)
    return _ALL if query.state is None else str(state_number(query.state))


def _stage_value(stage: StageName) -> str:
    return f"{state_number(ProfileState.FAILS)}.{_STAGES.index(stage)}"


def _causes(page: PeoplePage) -> StaticSelectElement:
    options = {_ALL: "Cause: all"}
    for cause in page.causes:
        count = f" ({cause.people})"
        words = cause.words.removeprefix("at ")
        options[cause.id] = f"{truncate(words, MAX_OPTION_LENGTH - len(count))}{count}"
    chosen = page.query.cause
    if chosen and chosen not in options:
        options[chosen] = "This cause (0)"
    return menu(ActionId.PEOPLE_CAUSE, options, selected=chosen or _ALL, placeholder="Cause")


def _buttons(page: PeoplePage) -> Block:
    query = page.query
    buttons = [button("Test these", ActionId.PEOPLE_TEST, value="these")]
    if page.counts.get(ProfileState.FAILS) and query.state in (None, ProfileState.FAILS):
        buttons.append(button("Fix these", ActionId.PEOPLE_FIX, value="these"))
    buttons.append(button("Remind", ActionId.PEOPLE_REMIND, value="these"))
    buttons.append(button("Export", ActionId.PEOPLE_EXPORT, value="these"))
    if query.run_id:
        buttons.append(button("Show everybody", ActionId.PEOPLE_ALL, value=encode_query(query.of_everybody())))
    if page.previous is not None:
        buttons.append(button("Previous", ActionId.PEOPLE_BACK, value=encode_query(page.previous)))
    if page.next is not None:
        buttons.append(button("Next", ActionId.PEOPLE_PAGE, value=encode_query(page.next)))
    return actions(*buttons, block_id=_block_id("buttons", query))


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
        None if query.stage is None else _STAGES.index(query.stage),
        query.cause,
        query.run_id,
        query.group,
    ]
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def decode_query(text: str) -> ListQuery:
    """Read what `encode_query` wrote, also as a block id; raises OutdatedFormError for anything else."""
    try:
        values = json.loads(text if text.startswith("[") else text.partition("|")[2])
        # Messages of the version before have six of them.
        search, state, by_name, first, after, before, stage, cause, run_id, group = [*values, None, "", "", 0][:10]
        return ListQuery(
            search=str(search)[:MAX_SEARCH_LENGTH],
            state=None if state is None else state_from_number(int(state)),
            by_name=bool(by_name),
            first=_number(first),
            after=_cursor(after),
            before=_cursor(before),
            stage=None if stage is None else _STAGES[_number(stage)],
            cause=str(cause)[:_LONGEST_ID],
            run_id=str(run_id)[:_LONGEST_ID],
            group=_number(group),
        )
    except (ValueError, TypeError, OverflowError, IndexError):
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


def decode_state(value: str) -> tuple[ProfileState | None, StageName | None]:
    """Read the value of the state menu; None is all states, or all stages."""
    state, _, stage = value.partition(".")
    if not (state.isascii() and state.isdigit()):
        return None, None
    number = int(stage) if stage.isascii() and stage.isdigit() and len(stage) < 3 else len(_STAGES)
    return state_from_number(int(state)), _STAGES[number] if number < len(_STAGES) else None


def decode_cause(value: str) -> str:
    """Read the value of the cause menu: a cause's short name, empty for all."""
    return "" if value == _ALL else value[:_LONGEST_ID]


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
