"""Whatever is wrong with the keys, the program says so in one line and does not start; there is no way around them."""

import asyncio
import base64
import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from tests.scenario.starting import program
from tests.store import Store

CONFIGURATION_ERROR = 78
AWAY = 75
COMMAND = "ENCRYPTION_KEYS_COMMAND"
# Nothing answers there: a start that came as far as Slack would say SLACK_API_URL.
REST = {
    "SLACK_BOT_TOKEN": "xoxb-canary-token",
    "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef",
    "SLACK_API_URL": "http://127.0.0.1:9/api/",
}
OLD, NEW, OTHER = (generate_key() for _ in range(3))


def written(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()


def keys(text: str) -> Callable[[Path], Mapping[str, str]]:
    return lambda _: {"ENCRYPTION_KEYS": text}


def key_file(content: bytes) -> Callable[[Path], Mapping[str, str]]:
    def given(folder: Path) -> Mapping[str, str]:
        (folder / "keys").write_bytes(content)
        return {"ENCRYPTION_KEYS_FILE": str(folder / "keys")}

    return given


def records(url: str, *key_texts: str, retired: str | None = None) -> None:
    """Put a record sealed under the first key of each list into a database with tables."""

    async def make() -> None:
        for number, text in enumerate(key_texts):
            database = Database.connect(url, Keyring.from_text(text))
            await database.check_keys()
            async with database.writing() as tx:
                await tx.profiles.save("T1", f"U{number}", b"{}", replacing=None)
            if retired is not None:
                await database.retire_key(Keyring.from_text(retired).active)
            await database.close()

    asyncio.run(make())


def wrong_key(store: Store) -> str:
    records(store.url, OLD)
    return OTHER


def second_key_missing(store: Store) -> str:
    records(store.url, OLD, f"{NEW},{OLD}")
    return NEW


def altered_check_value(store: Store) -> str:
    records(store.url, OLD)
    asyncio.run(store.edit("UPDATE key_checks SET sealed = :sealed", sealed=bytes(200)))
    return OLD


def retired_key(store: Store) -> str:
    records(store.url, f"{NEW},{OLD}", retired=OLD)
    return f"{NEW},{OLD}"


def both_sources(folder: Path) -> Mapping[str, str]:
    return {**key_file(OLD.encode())(folder), "ENCRYPTION_KEYS": OLD}


def directory(folder: Path) -> Mapping[str, str]:
    return {"ENCRYPTION_KEYS_FILE": str(folder)}


def unreadable_file(folder: Path) -> Mapping[str, str]:
    # Not even root reads a link to itself.
    (folder / "keys").symlink_to(folder / "keys")
    return {"ENCRYPTION_KEYS_FILE": str(folder / "keys")}


def command(text: str) -> Callable[[Path], Mapping[str, str]]:
    return lambda _: {"ENCRYPTION_KEYS_COMMAND": text}


def script(text: str) -> Callable[[Path], Mapping[str, str]]:
    """A command that is a small program of its own, and knows the keys."""

    def given(folder: Path) -> Mapping[str, str]:
        file = folder / "print keys"
        file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        file.chmod(0o700)
        return {"ENCRYPTION_KEYS_COMMAND": shlex.quote(str(file))}

    return given


Case = tuple[Callable[[Path], Mapping[str, str]], str, str]

CASES: dict[str, Case] = {
    "no key at all": (lambda _: {}, "ENCRYPTION_KEYS", "it is not set"),
    "an empty list": (keys(""), "ENCRYPTION_KEYS", "it is not set"),
    "commas alone": (keys(" , ,"), "ENCRYPTION_KEYS", "there is no key in it"),
    "no base64": (keys(f"{OLD},canary!"), "ENCRYPTION_KEYS", "key 2 is not url-safe base64"),
    "the other base64": (
        keys(written(b"\xfb\xff\xbf" * 10 + b"\0\1").translate({45: 43, 95: 47})),
        "ENCRYPTION_KEYS",
        "with - for +",
    ),
    "not quite base64": (keys(OLD[:42] + "B="), "ENCRYPTION_KEYS", "key 1 is not url-safe base64"),
    "too short": (keys(written(os.urandom(31))), "ENCRYPTION_KEYS", "key 1 has 31 bytes; a key has 32"),
    "too long": (keys(written(os.urandom(33))), "ENCRYPTION_KEYS", "key 1 has 33 bytes; a key has 32"),
    "one byte repeated": (keys(written(b"\x2a" * 32)), "ENCRYPTION_KEYS", "key 1 is a pattern"),
    "a counted sample": (keys(written(bytes(range(32)))), "ENCRYPTION_KEYS", "key 1 is a pattern"),
    "a placeholder": (keys(f"{OLD},{written(b'changeme' * 4)}"), "ENCRYPTION_KEYS", "key 2 is a pattern"),
    "one key twice": (keys(f"{OLD},{NEW},{OLD}"), "ENCRYPTION_KEYS", "key 3 stands in the list twice"),
    "one key in two spellings": (keys(f"{OLD},{OLD.rstrip('=')}"), "ENCRYPTION_KEYS", "key 2 stands in the list twice"),
    "keys and a file": (both_sources, "ENCRYPTION_KEYS", "both this and ENCRYPTION_KEYS_FILE"),
    "no file": (lambda _: {"ENCRYPTION_KEYS_FILE": "/nowhere/keys"}, "ENCRYPTION_KEYS_FILE", "No such file"),
    "an unreadable file": (unreadable_file, "ENCRYPTION_KEYS_FILE", "symbolic links"),
    "an empty file": (key_file(b""), "ENCRYPTION_KEYS_FILE", "there is no key in it"),
    "a directory": (directory, "ENCRYPTION_KEYS_FILE", "it is a directory"),
    "a device": (lambda _: {"ENCRYPTION_KEYS_FILE": "/dev/zero"}, "ENCRYPTION_KEYS_FILE", "a device"),
    "binary rubbish": (key_file(os.urandom(500) + b"\xff"), "ENCRYPTION_KEYS_FILE", "is no text"),
    "a bad line in a file": (key_file(f"{OLD}\n\ncanary\n".encode()), "ENCRYPTION_KEYS_FILE", "key 2 "),
    "an address": (keys("gcpkms://canary"), "ENCRYPTION_KEYS", "key 1 is not url-safe base64"),
    "keys and a command": (
        lambda _: {"ENCRYPTION_KEYS": OLD, "ENCRYPTION_KEYS_COMMAND": "cat keys"},
        "ENCRYPTION_KEYS",
        "both this and ENCRYPTION_KEYS_COMMAND",
    ),
    "a file and a command": (
        lambda folder: {**key_file(OLD.encode())(folder), "ENCRYPTION_KEYS_COMMAND": "cat keys"},
        "ENCRYPTION_KEYS_FILE",
        "both this and ENCRYPTION_KEYS_COMMAND",
    ),
    "a command that is not there": (command("/nowhere/canary keys"), COMMAND, "cannot be started (No such file"),
    "a command that is a folder": (command("/"), COMMAND, "cannot be started (Permission denied)"),
    "a command of blanks": (command("  "), COMMAND, "no command stands in it"),
    "a command with an open quote": (command("sh -c 'canary"), COMMAND, "not written as a command (no closing"),
    "a command that is no shell's": (command("true && echo canary"), COMMAND, "the command printed nothing"),
    "a command that prints nothing": (command("true"), COMMAND, "the command printed nothing"),
    "a command that prints blank lines": (script("echo; echo ' '"), COMMAND, "the command printed nothing"),
    "a command that prints keys and fails": (
        script(f"echo {OLD}; echo canary {OLD} >&2; exit 3"),
        COMMAND,
        "the command failed (exit code 3)",
    ),
    "a command that is killed": (script(f"echo {OLD}; kill -9 $$"), COMMAND, "the command failed (signal 9)"),
    "a command that prints no keys": (script("echo canary"), COMMAND, "key 1 is not url-safe base64"),
    "a command that prints one key twice": (
        script(f"echo {OLD}; echo {OLD}"),
        COMMAND,
        "key 2 stands in the list twice",
    ),
    "a command that prints no text": (script(r"printf '\377\376'"), COMMAND, "what the command printed is no text"),
    "a command that prints without end": (command("yes canary"), COMMAND, "the command printed more than 64 KiB"),
    "a key at Vault": (keys(f"{OLD},vault://canary/x?wrapped=y"), COMMAND, "takes the place of entries like vault://…"),
    "a key at KMS": (keys("awskms://alias/canary"), COMMAND, "takes the place of entries like awskms://…"),
    "a sealed key file": (keys("local:///canary"), COMMAND, "takes the place of entries like local://…"),
    "a sealed key file in a file": (key_file(b"local:///canary"), COMMAND, "takes the place of entries like local://…"),
    "a passphrase": (
        lambda _: {"ENCRYPTION_KEYS": OLD, "ENCRYPTION_PASSPHRASE": "canary"},
        COMMAND,
        "takes the place of ENCRYPTION_PASSPHRASE, which nothing reads any more",
    ),
    "a file with a passphrase": (
        lambda _: {"ENCRYPTION_PASSPHRASE_FILE": "/nowhere/canary"},
        COMMAND,
        "takes the place of ENCRYPTION_PASSPHRASE_FILE",
    ),
    "a token for Vault and no command": (
        lambda _: {"ENCRYPTION_KEYS": OLD, "VAULT_TOKEN": "canary", "VAULT_NAMESPACE": "canary"},
        COMMAND,
        "takes the place of VAULT_TOKEN",
    ),
}


@pytest.mark.databases()
@pytest.mark.parametrize("case", CASES)
def test_a_start_with_unusable_keys_ends_in_one_line(tmp_path: Path, case: str) -> None:
    prepare, setting, why = CASES[case]
    line = refused(tmp_path, prepare(tmp_path), setting, why)
    assert f" Example: {setting}=" in line


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (wrong_key, Keyring.from_text(OLD).active),
        (second_key_missing, Keyring.from_text(OLD).active),
        (altered_check_value, "does not open the check value"),
        (retired_key, f"key {Keyring.from_text(OLD).active} was retired on "),
    ],
    ids=["a wrong key", "the second key missing", "an altered check value", "a retired key"],
)
def test_a_start_with_keys_that_do_not_fit_the_records_ends_in_one_line(
    tmp_path: Path, store: Store, prepare: Callable[[Store], str], why: str
) -> None:
    given = {"ENCRYPTION_KEYS": prepare(store), "DATABASE_URL": store.url}
    refused(tmp_path, given, "ENCRYPTION_KEYS", why)


