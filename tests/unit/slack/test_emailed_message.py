"""How an email is cut into inputs, and put together again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.views.emailed_message import subject_of, text_of, text_parts
from bot.slack.views.private_metadata import length

LINES = "\n".join(f"line {number} of a long message" for number in range(2_000))


@pytest.mark.parametrize("text", ["short", LINES, "x" * 10_000, f"a{'🚀' * 5_000}", "word " * 2_000, "\n" * 9_000])
def test_every_part_fits_an_input_and_nothing_is_lost(text: str) -> None:
    parts = text_parts(text)
    assert all(length(part) <= 3000 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_text_is_cut_at_the_ends_of_its_lines() -> None:
    parts = text_parts(LINES)
    assert len(parts) > 10
    assert "\n".join(parts) == LINES


@given(st.text(max_size=50).map(lambda text: text * 200))
def test_parts_of_any_text_fit(text: str) -> None:
    parts = text_parts(text)
    assert all(length(part) <= 3000 for part in parts)
    assert sum(map(len, parts)) + len(parts) >= len(text)


def test_an_email_begins_with_the_first_line_as_subject_and_says_what_is_left_off() -> None:
    assert subject_of("\n\n Label\tfor  crate 7 \nIt is ready.") == "Label for crate 7"
    assert subject_of("x" * 100) == f"{'x' * 77}…"
    assert subject_of("") == ""
    for whole in ("x" * 40_000, "ж" * 10_000, "🚀" * 5_000):
        assert text_of(whole) == whole
    for long in ("x" * 100_000, "ж" * 40_000, "🚀" * 40_000, '"\n' * 20_000):
        begins = text_of(long)
        assert begins.endswith("\n[The rest of the message is left off.]")
        assert 4_000 < len(begins) < 90_100
