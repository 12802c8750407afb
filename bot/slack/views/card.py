"""The card: one profile at a glance, the invitation for those who have none, and deleting."""

from datetime import UTC, datetime

from slack_sdk.models.blocks import Block, ConfirmObject

from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.extras import ENCRYPTION_WORDS
from bot.profiles.account.profile import LABELS, EmailProfile, Field
from bot.profiles.account.records import ProfileState, ProfileView
from bot.slack.ids import ActionId
from bot.slack.views.form import PasswordEntry
from bot.slack.views.message import (
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
from bot.smtp.account import Encryption
from bot.smtp.advice.advice import notice

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


def whose(view: ProfileView, reader: str) -> str:
    """Head a card: the reader's own, or somebody else's by mention."""
    return "Your email profile" if view.owner.user == reader else f"Email profile of <@{view.owner.user}>"


def card(view: ProfileView, *, reader: str, entry: PasswordEntry) -> Message:
    """Show a profile to `reader` (a user id), or invite to set one up."""
    if view.state is ProfileState.UNREADABLE:
        return _unreadable(view, reader)
    if view.state is ProfileState.NOT_SET_UP:
        return _invitation(view, reader)
    title = "Your email profile" if view.owner.user == reader else "Email profile of a colleague"
    return Message(
        text=f"{title}: {_state_words(view)}.", blocks=[*_facts(view, reader), *_closing(view, reader, entry)]
    )


def _facts(view: ProfileView, reader: str) -> list[Block]:
    profile = view.profile
    facts = (
        (LABELS[Field.ADDRESS], code(profile.address)),
        (LABELS[Field.LOGIN], code(profile.login)),
        (LABELS[Field.PASSWORD], password_words(view)),
        (LABELS[Field.HOST], code(profile.host)),
        (LABELS[Field.PORT], code(str(profile.port))),
        ("Authentication", "required" if profile.authenticate else "not required"),
        ("Encryption", encryption_words(view.encryption)),
        ("Extra configurations", extras_words(profile)),
    )
    return [
        section(f"*{whose(view, reader)}*\n{state_line(view)}"),
        *line_sections(f"*{label}*  {value}" for label, value in facts),
    ]


def _closing(view: ProfileView, reader: str, entry: PasswordEntry) -> list[Block]:
    owner = view.owner.user
    missing = view.state is ProfileState.PASSWORD_MISSING
    buttons = [
        button("Edit", ActionId.EDIT, value=owner),
        button("Test connection", ActionId.TEST, value=owner, style=None if missing else "primary"),
        button("Extra Configurations", ActionId.OPEN_EXTRAS, value=owner),
    ]
    if owner == reader and entry is not PasswordEntry.IN_FORM:
        style = "primary" if missing else None
        buttons.append(button("Set the password privately", ActionId.SET_PRIVATELY, value=owner, style=style))
    blocks: list[Block] = [
        actions(*buttons),
        context(f"Recipients see: {code(sender(view.profile))}"),
    ]
    told = notice(view.account, datetime.now(UTC).date())
    if told is not None:
        blocks.append(section(f":warning: {escape(told)}"))
    misfit = view.mismatch
    if misfit is not None:
        action = ActionId.USE_SSL if misfit.extra == "SSL" else ActionId.USE_TLS
        blocks.append(section(f":warning: {escape(misfit.sentence)}"))
        blocks.append(actions(button(f"Add {misfit.extra} Y", action, value=owner)))
    return blocks


def _invitation(view: ProfileView, reader: str) -> Message:
    own = view.owner.user == reader
    who = "You have" if own else f"<@{view.owner.user}> has"
    text = f"{'You have' if own else 'This person has'} no email profile yet."
    extras = f"\nExtra configurations so far: {extras_words(view.profile)}" if view.profile.extras else ""
    return Message(
        text=f"{text} It takes a minute to set one up.",
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
    return Message(
        text=sentence,
        blocks=[
            section(f"*{whose(view, reader)}*\n{state_line(view)}"),
            section(sentence),
            actions(button("Type it again", ActionId.EDIT, value=view.owner.user, style="primary")),
        ],
    )


def state_line(view: ProfileView) -> str:
    """Say how the profile stands: symbol, word, and since when."""
    test = view.last_test
    when = f" — tested {format_time(test.tested_at)}" if test is not None else ""
    if view.state is ProfileState.FAILS and test is not None and test.failed_stage is not None:
        return f"{SYMBOLS[view.state]} Fails at {test.failed_stage.name}{when}"
    if view.state in (ProfileState.WORKS, ProfileState.FAILS):
        return f"{SYMBOLS[view.state]} {view.state}{when}"
    return f"{SYMBOLS[view.state]} {view.state}"


def _state_words(view: ProfileView) -> str:
    test = view.last_test
    if view.state is ProfileState.FAILS and test is not None and test.failed_stage is not None:
        return f"it fails at {test.failed_stage.name}"
    words = {
        ProfileState.WORKS: "it works",
        ProfileState.NOT_TESTED: "it is not tested yet",
        ProfileState.PASSWORD_MISSING: "its password is missing",
    }
    return words.get(view.state, str(view.state))


def password_words(view: ProfileView) -> str:
    """Say whether a password is stored and since when; never what it is."""
    set_at = view.profile.password_set_at
    return f"set on {format_date(set_at)}" if view.has_password and set_at else "not set"


def encryption_words(encryption: Encryption) -> str:
    """Say the effective encryption, and which extra configuration makes it so."""
    source = "" if encryption is Encryption.NONE else f" · from {encryption.value} Y"
    return f"{ENCRYPTION_WORDS[encryption]}{source}"


def extras_words(profile: EmailProfile) -> str:
    """List the extra configurations in one line."""
    return " · ".join(code(f"{name} {value}") for name, value in profile.extras.items()) or "none"


def sender(profile: EmailProfile) -> str:
    """Write the From that recipients see."""
    name = profile.extras.get("FROM_NAME")
    return f"{name} <{profile.address}>" if name else profile.address


def delete_question(view: ProfileView, *, reader: str) -> Message:
    """Ask before deleting; the button asks once more."""
    own = view.owner.user == reader
    whom = "your email profile" if own else f"the email profile of <@{view.owner.user}>"
    confirm = ConfirmObject(
        title="Delete the email profile?",
        text="The six values, the password, the extra configurations and the last test are removed for good.",
        confirm="Delete",
        deny="Keep",
        style="danger",
    )
    return Message(
        text=f"Delete {'your email profile' if own else 'this email profile'}? It cannot be brought back.",
        blocks=[
            section(f"Delete {whom}? It cannot be brought back."),
            actions(button("Delete …", ActionId.DELETE, value=view.owner.user, style="danger", confirm=confirm)),
        ],
    )


def changed_message(changed: ProfileChange, *, changed_by: str) -> Message:
    """Tell an owner what somebody else changed; of a password only that it changed."""
    view = changed.view
    lines = "\n".join(f"• {code(line)}" for line in changed.descriptions) or ", ".join(changed.fields)
    told = f"<@{changed_by}> changed your email profile:\n{lines}"
    text = f"An admin changed your email profile: {', '.join(changed.fields)}."
    if changed.password_dropped:
        asked = "Your password was typed for another server or certificate, so the bot forgot it. Please type it again."
        told, text = f"{told}\n{asked}", f"{text} Please type your password again."
    return Message(
        text=text,
        blocks=[
            section(told),
            actions(
                button("Edit", ActionId.EDIT, value=view.owner.user, style="primary"),
                button("Test connection", ActionId.TEST, value=view.owner.user),
            ),
        ],
    )


def deleted_message(admin: str) -> Message:
    """Tell an owner that somebody else deleted their profile."""
    return Message(
        text="An admin deleted your email profile. Set it up again if that was a mistake.",
        blocks=[
            section(f"<@{admin}> deleted your email profile. If that was a mistake, ask them, or set it up again."),
            actions(button("Set up", ActionId.EDIT)),
        ],
    )
