"""What documents for mail programs say: what is read of them, and what is refused."""

import json
import time

import pytest

from bot.discovery.autoconfig import MAX_SERVERS, read_autoconfig
from bot.discovery.findings import Caution, MailSettings, Source
from bot.discovery.published import UnusableError
from bot.smtp.account import Encryption
from bot.smtp.network.guard import Guard
from tests.fakes.config_documents import DOMAIN, document, server, vouching
from tests.fakes.config_server import page
from tests.fakes.internet import PORTS
from tests.named import case
from tests.scenario.discovery.publishing import ADDRESS, AT_HOST, AT_PACC, AT_WELL_KNOWN, LOCAL_PART, PACC_HOST, world

pytestmark = pytest.mark.databases()


async def test_a_domain_that_publishes_at_its_autoconfig_host_is_found_there() -> None:
    async with world({AT_HOST: page(document())}) as around:
        answer = (await around.answers())[Source.AUTOCONFIG]
    assert answer.found is not None
    assert answer.found.settings == MailSettings(
        host=f"smtp.{DOMAIN}", port=465, encryption=Encryption.SSL, login=ADDRESS
    )
    assert (answer.found.cautions, answer.found.other_domain) == ((), "")
    assert answer.said == "autoconfig.lovelace.example names smtp.lovelace.example, port 465, SSL."


async def test_a_domain_that_publishes_below_well_known_is_found_there() -> None:
    async with world({AT_WELL_KNOWN: page(document())}) as around:
        settings = await around.settings(Source.WELL_KNOWN)
        said = await around.said()
    assert settings.host == f"smtp.{DOMAIN}"
    assert said == "autoconfig.lovelace.example does not exist, or leads where the bot may not look."


READABLE = {
    "utf-8 with a mark": b"\xef\xbb\xbf" + document().encode(),
    "utf-16": document(before='<?xml version="1.0" encoding="UTF-16"?>').encode("utf-16"),
    "latin-1": document(before='<?xml version="1.0" encoding="ISO-8859-1"?><!-- ä -->').encode("latin-1"),
    "a namespace": document().replace('"1.1"', '"1.1" xmlns="urn:example:config"').encode(),
    "elements that nobody knows": document().replace("<domain>", "<new><hostname>x</hostname></new><domain>").encode(),
    "blanks and line ends": document(server(f"\n  smtp.{DOMAIN}.\t", port=" 465 ")).encode(),
}


async def test_a_document_is_read_in_every_encoding_and_with_what_is_unknown_in_it() -> None:
    async with world() as around:
        for name, body in READABLE.items():
            with case(name):
                around.publish({AT_HOST: page(body, Content_Type="application/octet-stream")})
                assert (await around.settings()).host == f"smtp.{DOMAIN}"


LOGINS = {
    "%EMAILADDRESS%": ADDRESS,
    "%EMAILLOCALPART%": LOCAL_PART,
    "%EMAILLOCALPART%.%EMAILDOMAIN%": f"{LOCAL_PART}.{DOMAIN}",
    "smtp-%EMAILLOCALPART%": f"smtp-{LOCAL_PART}",
    "shared": "shared",
    "": ADDRESS,
}


async def test_the_placeholders_of_a_login_are_filled_in_here() -> None:
    async with world() as around:
        for login, filled in LOGINS.items():
            with case(login):
                around.publish({AT_HOST: page(document(server(login=login)))})
                assert (await around.settings()).login == filled


async def test_a_servers_name_may_hold_the_domain() -> None:
    async with world({AT_HOST: page(document(server("mail.%EMAILDOMAIN%")))}) as around:
        assert (await around.settings()).host == f"mail.{DOMAIN}"


