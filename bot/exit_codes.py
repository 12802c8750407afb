"""The exit codes of errors that an operator can correct."""

from bot.app import StartError, TemporaryStartError
from bot.settings import SettingsError
from storage.crypto.key_checks import KeyMismatchError, KeyRetirementError
from storage.database import OutdatedSchemaError, UnknownSchemaError
from storage.engines.transactions import DatabaseUnavailableError
from storage.maintenance.copy import CopyError, UnfinishedCopyError

EX_CONFIG = 78
"""Exit code for a configuration error, as sysexits.h names it."""

EX_TEMPFAIL = 75
"""Exit code when Slack or the database does not answer: unlike after EX_CONFIG, a supervisor should try again."""

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (TemporaryStartError, EX_TEMPFAIL),
    (DatabaseUnavailableError, EX_TEMPFAIL),
    (SettingsError, EX_CONFIG),
    (StartError, EX_CONFIG),
    (KeyMismatchError, EX_CONFIG),
    (OutdatedSchemaError, EX_CONFIG),
    (UnknownSchemaError, EX_CONFIG),
    (UnfinishedCopyError, EX_CONFIG),
    # The settings are good, but the database is not as the command needs it.
    (CopyError, 1),
    (KeyRetirementError, 1),
)


def exit_code_of(error: Exception) -> int | None:
    """Return the exit code of an error whose text is one line for the operator; None for any other error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)
