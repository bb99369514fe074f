"""A way to a server of this machine that can be cut and healed, without harm to the server."""

import asyncio
import threading
from contextlib import suppress
from typing import Any, Final

_BACKLOG: Final = 512
_CHUNK: Final = 65536


class Proxy:
    """Forwards TCP from a free loopback port to `port`.

    While cut, connections are gone and refused. While stalled they are there, and nothing comes through: a
    server out of breath, or a network that drops what it should carry.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        self._thread.start()
        self.heal()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def cut(self) -> None:
        """Drop every connection without a word and listen no more."""
        self._call(self._cut())

    def stall(self) -> None:
        """Carry nothing any more, and say nothing."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def heal(self) -> None:
        self._call(self._heal())

    def close(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _heal(self) -> None:
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(
                self._forward, "127.0.0.1", self._port, backlog=_BACKLOG, reuse_address=True
            )
            self._port = self._server.sockets[0].getsockname()[1]

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            there, thither = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(thither)
        with suppress(OSError):
            await asyncio.gather(self._pump(reader, thither), self._pump(there, writer))
        for end in (writer, thither):
            self._writers.discard(end)
            end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()
