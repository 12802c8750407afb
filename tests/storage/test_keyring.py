"""Sealing: known answers, nothing moved or edited opens, a wrong key is named and never tried further."""

import base64
import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.crypto.keyring import (
    Keyring,
    KeyringError,
    MalformedError,
    RecordContext,
    SealBrokenError,
    TamperedError,
    UnknownKeyError,
    WrongKeyError,
    generate_key,
)
from tests.counts import scaled

FIRST = bytes(range(32))
SECOND = bytes(range(32, 64))
RANDOM = "-wVhFTaIxUq_5Cd9Tn8MxR0pQe2bY7LsKzGvHjWoXmE="
HERE = RecordContext(table="email_profiles", record_id="r-1", workspace="T1", user="U1", revision=7)

# Made once with version 1 of the format; they must stay readable for ever.
KNOWN_ANSWERS = [
    (FIRST, "", HERE),
    (FIRST, '{"host": "smtp.example.com"}', HERE),
    (
        SECOND,
        "ü" * 100,
        RecordContext(table="connection_tests", record_id="r-2", workspace="E9", user="W3", revision=1),
    ),
]
TOKENS = [
    (
        "AQg3NmI0MTE2ZHNzc3Nzc3Nzc3Nzc3Nzc3PdsvvFn4S+fFbnPwUK5LAtbBEBcFw770Edyrs1lba7Y25ubm5ubm5ubm5ubjkBTUKm"
        "SNm1P2G5+2ZcypEw4VQ3I8hWMGO6DuUmgipEn6Zd8Yi1NEO0uqP46Awzb66gVN58SdIF9z9a745AY4dEdo0bBQoGXiW6SkC9pvyj"
    ),
    (
        "AQg3NmI0MTE2ZHNzc3Nzc3Nzc3Nzc3Nzc3PdsvvFn4S+fFbnPwUK5LAtbBEBcFw770Edyrs1lba7Y25ubm5ubm5ubm5ubjkBTV7d"
        "arHaTBWbwUZ+ufxEkXpSW6k7QA/fIIZJ7wg5n6Zd8Yi1NEO0uqP46Awzb66gVN58SdIF9z9a745AY4d5ji4SR45XQPG1hBURziiF"
    ),
    (
        "AQgxZWQyZGQyMnNzc3Nzc3Nzc3Nzc3Nzc3OuSa2io3BoPw9R/gaGgtxvMADmL814cF9vnSHCD8lHmm5ubm5ubm5ubm5ubsAKpeiC"
        "8iuVBaIZEww12X9BefWlpEwTDi+1gmgdWGjsuZqmVOvZIRRmNCOrBuAi2qcK2fnYI6/kb+9707vnGSYdvhDgYY2U+X2GdkZR62zj"
        "+4AiyOOlvrWFrKdJyNoTBoe5akIrOEM6cXCjFRwQgCGkia+V3hGDeDqbDecziWROr5sGqJq/tZuHdH4C8Hl3IkQ7QMzNRjWylE2Q"
        "QVwiXKKMMaND+0oCsiX+xm9q0muzG8yQsRk+8GLedBN0q8qeqWXZ6cSqtBkcjs/N/FwTEn5gaLMJN5vRbVc5i1AyGz2D7hvHdTAq"
        "EaZaCSNbSBfWdazi4ao/zvBlc742l1v1VO5zM/MLXLNgfAECQqAqYZBN"
    ),
]


@pytest.mark.parametrize("number", range(len(KNOWN_ANSWERS)))
def test_known_answers_stay_readable(number: int) -> None:
    key, plaintext, place = KNOWN_ANSWERS[number]
    assert Keyring([key]).open(base64.b64decode(TOKENS[number]), place) == plaintext.encode()


@pytest.mark.parametrize("number", range(len(KNOWN_ANSWERS)))
def test_sealing_with_fixed_salt_and_nonce_gives_the_known_answer(number: int) -> None:
    key, plaintext, place = KNOWN_ANSWERS[number]
    ring = Keyring([key])
    token = ring._seal(ring.active, plaintext.encode(), place, salt=b"s" * 16, nonce=b"n" * 12)
    assert base64.b64encode(token).decode() == TOKENS[number]


@given(st.binary(max_size=500))
@settings(max_examples=scaled(quick=50, full=2000), deadline=None)
def test_what_is_sealed_opens_again(plaintext: bytes) -> None:
    ring = Keyring([FIRST])
    assert ring.open(ring.seal(plaintext, HERE), HERE) == plaintext


def test_the_size_tells_only_the_block_not_the_length() -> None:
    ring = Keyring([FIRST])
    sizes = {len(ring.seal(b"x" * length, HERE)) for length in range(60)}
    assert len(sizes) == 1


def test_the_same_plaintext_gives_another_token_each_time() -> None:
    ring = Keyring([FIRST])
    assert len({ring.seal(b"same", HERE) for _ in range(1000)}) == 1000


def test_tokens_swapped_between_any_two_of_100_places_do_not_open() -> None:
    ring = Keyring([FIRST])
    places = [RecordContext(table="t", record_id=f"r{n}", workspace="T1", user=f"U{n}", revision=1) for n in range(100)]
    tokens = [ring.seal(b"mine", place) for place in places]
    for (_, token), (theirs, place) in itertools.product(enumerate(tokens), enumerate(places)):
        if tokens[theirs] is token:
            continue
        with pytest.raises(TamperedError):
            ring.open(token, place)


