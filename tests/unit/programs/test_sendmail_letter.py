"""What programs write to the command `sendmail`, and the letter that is made of it."""

from bot.programs.sendmail.letter import read_letter
from tests.named import case

READ = {
    "lines that end in LF": (b"To: a@b.example\n\none\ntwo\n", b"To: a@b.example\r\n\r\none\r\ntwo\r\n"),
    "lines that end in CRLF": (b"To: a@b.example\r\n\r\none\r\n", b"To: a@b.example\r\n\r\none\r\n"),
    "headers in CRLF and text in LF, as PHP has it": (
        b"To: a@b.example\r\n\r\none\ntwo\n",
        b"To: a@b.example\r\n\r\none\r\ntwo\r\n",
    ),
    "no end of the last line": (b"To: a@b.example\n\none", b"To: a@b.example\r\n\r\none\r\n"),
    "a header over two lines": (
        b"To: a@b.example,\n\tc@d.example\n\none\n",
        b"To: a@b.example,\r\n\tc@d.example\r\n\r\none\r\n",
    ),
    "no headers at all": (b"one\ntwo\n", b"\r\none\r\ntwo\r\n"),
    "no empty line behind the headers": (b"To: a@b.example\none\n", b"To: a@b.example\r\n\r\none\r\n"),
    "headers alone": (b"To: a@b.example\n", b"To: a@b.example\r\n\r\n"),
    "the line of a mailbox file": (b"From ada Mon Nov 30\nTo: a@b.example\n\none\n", b"To: a@b.example\r\n\r\none\r\n"),
    "a dot that ends": (b"To: a@b.example\n\none\n.\ntwo\n", b"To: a@b.example\r\n\r\none\r\n"),
    "a dot at the very end": (b"To: a@b.example\n\none\n.", b"To: a@b.example\r\n\r\none\r\n"),
    "a dot before everything": (b".\nTo: a@b.example\n", b"\r\n"),
    "two dots": (b"To: a@b.example\n\n..\n", b"To: a@b.example\r\n\r\n..\r\n"),
    "bytes that are no text": (b"To: a@b.example\n\n\xff\x00\n", b"To: a@b.example\r\n\r\n\xff\x00\r\n"),
    "a CR within a line, for the rules of letters to refuse": (
        b"To: a@b.example\n\na\rb\n",
        b"To: a@b.example\r\n\r\na\rb\r\n",
    ),
    "nothing": (b"", b"\r\n"),
}

OWN = "ada@demo.example"
NAMED = {
    "cron's own": (
        b"From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@h> backup\n\none\n",
        b"From: Cron Daemon <ada@demo.example>\r\nTo: ada@demo.example\r\nSubject: Cron <root@h> backup\r\n\r\none\r\n",
    ),
    "from nobody": (
        b"To: a@b.example\n\none\n",
        b"From: Label Printer <ada@demo.example>\r\nTo: a@b.example\r\n\r\none\r\n",
    ),
    "from an empty header": (
        b"From:\nTo: a@b.example\n\n",
        b"From: Label Printer <ada@demo.example>\r\nTo: a@b.example\r\n\r\n",
    ),
    "a name among addresses": (
        b"From: ada@demo.example\nTo: a@b.example, root\nCc: Ops <ops>\n\n",
        b"From: ada@demo.example\r\nTo: a@b.example, ada@demo.example\r\nCc: Ops <ada@demo.example>\r\n\r\n",
    ),
}


def test_lines_end_in_crlf_and_nothing_else_changes() -> None:
    for name, (written, letter) in READ.items():
        with case(name):
            assert read_letter(written, dot_ends=True).content() == letter


def test_with_i_a_dot_alone_ends_nothing() -> None:
    written = b"To: a@b.example\n\none\n.\ntwo\n"
    assert read_letter(written, dot_ends=False).content() == b"To: a@b.example\r\n\r\none\r\n.\r\ntwo\r\n"


def test_names_without_a_domain_stand_for_the_profiles_own_address() -> None:
    for name, (written, letter) in NAMED.items():
        with case(name):
            read = read_letter(written, dot_ends=False)
            assert read.needs_address
            assert read.with_address(OWN, "Label Printer").content() == letter


def test_a_letter_that_names_everybody_in_full_is_left_as_it_is() -> None:
    written = b"FROM:  Ada <ada@demo.example>\nto: (x) a@b.example\nX-Odd:\t y \n\n"
    read = read_letter(written, dot_ends=False)
    assert not read.needs_address
    assert read.with_address(OWN, "x").content() == written.replace(b"\n", b"\r\n")


def test_recipients_are_those_in_to_cc_and_bcc() -> None:
    written = b'To: "x, y" <a@b.example>\nCC: c@d.example,\n e@f.example\nBcc: root\nReply-To: z@z.example\n\n'
    assert read_letter(written, dot_ends=False).recipients == ["a@b.example", "c@d.example", "e@f.example", "root"]
