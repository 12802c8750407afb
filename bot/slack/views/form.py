"""The modal "Email profile": its inputs and buttons, drawn at first and anew, and reading what stands in it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic import SecretStr
from slack_sdk.models.blocks import InputBlock, NumberInputElement, PlainTextInputElement, RadioButtonsElement
from slack_sdk.models.views import View

from bot.profiles.account.changes import Conflict, form_digests
from bot.profiles.account.drafts import FormBasis, completed, draft_extras, form_account
from bot.profiles.account.extras import ENCRYPTING, changes_between
from bot.profiles.account.profile import (
    ENCRYPTION_CHOICES,
    LABELS,
    TYPICAL_PORTS,
    EmailProfile,
    Field,
    ProfileForm,
    effective_encryption,
    find_mismatch,
    parse_port,
)
from bot.profiles.errors import UserError
from bot.slack.ids import ActionId, ViewId
from bot.slack.views.inputs import ShownValues, block_id_of, input_blocks, name_of
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
from bot.slack.views.private_metadata import PrivateMetadata, ReplyAddress
from bot.smtp.account import Account, Encryption
from bot.smtp.advice.row import Fix

_DECISION, _MINE, _THEIRS = "keep_", "mine", "theirs"
_ON = "on"
_CONTENT = (Field.ADDRESS, Field.LOGIN, Field.HOST, Field.PORT, Field.ENCRYPTION, Field.AUTHENTICATE)
_MAX_PLACEHOLDER_LENGTH = 150

_PORT_HINT = "587 goes with TLS, 465 with SSL, 25 with none, where nobody signs in."
_ENCRYPTION_HINT = "TLS starts unencrypted and must switch, SSL encrypts from the first byte."
_PASSWORD_FIXES: Mapping[Fix, str] = {
    Fix.REMOVE_BLANKS: "When the form is tested and saved, the blanks are taken out of the password.",
    Fix.REMOVE_INVISIBLE: "When the form is tested and saved, the invisible characters are taken out of the password.",
}


class PasswordEntry(StrEnum):
    """Where passwords are typed: in the form alone, there or on a private page, or on that page alone."""

    IN_FORM = "form"
    EITHER = "either"
    PRIVATE = "private"


@dataclass(frozen=True, kw_only=True)
class FormContent:
    """What stands in the form, but for the password. An empty login stands for the one that the address makes."""

    address: str
    login: str
    host: str
    port: str
    encryption: Encryption
    authenticate: bool

    @classmethod
    def of(cls, profile: EmailProfile, basis: FormBasis) -> "FormContent":
        """Return how a form shows a profile."""
        derived = profile.login == basis.defaults.login_for(profile.address)
        return cls(
            address=profile.address,
            login="" if derived else profile.login,
            host=profile.host,
            port=str(profile.port or ""),
            encryption=effective_encryption(profile.extras),
            authenticate=profile.authenticate,
        )

    def to_metadata(self) -> dict[str, str]:
        """Return it as a modal on top of the form remembers it."""
        return {
            Field.ADDRESS.value: self.address,
            Field.LOGIN.value: self.login,
            Field.HOST.value: self.host,
            Field.PORT.value: self.port,
            Field.ENCRYPTION.value: self.encryption.value,
            Field.AUTHENTICATE.value: _ON if self.authenticate else "",
        }

    def with_remembered(self, values: Mapping[str, str]) -> "FormContent":
        """Return it with what `to_metadata` wrote, as far as that was kept."""
        kept = self.to_metadata() | dict(values)
        encryption = kept[Field.ENCRYPTION]
        return FormContent(
            address=kept[Field.ADDRESS],
            login=kept[Field.LOGIN],
            host=kept[Field.HOST],
            port=kept[Field.PORT],
            encryption=Encryption(encryption) if encryption in set(Encryption) else self.encryption,
            authenticate=bool(kept[Field.AUTHENTICATE]),
        )


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form as `reader` (a user id) has it: what it is drawn over, what it remembers, what stands in it.

    `undecided` are the inputs in which nothing is chosen yet between its values and somebody else's.
    """

    basis: FormBasis
    metadata: PrivateMetadata
    content: FormContent
    reader: str
    entry: PasswordEntry
    undecided: tuple[Block, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether it is the reader's own profile."""
        return self.basis.view.owner.user == self.reader

    @property
    def extras(self) -> dict[str, str]:
        """The extra configurations as they would be saved."""
        stored = self.basis.view.profile.extras
        return draft_extras(stored, self.metadata.extras, self.content.encryption)

    def typed(self, password: SecretStr) -> ProfileForm:
        """Return what stands in the form, with the password that is typed in it."""
        return ProfileForm(
            address=self.content.address,
            login=self.content.login,
            password=password,
            host=self.content.host,
            port=self.content.port,
            authenticate=self.content.authenticate,
            encryption=self.content.encryption,
            extras=self.metadata.extras,
            password_fixes=tuple(fix for fix in _PASSWORD_FIXES if fix.value in self.metadata.password_fixes),
        )

    @property
    def account(self) -> Account:
        """The account that stands in the form, without its password."""
        return form_account(self.typed(SecretStr("")), self.basis.view.profile, self.basis.defaults)

    @property
    def stacked(self) -> PrivateMetadata:
        """What a modal on top of the form remembers, so that the form can be drawn anew from there."""
        return replace(self.metadata, extras=self._changes(self.extras), form=self.content.to_metadata())

    def with_extras(self, extras: Mapping[str, str]) -> "Form":
        """Return the form with other extra configurations, which wait for its Save."""
        metadata = replace(self.metadata, extras=self._changes(extras))
        content = replace(self.content, encryption=effective_encryption(extras))
        return replace(self, metadata=metadata)._showing(content)

    def with_profile(self, profile: EmailProfile) -> "Form":
        """Return the form with another profile in it; a password typed for another server is not kept."""
        content = FormContent.of(profile, self.basis)
        form = replace(self, metadata=replace(self.metadata, extras=self._changes(profile.extras)))
        return form._with_server_of(content)

    def with_decided(self, decided: ProfileForm, names: Collection[str]) -> "Form":
        """Return the form with what was chosen of somebody else's changes, under these names, in its inputs."""
        content = replace(self.content, **{name: getattr(decided, name) for name in names if name in _CONTENT})
        return replace(self, metadata=replace(self.metadata, extras=decided.extras))._with_server_of(content)

    def with_authentication(self, *, is_on: bool) -> "Form":
        """Return the form with the checkbox as it was just set, in the same input: Slack shows it so already."""
        return replace(self, content=replace(self.content, authenticate=is_on))

    def with_new_checkbox(self) -> "Form":
        """Return the form with the checkbox as a new input, which shows what is known of it, whatever was pressed."""
        return self._begun_afresh(Field.AUTHENTICATE)

    def with_password_fix(self, fix: Fix) -> "Form":
        """Return the form with something that shall be taken out of its password."""
        fixes = dict.fromkeys((*self.metadata.password_fixes, fix.value))
        return replace(self, metadata=replace(self.metadata, password_fixes=tuple(fixes)))

    def redrawn(self) -> "Form":
        """Return the form as it is drawn the next time."""
        return replace(self, metadata=replace(self.metadata, drawn=self.metadata.drawn + 1))

    def _changes(self, extras: Mapping[str, str]) -> dict[str, str | None]:
        return changes_between(self.basis.view.profile.extras, extras)

    def _with_server_of(self, content: FormContent) -> "Form":
        """Return the form with other content; a password that was typed for another server goes."""
        form = self._showing(content)
        if form.account.host == self.account.host:
            return form
        return replace(form, metadata=replace(form.metadata, password_fixes=()))._begun_afresh(Field.PASSWORD)

    def _showing(self, content: FormContent) -> "Form":
        """Return the form with other content; an input whose value changes begins afresh, else it kept the old one."""
        changed = [name for name in _CONTENT if getattr(content, name) != getattr(self.content, name)]
        return replace(self, content=content)._begun_afresh(*changed)

    def _begun_afresh(self, *names: Field) -> "Form":
        fresh = {name.value: self.metadata.drawn + 1 for name in names}
        return replace(self, metadata=replace(self.metadata, generations={**self.metadata.generations, **fresh}))


def new_form(
    basis: FormBasis, *, slack_address: str, reader: str, entry: PasswordEntry, reply: ReplyAddress | None
) -> Form:
    """Return the form as it is opened; without a profile it begins with the workspace's defaults.

    `slack_address` is the owner's address in Slack, or empty.
    """
    view = basis.view
    profile = view.profile
    if not profile.address:
        profile = basis.defaults.suggestion(slack_address, profile.extras)
    metadata = PrivateMetadata(
        owner=view.owner.user, revision=view.revision, reply=reply, initial=form_digests(profile)
    )
    return Form(basis=basis, metadata=metadata, content=FormContent.of(profile, basis), reader=reader, entry=entry)


def shown_form(shown: Mapping[str, Any], basis: FormBasis, *, reader: str, entry: PasswordEntry) -> Form:
    """Return the form that a request claims is open; what was decided in it stands in its inputs from now on."""
    metadata = PrivateMetadata.decode(str(shown.get("private_metadata")))
    typed = read_form(shown)
    content = FormContent(
        address=typed.address,
        login=typed.login,
        host=typed.host,
        port=typed.port,
        encryption=typed.encryption or basis.view.encryption,
        authenticate=typed.authenticate,
    )
    missing = undecided(shown)
    form = Form(
        basis=basis,
        metadata=metadata,
        content=content,
        reader=reader,
        entry=entry,
        undecided=tuple(block for block in input_blocks(shown) if name_of(block["block_id"]) in missing),
    )
    return form.with_decided(completed(typed, basis.view.profile, basis.defaults), typed.keep_stored)


def form_below(metadata: PrivateMetadata, basis: FormBasis, *, reader: str, entry: PasswordEntry) -> Form:
    """Return the form that lies below a modal, or a private page, from what that remembers of it."""
    content = FormContent.of(basis.view.profile, basis).with_remembered(metadata.form or {})
    return Form(basis=basis, metadata=replace(metadata, form=None), content=content, reader=reader, entry=entry)


def require_decided(form: Form) -> None:
    """Check that nothing is left to choose, before something else is opened on top of the form.

    Raises:
        UserError: something is.
    """
    if form.undecided:
        raise UserError("Somebody saved this profile meanwhile. First choose at the top of the form what shall stay.")


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
        submit="Save",
        close="Cancel",
        private_metadata=form.metadata.encode(),
        blocks=[
            *whose,
            *notes,
            *asked,
            *_inputs(form),
            *(_buttons(form) if buttons is None else buttons),
            *([context(ended)] if ended else []),
            *_extras(form),
        ],
    )


