"""The smallest keep-alive server on asyncio: a protocol with a parser by hand, the JSON of an echo hop."""

from __future__ import annotations

import asyncio
import sys

from threads_server import content_length, reply, work


class Echo(asyncio.Protocol):
    """Answers each request as soon as it is whole."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        while end >= 0:
            stop = end + 4 + content_length(self.data[:end])
            if len(self.data) < stop:
                return
            self.transport.write(reply(work(self.data[end + 4 : stop])))
            self.data = self.data[stop:]
            end = self.data.find(b"\r\n\r\n")


async def main() -> None:
    """Serves the socket named on the command line."""
    server = await asyncio.get_running_loop().create_unix_server(Echo, sys.argv[1])
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
