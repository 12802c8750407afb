"""The options of `sendmail`, as programs give them to Sendmail, Postfix or Exim."""

import getopt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

USAGE = """\
Usage: email-profile-bot sendmail [-t] [-i] [-f ADDRESS] [-F NAME] [RECIPIENT ...] < MESSAGE

Reads a message from standard input and sends it through an email profile.

  -t            take the recipients from To, Cc and Bcc, besides those named here
  -i, -oi       a line that is a dot alone does not end the message
  -f, -r ADDRESS  the sender: the profile's address, or a local name, which stands for it
  -F NAME       the name in From, where the message has none
  -v            say what the mail provider answered

  EMAIL_PROFILE_TOKEN       the program's token, or
  EMAIL_PROFILE_TOKEN_FILE  a file that holds it
  EMAIL_PROFILE_URL         where the bot is, http://127.0.0.1:3000 if it is not set

Other options of sendmail are taken and change nothing; -bs and other modes are refused.
Exit codes are those of sysexits.h: 0 sent, 75 try again later, 65 or 69 not as it is.
"""

_SHORT = "A:B:b:C:e:F:f:Gh:IiL:mN:nO:o:pR:r:stUV:vX:"
"""sendmail(1) of Postfix, but for -q, whose argument may be left out."""

_MODES = {
    "s": "It speaks SMTP over standard input. Let the program send to the bot's submission server instead",
    "p": "It lists the queue, and there is none: each message is sent at once, or refused",
    "d": "It is a mail server, and this is none",
    "i": "It makes a table of aliases, and there is none",
}


class UsageError(Exception):
    """The options cannot be followed; `str(error)` says why."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for. `sender` is empty where nothing was given."""

    recipients: tuple[str, ...] = ()
    from_letter: bool = False
    dot_ends: bool = True
    sender: str = ""
    name: str = ""
    verbose: bool = False
    help: bool = False


def read_options(arguments: Sequence[str]) -> Options:
    """Read the arguments.

    Raises:
        UsageError: one is not known, or asks for what is not done here.
    """
    if any(one.startswith("-q") for one in arguments[: _first_end(arguments)]):
        raise UsageError("-q is not done here. It sends what waits in a queue, and there is none.")
    try:
        given, recipients = getopt.gnu_getopt(list(arguments), _SHORT, ["help"])
    except getopt.GetoptError as error:
        raise UsageError(f"{error}. See --help.") from None
    options = Options(recipients=tuple(recipients))
    for option, value in given:
        options = _with(options, option, value)
    if not (options.recipients or options.from_letter or options.help):
        raise UsageError("Nobody to send to: name recipients, or give -t to take them from the message.")
    return options


def _with(options: Options, option: str, value: str) -> Options:
    if option == "-b" and value != "m":
        why = _MODES.get(value[:1], "It is another way of working")
        raise UsageError(f"-b{value} is not done here. {why}.")
    if option == "-o" and value.startswith("i"):
        option = "-i"
    changes: dict[str, dict[str, Any]] = {
        "-t": {"from_letter": True},
        "-i": {"dot_ends": False},
        "-I": {"dot_ends": False},
        "-f": {"sender": value},
        "-r": {"sender": value},
        "-F": {"name": value},
        "-v": {"verbose": True},
        "--help": {"help": True},
    }
    return replace(options, **changes.get(option, {}))


def _first_end(arguments: Sequence[str]) -> int:
    return arguments.index("--") if "--" in arguments else len(arguments)
