"""The modal "Email profile": its inputs and buttons, drawn at first and anew."""

from collections.abc import Mapping, Sequence

from slack_sdk.models.blocks import InputBlock, NumberInputElement, PlainTextInputElement, RadioButtonsElement
from slack_sdk.models.views import View

from bot.profiles.account.changes import Conflict
from bot.profiles.account.extras import ENCRYPTING
from bot.profiles.account.profile import ENCRYPTION_CHOICES, LABELS, TYPICAL_PORTS, Field, find_mismatch, parse_port
from bot.profiles.people.defaults import Defaults
from bot.slack.ids import ActionId, ViewId
from bot.slack.views.form_state import DECISION, FOUND_FIELDS, MINE, THEIRS, Form, FormContent
from bot.slack.views.inputs import block_id_of
from bot.slack.views.message import (
    Block,
    actions,
    alert,
    button,
    checkbox_input,
    code,
    context,
    escape,
    menu,
    option,
    section,
    truncate,
)
from bot.slack.views.password_entry import PasswordEntry
from bot.smtp.advice.row import Fix

SAVE_BUTTON, TEST_BUTTON, PRIVATE_BUTTON = "Save", "Test connection", "Set the password privately"

_MAX_PLACEHOLDER_LENGTH = 150

_ADDRESS_HINT = "Used towards the server, and what recipients see as From."
_PORT_HINT = "587 goes with TLS, 465 with SSL, 25 with none, where nobody signs in."
_ENCRYPTION_HINT = "TLS starts unencrypted and must switch, SSL encrypts from the first byte."
_PASSWORD_FIXES: Mapping[Fix, str] = {
    Fix.REMOVE_BLANKS: "When the form is tested and saved, the blanks are taken out of the password.",
    Fix.REMOVE_INVISIBLE: "When the form is tested and saved, the invisible characters are taken out of the password.",
}


def profile_form(
    form: Form,
    *,
    notes: Sequence[Block] = (),
    decisions: Sequence[Conflict] = (),
    buttons: Sequence[Block] | None = None,
    ended: str = "",
) -> View:
    """Return the modal, with `notes` (a test's report, say) and `decisions` at its top.

    `buttons` are rows in place of the form's own; `ended` is a line of mrkdwn below them that leads to the notes.
    """
    whose = [] if form.is_own else [context(f"For <@{form.basis.view.owner.user}>")]
    asked = [*form.undecided, *(_decision(one, form.metadata.revision) for one in decisions)]
    if asked:
        sentence = "*Somebody saved this profile meanwhile.* Nothing of yours was saved yet, and nothing is lost."
        asked = [section(f":warning: {sentence}"), *asked]
    return View(
        type="modal",
        callback_id=ViewId.PROFILE,
        title="Email profile",
        submit=SAVE_BUTTON,
        close="Cancel",
        private_metadata=form.metadata.encode(),
        blocks=[
            *whose,
            *notes,
            *asked,
            *(_address_that_finds(form) if form.finds and buttons is None else [_address(form)]),
            *_inputs(form),
            *(_buttons(form) if buttons is None else buttons),
            *([context(ended)] if ended else []),
            *_extras(form),
        ],
    )


def _inputs(form: Form) -> list[Block]:
    """Return the inputs below the address."""
    content, defaults = form.content, _defaults(form)
    login = defaults.login_for(content.address)
    return [
        _text_input(
            form,
            Field.LOGIN,
            content.login,
            hint=_login_hint(form),
            example=login or "ada@example.com",
            optional=_may_be_empty(form, content.login),
        ),
        *_password(form),
        _text_input(
            form,
            Field.HOST,
            content.host,
            hint=_host_hint(form),
            example=defaults.host or "smtp.example.com",
            optional=bool(defaults.host or form.finds) and _may_be_empty(form, content.host),
        ),
        _port_input(form),
        InputBlock(
            block_id=_block_id(form, Field.ENCRYPTION),
            label=LABELS[Field.ENCRYPTION],
            hint=_ENCRYPTION_HINT,
            dispatch_action=form.is_searching or None,
            element=menu(
                ActionId.VALUE,
                {choice.value: label for choice, label in ENCRYPTION_CHOICES.items()},
                selected=content.encryption.value,
            ),
        ),
        *_mismatch(content),
        checkbox_input(
            _block_id(form, Field.AUTHENTICATE),
            label=LABELS[Field.AUTHENTICATE],
            meaning="Sign in with the login and password above",
            checked=content.authenticate,
            sent_as=ActionId.FORM_AUTHENTICATE,
        ),
    ]


