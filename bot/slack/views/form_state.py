"""What stands in the form "Email profile", what it remembers, and reading both from a request."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from bot.discovery.domain_names import domain_of
from bot.discovery.findings import MailSettings
from bot.profiles.account.changes import digest, form_digests
from bot.profiles.account.drafts import FormBasis, as_checked, completed, draft_extras, form_account
from bot.profiles.account.extras import ENCRYPTING, changes_between, with_effective_encryption
from bot.profiles.account.profile import EmailProfile, Field, ProfileForm, effective_encryption, parse_port, server_name
from bot.profiles.errors import UserError
from bot.slack.views.inputs import ShownValues, input_blocks, name_of
from bot.slack.views.message import Block
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.views.private_metadata import PrivateMetadata, ReplyAddress
from bot.smtp.account import Account, Encryption
from bot.smtp.advice.row import Fix

DECISION, MINE, THEIRS = "keep_", "mine", "theirs"
"""How the input of a decision is named, and its two values."""

_ON = "on"
_CONTENT = (Field.ADDRESS, Field.LOGIN, Field.HOST, Field.PORT, Field.ENCRYPTION, Field.AUTHENTICATE)

FOUND_FIELDS = (Field.HOST, Field.PORT, Field.ENCRYPTION, Field.LOGIN, Field.AUTHENTICATE)
"""What settings that were found are put into: one signs in with all of them."""

PASSWORD_FIXES = (Fix.REMOVE_BLANKS, Fix.REMOVE_INVISIBLE)
"""What can be taken out of the password as it is typed."""


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

    `undecided` are the inputs in which nothing is chosen yet between its values and somebody else's. With `finds`
    settings can be found for its address; while it `is_searching`, what is typed meanwhile is sent at once.
    """

    basis: FormBasis
    metadata: PrivateMetadata
    content: FormContent
    reader: str
    entry: PasswordEntry
    undecided: tuple[Block, ...] = ()
    finds: bool = False
    is_searching: bool = False

    @property
    def is_new(self) -> bool:
        """Whether nothing that a form holds was ever saved."""
        return not self.basis.view.profile.address

    @property
    def lacks_server(self) -> bool:
        """Whether no server stands in it, nor does an empty input stand for the workspace's."""
        return not self.account.host

    @property
    def holds_other_domains_server(self) -> bool:
        """Whether the bot filled in the server for an address of another domain than the one that stands in it now."""
        return self.finds and self.without_filled_for_another().account.host != self.account.host

    @property
    def needs_search(self) -> bool:
        """Whether settings are found for it before a password goes anywhere, or anything is stored."""
        return self.finds and (self.lacks_server or self.holds_other_domains_server)

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
            password_fixes=tuple(fix for fix in PASSWORD_FIXES if fix.value in self.metadata.password_fixes),
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

    def with_found(self, settings: MailSettings) -> "Form":
        """Return the form with found settings in the inputs that are empty or hold what the bot filled in.

        Where another server was typed, nothing is put beside it: settings of two servers do not mix. Nor do the port of
        one way to a server and the encryption of another.
        """
        same_server = server_name(self.content.host) == settings.host
        if not (same_server or self._is_free(Field.HOST)):
            return self
        free = [name for name in _told_by(settings) if self._is_free(name)]
        if not self._takes_port_and_encryption_of(settings):
            free = [name for name in free if name not in (Field.PORT, Field.ENCRYPTION)]
        return self._filled_with(settings, free)

    def without_filled_for_another(self) -> "Form":
        """Return the form without what the bot filled in for an address of another domain.

        In its place stands what a form begins with, and a password that was typed for another server is not kept. An
        address that is none is about to be mended, and nobody can use the form before that.
        """
        if not was_filled_for_another(self.metadata, self.content.address):
            return self
        names = [name for name in FOUND_FIELDS if self._is_free(name)]
        begun = FormContent.of(begun_profile(self.basis, self.content.address), self.basis)
        content = replace(self.content, **{name: getattr(begun, name) for name in names})
        return self._with_server_of(content)._remembering_filled(names)

    def with_chosen(self, settings: MailSettings) -> "Form":
        """Return the form with found settings in it, whatever stood there."""
        return self._filled_with(settings, _told_by(settings))

    def holds(self, settings: MailSettings) -> bool:
        """Whether exactly these settings stand in the form."""
        return self._content_with(settings) == self.content

    def searching(self) -> "Form":
        """Return the form while settings are looked for."""
        return replace(self, is_searching=True)

    def searched(self) -> "Form":
        """Return the form once nothing is looked for any more."""
        return replace(self, is_searching=False)

    def redrawn(self) -> "Form":
        """Return the form as it is drawn the next time."""
        return replace(self, metadata=replace(self.metadata, drawn=self.metadata.drawn + 1))

    def _is_free(self, name: Field) -> bool:
        """Whether an input is empty, or holds what the bot filled in; a stored login that shows as none is neither."""
        value = str(getattr(self.content, name))
        is_empty = not value.strip() and (self.is_new or name is not Field.LOGIN)
        return is_empty or self.metadata.filled.get(name) == digest(value)

    def _takes_port_and_encryption_of(self, settings: MailSettings) -> bool:
        """Whether each of the two may be replaced by what was found, or is that already."""
        takes_port = self._is_free(Field.PORT) or parse_port(self.content.port) == settings.port
        return takes_port and (self._is_free(Field.ENCRYPTION) or self.content.encryption is settings.encryption)

    def _content_with(self, settings: MailSettings) -> FormContent:
        derived = settings.login == self.basis.defaults.login_for(self.content.address)
        return replace(
            self.content,
            host=settings.host,
            port=str(settings.port),
            encryption=settings.encryption,
            login=("" if derived else settings.login) if settings.login else self.content.login,
            authenticate=True,
        )

    def _filled_with(self, settings: MailSettings, names: Collection[Field]) -> "Form":
        """Return the form with found settings in some inputs; a password typed before any server stays for this one."""
        found = self._content_with(settings)
        content = replace(self.content, **{name: getattr(found, name) for name in names})
        form = self._showing(content) if self.lacks_server else self._with_server_of(content)
        return form._remembering_filled(names)

    def _remembering_filled(self, names: Collection[Field]) -> "Form":
        """Return the form knowing that the bot filled in what stands in some inputs, with which they begin anew."""
        content, extras = self.content, self.basis.view.profile.extras
        begun = form_digests(
            EmailProfile(
                address=content.address,
                login=content.login or self.basis.defaults.login_for(content.address),
                host=content.host,
                port=parse_port(content.port) or None,
                authenticate=content.authenticate,
                extras=with_effective_encryption(extras, content.encryption),
            )
        )
        filled = {name.value: digest(str(getattr(content, name))) for name in names}
        filled[Field.ADDRESS.value] = _domain_digest(as_checked(content.address))
        metadata = replace(
            self.metadata,
            filled={**self.metadata.filled, **filled},
            initial={**self.metadata.initial, **{name.value: begun[name] for name in names}},
        )
        return replace(self, metadata=metadata)

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


