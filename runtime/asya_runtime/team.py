"""The threads of synchronous handlers: a leader waits for requests and runs quick handlers, others run slow ones.

One thread per connection is simpler, but with Python's one lock each request then costs two changes of thread, which
is more than the rest of its work. So one thread, the leader, waits on all connections and calls the handler in place.
Where calls take long it first hands the lead to another thread. Where a call takes long against expectation, the main
thread, which looks every few milliseconds while there is work, does that for it. See docs/adr/0006.
"""

from __future__ import annotations

import os
import select
import socket
import threading
from collections import deque
from time import perf_counter
from typing import Any, Callable

from . import wire
from .abi import Exchange, event
from .answer import DONE, STREAMS, PeerGone, failure_body, function_answer, other_reply, parsing_answer, peer_left
from .drive import drive
from .envelope import parse_envelope
from .errors import ParsingError, place_of
from .incoming import Incoming
from .link import Link, close_connection
from .log import Log

# Calls that usually take longer than this run beside the leader instead of in its place.
SLOW_CALL_S = 0.0005
# How much the latest call counts in what is usual, and the longest that it counts for: one call that was held up by
# something else says nothing, three in a row do.
_LATEST_WEIGHT = 0.1
_LONGEST_COUNTED_S = 4 * SLOW_CALL_S

Pending = tuple[wire.Request, dict[str, Any]]


class Connection:
    """One accepted connection."""

    __slots__ = ("idle", "incoming", "slot", "socket", "waits")

    def __init__(self, accepted: socket.socket, slot: int, idle: int) -> None:
        self.socket, self.slot, self.idle = accepted, slot, idle
        self.incoming = Incoming()
        # True while the leader waits for its requests; false while its call runs beside the leader or waits.
        self.waits = False


