"""The modal "Email profile": six inputs, two buttons, and what is known beside them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from pydantic import SecretStr
from slack_sdk.models.blocks import (
    Block,
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    RadioButtonsElement,
)
from slack_sdk.models.views import View

from bot.profiles.account.conflicts import CONFLICT_FIELDS, Conflict
from bot.profiles.account.extras import ENCRYPTION_WORDS
from bot.profiles.account.profile import LABELS, EmailProfile, Field, ProfileForm
from bot.profiles.account.records import ProfileView
from bot.profiles.errors import UserError
from bot.slack.ids import ActionId, ViewId
from bot.slack.views.inputs import checkbox_input, is_checked, selected_value, text_value
from bot.slack.views.message import actions, button, context, escape, section, truncate

_DECISION, _MINE, _THEIRS = "keep_", "mine", "theirs"

_HINTS: Mapping[Field, str] = {
    Field.ADDRESS: "Used towards the server, and what recipients see as From.",
    Field.LOGIN: "Often the same as the address.",
    Field.HOST: "Not sure? Ask your mail provider.",
    Field.PORT: "587 goes with TLS, 465 with SSL, 25 with neither and typically without authentication.",
}
_EXAMPLES: Mapping[Field, str] = {
    Field.ADDRESS: "ada@example.com",
    Field.LOGIN: "ada@example.com",
    Field.HOST: "smtp.example.com",
    Field.PORT: "587",
}


class OutdatedFormError(UserError):
    """A modal does not say whose profile it is about: another version of the bot opened it."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("This form is of an older version of the bot. Close it and open it again.")


@dataclass(frozen=True, kw_only=True)
class PrivateMetadata:
    """What a modal remembers: whose profile, on which revision it was opened, in which channel.

    `began` are the values that its inputs began with, so that one can tell what was typed since. It holds no secret
    and decides nothing: whoever submits is authorised again.
    """

    owner: str
    revision: int
    channel: str = ""
    initial_values: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> str:
        """Return the JSON to put into `private_metadata`."""
        values = {"owner": self.owner, "revision": self.revision, "channel": self.channel, "began": self.initial_values}
        return json.dumps({"v": 2, **values})

    @classmethod
    def decode(cls, text: str) -> "PrivateMetadata":
        """Read private_metadata.

        Raises:
            OutdatedFormError: it is nothing that `to_metadata` wrote.
        """
        try:
            values = json.loads(text)
        except ValueError:
            raise OutdatedFormError from None
        known = values if isinstance(values, dict) else {}
        owner, revision, channel = known.get("owner"), known.get("revision"), known.get("channel")
        began = known.get("began", {})
        if not (isinstance(owner, str) and owner and type(revision) is int and isinstance(channel, str)):
            raise OutdatedFormError
        if not (isinstance(began, dict) and all(isinstance(value, str) for value in began.values())):
            raise OutdatedFormError
        return cls(owner=owner, revision=revision, channel=channel, initial_values=began)

    def after_own_change(self, revision: int) -> "PrivateMetadata":
        """Go on to the revision that one's own change made, unless somebody else's lies between."""
        return replace(self, revision=revision) if revision - self.revision <= 1 else self


class PasswordEntry(StrEnum):
    """Where passwords are typed: in the form alone, there or on a private page, or on that page alone."""

    IN_FORM = "form"
    EITHER = "either"
    PRIVATE = "private"


def profile_form(
    view: ProfileView,
    *,
    metadata: PrivateMetadata,
    reader: str,
    entry: PasswordEntry,
    suggested: EmailProfile | None = None,
    notes: Sequence[Block] = (),
    decisions: Sequence[Conflict] = (),
) -> View:
    """Make the form over what is stored; `notes` stand at its end (a test's report, say), `decisions` at its top.

    Slack keeps what was typed when a view is updated, because the inputs keep their ids.
    """
    profile = suggested if suggested is not None and not view.profile.address else view.profile
    own = view.owner.user == reader
    blocks: list[Block] = [] if own else [context(f"For <@{view.owner.user}>")]
    blocks += [
        *_decisions(decisions),
        _text_input(Field.ADDRESS, profile.address, focus=True),
        _text_input(Field.LOGIN, profile.login, optional=True),
        *_password(view, entry, own=own),
        _text_input(Field.HOST, profile.host),
        _text_input(Field.PORT, str(profile.port or "")),
        checkbox_input(
            Field.AUTHENTICATE,
            label=LABELS[Field.AUTHENTICATE],
            meaning="Sign in with the login and password above",
            checked=profile.authenticate,
        ),
        _form_buttons(entry, own=own),
        context(f"Encryption now: {ENCRYPTION_WORDS[view.encryption]}"),
        *notes,
    ]
    return View(
        type="modal",
        callback_id=ViewId.PROFILE,
        title=PlainTextObject(text="Email profile"),
        submit=PlainTextObject(text="Save"),
        close=PlainTextObject(text="Cancel"),
        private_metadata=metadata.encode(),
        blocks=blocks,
    )


