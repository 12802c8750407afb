"""Whatever malformed request carries the address of a private link: neither that nor a traceback is ever logged."""

import asyncio
import logging
from contextlib import suppress
from urllib.parse import quote, urlsplit

import pytest

from bot.demo.run import Demo
from bot.profiles.account.private_links import PrivateLinks
from tests.named import case
from tests.scenario.private_password.browsers import Browser, new_link

END = b"\r\n\r\n"


def malformed(path: bytes, host: bytes) -> dict[str, bytes]:
    """Return requests that no browser makes, each with the path of a link somewhere in it."""
    asked = b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n"
    posted = b"POST " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n"
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    upper = quote(path.decode(), safe="").encode()
    return {
        "no version": b"GET " + path + END,
        "an unknown version": b"GET " + path + b" HTTP/9.9" + END,
        "a version that is none": b"GET " + path + b" HTTP/one.one" + END,
        "three paths": path + b" " + path + b" " + path + END,
        "the path alone": path + END,
        "the path as method": path[1:] + b" / HTTP/1.1" + END,
        "an unknown method": b"G@T " + path + b" HTTP/1.1" + END,
        "lower case": b"get " + path + b" http/1.1" + END,
        "blanks in the path": b"GET " + path + b" and more HTTP/1.1" + END,
        "control characters": b"GET " + path + b"\x00\x01\x7f HTTP/1.1" + END,
        "bytes that are no UTF-8": b"GET " + path + b"\xff\xfe HTTP/1.1" + END,
        "letters beyond ASCII": f"GET {path.decode()}ü漢 HTTP/1.1\r\n\r\n".encode(),
        "half a surrogate": b"GET " + path + b"%ed%a0%80 HTTP/1.1" + END,
        "percent without digits": b"GET " + path + b"%zz%/%u0041% HTTP/1.1" + END,
        "a NUL, encoded": b"GET " + path + b"%00 HTTP/1.1" + END,
        "a NUL in the person": b"GET " + path.replace(b"/U", b"/U%00", 1) + b" HTTP/1.1" + END,
        "a person who is none": b"GET " + path.replace(b"/U", b"/%ed%a0%80u", 1) + b" HTTP/1.1" + END,
        "everything encoded": b"GET /" + upper + b" HTTP/1.1" + END,
        "encoded twice": b"GET /" + quote(upper.decode(), safe="").encode() + b" HTTP/1.1" + END,
        "dots": b"GET /../%2e%2e/x/.." + path + b"/../. HTTP/1.1" + END,
        "a slash too many": b"GET /" + path + b"/ HTTP/1.1" + END,
        "absolute": b"GET http://" + host + path + b" HTTP/1.1\r\nHost: " + host + END,
        "absolute, elsewhere": b"GET https://user:secret@elsewhere.test" + path + b" HTTP/1.1" + END,
        "absolute, a port too high": b"GET http://x:99999" + path + b" HTTP/1.1" + END,
        "absolute, no port": b"GET http://x:port" + path + b" HTTP/1.1" + END,
        "absolute, half an address": b"GET http://[::1" + path + b" HTTP/1.1" + END,
        "absolute, no host": b"GET http://" + path + b" HTTP/1.1" + END,
        "another scheme": b"GET ftp://x" + path + b" HTTP/1.1" + END,
        "authority": b"CONNECT " + host + path + b" HTTP/1.1" + END,
        "a fragment": b"GET " + path + b"#" + path + b"?" + path + b" HTTP/1.1" + END,
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + path + END,
        "HTTP/2, afterwards": asked + b"\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + path + END,
        "an upgrade": asked + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk" + END,
        "a WebSocket": asked + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13" + END,
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + path * 9 + END,
        "a header without a colon": asked + path + END,
        "a header's name that is none": asked + path + b": x" + END,
        "a header folded": asked + b"X: y\r\n " + path + END,
        "a header with a NUL": asked + b"Referer: " + path + b"\x00" + END,
        "a bare line feed": asked.replace(b"\r\n", b"\n") + b"Referer: " + path + b"\n\n",
        "two hosts": asked + b"Host: " + path + END,
        "no host": b"GET " + path + b" HTTP/1.1" + END,
        "a line too long": b"GET " + path + b"x" * 20_000 + b" HTTP/1.1" + END,
        "a query too long": b"GET " + path + b"?" + path * 900 + b" HTTP/1.1" + END,
        "a header too long": asked + b"Referer: " + path * 900 + END,
        "headers too many": asked + b"".join(b"X-%d: %b\r\n" % (number, path) for number in range(999)) + END,
        "cookies that are none": asked + b"Cookie: " + path + b"=" + path + b'; "' + path + b"; =; ;;[]" + END,
        "a length that is none": posted + b"Content-Length: " + path + END,
        "a length below zero": posted + b"Content-Length: -1" + END + path,
        "two lengths": posted + b"Content-Length: 1\r\nContent-Length: 2" + END + path,
        "length and chunks": posted + b"Content-Length: 9\r\nTransfer-Encoding: chunked" + END + path,
        "chunks that are none": posted + form + b"Transfer-Encoding: chunked" + END + path + b"\r\n",
        "a chunk cut off": posted + form + b"Transfer-Encoding: chunked" + END + b"5\r\nmark=\r\nzz\r\n" + path,
        "an unknown encoding": posted + b"Transfer-Encoding: " + path + END,
        "gzip that is none": posted + form + b"Content-Encoding: gzip\r\nContent-Length: 9" + END + b"mark=abcd",
        "parts without an end": posted
        + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 40"
        + END
        + b"--x\r\nContent-Disposition: "
        + path[:13],
        "parts whose heads are none": posted
        + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 40"
        + END
        + b"--x\r\n"
        + path[:15]
        + b"\xff\xff:::\r\n\r\n12345678901",
        "a form in no encoding": posted
        + b"Content-Type: text/plain; charset="
        + path
        + b"\r\nContent-Length: 1"
        + END
        + b"x",
        "expecting something": posted + b"Expect: " + path + b"\r\nContent-Length: 1" + END + b"x",
        "hung up": posted + form + b"Content-Length: 999" + END + b"mark=",
        "asked twice at once": asked + END[:2] + asked + b"\r\nGET " + path + b"\x00" + END,
        "metrics": b"GET /metrics?" + path + b" HTTP/9.1\r\nHost: " + host + END,
        "Slack's address": b"POST /slack/events" + path + b" HTTP/1.1\r\nX-Slack-Signature: " + path + END,
    }