class Team:
    """The threads that serve the connections. `mutex` guards who leads, who runs, and what waits."""

    def __init__(self, call: Callable[[Any], Any], link: Link, log: Log, concurrency: int, validate: bool) -> None:
        self.call, self.link, self.log, self.concurrency, self.validate = call, link, log, concurrency, validate
        self.mutex = threading.Lock()
        self.poll = select.epoll()
        self.connections: dict[int, Connection] = {}
        self.parked: list[threading.Lock] = []
        self.waiting: deque[tuple[Connection, Pending]] = deque()
        self.running = 0
        self.usual_s = 0.0
        # The number of the piece of work in which the leader is, 0 while it waits; and what it works on.
        self.serial = self.busy = 0
        self.busy_with: Connection | None = None
        # Called by the leader when work begins after a rest, and by anyone when a connection has ended.
        self.rested = True
        self.on_work: Callable[[], None] = lambda: None
        self.on_closed: Callable[[Connection], None] = lambda connection: None

    def add(self, connection: Connection) -> None:
        """Starts serving a connection."""
        with self.mutex:
            self.connections[connection.socket.fileno()] = connection
            self._wait_for(connection)

    def refuse_more(self) -> None:
        """Ends the receiving side of all: a peer's next send fails before anything is sent, replies still go out."""
        with self.mutex:
            for connection in self.connections.values():
                try:
                    connection.socket.shutdown(socket.SHUT_RD)
                except OSError:
                    continue

    def start_leader(self) -> None:
        """Lets a parked or a new thread lead. Called with the mutex held, or before there are threads."""
        if self.parked:
            self.parked.pop().release()
        else:
            threading.Thread(target=self._live, daemon=True).start()

    def replace_leader(self, serial: int) -> None:
        """Gives the lead to another thread if the leader is still in this piece of work."""
        with self.mutex:
            if serial == 0 or self.busy != serial:
                return
            self.busy = 0
            if self.busy_with is not None and self.busy_with.waits:
                self.busy_with.waits = False
                self.poll.unregister(self.busy_with.socket)
            self.start_leader()

    def _wait_for(self, connection: Connection) -> None:
        connection.waits = True
        self.poll.register(connection.socket, select.EPOLLIN)

    def _live(self) -> None:
        """The life of a thread of the team; only a fault of this code ends it, and then the whole process."""
        try:
            self._lead()
        except BaseException as error:
            self.log.write("CRITICAL", "a serving thread broke", error=repr(error), at=place_of(error))
        os._exit(70)

    def _lead(self) -> None:
        while True:
            leads = True
            while leads:
                for descriptor, events in self.poll.poll():
                    connection = self.connections.get(descriptor)
                    if connection is not None and not self._serve(connection, events):
                        leads = False  # the new leader is told again about what is left of these events
                        break
            self._serve_waiting()
            place = threading.Lock()
            place.acquire()
            with self.mutex:
                self.parked.append(place)
            place.acquire()

    def _serve(self, connection: Connection, events: int) -> bool:
        """The leader's work on one connection that has something to read; False when it has lost the lead meanwhile."""
        serial = self.serial = self.serial + 1
        self.busy_with = connection
        self.busy = serial
        # Read after `busy` is set: whoever sets it looks at `busy` afterwards, so one of the two sees the other.
        if self.rested:
            self.rested = False
            self.on_work()
        # A peer that has left altogether wants no reply; what it had sent is a call that it has cancelled.
        stays = False if events & select.EPOLLHUP else self._advance(connection, serial)
        leads = self._end_work(serial)
        if not (stays and leads and connection.waits):
            self._settle(connection, stays)
        while leads and self.waiting:
            late = self._next_waiting()
            if late is None:
                break
            with self.mutex:
                serial = self.serial = self.serial + 1
                self.busy_with, self.busy = late[0], serial
            stays = self._run_late(*late, serial)
            leads = self._end_work(serial)
            self._settle(late[0], stays)
        return leads

    def _end_work(self, serial: int) -> bool:
        with self.mutex:
            leads = self.busy == serial
            if leads:
                self.busy = 0
        return leads

    def _next_waiting(self) -> tuple[Connection, Pending] | None:
        """A call that waits for its turn and may run now; it counts as running from here on."""
        with self.mutex:
            if not self.waiting or self.running >= self.concurrency:
                return None
            self.running += 1
            return self.waiting.popleft()

    def _serve_waiting(self) -> None:
        """What a thread does after it has lost the lead: it takes the calls that had to wait."""
        late = self._next_waiting()
        while late is not None:
            self._settle(late[0], self._run_late(*late, 0))
            late = self._next_waiting()

    def _run_late(self, connection: Connection, pending: Pending, serial: int) -> bool | None:
        if peer_left(connection.socket.fileno()):
            with self.mutex:
                self.running -= 1
            return False
        try:
            return self._run(connection, pending, serial) and self._requests(connection, serial)
        except OSError:
            return False

    def _settle(self, connection: Connection, stays: bool | None) -> None:
        """After work on a connection: wait for more of it, or end it. None: its call waits for its turn."""
        if stays is None:
            return
        with self.mutex:
            if stays:
                if not connection.waits:
                    self._wait_for(connection)
                return
            if connection.waits:
                connection.waits = False
                self.poll.unregister(connection.socket)
            del self.connections[connection.socket.fileno()]
        self.link.board[connection.slot] = 0
        close_connection(connection.socket)
        self.on_closed(connection)

    def _advance(self, connection: Connection, serial: int) -> bool | None:
        """Receives, and serves the requests that are whole. True: wait for more, False: over, None: a call waits."""
        try:
            data = connection.socket.recv(wire.RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        connection.incoming.feed(data)
        try:
            return self._requests(connection, serial)
        except OSError:
            return False  # the peer is gone; there is nobody to tell

    def _requests(self, connection: Connection, serial: int) -> bool | None:
        incoming = connection.incoming
        stays: bool | None = True
        try:
            while stays and incoming:
                taken = incoming.take()
                if taken is None:
                    if incoming.must_continue:
                        incoming.must_continue = False
                        connection.socket.sendall(wire.CONTINUE)
                    return True
                request, body = taken
                if request.target == "/invoke" and request.method == "POST":
                    stays = self._invoke(connection, request, body, serial)
                else:
                    connection.socket.sendall(other_reply(request))
                    stays = request.keep_alive
        except wire.BadRequest as error:
            connection.socket.sendall(wire.reply(error.status, parsing_answer(str(error))[1], None))
            return False
        return stays

    def _invoke(self, connection: Connection, request: wire.Request, body: bytes, serial: int) -> bool | None:
        try:
            envelope = parse_envelope(body, self.validate)
        except ParsingError as error:
            connection.socket.sendall(wire.reply(*parsing_answer(str(error)), request))
            return request.keep_alive
        pending = (request, envelope)
        with self.mutex:
            if self.running >= self.concurrency:
                if connection.waits:
                    connection.waits = False
                    self.poll.unregister(connection.socket)
                self.waiting.append((connection, pending))
                return None
            self.running += 1
        return self._run(connection, pending, serial)

    def _run(self, connection: Connection, pending: Pending, serial: int) -> bool:
        """Calls the handler, which counts as running already, and replies; True when the connection stays."""
        request, envelope = pending
        if self.usual_s > SLOW_CALL_S:
            self.replace_leader(serial)
        board, slot, idle = self.link.board, connection.slot, connection.idle
        board[slot] = idle + 1
        begin = perf_counter()
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
            self.usual_s += (min(perf_counter() - begin, _LONGEST_COUNTED_S) - self.usual_s) * _LATEST_WEIGHT
            board[slot] = idle
            with self.mutex:
                self.running -= 1
        connection.socket.sendall(wire.reply(status, content, request))
        return request.keep_alive

    def _stream(self, connection: Connection, request: wire.Request, envelope: dict[str, Any], result: Any) -> bool:
        chunked = wire.is_chunked(request)
        head = wire.stream_head(request)

        def emit(data: bytes, last: bytes = b"") -> None:
            nonlocal head
            data = head + (wire.chunk(data) + last if chunked else data)
            head = b""
            try:
                connection.socket.sendall(data)
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