def _told_by(settings: MailSettings) -> list[Field]:
    """Return what settings are put into: of a login that the address does not tell, nothing is known."""
    return [name for name in FOUND_FIELDS if settings.login or name is not Field.LOGIN]


def was_filled_for_another(metadata: PrivateMetadata, address: str) -> bool:
    """Whether the bot filled anything into a form for an address of another domain than the one that stands in it."""
    checked = as_checked(address)
    return bool(checked) and metadata.filled.get(Field.ADDRESS) not in (None, _domain_digest(checked))


def _domain_digest(address: str) -> str:
    return digest(domain_of(address))


def begun_profile(basis: FormBasis, address: str) -> EmailProfile:
    """Return what a form for an address begins with: the stored profile, else what the workspace suggests."""
    stored = basis.view.profile
    return stored if stored.address else replace(basis.defaults, domain="").suggestion(address, stored.extras)


def new_form(
    basis: FormBasis,
    *,
    slack_address: str,
    reader: str,
    entry: PasswordEntry,
    reply: ReplyAddress | None,
    finds: bool = False,
) -> Form:
    """Return the form as it is opened; without a profile it begins with the workspace's defaults.

    `slack_address` is the owner's address in Slack, or empty; with `finds` settings can be found for an address.
    """
    view = basis.view
    profile = view.profile
    if not profile.address:
        profile = basis.defaults.suggestion(slack_address, profile.extras)
    metadata = PrivateMetadata(
        owner=view.owner.user, revision=view.revision, reply=reply, initial=form_digests(profile)
    )
    content = FormContent.of(profile, basis)
    form = Form(basis=basis, metadata=metadata, content=content, reader=reader, entry=entry, finds=finds)
    if not form.is_new:
        return form
    has_own_encryption = bool(set(ENCRYPTING) & set(view.profile.extras))
    begun = [name for name in FOUND_FIELDS if not (name is Field.ENCRYPTION and has_own_encryption)]
    return form._remembering_filled(begun)


