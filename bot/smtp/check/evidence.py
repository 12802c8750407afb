"""What is known when a server refuses something: from it a refusal is classified, and what to advise is decided."""

from dataclasses import dataclass
from enum import StrEnum


class Command(StrEnum):
    """What was refused, in the words of SMTP."""

    GREETING = "greeting"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    MESSAGE = "message"
    """The end of the message, where many servers judge it."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the dialogue had shown until something was refused.

    `mechanisms` are those that the last EHLO listed, `mechanism` is the one that was used; `announced` is the name
    that was sent with EHLO, and `own_name` says that the profile chose it; `recipient` is whom RCPT names;
    `starttls` is whether STARTTLS was offered in clear text, None where nothing was.
    """

    command: Command
    mechanisms: tuple[str, ...] = ()
    mechanism: str = ""
    signed_in: bool = False
    encrypted: bool = False
    announced: str = ""
    own_name: bool = False
    recipient: str = ""
    starttls: bool | None = None
