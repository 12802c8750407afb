"""A program of the kind that sends with a profile: it prints a label, and knows SMTP and six values.

It is written as such programs are, with the standard library alone, and knows nothing of the bot.
"""

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, make_msgid
from ipaddress import ip_address
from typing import Any

TIMEOUT_SECONDS = 20.0
GREETING_SECONDS = 5.0
"""How long it waits for a server to greet; one that waits for TLS greets nobody who begins in clear."""
EXTRAS = ("TLS", "SSL")
"""The types of extra configurations that the program knows."""

_WIDTH = 34


class LabelError(Exception):
    """The label was not sent. `str(error)` is what the program shows."""


@dataclass(frozen=True, kw_only=True)
class EmailInformation:
    """The values of the program's own form; `extras` maps types of extra configurations to their values."""

    address: str
    login: str
    password: str = field(repr=False)
    host: str
    port: str
    authenticate: bool
    extras: Mapping[str, str]

    @classmethod
    def typed(cls, values: Mapping[str, Any]) -> "EmailInformation":
        """Return what was typed, without blanks around it.

        Raises:
            KeyError, AttributeError: a value is missing, or is none.
        """
        texts = {name: values[name].strip() for name in ("address", "login", "password", "host", "port")}
        extras = {str(name): str(value) for name, value in values["extras"].items()}
        return cls(**texts, authenticate=bool(values["authenticate"]), extras=extras)


def send_label(information: EmailInformation, *, to: str, crate: str, trust: ssl.SSLContext) -> str:
    """Send a label, and return the server's answer to it; this waits, so it is for a thread.

    Raises:
        LabelError: it was not sent, or nobody knows.
    """
    try:
        message = _label(information.address, to.strip(), crate.strip())
        with _connected(information, trust) as connection:
            _checked(*connection.mail(information.address))
            _checked(*connection.rcpt(to.strip()))
            return _checked(*connection.data(message.as_bytes()))
    except smtplib.SMTPResponseException as error:
        raise LabelError(_words(error.smtp_code, error.smtp_error)) from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise LabelError(f"{type(error).__name__}: {error}") from None


def _connected(information: EmailInformation, trust: ssl.SSLContext) -> smtplib.SMTP:
    host, port = information.host, _port(information.port)
    if not _is_of_this_machine(host):
        raise LabelError(f"This program reaches this machine alone, and {host or 'no server'} is not on it.")
    connection = _greeted(host, port, information, trust)
    if connection.sock is not None:
        connection.sock.settimeout(TIMEOUT_SECONDS)
    try:
        _signed_in(connection, information, trust)
    except BaseException:
        connection.close()
        raise
    return connection


def _greeted(host: str, port: int, information: EmailInformation, trust: ssl.SSLContext) -> smtplib.SMTP:
    try:
        if information.extras.get("SSL") == "Y":
            return smtplib.SMTP_SSL(host, port, timeout=GREETING_SECONDS, context=trust)
        return smtplib.SMTP(host, port, timeout=GREETING_SECONDS)
    except ssl.SSLError as error:
        if error.reason != "WRONG_VERSION_NUMBER":
            raise
        raise LabelError("The server does not begin with TLS. Does its port begin in clear? Remove SSL Y.") from None
    except smtplib.SMTPServerDisconnected:
        raise LabelError("The server did not greet. Does its port begin with TLS? Add SSL Y.") from None


def _signed_in(connection: smtplib.SMTP, information: EmailInformation, trust: ssl.SSLContext) -> None:
    if information.extras.get("TLS") == "Y" and information.extras.get("SSL") != "Y":
        connection.starttls(context=trust)
    connection.ehlo_or_helo_if_needed()
    if information.authenticate:
        connection.login(information.login, information.password)


def _port(typed: str) -> int:
    if not (typed.isdecimal() and 0 < int(typed) < 65536):
        raise LabelError(f"“{typed}” is no port, which is a number such as 465.")
    return int(typed)


def _is_of_this_machine(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _checked(code: int, answer: bytes | str) -> str:
    if code // 100 != 2:
        raise LabelError(_words(code, answer))
    return _words(code, answer)


def _words(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(text.split())}"


def _label(sender: str, to: str, crate: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = Address(addr_spec=sender), Address(addr_spec=to)
    message["Subject"] = f"Label for crate {crate}"
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = make_msgid(domain="label-program.example")
    lines = (f"CRATE {crate}"[:_WIDTH], "", "Analytical Engines", "Store 1, shelf 4")
    edge = f"+{'-' * (_WIDTH + 2)}+"
    message.set_content("\n".join([edge, *(f"| {line:<{_WIDTH}} |" for line in lines), edge, ""]))
    return message
