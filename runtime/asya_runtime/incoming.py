"""Collects the bytes of a connection and takes whole requests off them."""

from __future__ import annotations

from . import wire


class Incoming:
    """What has arrived and not been taken yet. Usually one receive is one request, and nothing is copied twice."""

    __slots__ = ("_data", "_told", "must_continue")

    def __init__(self) -> None:
        self._data: bytes | bytearray = b""
        self._told = False
        # The peer waits for `100 Continue` before it sends the body.
        self.must_continue = False

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """Adds what was received."""
        if self._data:
            self._data += data
        else:
            self._data = data

    def take(self) -> tuple[wire.Request, bytes] | None:
        """The next request and its body; None when it is not whole yet. Raises BadRequest."""
        data = self._data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > wire.MAX_HEAD_BYTES:
                raise wire.BadRequest(431, "the head of the request is too large")
            self._wait(data)
            return None
        request = wire.parse_head(bytes(data[:end]))
        stop = end + 4 + request.length
        if len(data) < stop:
            if request.expects and not self._told:
                self._told = self.must_continue = True
            self._wait(data)
            return None
        body = bytes(data[end + 4 : stop])
        self._data = data[stop:]
        self._told = self.must_continue = False
        return request, body

    def _wait(self, data: bytes | bytearray) -> None:
        # More will be appended, possibly many times.
        if data and type(data) is bytes:
            self._data = bytearray(data)
