"""The keys that the settings name: unwrapped at the start, and read anew on SIGHUP."""

import logging

from bot.settings import Settings, SettingsError
from storage.crypto.key_checks import KeyMismatchError
from storage.crypto.keyring import Keyring, KeyringError
from storage.database import Database
from storage.key_sources.opening import open_keyring
from storage.key_sources.source import Credentials

log = logging.getLogger(__name__)


def credentials(settings: Settings) -> Credentials:
    """Gather what key sources need to let the program in.

    Raises:
        SettingsError: the file of the passphrase cannot be read.
    """
    passphrase, token = settings.passphrase(), settings.vault_token
    return Credentials(
        passphrase=passphrase.get_secret_value() if passphrase else None,
        vault_token=token.get_secret_value() if token else None,
        vault_namespace=settings.vault_namespace,
    )


async def keyring_of(settings: Settings) -> Keyring:
    """Read the list of keys and unwrap those that are wrapped.

    Raises:
        SettingsError: there is no key, or one is unusable.
    """
    text = settings.key_text()
    if text is None:
        raise SettingsError({"ENCRYPTION_KEYS": "it is not set, and nothing is ever stored unsealed."})
    try:
        return await open_keyring(text.get_secret_value(), credentials(settings))
    except KeyringError as error:
        name = "ENCRYPTION_KEYS_FILE" if settings.encryption_keys_file else "ENCRYPTION_KEYS"
        raise SettingsError({name: str(error)}) from None


async def read_keys_anew(settings: Settings, database: Database) -> None:
    """Let `database` go on with the keys that stand in ENCRYPTION_KEYS_FILE now; whatever is wrong, the old ones stay.

    One line in the log tells how it went.
    """
    if settings.encryption_keys_file is None:
        log.warning("SIGHUP: there is no ENCRYPTION_KEYS_FILE to read anew; the keys stay as they are.")
        return
    try:
        keyring = await keyring_of(settings)
        await database.use_keys(keyring)
    except (SettingsError, KeyMismatchError) as error:
        log.error("The keys stay as they were. %s", error)  # noqa: TRY400 - the sentence says all
    except Exception as error:  # noqa: BLE001 - whatever the driver raised, the bot goes on with the keys it has
        # Its text may name hosts or parameters, so only its type is told.
        log.error("The keys stay as they were: the database does not answer (%s).", type(error).__name__)  # noqa: TRY400
    else:
        log.info("ENCRYPTION_KEYS_FILE was read anew; keys, the sealing one first: %s", ", ".join(keyring.key_ids))