async def send(host: str, port: int, request: bytes) -> bytes:
    """Send bytes, and read what comes back until nothing more comes."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        begun = b""
        # Who hangs up at once is not answered; some of this is half a request, to which nothing is said.
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                begun = await reader.read(4096)
        writer.write_eof()
        async with asyncio.timeout(10):
            return begun + await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_no_malformed_request_gets_a_link_or_a_traceback_into_the_log(
    http_demo: Demo, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    url = urlsplit(await new_link(http_demo))
    assert url.hostname
    assert url.port
    token = url.path.rpartition("/")[2]
    caplog.set_level(logging.DEBUG)
    # What these write at DEBUG is never written by the program, whatever LOG_LEVEL is.
    for name in ("slack_sdk", "slack_bolt", "sqlalchemy"):
        caplog.set_level(logging.INFO, logger=name)
    for name, request in malformed(url.path.encode(), url.netloc.encode()).items():
        with case(name):
            caplog.clear()
            answer = await send(url.hostname, url.port, request)
            assert b"Traceback" not in answer
            assert b" 500 " not in answer[:20]
            logged = caplog.text
            assert token not in logged
            assert token[:8] not in logged
            assert "/password/" not in logged
            assert "Traceback" not in logged
            assert not any(record.exc_info for record in caplog.records)
    assert (await browser.ask("GET", url.geturl())).status == 200


async def test_a_page_that_fails_logs_where_and_not_what(
    http_demo: Demo, browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = await new_link(http_demo)

    async def broken(*_: object) -> None:
        raise RuntimeError(f"at {url}")

    monkeypatch.setattr(PrivateLinks, "find_link", broken)
    page = await browser.ask("GET", url)
    assert (page.status, "Something went wrong (reference " in page.text) == (500, True)
    assert "A page failed (RuntimeError in broken, line " in caplog.text
    assert url.rpartition("/")[2] not in caplog.text
    assert "Traceback" not in caplog.text
