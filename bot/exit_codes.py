"""How the program ends when an operator has to mend something."""

from bot.app import StartError, TemporaryStartError
from bot.settings import SettingsError
from storage.crypto.key_checks import KeyMismatchError, KeyRetirementError
from storage.database import OutdatedSchemaError, UnknownSchemaError
from storage.engines.unavailable import DatabaseUnavailableError
from storage.maintenance.copy import CopyError, UnfinishedCopyError

EX_CONFIG = 78
"""Exit code for a configuration error, as sysexits.h names it."""

EX_TEMPFAIL = 75
"""Exit code when Slack or the database is away: a supervisor should try again, which after EX_CONFIG is no use."""

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (TemporaryStartError, EX_TEMPFAIL),
    (DatabaseUnavailableError, EX_TEMPFAIL),
    (SettingsError, EX_CONFIG),
    (StartError, EX_CONFIG),
    (KeyMismatchError, EX_CONFIG),
    (OutdatedSchemaError, EX_CONFIG),
    (UnknownSchemaError, EX_CONFIG),
    (UnfinishedCopyError, EX_CONFIG),
    # The settings are good; it is the database that is not as the command needs it.
    (CopyError, 1),
    (KeyRetirementError, 1),
)


def exit_code_of(error: Exception) -> int | None:
    """Give the exit code of an error whose text is one line for the operator; None for any other error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)
