"""The modal "Email profile": its inputs and buttons, what it remembers, and reading what was typed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from pydantic import SecretStr, TypeAdapter, ValidationError
from slack_sdk.models.blocks import InputBlock, PlainTextInputElement, RadioButtonsElement
from slack_sdk.models.views import View

from bot.profiles.account.changes import CONFLICT_FIELDS, Conflict
from bot.profiles.account.profile import ENCRYPTION_WORDS, LABELS, EmailProfile, Field, ProfileForm
from bot.profiles.account.records import ProfileView
from bot.profiles.errors import UserError
from bot.slack.ids import ActionId, ViewId
from bot.slack.views.message import (
    Block,
    actions,
    button,
    checkbox_input,
    context,
    escape,
    is_checked,
    option,
    section,
    selected_value,
    text_value,
)

MAX_METADATA_LENGTH = 3000
"""Characters of a view's private_metadata (https://docs.slack.dev/reference/views)."""

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
    """A modal or a button was made by another version of the bot."""

    def __init__(self) -> None:
        super().__init__("This form is of an older version of the bot. Close it and open it again.")


@dataclass(frozen=True, kw_only=True)
class ReplyAddress:
    """The response_url of the command or press that opened a modal, and when it ends, in seconds since 1970.

    Whoever has it may post there, so it goes nowhere but into Slack's own keeping, and never into a log.
    """

    url: str = field(repr=False)
    until: float


@dataclass(frozen=True, kw_only=True)
class PrivateMetadata:
    """A modal's `private_metadata`: whose profile, the revision it was opened on, its initial values.

    `reply` is where the person stands who opened it. Nothing in it grants anything about a profile: whoever submits is
    authorised again.
    """

    owner: str
    revision: int
    reply: ReplyAddress | None = None
    initial_values: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> str:
        """Return it as JSON; where that has no room for the address of replies, without it."""
        # Escaped, a letter beyond ASCII would take the room of six.
        text = json.dumps(asdict(self), ensure_ascii=False)
        if len(text) > MAX_METADATA_LENGTH and self.reply is not None:
            return replace(self, reply=None).encode()
        return text

    @classmethod
    def decode(cls, text: str) -> "PrivateMetadata":
        """Read what `encode` wrote.

        Raises:
            OutdatedFormError: it is anything else.
        """
        try:
            metadata = _METADATA.validate_json(text, strict=True)
        except ValidationError:
            raise OutdatedFormError from None
        if not metadata.owner:
            raise OutdatedFormError
        return metadata

    def after_own_change(self, revision: int) -> "PrivateMetadata":
        """Return it on the revision that the person's own change made, unless somebody else's came between."""
        return replace(self, revision=revision) if revision - self.revision <= 1 else self


_METADATA = TypeAdapter(PrivateMetadata)


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
    """Return the form over what is stored, with `decisions` at its top and `notes` (a test's report, say) at its end.

    Slack keeps what was typed when a view is updated, because the inputs keep their block ids.
    """
    profile = suggested if suggested is not None and not view.profile.address else view.profile
    own = view.owner.user == reader
    blocks: list[Block] = [] if own else [context(f"For <@{view.owner.user}>")]
    if decisions:
        sentence = "*Somebody saved this profile meanwhile.* Nothing of yours was saved yet, and nothing is lost."
        blocks += [section(f":warning: {sentence}"), *map(_decision, decisions)]
    blocks += [
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
        title="Email profile",
        submit="Save",
        close="Cancel",
        private_metadata=metadata.encode(),
        blocks=blocks,
    )


def _form_buttons(entry: PasswordEntry, *, own: bool) -> Block:
    buttons = [button("Extra Configurations", ActionId.FORM_EXTRAS), button("Test connection", ActionId.FORM_TEST)]
    if own and entry is not PasswordEntry.IN_FORM:
        buttons.append(button("Set the password privately", ActionId.FORM_PRIVATELY))
    return actions(*buttons, block_id="form_buttons")


def _password(view: ProfileView, entry: PasswordEntry, *, own: bool) -> list[Block]:
    """Return the password's input, or where else it is typed; it has no initial value: empty keeps what is stored."""
    set_at = view.profile.password_set_at if view.has_password else None
    if entry is PasswordEntry.PRIVATE:
        now = f"set on {set_at:%d %b %Y}." if set_at else "not set."
        who = "You set the password" if own else "The owner sets the password"
        return [context(f"*{LABELS[Field.PASSWORD]}:* {now} {who} on a private page of the bot.")]
    hint = f"Set on {set_at:%d %b %Y}; leave empty to keep it." if set_at else "The password of this mail account."
    private = " Or set it privately, below." if own and entry is PasswordEntry.EITHER else ""
    return [
        InputBlock(
            block_id=Field.PASSWORD,
            label=LABELS[Field.PASSWORD],
            hint=hint,
            optional=True,
            element=PlainTextInputElement(action_id=ActionId.VALUE),
        ),
        context(f"What you type is visible and passes through Slack. Prefer an app password.{private}"),
    ]


def _decision(conflict: Conflict) -> InputBlock:
    mine = option(_MINE, f"Use mine: {conflict.mine or 'empty'}")
    theirs = option(_THEIRS, f"Use theirs: {conflict.theirs or 'empty'}")
    return InputBlock(
        block_id=f"{_DECISION}{conflict.field}",
        label=f"{LABELS[conflict.field]} differs",
        element=RadioButtonsElement(
            action_id=ActionId.VALUE, options=[mine, theirs], initial_option=mine if conflict.touched else theirs
        ),
    )


def _text_input(name: Field, value: str, *, optional: bool = False, focus: bool = False) -> InputBlock:
    return InputBlock(
        block_id=name,
        label=LABELS[name],
        hint=_HINTS[name],
        optional=optional,
        element=PlainTextInputElement(
            action_id=ActionId.VALUE, initial_value=value or None, placeholder=_EXAMPLES[name], focus_on_load=focus
        ),
    )


def read_form(values: Mapping[str, Any]) -> ProfileForm:
    """Return the form as typed; `values` is the view's `state.values`."""
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
    """Return the errors of a form as a list below it: after a button, Slack shows none beside their fields."""
    lines = "\n".join(f"• *{LABELS[Field(name)]}*: {escape(sentence)}" for name, sentence in errors.items())
    return [section(f":warning: Not tested yet. Please mend this first:\n{lines}")]
