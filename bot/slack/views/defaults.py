"""The modal of the workspace's defaults, and how profiles compare with them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import InputBlock, PlainTextInputElement
from slack_sdk.models.views import View

from bot.profiles.account.profile import ENCRYPTION_CHOICES, ENCRYPTION_WORDS, find_mismatch
from bot.profiles.people.defaults import DEFAULTS_LABELS, Defaults, DefaultsField, DefaultsForm, StoredDefaults
from bot.profiles.people.domain_rows import row_name, row_text, settings_text
from bot.profiles.people.workspace_defaults import DefaultsUsage, MoveCounts
from bot.slack.ids import ActionId, ViewId
from bot.slack.views.inputs import ShownValues
from bot.slack.views.message import (
    Block,
    Message,
    actions,
    button,
    code,
    context,
    escape,
    line_sections,
    menu,
    notice,
    section,
)
from bot.slack.views.private_metadata import OutdatedFormError, PrivateMetadata
from bot.smtp.account import Encryption

TITLE = "Workspace defaults"
UNREADABLE = (
    ":warning: The defaults and allowed servers cannot be read: their record in the bot's database was altered or "
    "removed. Nothing is tested or saved in this workspace until an admin opens `/email-profile defaults`, checks "
    "every field and saves the form."
)

_SIGN_IN, _NO_SIGN_IN = "on", "off"
_SIGNING_IN: Mapping[str, str] = {_SIGN_IN: "Sign in with login and password", _NO_SIGN_IN: "Nobody signs in"}

_HINTS: Mapping[DefaultsField, str] = {
    DefaultsField.HOST: "New forms begin with it.",
    DefaultsField.PORT: "587 goes with TLS, 465 with SSL, 25 with neither and typically without authentication.",
    DefaultsField.LOGIN_PATTERN: "{address} is the whole address, {local} the part before the @.",
    DefaultsField.DOMAIN: "New forms begin with the person's name in Slack at this domain.",
    DefaultsField.ROWS: (
        "One row a line: a domain = server:port, TLS or SSL, and a pattern of the login. For addresses at that domain "
        "it counts in place of the fields above. MX *.gateway.example = … is for every domain whose mail comes in at "
        "such a server."
    ),
    DefaultsField.ALLOWED_SERVERS: "One a line. When given, profiles may use only these servers.",
}
_EXAMPLES: Mapping[DefaultsField, str] = {
    DefaultsField.HOST: "smtp.example.com",
    DefaultsField.PORT: "587",
    DefaultsField.LOGIN_PATTERN: "DOMAIN\\{local}",
    DefaultsField.DOMAIN: "example.com",
    DefaultsField.ROWS: "example.org = smtp.example.org:465 SSL {local}",
    DefaultsField.ALLOWED_SERVERS: "smtp.example.com",
}
_MOST_ROWS_SHOWN = 10


def filled(stored: StoredDefaults) -> DefaultsForm:
    """Return what the form begins with."""
    defaults = stored.defaults
    return DefaultsForm(
        host=defaults.host,
        port=str(defaults.port or ""),
        encryption=(Encryption.TLS if defaults == Defaults() else defaults.encryption).value,
        authenticate=defaults.authenticate,
        login_pattern=defaults.login_pattern,
        domain=defaults.domain,
        rows="\n".join(map(row_text, defaults.rows)),
        allowed_servers="\n".join(defaults.allowed_servers),
    )


def defaults_form(form: DefaultsForm, *, metadata: PrivateMetadata, notes: Sequence[Block] = ()) -> View:
    """Return the modal with what stands in it, and with `notes` at its top."""
    encryption = form.encryption if form.encryption in set(Encryption) else Encryption.TLS
    redrawn = metadata.drawn > 0
    return View(
        type="modal",
        callback_id=ViewId.DEFAULTS,
        title=TITLE,
        submit="Save",
        close="Cancel",
        private_metadata=metadata.encode(),
        blocks=[
            *notes,
            context("New forms begin with these, so that people type an address and a password."),
            _text(DefaultsField.HOST, form.host, redrawn=redrawn),
            _text(DefaultsField.PORT, form.port, redrawn=redrawn),
            InputBlock(
                block_id=DefaultsField.ENCRYPTION,
                label=DEFAULTS_LABELS[DefaultsField.ENCRYPTION],
                element=menu(
                    ActionId.VALUE,
                    {choice.value: label for choice, label in ENCRYPTION_CHOICES.items()},
                    selected=encryption,
                ),
            ),
            InputBlock(
                block_id=DefaultsField.AUTHENTICATE,
                label=DEFAULTS_LABELS[DefaultsField.AUTHENTICATE],
                # No checkbox: of one that was unchecked Slack says nothing, as of one that was not touched.
                element=menu(ActionId.VALUE, _SIGNING_IN, selected=_SIGN_IN if form.authenticate else _NO_SIGN_IN),
            ),
            _text(DefaultsField.LOGIN_PATTERN, form.login_pattern, redrawn=redrawn),
            _text(DefaultsField.DOMAIN, form.domain, redrawn=redrawn),
            _text(DefaultsField.ROWS, form.rows, redrawn=redrawn, multiline=True),
            _text(DefaultsField.ALLOWED_SERVERS, form.allowed_servers, redrawn=redrawn, multiline=True),
        ],
    )


def _text(name: DefaultsField, value: str, *, redrawn: bool, multiline: bool | None = None) -> InputBlock:
    # Drawn anew with a value it has to be filled, see `views/inputs.py`.
    may_be_empty = not (redrawn and value)
    empty = " Empty: people type it themselves." if name is DefaultsField.HOST and may_be_empty else ""
    return InputBlock(
        block_id=name,
        label=DEFAULTS_LABELS[name],
        hint=f"{_HINTS[name]}{empty}",
        optional=may_be_empty,
        element=PlainTextInputElement(
            action_id=ActionId.VALUE, initial_value=value or None, placeholder=_EXAMPLES[name], multiline=multiline
        ),
    )


def read_form(shown: Mapping[str, Any]) -> DefaultsForm:
    """Return the form as it stands in a modal that a request claims is open.

    Raises:
        OutdatedFormError: another version of the bot has drawn it.
    """
    metadata = PrivateMetadata.decode(str(shown.get("private_metadata")))
    values = ShownValues(shown, redrawn=metadata.drawn > 0)
    signing_in = values.choice(DefaultsField.AUTHENTICATE)
    if signing_in not in _SIGNING_IN or not values.has(DefaultsField.ROWS):
        # Signing in was a checkbox before, and there were no rows, which an empty text would delete.
        raise OutdatedFormError
    return DefaultsForm(
        host=values.text(DefaultsField.HOST),
        port=values.text(DefaultsField.PORT),
        encryption=values.choice(DefaultsField.ENCRYPTION),
        authenticate=signing_in == _SIGN_IN,
        login_pattern=values.text(DefaultsField.LOGIN_PATTERN),
        domain=values.text(DefaultsField.DOMAIN),
        rows=values.text(DefaultsField.ROWS),
        allowed_servers=values.text(DefaultsField.ALLOWED_SERVERS),
    )


def summary(stored: StoredDefaults) -> list[str]:
    """Return the defaults in a few lines."""
    if stored.unreadable:
        return [UNREADABLE]
    defaults, lines = stored.defaults, []
    if defaults.host or defaults.port:
        server = f"{defaults.host or 'any server'}:{defaults.port or 'any port'}"
        sign_in = "signing in" if defaults.authenticate else "without signing in"
        lines.append(f"{code(server)}  {ENCRYPTION_WORDS[defaults.encryption]}, {sign_in}")
    if defaults.login_pattern:
        lines.append(f"Login {code(defaults.login_pattern)}")
    if defaults.domain:
        lines.append(f"Addresses at {code(defaults.domain)}")
    for row in defaults.rows[:_MOST_ROWS_SHOWN]:
        whose = f"At {code(row.domain)}" if row.domain else f"Behind MX {code(row.mx)}"
        lines.append(f"{whose}: {code(settings_text(row))}")
    if (more := len(defaults.rows) - _MOST_ROWS_SHOWN) > 0:
        lines.append(f"And {more} more by domain, in `/email-profile defaults`")
    if defaults.allowed_servers:
        lines.append(f"Only these servers: {', '.join(code(server) for server in defaults.allowed_servers)}")
    return lines or ["No defaults yet: people type all six values."]


def saved(stored: StoredDefaults, usage: DefaultsUsage) -> Message:
    """Return the saved defaults, how profiles compare, and a button that moves those on the previous ones along."""
    defaults = stored.defaults
    comparison = _comparison(usage)
    blocks = [section("*The defaults are saved.*"), *line_sections(summary(stored)), section(escape(comparison))]
    blocks += line_sections(f":warning: {escape(sentence)}" for sentence in _mismatches(defaults))
    if usage.movable:
        count = _profiles(usage.movable)
        asked = _asked(usage)
        lost = " The passwords do not come back by that." if asked else ""
        blocks.append(section(f"Move {count} to the new defaults? Each owner is told.{asked}"))
        undo = f"No button undoes this. To go back, save the old defaults again, and move them back.{lost}"
        blocks.append(context(undo))
        move = button(f"Move {count}", ActionId.DEFAULTS_MOVE, value=str(stored.revision), style="primary")
        blocks.append(actions(move))
    return Message(text=f"The defaults are saved. {comparison}", blocks=blocks)


def _mismatches(defaults: Defaults) -> Iterator[str]:
    """Yield a sentence for the defaults, and one for each row, whose port and encryption do not go together."""
    found = find_mismatch(defaults.port, defaults.encryption, authenticate=defaults.authenticate)
    if found is not None and defaults.port:
        yield found.sentence
    for row in defaults.rows:
        found = find_mismatch(row.port, row.encryption, authenticate=True, said_by=f"the row of {row_name(row)}")
        if found is not None:
            yield found.sentence


def _asked(usage: DefaultsUsage) -> str:
    """Return whose passwords a move would leave behind, as the next sentence; empty when nobody's."""
    if not usage.asked:
        return ""
    if usage.asked == usage.movable:
        return " Their passwords were typed for the old server, so each owner is asked to type theirs again."
    return f" {usage.asked} of them must type their password again, because it was typed for another server."


def _comparison(usage: DefaultsUsage) -> str:
    differ = usage.previous + usage.custom
    if not differ:
        return "No profile differs from them."
    return (
        f"Of the profiles {differ} {'differs' if differ == 1 else 'differ'} from them: {usage.previous} still hold "
        f"the old ones, {usage.custom} by their own choice."
    )


def moving(counts: MoveCounts) -> Message:
    """Return how far a move is."""
    return notice(f"Moving {_profiles(counts.total)} to the new defaults: {counts.done} done.")


def moved(counts: MoveCounts) -> Message:
    """Return how many profiles were moved, how many were not, and how many owners are asked for their password."""
    sentences = [f"Moved {_profiles(counts.moved)} to the new defaults."]
    if counts.moved:
        sentences.append("The owners are told one after the other; a message tells you when that is done.")
    if counts.asked:
        sentences.append(f"Of them {counts.asked} must type their password again.")
    if counts.left:
        sentences.append(f"Left as they are, because somebody changed them meanwhile: {counts.left}.")
    return notice(" ".join(sentences))


def _profiles(count: int) -> str:
    return f"{count} {'profile' if count == 1 else 'profiles'}"
