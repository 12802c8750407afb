"""A real local mail server: three ports (plain, STARTTLS, TLS) under a certificate authority of its own."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import AnyStr

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import DnsRecords, NameAnswer, Service
from bot.smtp.network.guard import Address

HOST = "mail.demo.example"
HOSTS = (HOST, "smtp.demo.example", "old-mail.demo.example")
"""All names lead to the one server; its certificate is for the first two."""

_DOMAIN = ".demo.example"
LOOPBACK = IPv4Address("127.0.0.1")
PLAIN, TLS, SSL = 25, 587, 465


@dataclass(frozen=True, kw_only=True)
class DemoAccount:
    """An account of the demo's mail server; its password is shown on the demo's page, so it is no secret."""

    address: str
    login: str
    password: str = field(repr=False)


ACCOUNTS = (
    DemoAccount(address="ada@demo.example", login="ada@demo.example", password="analytical engine 1843"),  # noqa: S106 - told on the page
    DemoAccount(address="grace@demo.example", login="grace@demo.example", password="nanoseconds of wire"),  # noqa: S106
)


@dataclass(frozen=True, kw_only=True)
class ReceivedMessage:
    """A message in the demo's mailbox; `content` is all of it as it came."""

    at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class TrafficLine:
    """One line of an SMTP dialogue, credentials replaced. `speaker` is "server" or "client"."""

    at: datetime
    port: int
    speaker: str
    text: str