def _address(form: Form) -> InputBlock:
    return _address_input(form, hint=_ADDRESS_HINT, sent_on=None)


def _address_that_finds(form: Form) -> list[Block]:
    """Return the input of the address, in which Enter finds its settings, and a button that does the same."""
    hint = f"{_ADDRESS_HINT} Enter finds the settings."
    find = actions(button("Find settings", ActionId.FORM_FIND), block_id="form_find")
    return [_address_input(form, hint=hint, sent_on="on_enter_pressed"), find]


def _address_input(form: Form, *, hint: str, sent_on: str | None) -> InputBlock:
    address = form.content.address
    return _text_input(
        form, Field.ADDRESS, address, hint=hint, example="ada@example.com", optional=False, sent_on=sent_on
    )


def _defaults(form: Form) -> Defaults:
    """Return the defaults that count for the address in the form."""
    return form.basis.defaults.for_address(form.content.address)


def _login_hint(form: Form) -> str:
    pattern = _defaults(form).login_pattern
    if _may_be_empty(form, form.content.login):
        meant = f"what your workspace makes of the address ({pattern})" if pattern else "the email address"
        return f"Empty: {meant}."
    return f"Your workspace makes it of the address ({pattern})." if pattern else "Often the email address."


def _host_hint(form: Form) -> str:
    host = _defaults(form).host
    if host and _may_be_empty(form, form.content.host):
        return f"Empty: the server of your workspace, {host}."
    if host:
        return f"The server of your workspace is {host}."
    if form.finds:
        empty = " Empty: it is looked for when you test or save." if _may_be_empty(form, form.content.host) else ""
        return f"The server for outgoing mail.{empty}"
    return "The server for outgoing mail, which has to be known to save. Not sure? Ask your mail provider."


def _mismatch(content: FormContent) -> list[Block]:
    """Return a warning where port and encryption do not fit; neither is changed by itself."""
    port = parse_port(content.port) or TYPICAL_PORTS[content.encryption]
    found = find_mismatch(port, content.encryption, authenticate=content.authenticate, said_by="this form")
    return [context(f":warning: {escape(found.sentence)}")] if found else []


def _buttons(form: Form) -> list[Block]:
    row = [button(TEST_BUTTON, ActionId.FORM_TEST), button("Extra Configurations", ActionId.FORM_EXTRAS)]
    if form.is_own and form.entry is not PasswordEntry.IN_FORM:
        row.append(button(PRIVATE_BUTTON, ActionId.FORM_PRIVATELY))
    return [actions(*row, block_id="form_buttons")]


def _extras(form: Form) -> list[Block]:
    """Return the extra configurations besides the encryption, and what becomes of them at Save."""
    stored, shown = form.basis.view.profile.extras, form.extras
    lines = [
        code(f"{name} {value}") + ("" if stored.get(name) == value else " (waits for Save)")
        for name, value in shown.items()
        if name not in ENCRYPTING
    ]
    lines += [
        f"{code(name)} is removed (waits for Save)" for name in stored if name not in shown and name not in ENCRYPTING
    ]
    return [context(f"Extra configurations: {' · '.join(lines)}")] if lines else []


