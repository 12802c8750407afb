"""How documents for mail programs are fetched: from whom, and what a hostile web server cannot do to us."""

import asyncio
import gzip
import os
import socket
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from bot.discovery.fetch import MAX_DOCUMENT_BYTES
from bot.discovery.findings import Caution, Source
from tests.fakes.config_documents import DOMAIN, document, vouching
from tests.fakes.config_server import Answer, Certificate, in_chunks, leads_to, page, server_context
from tests.fakes.internet import CLOSED, WEB, InternetNetwork
from tests.fakes.scripted_domains import at
from tests.fakes.smtp_server import Endless, HangUp, Silence, Trickle
from tests.named import case
from tests.scenario.discovery.publishing import AT_HOST, AT_PACC, AT_WELL_KNOWN, FORBIDDEN, LOCAL_PART, PACC_HOST, world

pytestmark = pytest.mark.databases()


async def test_a_document_that_is_packed_although_nobody_asked_for_that_is_read() -> None:
    packed = page(gzip.compress(document().encode()), Content_Encoding="gzip")
    async with world({AT_HOST: packed}) as around:
        assert (await around.settings()).port == 465
        assert "Accept-Encoding: identity" in around.web.asked[0].head


async def test_a_document_in_chunks_is_read() -> None:
    async with world({AT_HOST: in_chunks(document(), size=100)}) as around:
        assert (await around.settings()).port == 465


async def test_a_redirect_within_the_domain_is_followed() -> None:
    async with world() as around:
        for to in ("/mail/v2/config.xml", f"https://www.{DOMAIN}/mail/v2/config.xml"):
            with case(to):
                moved = {f"{host}.{DOMAIN}/mail/v2/config.xml": page(document()) for host in ("autoconfig", "www")}
                around.publish({AT_HOST: leads_to(to), **moved})
                assert (await around.settings()).host == f"smtp.{DOMAIN}"


async def test_a_redirect_to_whoever_takes_the_mail_in_is_followed_and_named() -> None:
    pages = {
        AT_HOST: leads_to(f"https://autoconfig.hoster.example/{DOMAIN}.xml"),
        f"autoconfig.hoster.example/{DOMAIN}.xml": page(document()),
    }
    async with world() as around:
        around.publish(pages, names={DOMAIN: {"MX": ["10 mx1.hoster.example."]}})
        found = await around.found()
    assert (found.other_domain, found.cautions) == ("hoster.example", (Caution.OTHER_DOMAIN,))


ASTRAY: Mapping[str, tuple[Mapping[str, Answer], str]] = {
    "to http": ({AT_HOST: leads_to(f"http://{AT_HOST}")}, "leads on to an address without encryption (http)."),
    "to a stranger": (
        {AT_HOST: leads_to("https://stranger.example/x")},
        "stranger.example, which is in another domain.",
    ),
    "to a look-alike": ({AT_HOST: leads_to(f"https://{DOMAIN}.stranger.example/")}, "in another domain."),
    "to a port": ({AT_HOST: leads_to(f"https://{DOMAIN}:8443/")}, "with a login, a port or an IP address in it."),
    "to an IPv4 address": ({AT_HOST: leads_to("https://127.0.0.1/")}, "with a login, a port or an IP address in it."),
    "to an IPv6 address": ({AT_HOST: leads_to("https://[::1]/")}, "with a login, a port or an IP address in it."),
    "to a number": ({AT_HOST: leads_to("https://2130706433/")}, "something that is no web address."),
    "with a login": ({AT_HOST: leads_to(f"https://ada:secret@{DOMAIN}/")}, "with a login, a port or an IP address"),
    "to a file": ({AT_HOST: leads_to("file:///etc/passwd")}, "something that is no web address."),
    "to a script": ({AT_HOST: leads_to("javascript:alert(1)")}, "something that is no web address."),
    "to nothing that is read": ({AT_HOST: leads_to("https://[/")}, "something that is no web address."),
    "to nothing that yarl reads": ({AT_HOST: leads_to("//[]@")}, "something that is no web address."),
    "to a long one": ({AT_HOST: leads_to(f"https://{'a.' * 3000}{DOMAIN}/")}, "of more than 2000 characters."),
    "to itself for ever": ({AT_HOST: leads_to(f"https://{AT_HOST}")}, "once too often."),
    "three times": (
        {
            AT_HOST: leads_to(f"https://{DOMAIN}/1"),
            f"{DOMAIN}/1": leads_to("/2"),
            f"{DOMAIN}/2": leads_to("/3"),
            f"{DOMAIN}/3": page(document()),
        },
        "once too often.",
    ),
}