def refused(folder: Path, given: Mapping[str, str], setting: str, why: str) -> str:
    """Start, and see one line that names a setting and says why, and no secret; returns the line."""
    code, out, err = program(folder, "run", given={**REST, **given})
    assert (code, out) == (CONFIGURATION_ERROR, "")
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith(f"{setting}: ")
    assert why in lines[0]
    for secret in (*(part for text in given.values() for part in text.split(",")), OLD, NEW, OTHER):
        assert len(secret) < 12 or secret.startswith(("/", "'/")) or secret not in err
    assert "canary" not in err
    return lines[0]


@pytest.mark.databases("sqlite")
def test_without_a_key_not_even_a_database_is_made(tmp_path: Path) -> None:
    code, _, err = program(tmp_path, "run", given=REST)
    assert code == CONFIGURATION_ERROR
    assert "ENCRYPTION_KEYS: it is not set, and nothing is ever stored unsealed." in err
    assert not (tmp_path / "email-profiles.db").exists()


@pytest.mark.parametrize("more", ["", f",{OTHER}"], ids=["alone", "with one more"])
def test_the_right_keys_come_as_far_as_slack_and_an_additional_one_does_no_harm(
    tmp_path: Path, store: Store, more: str
) -> None:
    records(store.url, OLD, f"{NEW},{OLD}")
    given = {**REST, "DATABASE_URL": store.url, "ENCRYPTION_KEYS": f"{NEW},{OLD}{more}"}
    code, _, err = program(tmp_path, "run", given=given)
    assert code == AWAY
    assert err.splitlines()[-1].startswith("SLACK_API_URL: ")


def test_the_doctor_and_every_command_on_keys_refuse_the_same(tmp_path: Path, store: Store) -> None:
    given = {**REST, "DATABASE_URL": store.url, "ENCRYPTION_KEYS": retired_key(store)}
    code, out, _ = program(tmp_path, "check", given=given)
    assert code == 1
    assert "FAILED Keys: ENCRYPTION_KEYS: key " in out
    assert program(tmp_path, "keys", "rotate", given=given)[0] == CONFIGURATION_ERROR
    code, out, _ = program(tmp_path, "check", given={**REST, "ENCRYPTION_KEYS": written(bytes(range(32)))})
    assert code == 1
    assert "FAILED Settings: ENCRYPTION_KEYS: key 1 is a pattern" in out
