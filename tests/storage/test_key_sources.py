"""Keys that are wrapped: a file under a passphrase for real, AWS KMS and Vault by their published shapes."""

import asyncio
import base64
import builtins
import hashlib
import random
import stat
from pathlib import Path
from typing import Any

import pytest

from storage.crypto.keyring import Keyring, KeyringError, generate_key
from storage.key_sources.local import Cost, LocalFile, local_address
from storage.key_sources.opening import open_keyring, wrap_new_key
from storage.key_sources.source import Credentials, KeySourceError
from tests.counts import scaled

PASSPHRASE = "correct horse battery canary"
KNOWING = Credentials(passphrase=PASSPHRASE, vault_token="hvs.canary")
QUICK = Cost(log2_n=14, r=8, p=1)
KEY = hashlib.sha256(b"drawn once").digest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "key, the sealed 1"


async def sealed(file: Path) -> bytes:
    await LocalFile(file, PASSPHRASE, cost=QUICK).wrap(KEY)
    return file.read_bytes()


async def test_a_key_sealed_in_a_file_is_unwrapped_by_its_passphrase(file: Path) -> None:
    entry = await wrap_new_key(local_address(file), KNOWING)
    assert not set(entry) & set(", \n")
    ring = await open_keyring(f"{entry},{generate_key()}", KNOWING)
    assert len(ring.key_ids) == 2
    assert (await open_keyring(entry, KNOWING)).active == ring.active