async def test_a_redirect_that_could_lead_to_a_stranger_is_not_followed() -> None:
    async with world() as around:
        for name, (pages, said) in ASTRAY.items():
            with case(name):
                around.publish(pages, names={"stranger.example": at(WEB)})
                assert said in await around.said()
                assert not any("stranger" in asked for asked, _ in around.dns.asked)


async def test_a_redirect_below_well_known_stays_in_the_domain_even_if_another_takes_its_mail_in() -> None:
    pages = {AT_WELL_KNOWN: leads_to("https://hoster.example/x"), "hoster.example/x": page(document())}
    async with world() as around:
        around.publish(pages, names={DOMAIN: at(WEB, MX=["10 mx.hoster.example."])})
        assert "hoster.example, which is in another domain." in await around.said(Source.WELL_KNOWN)


async def test_an_address_that_may_not_be_reached_gets_no_packet() -> None:
    said = "autoconfig.lovelace.example does not exist, or leads where the bot may not look."
    async with world() as around:
        for addresses in (*((address,) for address in FORBIDDEN), (WEB, "10.0.0.7"), (WEB, "::1")):
            with case(addresses):
                names = {f"autoconfig.{DOMAIN}": at(*addresses), DOMAIN: at(*addresses)}
                around.publish({AT_HOST: page(document()), AT_WELL_KNOWN: page(document())}, names=names)
                assert await around.said() == said
                await around.said(Source.WELL_KNOWN)
                assert around.network.reached == []


async def test_a_redirect_to_a_name_of_the_inside_gets_no_packet() -> None:
    async with world() as around:
        pages = {AT_HOST: leads_to(f"https://intranet.{DOMAIN}/"), f"intranet.{DOMAIN}/": page(document())}
        around.publish(pages, names={f"intranet.{DOMAIN}": at("10.0.0.7")})
        assert "intranet.lovelace.example does not exist, or leads where" in await around.said()
        assert around.network.reached == [(WEB, 443)]


async def test_a_network_that_the_operator_lists_may_publish() -> None:
    async with world(allowed=[ip_network("10.0.0.0/8")]) as around:
        around.publish({AT_HOST: page(document())}, names={f"autoconfig.{DOMAIN}": at("10.0.0.7")})
        assert (await around.settings()).host == f"smtp.{DOMAIN}"


WRONG_CERTIFICATES = {
    Certificate.EXPIRED: "The certificate of autoconfig.lovelace.example does not hold: certificate has expired.",
    Certificate.OTHER_NAME: "does not hold: Hostname mismatch",
    Certificate.STRANGER: "does not hold: unable to get local issuer certificate.",
}


async def test_behind_a_wrong_certificate_nothing_is_asked_for_and_nothing_without_encryption_either() -> None:
    async with world() as around:
        for certificate, said in WRONG_CERTIFICATES.items():
            with case(certificate):
                around.publish({AT_HOST: page(document())}, certificates={f"autoconfig.{DOMAIN}": certificate})
                assert said in await around.said()
                assert around.web.asked == []