def shown_form(
    shown: Mapping[str, Any], basis: FormBasis, *, reader: str, entry: PasswordEntry, finds: bool = False
) -> Form:
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
        finds=finds,
    )
    return form.with_decided(completed(typed, basis.view.profile, basis.defaults), typed.keep_stored)


def form_below(
    metadata: PrivateMetadata, basis: FormBasis, *, reader: str, entry: PasswordEntry, finds: bool = False
) -> Form:
    """Return the form that lies below a modal, or a private page, from what that remembers of it."""
    content = FormContent.of(basis.view.profile, basis).with_remembered(metadata.form or {})
    return Form(
        basis=basis, metadata=replace(metadata, form=None), content=content, reader=reader, entry=entry, finds=finds
    )


def says_it_searches(shown: Mapping[str, Any]) -> bool:
    """Whether a form was drawn while settings were looked for: only then its menu sends what is chosen."""
    menus = (block for block in input_blocks(shown) if name_of(block["block_id"]) == Field.ENCRYPTION)
    return any(block.get("dispatch_action") for block in menus)


def require_decided(form: Form) -> None:
    """Check that nothing is left to choose, before something else is opened on top of the form.

    Raises:
        UserError: something is.
    """
    if form.undecided:
        raise UserError("Somebody saved this profile meanwhile. First choose at the top of the form what shall stay.")


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
        password_fixes=tuple(fix for fix in PASSWORD_FIXES if fix.value in metadata.password_fixes),
        keep_stored=frozenset(name for name, block in _decisions(shown).items() if values.decision(block) == THEIRS),
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
    return {name: "Choose one of the two." for name in blocks if values.decision(name) not in (MINE, THEIRS)}


def without_undecided(errors: Mapping[str, str], missing: Mapping[str, str]) -> dict[str, str]:
    """Return the errors that hold whatever is chosen of the differences that are `missing` a choice."""
    fields = {name.removeprefix(DECISION) for name in missing}
    # What is asked of these depends on the server, and on whether anybody signs in.
    if Field.HOST in fields:
        fields |= {Field.PASSWORD, Field.PORT}
    if Field.AUTHENTICATE in fields:
        fields |= {Field.PASSWORD, Field.LOGIN}
    return {field: sentence for field, sentence in errors.items() if field not in fields}


def _decisions(shown: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the inputs of decisions, by the field or extra configuration they are about."""
    names = [name_of(block["block_id"]) for block in input_blocks(shown)]
    return {name.removeprefix(DECISION): name for name in names if name.startswith(DECISION)}
