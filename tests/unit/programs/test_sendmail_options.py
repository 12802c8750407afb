"""The options of the command `sendmail`, as programs give them."""

import pytest

from bot.programs.sendmail.options import Options, UsageError, read_options
from tests.named import case

CALLS = {
    # What each program really starts.
    "cron of Debian": (["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"], "root", False, False, "", "CronDaemon"),
    "PHP's default": (["-t", "-i"], "", True, False, "", ""),
    "PHP with a sender": (["-t", "-i", "-fada@demo.example"], "", True, False, "ada@demo.example", ""),
    "mailx": (["-i", "grace@demo.example"], "grace@demo.example", False, False, "", ""),
    "git send-email": (
        ["-i", "-f", "ada@demo.example", "--", "a@b.example"],
        "a@b.example",
        False,
        False,
        "ada@demo.example",
        "",
    ),
    "options behind recipients": (["a@b.example", "-oi"], "a@b.example", False, False, "", ""),
    "logcheck": (["-t"], "", True, True, "", ""),
    "old names": (
        ["-r", "ada@demo.example", "-odb", "-om", "-N", "never", "-R", "hdrs", "-V", "id", "-U", "a@b.example"],
        "a@b.example",
        False,
        True,
        "ada@demo.example",
        "",
    ),
    "a log that is not written": (
        ["-X", "/tmp/log", "-C/etc/other.cf", "-O", "QueueDirectory=/tmp", "a@b.example"],
        "a@b.example",
        False,
        True,
        "",
        "",
    ),
}


def test_the_options_of_programs_are_taken_as_sendmail_takes_them() -> None:
    for name, (arguments, recipient, from_letter, dot_ends, sender, full_name) in CALLS.items():
        with case(name):
            assert read_options(arguments) == Options(
                recipients=(recipient,) if recipient else (),
                from_letter=from_letter,
                dot_ends=dot_ends,
                sender=sender,
                name=full_name,
            )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["-bs"],
            "-bs is not done here. It speaks SMTP over standard input. Let the program send to the bot's submission",
        ),
        (["-bp"], "there is none: each message is sent at once, or refused."),
        (["-bi"], "-bi is not done here."),
        (["-bd"], "-bd is not done here."),
        (["-bv", "a@b.example"], "-bv is not done here."),
        (["-q"], "-q is not done here."),
        (["-q30m"], "-q is not done here."),
        ([], "Nobody to send to: name recipients, or give -t"),
        (["-i"], "Nobody to send to"),
        (["-Z", "a@b.example"], "option -Z not recognized"),
        (["-f"], "option -f requires argument"),
    ],
)
def test_what_is_not_done_is_refused_in_words(arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        read_options(arguments)


def test_a_recipient_behind_two_dashes_is_no_option() -> None:
    assert read_options(["-i", "--", "-q@b.example"]).recipients == ("-q@b.example",)
