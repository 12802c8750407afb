"""Where a letter ends, in whatever pieces it comes, and what is held of it."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.profiles.sending.letters import Cause, LetterRefusedError
from bot.programs.submission.incoming import MOST_LINE_BYTES, Incoming, LineFault
from bot.programs.submission.letter import ArrivingLetter
from tests.counts import scaled


def free(_size: int) -> None:
    """Hold whatever comes."""


def taken(pieces: list[bytes]) -> tuple[bytes, bytes] | None:
    """Return a letter that comes in pieces, and what comes after its end; None if it has none."""
    letter = ArrivingLetter(free)
    for number, piece in enumerate(pieces):
        after = letter.take(piece)
        if after is not None:
            return letter.content(), after + b"".join(pieces[number + 1 :])
    return None


@pytest.mark.parametrize(
    ("sent", "content", "after"),
    [
        (b".\r\n", b"", b""),
        (b"\r\n.\r\n", b"\r\n", b""),
        (b"a\r\n.\r\nQUIT\r\n", b"a\r\n", b"QUIT\r\n"),
        (b"..\r\n.\r\n", b".\r\n", b""),
        (b".a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n", b""),
        (b"a\r\n.\r\n.\r\n", b"a\r\n", b".\r\n"),
    ],
)
def test_a_letter_ends_at_a_dot_alone_in_a_line_and_doubled_dots_are_single_again(
    sent: bytes, content: bytes, after: bytes
) -> None:
    assert taken([sent]) == (content, after)
    assert taken([sent[place : place + 1] for place in range(len(sent))]) == (content, after)


NO_ENDS = [
    *(before + b"." + behind for before in (b"\n", b"\r", b"\r\n", b"\n\r", b"\r\r\n") for behind in (b"\n", b"\r")),
    *(before + b".\r\n" for before in (b"\n", b"\r", b"\r\r", b"\r\n\0", b"\r\n ", b"\x0b\x0c", b"\xe2\x80\xa8")),
    *(b"\r\n." + behind for behind in (b"\0\r\n", b" \r\n", b"\r\r\n", b"\n\r\n", b"\x85\r\n", b"\n.\r", b"\t\r\n")),
]
"""What some servers have taken for the end of a letter: those of the published smuggling tools, and others."""


@pytest.mark.parametrize("no_end", NO_ENDS, ids=repr)
def test_nothing_else_ends_a_letter(no_end: bytes) -> None:
    smuggled = b"first" + no_end + b"MAIL FROM:<eve@mail.test>\r\nRCPT TO:<x@mail.test>\r\nDATA\r\nsecond\r\n"
    assert taken([smuggled]) is None
    found = taken([smuggled + b".\r\n"])
    assert found is not None
    assert found[1] == b""
    assert b"second" in found[0]


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", b"\r\n.", b".\r\n", b"\0"]), max_size=30))
@settings(max_examples=scaled(quick=100, full=10_000), deadline=None)
def test_pieces_make_no_difference(pieces: list[bytes]) -> None:
    assert taken(pieces) == taken([b"".join(pieces)])


@given(st.binary(max_size=300))
@settings(max_examples=scaled(quick=50, full=5_000), deadline=None)
def test_whatever_a_letter_says_it_is_the_same_once_its_dots_were_doubled_and_single_again(said: bytes) -> None:
    content = b"\r\n".join(said.split(b"\r\n")) + b"\r\n"
    doubled = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
    assert taken([doubled + b".\r\n", b"QUIT\r\n"]) == (content, b"QUIT\r\n")


def test_what_is_refused_is_not_held_and_its_end_is_seen_nevertheless() -> None:
    held: list[int] = []

    def little(size: int) -> None:
        held.append(size)
        if size > 1000:
            raise LetterRefusedError(Cause.SIZE, 552, "5.3.4", "The letter is too large.")

    letter = ArrivingLetter(little)
    for _ in range(1000):
        assert letter.take(b"0123456789" * 10) is None
    assert max(held) < 1200
    assert letter.take(b"\r\n.") is None
    assert letter.take(b"\r\nNOOP\r\n") == b"NOOP\r\n"
    assert letter.refusal is not None
    assert letter.refusal.code == 552
    assert letter.received == 100_005


def test_a_letter_is_held_twice_for_a_moment_and_no_more() -> None:
    chunk, count = (b"x" * 76 + b"\r\n") * 800, 80
    letter = ArrivingLetter(free)
    tracemalloc.start()
    try:
        for _ in range(count):
            assert letter.take(bytes(bytearray(chunk))) is None
        assert letter.take(b".\r\n") == b""
        content = letter.content()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(content) == count * len(chunk)
    assert peak < 2.5 * len(content)
    assert held < 1.1 * len(content)


def line_of(sent: bytes) -> bytes | LineFault | None:
    incoming = Incoming()
    incoming.add(sent)
    return incoming.line()


def test_a_line_is_a_command_only_when_it_ends_with_cr_lf_and_has_no_other_control_characters() -> None:
    assert line_of(b"NOOP") is None
    assert line_of(b"NOOP\r") is None
    assert line_of(b"NOOP\r\nQUIT") == b"NOOP\r\n"
    for malformed in (
        b"NOOP\n",
        b"\n",
        b"NO\rOP\r\n",
        b"NOOP\r\r\n",
        b"NOOP\0\r\n",
        b"NO\tOP\r\n",
        b"\x7f\r\n",
        b"\x1b[\r\n",
    ):
        assert line_of(malformed) is LineFault.MALFORMED, malformed


def test_a_line_that_is_too_long_is_not_kept_and_refused_as_one() -> None:
    incoming = Incoming()
    for _ in range(100):
        incoming.add(b"a" * 500)
        assert incoming.line() is None
        assert len(incoming) <= MOST_LINE_BYTES
    incoming.add(b"\r\nNOOP\r\n")
    assert incoming.line() is LineFault.TOO_LONG
    assert incoming.line() == b"NOOP\r\n"
