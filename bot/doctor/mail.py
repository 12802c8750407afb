"""Examines the way to a mail server: its name, the guard, and a connection test of each port, without signing in.

It also tells with which name mail servers are greeted, and where the settings for an address are looked for.
"""

import asyncio
import socket
from collections.abc import Sequence

from bot.doctor.finding import ANNOUNCED, DISCOVERY, DNS, MAIL_SERVER, Finding, bad, good
from bot.settings import DiscoverySetting, Settings
from bot.smtp.account import Account, Encryption
from bot.smtp.check.report import Fault, Report, StageName
from bot.smtp.check.tester import ConnectionTester
from bot.smtp.dialogue.session import DEFAULT_HELO
from bot.smtp.network.certificate import trust_store
from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import NameAnswer
from bot.smtp.network.guard import Address, Guard, HostError, PortNotAllowedError, Verdict, literal, normal_host
from bot.smtp.network.machine import full_host_name

USUAL_PORTS = (465, 587)

PORT_TIMEOUT_SECONDS = 4.0
"""How long the test of one port may take, unless SMTP_TIMEOUT is shorter."""

_BLOCKED = "A firewall or the hosting provider probably keeps this machine from that port: have it opened."

_REMEDIES = {
    Fault.REFUSED: "See whether the server serves that port; if it does, a firewall refuses this machine.",
    Fault.UNREACHABLE: _BLOCKED,
    Fault.TIMED_OUT: _BLOCKED,
    Fault.CERTIFICATE_SELF_SIGNED: "Name the authority's file in SMTP_CA_FILE.",
    Fault.CERTIFICATE_OF_OWN_AUTHORITY: "Name the authority's file in SMTP_CA_FILE.",
    Fault.CERTIFICATE_UNTRUSTED: "Have the server send its intermediate certificates; an authority of your own "
    "goes into SMTP_CA_FILE.",
    Fault.CERTIFICATE_CHAIN_INCOMPLETE: "Have the server send its intermediate certificates as well.",
    Fault.CERTIFICATE_INTERCEPTED: "A virus scanner or proxy opens the encryption: have it leave mail alone.",
    Fault.STARTTLS_MASKED: "A firewall on the way rewrites SMTP: have its inspection let STARTTLS through.",
    Fault.NO_GREETING: "It takes connections and says nothing: see whether a mail server is behind that port.",
    Fault.CERTIFICATE_WRONG_NAME: "Give the name that stands in the certificate.",
}

_UNRESOLVED = {
    NameAnswer.NO_SUCH_NAME: "there is no {host}. Correct the name, or the DNS of this machine.",
    NameAnswer.NO_ADDRESS: "{host} has no address. Give the name of a server, not of a mail domain.",
    NameAnswer.ZONE_FAILS: "the name servers of {host} fail (SERVFAIL). Tell whoever runs that domain, or see whether "
    "other names fail, too.",
    NameAnswer.NO_ANSWER: "the name service does not answer. See /etc/resolv.conf, or the DNS of the container.",
}


async def announced_findings(loaded: Settings) -> list[Finding]:
    """Name what mail servers are greeted with."""
    if loaded.smtp_helo:
        return [good(ANNOUNCED, f"mail servers are greeted as {loaded.smtp_helo} (SMTP_HELO).")]
    if name := await full_host_name():
        return [good(ANNOUNCED, f"mail servers are greeted as {name}, the name of this machine.")]
    why = "this machine has no full host name; some servers refuse that, so set SMTP_HELO to a name of your own domain"
    return [good(ANNOUNCED, f"mail servers are greeted as {DEFAULT_HELO}, because {why}.")]


def discovery_finding(loaded: Settings) -> Finding:
    """Tell where settings for an address are looked for."""
    local = "settings for an address are looked for in the workspace's defaults and the table of providers"
    match loaded.discovery:
        case DiscoverySetting.ON:
            return good(DISCOVERY, f"{local}, in DNS, and on web and mail servers of the address' domain.")
        case DiscoverySetting.LOCAL:
            return good(DISCOVERY, f"{local} alone; the network is asked nothing.")
        case DiscoverySetting.OFF:
            return good(DISCOVERY, "no settings are looked for; new forms begin with the workspace's defaults alone.")


async def mail_findings(loaded: Settings, server: str) -> list[Finding]:
    """Examine the way to a server, "host" or "host:port"; without a port both usual ones."""
    try:
        host, ports = _parts(server)
    except HostError as error:
        return [bad(MAIL_SERVER, f"--smtp: {error}")]
    guard = Guard(loaded.smtp_allowed_networks, loaded.smtp_allowed_ports)
    name = await _name_finding(host, guard, loaded)
    if not name.good:
        return [name]
    tester = ConnectionTester(
        guard=guard,
        network=Network(),
        trust=trust_store(loaded.smtp_ca_file),
        timeout=min(PORT_TIMEOUT_SECONDS, loaded.smtp_timeout),
        handshakes=len(USUAL_PORTS),
        helo=loaded.smtp_helo or await full_host_name() or DEFAULT_HELO,
    )
    found = await asyncio.gather(*(_port_finding(tester, loaded, host, port) for port in ports))
    return [name, *(_of_both(found, host) if ports == USUAL_PORTS else found)]


