"""The two smallest keep-alive servers of the standard library that do the JSON work of an echo hop.

usage: minimal_server.py threads|asyncio SOCKET      (a thread per connection, or a protocol; the parser is by hand)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import threading


def work(body: bytes) -> bytes:
    """Reads the envelope, shifts its route, writes the frames."""
    envelope = json.loads(body)
    route = envelope["route"]
    following = route["next"]
    frame = {
        "payload": envelope["payload"],
        "route": {
            "prev": [*route["prev"], route["curr"]],
            "curr": following[0] if following else "",
            "next": following[1:],
        },
    }
    return json.dumps({"frames": [frame]}).encode()


def content_length(head: bytes) -> int:
    """The body's length as the head states it."""
    start = head.lower().find(b"content-length:") + len(b"content-length:")
    return int(head[start:].split(b"\r\n", 1)[0])


def reply(body: bytes) -> bytes:
    """A whole reply, for one send."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def converse(connection: socket.socket) -> None:
    """Answers one request after the other until the peer closes."""
    data = b""
    while True:
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            stop = end + 4 + content_length(data[:end])
            if len(data) >= stop:
                connection.sendall(reply(work(data[end + 4 : stop])))
                data = data[stop:]
                continue
        received = connection.recv(65536)
        if not received:
            return
        data += received


def serve(connection: socket.socket) -> None:
    """Converses; a peer that leaves is no error."""
    with connection, contextlib.suppress(ConnectionError):
        converse(connection)


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


def serve_with_threads(path: str) -> None:
    """One blocking thread per connection."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(128)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


async def serve_with_asyncio(path: str) -> None:
    """One loop for all connections."""
    server = await asyncio.get_running_loop().create_unix_server(Echo, path)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "threads":
        serve_with_threads(sys.argv[2])
    else:
        asyncio.run(serve_with_asyncio(sys.argv[2]))