async def test_a_key_file_is_its_owners_alone_and_holds_no_key(file: Path) -> None:
    content = await sealed(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert KEY not in content
    assert KEY.hex().encode() not in content
    assert PASSPHRASE.encode() not in content
    assert await LocalFile(file, PASSPHRASE).unwrap() == KEY


async def test_two_files_of_one_key_have_nothing_in_common(file: Path) -> None:
    first = await sealed(file)
    file.unlink()
    assert not set(zip(*[iter(first[8:])] * 8, strict=False)) & set(
        zip(*[iter((await sealed(file))[8:])] * 8, strict=False)
    )


async def test_a_file_that_exists_is_never_written_over(file: Path) -> None:
    file.write_text("somebody's")
    with pytest.raises(KeySourceError, match="File exists"):
        await wrap_new_key(local_address(file), KNOWING)
    assert file.read_text() == "somebody's"


@pytest.mark.parametrize("passphrase", [None, "", "short"])
async def test_no_file_is_made_without_a_good_passphrase(file: Path, passphrase: str | None) -> None:
    with pytest.raises(KeySourceError, match="ENCRYPTION_PASSPHRASE"):
        await wrap_new_key(local_address(file), Credentials(passphrase=passphrase))
    assert not file.exists()


@pytest.mark.parametrize("passphrase", [None, "", PASSPHRASE + " ", PASSPHRASE.upper(), "x"])
async def test_another_passphrase_opens_nothing(file: Path, passphrase: str | None) -> None:
    await sealed(file)
    with pytest.raises(KeyringError, match=r"key 1 \(local\): .*ENCRYPTION_PASSPHRASE") as caught:
        await open_keyring(local_address(file), Credentials(passphrase=passphrase))
    assert not passphrase or passphrase == "x" or passphrase not in str(caught.value)


async def test_a_file_with_any_bit_changed_does_not_open(file: Path) -> None:
    content = await sealed(file)
    bits = range(len(content) * 8)
    # The header's first eight bytes are judged before any work, so they are tried all.
    tried = {*range(64), *random.Random(5).sample(bits, scaled(quick=16, full=len(bits)))}
    for bit in sorted(tried):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        file.write_bytes(changed)
        with pytest.raises(KeySourceError, match=r"altered|no sealed key"):
            await LocalFile(file, PASSPHRASE).unwrap()


@pytest.mark.parametrize("cut", [0, 1, 35, 36, 52, 83, 85, 4096])
async def test_a_file_of_another_length_is_refused_before_any_work(file: Path, cut: int) -> None:
    file.write_bytes((await sealed(file)).ljust(cut, b"\0")[:cut])
    with pytest.raises(KeySourceError, match="not the 84 bytes"):
        await LocalFile(file, PASSPHRASE).unwrap()


@pytest.mark.parametrize(
    "cost", [(40, 8, 1), (18, 8, 1), (13, 8, 1), (15, 255, 1), (15, 8, 255), (15, 8, 0), (0, 0, 0)]
)
async def test_a_file_that_asks_for_too_much_or_too_little_work_is_refused(
    file: Path, cost: tuple[int, int, int]
) -> None:
    content = bytearray(await sealed(file))
    content[5:8] = bytes(cost)
    file.write_bytes(content)
    with pytest.raises(KeySourceError, match="no sealed key that this version knows"):
        await LocalFile(file, PASSPHRASE).unwrap()


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("local:///nowhere/at/all", "cannot be read|is no file"),
        ("local:///", "is no file"),
        ("local://relative/file", "names no file from the root on"),
        ("local:///a%00b", "names no file from the root on"),
        ("local:///a?b=c", "may have these parameters: none"),
        ("gcpkms://canary?wrapped=x", "unknown kind"),
        ("://", "not written as"),
        ("canary canary://x", "not written as"),
        ("vault://canary-ü/x/y", "not written as"),
        ("awskms://alias/mail?region=eu-central-1", "keys wrap"),
        ("awskms://?wrapped=x", "names no key"),
        ("awskms://alias/mail?wrapped=%21canary", "not base64"),
        ("awskms://alias/mail?wrapped=x&wrapped=canary", "there twice"),
        ("awskms://alias/mail?wrapped=", "empty"),
        ("awskms://alias/mail?zone=canary", "region, endpoint, wrapped"),
        ("awskms://alias/mail?endpoint=http://kms.example.com&wrapped=x", "no https://"),
        ("awskms://alias/mail?endpoint=https://[&wrapped=x", "no https://"),
        ("vault://127.0.0.1/mail?wrapped=x", "vault://HOST"),
        ("vault:///transit/mail?wrapped=x", "vault://HOST"),
        ("vault://me:canary@vault.example.com/transit/mail", "vault://HOST"),
        ("vault://vault.example.com:http/transit/mail", "vault://HOST"),
        ("vault://vault.example.com/transit/mail?scheme=http&wrapped=x", "on this machine alone"),
        ("vault://localhost/transit/mail?scheme=ftp", "on this machine alone"),
        ("vault://127.0.0.1/transit/mail", "keys wrap"),
    ],
)
async def test_an_unusable_address_is_told_by_its_number_and_never_shown(entry: str, why: str) -> None:
    with pytest.raises(KeyringError, match=why) as caught:
        await open_keyring(f"{generate_key()},{entry}", KNOWING)
    line = str(caught.value)
    assert line.startswith("key 2")
    assert "canary" not in line
    assert "\n" not in line


async def test_what_is_unwrapped_is_judged_like_a_plain_key(file: Path) -> None:
    await LocalFile(file, PASSPHRASE, cost=QUICK).wrap(b"changeme" * 4)
    with pytest.raises(KeyringError, match="key 1 is a pattern"):
        await open_keyring(local_address(file), KNOWING)


async def test_one_key_wrapped_and_plain_is_one_key_twice(file: Path) -> None:
    await sealed(file)
    ring = await open_keyring(local_address(file), KNOWING)
    assert ring.active == Keyring([KEY]).active
    plain = base64.urlsafe_b64encode(KEY).decode()
    with pytest.raises(KeyringError, match="key 3 stands in the list twice"):
        await open_keyring(f"{generate_key()},{plain},{local_address(file)}", KNOWING)


def test_credentials_show_nothing() -> None:
    assert "canary" not in repr(KNOWING)
    assert PASSPHRASE not in repr(KNOWING)


async def test_without_botocore_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    really = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name.startswith("botocore"):
            raise ImportError(name)
        return really(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(KeyringError, match=r"key 1 \(awskms\): botocore is not installed.*email-profile-bot\[awskms\]"):
        await asyncio.wait_for(open_keyring("awskms://alias/mail?wrapped=AAAA", KNOWING), 10)