def _form_buttons(entry: PasswordEntry, *, own: bool) -> Block:
    buttons = [
        button("Extra Configurations", ActionId.FORM_EXTRAS),
        button("Test connection", ActionId.FORM_TEST),
    ]
    if own and entry is not PasswordEntry.IN_FORM:
        buttons.append(button("Set the password privately", ActionId.FORM_PRIVATELY))
    return actions(*buttons, block_id="form_buttons")


def _password(view: ProfileView, entry: PasswordEntry, *, own: bool) -> list[Block]:
    """Make the password's input, or say where else it is typed."""
    if entry is PasswordEntry.PRIVATE:
        whose = "You set the password" if own else "The owner sets the password"
        return [context(f"*{LABELS[Field.PASSWORD]}:* {_password_now(view)} {whose} on a private page of the bot.")]
    private = " Or set it privately, below." if own and entry is PasswordEntry.EITHER else ""
    return [
        _password_input(view),
        context(f"What you type is visible and passes through Slack. Prefer an app password.{private}"),
    ]


def _password_now(view: ProfileView) -> str:
    set_at = view.profile.password_set_at
    return f"set on {set_at:%d %b %Y}." if view.has_password and set_at is not None else "not set."


def _decisions(decisions: Sequence[Conflict]) -> list[Block]:
    if not decisions:
        return []
    told = ":warning: *Somebody saved this profile meanwhile.* Nothing of yours was saved yet, and nothing is lost."
    return [section(told), *(_decision(conflict) for conflict in decisions)]


def _decision(conflict: Conflict) -> InputBlock:
    mine = Option(value=_MINE, label=truncate(f"Use mine: {conflict.mine or 'empty'}", 75))
    theirs = Option(value=_THEIRS, label=truncate(f"Use theirs: {conflict.theirs or 'empty'}", 75))
    return InputBlock(
        block_id=f"{_DECISION}{conflict.field}",
        label=PlainTextObject(text=f"{LABELS[conflict.field]} differs"),
        element=RadioButtonsElement(
            action_id=ActionId.VALUE,
            options=[mine, theirs],
            initial_option=mine if conflict.touched else theirs,
        ),
    )


def _text_input(name: Field, value: str, *, optional: bool = False, focus: bool = False) -> InputBlock:
    return InputBlock(
        block_id=name,
        label=PlainTextObject(text=LABELS[name]),
        hint=PlainTextObject(text=_HINTS[name]),
        optional=optional,
        element=PlainTextInputElement(
            action_id=ActionId.VALUE,
            initial_value=value or None,
            placeholder=PlainTextObject(text=_EXAMPLES[name]),
            focus_on_load=focus,
        ),
    )


def _password_input(view: ProfileView) -> InputBlock:
    """Make the password's input; it never has an initial value, and leaving it empty keeps what is stored."""
    set_at = view.profile.password_set_at
    hint = "The password of this mail account."
    if view.has_password and set_at is not None:
        hint = f"Set on {set_at:%d %b %Y}; leave empty to keep it."
    return InputBlock(
        block_id=Field.PASSWORD,
        label=PlainTextObject(text=LABELS[Field.PASSWORD]),
        hint=PlainTextObject(text=hint),
        optional=True,
        element=PlainTextInputElement(action_id=ActionId.VALUE),
    )


def read_form(values: Mapping[str, Any]) -> ProfileForm:
    """Read the form from a view's `state.values`, whatever shape a request claims it has."""
    return ProfileForm(
        address=text_value(values, Field.ADDRESS),
        login=text_value(values, Field.LOGIN),
        password=SecretStr(text_value(values, Field.PASSWORD)),
        host=text_value(values, Field.HOST),
        port=text_value(values, Field.PORT),
        authenticate=is_checked(values, Field.AUTHENTICATE),
        keep_stored=frozenset(
            name for name in CONFLICT_FIELDS if selected_value(values, f"{_DECISION}{name}") == _THEIRS
        ),
    )


def errors_section(errors: Mapping[str, str]) -> list[Block]:
    """List field errors below the form, where a button was pressed and no error can stand at its field."""
    lines = "\n".join(f"• *{LABELS[Field(name)]}*: {escape(sentence)}" for name, sentence in errors.items())
    return [section(f":warning: Not tested yet. Please mend this first:\n{lines}")]
