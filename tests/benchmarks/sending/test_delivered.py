"""A side whose letters did not arrive whole, each once, is named as failed and has no figures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.benchmarks.figures import Failed, attempted
from tests.benchmarks.sending.letters import SignIn
from tests.benchmarks.sending.measuring import Latency, Rate, latency, rate
from tests.benchmarks.sending.provider import PASSWORD, Provider, provider
from tests.benchmarks.sending.sides import Side, directly


@pytest.fixture
async def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Provider]:
    monkeypatch.setattr("tests.benchmarks.sending.measuring.DELIVERY_SECONDS", 0.3)
    async with provider(tmp_path) as running:
        yield running


async def test_a_program_that_sends_directly_is_measured(there: Provider) -> None:
    side = directly(there, there.port)
    assert isinstance(await attempted(latency(side, there, letters=2)), Latency)
    assert isinstance(await attempted(rate(side, there, sessions=2, letters=3)), Rate)


@asynccontextmanager
async def _losing() -> AsyncIterator[Side]:
    """Take every letter and pass none on."""

    async def read(reader: asyncio.StreamReader) -> bytes:
        with suppress(OSError):
            return await reader.readline()
        return b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        in_letter = False
        while line := await read(reader):
            if in_letter and line != b".\r\n":
                continue
            in_letter = line == b"DATA\r\n"
            writer.write({b"DATA\r\n": b"354 go on\r\n", b"QUIT\r\n": b"221 bye\r\n"}.get(line, b"250 good\r\n"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield Side("losing", port, ["ada@bench.test"], lambda _: None, list)
    server.close()
    await asyncio.sleep(0)


async def test_a_side_that_loses_letters_is_named_as_failed(there: Provider) -> None:
    async with _losing() as side:
        assert await attempted(rate(side, there, sessions=1, letters=3)) == Failed("3 of 3 letters did not arrive")


async def test_a_side_that_is_not_welcome_at_the_provider_is_named_as_failed(there: Provider) -> None:
    side = directly(there, there.port)
    side.secret = lambda _: f"not {PASSWORD}"
    assert await attempted(latency(side, there, letters=1)) == Failed("it answered 535 5.7.8 no")
    assert side.sign_in("ada@bench.test") == SignIn("ada@bench.test", f"not {PASSWORD}")
