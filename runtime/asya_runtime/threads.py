"""Serves synchronous handlers: one blocking thread per connection, at most `concurrency` handlers at once."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from queue import Empty, SimpleQueue
from typing import Any, Callable

from . import wire
from .abi import Exchange, event
from .answer import DONE, STREAMS, PeerGone, failure_body, function_answer, other_reply, parsing_answer, peer_left
from .drive import drive
from .envelope import parse_envelope
from .errors import ParsingError
from .link import Link, close_connection
from .log import Log

# Connections beyond the concurrency: for health questions, and for a peer that opens a new one before closing the old.
SPARE_CONNECTIONS = 32
_WAIT_FOR_SLOT_S = 0.25


class ThreadServer:
    """Accepts connections until the supervisor says drain, then returns when the last call has been answered."""

    def __init__(
        self, call: Callable[[Any], Any], link: Link, log: Log, concurrency: int, slots: int, validate: bool
    ) -> None:
        self.call, self.link, self.log, self.validate = call, link, log, validate
        self.draining = False
        self.open: dict[socket.socket, threading.Thread] = {}
        self.lock = threading.Lock()
        self.slots: SimpleQueue[int] = SimpleQueue()
        for slot in range(slots):
            self.slots.put(slot)
        self.turns: SimpleQueue[None] = SimpleQueue()
        for _ in range(concurrency):
            self.turns.put(None)

    def serve(self, listener: socket.socket) -> None:
        """The accept loop, on the main thread."""
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(self.link.line, select.POLLIN)
        while not self.draining:
            for descriptor, _ in poll.poll():
                if descriptor == self.link.line.fileno():
                    self.draining = self.link.told_to_drain()
                else:
                    self._accept(listener)
        # The path is unlinked by now: what waits in the backlog was connected before, and is still served.
        self._refuse_more()
        listener.setblocking(False)
        while self._accept(listener):
            pass
        listener.close()
        self._finish()

    def _accept(self, listener: socket.socket) -> bool:
        slot = self._free_slot()
        try:
            connection, _ = listener.accept()
        except OSError:
            self.slots.put(slot)
            return False
        connection.setblocking(True)
        idle = self.link.opened(slot, connection)
        thread = threading.Thread(target=self._serve_connection, args=(connection, slot, idle), daemon=True)
        with self.lock:
            self.open[connection] = thread
        thread.start()
        return True

    def _free_slot(self) -> int:
        while True:
            try:
                return self.slots.get(timeout=_WAIT_FOR_SLOT_S)
            except Empty:
                ready = select.select([self.link.line], [], [], 0)[0]
                if ready and self.link.told_to_drain():
                    self.draining = True
                    self._refuse_more()

    def _refuse_more(self) -> None:
        """Ends the receiving side: a peer's next send fails before anything is sent, replies still go out."""
        with self.lock:
            for connection in self.open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)

    def _finish(self) -> None:
        self._refuse_more()
        while True:
            with self.lock:
                threads = list(self.open.values())
            if not threads:
                return
            threads[0].join()

    def _serve_connection(self, connection: socket.socket, slot: int, idle: int) -> None:
        try:
            self._converse(connection, slot, idle)
        except OSError:
            pass  # the peer is gone; there is nobody to tell
        finally:
            self.link.board[slot] = 0
            with self.lock:
                del self.open[connection]
            close_connection(connection)
            self.slots.put(slot)

    def _converse(self, connection: socket.socket, slot: int, idle: int) -> None:
        reader = RequestReader(connection)
        try:
            while True:
                received = reader.next()
                if received is None:
                    return
                request, body = received
                if request.target == "/invoke" and request.method == "POST":
                    stay = self._invoke(connection, request, body, slot, idle)
                else:
                    stay = request.keep_alive
                    connection.sendall(other_reply(request))
                if not stay:
                    return
        except wire.BadRequest as error:
            connection.sendall(wire.reply(error.status, parsing_answer(str(error))[1], None))

    def _invoke(self, connection: socket.socket, request: wire.Request, body: bytes, slot: int, idle: int) -> bool:
        try:
            envelope = parse_envelope(body, self.validate)
        except ParsingError as error:
            connection.sendall(wire.reply(*parsing_answer(str(error)), request))
            return request.keep_alive
        if not self._take_turn(connection):
            return False
        board = self.link.board
        board[slot] = idle + 1
        try:
            try:
                result = self.call(envelope["payload"])
                if type(result) in STREAMS:
                    return self._stream(connection, request, envelope, result)
                status, content = function_answer(envelope, result)
            except PeerGone:
                return False
            except BaseException as error:
                status, content = 500, failure_body(error, envelope, self.log)
        finally:
            board[slot] = idle
            self.turns.put(None)
        connection.sendall(wire.reply(status, content, request))
        return request.keep_alive

    def _take_turn(self, connection: socket.socket) -> bool:
        """Waits until fewer than `concurrency` handlers run. False when the peer left meanwhile."""
        try:
            self.turns.get_nowait()
            return True
        except Empty:
            self.turns.get()
        if peer_left(connection.fileno()):
            self.turns.put(None)
            return False
        return True

    def _stream(self, connection: socket.socket, request: wire.Request, envelope: dict[str, Any], result: Any) -> bool:
        chunked = wire.is_chunked(request)
        head = wire.stream_head(request)

        def emit(data: bytes, last: bytes = b"") -> None:
            nonlocal head
            data = head + (wire.chunk(data) + last if chunked else data)
            head = b""
            try:
                connection.sendall(data)
            except OSError as error:
                raise PeerGone() from error

        ending = DONE
        try:
            drive(result, Exchange(envelope), emit)
        except PeerGone:
            raise
        except BaseException as error:
            ending = event(b"error", failure_body(error, envelope, self.log)) + DONE
        emit(ending, wire.LAST_CHUNK)
        return chunked


class RequestReader:
    """Takes requests off a blocking connection, usually one per receive."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.rest = b""

    def next(self) -> tuple[wire.Request, bytes] | None:
        """The next request and its body; None when the peer is done. Raises BadRequest."""
        data = self.rest
        end = data.find(b"\r\n\r\n")
        while end < 0:
            if len(data) > wire.MAX_HEAD_BYTES:
                raise wire.BadRequest(431, "the head of the request is too large")
            received = self.connection.recv(wire.RECEIVE_BYTES)
            if not received:
                return None
            data = data + received if data else received
            end = data.find(b"\r\n\r\n")
        request = wire.parse_head(data[:end])
        start = end + 4
        stop = start + request.length
        if len(data) >= stop:
            self.rest = data[stop:]
            return request, data[start:stop]
        self.rest = b""
        body = self._receive_rest(data[start:], request)
        return None if body is None else (request, body)

    def _receive_rest(self, first: bytes, request: wire.Request) -> bytes | None:
        if request.expects:
            self.connection.sendall(wire.CONTINUE)
        body = bytearray(request.length)
        body[: len(first)] = first
        filled = len(first)
        with memoryview(body) as view:
            while filled < request.length:
                count = self.connection.recv_into(view[filled:])
                if not count:
                    return None
                filled += count
        return bytes(body)
