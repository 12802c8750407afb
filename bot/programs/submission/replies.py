"""Replies of the submission server: in ASCII, short, each with an enhanced status code (RFC 2034)."""

import re

MOST_CHARACTERS = 500
"""Of a reply, which may have 512 bytes with its end (RFC 5321, 4.5.3.1.5)."""

HELLO_NEEDED = "503 5.5.1 Say EHLO first."
SIGN_IN_NEEDED = "530 5.7.0 Sign in first: with the address of the profile, and the program's token as password."
LINE_TOO_LONG = "500 5.5.2 This line is too long."
LINE_MALFORMED = "500 5.5.2 A line ends with CR LF, and has no other control characters."
ENCODED_ADDRESS = "553 5.1.3 An address of a command is not encoded as in a header: there is no =? in it."
NO_SIZE = "501 5.5.4 SIZE is a number of bytes."
TOO_MANY_MISTAKES = "421 4.7.0 Too much was not understood here, so the connection is closed."
NOT_SIGNED_IN = "421 4.7.0 Nobody signed in for too long, so the connection is closed."
IDLE = "421 4.4.2 Nothing came for too long, so the connection is closed."
SESSION_OVER = "421 4.4.2 The session has lasted too long. Connect again for more messages."
STOPPING = "421 4.3.2 The server is about to stop. Try again in a minute."
CROWDED = "421 4.7.0 There are too many connections. Try again in a minute."
FAILED = "451 4.3.0 Something went wrong here. Try again later."
FAILED_SIGN_IN = "454 4.7.0 The token cannot be looked up at the moment. Try again later."
FAILED_DELIVERY = "451 4.4.2 Something went wrong here, and the message may have been sent."

_ENHANCED = re.compile(r"[245]\d\d [245]\.\d{1,3}\.\d{1,3}(?: |$)")
_UNPRINTABLE = re.compile(r"[^ -~]")

_USUAL_ENHANCED = {
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "504": "5.5.4",
    "530": "5.7.0",
    "538": "5.7.11",
    "552": "5.3.4",
    "553": "5.1.3",
    "555": "5.5.4",
    "421": "4.3.2",
    "454": "4.7.0",
}
"""The enhanced codes of replies that aiosmtpd words without one."""


def cleaned(line: str) -> str:
    """Return a reply's line as it may be sent: what a program or a provider said in it is in ASCII, and bounded."""
    line = _UNPRINTABLE.sub("?", line)
    code = line[:3]
    if code[:1] in "45" and line[3:4] != "-" and not _ENHANCED.match(line):
        line = f"{code} {_USUAL_ENHANCED.get(code, f'{code[0]}.0.0')} {line[4:].removeprefix('Error: ')}"
    return line[:MOST_CHARACTERS]
