"""Programs: the list, the modal that adds one, what is typed into it, and the settings of known programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from slack_sdk.models.blocks import (
    ButtonElement,
    ConfirmObject,
    DatePickerElement,
    InputBlock,
    NumberInputElement,
    PlainTextInputElement,
    PlainTextObject,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from bot.profiles.account.profile import LABELS as PROFILE_LABELS
from bot.profiles.account.profile import Field
from bot.profiles.people.access import Person
from bot.profiles.tokens.program import MaySendTo, Program
from bot.profiles.tokens.program_form import (
    LABELS,
    LONGEST_NAME,
    MAY_SEND_TO_CHOICES,
    MOST_MESSAGES_A_DAY,
    ProgramField,
    ProgramForm,
)
from bot.profiles.tokens.secret_token import SecretToken
from bot.programs.program_settings import ENCRYPTION_MEANINGS, SHOWN_ONCE, ProgramSettings, typed_values, what_to_type
from bot.programs.snippets import Snippet
from bot.slack.ids import ActionId, ViewId
from bot.slack.views.inputs import ShownValues
from bot.slack.views.message import (
    Block,
    Button,
    Message,
    actions,
    as_json,
    button,
    code,
    context,
    escape,
    format_ago,
    menu,
    option,
    preformatted,
    section,
    truncate,
)
from bot.slack.views.private_metadata import PrivateMetadata

TITLE = "Programs"
ADD_BUTTON = "Add a program"
SETTINGS_TITLE = "Settings"


@dataclass(frozen=True, kw_only=True)
class ProgramsPage:
    """The programs of `owner`, as `reader` (a user id) sees them; `snippets` are what the owner can have shown.

    `today` is the day now, UTC.
    """

    owner: Person
    reader: str
    programs: Sequence[Program]
    snippets: Sequence[Snippet]
    today: date

    @property
    def is_own(self) -> bool:
        """Whether the reader sees their own."""
        return self.owner.user == self.reader


def programs_message(page: ProgramsPage, *, done: str = "") -> Message:
    """Return the list, which is a modal on the Home tab; `done` is a sentence about what was just done."""
    whose = "your profile" if page.is_own else f"the profile of <@{page.owner.user}>"
    names = ", ".join(program.name for program in page.programs)
    text = f"Programs that send with {'your' if page.is_own else 'this'} profile: {names or 'none yet'}."
    return Message(
        text=f"{done} {text}".strip(),
        blocks=[
            *([section(escape(done))] if done else []),
            section(f"*Programs that send with {whose}*"),
            *(_row(page, program) for program in page.programs),
            *([] if page.programs else [section(_nothing_yet(page))]),
            *_below(page),
        ],
    )


def _nothing_yet(page: ProgramsPage) -> str:
    if not page.is_own:
        return "None yet. Only the owner of a profile can add one."
    return (
        "None yet. A program (a label printer, an ERP, a scanner, a script) gets a server, a login and a token of its "
        "own, and what it sends leaves through your account."
    )


def _row(page: ProgramsPage, program: Program) -> Block:
    line = as_json(section(f"*{escape(program.name)}*\n{_use(program, page.today)}"))
    return {**line, "accessory": remove_program_button(page.owner.user, program.id, program.name)}


def _use(program: Program, today: date) -> str:
    """Return the last use of a program, and what it may do."""
    parts = ["never used"]
    if program.last_used_at is not None:
        used = f"last used {format_ago(program.last_used_at)} from {code(program.last_address)}"
        parts = [used, f"{program.sent_today} today, {program.messages_a_day} allowed"]
    if program.may_send_to is MaySendTo.OWN_DOMAIN:
        parts.append("to your own domain alone")
    if program.ends_on is not None:
        parts.append(f"{'ended' if program.ends_on < today else 'ends'} on {program.ends_on}")
    return " · ".join(parts)


def card_line(programs: Sequence[Program]) -> str:
    """Return what a card says of programs: how many, and which was used last; `*label*  value` in mrkdwn."""
    used = [program for program in programs if program.last_used_at is not None]
    if not programs:
        return f"*{TITLE}*  none"
    if not used:
        return f"*{TITLE}*  {len(programs)} · never used"
    at, name = max((program.last_used_at or program.created_at, program.name) for program in used)
    return f"*{TITLE}*  {len(programs)} · last used {format_ago(at)} by {code(name)}"


def _below(page: ProgramsPage) -> list[Block]:
    if not page.is_own:
        return []
    add = button(ADD_BUTTON, ActionId.PROGRAM_ADD, value=page.owner.user, style="primary")
    return [actions(add, *([settings_menu(page.snippets)] if page.programs else []))]


def remove_program_button(owner: str, program_id: str, name: str) -> Button:
    """Return the button that removes a program, after Slack has asked."""
    confirm = ConfirmObject(
        title="Remove the program?",
        # A name that people typed comes alive in mrkdwn.
        text=PlainTextObject(text=f"{name} can no longer send: its token ends at once, and does not come back."),
        confirm="Remove",
        deny="Keep",
        style="danger",
    )
    remove = button("Remove", ActionId.PROGRAM_REMOVE, value=f"{owner}:{program_id}", confirm=confirm)
    # Read aloud, so that one is told from the other.
    return {**remove, "accessibility_label": truncate(f"Remove {name}", 75)}


def decode_removal(value: str) -> tuple[str, str]:
    """Read the value of that button: whose program, and which."""
    owner, _, program_id = value.partition(":")
    return owner, program_id


def settings_menu(snippets: Sequence[Snippet]) -> StaticSelectElement:
    """Return the menu of programs whose settings are shown."""
    options = [option(snippet.id, snippet.program) for snippet in snippets]
    return StaticSelectElement(action_id=ActionId.PROGRAM_SETTINGS, placeholder="Settings for …", options=options)


def add_modal(form: ProgramForm, *, metadata: PrivateMetadata) -> View:
    """Return the modal that adds a program, with what stands in it at first."""
    return View(
        type="modal",
        callback_id=ViewId.ADD_PROGRAM,
        title=ADD_BUTTON,
        submit="Add",
        close="Cancel",
        private_metadata=metadata.encode(),
        blocks=[_name_input(form), _may_send_to_input(form), _messages_input(form), _ends_on_input(form)],
    )


def _name_input(form: ProgramForm) -> InputBlock:
    return InputBlock(
        block_id=ProgramField.NAME,
        label=LABELS[ProgramField.NAME],
        hint="As you will know it in the list, for example Label printer.",
        element=PlainTextInputElement(
            action_id=ActionId.VALUE,
            initial_value=form.name[:LONGEST_NAME] or None,
            max_length=LONGEST_NAME,
            focus_on_load=not form.name or None,
        ),
    )


def _may_send_to_input(form: ProgramForm) -> InputBlock:
    return InputBlock(
        block_id=ProgramField.MAY_SEND_TO,
        label=LABELS[ProgramField.MAY_SEND_TO],
        hint="My own domain: whoever finds the token can write to nobody elsewhere.",
        element=menu(
            ActionId.VALUE,
            {choice.value: label for choice, label in MAY_SEND_TO_CHOICES.items()},
            selected=form.may_send_to,
        ),
    )


def _messages_input(form: ProgramForm) -> InputBlock:
    return InputBlock(
        block_id=ProgramField.MESSAGES_A_DAY,
        label=LABELS[ProgramField.MESSAGES_A_DAY],
        hint="Beyond that it is told to try again later: a day after the first of them.",
        element=NumberInputElement(
            action_id=ActionId.VALUE,
            is_decimal_allowed=False,
            initial_value=form.messages_a_day,
            min_value="1",
            max_value=str(MOST_MESSAGES_A_DAY),
        ),
    )


def _ends_on_input(form: ProgramForm) -> InputBlock:
    return InputBlock(
        block_id=ProgramField.ENDS_ON,
        label=LABELS[ProgramField.ENDS_ON],
        hint="The last day (UTC) on which it may send. Empty: it never ends.",
        optional=True,
        element=DatePickerElement(action_id=ActionId.VALUE, initial_date=form.ends_on or None),
    )


def read_form(view: Mapping[str, Any]) -> ProgramForm:
    """Return what stands in the modal, as a request claims it."""
    values = ShownValues(view, redrawn=False)
    return ProgramForm(
        name=values.text(ProgramField.NAME),
        may_send_to=values.choice(ProgramField.MAY_SEND_TO),
        messages_a_day=values.text(ProgramField.MESSAGES_A_DAY),
        ends_on=values.day(ProgramField.ENDS_ON),
    )


def added_modal(program: Program, token: SecretToken, settings: ProgramSettings, snippets: Sequence[Snippet]) -> View:
    """Return the modal that shows the token, this once, among the values that are typed into the program."""
    values = typed_values(settings, token.secret().get_secret_value())
    return View(
        type="modal",
        title=TITLE,
        close="Done",
        blocks=[
            section(f"*{escape(program.name)}* is added. {escape(what_to_type(settings))}"),
            section("\n".join(f"*{label}*  {code(value)}" for label, value in values)),
            context(f"{PROFILE_LABELS[Field.PASSWORD]}: {SHOWN_ONCE}. Copy it now."),
            *([context(f"Encryption: {ENCRYPTION_MEANINGS[settings.server.encryption]}.")] if settings.server else []),
            actions(settings_menu(snippets)),
        ],
    )


def private_modal(name: str, url: str) -> View:
    """Return the modal that leads to the private page, on which the values are shown."""
    sentence = (
        f"The values for {name} do not pass through Slack: they are shown this once on a private page, which adds the "
        "program. The link works once, for ten minutes, and for you only: do not pass it on."
    )
    open_page = ButtonElement(text="Open the private page", action_id=ActionId.OPEN_LINK, url=url, style="primary")
    return View(type="modal", title=TITLE, close="Done", blocks=[section(escape(sentence)), actions(open_page)])


def snippet_message(snippet: Snippet) -> Message:
    """Return the settings of a known program, with a placeholder for the token."""
    sentence = f"Settings for {snippet.program}. Put the program's token in the place that is marked."
    return Message(
        text=sentence,
        blocks=[
            section(f"*Settings for {escape(snippet.program)}*\n{escape(snippet.note)}".strip()),
            *preformatted(snippet.lines),
        ],
    )