async def test_a_host_that_does_not_answer_is_not_asked_without_encryption() -> None:
    async with world() as around:
        around.publish({AT_HOST: page(document())}, names={f"autoconfig.{DOMAIN}": at(CLOSED)})
        assert await around.said() == "autoconfig.lovelace.example does not answer on port 443."


BOMB = gzip.compress(b"<a>" * (20 << 20))
"""Sixty megabytes in as many kilobytes."""


NO_ANSWERS: Mapping[str, tuple[Answer, str]] = {
    "too large": (page(b" " * (MAX_DOCUMENT_BYTES + 1)), "sends more than 64 kB."),
    "a length that lies": (page("", Content_Length="99999999") + b" " * (1 << 18), "sends more than 64 kB."),
    "chunks of too much": (in_chunks(" " * (MAX_DOCUMENT_BYTES + 1), size=4096), "sends more than 64 kB."),
    "without end": (Endless(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 65536), "sends more than 64 kB."),
    "a bomb of gzip": (page(BOMB, Content_Encoding="gzip"), "sends more than 64 kB."),
    "cut off": (page("", Content_Length="500") + b"<clientConfig>", "gave no proper answer"),
    "no gzip": (page("<clientConfig/>", Content_Encoding="gzip"), "cannot be unpacked."),
    "packed in another way": (page("x", Content_Encoding="br"), "in a way that was not asked for."),
    "a head without end": (Endless(b"X-Header: yes\r\n"), "gave no proper answer"),
    "a long header": (page("", X_Long="x" * 100_000), "gave no proper answer"),
    "many headers": (b"HTTP/1.1 200 OK\r\n" + b"X-More: x\r\n" * 2000 + b"\r\n", "gave no proper answer"),
    "hung up": (HangUp(), "gave no proper answer"),
    "no HTTP": (b"220 smtp.lovelace.example ESMTP\r\n", "gave no proper answer"),
    "not there": (page("no", status=404), "has no such document (HTTP status 404)."),
    "a sign-in": (page("", status=401, WWW_Authenticate="Basic"), "has no such document (HTTP status 401)."),
    "broken": (page("", status=500), "has no such document (HTTP status 500)."),
}


async def test_of_a_bomb_no_more_is_unfolded_than_a_document_may_have() -> None:
    async with world({AT_HOST: page(BOMB, Content_Encoding="gzip")}) as around:
        tracemalloc.start()
        try:
            assert "sends more than 64 kB." in await around.said()
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 10_000_000


async def test_an_answer_that_is_too_much_or_none_ends_in_a_sentence() -> None:
    async with world() as around:
        for name, (answer, said) in NO_ANSWERS.items():
            with case(name):
                around.publish({AT_HOST: answer})
                assert said in await around.said()
                assert [one.url for one in around.web.asked] == [AT_HOST]


SLOW: Mapping[str, Answer] = {
    "silence": Silence(),
    "the head bit by bit": Trickle(page(document()), 0.02),
    "in a moment, for ever": Endless(b"HTTP/1.1 100 Continue\r\n\r\n"),
}


async def test_an_answer_that_takes_too_long_is_not_waited_for() -> None:
    async def judge(name: str, answer: Answer) -> None:
        with case(name):
            async with world({AT_HOST: answer}, seconds=0.3) as around:
                assert await around.said() == "autoconfig.lovelace.example took longer than 0.3 seconds."

    await asyncio.gather(*(judge(*slow) for slow in SLOW.items()))


ASKED_HOSTS = {
    "lovelace.co.uk": {"autoconfig.lovelace.co.uk", "ua-auto-config.lovelace.co.uk", "lovelace.co.uk"},
    "a.lovelace.example": {"autoconfig.a.lovelace.example", "ua-auto-config.a.lovelace.example", "a.lovelace.example"},
    # Anybody may register names below these.
    "co.uk": {"co.uk"},
    "github.io": {"github.io"},
}


