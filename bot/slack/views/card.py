"""The card of a profile, the invitation to set one up, the question before its deletion, and the password link."""

from collections.abc import Sequence
from datetime import UTC, datetime

from slack_sdk.models.blocks import ButtonElement, ConfirmObject

from bot.profiles.account.profile import ENCRYPTION_WORDS, LABELS, EmailProfile, Field
from bot.profiles.account.records import ProfileState, ProfileView
from bot.profiles.tokens.program import Program
from bot.slack.ids import ActionId
from bot.slack.views.message import (
    Block,
    Button,
    Message,
    actions,
    button,
    code,
    context,
    escape,
    format_date,
    format_time,
    line_sections,
    section,
)
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.views.programs import TITLE as PROGRAMS_TITLE
from bot.slack.views.programs import card_line
from bot.smtp.account import Encryption
from bot.smtp.advice.notice import provider_notice

TITLE = "Email profile"

SYMBOLS = {
    ProfileState.WORKS: ":large_green_circle:",
    ProfileState.FAILS: ":red_circle:",
    ProfileState.NOT_TESTED: ":white_circle:",
    ProfileState.PASSWORD_MISSING: ":large_yellow_circle:",
    ProfileState.NOT_SET_UP: ":white_circle:",
    ProfileState.UNREADABLE: ":red_circle:",
    ProfileState.DEACTIVATED: ":black_circle:",
}

_STATE_SENTENCES = {
    ProfileState.WORKS: "it works",
    ProfileState.NOT_TESTED: "it is not tested yet",
    ProfileState.PASSWORD_MISSING: "its password is missing",
}


def card(
    view: ProfileView,
    *,
    reader: str,
    entry: PasswordEntry,
    programs: Sequence[Program] | None = None,
    notes: Sequence[str] = (),
    below: Sequence[Block] = (),
) -> Message:
    """Return a profile as `reader` (a user id) sees it, or an invitation to set one up.

    `programs` are those that send with it, None where none can; `notes` are sentences about what the reader has just
    typed; `below` comes at the end of a profile.
    """
    if view.state is ProfileState.UNREADABLE:
        return _unreadable(view, reader)
    if view.state is ProfileState.NOT_SET_UP:
        return _invitation(view, reader)
    title = "Your email profile" if view.owner.user == reader else "Email profile of a colleague"
    failed = _failed_stage(view)
    words = f"it fails at {failed}" if failed else _STATE_SENTENCES.get(view.state, str(view.state))
    return Message(
        text=f"{title}: {words}.",
        blocks=[
            _heading(view, reader),
            *_values(view, [] if programs is None else [card_line(programs)]),
            *_buttons(view, reader, entry, _programs_button(view, programs)),
            *_warnings(view),
            *(section(f":warning: {escape(note)}") for note in notes),
            *below,
        ],
    )


def _heading(view: ProfileView, reader: str) -> Block:
    whose = "Your email profile" if view.owner.user == reader else f"Email profile of <@{view.owner.user}>"
    failed = _failed_stage(view)
    words = f"Fails at {failed}" if failed else str(view.state)
    test = view.last_test if view.state in (ProfileState.WORKS, ProfileState.FAILS) else None
    tested = f" — tested {format_time(test.tested_at)}" if test else ""
    return section(f"*{whose}*\n{SYMBOLS[view.state]} {words}{tested}")


def _failed_stage(view: ProfileView) -> str:
    failed = view.last_test.failed_stage if view.last_test else None
    return failed.name if failed and view.state is ProfileState.FAILS else ""


def _programs_button(view: ProfileView, programs: Sequence[Program] | None) -> list[Button]:
    return [] if programs is None else [button(PROGRAMS_TITLE, ActionId.PROGRAMS, value=view.owner.user)]


def _values(view: ProfileView, more: Sequence[str]) -> list[Block]:
    profile, mode, set_at = view.profile, view.encryption, view.profile.password_set_at
    source = "" if mode is Encryption.NONE else f" · from {mode.value} Y"
    values = (
        (LABELS[Field.ADDRESS], code(profile.address)),
        (LABELS[Field.LOGIN], code(profile.login)),
        (LABELS[Field.PASSWORD], f"set on {format_date(set_at)}" if view.has_password and set_at else "not set"),
        (LABELS[Field.HOST], code(profile.host)),
        (LABELS[Field.PORT], code(str(profile.port))),
        ("Authentication", "required" if profile.authenticate else "not required"),
        ("Encryption", f"{ENCRYPTION_WORDS[mode]}{source}"),
        ("Extra configurations", _extras(profile) or "none"),
    )
    return line_sections([*(f"*{label}*  {value}" for label, value in values), *more])


