"""The server that programs are told to send through: our own submission server, as it is reached."""

from dataclasses import dataclass

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


@dataclass(frozen=True, kw_only=True)
class ToldPlaces:
    """Where all programs send to."""

    server: ServerValues | None
    api_url: str

    def values(self, address: str) -> ToldValues:
        """Return what the programs of the profile with this address are told."""
        return ToldValues(address=address, server=self.server, api_url=self.api_url)


def told_places(settings: Settings) -> ToldPlaces:
    """Return where programs send to."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return ToldPlaces(server=server_values(settings), api_url=settings.public_url or f"http://{host}:{settings.port}")
