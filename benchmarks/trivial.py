"""A server that does nothing at all: what the client of this benchmark can do at most.

`python -m benchmarks.trivial PORT BYTES` answers every request with so many bytes.
"""

import asyncio
import sys
from typing import cast

import uvloop

ANSWER = b""


class Nothing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, _data: bytes) -> None:
        self._transport.write(ANSWER)


async def answer(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Nothing, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    size = int(sys.argv[2])
    ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size
    uvloop.run(answer(int(sys.argv[1])))
