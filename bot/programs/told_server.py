"""The server that programs are told to send through: our own submission server, as it is reached."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.profiles.account.profile import LABELS, Field
from bot.settings import Settings
from bot.smtp.account import Encryption


@dataclass(frozen=True, kw_only=True)
class ServerValues:
    """What is typed into a program for our submission server, besides user and token."""

    host: str
    port: int
    encryption: Encryption


def server_values(settings: Settings) -> ServerValues | None:
    """Return what programs are told; None where no submission server runs. Implicit TLS is told before STARTTLS."""
    if not settings.submission_runs:
        return None
    host = settings.submission_name or settings.submission_host
    if settings.submission_tls_port is not None:
        return ServerValues(host=host, port=settings.submission_tls_port, encryption=Encryption.SSL)
    encryption = Encryption.TLS if settings.submission_cert_file else Encryption.NONE
    return ServerValues(host=host, port=settings.submission_port or 0, encryption=encryption)


@dataclass(frozen=True, kw_only=True)
class ToldValues:
    """What a person's programs are told: the profile's address, which is the user too, the server and the send API.

    `server` is None where no submission server runs, `api_url` the web address of the bot without a slash at its end.
    """

    address: str
    server: ServerValues | None
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


def typed_values(told: ToldValues, token: str) -> tuple[tuple[str, str], ...]:
    """Return what is typed into a program, in order, each value with its label; the token is the password."""
    own = (LABELS[Field.ADDRESS], told.address)
    if told.server is None:
        return (own, (LABELS[Field.PASSWORD], token), ("Send API", f"{told.api_url}/v1/send"))
    return (
        own,
        (LABELS[Field.LOGIN], told.address),
        (LABELS[Field.PASSWORD], token),
        (LABELS[Field.HOST], told.server.host),
        (LABELS[Field.PORT], str(told.server.port)),
        (LABELS[Field.ENCRYPTION], ENCRYPTION_VALUES[told.server.encryption]),
    )


def what_to_type(told: ToldValues) -> str:
    """Return a sentence before these values; where no server runs, what to do instead."""
    if told.server is not None:
        return "Type these six values into the program:"
    return (
        "This bot runs no mail server for programs, so the program has to send through the web: with a request to the "
        "send API, or with the command email-profile-bot sendmail. For programs that speak SMTP alone, ask whoever "
        "runs the bot to set SUBMISSION_PORT."
    )


SHOWN_ONCE = "shown this once; it can only send, only as you, and ends when you remove it"
"""What is said of the token."""


@dataclass(frozen=True, kw_only=True)
class ToldPlaces:
    """Where all programs send to."""

    server: ServerValues | None
    api_url: str

    def values(self, address: str) -> ToldValues:
        """Return what the programs of the profile with this address are told."""
        return ToldValues(address=address, server=self.server, api_url=self.api_url)


def told_places(settings: Settings) -> ToldPlaces:
    """Return where programs send to. Without an address for all, the send API is reached from this machine alone."""
    every, loopback = ("::", "::1") if ":" in settings.host else ("0.0.0.0", "127.0.0.1")  # noqa: S104 - nothing is bound
    host = loopback if settings.host == every else settings.host
    host = f"[{host}]" if ":" in host else host
    return ToldPlaces(server=server_values(settings), api_url=settings.public_url or f"http://{host}:{settings.port}")