def _of_both(found: Sequence[Finding], host: str) -> list[Finding]:
    """Return the findings of both usual ports: one of them is enough, and one cause is told once."""
    answering = [one.subject.rpartition(" ")[2] for one in found if one.good]
    if answering:
        return [_beside(one, answering[0]) for one in found]
    other = f" If the server has no such port, name one that it has: --smtp {host}:PORT"
    if len({one.sentence for one in found}) == 1:
        both = found[0].sentence.replace("it fails", "both fail", 1)
        return [bad(f"{MAIL_SERVER} ports {' and '.join(map(str, USUAL_PORTS))}", both + other)]
    return [bad(one.subject, f"{one.sentence.removesuffix('.')}.{other}") for one in found]


def _beside(found: Finding, answering: str) -> Finding:
    """Return the finding of a port beside another one that answers."""
    if found.sentence.startswith(_NOT_CONNECTED):
        return good(found.subject, f"nothing answers there, and nothing has to: port {answering} does.")
    if found.sentence.startswith(_NOT_ALLOWED):
        return good(found.subject, f"{_NOT_ALLOWED}, and it need not be used: port {answering} answers.")
    return found


def _parts(server: str) -> tuple[str, tuple[int, ...]]:
    host, colon, port = server.rpartition(":")
    # Of an IPv6 address the last colon is its own, unless it stands in brackets.
    if colon and port.isascii() and port.isdigit() and (":" not in host or host.startswith("[")):
        if not 1 <= int(port) <= 65535:
            raise HostError(f"{port} is not a port; use a number from 1 to 65535.")
        return normal_host(host.strip("[]")), (int(port),)
    return normal_host(server.strip("[]")), USUAL_PORTS


async def _name_finding(host: str, guard: Guard, loaded: Settings) -> Finding:
    network = Network()
    try:
        async with asyncio.timeout(PORT_TIMEOUT_SECONDS):
            addresses = await network.resolve(host)
    except socket.gaierror as error:
        answer, _ = await network.unresolved(host, error)
        return bad(DNS, _UNRESOLVED[answer].format(host=host))
    except (TimeoutError, OSError) as error:
        return bad(DNS, f"the name service does not answer ({type(error).__name__}). See /etc/resolv.conf.")
    refused = _refusal(host, addresses, guard, loaded)
    if refused:
        return bad(DNS, refused)
    if literal(host):
        return good(DNS, f"{host} needs no name, and may be reached.")
    return good(DNS, f"{host} is {', '.join(map(str, addresses))}, and may be reached.")


def _refusal(host: str, addresses: Sequence[Address], guard: Guard, loaded: Settings) -> str:
    verdicts = {address: guard.verdict(address) for address in addresses}
    never = [address for address, verdict in verdicts.items() if verdict is Verdict.NEVER]
    if never:
        return (
            f"{_named(host, never[0])} is never reached, listed or not: link-local, metadata, multicast and reserved "
            "addresses are closed to everybody. Use a server with another address."
        )
    unlisted = [address for address, verdict in verdicts.items() if verdict is Verdict.UNLISTED]
    if not unlisted:
        return ""
    networks = [*map(str, loaded.smtp_allowed_networks), *(f"{one}/{one.max_prefixlen}" for one in unlisted)]
    return (
        f"{_named(host, unlisted[0])} is private, and not allowed. If it is meant, set "
        f"SMTP_ALLOWED_NETWORKS={','.join(networks)}"
    )


def _named(host: str, address: Address) -> str:
    return str(address) if literal(host) else f"{host} is {address}, which"


async def _port_finding(tester: ConnectionTester, loaded: Settings, host: str, port: int) -> Finding:
    subject = f"{MAIL_SERVER} port {port}"
    try:
        tester.guard.check_port(port)
    except PortNotAllowedError:
        ports = ",".join(map(str, sorted({*loaded.smtp_allowed_ports, port})))
        return bad(subject, f"{_NOT_ALLOWED}. If it is meant, set SMTP_ALLOWED_PORTS={ports}")
    encryption = Encryption.SSL if port == USUAL_PORTS[0] else Encryption.TLS
    # It asks for a sign-in and has no password, so the test ends just before one is needed.
    account = Account(address=f"check@{host}", host=host, port=port, encryption=encryption, authenticate=True)
    report = await tester.test(account, lambda _: None)
    return Finding(subject, good=_reached(report), sentence=_sentence(report))


def _reached(report: Report) -> bool:
    return report.failed_stage is None or report.failed_stage.name is StageName.SIGN_IN


def _sentence(report: Report) -> str:
    failed = report.failed_stage
    if failed is None or _reached(report):
        return f"it answers, encrypted ({report.host})."
    remedy = _REMEDIES.get(report.fault, "") if report.fault else ""
    others = ", ".join(str(one.port) for one in report.open_ports)
    instead = f" Port {others} answers." if others else ""
    return f"it fails at {failed.name}: {failed.detail}. {remedy}{instead}".strip()


_NOT_CONNECTED = f"it fails at {StageName.CONNECT}: "
_NOT_ALLOWED = "it is not allowed"
