"""Names as the machine resolves them, and what DNS says of those that lead nowhere."""

import socket
from collections.abc import Mapping
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.message
import dns.rcode
import dns.resolver
import pytest

from bot.smtp.network.dns_records import NameAnswer
from bot.smtp.network.resolver import Resolver

NO_NAME = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
NO_DATA = socket.gaierror(socket.EAI_NODATA, "No address associated with hostname")
NO_ANSWER = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def system(monkeypatch: pytest.MonkeyPatch, known: Mapping[str, str]) -> list[str]:
    """Let the system resolve these names and no others; returns the list of those that it is asked for."""
    asked: list[str] = []

    def answer(host: str, port: None, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        if host not in known:
            raise NO_NAME
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def failing(rcode: dns.rcode.Rcode | None) -> dns.resolver.NoNameservers:
    query = dns.message.make_query("a.example.", "A")
    reply = None
    if rcode is not None:
        reply = dns.message.make_response(query)
        reply.set_rcode(rcode)
    return dns.resolver.NoNameservers(  # type: ignore[no-untyped-call]
        request=query, errors=[("192.0.2.53", False, 53, "failed", reply)]
    )


def records(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
    """Let the DNS answer each kind of record with this; a kind that is not given has no record."""

    async def resolve(name: str, kind: str, *, lifetime: float) -> Any:
        assert name.endswith(".")
        answer = answers.get(kind, dns.resolver.NoAnswer)
        if isinstance(answer, list):
            return answer
        raise answer

    monkeypatch.setattr(dns.asyncresolver, "Resolver", lambda: SimpleNamespace(resolve=resolve))


def mx(preference: int, host: str) -> SimpleNamespace:
    return SimpleNamespace(preference=preference, exchange=SimpleNamespace(to_text=lambda: host))


async def test_a_public_name_is_asked_for_as_it_stands_so_that_no_search_domain_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"smtp.a.example.": "1.1.1.1", "smtp.a.example": "10.0.0.1"}
    asked = system(monkeypatch, known)
    assert await Resolver().resolve("smtp.a.example") == [ip_address("1.1.1.1")]
    assert asked == ["smtp.a.example."]


@pytest.mark.parametrize("name", ["mail.corp.internal", "mailserver", "localhost", "mail_server"])
async def test_what_the_machine_itself_resolves_is_resolved(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    asked = system(monkeypatch, {name: "10.0.0.5"})
    assert await Resolver().resolve(name) == [ip_address("10.0.0.5")]
    assert asked == ([f"{name}."] if "." in name else []) + [name]


async def test_a_name_that_leads_nowhere_raises_what_the_name_itself_was_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system(monkeypatch, {})
    with pytest.raises(socket.gaierror, match="not known"):
        await Resolver().resolve("smtp.nowhere.example")


@pytest.mark.parametrize(
    ("error", "a", "answer"),
    [
        (NO_NAME, dns.resolver.NXDOMAIN, NameAnswer.NO_SUCH_NAME),
        (NO_NAME, dns.resolver.NoAnswer, NameAnswer.NO_ADDRESS),
        (NO_DATA, dns.resolver.NXDOMAIN, NameAnswer.NO_ADDRESS),
        (NO_ANSWER, failing(dns.rcode.SERVFAIL), NameAnswer.ZONE_FAILS),
        (NO_ANSWER, failing(dns.rcode.REFUSED), NameAnswer.NO_ANSWER),
        (NO_ANSWER, failing(None), NameAnswer.NO_ANSWER),
        (NO_ANSWER, dns.exception.Timeout, NameAnswer.NO_ANSWER),
        (NO_ANSWER, dns.resolver.NXDOMAIN, NameAnswer.NO_SUCH_NAME),
        # Where the DNS cannot be asked, the system's own error is all that is known.
        (NO_NAME, OSError("no network"), NameAnswer.NO_SUCH_NAME),
        (NO_NAME, dns.resolver.NoResolverConfiguration, NameAnswer.NO_SUCH_NAME),
    ],
)
async def test_each_answer_of_the_dns_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, error: socket.gaierror, a: Any, answer: NameAnswer
) -> None:
    records(monkeypatch, A=a)
    assert await Resolver().unresolved("a.example", error) == (answer, ())


async def test_a_name_without_an_address_comes_with_its_mail_servers_the_preferred_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records(monkeypatch, MX=[mx(20, "MX2.a.example."), mx(10, "mx1.a.example.")])
    assert await Resolver().unresolved("a.example", NO_NAME) == (
        NameAnswer.NO_ADDRESS,
        ("mx1.a.example", "mx2.a.example"),
    )


async def test_a_null_mx_is_no_mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    records(monkeypatch, MX=[mx(0, ".")])
    assert await Resolver().mail_servers("a.example") == ()
