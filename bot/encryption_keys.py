"""The encryption keys that the settings name: read at the start, and again on SIGHUP."""

import asyncio
import logging
import os
import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from io import FileIO

from bot.settings import Settings, SettingsError
from storage.crypto.key_checks import KeyMismatchError
from storage.crypto.keyring import Keyring, KeyringError
from storage.database import Database

log = logging.getLogger(__name__)

COMMAND_TIMEOUT_SECONDS = 30.0
"""How long ENCRYPTION_KEYS_COMMAND may run; then its whole process group is killed."""

MOST_OUTPUT_BYTES = 64 * 1024
"""More than this is no list of keys."""

_OLD_ENTRY = re.compile(r"\b(?:awskms|local|vault)://")


class _CommandError(Exception):
    """The command gave no list of keys. `str(error)` is a sentence without anything that the command wrote."""


async def load_keyring(settings: Settings) -> Keyring:
    """Read the list of keys from the one setting that holds it, or says where it comes from.

    Raises:
        SettingsError: no setting does, the list cannot be read, or a key in it is unusable.
    """
    name = settings.key_setting
    if name != "ENCRYPTION_KEYS_COMMAND" and (replaced := settings.replaced_setting):
        raise _replaced(replaced)
    if name is None:
        raise SettingsError({"ENCRYPTION_KEYS": "it is not set, and nothing is ever stored unsealed."})
    try:
        if name == "ENCRYPTION_KEYS_COMMAND":
            text = ",".join((await _command_output(settings.encryption_keys_command)).split())
        else:
            text = settings.key_text()
        if found := _OLD_ENTRY.search(text):
            raise _replaced(f"entries like {found[0]}…")
        return Keyring.from_text(text)
    except (_CommandError, KeyringError) as error:
        raise SettingsError({name: str(error)}) from None


def _replaced(what: str) -> SettingsError:
    return SettingsError({"ENCRYPTION_KEYS_COMMAND": f"it takes the place of {what}, which nothing reads any more."})


async def reload_keys(settings: Settings, database: Database) -> None:
    """Read the list of keys again and let `database` use it; when anything is wrong, the old keys stay.

    One line of the log says how it went.
    """
    name = settings.key_setting
    if name not in ("ENCRYPTION_KEYS_FILE", "ENCRYPTION_KEYS_COMMAND"):
        log.warning(
            "SIGHUP: neither ENCRYPTION_KEYS_FILE nor ENCRYPTION_KEYS_COMMAND is set; the keys stay as they are."
        )
        return
    try:
        keyring = await load_keyring(settings)
        await database.use_keys(keyring)
    except (SettingsError, KeyMismatchError) as error:
        log.error("The keys stay as they were. %s", error)  # noqa: TRY400 - the sentence says all
    except Exception as error:  # noqa: BLE001 - whatever the driver raised, the bot goes on with the keys it has
        # Its text may name hosts or parameters, so only its type is logged.
        log.error("The keys stay as they were: the database does not answer (%s).", type(error).__name__)  # noqa: TRY400
    else:
        log.info("%s was read anew; keys, the sealing one first: %s", name, ", ".join(keyring.key_ids))


async def _command_output(command: Sequence[str]) -> str:
    """Run a command and return its standard output; what it writes to standard error is dropped.

    Raises:
        _CommandError: it cannot be started, fails, takes too long, or prints nothing, too much, or no text.
    """
    # A pipe of our own: asyncio's `wait` would also wait for whatever the command left behind with its output open.
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise _CommandError(f"the command cannot be started ({error.strerror}).") from None
        finally:
            os.close(writing)
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_SECONDS):
                printed = await _read_to_end(output)
                code = await process.wait()
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            if isinstance(error, TimeoutError):
                raise _CommandError(f"the command did not end within {COMMAND_TIMEOUT_SECONDS:.0f} seconds.") from None
            raise
    if code != 0:
        raise _CommandError(f"the command failed ({f'exit code {code}' if code > 0 else f'signal {-code}'}).")
    if not printed.strip():
        raise _CommandError("the command printed nothing.")
    try:
        return printed.decode("utf-8")
    except UnicodeDecodeError:
        raise _CommandError("what the command printed is no text.") from None


async def _read_to_end(output: FileIO) -> bytes:
    read = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(read), output)
    try:
        await read.readexactly(MOST_OUTPUT_BYTES + 1)
    except asyncio.IncompleteReadError as ended:
        return ended.partial
    finally:
        pipe.close()
    raise _CommandError(f"the command printed more than {MOST_OUTPUT_BYTES // 1024} KiB.")
