"""A proxy on the loopback that delays both directions, as a distance does, and counts the client's round trips."""

import asyncio


class DelayProxy:
    """Forwards to a port of this machine with `delay` seconds each way.

    `flights` counts how often the client waited for the server, because each of these waits costs a round trip.
    """

    def __init__(self, port: int, delay: float) -> None:
        self._target = port
        self._delay = delay
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server_spoke = True
        self.flights = 0
        self.port = 0

    async def __aenter__(self) -> "DelayProxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        # So that the loop closes them before it ends itself.
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.append(there_writer)
        for source, target, ours in ((reader, there_writer, True), (there_reader, writer, False)):
            task = asyncio.create_task(self._carry(source, target, from_client=ours))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, from_client: bool) -> None:
        loop = asyncio.get_running_loop()
        while data := await _read(source):
            if not from_client and not self._server_spoke:
                self.flights += 1
            self._server_spoke = not from_client
            # Not awaited, so that what is sent together arrives together.
            loop.call_later(self._delay, target.write, data)
        loop.call_later(self._delay, target.close)


async def _read(source: asyncio.StreamReader) -> bytes:
    try:
        return await source.read(65536)
    except OSError:
        # A side that resets the connection sends nothing more.
        return b""
