"""What people type into a program so that it sends: our own submission server and the send API, as they are reached."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.profiles.account.profile import LABELS, Field
from bot.smtp.account import Encryption


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What is typed into a program for our submission server, besides user and token."""

    host: str
    port: int
    encryption: Encryption


@dataclass(frozen=True, kw_only=True)
class ProgramSettings:
    """What one person's programs need: the profile's address, which is the user too, the server and the send API.

    `server` is None where no submission server runs, `api_url` the web address of the bot without a slash at its end.
    """

    address: str
    server: ServerSettings | None
    api_url: str


ENCRYPTION_VALUES: Mapping[Encryption, str] = {
    Encryption.SSL: "SSL Y",
    Encryption.TLS: "TLS Y",
    Encryption.NONE: "None",
}
"""Encryption as it is typed into a program, in the words of the extra configurations."""

ENCRYPTION_MEANINGS: Mapping[Encryption, str] = {
    Encryption.SSL: "SSL or TLS from the first byte",
    Encryption.TLS: "STARTTLS, required",
    Encryption.NONE: "clear text, on this machine alone",
}


def typed_values(settings: ProgramSettings, token: str) -> tuple[tuple[str, str], ...]:
    """Return what is typed into a program, in order, each value with its label; the token is the password."""
    own = (LABELS[Field.ADDRESS], settings.address)
    if settings.server is None:
        return (own, (LABELS[Field.PASSWORD], token), ("Send API", f"{settings.api_url}/v1/send"))
    return (
        own,
        (LABELS[Field.LOGIN], settings.address),
        (LABELS[Field.PASSWORD], token),
        (LABELS[Field.HOST], settings.server.host),
        (LABELS[Field.PORT], str(settings.server.port)),
        (LABELS[Field.ENCRYPTION], ENCRYPTION_VALUES[settings.server.encryption]),
    )


def what_to_type(settings: ProgramSettings) -> str:
    """Return a sentence before these values; where no server runs, what to do instead."""
    if settings.server is not None:
        return "Type these six values into the program:"
    return (
        "This bot runs no mail server for programs, so the program has to send through the web: with a request to the "
        "send API, or with the command email-profile-bot sendmail. For programs that speak SMTP alone, ask whoever "
        "runs the bot to set SUBMISSION_PORT."
    )


SHOWN_ONCE = "shown this once; it can only send, only as you, and ends when you remove it"
"""What is said of the token."""


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """How all programs reach the bot; `server` and `api_url` as in `ProgramSettings`."""

    server: ServerSettings | None
    api_url: str

    def settings_for(self, address: str) -> ProgramSettings:
        """Return what is typed into the programs of the profile with this address."""
        return ProgramSettings(address=address, server=self.server, api_url=self.api_url)