async def test_of_several_servers_tls_from_the_first_byte_is_taken_then_the_documents_order() -> None:
    starttls = [server(f"{name}.{DOMAIN}", port=587, socket_type="STARTTLS") for name in ("first", "second")]
    plain = server(port=587, socket_type="plain")
    async with world({AT_HOST: page(document(plain, *starttls))}) as around:
        settings = await around.settings()
        assert (settings.host, settings.encryption) == (f"first.{DOMAIN}", Encryption.TLS)
    async with world({AT_HOST: page(document(plain, *starttls, server("last." + DOMAIN)))}) as around:
        settings = await around.settings()
        assert (settings.host, settings.port, settings.encryption) == (f"last.{DOMAIN}", 465, Encryption.SSL)


USABLE_WAYS = {
    "the old words": ("<authentication>plain</authentication>",),
    "encrypted": ("<authentication>password-encrypted</authentication>",),
    "OAuth of older files": ("<authentication>OAuth2</authentication>",),
    "OAuth of the draft": ("<authentication>OAuth</authentication>",),
    "a mechanism of SASL": ('<authentication system="sasl">PLAIN</authentication>',),
    "usable after unusable ones": (
        '<authentication system="sasl">SCRAM-SHA-256-PLUS</authentication>',
        "<authentication>GSSAPI</authentication>",
        "<authentication>password-cleartext</authentication>",
    ),
}


async def test_the_first_way_to_sign_in_that_the_bot_can_do_decides() -> None:
    async with world() as around:
        for name, ways in USABLE_WAYS.items():
            with case(name):
                around.publish({AT_HOST: page(document(server(ways=ways)))})
                assert (await around.settings()).host == f"smtp.{DOMAIN}"


async def test_a_server_in_another_registered_domain_is_named_because_a_stranger_may_own_the_autoconfig_host() -> None:
    """Wildcards and expired names let a stranger publish there, with a certificate that is valid."""
    async with world({AT_HOST: page(document(server("smtp.stranger.co.uk")))}) as around:
        found = await around.found()
    assert (found.other_domain, found.cautions) == ("stranger.co.uk", (Caution.OTHER_DOMAIN,))


