"""Which hosts, ports and addresses a connection test may reach.

A host is checked as text before it is resolved, and every address it resolves to before anything is sent.
Python's `ipaddress.is_global` is not enough for this: it calls multicast, NAT64 and 6to4 addresses global
(https://github.com/python/cpython/issues/113171), so the ranges are listed here, from the IANA registries
https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import idna

from bot.smtp.dialogue.cleaning import clean

Address = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

MAX_HOST_LENGTH = 253
"""Characters of a host name, RFC 1035 section 2.3.4 without the root's dot."""

MAX_LABEL_LENGTH = 63

_NEVER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the cloud metadata services in it
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
        "168.63.129.16/32",  # Azure's host agent
        "100.100.100.200/32",  # Alibaba's metadata service
        "::/128",
        "::/96",  # IPv4-compatible; the loopback ::1 is checked before
        "::ffff:0:0:0/96",
        "64:ff9b::/96",  # NAT64: the IPv4 address inside would be reached unchecked
        "64:ff9b:1::/48",
        "100::/64",
        "100:0:0:1::/64",
        "2001::/23",  # Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fe80::/10",
        "ff00::/8",
        "fd00:ec2::254/128",  # Amazon's metadata service
        "fd20:ce::254/128",  # Google's metadata service
    )
)
_ONLY_IF_LISTED = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8",
        "::1/128",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
        "fec0::/10",
    )
)
_PUBLIC_IPV6 = IPv6Network("2000::/3")


_EXAMPLE = "Write a host name or an IP address, for example smtp.example.com."


class HostError(ValueError):
    """A text is neither a host name nor an IP address; the message is for the person who typed it.

    `why` is the sentence about what is wrong, without the example.
    """

    def __init__(self, why: str, example: str = _EXAMPLE) -> None:
        super().__init__(f"{why} {example}".strip())
        self.why = why


class AddressNotAllowedError(Exception):
    """An address may not be reached."""


class LoopbackNotAllowedError(AddressNotAllowedError):
    """The address is this machine's own, and not listed."""


class PrivateNotAllowedError(AddressNotAllowedError):
    """The address is in a private network that is not listed."""


class NeverAllowedError(AddressNotAllowedError):
    """The address is of a kind that cannot be listed: link-local, metadata, multicast, reserved."""


class PortNotAllowedError(Exception):
    """A port may not be reached."""