@pytest.mark.parametrize(
    "other",
    [
        HERE._replace(extra=("2026-01-01",)),
        RecordContext(table="other", record_id="r-1", workspace="T1", user="U1", revision=7),
        RecordContext(table="email_profiles", record_id="r-2", workspace="T1", user="U1", revision=7),
        RecordContext(table="email_profiles", record_id="r-1", workspace="T2", user="U1", revision=7),
        RecordContext(table="email_profiles", record_id="r-1", workspace="T1", user="U2", revision=7),
        RecordContext(table="email_profiles", record_id="r-1", workspace="T1", user="U1", revision=8),
        # The same characters, cut elsewhere.
        RecordContext(table="email_profiles", record_id="r-1", workspace="T1U", user="1", revision=7),
    ],
)
def test_every_part_of_the_place_is_bound(other: RecordContext) -> None:
    ring = Keyring([FIRST])
    with pytest.raises(TamperedError):
        ring.open(ring.seal(b"mine", HERE), other)


def test_no_token_opens_with_any_one_bit_flipped() -> None:
    ring = Keyring([FIRST, SECOND])
    token = ring.seal(b"secret", HERE)
    for position in range(len(token) * 8):
        flipped = bytearray(token)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(SealBrokenError):
            ring.open(bytes(flipped), HERE)


def test_a_token_cut_or_lengthened_is_malformed() -> None:
    ring = Keyring([FIRST])
    token = ring.seal(b"secret", HERE)
    for length in range(len(token)):
        with pytest.raises(MalformedError):
            ring.open(token[:length], HERE)
    with pytest.raises(MalformedError):
        ring.open(token + b"\0", HERE)


def test_the_first_key_seals_and_all_open() -> None:
    old, new = Keyring([FIRST]), Keyring([SECOND, FIRST])
    assert new.open(old.seal(b"before", HERE), HERE) == b"before"
    with pytest.raises(UnknownKeyError, match=new.active):
        old.open(new.seal(b"after", HERE), HERE)


def test_a_key_list_can_seal_under_a_key_of_choice() -> None:
    ring = Keyring([FIRST, SECOND])
    assert Keyring([SECOND]).open(ring.seal_under(ring.key_ids[1], b"canary", HERE), HERE) == b"canary"


def test_another_key_under_the_same_id_is_refused_by_its_commitment_before_anything_is_decrypted() -> None:
    ring, impostor = Keyring([FIRST]), Keyring([SECOND])
    token = ring.seal(b"secret", HERE)
    impostor._roots = {ring.active: SECOND}
    with pytest.raises(WrongKeyError):
        impostor.open(token, HERE)


def test_an_incomplete_place_is_refused_before_sealing() -> None:
    nowhere = (
        HERE._replace(table=""),
        HERE._replace(record_id=""),
        HERE._replace(workspace=""),
        HERE._replace(user=""),
    )
    for place in nowhere:
        with pytest.raises(ValueError, match="complete"):
            Keyring([FIRST]).seal(b"x", place)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no key"),
        ("not base64!", "key 1 is not url-safe base64"),
        (base64.urlsafe_b64encode(b"short").decode(), "key 1 has 5 bytes"),
        (base64.urlsafe_b64encode(b"\0" * 32).decode(), "key 1 is a pattern"),
        (",".join([RANDOM] * 2), "key 2 stands in the list twice"),
        (f"{RANDOM},{RANDOM.rstrip('=')}", "key 2 stands in the list twice"),
        (RANDOM.replace("-", "+").replace("_", "/"), "with - for +"),
        (RANDOM + "====", "key 1 is not url-safe base64"),
        (RANDOM[:-2] + chr(ord(RANDOM[-2]) + 1) + "=", "key 1 is not url-safe base64"),
        (f"{RANDOM},{base64.urlsafe_b64encode(FIRST).decode()}", "key 2 is a pattern"),
        (base64.urlsafe_b64encode(bytes(range(200, 168, -1))).decode(), "key 1 is a pattern"),
        (base64.urlsafe_b64encode(b"changeme" * 4).decode(), "key 1 is a pattern"),
        (base64.urlsafe_b64encode(b"the quick brown fox jumps over a").decode(), "key 1 is a pattern"),
        ("changeme" * 5 + "chang=", "key 1 is not url-safe base64"),
        ("changeme" * 5 + "chg", "key 1 is a pattern"),
    ],
)
def test_an_unusable_key_list_is_refused_without_showing_it(text: str, why: str) -> None:
    with pytest.raises(KeyringError, match=why) as caught:
        Keyring.from_text(text)
    assert not text or text not in str(caught.value)


def test_a_key_of_another_length_is_refused_by_the_constructor_too() -> None:
    with pytest.raises(KeyringError, match="key 1 has 31 bytes"):
        Keyring([FIRST[:31]])


def test_generated_keys_are_usable_with_and_without_padding() -> None:
    key = generate_key()
    assert Keyring.from_text(key).active == Keyring.from_text(f" {key.rstrip('=')} ").active


def test_a_keyring_shows_ids_and_no_key() -> None:
    shown = repr(Keyring([FIRST, SECOND]))
    assert FIRST.hex() not in shown
    assert shown.count(",") == 1


def test_the_header_is_version_one() -> None:
    version, id_length = struct.unpack_from(">BB", Keyring([FIRST]).seal(b"x", HERE))
    assert (version, id_length) == (1, 8)


def test_a_blinded_name_is_the_same_each_time_and_tells_nothing() -> None:
    ring = Keyring([FIRST, SECOND])
    assert ring.keyed_hash("ada") == ring.keyed_hash("ada") != ring.keyed_hash("grace")
    assert ring.keyed_hash("ada") != Keyring([SECOND]).keyed_hash("ada")
    assert len(ring.keyed_hash("ü" * 500)) == 43