NO_DOCUMENTS = {
    "a web page": ("<!DOCTYPE html><html><body>Welcome</body></html>", "a web page is there, and no configuration."),
    "a DTD": (document(before="<!DOCTYPE clientConfig>"), "the document has a DTD, which is refused."),
    "entities in entities": (
        document(
            server("&b;"), before='<!DOCTYPE clientConfig [<!ENTITY a "smtp."><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        ),
        "the document has a DTD, which is refused.",
    ),
    "a file of this machine": (
        document(server("&x;"), before='<!DOCTYPE clientConfig [<!ENTITY x SYSTEM "file:///etc/hostname">]>'),
        "the document has a DTD, which is refused.",
    ),
    "nothing": ("", "what is there is no well-formed XML."),
    "words": ("smtp.lovelace.example", "what is there is no well-formed XML."),
    "cut off": (document()[:-20], "what is there is no well-formed XML."),
    "an encoding of another kind": (document(before='<?xml version="1.0" encoding="rot13"?>'), "no well-formed XML."),
    "an encoding of UTF-7": (document(before='<?xml version="1.0" encoding="utf-7"?>'), "no well-formed XML."),
    "an unknown encoding": (document(before='<?xml version="1.0" encoding="no-such"?>'), "no well-formed XML."),
    "deep": ("<clientConfig>" + "<a>" * 20_000, "what is there is no well-formed XML."),
    "deep and closed": ("<a>" * 9_000 + "</a>" * 9_000, "what is there is XML, and no configuration."),
    "other XML": ("<feed/>", "what is there is XML, and no configuration."),
    "no servers": ("<clientConfig/>", "it names no server for outgoing mail."),
    "another kind": (document(server(kind="exchange")), "it names no server for outgoing mail."),
}


async def test_what_is_no_document_of_autoconfig_is_refused() -> None:
    async with world() as around:
        for name, (body, said) in NO_DOCUMENTS.items():
            with case(name):
                around.publish({AT_HOST: page(body)})
                assert (await around.said()).endswith(said)


UNUSABLE = {
    "clear text": (server(socket_type="plain"), "smtp.lovelace.example is offered without encryption."),
    "encryption if it pleases": (server(socket_type="STARTTLS-if-available"), "is offered without encryption."),
    "no word of encryption": (server(socket_type=""), "is offered without encryption."),
    "a login in the name": (server("ada@smtp.lovelace.example"), "is no name of a server."),
    "a URL": (server("https://smtp.lovelace.example/"), "is no name of a server."),
    "a port in the name": (server("smtp.lovelace.example:587"), "is no name of a server."),
    "a blank": (server("smtp.lovelace.example stranger.example"), "is no name of a server."),
    "a control character": (server("smtp.lovelace.example&#10;RCPT"), "is no name of a server."),
    "a mark that turns text round": (server("smtp.\u202elovelace.example"), "is no name of a server."),
    "an invisible character": (server("smtp.love\u200blace.example"), "is no name of a server."),
    "look-alike digits": (server("①②⑦.0.0.1"), "is no name of a server."),
    "an address": (server("127.0.0.1"), "“127.0.0.1” is not the public name of a server."),
    "an IPv6 address": (server("[::1]"), "is not the public name of a server."),
    "a number": (server("2130706433"), "is no name of a server."),
    "this machine": (server("localhost"), "is not the public name of a server."),
    "one word": (server("mail"), "is not the public name of a server."),
    "no name": (server(""), "is no name of a server."),
    "who asks": (server("%EMAILLOCALPART%.lovelace.example"), "is no name of a server."),
    "the whole address": (server("%EMAILADDRESS%"), "is no name of a server."),
    "a port that is not allowed": (server(port=22), "port 22, which is not among the allowed ones."),
    "no port": (server(port=""), "is offered at a port that is no number."),
    "a port of other digits": (server(port="٤٦٥"), "is offered at a port that is no number."),
    "a port below zero": (server(port="-465"), "is offered at a port that is no number."),
    "a port too large": (server(port="65536"), "port 65536, which is not among the allowed ones."),
    "a placeholder in the login": (server(login="%REALNAME%"), "a placeholder that is not known (“%REALNAME%”)."),
    "half a placeholder": (server(login="%EMAILADDRESS"), "a placeholder that is not known"),
    "a placeholder of ours": (server(login="{local}"), "a placeholder that is not known"),
    "a blank in the login": (server(login="ada lovelace"), "blanks or invisible characters in it"),
    "a line end in the login": (server(login="ada&#13;&#10;AUTH"), "blanks or invisible characters in it"),
    "a long login": (server(login="a" * 1000), "or is too long."),
    "the address twice": (server(login="%EMAILADDRESS%%EMAILADDRESS%"), "has %EMAILADDRESS% in it more than once."),
    "the domain again and again": (
        server(login="%EMAILDOMAIN%-" * 15 + "%EMAILLOCALPART%"),
        "has %EMAILDOMAIN% in it more than once.",
    ),
    "no sign-in that we can do": (
        server(ways=("<authentication>GSSAPI</authentication>", "<authentication>none</authentication>")),
        "smtp.lovelace.example wants a sign-in that the bot cannot do.",
    ),
    "no sign-in": (server(ways=()), "wants a sign-in that the bot cannot do."),
}


async def test_a_server_that_could_do_harm_or_cannot_be_used_is_ignored() -> None:
    async with world() as around:
        for name, (element, said) in UNUSABLE.items():
            with case(name):
                around.publish({AT_HOST: page(document(element))})
                assert said in await around.said()


async def test_a_login_that_would_be_too_long_for_an_address_is_not_proposed() -> None:
    pattern = f"{'a' * 180}-%EMAILADDRESS%-%EMAILDOMAIN%"
    async with world({AT_HOST: page(document(server(login=pattern)))}) as around:
        assert len((await around.settings()).login) < 320
        long = (await around.answers(f"{'l' * 64}{'a' * 64}@{DOMAIN}"))[Source.AUTOCONFIG]
        assert long.found is None
        assert long.said == "Its login for this address would be longer than 320 characters."


async def test_after_servers_that_cannot_be_used_the_next_is_taken() -> None:
    elements = [element for element, _ in UNUSABLE.values()]
    async with world() as around:
        for first in range(0, len(elements), MAX_SERVERS - 1):
            with case(elements[first]):
                some = elements[first : first + MAX_SERVERS - 1]
                around.publish({AT_HOST: page(document(*some, server(f"good.{DOMAIN}")))})
                assert (await around.settings()).host == f"good.{DOMAIN}"


LABORIOUS = {
    "a name of many parts": document(server("ä." * 20_000)),
    "a long name": document(server("a" * 60_000)),
    "a name of many placeholders": document(server("%EMAILDOMAIN%." * 4_500)),
    "a long login": document(server(login="%E" * 30_000)),
    "thousands of servers": document(*["<outgoingServer/>"] * 3_700),
    "thousands of ways to sign in": document(server(ways=["<authentication/>"] * 3_500)),
    "thousands of attributes": f"<clientConfig {' '.join(f'a{number}=' + repr('') for number in range(5_000))}/>",
}


def test_no_document_keeps_the_bot_busy_for_long() -> None:
    for name, body in LABORIOUS.items():
        with case(name):
            began = time.thread_time()
            with pytest.raises(UnusableError):
                read_autoconfig(body.encode(), DOMAIN, Guard((), PORTS))
            # A long name that is looked at letter by letter takes up to a second.
            assert time.thread_time() - began < 0.1


async def test_no_more_than_five_servers_are_looked_at() -> None:
    many = [server(f"s{number}.{DOMAIN}", socket_type="plain") for number in range(5)]
    async with world({AT_HOST: page(document(*many, server()))}) as around:
        assert await around.said() == "autoconfig.lovelace.example: s0.lovelace.example is offered without encryption."


VOUCHED = json.dumps(
    {"protocols": {"smtp": {"host": f"smtp.{DOMAIN}"}}, "authentication": {"password": True, "oauth-public": {}}}
)


async def test_a_document_that_the_domains_dns_vouches_for_is_found() -> None:
    async with world() as around:
        records = ['"some-site-verification=1"', vouching(VOUCHED)]
        around.publish({AT_PACC: page(VOUCHED)}, names={f"_{PACC_HOST}": {"TXT": records}})
        settings = await around.settings(Source.PACC)
    assert settings == MailSettings(host=f"smtp.{DOMAIN}", port=465, encryption=Encryption.SSL, login=ADDRESS)


NOT_VOUCHED_FOR = {
    "no record": ([], VOUCHED, "no TXT record vouches for a document."),
    "a wrong digest": ([vouching("x")], VOUCHED, "is not the one that the TXT record vouches for."),
    "no Base64": (['"v=UAAC1; a=sha256; d=!"'], VOUCHED, "is not in Base64."),
    "an unknown way": ([vouching(VOUCHED, way="md5")], VOUCHED, "no TXT record vouches for a document."),
    "two records": ([vouching(said) for said in (VOUCHED, "x")], VOUCHED, "no TXT record vouches for a document."),
    "no JSON": ([vouching("<a/>")], "<a/>", "what is there is no JSON."),
    "deep": ([vouching("[" * 60_000)], "[" * 60_000, "what is there is no JSON."),
    "no server": ([vouching("{}")], "{}", "it names no server for outgoing mail."),
    "a list": ([vouching("[]")], "[]", "it names no server for outgoing mail."),
    "no name": (
        [vouching(VOUCHED.replace("smtp.lovelace", "a@lovelace"))],
        VOUCHED.replace("smtp.lovelace", "a@lovelace"),
        "is no name of a server.",
    ),
}


async def test_a_document_that_is_not_vouched_for_or_names_nothing_is_refused() -> None:
    async with world() as around:
        for name, (records, content, said) in NOT_VOUCHED_FOR.items():
            with case(name):
                around.publish({AT_PACC: page(content)}, names={f"_{PACC_HOST}": {"TXT": records}})
                assert (await around.said(Source.PACC)).endswith(said)
                assert records or not around.web.greeted
