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
