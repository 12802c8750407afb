"""Two hundred ways in without a token: each is what a client says, before it tries to send a letter."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.fakes.smtp_client import b64, plain

LETTER = ("DATA", "From: {address}\r\nSubject: relayed\r\n\r\nRelayed.\r\n.")


@dataclass(frozen=True)
class WayIn:
    """Lines that are said one after the other; a line that holds CR LF is several at once.

    Some words in braces are put in: {address} and {grace} of people with profiles, {token_id}, {wrong_token},
    {foreign}, {removed} and {expired} tokens, {unchecked}: a token with a letter changed.
    """

    name: str
    lines: tuple[str, ...]


_FROM = ("{address}", "{grace}", "", "postmaster@{host}", "root", "eve@evil.example")
_TO = (
    "victim@elsewhere.example",
    "victim%elsewhere.example@{host}",
    "victim%elsewhere.example",
    '"victim@elsewhere.example"',
    '"victim@elsewhere.example"@{host}',
    "@{host}:victim@elsewhere.example",
    "@localhost,@{host}:victim@elsewhere.example",
    "victim@elsewhere.example@{host}",
    "elsewhere.example!victim",
    "elsewhere.example!victim@{host}",
    "victim@[127.0.0.1]",
    "victim@localhost",
    "victim",
    "postmaster",
    "{address}",
    "{grace}",
    "victim@elsewhere.example,{address}",
    "{address}> <victim@elsewhere.example",
)
"""The forms with which open relays have been looked for since the nineties."""


def _envelopes() -> Iterator[WayIn]:
    for greeting in ("EHLO client.test", "HELO client.test", "EHLO {host}", "NOOP"):
        for to in _TO:
            yield WayIn(f"{greeting}, to {to}", (greeting, "MAIL FROM:<{address}>", f"RCPT TO:<{to}>", *LETTER))
    for sender in _FROM:
        yield WayIn(f"from {sender or 'nobody'}", ("EHLO a", f"MAIL FROM:<{sender}>", "RCPT TO:<{grace}>", *LETTER))


_CREDENTIALS = (
    ("", ""),
    ("{address}", ""),
    ("", "{wrong_token}"),
    ("{address}", "{wrong_token}"),
    ("{address}", "{unchecked}"),
    ("{address}", "{foreign}"),
    ("{address}", "{removed}"),
    ("{address}", "{expired}"),
    ("{foreign_id}", "{wrong_token}"),
    ("{token_id}", "{foreign}"),
    ("{grace}", "{removed}"),
    ("{token_id}", "{token_id}"),
    ("{token_id}", "epb_{token_id}"),
    ("{token_id}", "epb_{token_id}_"),
    ("{address}", "{address}"),
    ("{address}", "password"),
    ("{address}", "{account_password}"),
    ("{address}", "null"),
    ("{address}", "' OR '1'='1"),
    ("' OR '1'='1", "' OR '1'='1"),
    ("{address}' --", "{wrong_token}"),
    ("{address}", "epb_%_%"),
    ("%", "{wrong_token}"),
    ("*", "*"),
    ("admin", "admin"),
    ("root", ""),
    ("U0ADA", "{wrong_token}"),
    ("{address}", "xoxb-1-2-3"),
    ("{address}\t", "{foreign}"),
    (" {address}", "{foreign}"),
    ("{address}", "é" * 50),
    ("{address}", "a" * 300),
    ("\u202e{address}", "{foreign}"),
)


def _sign_ins() -> Iterator[WayIn]:
    envelope = ("MAIL FROM:<{address}>", "RCPT TO:<{grace}>", *LETTER)
    for number, (user, password) in enumerate(_CREDENTIALS):
        yield WayIn(f"PLAIN, credentials {number}", ("EHLO a", f"AUTH PLAIN <<{user}|{password}>>", *envelope))
        yield WayIn(f"LOGIN, credentials {number}", ("EHLO a", "AUTH LOGIN", f"<{user}>", f"<{password}>", *envelope))
    for acting_for in ("{address}", "{grace}", "root", "\0"):
        named = acting_for.replace("\0", "NUL")
        yield WayIn(
            f"acting for {named}", ("EHLO a", f"AUTH PLAIN <{acting_for}\0{{address}}\0{{foreign}}>", *envelope)
        )
    for mechanism in ("EXTERNAL", "ANONYMOUS", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256", "NTLM", "GSSAPI", "XOAUTH2"):
        yield WayIn(f"with {mechanism}", ("EHLO a", f"AUTH {mechanism} <{{address}}>", *envelope))
        yield WayIn(f"with {mechanism} asked", ("EHLO a", f"AUTH {mechanism}", "<{address}>", *envelope))


def _tricks() -> Iterator[WayIn]:
    envelope = ("MAIL FROM:<{address}>", "RCPT TO:<{grace}>", *LETTER)
    said: dict[str, tuple[str, ...]] = {
        "nothing before": (),
        "AUTH before EHLO": ("AUTH PLAIN <<{address}|{wrong_token}>>",),
        "AUTH after HELO": ("HELO a", "AUTH PLAIN <<{address}|{wrong_token}>>"),
        "AUTH ended": ("EHLO a", "AUTH PLAIN", "*"),
        "AUTH LOGIN ended": ("EHLO a", "AUTH LOGIN", "<{address}>", "*"),
        "AUTH answered with a command": ("EHLO a", "AUTH LOGIN", "MAIL FROM:<{address}>"),
        "AUTH twice": ("EHLO a", "AUTH PLAIN", "AUTH PLAIN", "="),
        "AUTH with two arguments": ("EHLO a", "AUTH PLAIN <<{address}|x>> <<{address}|x>>"),
        "AUTH of nothing": ("EHLO a", "AUTH PLAIN ="),
        "AUTH with NULs alone": ("EHLO a", "AUTH PLAIN <\0\0>"),
        "AUTH with many NULs": ("EHLO a", "AUTH PLAIN <\0\0\0\0>"),
        "AUTH and LF": ("EHLO a", "AUTH PLAIN <<{address}|{wrong_token}>>\nMAIL FROM:<{address}>"),
        "EHLO again": ("EHLO a", "EHLO b", "RSET"),
        "XCLIENT": ("EHLO a", "XCLIENT LOGIN={address} ADDR=127.0.0.1"),
        "XCLIENT and EHLO": ("EHLO a", "XCLIENT LOGIN={address}", "EHLO a"),
        "XFORWARD": ("EHLO a", "XFORWARD NAME=localhost ADDR=127.0.0.1"),
        "XAUTH": ("EHLO a", "XAUTH {address}"),
        "PROXY": ("PROXY TCP4 127.0.0.1 127.0.0.1 25 25", "EHLO a"),
        "PROXY unknown": ("PROXY UNKNOWN", "EHLO a"),
        "LHLO": ("LHLO a",),
        "MAIL with AUTH": ("EHLO a", "MAIL FROM:<{address}> AUTH={address}"),
        "MAIL with AUTH of nobody": ("EHLO a", "MAIL FROM:<{address}> AUTH=<>"),
        "SEND": ("EHLO a", "SEND FROM:<{address}>"),
        "SOML": ("EHLO a", "SOML FROM:<{address}>"),
        "SAML": ("EHLO a", "SAML FROM:<{address}>"),
        "TURN": ("EHLO a", "TURN"),
        "ETRN": ("EHLO a", "ETRN elsewhere.example"),
        "ATRN": ("EHLO a", "ATRN elsewhere.example"),
        "BDAT": ("EHLO a", "MAIL FROM:<{address}>", "RCPT TO:<{grace}>", "BDAT 4 LAST"),
        "BURL": ("EHLO a", "BURL imap://{host}/ LAST"),
        "VRFY": ("EHLO a", "VRFY {address}"),
        "EXPN": ("EHLO a", "EXPN all"),
        "HELP": ("EHLO a", "HELP MAIL"),
        "a greeting like ours": ("EHLO {host}", "HELO {host}"),
        "a greeting from here": ("EHLO [127.0.0.1]", "HELO localhost"),
        "a greeting with commands": ("EHLO a\nMAIL FROM:<{address}>",),
        "a greeting with CR": ("EHLO a\rMAIL FROM:<{address}>",),
        "a greeting with NUL": ("EHLO a\0b",),
        "an empty greeting": ("EHLO", "HELO"),
        "a long greeting": ("EHLO " + "a" * 3000,),
        "a web page": ("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\nEHLO a",),
        "a web page with a token": ("GET / HTTP/1.1\r\nAuthorization: Bearer {wrong_token}\r\n\r\nEHLO a",),
        "STARTTLS without TLS": ("EHLO a", "STARTTLS", "EHLO a"),
        "STARTTLS with more behind": ("EHLO a", "STARTTLS\r\nEHLO a\r\nAUTH PLAIN <<{address}|{wrong_token}>>"),
        "NOOP with words": ("EHLO a", "NOOP AUTH PLAIN <<{address}|{wrong_token}>>"),
        "all at once": ("EHLO a\r\nMAIL FROM:<{address}>\r\nRCPT TO:<{grace}>",),
        "all at once with AUTH": ("EHLO a\r\nAUTH PLAIN <<{address}|{wrong_token}>>\r\nMAIL FROM:<{address}>",),
        "another sign-in": ("EHLO a", "USER {address}", "PASS {wrong_token}"),
        "IMAP": ("a LOGIN {address} {wrong_token}", "EHLO a"),
        "wide characters": ("E\0H\0L\0O\0 \0a\0", "EHLO a"),
    }
    for name, lines in said.items():
        yield WayIn(name, (*lines, *envelope))
    yield WayIn("a letter at once", ("EHLO a", "DATA\r\nMAIL FROM:<{address}>\r\nRCPT TO:<{grace}>", *LETTER))
    yield WayIn("an envelope with line feeds", ("EHLO a\nMAIL FROM:<{address}>\nRCPT TO:<{grace}>\nDATA", LETTER[1]))


WAYS_IN = (*_envelopes(), *_sign_ins(), *_tricks())


def spoken(line: str, words: dict[str, str]) -> bytes:
    """Return a line as bytes, with words put in.

    `<<user|password>>` becomes what AUTH PLAIN has of them, `<text>` in AUTH or alone in a line becomes base64.
    """
    for name, word in words.items():
        line = line.replace("{" + name + "}", word)
    begin, end = line.find("<<"), line.rfind(">>")
    while begin >= 0 and end > begin:
        inner_end = line.find(">>", begin)
        user, _, password = line[begin + 2 : inner_end].partition("|")
        line = line[:begin] + plain(user, password) + line[inner_end + 2 :]
        begin, end = line.find("<<"), line.rfind(">>")
    if line.startswith("<") and line.endswith(">"):
        line = b64(line[1:-1])
    elif line.startswith("AUTH ") and line.endswith(">") and "\n" not in line:
        start = line.index("<")
        line = line[:start] + b64(line[start + 1 : -1])
    return line.encode("utf-8") + b"\r\n"
