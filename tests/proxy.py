"""A TCP proxy that fails on demand, between a server and what it depends on."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum


class Fault(Enum):
    """What the proxy does with connections, those that are open and those that come."""

    NONE = "passes everything on"
    REFUSE = "refuses connections"
    BLACKHOLE = "swallows everything"
    DELAY = "passes on late"
    THROTTLE = "passes on a little at a time"
    RESET = "resets connections"


class Proxy:
    """Listens on a port of its own and passes on to `port`, as long as there is no fault."""

    def __init__(self, port: int) -> None:
        self.fault = Fault.NONE
        self.seconds = 0.02
        self.bytes_at_once = 64
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        #: Not set while everything is swallowed.
        self._seen = asyncio.Event()
        self._seen.set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._cut()
        await asyncio.sleep(0)

    def set(self, fault: Fault) -> None:
        """From now on this is wrong; called from any thread."""
        asyncio.run_coroutine_threadsafe(self._set(fault), self._loop).result(10)

    async def _set(self, fault: Fault) -> None:
        before, self.fault = self.fault, fault
        if fault is Fault.BLACKHOLE:
            self._seen.clear()
        else:
            self._seen.set()
        if fault is Fault.REFUSE:
            await self.stop()
        elif self._server is None:
            await self.start()
        # What was swallowed is lost: those connections can only be given up.
        if fault is Fault.RESET or before is Fault.BLACKHOLE:
            self._cut()

    def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()
        self._open.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Ended together with the proxy: that is no error of anybody's.
        with suppress(asyncio.CancelledError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fault is Fault.RESET:
            writer.transport.abort()
            return
        self._open.add(writer)
        await self._seen.wait()
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open.add(to_writer)
        try:
            await asyncio.gather(self._pass(reader, to_writer), self._pass(to_reader, writer))
        finally:
            self._open -= {writer, to_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65_536):
                await self._seen.wait()
                size = self.bytes_at_once if self.fault is Fault.THROTTLE else len(chunk)
                for start in range(0, len(chunk), size):
                    if self.fault in {Fault.DELAY, Fault.THROTTLE}:
                        await asyncio.sleep(self.seconds)
                    writer.write(chunk[start : start + size])
                await writer.drain()
        writer.transport.abort()

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in (tasks := asyncio.all_tasks(self._loop)):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def end(self) -> None:
        asyncio.run_coroutine_threadsafe(self.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)


@contextmanager
def proxying(port: int) -> Iterator[Proxy]:
    """A proxy to a port of this machine, in a thread of its own."""
    proxy = Proxy(port)
    thread = threading.Thread(target=proxy.run, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(proxy.start(), proxy._loop).result(10)
        yield proxy
    finally:
        proxy.end()
        thread.join(10)
