"""Whatever malformed request carries the address of a private link: neither that nor a traceback is ever logged."""

import asyncio
import logging
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from bot.demo.run import Demo
from bot.profiles.account.private_links import PrivateLinks
from tests.named import case
from tests.scenario.private_password.browsers import Browser, new_link
from tests.scenario.private_password.malformed_requests import malformed


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
    for name, request in malformed(url.path, url.netloc).items():
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