def _inputs(form: Form) -> list[Block]:
    content, defaults = form.content, form.basis.defaults
    login = defaults.login_for(content.address)
    return [
        _text_input(
            form,
            Field.ADDRESS,
            content.address,
            hint="Used towards the server, and what recipients see as From.",
            example="ada@example.com",
            optional=False,
        ),
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
            optional=bool(defaults.host) and _may_be_empty(form, content.host),
        ),
        _port_input(form),
        InputBlock(
            block_id=_block_id(form, Field.ENCRYPTION),
            label=LABELS[Field.ENCRYPTION],
            hint=_ENCRYPTION_HINT,
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


def _login_hint(form: Form) -> str:
    pattern = form.basis.defaults.login_pattern
    if _may_be_empty(form, form.content.login):
        meant = f"what your workspace makes of the address ({pattern})" if pattern else "the email address"
        return f"Empty: {meant}."
    return f"Your workspace makes it of the address ({pattern})." if pattern else "Often the email address."


def _host_hint(form: Form) -> str:
    host = form.basis.defaults.host
    if host and _may_be_empty(form, form.content.host):
        return f"Empty: the server of your workspace, {host}."
    if host:
        return f"The server of your workspace is {host}."
    return "The server for outgoing mail, which has to be known to save. Not sure? Ask your mail provider."


def _mismatch(content: FormContent) -> list[Block]:
    """Return a warning where port and encryption do not fit; neither is changed by itself."""
    port = parse_port(content.port) or TYPICAL_PORTS[content.encryption]
    found = find_mismatch(port, content.encryption, authenticate=content.authenticate, said_by="this form")
    return [context(f":warning: {escape(found.sentence)}")] if found else []


def _buttons(form: Form) -> list[Block]:
    row = [button("Test connection", ActionId.FORM_TEST), button("Extra Configurations", ActionId.FORM_EXTRAS)]
    if form.is_own and form.entry is not PasswordEntry.IN_FORM:
        row.append(button("Set the password privately", ActionId.FORM_PRIVATELY))
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
    mine = option(_MINE, f"Use mine: {conflict.mine or 'empty'}")
    theirs = option(_THEIRS, f"Use theirs: {conflict.theirs or 'empty'}")
    return InputBlock(
        block_id=block_id_of(f"{_DECISION}{conflict.field}", revision),
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


def _text_input(form: Form, name: Field, value: str, *, hint: str, example: str, optional: bool) -> InputBlock:
    return InputBlock(
        block_id=_block_id(form, name),
        label=LABELS[name],
        hint=hint,
        optional=optional,
        element=PlainTextInputElement(
            action_id=ActionId.VALUE,
            initial_value=value or None,
            placeholder=truncate(example, _MAX_PLACEHOLDER_LENGTH),
            focus_on_load=name is Field.ADDRESS and not form.metadata.drawn,
        ),
    )


def _port_input(form: Form) -> InputBlock:
    # Whatever else was typed stays in the input, which keeps its block id.
    port = parse_port(form.content.port)
    may_be_empty = _may_be_empty(form, str(port or ""))
    return InputBlock(
        block_id=_block_id(form, Field.PORT),
        label=LABELS[Field.PORT],
        hint=f"{_PORT_HINT} Empty: the one of these that fits." if may_be_empty else _PORT_HINT,
        optional=may_be_empty,
        element=NumberInputElement(
            action_id=ActionId.VALUE,
            is_decimal_allowed=False,
            min_value=1,
            max_value=65535,
            initial_value=port or None,
            placeholder=str(TYPICAL_PORTS[form.content.encryption]),
        ),
    )


def read_form(shown: Mapping[str, Any]) -> ProfileForm:
    """Return the form as it stands in a modal that a request claims is open.

    Raises:
        OutdatedFormError: the modal remembers what another version of the bot wrote.
    """
    metadata = PrivateMetadata.decode(str(shown.get("private_metadata")))
    values = ShownValues(shown, redrawn=metadata.drawn > 0)
    encryption = values.choice(Field.ENCRYPTION)
    return ProfileForm(
        address=values.text(Field.ADDRESS),
        login=values.text(Field.LOGIN),
        password=SecretStr(values.text(Field.PASSWORD)),
        host=values.text(Field.HOST),
        port=values.text(Field.PORT),
        authenticate=values.is_checked(Field.AUTHENTICATE),
        encryption=Encryption(encryption) if encryption in set(Encryption) else None,
        extras=metadata.extras,
        password_fixes=tuple(fix for fix in _PASSWORD_FIXES if fix.value in metadata.password_fixes),
        keep_stored=frozenset(name for name, block in _decisions(shown).items() if values.decision(block) == _THEIRS),
    )


def typed_password(shown: Mapping[str, Any], form: Form) -> SecretStr:
    """Return the password that is typed in a modal, for the server that stands in `form`; else an empty one.

    What was typed for one server goes to no other that was chosen since.
    """
    typed = read_form(shown)
    as_typed = replace(form, content=replace(form.content, host=typed.host))
    return typed.password if as_typed.account.host == form.account.host else SecretStr("")


def undecided(shown: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence for each difference in which nothing is chosen, by the name of its input."""
    values = ShownValues(shown, redrawn=True)
    blocks = _decisions(shown).values()
    return {name: "Choose one of the two." for name in blocks if values.decision(name) not in (_MINE, _THEIRS)}


def _decisions(shown: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the inputs of decisions, by the field or extra configuration they are about."""
    names = [name_of(block["block_id"]) for block in input_blocks(shown)]
    return {name.removeprefix(_DECISION): name for name in names if name.startswith(_DECISION)}


def errors_notes(errors: Mapping[str, str]) -> list[Block]:
    """Return the errors of a form as a list at its top: after a button, Slack shows none beside their fields."""
    lines = "\n".join(f"• *{LABELS[Field(name)]}*: {escape(sentence)}" for name, sentence in errors.items())
    return [*alert("Not tested yet. Please mend this first.", "error"), section(lines)]
