"""Replies that are not UTF-8 can be read, and hostile bytes stay harmless."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.smtp.dialogue.encodings import readable
from tests.counts import scaled

SAID = {
    "gb18030": (
        "请使用授权码登录。详情请看: http://service.mail.qq.com",
        "登录失败，密码错误",
        "用户被锁定",
        "连接频率过高",
    ),
    "windows-1251": (
        "Ошибка: неверный логин или пароль",
        "ДОСТУП ЗАПРЕЩЕН",
        "Неверный пароль",
        "Почтовый ящик заблокирован",
    ),
    "shift_jis": ("認証に失敗しました", "パスワードが違います", "ユーザー名またはパスワードが正しくありません。"),
    "windows-1252": (
        "Zugang ungültig",
        "Contraseña inválida",
        "Échec d'authentification",
        "Größe überschritten",
        "Zu spät",
    ),
}
CASES = [(encoding, said) for encoding, texts in SAID.items() for said in texts]


def received(said: bytes) -> str:
    return said.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(("encoding", "said"), CASES)
def test_a_reply_is_read_in_the_encoding_it_was_sent_in(encoding: str, said: str) -> None:
    assert readable(received(f"5.7.8 Error: {said}".encode(encoding))) == f"5.7.8 Error: {said}"


@pytest.mark.parametrize("said", ["Authentication failed", "Größe 请使用授权码登录", "\U0001f511 ⚡", ""])
def test_utf8_stays_as_it_is(said: str) -> None:
    assert readable(received(said.encode())) == said


def test_utf8_that_was_cut_off_within_a_character_stays_utf8() -> None:
    cut = "请使用授权码登录".encode()[:-1]
    assert readable(received(cut)).startswith("请使用授权码登")


@given(st.binary(max_size=400))
@settings(max_examples=scaled(quick=200, full=20_000), deadline=None)
def test_whatever_bytes_come_a_text_comes_out_that_can_be_sent_on(said: bytes) -> None:
    readable(received(said)).encode("utf-8", "surrogateescape")
    assert len(readable(received(said))) <= len(said)


@given(st.text(st.characters(), max_size=200))
@settings(max_examples=scaled(quick=200, full=20_000), deadline=None)
def test_lone_surrogates_of_any_kind_are_survived(said: str) -> None:
    readable(said)