def _password(form: Form) -> list[Block]:
    """Return the password's input, or where else it is typed; it has no initial value: empty keeps what is stored."""
    view = form.basis.view
    set_at = view.profile.password_set_at
    kept = view.has_password_for(form.account.host)
    if form.entry is PasswordEntry.PRIVATE:
        now = f"set on {set_at:%d %b %Y}." if kept and set_at else "not set."
        who = "You set the password" if form.is_own else "The owner sets the password"
        return [context(f"*{LABELS[Field.PASSWORD]}:* {now} {who} on a private page of the bot.")]
    hint = "The password of this mail account."
    if set_at:
        meant = f"Set on {set_at:%d %b %Y} for {view.profile.password_host}"
        hint = f"{meant}; leave empty to keep it." if kept else f"{meant}, and it goes to no other server."
    private = " Or set it privately, below." if form.is_own and form.entry is PasswordEntry.EITHER else ""
    fixes = [_PASSWORD_FIXES[Fix(name)] for name in form.metadata.password_fixes if name in set(_PASSWORD_FIXES)]
    return [
        InputBlock(
            block_id=_block_id(form, Field.PASSWORD),
            label=LABELS[Field.PASSWORD],
            hint=hint,
            # Of somebody else an admin need not know it.
            optional=kept or not (form.is_own and form.content.authenticate),
            element=PlainTextInputElement(action_id=ActionId.VALUE),
        ),
        *(context(f":information_source: {sentence}") for sentence in fixes),
        context(f"What you type is visible and passes through Slack. Prefer an app password.{private}"),
    ]


def _decision(conflict: Conflict, revision: int) -> InputBlock:
    """Return the choice between two values; each revision asks anew."""
    mine = option(MINE, f"Use mine: {conflict.mine or 'empty'}")
    theirs = option(THEIRS, f"Use theirs: {conflict.theirs or 'empty'}")
    return InputBlock(
        block_id=block_id_of(f"{DECISION}{conflict.field}", revision),
        label=f"{conflict.label} differs",
        element=RadioButtonsElement(
            action_id=ActionId.VALUE, options=[mine, theirs], initial_option=mine if conflict.touched else theirs
        ),
    )


def _block_id(form: Form, name: Field) -> str:
    return block_id_of(name, form.metadata.generations.get(name, 0))


def _may_be_empty(form: Form, value: str) -> bool:
    """Whether an input may be left empty; one that is drawn anew with a value may not (`views/inputs.py`)."""
    return not (form.metadata.drawn and value)


def _text_input(
    form: Form, name: Field, value: str, *, hint: str, example: str, optional: bool, sent_on: str | None = None
) -> InputBlock:
    sent_on = _sent_while_searching(form) if name in FOUND_FIELDS else sent_on
    return InputBlock(
        block_id=_block_id(form, name),
        label=LABELS[name],
        hint=hint,
        optional=optional,
        dispatch_action=sent_on is not None or None,
        element=PlainTextInputElement(
            action_id=ActionId.VALUE,
            initial_value=value or None,
            placeholder=truncate(example, _MAX_PLACEHOLDER_LENGTH),
            focus_on_load=name is Field.ADDRESS and not form.metadata.drawn,
            dispatch_action_config=_sent(sent_on),
        ),
    )


def _sent_while_searching(form: Form) -> str | None:
    """Return when an input that a search may fill is sent: as it is typed, so that nothing is put over that."""
    return "on_character_entered" if form.is_searching else None


def _sent(on: str | None) -> dict[str, list[str]] | None:
    return {"trigger_actions_on": [on]} if on else None


def _port_input(form: Form) -> InputBlock:
    # Whatever else was typed stays in the input, which keeps its block id.
    port = parse_port(form.content.port)
    may_be_empty = _may_be_empty(form, str(port or ""))
    sent_on = _sent_while_searching(form)
    return InputBlock(
        block_id=_block_id(form, Field.PORT),
        label=LABELS[Field.PORT],
        hint=f"{_PORT_HINT} Empty: the one of these that fits." if may_be_empty else _PORT_HINT,
        optional=may_be_empty,
        dispatch_action=sent_on is not None or None,
        element=NumberInputElement(
            action_id=ActionId.VALUE,
            is_decimal_allowed=False,
            min_value=1,
            max_value=65535,
            initial_value=port or None,
            placeholder=str(TYPICAL_PORTS[form.content.encryption]),
            dispatch_action_config=_sent(sent_on),
        ),
    )


def errors_notes(errors: Mapping[str, str]) -> list[Block]:
    """Return the errors of a form as a list at its top: after a button, Slack shows none beside their fields."""
    lines = "\n".join(f"• *{LABELS[Field(name)]}*: {escape(sentence)}" for name, sentence in errors.items())
    return [*alert("Not tested yet. Please mend this first.", "error"), section(lines)]