async def test_no_name_is_asked_that_somebody_else_may_register() -> None:
    async with world() as around:
        for domain, hosts in ASKED_HOSTS.items():
            with case(domain):
                around.publish({}, names={f"_ua-auto-config.{domain}": {"TXT": [vouching("")]}})
                await around.answers(f"{LOCAL_PART}@{domain}")
                assert {name for name, kind in around.dns.asked if kind == "A"} == hosts


def hold_on(listening: socket.socket) -> None:
    """Answer one request, and keep the connection whatever the other side says, until it is cut."""
    connection, _ = listening.accept()
    encrypted = server_context(f"autoconfig.{DOMAIN}", Certificate.GOOD).wrap_socket(connection, server_side=True)
    with encrypted, socket.socket(fileno=os.dup(encrypted.fileno())) as raw, suppress(ConnectionError):
        encrypted.recv(2000)
        encrypted.sendall(page("", status=404))
        while raw.recv(2000):
            pass


async def test_a_server_that_does_not_let_go_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.discovery.fetch.TLS_SHUTDOWN_SECONDS", 0.1)
    async with world({AT_HOST: page("")}) as around:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            network = InternetNetwork({(WEB, 443): listening.getsockname()[1]})
            holding = asyncio.create_task(asyncio.to_thread(hold_on, listening))
            assert "HTTP status 404" in await replace(around, network=network).said()
            async with asyncio.timeout(5):
                await holding


async def test_cookies_are_neither_kept_nor_sent_and_no_page_learns_of_another() -> None:
    pages = {
        AT_HOST: page("", status=302, Location=f"https://www.{DOMAIN}/x", Set_Cookie=f"who=ada; Domain={DOMAIN}"),
        f"www.{DOMAIN}/x": page(document(), Set_Cookie="who=ada"),
    }
    async with world(pages) as around:
        await around.settings()
        await around.settings()
        heads = {
            one.url: sorted(line.partition(":")[0] for line in one.head.split("\r\n")[1:-2]) for one in around.web.asked
        }
    assert heads[f"www.{DOMAIN}/x"] == ["Accept", "Accept-Encoding", "Connection", "Host", "User-Agent"]


async def test_neither_a_proxy_nor_a_password_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    passwords = tmp_path / "netrc"
    passwords.write_text(f"machine autoconfig.{DOMAIN} login ada password secret\n")
    monkeypatch.setenv("NETRC", str(passwords))
    async with world({AT_HOST: page(document())}) as around:
        assert (await around.settings()).port == 465


async def test_a_search_makes_six_requests_at_most_whatever_it_is_led_to(monkeypatch: pytest.MonkeyPatch) -> None:
    # So that which sources may ask does not hang on which is quicker.
    monkeypatch.setattr("bot.discovery.search.MAX_REQUESTS", 100)
    pages: dict[str, Answer] = {
        AT_HOST: leads_to("/1"),
        f"autoconfig.{DOMAIN}/1": leads_to("/2"),
        f"autoconfig.{DOMAIN}/2": leads_to("/3"),
        AT_WELL_KNOWN: leads_to("/1"),
        f"{DOMAIN}/1": leads_to("/2"),
        AT_PACC: leads_to("/1"),
    }
    async with world() as around:
        around.publish(pages, names={f"_{PACC_HOST}": {"TXT": [vouching("")]}})
        await around.answers()
        hosts = Counter(one.url.partition("/")[0] for one in around.web.asked)
    assert hosts == {f"autoconfig.{DOMAIN}": 3, DOMAIN: 2, PACC_HOST: 1}


async def test_a_search_that_has_made_all_its_requests_makes_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.discovery.search.MAX_REQUESTS", 1)
    async with world({AT_HOST: page(""), AT_WELL_KNOWN: page("")}) as around:
        answers = await around.answers()
        assert len(around.web.asked) == 1
    assert sum("was not asked: the search had made all its requests." in one.said for one in answers.values()) == 1
