"""Tokens of programs: a form that scanners and people know, 256 random bits, and a checksum for typing errors."""

import hashlib
import re

import pytest
from pydantic import SecretStr

from bot.profiles.tokens.secret_token import TOKEN_CHARACTERS, SecretToken


def test_a_token_has_its_form_and_is_found_again_by_id_and_digest() -> None:
    token = SecretToken.generate()
    text = token.secret().get_secret_value()
    parts = re.fullmatch(r"epb_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})", text)
    assert parts is not None
    assert len(text) == TOKEN_CHARACTERS == 62
    parsed = SecretToken.parse(token.secret())
    assert parsed is not None
    assert (parsed.id, parsed.digest) == (token.id, token.digest)
    assert (parsed.id, parsed.digest) == (parts[1], hashlib.sha256(parts[2].encode()).hexdigest())


def test_no_two_tokens_are_alike() -> None:
    tokens = [SecretToken.generate() for _ in range(200)]
    assert len({token.id for token in tokens}) == len({token.digest for token in tokens}) == 200


def test_a_repr_shows_neither_the_secret_nor_its_digest() -> None:
    token = SecretToken.generate()
    secret = token.secret().get_secret_value().rpartition("_")[2]
    shown = repr(token) + str(token) + repr(SecretToken.parse(token.secret())) + repr(token.secret()) + repr([token])
    assert f"SecretToken(epb_{token.id}_…)" in shown
    assert secret not in shown
    assert token.digest not in shown


def test_every_character_that_was_typed_wrongly_is_noticed() -> None:
    text = SecretToken.generate().secret().get_secret_value()
    for place, character in enumerate(text):
        for other in ("a", "Z", "0", "é", "\n"):
            if other != character:
                assert SecretToken.parse(SecretStr(text[:place] + other + text[place + 1 :])) is None


@pytest.mark.parametrize("around", ["{} ", " {}", "{}\n", "{}{}", "x{}", "<{}>"])
def test_nothing_may_stand_around_a_token(around: str) -> None:
    text = SecretToken.generate().secret().get_secret_value()
    assert SecretToken.parse(SecretStr(around.replace("{}", text))) is None


def test_the_checksum_is_the_one_that_is_documented() -> None:
    known = "epb_0000000A_" + "B" * 43
    assert SecretToken.parse(SecretStr(known + "0crczu")) is not None
    assert SecretToken.parse(SecretStr(known + "0crczv")) is None
