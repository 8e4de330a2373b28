"""Parses HTTP request heads and builds replies as single byte strings."""

from __future__ import annotations

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 256 * 1024 * 1024
RECEIVE_BYTES = 64 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
READY = b'{"status":"ready"}'

_REASONS = {
    200: b"200 OK",
    204: b"204 No Content",
    400: b"400 Bad Request",
    404: b"404 Not Found",
    405: b"405 Method Not Allowed",
    411: b"411 Length Required",
    413: b"413 Content Too Large",
    431: b"431 Request Header Fields Too Large",
    500: b"500 Internal Server Error",
    503: b"503 Service Unavailable",
}
_MAX_CACHED_HEADS = 256


class BadRequest(Exception):
    """The bytes are not a request that can be served; the connection closes after the reply."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Request:
    """The head of one request."""

    __slots__ = ("expects", "keep_alive", "length", "method", "old", "target")

    def __init__(self, method: str, target: str, old: bool) -> None:
        self.method = method
        self.target = target
        self.length = 0
        self.old = old
        self.keep_alive = not old
        self.expects = False


# A peer sends the same few heads again and again (only the length differs), so most are found here.
_heads: dict[bytes, Request] = {}


def parse_head(head: bytes) -> Request:
    """Reads the request line and the headers that matter; raises BadRequest."""
    request = _heads.get(head)
    if request is None:
        request = _parse(head)
        if len(_heads) >= _MAX_CACHED_HEADS:
            _heads.clear()
        if len(head) <= 1024:
            _heads[head] = request
    return request


def _parse(head: bytes) -> Request:
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(400, "the request line is not HTTP/1.x")
    request = Request(parts[0], parts[1], parts[2] == "HTTP/1.0")
    length: str | None = None
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise BadRequest(400, "a header line has no name or has spaces in it")
        name, value = name.lower(), value.strip()
        if name == "content-length":
            if not (value.isascii() and value.isdigit()) or length not in (None, value):
                raise BadRequest(400, "Content-Length is not a number")
            length = value
        elif name == "connection":
            words = [word.strip() for word in value.lower().split(",")]
            request.keep_alive = "close" not in words and (not request.old or "keep-alive" in words)
        elif name == "transfer-encoding":
            raise BadRequest(411, "send a Content-Length, not a Transfer-Encoding")
        elif name == "expect":
            request.expects = value.lower() == "100-continue"
    if length is not None and (len(length) > 12 or int(length) > MAX_BODY_BYTES):
        raise BadRequest(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    request.length = int(length or 0)
    return request


def reply(status: int, body: bytes, request: Request | None, kind: bytes = b"application/json") -> bytes:
    """A whole reply in one piece, so that it leaves in one send. `request` None means: close afterwards."""
    if status == 200 and request is not None and request.keep_alive and not request.old:
        return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (kind, len(body), body)
    content = b"" if status == 204 else b"Content-Type: %b\r\nContent-Length: %d\r\n" % (kind, len(body))
    return b"HTTP/1.1 %b\r\n%b%b\r\n%b" % (_REASONS[status], content, connection_header(request), body)


def connection_header(request: Request | None) -> bytes:
    """The Connection header line that this peer needs, if any."""
    if request is None or not request.keep_alive:
        return b"Connection: close\r\n"
    return b"Connection: keep-alive\r\n" if request.old else b""


def stream_head(request: Request) -> bytes:
    """The head of an event stream: chunked for HTTP/1.1 peers that stay, else up to the end of the connection."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    if is_chunked(request):
        return head + b"Transfer-Encoding: chunked\r\n\r\n"
    return head + b"Connection: close\r\n\r\n"


def is_chunked(request: Request) -> bool:
    """True when the stream's end is marked in the stream and the connection can be used again."""
    return request.keep_alive and not request.old


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