class DemoMail:
    """The mail server; `ports` maps the classic port numbers to those it really listens on."""

    def __init__(self, accounts: Sequence[DemoAccount] = ACCOUNTS) -> None:
        """Make the authority and the server's certificate; nothing listens yet."""
        self.host = HOST
        self.accounts = tuple(accounts)
        self._authority = trustme.CA(organization_name="Demo certificate authority")
        self.ca_pem = self._authority.cert_pem.bytes()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.renew(until=datetime.now(UTC) + timedelta(days=108))
        self.mailbox: list[ReceivedMessage] = []
        self.traffic: deque[TrafficLine] = deque(maxlen=400)
        self.ports: dict[int, int] = {}
        self._servers: list[asyncio.Server] = []
        self._conversations: set[_Conversation] = set()

    def renew(self, *, until: datetime) -> None:
        """Replace the certificate by one that is valid until `until`."""
        self._authority.issue_cert(*HOSTS[:2], not_after=until).configure_cert(self._tls)

    def trust(self) -> ssl.SSLContext:
        """Make the context of a client that trusts this server's authority and no other."""
        return ssl.create_default_context(cadata=self.ca_pem.decode())

    def authority_file(self, folder: Path) -> Path:
        """Write this server's authority into a file, for SMTP_CA_FILE."""
        file = folder / "demo-ca.pem"
        file.write_bytes(self.ca_pem)
        return file

    def certificate_files(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write a certificate for `name` of the same authority, and its key, into two files."""
        issued = self._authority.issue_cert(name)
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return certificate, key

    def account(self, address: str) -> DemoAccount:
        """Find an account by its address."""
        return next(account for account in self.accounts if account.address == address)

    async def start(self) -> None:
        """Listen on three loopback ports that the system chooses."""
        loop = asyncio.get_running_loop()
        for classic in (PLAIN, TLS, SSL):
            server = await loop.create_server(
                lambda classic=classic: self._conversation(classic),
                str(LOOPBACK),
                0,
                ssl=self._tls if classic == SSL else None,
            )
            self._servers.append(server)
            self.ports[classic] = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close every port and conversation."""
        for server in self._servers:
            server.close()
        for conversation in list(self._conversations):
            conversation.abort()
        await asyncio.sleep(0.01)

    def _conversation(self, classic: int) -> "_Conversation":
        return _Conversation(self, classic, tls=self._tls if classic == TLS else None)

    def accepts(self, login: bytes, password: bytes) -> bool:
        """Return whether login and password are those of one account."""
        return any(
            account.login.encode() == login and account.password.encode() == password for account in self.accounts
        )

    def joined(self, conversation: "_Conversation") -> None:
        """Remember an open conversation."""
        self._conversations.add(conversation)

    def left(self, conversation: "_Conversation") -> None:
        """Forget a closed one."""
        self._conversations.discard(conversation)


class _Policy:
    """Who may send what: aiosmtpd's hooks."""

    def __init__(self, mail: DemoMail, classic: int) -> None:
        self._mail = mail
        self._classic = classic

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name for the hook
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._classic != PLAIN:
            if not session.authenticated:
                return "530 5.7.0 Authentication required"
            if address != session.auth_data:
                return f"550 5.7.1 Sender address not owned by {session.auth_data}"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if not any(account.address == address for account in self._mail.accounts):
            return "550 5.1.1 No such mailbox here" if session.authenticated else "554 5.7.1 Relay access denied"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = bytes(envelope.original_content or b"")
        message = message_from_bytes(content, policy=policy.default)
        body = message.get_body(("plain",))
        self._mail.mailbox.append(
            ReceivedMessage(
                at=datetime.now(UTC),
                sender=str(envelope.mail_from),
                recipients=tuple(envelope.rcpt_tos),
                subject=str(message.get("Subject", "")),
                text=body.get_content() if body else "",
                content=content,
            )
        )
        return "250 2.0.0 Accepted"


class _Conversation(SMTP):
    """One connection; records the dialogue, credentials replaced."""

    def __init__(self, mail: DemoMail, classic: int, *, tls: ssl.SSLContext | None) -> None:
        # On the TLS port aiosmtpd does not see the encryption below it, so it must not ask for STARTTLS.
        super().__init__(
            _Policy(mail, classic),
            hostname=HOST,
            ident="ESMTP demo",
            tls_context=tls,
            require_starttls=tls is not None,
            auth_require_tls=classic != SSL,
            auth_exclude_mechanism=["LOGIN", "PLAIN"] if classic == PLAIN else None,
            authenticator=self._check_login,
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )
        self._mail = mail
        self._classic = classic
        self._answering_challenge = False

    def _check_login(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        if isinstance(data, LoginPassword) and self._mail.accepts(data.login, data.password):
            return AuthResult(success=True, auth_data=data.login.decode())
        return AuthResult(success=False, handled=False, message="535 5.7.8 Authentication credentials invalid")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection, so that `stop` can close it."""
        self._mail.joined(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._mail.left(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """End the connection from this side."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Record what the client sends."""
        for line in data.decode("utf-8", "replace").splitlines():
            self._note("client", self._without_secret(line))
        super().data_received(data)

    def _without_secret(self, line: str) -> str:
        if self._answering_challenge:
            return "(credentials)"
        words = line.split(" ", 2)
        if words[0].upper() == "AUTH" and len(words) == 3:
            return f"{words[0]} {words[1]} (credentials)"
        return line

    async def push(self, status: AnyStr) -> None:
        """Record what the server sends."""
        text = status.decode("utf-8", "replace") if isinstance(status, bytes) else status
        self._answering_challenge = text.startswith("334")
        for line in text.splitlines():
            self._note("server", line)
        await super().push(status)

    def _note(self, speaker: str, text: str) -> None:
        self._mail.traffic.append(
            TrafficLine(at=datetime.now(UTC), port=self._classic, speaker=speaker, text=text[:300])
        )


class DemoNetwork(Network):
    """The demo's network: the demo's names lead to the local mail server, under the classic port numbers.

    Ports below 1024 need privileges, so the server listens on others, to which connections are led. Everything else
    is as without the demo, except that no TXT or MX record is asked of the world.
    """

    _TXT_RECORDS: Mapping[str, Sequence[str]] = {
        "demo.example": ["v=spf1 a:mail.demo.example -all"],
        "_dmarc.demo.example": ["v=DMARC1; p=quarantine"],
        "default._domainkey.demo.example": ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
    }

    def __init__(self, mail: DemoMail, *, names: Mapping[str, str] | None = None) -> None:
        """`names` (name to address) are resolved here beside the demo's own."""
        super().__init__()
        self._mail = mail
        self._names = {**dict.fromkeys(HOSTS, str(LOOPBACK)), **(names or {})}

    async def resolve(self, host: str) -> list[Address]:
        """Resolve the names of the demo's domain here, everything else through the system."""
        if host in self._names:
            return [ip_address(self._names[host])]
        if host.endswith(_DOMAIN):
            raise socket.gaierror(socket.EAI_NONAME, "there is no such name")
        return await super().resolve(host)

    async def name_answer(self, host: str) -> NameAnswer:
        """Return what the DNS says of a name without an address; nothing else of the demo's domain exists."""
        return NameAnswer.NO_SUCH_NAME if host.endswith(_DOMAIN) else await super().name_answer(host)

    async def txt_records(self, name: str) -> list[str] | None:
        """Return the records of the demo's domain."""
        return list(self._TXT_RECORDS.get(name, ()))

    async def mail_servers(self, domain: str) -> tuple[str, ...]:  # noqa: ARG002 - the demo's domains have none
        """Return none: the demo's provider is nobody that the advice knows."""
        return ()

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        """Connect to the local mail server for its classic ports on the loopback."""
        if LOOPBACK in addresses:
            port = self._mail.ports.get(port, port)
        return await super().connect(addresses, port)


class DemoRecords(DnsRecords):
    """The DNS that settings are looked for in: it knows the demo's domain alone, and asks nothing of the world."""

    _SERVICES: Mapping[str, Sequence[Service]] = {"_submission._tcp.demo.example": [Service(host=HOST, port=TLS)]}

    async def mail_servers(self, domain: str) -> tuple[str, ...]:  # noqa: ARG002 - the demo's domains have none
        """Return none: the demo's provider is nobody that the table knows."""
        return ()

    async def services(self, name: str) -> tuple[Service, ...]:
        """Return the mail server of the demo's domain."""
        return tuple(self._SERVICES.get(name, ()))

    async def texts(self, name: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return none: no document of the demo's domain has a digest."""
        return ()

    async def alias(self, host: str) -> str:  # noqa: ARG002
        """Return none: no name of the demo's is an alias."""
        return ""

    async def addresses(self, host: str) -> tuple[Address, ...]:
        """Return the loopback for the demo's names."""
        return (LOOPBACK,) if host in HOSTS else ()
