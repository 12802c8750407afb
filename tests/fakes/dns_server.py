"""A name server on the loopback that answers real packets, over UDP and TCP, from zones that a test makes up."""

import asyncio
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Self, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from bot.smtp.network.dns_records import DnsRecords

LOOPBACK = "127.0.0.1"
IN_DATAGRAM, MOST_IN_DATAGRAM = 512, 1232
"""Bytes of an answer over UDP, and as many as a client may allow (EDNS); for a longer one it has to ask over TCP."""

MOST_OVER_TCP = 65535

LONGEST_CHAIN = 8
"""Aliases that lead to aliases are followed so far, as resolvers do."""


class Broken(Enum):
    """How a name is answered that is not answered properly."""

    SILENT = "not at all"
    SERVFAIL = "its zone fails"
    REFUSED = "nobody here may ask for it"
    GARBAGE = "bytes that are no DNS message"
    STRANGER = "an answer to another question"


Records = Mapping[str, Sequence[str]]
"""A name's records by kind, as in a zone file: {"MX": ["10 mx.example."]}."""


@dataclass
class DnsServer:
    """Answers for `names` (in lower case, without a final dot); all other names do not exist.

    Each answer is `delay` seconds late. `asked` are the names and kinds that were asked for, in order.
    """

    names: Mapping[str, Records | Broken]
    delay: float = 0.0
    asked: list[tuple[str, str]] = field(default_factory=list, init=False)
    port: int = field(default=0, init=False)
    _work: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def __aenter__(self) -> Self:
        """Listen on one port of both protocols."""
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port = self._tcp.sockets[0].getsockname()[1]
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), local_addr=(LOOPBACK, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        self._tcp.close()
        self._udp.close()
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    def records(self) -> DnsRecords:
        """Return a client that asks this server alone."""
        return DnsRecords([LOOPBACK], port=self.port)

    def begin(self, work: "asyncio.Task[None]") -> None:
        """Keep a task until it has ended."""
        self._work.add(work)
        work.add_done_callback(self._work.discard)

    async def answer(self, packet: bytes, *, datagram: bool) -> bytes | None:
        """Return the answer to a packet; None for none."""
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name = question.name.to_text().rstrip(".").lower()
        self.asked.append((name, dns.rdatatype.to_text(question.rdtype)))
        await asyncio.sleep(self.delay)
        response = dns.message.make_response(query, recursion_available=True)
        match self.names.get(name):
            case Broken.SILENT:
                return None
            case Broken.GARBAGE:
                return b"\x00\xff" * 20
            case Broken.STRANGER:
                other = dns.message.make_query("elsewhere.example.", question.rdtype)
                return dns.message.make_response(other).to_wire()
            case Broken.SERVFAIL:
                response.set_rcode(dns.rcode.SERVFAIL)
            case Broken.REFUSED:
                response.set_rcode(dns.rcode.REFUSED)
            case _:
                self._fill(response, name, dns.rdatatype.to_text(question.rdtype))
        try:
            return response.to_wire(max_size=_most_in_datagram(query) if datagram else MOST_OVER_TCP)
        except dns.exception.TooBig:
            truncated = dns.message.make_response(query, recursion_available=True)
            truncated.flags |= dns.flags.TC
            return truncated.to_wire()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        """Put records into a response, those that aliases lead to after these."""
        for _ in range(LONGEST_CHAIN):
            records = self.names.get(name)
            if isinstance(records, Broken):
                # An alias led here, and whoever follows it for a client gets no answer.
                response.set_rcode(dns.rcode.SERVFAIL)
                return
            if records is None:
                # A name below which there are others exists, too (RFC 8020).
                if not any(known.endswith(f".{name}") for known in self.names):
                    response.set_rcode(dns.rcode.NXDOMAIN)
                return
            alias = records.get("CNAME") if kind != "CNAME" else None
            listed = alias or records.get(kind)
            if listed:
                owner = dns.name.from_text(f"{name}.")
                response.answer.append(dns.rrset.from_text(owner, 300, "IN", "CNAME" if alias else kind, *listed))
            if not alias:
                return
            name = alias[0].rstrip(".").lower()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes over one TCP connection (RFC 1035, 4.2.2)."""
        self.begin(cast("asyncio.Task[None]", asyncio.current_task()))
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                answer = await self.answer(await reader.readexactly(length), datagram=False)
                if answer is not None:
                    writer.write(struct.pack("!H", len(answer)) + answer)
        writer.close()


def _most_in_datagram(query: dns.message.Message) -> int:
    return min(max(query.payload, IN_DATAGRAM), MOST_IN_DATAGRAM)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.begin(asyncio.get_running_loop().create_task(self._answer(data, addr)))

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = await self._server.answer(data, datagram=True)
        if answer is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)