def _extras(profile: EmailProfile) -> str:
    return " · ".join(code(f"{name} {value}") for name, value in profile.extras.items())


def _buttons(view: ProfileView, reader: str, entry: PasswordEntry, more: Sequence[Button]) -> list[Block]:
    owner = view.owner.user
    missing = view.state is ProfileState.PASSWORD_MISSING
    buttons = [
        button("Edit", ActionId.EDIT, value=owner),
        button("Test connection", ActionId.TEST, value=owner, style=None if missing else "primary"),
        button("Extra Configurations", ActionId.OPEN_EXTRAS, value=owner),
        *more,
    ]
    if owner == reader and entry is not PasswordEntry.IN_FORM:
        style = "primary" if missing else None
        buttons.append(button("Set the password privately", ActionId.SET_PRIVATELY, value=owner, style=style))
    name = view.profile.extras.get("FROM_NAME")
    sender = f"{name} <{view.profile.address}>" if name else view.profile.address
    return [actions(*buttons), context(f"Recipients see: {code(sender)}")]


def _warnings(view: ProfileView) -> list[Block]:
    blocks: list[Block] = []
    ending = provider_notice(view.account, datetime.now(UTC).date())
    if ending is not None:
        blocks.append(section(f":warning: {escape(ending)}"))
    mismatch = view.mismatch
    if mismatch is not None:
        action = ActionId.USE_SSL if mismatch.extra == "SSL" else ActionId.USE_TLS
        blocks.append(section(f":warning: {escape(mismatch.sentence)}"))
        blocks.append(actions(button(f"Add {mismatch.extra} Y", action, value=view.owner.user)))
    return blocks


def _invitation(view: ProfileView, reader: str) -> Message:
    own = view.owner.user == reader
    who = "You have" if own else f"<@{view.owner.user}> has"
    extras = f"\nExtra configurations so far: {_extras(view.profile)}" if view.profile.extras else ""
    return Message(
        text=f"{'You have' if own else 'This person has'} no email profile yet. It takes a minute to set one up.",
        blocks=[
            section(f"{who} no email profile yet. It takes a minute: an address, a mail server, a password.{extras}"),
            actions(button("Set up", ActionId.EDIT, value=view.owner.user, style="primary")),
        ],
    )


def _unreadable(view: ProfileView, reader: str) -> Message:
    sentence = (
        "The stored profile cannot be read: it was altered, or its key is gone. It is not used for anything. "
        "Please type everything again, the password too."
    )
    again = button("Type it again", ActionId.EDIT, value=view.owner.user, style="primary")
    return Message(text=sentence, blocks=[_heading(view, reader), section(sentence), actions(again)])


def delete_question(view: ProfileView, *, reader: str) -> Message:
    """Return the question before deleting; its button asks once more."""
    own = view.owner.user == reader
    whose = "your email profile" if own else f"the email profile of <@{view.owner.user}>"
    confirm = ConfirmObject(
        title="Delete the email profile?",
        text=(
            "The six values, the password, the extra configurations and the last test are removed for good, and "
            "programs that send with the profile can no longer do so. Who did "
            "what kind of thing, and when, stays in the history for a while."
        ),
        confirm="Delete",
        deny="Keep",
        style="danger",
    )
    return Message(
        text=f"Delete {'your email profile' if own else 'this email profile'}? It cannot be brought back.",
        blocks=[
            section(f"Delete {whose}? It cannot be brought back."),
            actions(button("Delete …", ActionId.DELETE, value=view.owner.user, style="danger", confirm=confirm)),
        ],
    )


def password_link(url: str) -> Message:
    """Return the link to the private password page."""
    sentence = (
        "Your password does not pass through Slack on this page. The link works once, for ten minutes, and for your "
        "own profile only: do not pass it on."
    )
    open_page = ButtonElement(text="Open the private page", action_id=ActionId.OPEN_LINK, url=url, style="primary")
    return Message(
        text=f"Open the private page to set your password. {sentence}", blocks=[section(sentence), actions(open_page)]
    )
