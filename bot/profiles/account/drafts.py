"""What a form would store: what is typed over what is stored, and what its empty fields stand for.

A form is tested and saved by these rules alike, so that what was tested is what is saved.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import SecretStr

from bot.profiles.account.extras import with_changes, with_effective_encryption
from bot.profiles.account.fixes import OutdatedFixError, ProposedFix, apply_fix
from bot.profiles.account.profile import (
    TYPICAL_PORTS,
    EmailProfile,
    Field,
    ProfileForm,
    check_address,
    check_others_form,
    check_own_form,
    effective_encryption,
    parse_port,
    server_name,
    split_typed_server,
    with_stored_fields,
    without_what_nobody_sees,
)
from bot.profiles.account.records import ProfileView, account_of
from bot.profiles.people.access import Person
from bot.profiles.people.defaults import Defaults
from bot.smtp.account import Account, Encryption
from bot.smtp.advice.row import Fix
from bot.smtp.typed import stripped


@dataclass(frozen=True, kw_only=True)
class FormBasis:
    """What a form is drawn over: the profile that is stored, and the workspace's defaults."""

    view: ProfileView
    defaults: Defaults


@dataclass(frozen=True, kw_only=True)
class FixedForm:
    """A form with a fix in it: the profile it makes now, without secrets, and in words what changed.

    `tests_now` is whether it can be tested at once, with nothing more to type.
    """

    profile: EmailProfile
    descriptions: tuple[str, ...]
    tests_now: bool


def completed(form: ProfileForm, stored: EmailProfile, defaults: Defaults) -> ProfileForm:
    """Return a form with what its empty fields stand for, and with what was chosen of somebody else's changes.

    An empty login stands for the address or what the defaults' pattern makes of it, an empty server for the default
    one, an empty port for the one that stands behind the server, or else the typical one of the encryption.
    """
    form = with_stored_fields(form, stored)
    if Field.ENCRYPTION in form.keep_stored:
        form = replace(form, encryption=effective_encryption(stored.extras))
    mine = {name: value for name, value in form.extras.items() if name not in form.keep_stored}
    form = replace(form, extras=mine, keep_stored=frozenset())
    if form.authenticate and not stripped(form.login):
        form = replace(form, login=defaults.login_for(as_checked(form.address)))
    if not stripped(form.host):
        form = replace(form, host=defaults.for_address(as_checked(form.address)).host)
    if not stripped(form.port):
        typical = str(TYPICAL_PORTS[form.encryption]) if form.encryption is not None else ""
        form = replace(form, port=split_typed_server(form.host)[1] or typical)
    return form


def draft_extras(
    stored: Mapping[str, str], changes: Mapping[str, str | None], encryption: Encryption | None
) -> dict[str, str]:
    """Return the extra configurations that a form makes of the stored ones; its encryption decides on SSL and TLS.

    Raises:
        InvalidExtraError: unknown name or value.
    """
    extras = with_changes(stored, changes)
    return extras if encryption is None else with_effective_encryption(extras, encryption)


@dataclass(frozen=True, kw_only=True)
class FormAuthor:
    """Who filled a form for whom; without `password_in_form` a password is never taken from it."""

    caller: Person
    owner: Person
    password_in_form: bool


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The profile that a form would store, and what was typed of its password.

    With `has_typed_password` it is the one typed in the form, else the stored one; `password_fixes` are what was taken
    out of it.
    """

    profile: EmailProfile
    has_typed_password: bool
    password_fixes: tuple[Fix, ...]


def check_form(
    form: ProfileForm, stored: EmailProfile, defaults: Defaults, author: FormAuthor, *, now: datetime
) -> Draft:
    """Return what a form would store in place of what is stored.

    Raises:
        InvalidFormError: one sentence for each field that breaks a rule.
    """
    if not author.password_in_form:
        form = replace(form, password=SecretStr(""))
    form = completed(form, stored, defaults)
    base = replace(stored, extras=draft_extras(stored.extras, form.extras, form.encryption))
    own = author.caller == author.owner
    check = check_own_form if own and author.password_in_form else check_others_form
    profile = _with_mended_password(check(form, base, now=now, judge_server=defaults.judge_server), form)
    typed = bool(form.password.get_secret_value())
    if not typed:
        profile = guarded(author.caller, author.owner, stored, profile)
    elif not own:
        profile = replace(profile, password_set_by=author.caller.user)
    if form.encryption is None and not stored.is_complete:
        profile = defaults.with_default_encryption(profile)
    return Draft(profile=profile, has_typed_password=typed, password_fixes=form.password_fixes)


def form_account(form: ProfileForm, stored: EmailProfile, defaults: Defaults) -> Account:
    """Return the account that stands in a form as it was typed, without its password, for wording what is found."""
    form = completed(form, stored, defaults)
    extras = draft_extras(stored.extras, form.extras, form.encryption)
    typed = EmailProfile(
        address=without_what_nobody_sees(Field.ADDRESS, form.address),
        login=without_what_nobody_sees(Field.LOGIN, form.login),
        host=server_name(form.host),
        port=parse_port(form.port),
        authenticate=form.authenticate,
        extras=extras,
    )
    return account_of(typed)


def guarded(caller: Person, owner: Person, before: EmailProfile, after: EmailProfile) -> EmailProfile:
    """Drop the stored password when somebody else changes which certificate is trusted with it."""
    if caller != owner and before.extras.get("PIN") != after.extras.get("PIN"):
        return after.without_password()
    return after


def names_same_account(draft: EmailProfile, stored: EmailProfile) -> bool:
    """Whether a form names the account that is stored: by server, port, encryption, login and address."""
    return _account_named(draft) == _account_named(stored)


def _account_named(profile: EmailProfile) -> tuple[object, ...]:
    return profile.host, profile.port, effective_encryption(profile.extras), profile.login, profile.address


def as_checked(address: str) -> str:
    """Return an address in its normal form; empty where it is none, of which nothing can be said then."""
    try:
        return check_address(without_what_nobody_sees(Field.ADDRESS, address))
    except ValueError:
        return ""


def _with_mended_password(profile: EmailProfile, form: ProfileForm) -> EmailProfile:
    for kind in form.password_fixes:
        with suppress(OutdatedFixError):
            # There may be nothing to take out of what is typed by now.
            profile = apply_fix(profile, ProposedFix(kind=kind))
    return profile