def literal(text: str) -> Address | None:
    """Parse an IP address; None for anything else, and for an address with a zone."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A zone id ("fe80::1%eth0") names an interface of this machine.
    return None if isinstance(address, IPv6Address) and address.scope_id else address


def is_own_name(host: str) -> bool:
    """Whether a host is a name by which every machine calls itself: localhost, and what is below it (RFC 6761, 6.3)."""
    return _OWN_NAME.fullmatch(host) is not None


def normal_host(text: str) -> str:
    """Return a host name in lower-case ASCII (A-labels) without a final dot, or an IP address in its usual form.

    Whatever a network may resolve is taken: names of one label, underscores, IP addresses in brackets.

    Raises:
        HostError: the text is neither; the message says what is wrong in it, and gives an example.
    """
    if "://" in text:
        raise HostError(f"Leave out {clean(text.split('://', maxsplit=1)[0], most=20)}://.")
    if "@" in text:
        raise HostError("This looks like an email address.")
    inside = _IN_BRACKETS.fullmatch(text)
    address = literal(inside[1] if inside else text)
    if address is not None:
        return str(address)
    if with_port := _WITH_PORT.fullmatch(text):
        name, port = with_port[1], with_port[2]
        raise HostError(f"Put {port[:5]} into Port and only the name here, for example {clean(name, most=60)}.", "")
    return _normal_name(text.removesuffix("."))


def split_server(text: str) -> tuple[str, str]:
    """Return host and port of a URL or of "host:port", as they were typed; what is missing is empty.

    A text of another kind is the host as it is; `normal_host` judges it.

    Raises:
        HostError: a login stands before the host, which is not repeated, because a password may be in it.
    """
    url = _URL.fullmatch(text)
    place = url["place"] if url else text
    login, at, _ = place.rpartition("@")
    if url and at and (url["before"] or ":" in login):
        raise HostError("Leave out what stands before the @.")
    if with_port := _WITH_PORT.fullmatch(place):
        return with_port[1], with_port[2]
    return place, ""


_OWN_NAME = re.compile(r"(?:.+\.)?localhost(?:\.localdomain)?")
_URL = re.compile(
    r"(?P<before>(?:[a-z][a-z0-9+.-]*:)?//)?(?P<place>[^/?#\\:][^/?#\\]*(?<!:))(?:[/?#\\].*)?",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
"""A URL, with or without its scheme: the place is its authority (RFC 3986, 3.2)."""
_IN_BRACKETS = re.compile(r"\[(?:IPv6:)?([^\[\]]+)\]", re.IGNORECASE)
"""An address literal (RFC 5321, 4.1.3), or an IPv6 address as in a URL."""
_WITH_PORT = re.compile(r"([^:\s]+|\[[^\[\]]+\])(?:\s*:\s*|\s+)([0-9]+)", re.ASCII)
_OTHER_DOTS = "\u3002\uff0e\uff61"
"""idna reads these as dots, too; the resolver would then get another name than the person sees."""
_ASCII_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_NAMED_CHARACTERS = {" ": "a blank", "\t": "a tab", ",": "a comma; write dots between the parts", "/": "a slash"}


def _normal_name(name: str) -> str:
    if not name:
        raise HostError("The server address is missing.")
    # NFC joins what some keyboards send as letter and accent; it changes nothing that a person sees.
    labels = [_normal_label(label) for label in unicodedata.normalize("NFC", name).lower().split(".")]
    # getaddrinfo reads "127.1", "0x7f.1" or "2130706433" as IPv4 addresses; no top-level domain looks like that.
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        raise HostError("This is neither a host name nor an IP address in its usual form.")
    joined = ".".join(labels)
    if len(joined) > MAX_HOST_LENGTH:
        raise HostError(f"A host name has at most {MAX_HOST_LENGTH} characters.")
    return joined


def _normal_label(label: str) -> str:
    if not label:
        raise HostError("Two dots stand together, or one stands at the beginning.")
    if len(label) <= MAX_LABEL_LENGTH and _ASCII_LABEL.fullmatch(label):
        return label
    try:
        # Strict IDNA 2008: no compatibility mapping, so look-alike digits are refused, not folded.
        return idna.encode(label, uts46=False, strict=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise HostError(_fault_of_label(label)) from None


def _fault_of_label(label: str) -> str:
    """Return what a host name minds in one of its parts, as a sentence."""
    for character in label:
        if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp"):
            return f"An invisible character (U+{ord(character):04X}) stands in it; type the name anew."
        if character in _NAMED_CHARACTERS:
            return f"In a host name there cannot be {_NAMED_CHARACTERS[character]}."
        if character in _OTHER_DOTS or (character.isascii() and not re.match(r"[a-z0-9_-]", character)):
            return f"In a host name there cannot be “{character}”."
    if len(label) > MAX_LABEL_LENGTH:
        return f"Between two dots there are at most {MAX_LABEL_LENGTH} characters."
    if label.startswith("-") or label.endswith("-"):
        return "A part of a host name neither begins nor ends with a hyphen."
    return f"This is not a host name, because “{clean(label, most=20)}” cannot be a part of one."


class Verdict(Enum):
    """Whether an address may be reached."""

    ALLOWED = "allowed"
    UNLISTED = "only if listed, and it is not"
    NEVER = "never"


class Guard:
    """Decides about ports and addresses.

    Private and loopback addresses are allowed only inside `allowed_networks`.
    """

    def __init__(self, allowed_networks: Iterable[IpNetwork], allowed_ports: Iterable[int]) -> None:
        self._networks = tuple(allowed_networks)
        self.allowed_ports = frozenset(allowed_ports)

    def check_port(self, port: int) -> None:
        """Raise PortNotAllowedError unless the port is on the list."""
        if port not in self.allowed_ports:
            listed = ", ".join(str(allowed) for allowed in sorted(self.allowed_ports))
            raise PortNotAllowedError(f"port {port} is not one of {listed}")

    def check_addresses(self, addresses: Sequence[Address]) -> list[Address]:
        """Return the addresses to connect to, IPv4-mapped ones as IPv4.

        One forbidden address is enough to refuse a name, because a resolver that mixes them in is not to be trusted.

        Raises:
            AddressNotAllowedError: there is no address, or one of them may not be reached; its class says why.
        """
        verdicts = {address: self.verdict(address) for address in addresses}
        if Verdict.NEVER in verdicts.values():
            raise NeverAllowedError("the address is never reached")
        unlisted = [address for address, verdict in verdicts.items() if verdict is Verdict.UNLISTED]
        if any(without_mapping(address).is_loopback for address in unlisted):
            raise LoopbackNotAllowedError("the address is this machine's own")
        if unlisted:
            raise PrivateNotAllowedError("the address is in a private network")
        if not addresses:
            raise AddressNotAllowedError("there is no address")
        return [without_mapping(address) for address in addresses]

    def verdict(self, address: Address) -> Verdict:
        """Return whether an address may be reached and, if it may not, whether the operator could list it."""
        address = without_mapping(address)
        # The loopback ::1 lies inside the forbidden ::/96, yet may be listed.
        if not address.is_loopback and any(address in network for network in _NEVER):
            return Verdict.NEVER
        if any(address in network for network in _ONLY_IF_LISTED):
            listed = any(address in network for network in self._networks)
            return Verdict.ALLOWED if listed else Verdict.UNLISTED
        return Verdict.ALLOWED if isinstance(address, IPv4Address) or address in _PUBLIC_IPV6 else Verdict.NEVER


def without_mapping(address: Address) -> Address:
    """Return an address, an IPv4-mapped one as IPv4."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
