"""What is known when a server refuses something: from it a refusal is classified, and what to advise is decided."""

from dataclasses import dataclass
from enum import StrEnum

PASSWORD_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")
"""The mechanisms for passwords that are spoken here, the best inside TLS first.

Inside TLS none of them shows the password to others, and CRAM-MD5 needs passwords that the server keeps in clear text:
many servers list it and cannot do it (https://github.com/wader/postfix-relay/issues/220).
"""
OF_WINDOWS = frozenset({"NTLM", "GSSAPI", "GSS-SPNEGO", "NEGOTIATE", "KERBEROS_V4", "MSN", "EXTERNAL"})
"""Mechanisms that need a computer or a certificate that the server's own network knows, and no typed password."""
EXCHANGE = "Microsoft ESMTP"
"""What Exchange calls itself in its greeting, and Microsoft 365 too."""


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
    `starttls` is whether STARTTLS was offered in clear text, None where nothing was; `software` is the server's where
    greeting or EHLO name it.
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
    software: str = ""

    @property
    def other_mechanisms(self) -> tuple[str, ...]:
        """The mechanisms for passwords that are listed besides the one that was used, the best first."""
        return tuple(name for name in PASSWORD_MECHANISMS if name in self.mechanisms and name != self.mechanism)
