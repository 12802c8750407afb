"""The guard: what is a host, which addresses and ports a test may reach."""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.smtp.account import Account, Encryption
from bot.smtp.check.report import Fault, StageName
from bot.smtp.check.tester import ConnectionTester
from bot.smtp.network.certificate import trust_store
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import (
    Address,
    AddressNotAllowedError,
    Guard,
    HostError,
    PortNotAllowedError,
    literal,
    normal_host,
)

PORTS = (25, 465, 587, 2525)

ALWAYS_REFUSED = [
    "0.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "168.63.129.16/32",
    "100.100.100.200/32",
    "::/128",
    "::2/127",
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001::/32",
    "2001:10::/28",
    "2001:20::/28",
    "2001:2::/48",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fe80::/10",
    "ff00::/8",
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
    "4000::/3",
    "8000::/1",
]
ONLY_IF_LISTED = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fc00::/7",
    "fec0::/10",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "2606:4700::1111",
    "2a00:1450::1",
]
EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


def edges(text: str) -> list[Address]:
    """The first address of a range, the last one, and one between."""
    network = ip_network(text)
    return sorted({network[0], network[-1], network[network.num_addresses // 2]})


@pytest.mark.parametrize("text", ALWAYS_REFUSED)
def test_some_ranges_are_refused_even_when_everything_is_listed(text: str) -> None:
    guard = Guard(EVERYTHING, PORTS)
    for address in edges(text):
        with pytest.raises(AddressNotAllowedError):
            guard.check_addresses([address])
        if isinstance(address, IPv4Address):
            with pytest.raises(AddressNotAllowedError):
                guard.check_addresses([ip_address(f"::ffff:{address}")])


@pytest.mark.parametrize("text", ONLY_IF_LISTED)
def test_private_ranges_are_reached_only_when_listed(text: str) -> None:
    closed, open_ = Guard((), PORTS), Guard([ip_network(text)], PORTS)
    elsewhere = Guard([ip_network("10.99.0.0/16" if text != "10.0.0.0/8" else "192.168.9.0/24")], PORTS)
    for address in edges(text):
        for guard in (closed, elsewhere):
            with pytest.raises(AddressNotAllowedError):
                guard.check_addresses([address])
        assert open_.check_addresses([address]) == [address]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_reached(text: str) -> None:
    assert Guard((), PORTS).check_addresses([ip_address(text)]) == [ip_address(text)]


def test_listing_one_address_opens_exactly_that_one() -> None:
    guard = Guard([ip_network("10.2.3.4/32")], PORTS)
    assert guard.check_addresses([ip_address("10.2.3.4"), ip_address("::ffff:10.2.3.4")])
    with pytest.raises(AddressNotAllowedError):
        guard.check_addresses([ip_address("10.2.3.5")])


def test_one_bad_answer_condemns_the_name_and_so_does_none() -> None:
    guard = Guard((), PORTS)
    for answers in ([], [ip_address("1.1.1.1"), ip_address("10.0.0.1")]):
        with pytest.raises(AddressNotAllowedError):
            guard.check_addresses(answers)


def test_only_listed_ports_are_reached() -> None:
    guard = Guard((), (587, 465))
    guard.check_port(587)
    for port in (0, 22, 25, 443, 6379, 65535):
        with pytest.raises(PortNotAllowedError, match="465, 587"):
            guard.check_port(port)


SPELLINGS = {
    "decimal": "2130706433",
    "hex": "0x7f000001",
    "hex parts": "0x7f.0.0.1",
    "octal": "0177.0.0.1",
    "octal whole": "017700000001",
    "short": "127.1",
    "shorter": "127.0.1",
    "zeros": "127.000.000.001",
    "full-width digits": "\uff11\uff12\uff17.0.0.1",
    "full-width dots": "127\uff0e0\uff0e0\uff0e1",
    "ideographic dots": "127\u30020\u30020\u30021",
    "circled digits": "\u2460\u2461\u2466.0.0.1",
    "zone": "fe80::1%eth0",
    "NUL inside": "127.0.0.1\0.example.com",
    "NUL behind": "mail.example.com\0",
    "blank inside": "127.0.0.1 mail.example.com",
    "line break": "mail.example.com\r\nRCPT TO:<x@y>",
    "user part": "mail.example.com@127.0.0.1",
    "scheme": "http://127.0.0.1",
    "port": "127.0.0.1:25",
    "port 6": "[::1]:25",
    "path": "127.0.0.1/x",
    "backslash": "127.0.0.1\\x",
    "percent": "127%2e0.0.1",
    "empty label": "mail..example.com",
    "only a dot": ".",
    "double final dot": "mail.example.com..",
    "hyphen first": "-mail.example.com",
    "long label": "a" * 64 + ".example.com",
    "long name": ".".join(["abcdefgh"] * 32),
    "soft hyphen": "mail\u00ad.example.com",
    "zero width": "mail\u200b.example.com",
    "right to left": "\u202email.example.com",
    "surrogate": "mail\ud800.example.com",
    "bad punycode": "xn--\u00e4.example.com",
    "empty": "",
    "v4-mapped with letters": "::ffff:127.0.0.x",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_odd_spellings_are_no_hosts(spelling: str) -> None:
    with pytest.raises(HostError, match=r"[Ww]rite|[Pp]ut|at most"):
        normal_host(spelling)


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("smtp.example.com", "smtp.example.com"),
        ("SMTP.Example.COM.", "smtp.example.com"),
        ("m\u00fcller.example", "xn--mller-kva.example"),
        ("mail", "mail"),
        ("3com.example", "3com.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[IPv6:2001:db8::1]", "2001:db8::1"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("mail_server", "mail_server"),
        ("_Mail.example.com", "_mail.example.com"),
        ("r3---sn-4g5e.example.com", "r3---sn-4g5e.example.com"),
        ("mu\u0308ller.example", "xn--mller-kva.example"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
    ],
)
def test_hosts_are_returned_in_their_normal_form(typed: str, normal: str) -> None:
    assert normal_host(typed) == normal.replace("::ffff:127.0.0.1", str(ip_address("::ffff:127.0.0.1")))
    assert normal_host(normal_host(typed)) == normal_host(typed)


@pytest.mark.parametrize(
    ("typed", "minded"),
    [
        ("smtp .example.com", "there cannot be a blank"),
        ("smtp,example,com", "there cannot be a comma; write dots"),
        ("smtp.example.com/", "there cannot be a slash"),
        ("smtp.example.com\u200b", "An invisible character (U+200B) stands in it"),
        ("smtp\u3002example.com", "there cannot be “\u3002”"),
        ("*.example.com", "there cannot be “*”"),
        ("smtp..example.com", "Two dots stand together"),
        ("-smtp.example.com", "neither begins nor ends with a hyphen"),
        ("a" * 64 + ".example.com", "at most 63 characters"),
        ("smtp.example.com 587", "Put 587 into Port"),
        ("[2001:db8::1]:587", "Put 587 into Port"),
        ("smtp://smtp.example.com", "Leave out smtp://"),
        ("ada@example.com", "This looks like an email address."),
    ],
)
def test_a_refused_host_is_told_exactly_what_is_wrong_with_it(typed: str, minded: str) -> None:
    with pytest.raises(HostError) as caught:
        normal_host(typed)
    assert minded in str(caught.value)
    assert "example" in str(caught.value) or "2001:db8::1" in str(caught.value)


@given(st.text(max_size=300))
def test_any_text_is_a_normal_host_or_a_clear_error(text: str) -> None:
    try:
        host = normal_host(text)
    except HostError as error:
        assert str(error)
        return
    assert host == host.lower()
    assert host.isascii()
    assert literal(host) is not None or not host.rpartition(".")[2].isdigit()


class RecordingNetwork(Network):
    """The real resolver; connections are only recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.connected: list[str] = []

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        self.connected += map(str, addresses)
        raise ConnectionRefusedError


def account(host: str, port: int = 587) -> Account:
    return Account(
        address="a@example.com", host=host, port=port, encryption=Encryption.TLS, authenticate=False, login=""
    )


HIDDEN = [str(address) for text in (*ALWAYS_REFUSED, *ONLY_IF_LISTED) for address in edges(text)] + [
    f"::ffff:{address}"
    for text in (*ALWAYS_REFUSED, *ONLY_IF_LISTED)
    for address in edges(text)
    if isinstance(address, IPv4Address)
]


NOT_ALLOWED = (Fault.LOOPBACK_NOT_ALLOWED, Fault.PRIVATE_NOT_ALLOWED, Fault.ADDRESS_NEVER_ALLOWED)


async def test_no_packet_leaves_for_any_special_address_in_any_spelling() -> None:
    network = RecordingNetwork()
    tester = ConnectionTester(guard=Guard((), PORTS), network=network, trust=trust_store(None), timeout=5, handshakes=4)
    for host in (*HIDDEN, "64:ff9b::7f00:1", "2002:7f00:1::", "localhost", "localhost.localdomain"):
        report = await tester.test(account(host), lambda _: None)
        assert report.failed_stage is not None
        assert report.failed_stage.name is StageName.RESOLVE, host
        assert report.fault in (*NOT_ALLOWED, Fault.NAME_NOT_FOUND, Fault.RESOLVER_UNAVAILABLE), host
    assert network.connected == []


async def test_loopback_is_connected_to_only_when_listed() -> None:
    network = RecordingNetwork()
    listed = Guard([ip_network("127.0.0.0/8")], PORTS)
    tester = ConnectionTester(guard=listed, network=network, trust=trust_store(None), timeout=5, handshakes=4)
    for host in ("127.0.0.1", "::ffff:127.0.0.1"):
        await tester.test(account(host), lambda _: None)
    assert set(network.connected) == {"127.0.0.1"}
    network.connected.clear()
    await tester.test(account("::1"), lambda _: None)
    await tester.test(account("127.0.0.1", port=22), lambda _: None)
    assert network.connected == []


async def test_at_most_eight_answers_of_a_resolver_are_looked_at_and_it_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def answer(host: str, port: None, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"1.1.1.{number}", 0)) for number in range(20)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    network = Network()
    assert len(await network.resolve("many.example")) == 8
    assert await network.resolve("192.0.2.7") == [ip_address("192.0.2.7")]
    # The final dot keeps the system from trying its search domains.
    assert asked == ["many.example."]
